"""OSDataset2.0: 512 x 512 pairs in region folders, and inside them OSdataset 1.0, cut in two ways."""

from osprep.rehearse.products import amplitude, photograph, windows
from osprep.rehearse.simulator import SimulatedScene, simulate
from osprep.rehearse.tree import RawTree

_PATCHES = "OSDataset2.0/Patch-level Subset"
_REGIONS = (("Buenos Aires", (1, 2, 3)), ("Gdansk", (1, 2, 4)))
_OLD = (("train", 2), ("val", 1), ("test", 1))


def write(tree: RawTree, seed: int) -> None:
    """Write six new pairs in two regions that number alike, and four old ones in 512 and, once more, in 256."""
    first = seed * 1_000 + 600
    for region, numbers in _REGIONS:
        for number in numbers:
            _pair(tree, f"{_PATCHES}/{region}", number, simulate(512, 512, first + number, 1.0))
        first += 10
    old = 0
    for split, count in _OLD:
        for number in range(1, count + 1):
            scene = simulate(512, 512, first + old + number, 1.0)
            _pair(tree, f"{_PATCHES}/OSdataset/512/{split}", number, scene)
            _quarters(tree, f"{_PATCHES}/OSdataset/256/{split}", number, scene)
        old += count
    tree.plant(f"{_PATCHES}/OSdataset/512/train/opt1.png", "is of version 1.0", "left-out", "osdataset-1.0", 2 * old)
    what = "shows the same ground again, cut in four"
    tree.plant(f"{_PATCHES}/OSdataset/256/train/opt1.png", what, "left-out", "osdataset-1.0", 8 * old)
    tree.plant(f"{_PATCHES}/Gdansk/opt4.png", "follows number 2", "kept", "gap", 1)


def _pair(tree: RawTree, folder: str, number: int, scene: SimulatedScene) -> None:
    tree.png(f"{folder}/opt{number}.png", photograph(scene))
    tree.png(f"{folder}/sar{number}.png", amplitude(scene))


def _quarters(tree: RawTree, folder: str, number: int, scene: SimulatedScene) -> None:
    optical, sar = photograph(scene), amplitude(scene)
    for index, window in enumerate(windows(512, 512), 4 * number - 3):
        tree.png(f"{folder}/opt{index}.png", optical[window])
        tree.png(f"{folder}/sar{index}.png", sar[window])
