"""EarthMiss: 1024 x 1024 float TIFFs by city, on a scale of 0 to 255 that they leave, with black and white fill."""

import numpy as np
import numpy.typing as npt

from osprep.rehearse.products import amplitude, labels, photograph
from osprep.rehearse.simulator import Setting, SimulatedScene, generator, simulate
from osprep.rehearse.tree import RawTree

_SIDE, _GSD = 1024, 0.6
_CODES = {"urban": 1, "building": 2, "road": 3, "water": 4, "bare": 5, "forest": 6, "farmland": 7, "grass": 8}
_SCENES: tuple[tuple[str, str, str, Setting], ...] = (
    ("French-Paris", "French-Paris_clip_9_5", "", "city"),
    ("Nanjing", "Nanjing_clip_1_6", "_SAR", "harbour"),
)
_FILL = ((slice(0, 256), slice(0, 256), 0), (slice(768, None), slice(768, None), 255))


def write(tree: RawTree, seed: int) -> None:
    """Write a scene of each of two cities; one has a black and a white tile of fill, one a file fetched twice."""
    for index, (city, name, suffix, setting) in enumerate(_SCENES):
        scene = simulate(_SIDE, _SIDE, seed * 1_000 + 580 + index, _GSD, setting=setting)
        optical, sar = _floating(scene, seed * 1_000 + 580 + index)
        if index == 0:
            for rows, cols, tone in _FILL:
                optical[rows, cols], sar[rows, cols] = tone, 0
        tree.tif(f"{city}/images/RGB/{name}.tif", optical, compress="lzw")
        tree.tif(f"{city}/images/SAR/{name}{suffix}.tif", sar, compress="lzw")
        tree.tif(f"{city}/masks/{name}.tif", labels(scene, _CODES), compress="lzw")
    paris, nanjing = (f"{city}/images/RGB/{name}" for city, name, *_ in _SCENES)
    tree.copy(f"{nanjing} (1).tif", f"{nanjing}.tif")
    tree.plant(f"{nanjing} (1).tif", "is a file fetched twice", "left-out", "duplicate-download", 1)
    tree.plant(f"{paris}.tif", "is filled with black in one corner, with white in another", "skipped", "low-valid", 2)
    tree.plant(f"{nanjing}.tif", "holds values below 0 and above 255", "kept", "out-of-range", 1)


def _floating(scene: SimulatedScene, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return optical [side, side, 3] and SAR [side, side], sharpened and so beyond 0 and 255 here and there."""
    rng = generator("overshoot", seed)
    optical, sar = photograph(scene).astype(np.float32), amplitude(scene).astype(np.float32)
    optical = optical * np.float32(1.12) + rng.random(optical.shape, np.float32) * np.float32(16) - np.float32(30)
    sar += rng.random(sar.shape, np.float32) * np.float32(8) - np.float32(2)
    return optical, sar
