"""A user's own imagery: what people happen to have, in many formats."""

import numpy as np
import numpy.typing as npt

from osprep.rehearse.products import amplitude, decibels, photograph
from osprep.rehearse.simulator import SimulatedScene, generator, simulate
from osprep.rehearse.tree import RawTree

_CRS, _EAST, _NORTH = "EPSG:32632", 691_000.0, 5_335_000.0


def _twelve_bits(scene: SimulatedScene, seed: int) -> npt.NDArray[np.uint16]:
    """Return all four optical bands as a sensor of twelve bits gives them."""
    fine = generator("bits", seed).integers(0, 16, scene.optical.shape, np.uint16)
    values: npt.NDArray[np.uint16] = scene.optical.astype(np.uint16) * np.uint16(16) + fine
    return values


def write(tree: RawTree, seed: int) -> None:
    """Write a georeferenced pair on two grids, a PNG pair, a 16-bit optical, an 8-bit SAR image and a stray note."""
    fine, plain, wide, lone = (simulate(512, 512, seed * 1_000 + 300 + n, 0.5 + n / 2) for n in range(4))
    tree.tif("optical/town.tif", photograph(fine), _CRS, (0.5, 0, _EAST, 0, -0.5, _NORTH))
    coarse = decibels(fine)[::2, ::2, :1]
    coarse[:, -60:] = np.nan
    tree.tif("sar/town.tif", coarse, _CRS, (1.0, 0, _EAST, 0, -1.0, _NORTH), nodata=float("nan"))
    tree.png("optical/river/plain.png", photograph(plain))
    tree.png("sar/river/plain.png", amplitude(plain))
    tree.tif("optical/wide_16bit.tif", _twelve_bits(wide, seed), _CRS, (1.5, 0, _EAST, 0, -1.5, _NORTH))
    tree.tif("sar/lone.tif", amplitude(lone, "VV"), compress="lzw")
    tree.text("optical/notes.txt", "Which of these did we license?\n")
    tree.plant("optical/notes.txt", "is no image", "left-out", "no-raster-extension", 1)
