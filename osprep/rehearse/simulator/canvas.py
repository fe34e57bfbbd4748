"""A scene as it is painted: which surface each pixel shows, and how high it stands."""

import math
from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from osprep.rehearse.simulator.frame import Points
from osprep.rehearse.simulator.noise import Field
from osprep.rehearse.simulator.surfaces import CLASSES, SURFACES, Surface

SHIFT = 4  # OpenCV takes coordinates in sixteenths of a pixel


class Canvas:
    """Paint surfaces in order, later ones over earlier ones.

    `material` [height, width] indexes the instances added so far, `elevation` is metres above the ground. Coordinates
    are (x, y) in pixels with (0, 0) at the outer corner of the top left one.
    """

    def __init__(self, height: int, width: int, rng: np.random.Generator) -> None:
        self.shape = (height, width)
        self.material: npt.NDArray[np.uint16] = np.zeros(self.shape, np.uint16)
        self.elevation: Field = np.zeros(self.shape, np.float32)
        self._rng = rng
        self._surfaces: list[Surface] = []
        self._rows: list[tuple[float, float, float]] = []
        self._light: list[float] = []

    def add(self, name: str, light: float = 1.0, rows: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> int:
        """Add an instance of a surface and return its number.

        `light` multiplies its brightness. `rows` are cycles per pixel in x and y and the strength of drilled rows.
        """
        self._surfaces.append(SURFACES[name])
        self._rows.append(rows)
        self._light.append(light)
        return len(self._surfaces) - 1

    def fill(self, polygon: Points, material: int, metres: float | None = None) -> None:
        """Paint a polygon [n, 2]; with `metres` it also gets that height."""
        points = [fixed(polygon)]
        cv2.fillPoly(self.material, points, material, shift=SHIFT)
        if metres is not None:
            cv2.fillPoly(self.elevation, points, metres, shift=SHIFT)

    def stroke(self, lines: Iterable[Points], width: float, material: int) -> None:
        """Paint polylines `width` pixels wide, at least one."""
        points = [fixed(line) for line in lines]
        cv2.polylines(self.material, points, False, material, max(1, round(width)), cv2.LINE_8, SHIFT)

    def cover(self, mask: npt.NDArray[np.bool_], material: int) -> None:
        """Paint the pixels of a mask; what stood there is gone."""
        self.material[mask] = material
        self.elevation[mask] = 0.0

    def crown(self, x: float, y: float, radius: float, metres: float, material: int) -> None:
        """Paint a tree: a disc that bulges to a height of `metres` in its middle."""
        top, left = max(math.floor(y - radius), 0), max(math.floor(x - radius), 0)
        down = np.arange(top, min(math.floor(y + radius) + 2, self.shape[0]), dtype=np.float32) + np.float32(0.5 - y)
        right = np.arange(left, min(math.floor(x + radius) + 2, self.shape[1]), dtype=np.float32) + np.float32(0.5 - x)
        bulge = 1 - (down[:, None] * down[:, None] + right * right) / np.float32(radius * radius)
        here = (slice(top, top + len(down)), slice(left, left + len(right)))
        disc = bulge > 0
        self.material[here][disc] = material
        self.elevation[here][disc] = np.float32(metres) * (np.float32(0.4) + np.float32(0.6) * bulge[disc])

    def is_class(self, *names: str) -> npt.NDArray[np.bool_]:
        """Return the mask of pixels that belong to land-cover classes."""
        wanted = np.array([surface.cover in names for surface in self._surfaces])
        return np.asarray(wanted[self.material], np.bool_)

    def land_cover(self) -> npt.NDArray[np.uint8]:
        """Return the index into CLASSES of every pixel."""
        return np.asarray(np.array([CLASSES.index(s.cover) for s in self._surfaces], np.uint8)[self.material])

    def is_leafy(self) -> npt.NDArray[np.bool_]:
        """Return the mask of tree crowns."""
        return np.asarray(np.array([s.leafy for s in self._surfaces])[self.material], np.bool_)

    def colours(self) -> Field:
        """Return reflectance [instances, 4] in R, G, B, NIR, varied from instance to instance."""
        base = np.array([s.colour for s in self._surfaces], np.float32)
        vary = np.array([s.vary for s in self._surfaces], np.float32)[:, None]
        light = np.array(self._light, np.float32)[:, None]
        return base * light * (1 + vary * self._spread(base.shape, 0.16))

    def backscatter(self) -> Field:
        """Return backscatter [instances, 3] in dB: HH, cross-polarised, VV."""
        base = np.array([s.sigma for s in self._surfaces], np.float32)
        vary = np.array([s.vary_sigma for s in self._surfaces], np.float32)[:, None]
        return base + vary * self._spread(base.shape, 0.3)

    def textures(self) -> tuple[Field, Field, Field]:
        """Return mottle [instances], grain [instances] and rows [instances, 3]."""
        mottle = np.array([s.mottle for s in self._surfaces], np.float32)
        grain = np.array([s.grain for s in self._surfaces], np.float32)
        return mottle, grain, np.array(self._rows, np.float32)

    def _spread(self, shape: tuple[int, ...], own: float) -> Field:
        """Return deviations of about unit strength [instances, bands]: one in common and `own` of each band's own."""
        common, single = (self._rng.random(size, dtype=np.float32) for size in ((shape[0], 1), shape))
        return np.float32(3.4) * (common - np.float32(0.5) + np.float32(own) * (single - np.float32(0.5)))


def fixed(points: Points) -> npt.NDArray[np.int32]:
    """Return coordinates as OpenCV takes them: whole sixteenths, (0, 0) in the middle of the first pixel."""
    sixteenths: npt.NDArray[np.int32] = np.round((points - 0.5) * 2**SHIFT).astype(np.int32)
    return sixteenths
