"""`fair1m`: FAIR1M, optical TIFFs of about 1000 × 1000. Train and validation reuse each other's file names."""

from pathlib import Path, PurePosixPath

from osprep.readers.base import BuiltinReader, Findings, subfolder, walk
from osprep.scene import Scene

_SPLITS = {"train": ("train",), "validation": ("validation", "val"), "test": ("test",)}


class Fair1mReader(BuiltinReader):
    """Reads every `images` folder below a split's, also those of downloads in pieces (`images-001/images`)."""

    id = "fair1m"

    def find(self, root: Path, findings: Findings) -> None:
        """Add the images of all splits that are there."""
        found = {split: folder for split, names in _SPLITS.items() if (folder := subfolder(root, *names))}
        if not found:
            raise self.unknown_layout(root)
        for split, folder in found.items():
            images: dict[str, str] = {}
            for path in walk(folder):
                relative = PurePosixPath(path)
                parts = [part for part in relative.parts[:-1] if not part.lower().startswith("images")]
                if relative.suffix.lower() not in (".tif", ".tiff"):
                    continue
                if len(parts) == len(relative.parts) - 1:
                    findings.left_out["outside-images"] += 1
                    continue
                name = "-".join((split, *parts, relative.stem))
                findings.keep(images, name, (folder / path).relative_to(root).as_posix())
            findings.scenes += [
                Scene(source=self.id, split=split, name=name, optical=path) for name, path in images.items()
            ]


READERS = (Fair1mReader(),)
