"""DFC23: two tracks of 512 x 512 scenes that reuse each other's names; float SAR from 0 to 1; CRS in training only."""

import json
from dataclasses import dataclass

import numpy as np

from osprep.rehearse.products import fraction, photograph, windows
from osprep.rehearse.simulator import Setting, simulate
from osprep.rehearse.tree import RawTree

_SIDE, _GSD = 512, 0.5
_BERLIN = "SV_Berlin_52.4902_13.5090"
_BLACK = 271  # columns without optical data: 53 %
_JUNK = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        "  # how an AppleDouble file begins


@dataclass(frozen=True, slots=True)
class _Scene:
    """A scene: its folder, its name, the number of its ground, and where training scenes lie (EPSG, east, north)."""

    folder: str
    name: str
    ground: int
    setting: Setting
    place: tuple[int, float, float] | None = None


_NEW_YORK = (32618, 583_520.0, 4_510_140.0)
_SCENES = (
    _Scene("track1/train", "SV_NewYork_40.7388_-74.0108", 0, "city", _NEW_YORK),
    _Scene("track1/train", "GF2_Brasilia_-15.8652_-47.9337", 1, "suburb", (32723, 185_560.0, 8_243_800.0)),
    _Scene("track1/val", "P_0000", 2, "suburb"),
    _Scene("track1_test_data", "P_1472", 3, "city"),
    _Scene("track2/train", "SV_NewYork_40.7388_-74.0108", 0, "city", _NEW_YORK),
    _Scene("track2/train", _BERLIN, 4, "village", (32633, 398_400.0, 5_816_500.0)),
    _Scene("track2/val", "P_0000", 5, "city"),
    _Scene("track2_test_data", "P_0420", 6, "harbour"),
)


def write(tree: RawTree, seed: int) -> None:
    """Write four training scenes, one of them in both tracks, two of validation with one name, and two of test."""
    for item in _SCENES:
        _scene(tree, item, seed)
    _annotations(tree, "track1/roof_fine_train.json", ["flat", "gable", "hipped_v1", "row"])
    _annotations(tree, "track2/buildings_only_train.json", ["building"])
    junk = f"track1/train/rgb/._{_SCENES[0].name}.tif"
    tree.data(junk, _JUNK)
    tree.plant(junk, "is a leaving of macOS", "left-out", "junk", 1)
    tree.plant("track2/val/rgb/P_0000.tif", "bears the name of another scene of track 1", "kept", "same-name", 1)
    tree.plant("track1_test_data/rgb/P_1472.tif", "is for evaluation", "left-out", "split-t1test", 1)


def _scene(tree: RawTree, item: _Scene, seed: int) -> None:
    scene = simulate(_SIDE, _SIDE, seed * 1_000 + 460 + item.ground, _GSD, setting=item.setting)
    crs = item.place and f"EPSG:{item.place[0]}"
    transform = item.place and (_GSD, 0.0, item.place[1], 0.0, -_GSD, item.place[2])
    optical = photograph(scene)
    if item.name == _BERLIN:
        optical[:, :_BLACK] = 0
        lost = sum(not optical[window].any() for window in windows(_SIDE, _SIDE))
        tree.plant(f"{item.folder}/rgb/{item.name}.tif", "is half black", "skipped", "constant", lost)
    tree.tif(f"{item.folder}/rgb/{item.name}.tif", optical, crs, transform)
    tree.tif(f"{item.folder}/sar/{item.name}.tif", fraction(scene), crs, transform)
    if item.folder == "track2/train":
        heights = np.where(scene.land_cover == scene.classes.index("building"), scene.elevation, np.float32(0))
        tree.tif(f"{item.folder}/dsm/{item.name}.tif", heights, crs, transform)


def _annotations(tree: RawTree, path: str, roofs: list[str]) -> None:
    """Write the COCO file of a track: its images and categories."""
    names = sorted(item.name for item in _SCENES if item.folder == f"{path.partition('/')[0]}/train")
    images = [{"id": n, "file_name": f"{name}.tif", "width": _SIDE, "height": _SIDE} for n, name in enumerate(names)]
    categories = [{"id": n, "name": roof} for n, roof in enumerate(roofs, 1)]
    tree.text(path, json.dumps({"images": images, "annotations": [], "categories": categories}) + "\n")
