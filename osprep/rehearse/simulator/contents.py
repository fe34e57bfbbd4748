"""What stands on a plan, in metres, before it is painted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from osprep.rehearse.simulator.frame import Rect

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lot:
    """A patch of ground; `rows` is how strongly drilled rows show, along its width when `lengthwise`."""

    rect: Rect
    surface: str
    rows: float = 0.0
    lengthwise: bool = True


@dataclass(frozen=True, slots=True)
class Building:
    """A building. `ridge` tells how its roof runs: along its width, across it, or none for a flat one."""

    rect: Rect
    metres: float
    roof: str
    ridge: Literal["along", "across", "none"] = "none"
    round: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """A single tree: where it stands and the radius of its crown."""

    u: float
    v: float
    radius: float


@dataclass(frozen=True, slots=True)
class Item:
    """Something small, such as a car or a container."""

    rect: Rect
    surface: str


@dataclass(slots=True)
class Contents:
    """Everything on the plan, in the order in which it is painted."""

    lots: list[Lot] = field(default_factory=list)
    buildings: list[Building] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def choose(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Return one of the options."""
    return options[int(rng.random() * len(options))]


def plant(rng: np.random.Generator, out: Contents, room: Rect, density: float, radius: tuple[float, float]) -> None:
    """Plant trees at random, `density` per square metre, crowns between the two radii."""
    count = int(max(room.width, 0) * max(room.height, 0) * density * rng.uniform(0.6, 1.4))
    for across, down, size in rng.random((count, 3)).tolist():
        crown = radius[0] + size * size * (radius[1] - radius[0])
        out.trees.append(Tree(room.left + across * room.width, room.top + down * room.height, crown))


def plant_hedge(rng: np.random.Generator, out: Contents, rect: Rect, scale: float) -> None:
    """Line one side of a rectangle with trees."""
    along = rng.random() < 0.5
    for place in np.arange(0, rect.width if along else rect.height, 5.5 * scale).tolist():
        if rng.random() < 0.75:
            u, v = (place, 4.0) if along else (4.0, place)
            out.trees.append(Tree(rect.left + u, rect.top + v, scale * rng.uniform(1.5, 3.2)))


def stack_boxes(rng: np.random.Generator, out: Contents, room: Rect, scale: float) -> None:
    """Stack containers in rows."""
    for u in np.arange(room.left, room.right - 6 * scale, 7.0 * scale).tolist():
        for v in np.arange(room.top, room.bottom - 2.5 * scale, 2.7 * scale).tolist():
            if rng.random() < 0.6:
                surface = "box" if rng.random() < 0.6 else "white-box"
                out.items.append(Item(Rect(u, v, u + 6 * scale, v + 2.5 * scale), surface))
