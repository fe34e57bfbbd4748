"""Where pixels lie: affine transforms a..f as tuples (x = a·col + b·row + c, y = d·col + e·row + f)."""

import math
from collections.abc import Sequence
from typing import Any

import rasterio.warp
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError

from osprep.scene import Window

Transform = tuple[float, float, float, float, float, float]

TOLERANCE = 0.1  # pixels by which the corners of two images on one grid may differ
METRES_PER_DEGREE = 111_320.0


def at(transform: Transform, col: float, row: float) -> tuple[float, float]:
    """Return x and y of a place given in pixels."""
    a, b, c, d, e, f = transform
    return a * col + b * row + c, d * col + e * row + f


def shifted(transform: Transform, window: Window) -> Transform:
    """Return the transform of a window of the image."""
    a, b, _, d, e, _ = transform
    x, y = at(transform, window.col, window.row)
    return (a, b, x, d, e, y)


def coincide(one: Transform | None, other: Transform | None, width: int, height: int) -> bool:
    """Tell whether two known grids of one size cover each other, to a tenth of a pixel at the corners."""
    if one is None or other is None:
        return False
    a, b, _, d, e, _ = one
    determinant = a * e - b * d
    for corner in ((0, 0), (width, 0), (0, height), (width, height)):
        (x, y), (other_x, other_y) = at(one, *corner), at(other, *corner)
        dx, dy = other_x - x, other_y - y
        cols, rows = (e * dx - b * dy) / determinant, (a * dy - d * dx) / determinant
        if max(abs(cols), abs(rows)) > TOLERANCE:
            return False
    return True


def ground_sampling(crs: Any, transform: Transform, width: int, height: int) -> float | None:
    """Return the side in metres of a square of a pixel's area; None for a system without a known unit.

    In degrees, a spherical Earth at the latitude of the image's centre is taken (error below 1 %).
    """
    a, b, _, d, e, _ = transform
    side = math.sqrt(abs(a * e - b * d))
    if crs.is_geographic:
        _, latitude = at(transform, width / 2, height / 2)
        return side * METRES_PER_DEGREE * math.sqrt(max(math.cos(math.radians(latitude)), 0.0))
    if not crs.is_projected:
        return None
    return side * float(crs.linear_units_factor[1])


def centres(crs: str, transform: Transform, windows: Sequence[Window]) -> list[tuple[float, float] | None]:
    """Return longitude and latitude in degrees of each window's centre; None where the system has no such place."""
    if not windows:
        return []
    places = [at(transform, window.col + window.width / 2, window.row + window.height / 2) for window in windows]
    try:
        lon, lat = rasterio.warp.transform(
            CRS.from_user_input(crs), CRS.from_epsg(4326), [x for x, _ in places], [y for _, y in places]
        )
    except (CRSError, RasterioError):  # a local or engineering system is nowhere on the globe
        return [None] * len(windows)
    return [(x, y) if math.isfinite(x) and math.isfinite(y) else None for x, y in zip(lon, lat, strict=True)]
