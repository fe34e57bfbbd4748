"""OGSOD-2.0: crops of 256 x 256 in doubly nested folders, optical and SAR under one name."""

import numpy as np
import numpy.typing as npt

from osprep.rehearse.products import amplitude, photograph
from osprep.rehearse.simulator import SimulatedScene, generator, simulate
from osprep.rehearse.tree import RawTree

_ROOT = "OGSOD-2.0"
_SPLITS = (("train", 20159, 12), ("val", 3310, 3), ("test", 40740, 3))
_CLASSES = {"ship": 1, "tank": 2}


def write(tree: RawTree, seed: int) -> None:
    """Write 12 pairs of training, 3 of validation, 3 of test; one SAR crop is coloured, one label is a line."""
    first = seed * 1_000 + 500
    for split, number, count in _SPLITS:
        for index in range(count):
            scene = simulate(256, 256, first + index, 3.0, setting="harbour")
            stem = f"{number + 7 * index}__1__{256 * (index % 3)}___{256 * (index // 3)}"
            tree.png(f"{_ROOT}/images/{split}/images/{stem}.png", photograph(scene))
            grey = np.dstack([amplitude(scene)] * 3)
            tree.png(f"{_ROOT}/imagesSAR/{split}/images/{stem}.png", _coloured(grey, seed) if index == 2 else grey)
            tree.text(f"{_ROOT}/labels/{split}/{stem}.txt", _boxes(scene, degenerate=index == 0))
        first += count
    odd = f"{_ROOT}/imagesSAR/train/images/20173__1__512___0.png"
    tree.plant(odd, "holds channels that differ, as one in each split", "kept", "unequal-channels", 2)
    flat = f"{_ROOT}/labels/train/20159__1__0___0.txt"
    tree.plant(flat, "holds a box without an area", "kept", "degenerate-box", 1)
    hidden = f"{_ROOT}/images/test/images/40740__1__0___0.png"
    tree.plant(hidden, "belongs to the test split", "left-out", "split-test", 3)


def _coloured(grey: npt.NDArray[np.uint8], seed: int) -> npt.NDArray[np.uint8]:
    """Return a SAR image with coloured speckle."""
    speckle = generator("coloured", seed).integers(-20, 21, grey.shape, np.int16)
    coloured: npt.NDArray[np.uint8] = np.clip(grey + speckle, 1, 255).astype(np.uint8)
    return coloured


def _boxes(scene: SimulatedScene, degenerate: bool) -> str:
    """Return class and four corners, each from 0 to 1, of ships and tanks."""
    lines = ["0 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5"] if degenerate else []
    for thing in scene.structures:
        low, high = thing.outline.min(axis=0) / 256, thing.outline.max(axis=0) / 256
        if thing.kind in _CLASSES and (low >= 0).all() and (high <= 1).all():
            (x0, y0), (x1, y1) = low.tolist(), high.tolist()
            corners = " ".join(f"{x:.6f} {y:.6f}" for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
            lines.append(f"{_CLASSES[thing.kind]} {corners}")
    return "".join(f"{line}\n" for line in lines)
