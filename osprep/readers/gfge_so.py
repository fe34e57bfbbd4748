"""`gfge-so`: GFGE-SO. How it is released is not known; images are paired by the number after `opt` and `sar`."""

from pathlib import Path

from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.readers.paired import LABELS, Place, by_prefix, collect

_SPLITS = ("train", "val", "test")
_WRAPPERS = {"gfge", "gfge-so", "gfge_so", "gfge_sodataset"}


class GfgeSoReader(BuiltinReader):
    """Reads opt<k> and sar<k> in one folder, or images of one name in sibling folders `opt` and `sar`.

    Folders such as cities are part of the name; without folders for splits the split is `all`.
    """

    id = "gfge-so"
    alternatives = frozenset({"all", *_SPLITS})

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs, with a warning that the layout is unverified."""
        collect(self, walk(root, findings.left_out), findings, _place)
        findings.warnings.append(
            f"layout unverified: how {self.id} is released is not documented; look at some pairs in the report"
        )


def _place(folders: tuple[str, ...], stem: str) -> Place | str | None:
    if LABELS.intersection(folders):
        return None
    found = by_prefix(folders, stem)
    if found is None:
        return "unknown-name"
    rest, name, modality = found
    split = next((folder for folder in reversed(rest) if folder in _SPLITS), "all")
    inside = [folder for folder in rest if folder != split and folder not in _WRAPPERS]
    return Place(split, "/".join((*inside, name)), modality)


READERS = (GfgeSoReader(),)
