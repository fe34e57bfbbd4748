"""`folder`: the user's own images. Files of equal path and stem in `optical` and `sar` are a pair, others single."""

from pathlib import Path, PurePosixPath

from osprep.readers.base import BuiltinReader, Findings, subfolder, walk
from osprep.scene import Scene

# Of the formats that rasterio's wheels open, those that hold one image in one file; in any case of letters.
EXTENSIONS = (
    *(".tif", ".tiff", ".gtiff", ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".jp2", ".j2k", ".img", ".pix"),
    *(".ntf", ".nitf", ".pgm", ".ppm", ".pnm", ".rst", ".sdat"),
)


class FolderReader(BuiltinReader):
    """Reads RAW/folder/{optical,sar}/**."""

    id = "folder"

    def find(self, root: Path, findings: Findings) -> None:
        """Add pairs and single images."""
        folders = [subfolder(root, "optical"), subfolder(root, "sar")]
        if not any(folders):
            raise self.unknown_layout(root)
        optical, sar = (self._images(root, folder, findings) if folder else {} for folder in folders)
        for name in sorted(optical.keys() | sar.keys()):
            findings.scenes.append(
                Scene(source=self.id, split="all", name=name, optical=optical.get(name), sar=sar.get(name))
            )

    def _images(self, root: Path, folder: Path, findings: Findings) -> dict[str, str]:
        images: dict[str, str] = {}
        for path in walk(folder):
            relative = PurePosixPath(path)
            if relative.suffix.lower() in EXTENSIONS:
                findings.keep(images, relative.with_suffix("").as_posix(), (folder / path).relative_to(root).as_posix())
            else:
                findings.left_out["no-raster-extension"] += 1
        return images


READERS = (FolderReader(),)
