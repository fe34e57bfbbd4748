"""From raw values to 8 bits, by named recipe."""

from osprep.radiometry.distribution import Distribution
from osprep.radiometry.named import Block, Radiometry, Scaler, get_radiometry, radiometry_names

__all__ = ["Block", "Distribution", "Radiometry", "Scaler", "get_radiometry", "radiometry_names"]
