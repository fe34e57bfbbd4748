"""DDHR: JPEG tiles of Gaofen-2 and Gaofen-3 by region; those of Pohang come once more under simulated clouds."""

import numpy as np
import numpy.typing as npt

from osprep.rehearse.products import amplitude, labels, photograph, windows
from osprep.rehearse.simulator import generator, simulate
from osprep.rehearse.tree import RawTree

_CODES = {"building": 0, "urban": 0, "road": 1, "farmland": 2, "forest": 3, "grass": 3, "water": 4, "bare": 255}
_REGIONS = (("xian", 128, 4), ("dongying", 256, 8))
_POHANG = 3


def write(tree: RawTree, seed: int) -> None:
    """Write 16 tiles of 128 of Xi'an, 8 of 256 of Dongying, and 3 of Pohang with and without clouds."""
    first = seed * 1_000 + 420
    for region, side, scenes in _REGIONS:
        number = 0
        for index in range(scenes):
            scene = simulate(256, 256, first + index, 1.0)
            optical, sar, classes = photograph(scene), amplitude(scene), labels(scene, _CODES)
            for window in windows(256, 256, side, side):
                number += 1
                _tile(tree, region, number, optical[window], sar[window], classes[window])
        first += scenes
    for number in range(1, _POHANG + 1):
        scene = simulate(256, 256, first + number, 1.0, setting="harbour")
        optical, sar, classes = photograph(scene), amplitude(scene), labels(scene, _CODES)
        _tile(tree, "korea/no_cloud", number, optical, sar, classes)
        for folder in ("korea/cloud", "korea/256_cloud"):
            _tile(tree, folder, number, _clouded(optical, first + number), sar, classes)
    tree.plant("korea/no_cloud/GF2/1.jpg", "shows Pohang, a set for evaluation", "left-out", "split-korea", _POHANG)
    what = "shows the same ground under clouds, like all of cloud and 256_cloud"
    tree.plant("korea/cloud/GF2/1.jpg", what, "left-out", "split-korea", 2 * _POHANG)
    tree.plant("xian/GF3/4.jpg", "holds three channels, like every fourth", "kept", "equal-channels", 6)
    tree.truncate("dongying/GF2/3.jpg", 0.5, samples=1)


def _tile(
    tree: RawTree,
    folder: str,
    number: int,
    optical: npt.NDArray[np.uint8],
    sar: npt.NDArray[np.uint8],
    classes: npt.NDArray[np.uint8],
) -> None:
    tree.jpeg(f"{folder}/GF2/{number}.jpg", np.ascontiguousarray(optical))
    tree.jpeg(f"{folder}/GF3/{number}.jpg", np.dstack([sar] * 3) if number % 4 == 0 else np.ascontiguousarray(sar))
    tree.png(f"{folder}/label/{number}.png", np.ascontiguousarray(classes))


def _clouded(optical: npt.NDArray[np.uint8], seed: int) -> npt.NDArray[np.uint8]:
    """Return a photograph with two round clouds on it."""
    rng = generator("clouds", seed)
    rows, cols = np.arange(optical.shape[0])[:, None], np.arange(optical.shape[1])[None]
    haze = np.zeros(optical.shape[:2])
    for row, col in (rng.random((2, 2)) * optical.shape[0]).tolist():
        haze = np.maximum(haze, 1 - ((rows - row) ** 2 + (cols - col) ** 2) / 90**2)
    share = np.clip(1.5 * haze, 0, 0.95)[..., None]
    clouded: npt.NDArray[np.uint8] = (optical * (1 - share) + 245 * share).astype(np.uint8)
    return clouded
