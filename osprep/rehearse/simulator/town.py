"""Built-up blocks: houses with gardens, city fronts, towers, works and shops."""

from typing import Literal

import numpy as np

from osprep.rehearse.simulator.contents import Building, Contents, Item, Lot, choose, plant, stack_boxes
from osprep.rehearse.simulator.frame import Rect
from osprep.rehearse.simulator.layout import Block

_PITCHED = ("tile", "tile", "tile", "brown", "brown", "slate")
_FLAT = ("bitumen", "bitumen", "concrete", "concrete", "metal", "slate")
_HALLS = ("metal", "metal", "concrete", "concrete", "bitumen", "blue")
_CARS = ("white-car", "white-car", "dark-car", "dark-car", "red-car")
_SIDES = ((True, 0), (True, 1), (False, 0), (False, 1))


def houses(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Put rows of houses, detached or terraced, along the long sides, and gardens behind them."""
    out.lots.append(Lot(block.rect, "garden"))
    along = room.width >= room.height
    length, depth = (room.width, room.height) if along else (room.height, room.width)
    terrace = rng.random() < 0.3
    pitch = scale * (rng.uniform(7.5, 9.5) if terrace else rng.uniform(15, 21))
    setback, roof = rng.uniform(3, 7), choose(rng, _PITCHED)
    for side in (0, 1) if depth > 34 * scale else (0,):
        for place in np.arange(pitch / 2, length - pitch / 3, pitch).tolist():
            if rng.random() < 0.08:
                continue
            width = pitch * (1.02 if terrace else rng.uniform(0.52, 0.72))
            deep = scale * (9.5 if terrace else rng.uniform(8, 12))
            back = setback + deep / 2 + (0 if terrace else rng.uniform(0, 2.5))
            rect = room.box(along, place, back if side == 0 else depth - back, width, deep)
            tone = roof if terrace or rng.random() < 0.6 else choose(rng, _PITCHED)
            ridge = _ridge(rect) if not terrace else _row_ridge(along)
            out.buildings.append(Building(rect, scale**0.5 * rng.uniform(5, 8.5), tone, ridge))
            if not terrace and rng.random() < 0.6:
                front = setback + 3 if side == 0 else depth - setback - 3
                out.lots.append(Lot(room.box(along, place + pitch * 0.38, front, 3, 9), "gravel"))
    plant(rng, out, room, 0.0028 / scale**2, (1.4, 3.4))


def centre(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Build closed fronts around a courtyard."""
    out.lots.append(Lot(block.rect, "pavement"))
    deep = min(scale * rng.uniform(11, 15), room.width / 3, room.height / 3)
    court = room.inset(deep)
    out.lots.append(Lot(court, "garden" if rng.random() < 0.6 else "yard"))
    storeys = rng.uniform(10, 18)
    for along, side in _SIDES:
        place = 0.0 if along else deep
        length, depth = (room.width, room.height) if along else (room.height - deep, room.width)
        while place < length - 4:
            front = min(scale * rng.uniform(11, 30), length - place)
            roof = choose(rng, _PITCHED + _FLAT)
            rect = room.box(along, place + front / 2, deep / 2 if side == 0 else depth - deep / 2, front, deep)
            ridge = _row_ridge(along) if roof in _PITCHED else "none"
            out.buildings.append(Building(rect, scale**0.5 * (storeys + rng.uniform(-4, 5)), roof, ridge))
            place += front
    if min(court.width, court.height) > 24 * scale and rng.random() < 0.7:
        out.buildings.append(Building(court.inset(court.width * 0.3), rng.uniform(4, 9), "bitumen"))
    plant(rng, out, court, 0.004 / scale**2, (1.5, 3.2))


def towers(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Stand slabs or towers in a lawn with a car park."""
    out.lots.append(Lot(block.rect, "grass"))
    park_cars(rng, out, Rect(room.left, room.top, room.right, room.top + room.height * 0.22), scale)
    slab = rng.random() < 0.5
    width = scale * (rng.uniform(38, 60) if slab else rng.uniform(17, 24))
    deep = scale * (12.0 if slab else rng.uniform(17, 24))
    step = max(width, deep) + 16 * scale
    for u in np.arange(room.left + step / 2, room.right - step / 3, step).tolist():
        for v in np.arange(room.top + room.height * 0.26 + step / 2.4, room.bottom - deep / 2, step * 0.8).tolist():
            metres = scale**0.5 * rng.uniform(18, 42)
            tower = Rect.around(u, v, width, deep)
            out.lots.append(Lot(tower.inset(-3 * scale), "pavement"))
            out.buildings.append(Building(tower, metres, choose(rng, _FLAT[:4])))
            out.buildings.append(Building(Rect.around(u, v, 5 * scale, 5 * scale), metres + 3, "metal"))
    plant(rng, out, room, 0.003 / scale**2, (1.8, 3.8))


def industry(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Fill a yard with halls and stacks of boxes, or with tanks."""
    out.lots.append(Lot(block.rect, "yard" if rng.random() < 0.7 else "gravel"))
    if rng.random() < 0.28:
        _tanks(rng, out, room, scale)
        return
    cols, rows = (max(1, round(side / (scale * rng.uniform(48, 80)))) for side in (room.width, room.height))
    width, height = room.width / cols, room.height / rows
    for col in range(cols):
        for row in range(rows):
            cell = Rect.around(room.left + (col + 0.5) * width, room.top + (row + 0.5) * height, width, height)
            if rng.random() < 0.2:
                stack_boxes(rng, out, cell.inset(6 * scale), scale)
                continue
            hall = cell.inset(min(scale * rng.uniform(4, 9), width / 4, height / 4))
            out.buildings.append(Building(hall, scale**0.5 * rng.uniform(7, 14), choose(rng, _HALLS), _ridge(hall)))
            _roof_units(rng, out, hall, 16 * scale, scale)


def commerce(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Put a big flat store behind its car park."""
    out.lots.append(Lot(block.rect, "parking"))
    back = room.top + room.height * rng.uniform(0.45, 0.6)
    store = Rect(room.left + 4, room.top + 4, room.right - 4, back)
    out.buildings.append(Building(store, scale**0.5 * rng.uniform(7, 11), choose(rng, _FLAT[:5])))
    _roof_units(rng, out, store, 12 * scale, scale)
    park_cars(rng, out, Rect(room.left, back + 4, room.right, room.bottom), scale)


def park_cars(rng: np.random.Generator, out: Contents, room: Rect, scale: float) -> None:
    """Mark rows of bays and fill most of them."""
    out.lots.append(Lot(room, "parking"))
    if scale > 1:
        return
    for v in np.arange(room.top + 3, room.bottom - 4, 8.5).tolist():
        if room.width > 12:
            out.lots.append(Lot(Rect(room.left + 3, v + 4.7, room.right - 3, v + 5.1), "marking"))
        for u in np.arange(room.left + 4, room.right - 4, 2.7).tolist():
            if rng.random() < 0.55:
                out.items.append(Item(Rect(u, v, u + 1.9, v + 4.3), choose(rng, _CARS)))


def _tanks(rng: np.random.Generator, out: Contents, room: Rect, scale: float) -> None:
    size = scale * rng.uniform(16, 34)
    for u in np.arange(room.left + size * 0.7, room.right - size * 0.5, size * 1.35).tolist():
        for v in np.arange(room.top + size * 0.7, room.bottom - size * 0.5, size * 1.35).tolist():
            if rng.random() < 0.85:
                tank = Rect.around(u, v, size, size)
                out.buildings.append(Building(tank, scale**0.5 * rng.uniform(9, 14), "tank", round=True))


def _roof_units(rng: np.random.Generator, out: Contents, roof: Rect, spacing: float, scale: float) -> None:
    for u in np.arange(roof.left + 8 * scale, roof.right - 8 * scale, spacing).tolist():
        if rng.random() < 0.5:
            v = rng.uniform(roof.top + roof.height * 0.25, roof.bottom - roof.height * 0.25)
            out.items.append(Item(Rect.around(u, v, 3 * scale, 3 * scale), "white-box"))


def _ridge(rect: Rect) -> Literal["along", "across"]:
    return "along" if rect.width > rect.height else "across"


def _row_ridge(along: bool) -> Literal["along", "across"]:
    return "along" if along else "across"
