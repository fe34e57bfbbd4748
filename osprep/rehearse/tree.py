"""The raw tree of a rehearsed source while it is written: its files, and the defects planted among them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from scipy.io import savemat

_MAT_TEXT = 116
Fate = Literal["failed", "skipped", "left-out", "kept"]


@dataclass(frozen=True, slots=True)
class Defect:
    """Something wrong that was planted, and what a build is to make of it.

    `path` is relative to the source's raw folder. `count` samples (files, where `fate` is left-out) are to be counted
    under `reason`; a trap that costs nothing is `kept`.
    """

    path: str
    what: str
    fate: Fate
    reason: str
    count: int


class RawTree:
    """Writes files below a folder and keeps account of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[str] = []
        self.defects: list[Defect] = []

    def text(self, path: str, content: str) -> None:
        """Write UTF-8 text."""
        self._target(path).write_text(content, encoding="utf-8", newline="\n")

    def data(self, path: str, content: bytes) -> None:
        """Write bytes."""
        self._target(path).write_bytes(content)

    def copy(self, path: str, original: str) -> None:
        """Write the bytes of a file of this tree once more."""
        self.data(path, (self.folder / original).read_bytes())

    def bmp(self, path: str, pixels: npt.NDArray[np.uint8]) -> None:
        """Write uint8 [height, width] or [height, width, 3]."""
        Image.fromarray(pixels).save(self._target(path), "BMP")

    def mat(self, path: str, pixels: npt.NDArray[np.complex64]) -> None:
        """Write complex64 [height, width] as the variable `data` of a MATLAB 5 file."""
        buffer = BytesIO()
        savemat(buffer, {"data": pixels})
        undated = b"MATLAB 5.0 MAT-file".ljust(_MAT_TEXT)  # the header's text otherwise holds the time of writing
        self.data(path, undated + buffer.getvalue()[_MAT_TEXT:])

    def png(self, path: str, pixels: npt.NDArray[np.uint8]) -> None:
        """Write uint8 [height, width] or [height, width, 3 or 4]."""
        Image.fromarray(pixels).save(self._target(path), "PNG", compress_level=1)

    def jpeg(self, path: str, pixels: npt.NDArray[np.uint8], quality: int = 90) -> None:
        """Write uint8 [height, width] or [height, width, 3]."""
        Image.fromarray(pixels).save(self._target(path), "JPEG", quality=quality)

    def tif(
        self,
        path: str,
        pixels: npt.NDArray[Any],
        crs: str | None = None,
        transform: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        """Write [height, width] or [height, width, bands] of any type; transform is a..f, options are GDAL's."""
        bands = pixels[..., None] if pixels.ndim == 2 else pixels
        place = {} if transform is None else {"crs": crs, "transform": Affine(*transform)}
        size = {"height": bands.shape[0], "width": bands.shape[1], "count": bands.shape[2], "dtype": bands.dtype}
        settings: dict[str, Any] = {"interleave": "pixel", **size, **place, **options}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(self._target(path), "w", driver="GTiff", **settings) as file:
                file.write(np.moveaxis(bands, 2, 0))

    def truncate(self, path: str, share: float, samples: int) -> None:
        """Cut a file that was written to a share of its bytes, and note the samples that it costs."""
        file = self.folder / path
        size = int(file.stat().st_size * share)
        with file.open("r+b") as handle:
            handle.truncate(size)
        self.plant(path, f"ends after {share:.0%} of its bytes", "failed", "truncated", samples)

    def plant(self, path: str, what: str, fate: Fate, reason: str, count: int) -> None:
        """Note a defect."""
        self.defects.append(Defect(path, what, fate, reason, count))

    def _target(self, path: str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self.files.append(path)
        return target
