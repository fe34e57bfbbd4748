"""`ogsod-2`: OGSOD-2.0, crops of 256 × 256 of one name in folders `images` and `imagesSAR`, or `rgb` and `sar`."""

from pathlib import Path

from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.readers.paired import LABELS, OUTSIDE, Place, collect

_SPLITS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
_SAR, _OPTICAL = {"imagessar", "sar"}, {"images", "rgb"}


class Ogsod2Reader(BuiltinReader):
    """Reads training and validation; the test split is left out, and so is version 1.0 where it lies beside."""

    id = "ogsod-2"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of all splits."""
        collect(self, walk(root, findings.left_out), findings, _place)


def _place(folders: tuple[str, ...], stem: str) -> Place | str | None:
    if any(folder.startswith("ogsod-1") for folder in folders):
        return "ogsod-1.0"
    if LABELS.intersection(folders):
        return None
    split = next((_SPLITS[folder] for folder in reversed(folders) if folder in _SPLITS), None)
    if split is None:
        return OUTSIDE
    if _SAR.intersection(folders):
        return Place(split, stem, "sar")
    return Place(split, stem, "optical") if _OPTICAL.intersection(folders) else OUTSIDE


READERS = (Ogsod2Reader(),)
