"""Small rasters for tests."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

UTM = "EPSG:32631"
NORTH_UP = rasterio.Affine(10, 0, 590000, 0, -10, 5750000)


def write(
    path: Path, pixels: np.ndarray, *, alpha: bool = False, mask: np.ndarray | None = None, **profile: Any
) -> Path:
    """Write pixels [height, width] or [height, width, bands] in the format of the suffix."""
    bands = np.moveaxis(np.atleast_3d(pixels), 2, 0)
    driver = {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".gif": "GIF"}.get(path.suffix, "GTiff")
    shape = {"count": bands.shape[0], "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype.name}
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(path, "w", driver=driver, **shape, **profile) as new,
        ):
            new.write(bands)
            if alpha:
                roles = list(new.colorinterp)
                new.colorinterp = [*roles[:-1], rasterio.enums.ColorInterp.alpha]
            if mask is not None:
                new.write_mask(mask)
    return path


def noise(height: int, width: int, bands: int = 1, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    """Return random values [height, width, bands]: 1..255 for integers, about -20..20 for floats."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return random.normal(0, 8, (height, width, bands)).astype(dtype)
    return random.integers(1, 256, (height, width, bands)).astype(dtype)
