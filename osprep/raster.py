"""Raw rasters: what their headers say.

Whatever GDAL is asked about raw files, it is asked under this module's options and with its errors mapped to ours.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError  # let through by rasterio where it has no error of its own
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.session import DummySession

from manifests import BandRule
from osprep.errors import UnreadableRaster
from osprep.grid import Transform, ground_sampling
from osprep.matrix import SUFFIX, MatrixDataset

MAX_PIXELS = 10**11  # a header that claims more is broken; windows are planned before any pixel is read
_OPTIONS = {
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": 64,  # MB
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",  # a folder of 20,000 images is not listed for each of them
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE",  # corrupt JPEG data is otherwise decoded to something grey
}


@dataclass(frozen=True, slots=True)
class Header:
    """What a raster says of itself.

    crs: `EPSG:n`, or WKT when it has no such code. transform: affine a..f, None when not georeferenced. gsd in metres.
    colours: 1-based bands that are not alpha; a palette, one band of indices into a colour table, counts as three.
    alpha: the band that is. masked: a validity mask lies beside the bands.
    """

    width: int
    height: int
    bands: int
    dtype: str
    crs: str | None
    transform: Transform | None
    nodata: tuple[float | None, ...]
    gsd: float | None
    colours: tuple[int, ...]
    alpha: int | None = None
    palette: bool = False
    masked: bool = False

    @property
    def placed(self) -> bool:
        """Tell whether it is known where on the ground the pixels lie."""
        return self.crs is not None and self.transform is not None

    @property
    def value_dtype(self) -> np.dtype[Any]:
        """Return the type of the values to be read: amplitude for complex samples, colours for a palette."""
        if self.palette:
            return np.dtype(np.uint8)
        if self.dtype.startswith("complex"):
            return np.dtype(np.float64 if self.dtype == "complex128" else np.float32)
        return np.dtype(self.dtype)

    def chosen(self, rule: BandRule) -> tuple[int, ...]:
        """Return the 1-based bands to read: what the rule takes, or all colours where it takes their mean.

        The one band of a grey image stands for each of three.
        """
        if rule.average:
            return self.colours
        return self.colours * 3 if len(self.colours) == 1 and len(rule.bands) == 3 else rule.bands

    def nodata_of(self, bands: Sequence[int], rule: BandRule) -> tuple[float | None, ...]:
        """Return nodata of bands of the file: what it declares, else what the rule knows of the source."""
        declared = [self.nodata[0 if self.palette else band - 1] for band in bands]
        return tuple(rule.nodata if value is None else value for value in declared)


def read_header(path: Path) -> Header:
    """Read the header and no pixels; raise UnreadableRaster when it is missing, broken or not a raster's."""
    with gdal(path), open_raster(path) as dataset:
        return describe(dataset, path)


@contextmanager
def gdal(path: Path) -> Iterator[None]:
    """Run GDAL under our options; its errors become UnreadableRaster that names the file."""
    try:
        with warnings.catch_warnings(), rasterio.Env(session=DummySession(), **_OPTIONS):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield
    except (RasterioError, CPLE_BaseError) as error:
        cause = " ".join(str(error.__cause__ or error).split()).removeprefix(f"{path}: ")
        raise UnreadableRaster(f"{path}: {cause}; fetch or export the file again, or take it away") from error


def open_raster(path: Path) -> Any:
    """Open a raster; call it inside `gdal`. Raises UnreadableRaster for a file that only points at others."""
    if path.suffix.lower() == SUFFIX:
        return MatrixDataset(path)
    dataset = rasterio.open(path)
    if dataset.driver == "VRT":
        dataset.close()
        raise UnreadableRaster(f"{path}: a VRT only points at other files; give the files themselves")
    return dataset


def describe(dataset: Any, path: Path) -> Header:
    """Return the header of an open dataset."""
    width, height, bands = dataset.width, dataset.height, dataset.count
    if width * height > MAX_PIXELS or bands == 0:
        claim = f"{width} x {height} pixels in {bands} bands"
        raise UnreadableRaster(f"{path}: its header claims {claim}; fetch or export the file again")
    roles, flags, crs = dataset.colorinterp, dataset.mask_flag_enums[0], dataset.crs or None
    alpha = next((index for index, role in enumerate(roles, 1) if role == ColorInterp.alpha), None)
    affine = dataset.transform
    transform: Transform | None = None
    if not affine.is_identity and not affine.is_degenerate:
        transform = (affine.a, affine.b, affine.c, affine.d, affine.e, affine.f)
    code = crs.to_epsg() if crs else None
    palette = roles[0] == ColorInterp.palette
    return Header(
        width=width,
        height=height,
        bands=bands,
        dtype=dataset.dtypes[0],
        crs=None if crs is None else f"EPSG:{code}" if code else crs.to_wkt(),
        transform=transform,
        nodata=tuple(dataset.nodatavals),
        gsd=ground_sampling(crs, transform, width, height) if crs and transform else None,
        colours=(1, 2, 3) if palette else tuple(index for index in range(1, bands + 1) if index != alpha),
        alpha=alpha,
        palette=palette,
        masked=MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags,
    )
