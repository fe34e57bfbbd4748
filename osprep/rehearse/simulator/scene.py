"""Simulate what a camera and a radar see of one invented place."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osprep.errors import ConfigError
from osprep.rehearse.simulator.canvas import Canvas
from osprep.rehearse.simulator.contents import Contents
from osprep.rehearse.simulator.country import furnish
from osprep.rehearse.simulator.frame import Frame
from osprep.rehearse.simulator.ground import paint_land, paint_roads
from osprep.rehearse.simulator.layout import SETTINGS, Plan, Setting, lay_out
from osprep.rehearse.simulator.light import Sun, render_optical
from osprep.rehearse.simulator.noise import Field, crowns, generator
from osprep.rehearse.simulator.radar import Look, render_sar
from osprep.rehearse.simulator.surfaces import CLASSES
from osprep.rehearse.simulator.things import (
    Structure,
    paint_buildings,
    paint_items,
    paint_ships,
    paint_trees,
    traffic,
)
from osprep.rehearse.simulator.water import find_water

_SHARES: dict[Setting, float] = {
    "city": 0.2,
    "suburb": 0.27,
    "village": 0.18,
    "farmland": 0.15,
    "harbour": 0.12,
    "forest": 0.08,
}
_SMALLEST = 16


@dataclass(frozen=True, slots=True)
class SimulatedScene:
    """One place seen twice on one grid.

    optical: uint8 [height, width, 4] in R, G, B, NIR. sar: float32 [height, width, 4], linear intensity in HH, HV, VH,
    VV. land_cover: uint8 [height, width], indices into classes. elevation: float32 [height, width], metres above the
    ground. structures: outlines in pixels of what stands there. gsd in metres.
    """

    optical: npt.NDArray[np.uint8]
    sar: npt.NDArray[np.float32]
    land_cover: npt.NDArray[np.uint8]
    classes: tuple[str, ...]
    elevation: npt.NDArray[np.float32]
    structures: tuple[Structure, ...]
    setting: Setting
    gsd: float


def simulate(
    height: int,
    width: int,
    seed: int,
    gsd: float,
    *,
    setting: Setting | None = None,
    radar_azimuth: float | None = None,
    looks: int = 3,
) -> SimulatedScene:
    """Return a scene of height x width pixels of `gsd` metres; the same arguments give the same scene.

    `setting` is drawn from the seed unless given; `radar_azimuth` is the compass direction in degrees in which the
    radar stands, about east or west unless given. Raises ConfigError on an unusable size, gsd or number of looks.
    """
    if min(height, width) < _SMALLEST or not 0.05 <= gsd <= 30 or looks < 1:
        raise ConfigError(
            f"cannot simulate {height} x {width} pixels of {gsd} m with {looks} looks; "
            f"use sides of at least {_SMALLEST}, 0.05 to 30 m and at least 1 look"
        )
    rng = generator("place", seed)
    drawn, sun, look = _draw_setting(rng), _draw_sun(rng), _draw_look(rng, radar_azimuth, looks)
    setting = setting or drawn
    frame = _draw_frame(rng, height, width, gsd)
    canvas = Canvas(height, width, generator("tones", seed))
    plan = lay_out(rng, frame, setting)
    structures = _paint(canvas, frame, plan, furnish(rng, plan), setting, sun, rng)
    canopy, elevation = _grow(canvas, gsd, generator("trees", seed))
    return SimulatedScene(
        optical=render_optical(canvas, elevation, canopy, sun, gsd, generator("light", seed)),
        sar=render_sar(canvas, elevation, structures, look, gsd, generator("radar", seed)),
        land_cover=canvas.land_cover(),
        classes=CLASSES,
        elevation=elevation,
        structures=tuple(structures),
        setting=setting,
        gsd=gsd,
    )


def _paint(
    canvas: Canvas,
    frame: Frame,
    plan: Plan,
    contents: Contents,
    setting: Setting,
    sun: Sun,
    rng: np.random.Generator,
) -> list[Structure]:
    """Paint everything from the ground up; return what stands."""
    water = find_water(rng, canvas.shape, frame.gsd, setting)
    paint_land(canvas, frame, contents.lots, setting, rng)
    paint_roads(canvas, frame, plan.roads, water)
    structures = paint_buildings(canvas, frame, contents.buildings, sun)
    structures += paint_items(canvas, frame, contents.items + traffic(plan.roads, frame.gsd, rng))
    if water is not None:
        structures += paint_ships(canvas, frame.gsd, rng, 14 if setting == "harbour" else 5)
    paint_trees(canvas, frame, contents.trees)
    return structures


def _grow(canvas: Canvas, gsd: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Return the canopy 0..1 and the elevation with the woods on it, both [height, width]."""
    canopy = crowns(rng, canvas.shape, max(7.0 / gsd, 2.5))
    woods = canvas.is_leafy() & (canvas.elevation == 0)
    return canopy, np.where(woods, 9 + 5 * canopy, canvas.elevation)


def _draw_setting(rng: np.random.Generator) -> Setting:
    dice = rng.random()
    for setting, share in _SHARES.items():
        dice -= share
        if dice < 0:
            return setting
    return SETTINGS[0]


def _draw_sun(rng: np.random.Generator) -> Sun:
    azimuth, height = math.radians(rng.uniform(125, 235)), math.radians(rng.uniform(36, 60))
    return Sun((math.sin(azimuth), -math.cos(azimuth)), math.tan(height))


def _draw_look(rng: np.random.Generator, azimuth: float | None, looks: int) -> Look:
    drawn = (90 if rng.random() < 0.5 else 270) + rng.uniform(-12, 12)
    radians = math.radians(drawn if azimuth is None else azimuth)
    return Look((math.sin(radians), -math.cos(radians)), rng.uniform(32, 48), looks)


def _draw_frame(rng: np.random.Generator, height: int, width: int, gsd: float) -> Frame:
    phase = (rng.uniform(0, 2 * math.pi), rng.uniform(0, 2 * math.pi))
    return Frame(height, width, gsd, rng.uniform(-0.8, 0.8), rng.uniform(0.02, 0.13), phase)
