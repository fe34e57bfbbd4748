"""`fair-csar`: FAIR-CSAR, slices of Gaofen-3 scenes in two imaging modes, as PNG images and as complex matrices."""

import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from osprep.files import is_image_name
from osprep.matrix import SUFFIX
from osprep.readers.base import BuiltinReader, Findings, walk
from osprep.scene import Scene

_IMAGES, _MATRICES = "pngimages", "slcmats"
_MODE = re.compile(r"(?:VOC-)?(SL|FSI)(?:[-_].*)?", re.IGNORECASE)  # of a folder
_MODE_IN_NAME = re.compile(r"_(SL|FSI)_")
_TEST = "test"


class _Slice(NamedTuple):
    """Split and name of a slice."""

    split: str
    name: str


class FairCsarReader(BuiltinReader):
    """Reads `<mode folder>/<part>/{PNGImages,SLCMats}/<name>`; a matrix where there is no image of its name.

    Splits are the modes `sl` and `fsi`, and `test` for the test part of either.
    """

    id = "fair-csar"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the slices of both modes and of test."""
        images: dict[_Slice, str] = {}
        matrices: dict[_Slice, str] = {}
        for path in walk(root):
            parts = PurePosixPath(path)
            holder, suffix = parts.parent.name.lower(), parts.suffix.lower()
            if holder == _IMAGES and is_image_name(path):
                self._enter(images, parts, findings)
            elif holder == _MATRICES and suffix == SUFFIX:
                self._enter(matrices, parts, findings)
            elif holder in (_IMAGES, _MATRICES):
                findings.left_out["no-raster-extension"] += 1
            elif is_image_name(path) or suffix == SUFFIX:
                findings.left_out["elsewhere"] += 1
        if not images and not matrices:
            raise self.unknown_layout(root)
        for (split, name), path in sorted({**matrices, **images}.items()):
            findings.scenes.append(Scene(source=self.id, split=split, name=name, sar=path))

    def _enter(self, files: dict[_Slice, str], path: PurePosixPath, findings: Findings) -> None:
        found = _slice(path)
        if found is None:
            findings.left_out["unknown-mode"] += 1
        elif found in files:  # `train` beside `trainval` holds slices again
            findings.left_out["same-name"] += 1
        else:
            files[found] = path.as_posix()


def _slice(path: PurePosixPath) -> _Slice | None:
    folders = path.parts[:-2]
    modes = [match[1].lower() for folder in folders if (match := _MODE.fullmatch(folder))]
    if not modes and (match := _MODE_IN_NAME.search(path.name)):
        modes = [match[1].lower()]
    if not modes:
        return None
    words = {word for folder in folders for word in re.split(r"[-_]", folder.lower())}
    if _TEST in words:
        return _Slice("test", f"{modes[-1]}-{path.stem}")
    return _Slice(modes[-1], path.stem)


READERS = (FairCsarReader(),)
