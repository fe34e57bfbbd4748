"""`dfc23`: the Data Fusion Contest of 2023. Its two tracks reuse each other's names, so the track is in the split."""

import re
from pathlib import Path

from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.readers.paired import OUTSIDE, Place, collect

_TRACK = re.compile(r"(?:.*[^a-z0-9])?track[ _-]?([12])(?![0-9])(.*)")
_SPLITS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


class Dfc23Reader(BuiltinReader):
    """Reads `t1train`, `t1val`, `t2train`, `t2val` and `t2test`; `t1test` is a set for evaluation."""

    id = "dfc23"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of both tracks."""
        collect(self, walk(root, findings.left_out), findings, _place)


def _place(folders: tuple[str, ...], stem: str) -> Place | str | None:
    if "merge" in folders:
        return OUTSIDE
    kind = folders[-1] if folders else ""
    if kind in ("dsm", "height"):
        return None
    if kind not in ("rgb", "sar"):
        return OUTSIDE
    track = next((found for folder in reversed(folders) if (found := _TRACK.fullmatch(folder))), None)
    if track is None:
        return "unknown-track"
    split = next((_SPLITS[folder] for folder in reversed(folders) if folder in _SPLITS), None)
    if split is None and "test" in track[2]:
        split = "test"
    return Place(f"t{track[1]}{split}", stem, "sar" if kind == "sar" else "optical") if split else OUTSIDE


READERS = (Dfc23Reader(),)
