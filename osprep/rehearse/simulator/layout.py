"""The plan of a place: roads cut it into blocks, and every block gets a use."""

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from osprep.rehearse.simulator.frame import Frame, Rect
from osprep.rehearse.simulator.noise import Field, fractal

Setting = Literal["city", "suburb", "village", "farmland", "harbour", "forest"]
Use = Literal["centre", "towers", "houses", "industry", "commerce", "park", "field", "pasture", "wood", "bare"]
RoadKind = Literal["main", "street", "track"]
SETTINGS: tuple[Setting, ...] = get_args(Setting)

_DENSITY: dict[Setting, float] = {
    "city": 1.5,
    "suburb": 0.55,
    "village": -0.35,
    "farmland": -1.7,
    "harbour": 0.5,
    "forest": -2.0,
}
_Shares = tuple[tuple[Use, float], ...]
_WORKS: _Shares = (("industry", 0.85), ("commerce", 0.15))
_CITY: _Shares = (("centre", 0.6), ("towers", 0.14), ("commerce", 0.16), ("park", 0.1))
_SUBURB: _Shares = (("houses", 0.76), ("towers", 0.07), ("commerce", 0.09), ("park", 0.08))
_FRINGE: _Shares = (("houses", 0.42), ("field", 0.34), ("pasture", 0.14), ("park", 0.06), ("bare", 0.04))
_COUNTRY: _Shares = (("field", 0.74), ("pasture", 0.15), ("wood", 0.07), ("bare", 0.04))
_WILD: _Shares = (("wood", 0.62), ("pasture", 0.22), ("field", 0.12), ("bare", 0.04))


@dataclass(frozen=True, slots=True)
class Block:
    """The land between roads; `margin` metres of it lie under them."""

    rect: Rect
    use: Use
    margin: float


@dataclass(frozen=True, slots=True)
class Road:
    """A road that is straight on the plan; width in metres."""

    start: tuple[float, float]
    end: tuple[float, float]
    width: float
    kind: RoadKind


@dataclass(slots=True)
class Plan:
    """Roads, widest last, and blocks. `scale` enlarges things where a pixel is too coarse to show them."""

    scale: float
    roads: list[Road] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


def lay_out(rng: np.random.Generator, frame: Frame, setting: Setting) -> Plan:
    """Cut the ground by roads until every block has the size that its surroundings call for."""
    plan = Plan(scale=max(1.0, frame.gsd / 2))
    town = _Town(rng, frame.extent, setting)
    half = frame.extent / 2
    queue = [(Rect(-half, -half, half, half), 0.0)]
    while queue:
        rect, margin = queue.pop()
        density, works = town.at(rect.centre)
        target = plan.scale**0.5 * (min(max(135 - 60 * density, 85), 260) + (60 if works > 1.0 else 0))
        size = max(rect.width, rect.height)
        if size < target * (0.85 + 0.5 * rng.random()):
            plan.blocks.append(Block(rect, town.use(rng, rect.centre), margin))
            continue
        kind, width = _road(size / frame.extent, size, density, plan.scale)
        road, parts = _cut(rect, 0.36 + 0.28 * rng.random(), kind, width)
        plan.roads.append(road)
        queue += [(part, max(margin, road.width / 2)) for part in parts]
    plan.roads.sort(key=lambda road: road.width)
    return plan


class _Town:
    """How built-up a place is, and how much of it is works: two slow noises over the plan."""

    def __init__(self, rng: np.random.Generator, extent: float, setting: Setting) -> None:
        cell = 64 * min(400.0 / extent, 1.0)
        self._density: Field = np.float32(0.55) * fractal(rng, (64, 64), cell, 2) + np.float32(_DENSITY[setting])
        self._works: Field = fractal(rng, (64, 64), cell, 2) + np.float32(setting == "harbour")
        self._extent = extent
        self._wild = setting == "forest"

    def at(self, place: tuple[float, float]) -> tuple[float, float]:
        """Return density and works, both around 0, at a place on the plan."""
        col, row = (min(max(int((c / self._extent + 0.5) * 64), 0), 63) for c in place)
        return float(self._density[row, col]), float(self._works[row, col])

    def use(self, rng: np.random.Generator, place: tuple[float, float]) -> Use:
        """Choose what a block is used for."""
        density, works = self.at(place)
        if density > -0.4 and works > 1.0:
            shares = _WORKS
        elif density > 1.2:
            shares = _CITY
        elif density > 0.15:
            shares = _SUBURB
        elif density > -0.75:
            shares = _FRINGE
        else:
            shares = _WILD if self._wild else _COUNTRY
        dice = rng.random()
        for use, share in shares:
            dice -= share
            if dice < 0:
                return use
        return shares[0][0]


def _road(share: float, size: float, density: float, scale: float) -> tuple[RoadKind, float]:
    """Choose the road that cuts a rectangle `size` metres long, which is `share` of the whole plan."""
    if share > 0.7 and size > 250:
        return "main", 12.0 * scale**0.5
    if density > -0.75 or size > 420 * scale:
        return "street", 6.2 * scale**0.3
    return "track", 3.4 * scale**0.3


def _cut(rect: Rect, share: float, kind: RoadKind, width: float) -> tuple[Road, list[Rect]]:
    """Split a rectangle across its longer side by a road."""
    if rect.width > rect.height:
        at = rect.left + share * rect.width
        parts = [Rect(rect.left, rect.top, at, rect.bottom), Rect(at, rect.top, rect.right, rect.bottom)]
        return Road((at, rect.top), (at, rect.bottom), width, kind), parts
    at = rect.top + share * rect.height
    parts = [Rect(rect.left, rect.top, rect.right, at), Rect(rect.left, at, rect.right, rect.bottom)]
    return Road((rect.left, at), (rect.right, at), width, kind), parts
