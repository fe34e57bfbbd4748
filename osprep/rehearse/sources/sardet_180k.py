"""SARDet-180K: one folder of many sets, chips of 9 to 800 pixels in four formats, stray files among them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osprep.rehearse.chips import Target, target_chip
from osprep.rehearse.products import amplitude, picture
from osprep.rehearse.simulator import simulate
from osprep.rehearse.tree import RawTree

_ROOT = "186K_notest"


@dataclass(frozen=True, slots=True)
class _Member:
    """A set inside the set: its folder, extension, sides of its chips, what they show (None: whole scenes), GSD."""

    folder: str
    extension: str
    sides: tuple[tuple[int, int], ...]
    target: Target | None
    gsd: float


_MEMBERS = (
    _Member("MSTAR", "jpg", ((128, 128), (158, 158), (193, 193), (128, 128)), "vehicle", 0.3),
    _Member("SARSim", "tif", ((139, 139), (139, 139), (139, 139)), "vehicle", 0.3),
    _Member("MiniSAR", "png", ((224, 224), (224, 224)), "vehicle", 0.1),
    _Member("OpenSARShip", "tif", ((9, 9), (17, 12), (60, 75), (445, 320)), "ship", 10.0),
    _Member("SAR-Ship", "jpg", ((256, 256), (256, 256), (256, 256)), "ship", 3.0),
    _Member("SSDD", "jpg", ((390, 500), (214, 668)), None, 3.0),
    _Member("OGSOD", "png", ((256, 256), (256, 256)), None, 3.0),
    _Member("SADD", "bmp", ((224, 224), (224, 224)), None, 1.0),
    _Member("SIVED", "jpg", ((512, 512),), None, 0.3),
    _Member("HRSID", "png", ((800, 800),), None, 1.0),
)


def write(tree: RawTree, seed: int) -> None:
    """Write 24 chips of ten sets that number alike, one of 9 x 9, with leavings of an operating system and an XML."""
    number = seed * 1_000 + 720
    for member in _MEMBERS:
        for index, (height, width) in enumerate(member.sides, 1):
            number += 1
            path = f"{_ROOT}/{member.folder}/{index:06d}.{member.extension}"
            _store(tree, path, _pixels(member, height, width, number))
    tree.data(f"{_ROOT}/Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    tree.text(f"{_ROOT}/SSDD/000001.xml", "<annotation/>\n")
    tree.plant(f"{_ROOT}/Thumbs.db", "is a leaving of Windows", "kept", "leaving", 1)
    tree.plant(f"{_ROOT}/SSDD/000001.xml", "is no image", "left-out", "no-raster-extension", 1)
    tree.plant(f"{_ROOT}/OpenSARShip/000001.tif", "has 9 x 9 pixels", "kept", "small", 1)
    tree.plant(f"{_ROOT}/SADD/000001.bmp", "bears the number of other sets", "kept", "same-name", len(_MEMBERS) - 1)
    tree.truncate(f"{_ROOT}/SSDD/000002.jpg", 0.5, samples=1)


def _pixels(member: _Member, height: int, width: int, seed: int) -> npt.NDArray[np.uint8]:
    if member.target is None:
        return amplitude(simulate(height, width, seed, member.gsd, setting="harbour"))
    return picture(target_chip(height, width, seed, member.target, member.gsd))


def _store(tree: RawTree, path: str, pixels: npt.NDArray[np.uint8]) -> None:
    writers = {"jpg": tree.jpeg, "png": tree.png, "bmp": tree.bmp, "tif": tree.tif}
    writers[path.rpartition(".")[2]](path, pixels)
