"""Open blocks: parks, fields, farms, pasture, woods and bare ground. And the table of all blocks."""

from collections.abc import Callable

import numpy as np

from osprep.rehearse.simulator.contents import Building, Contents, Lot, choose, plant, plant_hedge, stack_boxes
from osprep.rehearse.simulator.frame import Rect
from osprep.rehearse.simulator.layout import Block, Plan, Use
from osprep.rehearse.simulator.town import centre, commerce, houses, industry, towers

_CROPS = ("crop", "crop", "crop", "cereal", "stubble", "ploughed", "vegetables", "meadow")


def furnish(rng: np.random.Generator, plan: Plan) -> Contents:
    """Fill every block of the plan by its use."""
    out = Contents()
    for block in plan.blocks:
        room = block.rect.inset(block.margin + 1.5)
        if min(room.width, room.height) > 12 * plan.scale:
            _BLOCKS[block.use](rng, out, block, room, plan.scale)
    return out


def park(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Lay out a lawn with paths and trees, or a sports field."""
    out.lots.append(Lot(block.rect, "grass"))
    short, long = sorted((room.width, room.height))
    if short > 62 and long > 95 and rng.random() < 0.6:
        _pitch(out, room)
        return
    for share in (0.3, 0.65):
        path = room.top + room.height * share
        out.lots.append(Lot(Rect(room.left, path, room.right, path + 2.5), "gravel"))
    plant(rng, out, room, 0.005 / scale**2, (2.0, 4.5))


def field(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Divide a block into strips, each with its crop and its rows."""
    rect, lengthwise = block.rect, rng.random() < 0.5
    inner = sorted((0.15 + 0.7 * rng.random(int(rng.random() * 3))).tolist())
    for low, high in zip([0.0, *inner], [*inner, 1.0], strict=True):
        if lengthwise:
            strip = Rect(rect.left, rect.top + low * rect.height, rect.right, rect.top + high * rect.height)
        else:
            strip = Rect(rect.left + low * rect.width, rect.top, rect.left + high * rect.width, rect.bottom)
        crop = choose(rng, _CROPS)
        out.lots.append(Lot(strip, crop, 0.0 if crop == "meadow" else rng.uniform(0.05, 0.16), lengthwise))
    if rng.random() < 0.5:
        plant_hedge(rng, out, rect, scale)
    if rng.random() < 0.12:
        _farm(rng, out, room, scale)


def pasture(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Leave grass with a few trees and a hedge."""
    out.lots.append(Lot(block.rect, "meadow"))
    plant(rng, out, room, 0.0004 / scale**2, (2.5, 5.0))
    plant_hedge(rng, out, block.rect, scale)


def wood(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Leave it to the trees."""
    out.lots.append(Lot(block.rect, "forest"))


def bare(rng: np.random.Generator, out: Contents, block: Block, room: Rect, scale: float) -> None:
    """Strip a building site."""
    out.lots.append(Lot(block.rect, "bare" if rng.random() < 0.6 else "sand"))
    stack_boxes(rng, out, Rect.around(*room.centre, 24 * scale, 18 * scale), scale)


def _pitch(out: Contents, room: Rect) -> None:
    lengthwise = room.width > room.height
    long, short = (98.0, 62.0) if lengthwise else (62.0, 98.0)
    ground = Rect.around(*room.centre, long, short)
    middle = Rect.around(*room.centre, *((1.0, short) if lengthwise else (long, 1.0)))
    out.lots += [Lot(ground, "line"), Lot(ground.inset(1.0), "pitch", 0.07, lengthwise), Lot(middle, "line")]


def _farm(rng: np.random.Generator, out: Contents, room: Rect, scale: float) -> None:
    """Put a farmyard into the corner of a field."""
    u, v = room.left + 32 * scale, room.top + 28 * scale
    out.lots.append(Lot(Rect.around(u, v, 58 * scale, 48 * scale), "gravel"))
    house = Rect.around(u - 12 * scale, v - 10 * scale, 13 * scale, 10 * scale)
    barn = Rect.around(u + 12 * scale, v, 16 * scale, 34 * scale)
    shed = Rect.around(u - 12 * scale, v + 12 * scale, 20 * scale, 10 * scale)
    out.buildings.append(Building(house, 7.5, "tile", "along"))
    out.buildings.append(Building(barn, 8.0, choose(rng, ("metal", "concrete", "brown")), "across"))
    out.buildings.append(Building(shed, 6.0, "slate", "along"))
    plant(rng, out, Rect.around(u, v, 70 * scale, 60 * scale), 0.003 / scale**2, (2.0, 4.0))


_Furnisher = Callable[[np.random.Generator, Contents, Block, Rect, float], None]
_BLOCKS: dict[Use, _Furnisher] = {
    "centre": centre,
    "towers": towers,
    "houses": houses,
    "industry": industry,
    "commerce": commerce,
    "park": park,
    "field": field,
    "pasture": pasture,
    "wood": wood,
    "bare": bare,
}
