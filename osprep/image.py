"""Pixels of raw rasters: windows of the chosen bands, each with a mask of the valid pixels."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as Area

from manifests import BandRule
from osprep.errors import UnreadableRaster
from osprep.raster import Header, describe, gdal, open_raster
from osprep.scene import Mask, Window

Values = npt.NDArray[Any]


class Image:
    """The chosen bands of an open raster, read by window. `dtype` is the type of the values, `depth` their bands.

    `averaged`: values are means of colours that were found to differ, in what was read so far.
    """

    def __init__(self, dataset: Any, path: Path, rule: BandRule) -> None:
        self._dataset, self.path = dataset, path
        self.header = header = describe(dataset, path)
        self.bands = header.chosen(rule)
        self.dtype = header.value_dtype
        self._nodata = header.nodata_of(self.bands, rule)
        self._fill = rule.fill
        self._average = rule.average
        self.depth = 1 if rule.average else len(self.bands)
        self.averaged = False
        self._alpha = header.alpha if rule.alpha and header.alpha not in self.bands else None
        self._colours = _colour_table(dataset) if header.palette else None

    @property
    def maskable(self) -> bool:
        """Tell whether such an image can have invalid pixels: by nodata, mask, alpha or floating-point samples."""
        declared = bool(self._fill) or any(value is not None for value in self._nodata)
        return declared or self._alpha is not None or self.header.masked or self.dtype.kind == "f"

    def read(self, window: Window) -> tuple[Values, Mask]:
        """Read values [height, width, depth] and the mask of valid pixels [height, width].

        A pixel is invalid where all its bands hold nodata or fill, where one is not finite, where mask or alpha is 0.
        Complex samples come as amplitude, palette indices as colours. Raises UnreadableRaster.
        """
        values, valid = self._samples(window)
        for value in self._fill:
            valid &= (values != value).any(axis=2)
        return (self._mean(values, valid) if self._average else values), valid

    def _samples(self, window: Window) -> tuple[Values, Mask]:
        if self._colours is not None:
            indices = self._raw([1], window)
            colours = self._colours[indices[..., 0]]
            valid = _valid(indices, self._nodata[:1]) & (colours[..., 3] != 0)
            return colours[..., [band - 1 for band in self.bands]], valid
        raw = self._raw(self.bands, window)
        valid = _valid(raw, self._nodata)
        if self._alpha is not None:
            valid &= self._raw([self._alpha], window)[..., 0] != 0
        if self.header.masked:
            with gdal(self.path):
                valid &= self._dataset.read_masks(1, window=_area(window)) != 0
        return (np.abs(raw) if raw.dtype.kind == "c" else raw), valid

    def colours_equal(self, window: Window) -> bool:
        """Tell whether every colour of the file holds the same values in this window."""
        if self._colours is not None or len(self.header.colours) == 1:
            return True
        raw = self._raw(self.header.colours, window)
        return bool(np.array_equal(raw, np.broadcast_to(raw[..., :1], raw.shape), equal_nan=raw.dtype.kind in "fc"))

    def _mean(self, values: Values, valid: Mask) -> Values:
        """Return the mean of the bands [height, width, 1], which for equal ones is each of them."""
        first = values[..., :1]
        if not (values != first)[valid].any():
            return first
        self.averaged = True
        with np.errstate(invalid="ignore"):
            mean: Values = values.mean(axis=2, keepdims=True, dtype=np.float64)
        return np.rint(mean, out=mean).astype(values.dtype) if values.dtype.kind in "iu" else mean.astype(values.dtype)

    def _raw(self, bands: Sequence[int], window: Window) -> Values:
        with gdal(self.path):
            return np.moveaxis(self._dataset.read(list(bands), window=_area(window)), 0, 2)


@contextmanager
def open_image(path: Path, rule: BandRule, grid: Header | None = None) -> Iterator[Image]:
    """Open a raster for windowed reading of the rule's bands, resampled bilinearly onto `grid` when one is given.

    Invalid pixels take no part in the interpolation and everything outside the raster is invalid.
    Raises UnreadableRaster.
    """
    with ExitStack() as stack:
        with gdal(path):
            dataset = stack.enter_context(open_raster(path))
            if grid is not None:
                dataset = stack.enter_context(_warped(dataset, path, rule, grid, stack))
            image = Image(dataset, path, rule)
        yield image


def _warped(dataset: Any, path: Path, rule: BandRule, grid: Header, stack: ExitStack) -> WarpedVRT:
    header = describe(dataset, path)
    if header.palette:
        raise UnreadableRaster(
            f"{path}: palette colours cannot be resampled; expand them first (gdal_translate -expand)"
        )
    nodata = header.nodata_of(header.chosen(rule)[:1], rule)[0]
    if header.dtype.startswith("complex"):
        dataset = stack.enter_context(rasterio.open(_amplitude(header, path)))
    if header.value_dtype.kind == "f":
        options = {"src_nodata": np.nan if nodata is None else nodata, "nodata": np.nan}
    elif nodata is not None:
        options = {"src_nodata": nodata, "nodata": nodata}
    else:
        options = {} if header.alpha else {"add_alpha": True}
    place = {"crs": grid.crs, "transform": rasterio.Affine(*(grid.transform or ()))}
    size = {"width": grid.width, "height": grid.height}
    return WarpedVRT(dataset, resampling=Resampling.bilinear, UNIFIED_SRC_NODATA="NO", **place, **size, **options)


def _amplitude(header: Header, path: Path) -> str:
    """Describe the amplitudes of a complex raster to GDAL, for interpolation must not see the phase."""
    a, b, c, d, e, f = header.transform or (1, 0, 0, 0, 1, 0)
    kind, source = ("Float64", "CFloat64") if header.dtype == "complex128" else ("Float32", "CFloat32")
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{band}" subClass="VRTDerivedRasterBand">'
        f"<PixelFunctionType>mod</PixelFunctionType><SourceTransferType>{source}</SourceTransferType><SimpleSource>"
        f"<SourceFilename>{escape(str(path.absolute()))}</SourceFilename><SourceBand>{band}</SourceBand>"
        "</SimpleSource></VRTRasterBand>"
        for band in header.colours
    )
    return (
        f'<VRTDataset rasterXSize="{header.width}" rasterYSize="{header.height}"><SRS>{escape(header.crs or "")}</SRS>'
        f"<GeoTransform>{c!r},{a!r},{b!r},{f!r},{d!r},{e!r}</GeoTransform>{bands}</VRTDataset>"
    )


def _area(window: Window) -> Area:
    return Area(window.col, window.row, window.width, window.height)


def _valid(raw: Values, nodata: Sequence[float | None]) -> Mask:
    """Return the mask [height, width] of raw [height, width, bands]; nodata is one value for each band, or all None."""
    floating = raw.dtype.kind in "fc"
    valid = np.ones(raw.shape[:2], np.bool_)
    if floating:
        np.isfinite(raw).all(axis=2, out=valid)
    wanted = [value for value in nodata if value is not None and (floating or _fits(value, raw.dtype))]
    if len(wanted) == len(nodata):
        with np.errstate(over="ignore"):
            valid &= (raw != np.asarray(wanted).astype(raw.dtype)).any(axis=2)
    return valid


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    limits = np.iinfo(dtype)
    return value == value // 1 and limits.min <= value <= limits.max


def _colour_table(dataset: Any) -> npt.NDArray[np.uint8]:
    """Return red, green, blue and opacity [indices, 4] of every value an index can have; unlisted ones are invalid."""
    table = np.zeros((np.iinfo(dataset.dtypes[0]).max + 1, 4), np.uint8)
    for index, colour in dataset.colormap(1).items():
        table[index] = colour
    return table
