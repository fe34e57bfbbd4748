"""The optical image: colour, texture, sunlight, shadow, haze and the blur of a lens."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osprep.rehearse.simulator.canvas import Canvas
from osprep.rehearse.simulator.noise import Field, fractal, smooth

_SKYLIGHT = np.array([0.34, 0.39, 0.50, 0.28], np.float32)  # what is left of the light in shadow, R G B NIR
_HAZE = np.array([0.020, 0.028, 0.042, 0.008], np.float32)


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the light comes from: a unit vector (x, y) on the image towards it, and the tangent of its elevation."""

    toward: tuple[float, float]
    slope: float


def render_optical(
    canvas: Canvas, height: Field, canopy: Field, sun: Sun, gsd: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Return uint8 [height, width, 4] in R, G, B, NIR."""
    shape = canvas.shape
    material = canvas.material
    mottle, grain, rows = canvas.textures()
    texture = 1 + mottle[material] * fractal(rng, shape, max(28 / gsd, 6), 4, 0.7)
    texture += grain[material] * smooth(rng, shape, 1.6)
    texture += _drilled(rows[material])
    texture *= _facing(canvas, canopy, sun)
    image = canvas.colours()[material] * texture[..., None]
    lit = np.where(in_shadow(height, sun.toward, sun.slope, gsd)[..., None], _SKYLIGHT, np.float32(1.0))
    image *= _soften(lit)
    image = _soften(image + _HAZE)
    image += np.float32(0.02) * (rng.random((*shape, 4), dtype=np.float32) - np.float32(0.5))
    exposed = image * np.float32(255 * rng.uniform(0.92, 1.12)) + np.float32(0.5)
    pixels: npt.NDArray[np.uint8] = np.clip(exposed, 1, 255).astype(np.uint8)
    return pixels


def in_shadow(height: Field, toward: tuple[float, float], slope: float, gsd: float) -> npt.NDArray[np.bool_]:
    """Tell which pixels something between them and a source of rays hides.

    height [height, width] in metres; `toward` is the unit vector (x, y) to the source, `slope` the tangent of its
    elevation. The highest obstacle along the ray is found by doubling the distance looked at.
    """
    reach = float(height.max()) / slope / gsd
    drop = np.float32(slope * gsd)
    limit = _shifted(height, toward, 1) - drop
    step = 1
    while step < reach:
        limit = np.maximum(limit, _shifted(limit, toward, step) - drop * np.float32(step))
        step *= 2
    return np.asarray(limit > height + np.float32(0.3))


def _shifted(field: Field, toward: tuple[float, float], step: int) -> Field:
    """Return at each pixel the value `step` pixels further towards the source; low beyond the edge."""
    right, down = round(toward[0] * step), round(toward[1] * step)
    out = np.full(field.shape, -1e6, np.float32)
    height, width = field.shape
    if abs(right) < width and abs(down) < height:
        to = (slice(max(-down, 0), height - max(down, 0)), slice(max(-right, 0), width - max(right, 0)))
        at = (slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0)))
        out[to] = field[at]
    return out


def _facing(canvas: Canvas, canopy: Field, sun: Sun) -> Field:
    """Return the brightness of tree crowns: brighter on the side of the sun, dark in the gaps."""
    relief = np.zeros(canvas.shape, np.float32)
    relief[1:-1, 1:-1] = (canopy[1:-1, :-2] - canopy[1:-1, 2:]) * np.float32(sun.toward[0])
    relief[1:-1, 1:-1] += (canopy[:-2, 1:-1] - canopy[2:, 1:-1]) * np.float32(sun.toward[1])
    shaded = np.float32(0.62) + np.float32(0.55) * canopy + np.float32(0.7) * relief
    return np.where(canvas.is_leafy(), np.clip(shaded, 0.3, 1.7), np.float32(1.0))


def _drilled(rows: Field) -> Field:
    """Return stripes -1..1 times strength for rows [height, width, 3] as Canvas.add takes them."""
    y = np.arange(rows.shape[0], dtype=np.float32)[:, None]
    x = np.arange(rows.shape[1], dtype=np.float32)[None]
    phase = x * rows[..., 0] + y * rows[..., 1]
    wave = np.abs(phase - np.floor(phase) - np.float32(0.5)) * 4 - 1
    return wave * rows[..., 2]


def _soften(image: Field) -> Field:
    """Blur by one pixel: 1-2-1 down and across."""
    out = image.copy()
    out[1:-1] = (image[:-2] + image[2:]) * np.float32(0.22) + image[1:-1] * np.float32(0.56)
    across = out.copy()
    across[:, 1:-1] = (out[:, :-2] + out[:, 2:]) * np.float32(0.22) + out[:, 1:-1] * np.float32(0.56)
    return across
