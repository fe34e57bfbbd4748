"""Rehearsal: simulated scenes in miniature raw trees, each laid out like its source."""

from osprep.rehearse.rehearsal import MARKER, RehearsalResult, RehearsedSource, rehearse
from osprep.rehearse.simulator import CLASSES, SETTINGS, SimulatedScene, simulate
from osprep.rehearse.sources import WRITERS
from osprep.rehearse.tree import Defect

__all__ = [
    "CLASSES",
    "MARKER",
    "SETTINGS",
    "WRITERS",
    "Defect",
    "RehearsalResult",
    "RehearsedSource",
    "SimulatedScene",
    "rehearse",
    "simulate",
]
