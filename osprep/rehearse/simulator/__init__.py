"""A simulator of overhead scenes: an invented place, seen by a camera and by a side-looking radar."""

from osprep.rehearse.simulator.layout import SETTINGS, Setting
from osprep.rehearse.simulator.noise import generator
from osprep.rehearse.simulator.radar import POLARISATIONS
from osprep.rehearse.simulator.scene import SimulatedScene, simulate
from osprep.rehearse.simulator.surfaces import CLASSES
from osprep.rehearse.simulator.things import Structure

__all__ = [
    "CLASSES",
    "POLARISATIONS",
    "SETTINGS",
    "Setting",
    "SimulatedScene",
    "Structure",
    "generator",
    "simulate",
]
