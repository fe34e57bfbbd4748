"""`oem-sar`: OpenEarthMap-SAR, scenes of one name in folders `rgb_images` and `sar_images` of each split."""

from pathlib import Path

from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.readers.paired import LABELS, OUTSIDE, Place, collect

_SPLITS = ("train", "val", "test")


class OemSarReader(BuiltinReader):
    """Reads the training split; validation and test have no public optical images."""

    id = "oem-sar"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of all splits; track 2 of the contest is another data set."""
        collect(self, walk(root, findings.left_out), findings, _place)


def _place(folders: tuple[str, ...], stem: str) -> Place | str | None:
    if any("track2" in folder for folder in folders):
        return "dfc25-track2"
    if LABELS.intersection(folders):
        return None
    # Without folders for splits a name such as TrainArea_379 tells it.
    split = next((folder for folder in reversed(folders) if folder in _SPLITS), None)
    split = split or next((name for name in _SPLITS if stem.startswith(f"{name}area")), None)
    if split is None or folders[-1:] not in (("rgb_images",), ("sar_images",)):
        return OUTSIDE
    return Place(split, stem, "sar" if folders[-1] == "sar_images" else "optical")


READERS = (OemSarReader(),)
