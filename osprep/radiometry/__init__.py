"""From raw values to 8 bits, by named recipe."""

from osprep.radiometry.distribution import Distribution
from osprep.radiometry.named import Radiometry, get_radiometry, radiometry_names
from osprep.radiometry.scaler import Block, Scaler

__all__ = ["Block", "Distribution", "Radiometry", "Scaler", "get_radiometry", "radiometry_names"]
