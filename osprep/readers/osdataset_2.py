"""`osdataset-2`: OSDataset 2.0, opt<k> and sar<k> in region folders of its patch-level part. It holds 1.0 as well."""

import re
from functools import partial
from pathlib import Path

from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.readers.paired import OUTSIDE, Place, by_prefix, collect

_PATCHES = re.compile(r"patch[ _-]?level[ _-]?subset")
_OLD = re.compile(r"osdataset[ _-]?v?(?:1(?:\.0)?)?")


class OsDataset2Reader(BuiltinReader):
    """Reads the patches that are new in 2.0; numbers restart in every folder, so the folder is part of the name.

    The copy of OSdataset 1.0 is left out: it is no part of the count, and its folders 512 and 256 show one ground.
    """

    id = "osdataset-2"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the pairs of patches."""
        paths = list(walk(root, findings.left_out))
        whole = any(_PATCHES.fullmatch(folder) for path in paths for folder in path.lower().split("/"))
        collect(self, paths, findings, partial(_place, whole))


def _place(whole: bool, folders: tuple[str, ...], stem: str) -> Place | str | None:
    """Place an image of a whole package, or of one whose patch-level part was unpacked without its folder."""
    at = next((index for index, folder in enumerate(folders) if _PATCHES.fullmatch(folder)), None)
    inside = folders if at is None else folders[at + 1 :]
    if any(_OLD.fullmatch(folder) for folder in inside):
        return "osdataset-1.0"
    if any(folder.startswith("scene") for folder in folders):
        return "scene-level"
    if whole and at is None:
        return OUTSIDE
    found = by_prefix(inside, stem)
    if found is None:
        return "unknown-name"
    rest, name, modality = found
    return Place("all", "/".join((*rest, name)), modality)


READERS = (OsDataset2Reader(),)
