"""WHU-OPT-SAR: map sheets of four bands B, G, R, NIR beside SAR and labels, without georeference."""

import numpy as np

from osprep.rehearse.products import amplitude, labels
from osprep.rehearse.simulator import Setting, simulate
from osprep.rehearse.tree import RawTree

_HEIGHT, _WIDTH, _NARROW = 742, 1112, 1111  # a fifth of a sheet
_GSD = 5.0
_TRAIN: tuple[tuple[str, Setting], ...] = (
    ("NH49E001013", "farmland"),
    ("NH49E010015", "forest"),
    ("NH50E007004", "suburb"),
)
_TEST, _HALF = "NH49E001014", "NI49E024013"
_CODES = {"farmland": 10, "urban": 20, "building": 30, "water": 40, "forest": 50, "road": 60, "bare": 70, "grass": 70}


def write(tree: RawTree, seed: int) -> None:
    """Write three sheets of training and one of test; one is narrower, one has a hole, one more lacks its SAR image."""
    for index, (sheet, setting) in enumerate(_TRAIN):
        _sheet(tree, sheet, setting, seed * 1_000 + 400 + index)
    _sheet(tree, _TEST, "village", seed * 1_000 + 410)
    tree.copy(f"optical/{_HALF}.tif", f"optical/{_TRAIN[0][0]}.tif")
    names = ["train:", *(f"{sheet}.tif" for sheet, _ in _TRAIN), f"{_HALF}.tif", "", "test:", f"{_TEST}.tif", "", ""]
    tree.text("The division of the dataset.txt", "\n".join(names))
    tree.plant("optical/NH50E007004.tif", "is a pixel narrower than the others, like its SAR image", "kept", "width", 1)
    tree.plant("optical/NH49E010015.tif", "has black pixels in its middle", "kept", "black", 1)
    tree.plant("predict/NH49E001013.tif", "is a result of the authors', no data", "left-out", "outside-images", 1)
    tree.plant("intro/lbl/NH49E001013.tif", "holds labels that must not be used", "left-out", "outside-images", 1)
    tree.plant(f"optical/{_HALF}.tif", "was not followed by its SAR image", "left-out", "optical-without-sar", 1)
    tree.plant(f"optical/{_TEST}.tif", "belongs to the test split", "left-out", "split-test", 1)


def _sheet(tree: RawTree, sheet: str, setting: Setting, seed: int) -> None:
    width = _NARROW if sheet == "NH50E007004" else _WIDTH
    scene = simulate(_HEIGHT, width, seed, _GSD, setting=setting)
    optical = np.ascontiguousarray(scene.optical[..., [2, 1, 0, 3]])
    if sheet == "NH49E010015":
        optical[300:420, 480:600] = 0
    classes = labels(scene, _CODES)
    tree.tif(f"optical/{sheet}.tif", optical)
    tree.tif(f"sar/{sheet}.tif", amplitude(scene))
    tree.tif(f"lbl/{sheet}.tif", classes)
    if sheet == "NH49E001013":
        tree.tif(f"predict/{sheet}.tif", classes)
        tree.tif(f"intro/lbl/{sheet}.tif", classes // 10)
