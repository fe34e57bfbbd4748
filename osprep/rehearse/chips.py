"""Radar chips of one target: a vehicle or a ship of bright points on clutter, and the shadow behind it."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from osprep.rehearse.simulator import generator

Target = Literal["vehicle", "ship"]
_NOISE, _BODY = 10**-3.0, 10**-0.9  # intensities


@dataclass(frozen=True, slots=True)
class _Sort:
    """Length and width in metres, the intensity of the ground around, the shadow's length in widths."""

    length: tuple[float, float]
    slimness: tuple[float, float]
    clutter: float
    shadow: float


_SORTS: dict[Target, _Sort] = {
    "vehicle": _Sort((4.2, 8.5), (0.38, 0.46), 10**-1.7, 0.9),
    "ship": _Sort((40.0, 160.0), (0.13, 0.2), 10**-2.4, 0.0),
}


def target_chip(height: int, width: int, seed: int, target: Target, gsd: float) -> npt.NDArray[np.float32]:
    """Return linear intensity float32 [height, width] under gamma speckle of two looks; the radar stands above.

    The target lies near the middle, at any angle, and is shortened to fit. gsd in metres.
    """
    rng, sort = generator("chip", seed), _SORTS[target]
    size = min(rng.uniform(*sort.length) / gsd, 0.6 * min(height, width))
    breadth = max(size * rng.uniform(*sort.slimness), 1.0)
    angle, offset = rng.uniform(0, 2 * math.pi), rng.uniform(-0.06, 0.06, 2)
    rows = np.arange(height)[:, None] - height * (0.5 + offset[0])
    cols = np.arange(width)[None] - width * (0.5 + offset[1])
    cos, sin = math.cos(angle), math.sin(angle)

    def inside(down: float) -> npt.NDArray[np.bool_]:
        along, across = cols * cos + (rows - down) * sin, (rows - down) * cos - cols * sin
        return np.asarray((np.abs(along) < size / 2) & (np.abs(across) < breadth / 2))

    mean = sort.clutter * (0.6 + 0.8 * rng.random((height, width)))
    for step in range(1, round(sort.shadow * breadth) + 1):
        mean[inside(step)] = _NOISE
    mean[inside(0.0)] = _BODY
    for along, across, strength in rng.random((max(6, round(size / 3)), 3)).tolist():
        u, v = (along - 0.5) * size, (0.5 if across > 0.4 else -0.5) * breadth * across
        right, down = cols - (u * cos - v * sin), rows - (u * sin + v * cos)
        mean += (0.3 + 3 * strength * strength) / (1 + 1.5 * (right * right + down * down)) ** 2
    looks: npt.NDArray[np.float32] = (mean * rng.standard_gamma(2, (height, width)) / 2).astype(np.float32)
    return looks
