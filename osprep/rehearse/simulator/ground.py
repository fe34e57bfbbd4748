"""Paint the ground: land use, woods, roads and the water between them."""

import math

import numpy as np

from osprep.rehearse.simulator.canvas import Canvas
from osprep.rehearse.simulator.contents import Lot
from osprep.rehearse.simulator.frame import Frame, line
from osprep.rehearse.simulator.layout import Road, RoadKind, Setting
from osprep.rehearse.simulator.noise import fractal
from osprep.rehearse.simulator.water import Water, flood

# Woods grow where a noise of unit deviation exceeds this.
_TREE_LINE: dict[Setting, float] = {"suburb": 1.9, "village": 1.3, "farmland": 1.5, "forest": -0.1}


def paint_land(canvas: Canvas, frame: Frame, lots: list[Lot], setting: Setting, rng: np.random.Generator) -> None:
    """Paint every lot, then woods that grow over open country."""
    canvas.add("grass")
    outlines = [lot.rect.outline() for lot in lots]
    ends = np.cumsum([len(outline) for outline in outlines])
    points = frame.pixels([point for outline in outlines for point in outline]) if lots else np.empty((0, 2))
    for lot, polygon in zip(lots, np.split(points, ends[:-1]), strict=False):
        canvas.fill(polygon, canvas.add(lot.surface, rows=_rows(frame, lot, rng)))
    if setting in _TREE_LINE:
        woods = fractal(rng, canvas.shape, max(150 / frame.gsd, 16), 5) > np.float32(_TREE_LINE[setting])
        canvas.cover(woods & canvas.is_class("farmland", "grass", "bare"), canvas.add("forest"))


def paint_roads(canvas: Canvas, frame: Frame, roads: list[Road], water: Water | None) -> None:
    """Paint tracks and streets, water over them, and the main roads that bridge it where it is narrow."""
    _strokes(canvas, frame, roads, "track", "track", 0.0)
    _strokes(canvas, frame, roads, "street", "pavement", 2.6)
    _strokes(canvas, frame, roads, "street", "asphalt", -0.6)
    if water is not None and water.bridged:
        flood(canvas, water, frame.gsd)
    _strokes(canvas, frame, roads, "main", "pavement", 3.4)
    _strokes(canvas, frame, roads, "main", "asphalt", 0.0)
    if frame.gsd <= 0.8:
        marking = canvas.add("marking")
        for road in (road for road in roads if road.kind == "main"):
            points = frame.pixels(line(road.start, road.end, 4.0))
            canvas.stroke([points[at : at + 2] for at in range(0, len(points) - 1, 3)], 0.3 / frame.gsd, marking)
    if water is not None and not water.bridged:
        flood(canvas, water, frame.gsd)


def _strokes(canvas: Canvas, frame: Frame, roads: list[Road], kind: RoadKind, surface: str, extra: float) -> None:
    """Paint the roads of a kind; `extra` metres of the surface show beyond the carriageway."""
    material = canvas.add(surface)
    for road in roads:
        if road.kind == kind:
            canvas.stroke([frame.pixels(line(road.start, road.end, 20.0))], (road.width + extra) / frame.gsd, material)


def _rows(frame: Frame, lot: Lot, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the drilled rows of a lot as cycles per pixel in x and y and their strength."""
    if lot.rows == 0:
        return (0.0, 0.0, 0.0)
    cycles = frame.gsd / max(rng.uniform(1.8, 5.5), 3.2 * frame.gsd)
    across = frame.angle + (math.pi / 2 if lot.lengthwise else 0.0)
    return (math.cos(across) * cycles, math.sin(across) * cycles, lot.rows)
