"""`rsd46`: RSD46-WHU, patches of 256 × 256 in class folders; names recur, some files are copies or no images."""

from pathlib import Path, PurePosixPath

from osprep.files import copies, is_image_name, not_images, stems
from osprep.readers.base import BuiltinReader, Findings, subfolder, walk
from osprep.scene import Scene

_BASES = ("RSD46-WHU", "RSD46-WHUT", "RSD46")
_SPLITS = {"train": ("train",), "val": ("val", "validation")}


class Rsd46Reader(BuiltinReader):
    """Reads `<split>/<Class name>/<file>` of both splits. Class folders are taken as they are spelled.

    Of files with the same bytes, in whatever split and class, the first is taken unless `copies` is set.
    """

    id = "rsd46"

    def __init__(self, copies: bool = False) -> None:
        self._copies = copies

    def find(self, root: Path, findings: Findings) -> None:
        """Add the patches of both splits."""
        base = subfolder(root, *_BASES) or root
        found = {split: folder for split, names in _SPLITS.items() if (folder := subfolder(base, *names))}
        if not found:
            raise self.unknown_layout(root)
        patches = {
            split: [f"{folder.relative_to(root).as_posix()}/{path}" for path in self._patches(folder, findings)]
            for split, folder in found.items()
        }
        everything = [path for split in patches for path in patches[split]]
        unwanted = not_images(root, everything)
        findings.left_out["no-image"] += len(unwanted)
        if not self._copies:
            twins = copies(root, [path for path in everything if path not in unwanted])
            findings.left_out["duplicate"] += len(twins)
            unwanted |= twins.keys()
        for split, paths in patches.items():
            start = found[split].relative_to(root)
            for name, path in stems(path for path in paths if path not in unwanted).items():
                inside = PurePosixPath(name).relative_to(start.as_posix()).as_posix()
                findings.scenes.append(Scene(source=self.id, split=split, name=inside, optical=path))

    def _patches(self, folder: Path, findings: Findings) -> list[str]:
        patches = []
        for path in walk(folder):
            if not is_image_name(path):
                findings.left_out["no-raster-extension"] += 1
            elif "/" not in path:
                findings.left_out["outside-class"] += 1
            else:
                patches.append(path)
        return patches


READERS = (Rsd46Reader(),)
