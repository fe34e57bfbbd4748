"""Rivers, lakes, coasts and docks."""

import math
from dataclasses import dataclass

import numpy as np

from osprep.rehearse.simulator.canvas import Canvas
from osprep.rehearse.simulator.layout import Setting
from osprep.rehearse.simulator.noise import Field, fractal


@dataclass(frozen=True, slots=True)
class Water:
    """`depth` [height, width] is metres from the shore: positive in the water.

    `natural` shores have a beach; only a narrow water is `bridged`.
    """

    depth: Field
    natural: bool
    bridged: bool = False


def find_water(rng: np.random.Generator, shape: tuple[int, int], gsd: float, setting: Setting) -> Water | None:
    """Decide whether there is open water, and where; None for dry ground."""
    dice = rng.random()
    if setting == "harbour":
        return Water(_docks(rng, shape, gsd), natural=False)
    if dice < 0.30:
        return Water(_river(rng, shape, gsd), natural=setting != "city", bridged=True)
    if dice < 0.44:
        lake = fractal(rng, shape, max(260 / gsd, 0.3 * min(shape)), 5) - np.float32(1.0)
        return Water(lake * np.float32(60), natural=True)
    if dice < 0.52:
        return Water(_coast(rng, shape, gsd), natural=True)
    return None


def flood(canvas: Canvas, water: Water, gsd: float) -> None:
    """Paint the water and its shore over whatever was there."""
    if water.natural:
        beach = max(5.0, 1.2 * gsd)
        canvas.cover((water.depth > -beach) & (water.depth <= 0), canvas.add("sand"))
    canvas.cover(water.depth > 0, canvas.add("water"))
    if water.natural:
        canvas.cover((water.depth > 0) & (water.depth < 9), canvas.add("shallow"))


def _axes(rng: np.random.Generator, shape: tuple[int, int], gsd: float) -> tuple[Field, Field]:
    """Return coordinates in metres along and across a random direction, from the middle of the scene."""
    angle = rng.uniform(0, 2 * math.pi)
    cos, sin = np.float32(math.cos(angle) * gsd), np.float32(math.sin(angle) * gsd)
    y = (np.arange(shape[0], dtype=np.float32) - np.float32(shape[0] / 2))[:, None]
    x = (np.arange(shape[1], dtype=np.float32) - np.float32(shape[1] / 2))[None]
    return x * cos + y * sin, y * cos - x * sin


def _profile(rng: np.random.Generator, along: Field, cell: float, octaves: int) -> Field:
    """Return smooth noise that depends on the coordinate `along` (metres) alone."""
    reach = float(max(abs(along[0, 0]), abs(along[0, -1]), abs(along[-1, 0]), abs(along[-1, -1]))) + 1
    steps = int(2 * reach) + 2
    line = fractal(rng, (steps, 1), cell, octaves)[:, 0]
    return line[(along + np.float32(reach)).astype(np.int64)]


def _river(rng: np.random.Generator, shape: tuple[int, int], gsd: float) -> Field:
    along, across = _axes(rng, shape, gsd)
    span = min(shape) * gsd
    width = max(rng.uniform(0.05, 0.16) * span, 4 * gsd) if span < 1500 else rng.uniform(60, 160)
    bends = _profile(rng, along, max(0.55 * span, 120), 2) * np.float32(0.16 * span)
    bank = fractal(rng, shape, max(30 / gsd, 4), 3) * np.float32(max(1.5, gsd * 0.8))
    depth: Field = np.float32(width / 2) + bank - np.abs(across - bends)
    return depth


def _coast(rng: np.random.Generator, shape: tuple[int, int], gsd: float) -> Field:
    along, across = _axes(rng, shape, gsd)
    span = min(shape) * gsd
    bays: Field = _profile(rng, along, max(0.6 * span, 100), 3) * np.float32(0.12 * span)
    edge = fractal(rng, shape, max(40 / gsd, 4), 4) * np.float32(max(4.0, gsd))
    depth: Field = across - bays + edge - np.float32(rng.uniform(0.0, 0.25) * span)
    return depth


def _docks(rng: np.random.Generator, shape: tuple[int, int], gsd: float) -> Field:
    """Return straight quays with rectangular basins cut into them."""
    along, across = _axes(rng, shape, gsd)
    span = max(shape) * gsd
    period = rng.uniform(0.35, 0.6) * min(span, 1200)
    phase = np.mod(along / np.float32(period) + np.float32(rng.random()), np.float32(1.0))
    basin = np.minimum(phase, np.float32(rng.uniform(0.3, 0.45)) - phase) * np.float32(period)
    reach = np.float32(rng.uniform(0.25, 0.4) * min(span, 900))
    shore = across - np.float32(rng.uniform(0.05, 0.2) * span)
    depth: Field = np.maximum(shore, np.minimum(basin, shore + reach))
    return depth
