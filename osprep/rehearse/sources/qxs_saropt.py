"""QXS-SAROPT: 256 x 256 PNG pairs, numbered through, neighbours overlapping by a fifth."""

import numpy as np

from osprep.rehearse.products import amplitude, photograph, windows
from osprep.rehearse.simulator import simulate
from osprep.rehearse.tree import RawTree

OPTICAL = "QXSLAB_SAROPT/opt_256_oc_0.2"
SAR = "QXSLAB_SAROPT/sar_256_oc_0.2"
_SCENES = 12
_STRIDE = 205  # leaves an overlap of 0.2


def write(tree: RawTree, seed: int) -> None:
    """Write 48 pairs: every fifth SAR patch has three equal channels, one PNG is cut short, one pair lacks its SAR."""
    number = 0
    side = 256 + _STRIDE
    for index in range(_SCENES):
        scene = simulate(side, side, seed * 1_000 + 100 + index, 1.0)
        optical, sar = photograph(scene), amplitude(scene)
        for window in windows(side, side, stride=_STRIDE):
            number += 1
            tree.png(f"{OPTICAL}/{number}.png", optical[window])
            grey = sar[window]
            tree.png(f"{SAR}/{number}.png", np.dstack([grey] * 3) if number % 5 == 0 else grey)
    tree.png(f"{OPTICAL}/{number + 1}.png", optical[:256, :256])
    tree.plant(f"{OPTICAL}/{number + 1}.png", "has no SAR patch", "left-out", "optical-without-sar", 1)
    tree.truncate(f"{SAR}/7.png", 0.6, samples=1)
    tree.plant(f"{SAR}/5.png", "holds three equal channels, like every fifth", "kept", "equal-channels", number // 5)
