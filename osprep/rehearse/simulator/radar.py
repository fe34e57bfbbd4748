"""The SAR image: backscatter, layover, double bounce, radar shadow and speckle."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from osprep.rehearse.simulator.canvas import SHIFT, Canvas, fixed
from osprep.rehearse.simulator.frame import Points
from osprep.rehearse.simulator.light import in_shadow
from osprep.rehearse.simulator.noise import Field, fractal, smooth
from osprep.rehearse.simulator.things import Structure

POLARISATIONS: tuple[str, ...] = ("HH", "HV", "VH", "VV")
_COLUMN = (0, 1, 1, 2)  # of Canvas.backscatter
_WALLS = (0.0, -11.0, -11.0, -1.0)  # dB of walls and corners against HH
_NOISE = np.float32(10**-2.6)  # of the instrument
_SMALL = ("car", "box")


@dataclass(frozen=True, slots=True)
class Look:
    """Where the radar is: a unit vector (x, y) on the image towards it, the incidence angle in degrees, looks."""

    toward: tuple[float, float]
    incidence: float
    looks: int

    @property
    def cotangent(self) -> float:
        """Metres that a point is displaced towards the radar per metre of height."""
        return 1 / math.tan(math.radians(self.incidence))


def render_sar(
    canvas: Canvas,
    elevation: Field,
    structures: Sequence[Structure],
    look: Look,
    gsd: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Return linear intensity float32 [height, width, 4] in HH, HV, VH, VV, under gamma speckle of `look.looks`."""
    ground = _ground(canvas, elevation, look, gsd, rng)
    raised = _raised(canvas, structures, look, gsd, rng)
    out = np.empty((*canvas.shape, 4), np.float32)
    for band, (column, walls) in enumerate(zip(_COLUMN, _WALLS, strict=True)):
        mean = ground[..., column] + raised * np.float32(10 ** (walls / 10)) + _NOISE
        # In double precision the sampler's accept-or-reject tests come out alike on every machine.
        out[..., band] = mean * (rng.standard_gamma(look.looks, canvas.shape) / look.looks).astype(np.float32)
    return out


def _ground(canvas: Canvas, elevation: Field, look: Look, gsd: float, rng: np.random.Generator) -> Field:
    """Return mean backscatter [height, width, 3] of the surfaces: crowns facing the radar brighter, shadows dark."""
    table = (10 ** (canvas.backscatter().astype(np.float64) / 10)).astype(np.float32)
    leafy = canvas.is_leafy()
    slope = np.zeros(canvas.shape, np.float32)
    slope[1:-1, 1:-1] = (elevation[1:-1, :-2] - elevation[1:-1, 2:]) * np.float32(look.toward[0])
    slope[1:-1, 1:-1] += (elevation[:-2, 1:-1] - elevation[2:, 1:-1]) * np.float32(look.toward[1])
    crowns = np.clip(1 + slope * np.float32(0.2 / max(gsd, 0.5)), 0.4, 2.5)
    crowns *= _power_of_two(0.5, smooth(rng, canvas.shape, 2.5))
    gain = np.where(leafy, crowns, np.float32(1.0))
    gain *= _power_of_two(0.4, fractal(rng, canvas.shape, max(40 / gsd, 8), 3))
    hidden = in_shadow(elevation, look.toward, look.cotangent, gsd)
    gain *= np.where(hidden, np.where(leafy, np.float32(0.3), np.float32(0.03)), np.float32(1.0))
    return table[canvas.material] * gain[..., None]


def _raised(canvas: Canvas, structures: Sequence[Structure], look: Look, gsd: float, rng: np.random.Generator) -> Field:
    """Return the echo of walls and roofs, displaced towards the radar by their height, and of the corners below."""
    faces, corners = np.zeros(canvas.shape, np.float32), np.zeros(canvas.shape, np.float32)
    toward, built = np.array(look.toward), canvas.is_class("building")
    thickness = 1 if gsd > 0.7 else 2
    for structure, (roof, wall, corner) in zip(structures, rng.random((len(structures), 3)).tolist(), strict=True):
        lean = toward * (structure.metres * look.cotangent / gsd)
        small = structure.kind in _SMALL
        if not small:
            _paint(faces, structure.outline + lean, 10 ** (-1.5 + 0.5 * roof))
        for start, end, facing in _facing_edges(structure.outline, toward):
            if _is_set(built, (start + end) / 2 + toward * (2.0 / gsd)):
                continue  # another building stands right before this wall
            if not small:
                _paint(faces, np.array([start, end, end + lean, start + lean]), _wall(facing, wall))
            gain = -1.0 if small else 0.4 if structure.kind in ("ship", "tank") else 0.0
            strength = 10 ** (-0.4 + 1.5 * facing**6 + 0.5 * corner + gain)
            cv2.polylines(corners, [fixed(np.array([start, end]))], False, strength, thickness, cv2.LINE_8, SHIFT)
    faces *= _power_of_two(1.5, smooth(rng, canvas.shape, 1.7))
    corners *= _power_of_two(1.3, smooth(rng, canvas.shape, 2.5))
    return _leaked(faces + corners)


def _wall(facing: float, dice: float) -> float:
    return float(10 ** (-1.25 + 0.5 * dice) * (0.3 + 0.7 * facing))


def _paint(layer: Field, polygon: Points, strength: float) -> None:
    cv2.fillPoly(layer, [fixed(polygon)], strength, cv2.LINE_8, SHIFT)


def _facing_edges(outline: Points, toward: Points) -> list[tuple[Points, Points, float]]:
    """Return the edges that the radar sees, with the cosine between their normal and the direction to it."""
    following = np.roll(outline, -1, axis=0)
    edge = following - outline
    area = float((outline[:, 0] * following[:, 1] - following[:, 0] * outline[:, 1]).sum())
    outward = (edge[:, 1] * toward[0] - edge[:, 0] * toward[1]) * (1 if area > 0 else -1)
    facing = outward / np.maximum(np.sqrt(edge[:, 0] ** 2 + edge[:, 1] ** 2), 1e-9)
    return [(outline[i], following[i], float(facing[i])) for i in np.flatnonzero(facing > 0.15)]


def _is_set(mask: npt.NDArray[np.bool_], place: Points) -> bool:
    row, col = math.floor(place[1]), math.floor(place[0])
    return 0 <= row < mask.shape[0] and 0 <= col < mask.shape[1] and bool(mask[row, col])


def _leaked(layer: Field) -> Field:
    """Let strong echoes leak into their neighbours along and across the track."""
    out = layer * np.float32(0.8)
    for axis in (0, 1):
        for distance, share in ((1, 0.09), (2, 0.012), (4, 0.006)):
            out += np.float32(share) * (np.roll(layer, distance, axis) + np.roll(layer, -distance, axis))
    return out


def _power_of_two(strength: float, field: Field) -> Field:
    """Return 2 ** (strength * field), rounded from double precision so that machines agree on it."""
    return np.exp2(strength * field.astype(np.float64)).astype(np.float32)
