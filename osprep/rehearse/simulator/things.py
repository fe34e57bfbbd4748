"""Paint what stands on the ground: buildings, boxes, cars, ships and trees."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from osprep.rehearse.simulator.canvas import Canvas
from osprep.rehearse.simulator.contents import Building, Item, Tree
from osprep.rehearse.simulator.frame import Frame, Points, Rect
from osprep.rehearse.simulator.layout import Road
from osprep.rehearse.simulator.light import Sun

_HULL = np.array([[-0.5, -0.42], [-0.42, -0.5], [0.3, -0.5], [0.5, 0.0], [0.3, 0.5], [-0.42, 0.5], [-0.5, 0.42]])
_BRIDGE = np.array([[-0.42, -0.36], [-0.24, -0.36], [-0.24, 0.36], [-0.42, 0.36]])
StructureKind = Literal["building", "tank", "ship", "car", "box"]


@dataclass(frozen=True, slots=True)
class Structure:
    """Something that stands up: what it is, its outline [n, 2] in pixels (x, y), its height in metres."""

    kind: StructureKind
    outline: Points
    metres: float


def paint_buildings(canvas: Canvas, frame: Frame, buildings: Sequence[Building], sun: Sun) -> list[Structure]:
    """Paint roofs on dry ground; return what was built."""
    corners, keep = _place(canvas, frame, [building.rect for building in buildings], reach=60)
    built = []
    for index in np.flatnonzero(keep).tolist():
        building, outline = buildings[index], corners[index]
        if building.round:
            outline = frame.pixels(building.rect.circle())
        _roof(canvas, building, outline, sun)
        built.append(Structure("tank" if building.round else "building", outline, building.metres))
    return built


def paint_items(canvas: Canvas, frame: Frame, items: Sequence[Item]) -> list[Structure]:
    """Paint cars and boxes where a pixel is small enough to show them."""
    shown = [item for item in items if max(item.rect.width, item.rect.height) > 1.5 * frame.gsd]
    corners, keep = _place(canvas, frame, [item.rect for item in shown], reach=0)
    things = []
    for index in np.flatnonzero(keep).tolist():
        canvas.fill(corners[index], canvas.add(shown[index].surface))
        kind: StructureKind = "car" if shown[index].surface.endswith("car") else "box"
        things.append(Structure(kind, corners[index], 2.0))
    return things


def traffic(roads: Sequence[Road], gsd: float, rng: np.random.Generator) -> list[Item]:
    """Return cars on the right-hand lanes of streets and main roads."""
    if gsd > 1.2:
        return []
    cars = []
    for road in (road for road in roads if road.kind != "track"):
        length = math.dist(road.start, road.end)
        du, dv = (road.end[0] - road.start[0]) / length, (road.end[1] - road.start[1]) / length
        for _ in range(int(length / (60 if road.kind == "main" else 110) + rng.random())):
            at, lane = rng.random() * length, road.width * (0.22 if rng.random() < 0.5 else -0.22)
            u, v = road.start[0] + at * du - lane * dv, road.start[1] + at * dv + lane * du
            car = Rect.around(u, v, 4.4 * abs(du) + 1.9 * abs(dv), 4.4 * abs(dv) + 1.9 * abs(du))
            cars.append(Item(car, "white-car" if rng.random() < 0.5 else "dark-car"))
    return cars


def paint_ships(canvas: Canvas, gsd: float, rng: np.random.Generator, tries: int) -> list[Structure]:
    """Float ships where their whole outline is on water."""
    water = canvas.is_class("water")
    height, width = canvas.shape
    ships: list[Structure] = []
    berths: list[tuple[list[float], float]] = []
    for _ in range(tries):
        length = min(rng.uniform(14, 90), 0.25 * min(height, width) * gsd)
        size, angle = np.array([length, length * rng.uniform(0.14, 0.2)]) / gsd, rng.uniform(0, 2 * math.pi)
        middle = rng.random(2) * np.array([width, height])
        berth = _turned(_HULL * size * np.array([1.3, 2.4]), angle) + middle
        near = any(math.dist(middle, other) < 0.6 * (length + reach) / gsd for other, reach in berths)
        if near or length < 3 * gsd or (berth < 0).any() or (berth >= [width, height]).any():
            continue
        cols, rows = berth.astype(np.int64).T
        if water[rows, cols].all():
            outline = _turned(_HULL * size, angle) + middle
            canvas.fill(outline, canvas.add("deck"), length * 0.06)
            canvas.fill(_turned(_BRIDGE * size, angle) + middle, canvas.add("metal"), length * 0.12)
            berths.append((middle.tolist(), length))
            ships.append(Structure("ship", outline, max(3.0, length * 0.08)))
    return ships


def paint_trees(canvas: Canvas, frame: Frame, trees: Sequence[Tree]) -> None:
    """Paint single trees, round crowns, on open ground."""
    if not trees:
        return
    spots = frame.pixels([(tree.u, tree.v) for tree in trees]).tolist()
    tones = [canvas.add("tree") for _ in range(12)]
    blocked = canvas.is_class("water", "road", "building")
    for index, (tree, (x, y)) in enumerate(zip(trees, spots, strict=True)):
        row, col = math.floor(y), math.floor(x)
        if 0 <= row < canvas.shape[0] and 0 <= col < canvas.shape[1] and not blocked[row, col]:
            canvas.crown(x, y, max(tree.radius / frame.gsd, 0.8), tree.radius * 2.4, tones[index % len(tones)])


def _roof(canvas: Canvas, building: Building, outline: Points, sun: Sun) -> None:
    """Paint a flat roof, or two halves lit by how they face the sun."""
    if building.ridge == "none":
        canvas.fill(outline, canvas.add(building.roof), building.metres)
        return
    a, b, c, d = outline if building.ridge == "along" else np.roll(outline, -1, axis=0)
    side = (a - d) / max(math.dist(a, d), 1e-6)
    facing = float(side[0] * sun.toward[0] + side[1] * sun.toward[1])
    strength = 0.34 if building.metres < 10 else 0.2
    canvas.fill(outline, canvas.add(building.roof, 1 - strength * facing), building.metres)
    canvas.fill(np.array([a, b, (b + c) / 2, (a + d) / 2]), canvas.add(building.roof, 1 + strength * facing))


def _place(canvas: Canvas, frame: Frame, rects: Sequence[Rect], reach: float) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Return corners [n, 4, 2] on the image, and which are dry and within `reach` metres of it."""
    if not rects:
        return np.empty((0, 4, 2)), np.empty(0, np.bool_)
    corners = frame.pixels([rect.corners() for rect in rects])
    height, width = canvas.shape
    rows = np.clip(corners[..., 1], 0, height - 1).astype(np.int64)
    cols = np.clip(corners[..., 0], 0, width - 1).astype(np.int64)
    dry = ~canvas.is_class("water")[rows, cols].any(axis=1)
    edge = reach / frame.gsd
    near = (corners.max(axis=1) > -edge) & (corners.min(axis=1) < np.array([width + edge, height + edge]))
    return corners, dry & near.all(axis=1)


def _turned(points: Points, angle: float) -> Points:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.stack([points[:, 0] * cos - points[:, 1] * sin, points[:, 0] * sin + points[:, 1] * cos], axis=1)
