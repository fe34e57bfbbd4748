"""RSD46-WHU: JPEG patches of 256 x 256 in class folders with blanks and typos, under names that recur."""

import numpy as np

from osprep.rehearse.products import photograph
from osprep.rehearse.simulator import Setting, simulate
from osprep.rehearse.tree import RawTree

_CLASSES: tuple[tuple[str, Setting], ...] = (
    ("Airplane", "city"),
    ("Artificial dense forest land", "forest"),
    ("Graff", "harbour"),
    ("Lrregular farmland", "farmland"),
    ("Sewage plant-type-one", "suburb"),
)
_TRAIN = ("2016-08-18_160039", "ScreenShot0503611", "10003", "Administrator_2016-08-23_101512")
_VAL = ("2016-08-18_160039", "lx_20160820")


def write(tree: RawTree, seed: int) -> None:
    """Write 30 patches of five classes; five files are grey, have four channels, are no images, copies or cut short."""
    first = seed * 1_000 + 640
    names = [
        (split, kind, stem)
        for split, stems in (("train", _TRAIN), ("val", _VAL))
        for kind in _CLASSES
        for stem in stems
    ]
    for index, (split, (kind, setting), stem) in enumerate(names):
        pixels = photograph(simulate(256, 256, first + index, 0.5, setting=setting))
        path = f"{split}/{kind}/{stem}.jpg"
        if path == "train/Airplane/10003.jpg":
            pixels = np.ascontiguousarray(pixels[..., 1])
            tree.plant(path, "is grey", "kept", "grey", 1)
        if path == "train/Graff/10003.jpg":
            tree.png(path, np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]))
            tree.plant(path, "has four channels, for it is a PNG", "kept", "four-channels", 1)
            continue
        tree.jpeg(path, pixels)
    tree.plant(
        "train/Graff/2016-08-18_160039.jpg", "bears a name of other classes", "kept", "same-name", len(names) - 7
    )
    _more(tree)


def _more(tree: RawTree) -> None:
    """Add files that are no patches, or not their own."""
    note = "train/Lrregular farmland/readme.jpg"
    tree.text(note, "404 Not Found\n")
    tree.plant(note, "is text", "left-out", "no-image", 1)
    copy = "train/Sewage plant-type-one/lx_copy.jpg"
    tree.copy(copy, "train/Airplane/ScreenShot0503611.jpg")
    tree.plant(copy, "is another file's copy", "left-out", "duplicate", 1)
    tree.truncate("val/Graff/lx_20160820.jpg", 0.6, samples=1)
