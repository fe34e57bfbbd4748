"""GFGE-SO: PNG pairs opt<k>.png and sar<k>.png by split, as users have them; how it is released is not known."""

from osprep.rehearse.products import amplitude, photograph
from osprep.rehearse.simulator import simulate
from osprep.rehearse.tree import RawTree

_SPLITS = (("train", 8), ("val", 2), ("test", 2))


def write(tree: RawTree, seed: int) -> None:
    """Write 12 pairs of 256 x 256; the numbers restart in every split, and one optical image has no SAR image."""
    first = seed * 1_000 + 530
    for split, count in _SPLITS:
        for number in range(1, count + 1):
            scene = simulate(256, 256, first + number, 5.0)
            tree.png(f"{split}/opt/opt{number}.png", photograph(scene))
            tree.png(f"{split}/sar/sar{number}.png", amplitude(scene))
        first += count
    tree.png("train/opt/opt9.png", photograph(scene))
    tree.plant("train/opt/opt9.png", "has no SAR image", "left-out", "optical-without-sar", 1)
    tree.plant("val/opt/opt1.png", "bears a number of the training split", "kept", "same-name", 4)
