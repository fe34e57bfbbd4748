"""`earthmiss`: EarthMiss, scenes of one name in folders `images/RGB` and `images/SAR` of each city."""

from pathlib import Path

from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.readers.paired import COPY, LABELS, OUTSIDE, Place, collect


class EarthMissReader(BuiltinReader):
    """Reads every city there is, as one split; the name of a SAR image may end in `_SAR`."""

    id = "earthmiss"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of all cities."""
        collect(self, walk(root, findings.left_out), findings, _place)


def _place(folders: tuple[str, ...], stem: str) -> Place | str | None:
    if LABELS.intersection(folders):
        return None
    kind, above = (folders[-1], [folder for folder in folders[:-1] if folder != "images"]) if folders else ("", [])
    # Cuts that a user's script made of the scenes lie in folders such as RGB_512 or images_512.
    if kind not in ("rgb", "sar") or not above or any(folder.endswith("_512") for folder in above):
        return OUTSIDE
    copy = COPY.fullmatch(stem)  # the one left of a file that was fetched twice
    name = copy[1] if copy else stem
    if kind == "sar":
        return Place("all", f"{above[-1]}/{name.removesuffix('_sar')}", "sar")
    return Place("all", f"{above[-1]}/{name}", "optical")


READERS = (EarthMissReader(),)
