"""OpenEarthMap-SAR: 1024 x 1024 GeoTIFFs; validation comes without optical images; swaths end inside SAR images."""

import numpy as np

from osprep.rehearse.products import amplitude, labels, photograph, windows
from osprep.rehearse.simulator import Setting, simulate
from osprep.rehearse.tree import RawTree

_ROOT = "dfc25_track1_trainval"
_SIDE, _GSD, _CRS = 1024, 0.5, "EPSG:32654"
_PLACE = (_GSD, 0.0, 386_250.0, 0.0, -_GSD, 3_950_400.0)
_TRAIN: tuple[tuple[str, Setting], ...] = (("TrainArea_379", "suburb"), ("TrainArea_1002", "farmland"))
_CODES = {"bare": 1, "grass": 2, "urban": 3, "road": 4, "forest": 5, "water": 6, "farmland": 7, "building": 8}


def write(tree: RawTree, seed: int) -> None:
    """Write two training scenes, a wedge of one without echoes, and a SAR image of validation."""
    train = f"{_ROOT}/train"
    for index, (name, setting) in enumerate(_TRAIN):
        scene = simulate(_SIDE, _SIDE, seed * 1_000 + 560 + index, _GSD, setting=setting)
        sar = amplitude(scene, "VV")
        if index:
            edge = 560 - np.arange(_SIDE)[:, None] // 2
            sar = np.where(np.arange(_SIDE)[None] < edge, np.uint8(0), sar)
            lost = sum(not sar[window].any() for window in windows(_SIDE, _SIDE))
            tree.plant(f"{train}/sar_images/{name}.tif", "ends inside its swath's edge", "skipped", "constant", lost)
        tree.tif(f"{train}/rgb_images/{name}.tif", photograph(scene), _CRS, _PLACE)
        tree.tif(f"{train}/sar_images/{name}.tif", sar, _CRS, _PLACE)
        tree.tif(f"{train}/labels/{name}.tif", labels(scene, _CODES))
    hidden = f"{_ROOT}/val/sar_images/ValArea_011.tif"
    tree.tif(hidden, np.ascontiguousarray(sar[::-1]), _CRS, _PLACE)
    tree.plant(hidden, "has no public optical image", "left-out", "split-val", 1)
