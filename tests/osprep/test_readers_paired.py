import logging
from pathlib import Path

import numpy as np
import pytest

from manifests import slug
from osprep.cut import AVERAGED, cut
from osprep.errors import ReaderError
from osprep.readers import get_reader
from osprep.readers.whu_opt_sar import read_division
from osprep.recipe import resolve
from osprep.scene import Drop, Scene, Survey, Tile
from osprep.windows import plan_windows
from tests.osprep.rasters import NORTH_UP, UTM, noise, write
from tests.osprep.raws import truncate

SOURCES = ("whu-opt-sar", "ddhr", "dfc23", "ogsod-2", "gfge-so", "oem-sar", "earthmiss", "osdataset-2")
DIVISION = "The division of the dataset.txt"
A, B, C = "NH49E001013", "NH50E007004", "NI49E024013"


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def survey(source: str, root: Path, *splits: str) -> Survey:
    """Survey, and check what holds for any raw tree: each pair of files once, and no two scenes of one key."""
    found = get_reader(source).survey(root, splits or None)
    files = [file for scene in found.scenes for file in scene.files]
    assert len(files) == len(set(files)) == 2 * len(found.scenes)
    assert len({(scene.split, slug(scene.name)) for scene in found.scenes}) == len(found.scenes)
    assert all((root / file).is_file() for file in files)
    return found


def pairs(found: Survey) -> list[tuple[str, str, str]]:
    return [(scene.split, scene.optical or "", scene.sar or "") for scene in found.scenes]


def cut_all(source: str, root: Path, *splits: str) -> list[Tile | Drop]:
    how = resolve(get_reader(source).card)
    return [item for scene in survey(source, root, *splits).scenes for item in cut(scene, root, how)]


def tiles_of(source: str, root: Path) -> list[Tile]:
    items = cut_all(source, root)
    assert all(isinstance(item, Tile) for item in items), items
    return [item for item in items if isinstance(item, Tile)]


@pytest.mark.parametrize("source", SOURCES)
def test_missing_strange_and_empty_folders(tmp_path: Path, source: str) -> None:
    with pytest.raises(ReaderError, match="no such folder"):
        survey(source, tmp_path / "absent")
    with pytest.raises(ReaderError, match="no scene to use.*looked for"):
        survey(source, touch(tmp_path / "strange", "elsewhere/1.tif", "readme.md"))


# What each source is on disk: one pair, of a training split where there are splits.
ONE_PAIR = {
    "whu-opt-sar": (f"optical/{A}.tif", f"sar/{A}.tif"),
    "ddhr": ("xian/GF2/1.jpg", "xian/GF3/1.jpg"),
    "dfc23": ("track1/train/rgb/SV_NewYork_40.7388_-74.0108.tif", "track1/train/sar/SV_NewYork_40.7388_-74.0108.tif"),
    "ogsod-2": (
        "OGSOD-2.0/images/train/images/20159__1__0___0.png",
        "OGSOD-2.0/imagesSAR/train/images/20159__1__0___0.png",
    ),
    "gfge-so": ("train/opt/opt1.png", "train/sar/sar1.png"),
    "oem-sar": ("train/rgb_images/TrainArea_379.tif", "train/sar_images/TrainArea_379.tif"),
    "earthmiss": ("Nanjing/images/RGB/Nanjing_clip_9_5.tif", "Nanjing/images/SAR/Nanjing_clip_9_5_SAR.tif"),
    "osdataset-2": (
        "OSDataset2.0/Patch-level Subset/Buenos Aires/opt1.png",
        "OSDataset2.0/Patch-level Subset/Buenos Aires/sar1.png",
    ),
}
FLOATS = ("dfc23", "earthmiss")


def make(source: str, root: Path, optical: np.ndarray, sar: np.ndarray) -> tuple[Path, Path]:
    one, other = ONE_PAIR[source]
    quality = {"QUALITY": 100} if one.endswith(".jpg") else {}
    return write(root / one, optical, **quality), write(root / other, sar, **quality)


@pytest.mark.parametrize("source", SOURCES)
def test_true_layout_any_case_wrapped_and_with_leavings(tmp_path: Path, source: str) -> None:
    one, other = ONE_PAIR[source]
    copy = f"{one[:-4]} (1){one[-4:]}"
    junk = (f"__MACOSX/{one}", f"{Path(one).parent}/._{Path(one).name}", f"{Path(one).parent}/.DS_Store")
    found = survey(source, touch(tmp_path / "true", one, other, copy, *junk, f"{Path(one).parent}/notes.txt"))
    assert [files for _, *files in pairs(found)] == [[one, other]]
    assert found.left_out == {"duplicate-download": 1, "junk": 2}
    shouted = [f"Some Folder/{path[:-4].upper()}{path[-4:].upper()}" for path in (one, other)]
    again = survey(source, touch(tmp_path / "upper", *shouted))
    assert pairs(again) == [(found.scenes[0].split, *shouted)]


@pytest.mark.parametrize("source", SOURCES)
def test_halves_without_the_other_are_counted(tmp_path: Path, source: str) -> None:
    one, other = ONE_PAIR[source]
    stem = {"whu-opt-sar": B, "gfge-so": "opt77", "osdataset-2": "opt77"}.get(source, "77")
    extra = Path(one).with_name(stem + one[-4:]).as_posix()
    assert survey(source, touch(tmp_path, one, other, extra)).left_out == {"optical-without-sar": 1}
    (tmp_path / extra).unlink()
    extra = Path(other).with_name(stem.replace("opt", "sar") + other[-4:]).as_posix()
    assert survey(source, touch(tmp_path, extra)).left_out == {"sar-without-optical": 1}


@pytest.mark.parametrize("source", SOURCES)
def test_second_files_of_one_place_are_left_out_with_one_warning(tmp_path: Path, source: str) -> None:
    one, other = ONE_PAIR[source]
    found = survey(source, touch(tmp_path, *(f"{copy}/{path}" for copy in ("a", "b") for path in (one, other))))
    if source == "gfge-so":  # any folder may be a city there
        assert len(found.scenes) == 2
        return
    assert [files for _, *files in pairs(found)] == [[f"a/{one}", f"a/{other}"]]
    assert found.left_out == {"same-name": 2}
    assert sum("has its name, and 1 more like it" in warning for warning in found.warnings) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_windows_are_where_they_should_be(tmp_path: Path, source: str) -> None:
    """Steep images: one pixel off, in any direction, gives other values."""
    kind = "float32" if source in FLOATS else "uint8"
    rows, cols = np.indices((512, 516))
    optical = np.stack([rows * 7 + cols, rows + cols * 5, rows * 3 + cols * 11], 2) % 200 + 10
    sar = (rows * 13 + cols * 3) % 200 + 10
    if source == "ddhr":  # waves of one colour, which JPEG keeps
        sar = (128 + 50 * np.sin(rows / 5) + 50 * np.sin(cols / 5)).astype(int)
        optical = np.stack([sar - 20, sar, sar + 20], 2)
    deep = optical.astype(kind if source == "earthmiss" else "uint8")
    flat = (sar / 255).astype(kind) if source == "dfc23" else sar.astype(kind)
    make(source, tmp_path, deep, flat)
    native = resolve(get_reader(source).card).tile.native
    cutting = tiles_of(source, tmp_path)
    assert len(cutting) == (1 if native else 4)
    order = [2, 1, 0] if source == "whu-opt-sar" else [0, 1, 2]
    for tile in cutting:
        w = tile.window
        part = (slice(w.row, w.row + w.height), slice(w.col, w.col + w.width))
        for mine, raw in ((tile.images["optical"], optical[..., order]), (tile.images["sar"], sar[..., None])):
            assert mine.shape[2] == raw.shape[2]
            error = np.abs(mine.astype(int) - raw[part])
            assert error.max() <= (4 if source == "ddhr" else 1)  # floats are stretched to 1..255


@pytest.mark.parametrize(("source", "half"), [(source, half) for source in SOURCES for half in (0, 1)])
def test_truncated_files_fail_by_that_name(tmp_path: Path, source: str, half: int) -> None:
    scale = np.float32(255) if source == "dfc23" else 1
    kind = "float32" if source in FLOATS else "uint8"
    optical = noise(256, 256, 3).astype(kind if source == "earthmiss" else "uint8")
    truncate(make(source, tmp_path, optical, (noise(256, 256, 1, seed=1) / scale).astype(kind))[half], 0.7)
    (item,) = cut_all(source, tmp_path)
    assert isinstance(item, Drop)
    assert (item.fate, item.reason) == ("failed", "truncated")


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".bmp"])
@pytest.mark.parametrize("source", ["ogsod-2", "gfge-so", "ddhr"])
def test_sources_of_unknown_extension_read_all_of_them_and_see_truncation(
    tmp_path: Path, source: str, suffix: str
) -> None:
    one, other = (tmp_path / (path[:-4] + suffix) for path in ONE_PAIR[source])
    write(one, noise(256, 256, 3))
    write(other, noise(256, 256, 1, seed=1))
    assert len(tiles_of(source, tmp_path)) == 1
    truncate(other, 0.7)
    assert [(item.reason if isinstance(item, Drop) else "tile") for item in cut_all(source, tmp_path)] == ["truncated"]


@pytest.mark.parametrize("source", SOURCES)
def test_sar_of_several_channels_becomes_one_band(tmp_path: Path, source: str) -> None:
    kind = "float32" if source in FLOATS else "uint8"
    scale = 255 if source == "dfc23" else 1
    grey = noise(256, 256, 1, seed=1)
    optical = noise(256, 256, 3).astype(kind if source == "earthmiss" else "uint8")
    make(source, tmp_path, optical, (np.repeat(grey, 3, 2) / np.float32(scale)).astype(kind))
    (tile,) = tiles_of(source, tmp_path)
    assert tile.flags == ()
    bound = 40 if source == "ddhr" else 1  # noise in a JPEG
    assert np.abs(tile.images["sar"].astype(int) - grey).max() <= bound
    if source == "ddhr":
        return
    coloured = noise(256, 256, 3, seed=2)
    make(source, tmp_path, optical, (coloured / np.float32(scale)).astype(kind))
    (tile,) = tiles_of(source, tmp_path)
    assert tile.flags == (AVERAGED,)
    mean = coloured.astype(float).mean(axis=2, keepdims=True)
    assert np.abs(tile.images["sar"] - mean).max() <= (1.5 if source in FLOATS else 0.5)  # floats: 1..255


def test_a_band_that_is_asked_for_is_not_averaged(tmp_path: Path) -> None:
    coloured = noise(256, 256, 3, seed=2)
    make("ogsod-2", tmp_path, noise(256, 256, 3), coloured)
    how = resolve(get_reader("ogsod-2").card, {"sar": {"bands": [2]}})
    (tile,) = cut(survey("ogsod-2", tmp_path).scenes[0], tmp_path, how)
    assert isinstance(tile, Tile)
    assert tile.flags == ()
    np.testing.assert_array_equal(tile.images["sar"], coloured[..., 1:2])


# WHU-OPT-SAR


@pytest.mark.parametrize(
    "base", ["optical", "image", "opt", "whu-opt-sar/image", "WHU-OPT-SAR/Optical", "optical/optical"]
)
def test_whu_layouts_and_what_lies_beside(tmp_path: Path, base: str) -> None:
    parent = base.rpartition("/")[0].replace("optical", "")
    side = f"{parent}/" if parent else ""
    touch(tmp_path, f"{base}/{A}.tif", f"{side}sar/{A}.tif", f"{side}lbl/{A}.tif", f"{base}/preview.tif")
    touch(tmp_path, f"{side}intro/lbl/{A}.tif", f"{side}predict/{A}.tif", f"{side}prediction/optical/{A}.tif")
    found = survey("whu-opt-sar", tmp_path)
    assert pairs(found) == [("all", f"{base}/{A}.tif", f"{side}sar/{A}.tif")]
    assert found.left_out == {"outside-images": 3, "unknown-name": 1}
    assert "put the list beside the images" in found.warnings[0]
    assert len(found.warnings) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"train:\n{A}.tif\n{B}.tif\n\ntest:\n{C}.tif\n",
        f"Training set (80)\r\n{A}, {B}\r\nTest set (20)\r\n{C}\r\n",
        f"80 train and 20 test\n{A} train\n{B} train\n{C} test\n",
        f"train {A} {B} test {C}",
        f"训练集\n{A}.tif\n{B}.tif\n测试集\n{C}.tif",
        f"test\n{C}.tif",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_whu_division_in_any_form(tmp_path: Path, text: str, encoding: str) -> None:
    touch(tmp_path, *(f"{folder}/{sheet}.tif" for folder in ("optical", "sar") for sheet in (A, B, C)))
    (tmp_path / "optical" / DIVISION).write_bytes(text.encode(encoding))
    found = survey("whu-opt-sar", tmp_path)
    assert [(scene.split, scene.name) for scene in found.scenes] == [("train", A.lower()), ("train", B.lower())]
    assert (found.left_out, found.warnings) == ({"split-test": 1}, ())


def test_whu_sheets_that_the_division_does_not_name_and_lists_that_name_none(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{folder}/{sheet}.tif" for folder in ("optical", "sar") for sheet in (A, C)))
    (tmp_path / DIVISION).write_text(f"train\n{A}\ntest\n{B}\n")
    found = survey("whu-opt-sar", tmp_path)
    assert [scene.split for scene in found.scenes] == ["train"]
    assert found.left_out == {"not-in-division": 2}
    (tmp_path / DIVISION).write_text("to be announced\n")
    found = survey("whu-opt-sar", tmp_path)
    assert [scene.split for scene in found.scenes] == ["all", "all"]
    assert "names no sheet" in found.warnings[0]


def test_whu_tiles_of_a_sheet_follow_it(tmp_path: Path) -> None:
    names = (f"{A}_0_1", f"{A}_1_0", f"{A}_7", f"{C}_0_1")
    touch(tmp_path, *(f"{folder}/{name}.tif" for folder in ("opt", "sar") for name in names), f"__MACOSX/opt/{A}.tif")
    (tmp_path / DIVISION).write_text(f"train\n{A}\ntest\n{C}\n")
    found = survey("whu-opt-sar", tmp_path)
    assert [scene.name.upper() for scene in found.scenes] == list(names[:3])
    assert found.left_out == {"junk": 1, "split-test": 1}


def test_whu_division_ignores_sheets_before_any_heading() -> None:
    assert read_division(f"{A}\ntrain\n{B}") == {B.lower(): "train"}


@pytest.mark.parametrize("alpha", [False, True])
def test_whu_bands_are_b_g_r_nir_and_nir_is_never_alpha(tmp_path: Path, alpha: bool) -> None:
    optical = noise(256, 256, 4)
    optical[5, 9] = (10, 20, 30, 0)
    write(tmp_path / f"optical/{A}.tif", optical, alpha=alpha)
    write(tmp_path / f"sar/{A}.tif", noise(256, 256, 1, seed=1))
    (tile,) = tiles_of("whu-opt-sar", tmp_path)
    assert tile.images["optical"][5, 9].tolist() == [30, 20, 10]
    assert tile.valid["optical"].all()
    np.testing.assert_array_equal(tile.images["optical"], optical[..., [2, 1, 0]])


def test_whu_has_23520_tiles() -> None:
    rule = get_reader("whu-opt-sar").card.tile
    widths = [5556] * 70 + [5555] * 10
    assert sum(len(plan_windows(3704, width, rule)) for width in widths) == 23_520


# DDHR


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        *(("xian", "xian"), ("Xi'an", "xian"), ("XA", "xian"), ("DDHR-XA", "xian"), ("DDCH", "xian")),
        *(("Xian/128", "xian"), ("xi_an_256", "xian"), ("dongying", "dongying"), ("DY", "dongying")),
        *(("Shandong/256", "dongying"), ("DDHR/DATA/dongying", "dongying")),
    ],
)
@pytest.mark.parametrize("kinds", [("GF2", "GF3"), ("opt", "sar"), ("optical", "SAR")])
def test_ddhr_regions_and_folders(tmp_path: Path, folder: str, split: str, kinds: tuple[str, str]) -> None:
    files = [f"{folder}/{kind}/12.jpg" for kind in kinds]
    touch(tmp_path, *files, f"{folder}/label/12.png", f"{folder}/list.txt")
    found = survey("ddhr", tmp_path, split)
    assert pairs(found) == [(split, *files)]
    assert (found.left_out, found.warnings) == ({}, ())


def test_ddhr_leaves_pohang_out_with_all_its_copies(tmp_path: Path) -> None:
    regions = ("xian", "korea/cloud", "korea/no_cloud", "Korea/256_cloud", "SK", "DDSK/256")
    touch(tmp_path, *(f"{region}/{kind}/1.jpg" for region in regions for kind in ("GF2", "GF3")))
    touch(tmp_path, "korea/no_cloud/GF3/2.jpg")
    found = survey("ddhr", tmp_path, "xian", "dongying")
    assert [split for split, *_ in pairs(found)] == ["xian"]
    assert found.left_out == {"split-korea": 6}
    assert found.warnings == (f"split dongying was asked for, but has no scene in {tmp_path}",)
    assert len(survey("ddhr", tmp_path, "korea").scenes) == 5


def test_ddhr_regions_it_does_not_know_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    places = ("xian/", "dongying/", "Atlantis/", "")
    touch(tmp_path, *(f"{place}{kind}/1.jpg" for place in places for kind in ("GF2", "GF3")))
    found = survey("ddhr", tmp_path)
    assert found.left_out == {"split-other": 2}
    assert "2 pairs such as GF2/1.jpg lie in no folder of a known region" in found.warnings[0]
    assert len(survey("ddhr", tmp_path, "other").scenes) == 2
    splits = resolve(get_reader("ddhr").card, {"splits": {"other": "pretrain"}}).splits
    assert len(survey("ddhr", tmp_path, *splits).scenes) == 4


def test_ddhr_scenes_that_tell_by_their_own_names_and_two_sizes_of_one_region(tmp_path: Path) -> None:
    touch(tmp_path, "XA_GF2.tif", "XA_GF3.tif", "Shandong/opt.img", "Shandong/sar.img", "XA_label.tif", "map.tif")
    found = survey("ddhr", tmp_path)
    assert pairs(found) == [
        ("dongying", "Shandong/opt.img", "Shandong/sar.img"),
        ("xian", "XA_GF2.tif", "XA_GF3.tif"),
    ]
    assert found.left_out == {"outside-images": 1}
    touch(tmp_path, *(f"xian/{size}/{kind}/1.jpg" for size in (128, 256) for kind in ("GF2", "GF3")))
    found = survey("ddhr", tmp_path)
    assert len(found.scenes) == 4
    assert "may show the same ground twice" in found.warnings[0]


def test_ddhr_tiles_of_128_are_written_whole(tmp_path: Path) -> None:
    make("ddhr", tmp_path, noise(128, 128, 3), noise(128, 128, 1, seed=1))
    (tile,) = tiles_of("ddhr", tmp_path)
    assert tile.images["optical"].shape == (128, 128, 3)


# DFC23


def test_dfc23_keeps_tracks_and_splits_apart(tmp_path: Path) -> None:
    folders = ("track1/train", "track1/val", "track2/train", "track2/val", "track2_test_data", "track1_test_data")
    touch(tmp_path, *(f"{folder}/{kind}/P_0000.tif" for folder in folders for kind in ("rgb", "sar")))
    touch(tmp_path, "track2/train/dsm/P_0000.tif", "track2/train/height/P_0000.tif", "track1/merge/rgb/P_0000.tif")
    touch(tmp_path, "track1/train/preview/P_0000.tif", "track1/roof_fine_train.json")
    found = survey("dfc23", tmp_path)
    assert [(scene.split, scene.optical) for scene in found.scenes] == [
        ("t1train", "track1/train/rgb/P_0000.tif"),
        ("t1val", "track1/val/rgb/P_0000.tif"),
        ("t2test", "track2_test_data/rgb/P_0000.tif"),
        ("t2train", "track2/train/rgb/P_0000.tif"),
        ("t2val", "track2/val/rgb/P_0000.tif"),
    ]
    assert (found.left_out, found.warnings) == ({"outside-images": 2, "split-t1test": 1}, ())


@pytest.mark.parametrize("folder", ["DFC23_Track2/train", "dfc23_track2/track2/test", "Track 2/val", "track-2/train"])
def test_dfc23_wrappers(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, f"{folder}/rgb/a.tif", f"{folder}/sar/a.tif", "train/rgb/b.tif", "track3/train/sar/b.tif")
    found = survey("dfc23", tmp_path)
    assert [scene.split for scene in found.scenes] == [f"t2{folder.rpartition('/')[2]}"]
    assert found.left_out == {"unknown-track": 2}


def test_dfc23_sar_is_0_to_1_or_0_to_255_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sar = noise(256, 256, 1, seed=1)
    _, file = make("dfc23", tmp_path, noise(256, 256, 3), (sar / 255).astype("float32"))
    (low,) = tiles_of("dfc23", tmp_path)
    assert (low.scale, caplog.messages) == ({"sar": (0, 1)}, [])
    make("dfc23", tmp_path, noise(256, 256, 3), sar.astype("float32"))
    with caplog.at_level(logging.WARNING, "osprep"):
        (high,) = tiles_of("dfc23", tmp_path)
    assert high.scale == {"sar": (0, 255)}
    assert [message.partition(": values up to 255 are not 0-1")[0] for message in caplog.messages] == [str(file)]
    np.testing.assert_array_equal(low.images["sar"], high.images["sar"])


# OGSOD-2.0


@pytest.mark.parametrize(
    ("optical", "sar"),
    [
        ("OGSOD-2.0/images/{}/images", "OGSOD-2.0/imagesSAR/{}/images"),
        ("images/{}/images", "imagesSAR/{}/images"),
        ("images/{}", "imagesSAR/{}"),
        ("rgb/images/{}", "sar/images/{}"),
    ],
)
def test_ogsod_layouts_and_splits(tmp_path: Path, optical: str, sar: str) -> None:
    stem = "20159__1__0___0"
    for split in ("train", "val"):
        touch(tmp_path, f"{optical.format(split)}/{stem}.png", f"{sar.format(split)}/{stem}.png")
    touch(tmp_path, f"{sar.format('test')}/{stem}.png", "labels/train/a.txt", "labels/train/a.png")
    touch(tmp_path, "OGSOD-1.0/images/images/train/1.png", "OGSOD-1.0(obb_label) /train/labelTxt/1.txt")
    found = survey("ogsod-2", tmp_path)
    assert pairs(found) == [
        (split, f"{optical.format(split)}/{stem}.png", f"{sar.format(split)}/{stem}.png") for split in ("train", "val")
    ]
    assert found.left_out == {"ogsod-1.0": 1, "split-test": 1}


# GFGE-SO and OSDataset 2.0: names that begin with opt and sar


def test_gfge_layouts_of_all_kinds_at_once(tmp_path: Path) -> None:
    both = {
        "train": ("GFGE/train/opt/opt1.png", "GFGE/train/sar/sar1.png"),
        "val": ("val/opt/opt1.png", "val/sar/sar1.png"),
        "test": ("test/opt1.jpg", "test/sar1.jpg"),
    }
    flat = [("opt_a7.png", "sar_a7.png"), ("Wuhan/opt1.tif", "Wuhan/sar1.tif"), ("Xi'an/opt/1.png", "Xi'an/sar/1.png")]
    flat += [("Wuhan/opt/sarajevo.png", "Wuhan/sar/sarajevo.png")]
    touch(tmp_path, *(file for pair in (*both.values(), *flat) for file in pair), "Wuhan/3.png", "labels/opt1.png")
    found = survey("gfge-so", tmp_path)
    assert sorted(pairs(found)) == sorted(
        [(split, *files) for split, files in both.items()] + [("all", *f) for f in flat]
    )
    assert found.left_out == {"unknown-name": 1}
    assert [warning.partition(":")[0] for warning in found.warnings] == ["layout unverified"]


@pytest.mark.parametrize(
    "base", ["OSDataset2.0/OSDataset2.0/Patch-level Subset/", "OSDataset2.0/Patch-level Subset/", "patch_level_subset/"]
)
def test_osdataset_reads_new_patches_only(tmp_path: Path, base: str) -> None:
    new = [(f"{base}{place}/opt1.png", f"{base}{place}/sar1.png") for place in ("Buenos Aires", "Gdansk", "A/B")]
    new += [(f"{base}Doha/opt/4.png", f"{base}Doha/sar/4.png"), (f"{base}Doha/opt5.png", f"{base}Doha/sar5.png")]
    old = [
        f"{base}OSdataset/{side}/{split}/{k}1.png"
        for side in (256, 512)
        for split in ("train", "val")
        for k in ("opt", "sar")
    ]
    old += [f"{base}OSdataset 1.0/512/test/opt/1.png", f"{base}OSdataset 1.0/512/test/sar/1.png"]
    top = base.rpartition("Patch")[0]
    aside = [f"{top}Scene-level Subset/opt1.tif", f"{top}Scene-level Subset/sar1.tif", f"{base}Gdansk/map.png"]
    touch(tmp_path, *(file for pair in new for file in pair), *old, *aside, f"{top}pictures/opt1.png")
    found = survey("osdataset-2", tmp_path)
    assert sorted(pairs(found)) == sorted(("all", *files) for files in new)
    assert found.left_out == {"osdataset-1.0": 10, "outside-images": 1, "scene-level": 2, "unknown-name": 1}


def test_osdataset_unpacked_without_its_folder(tmp_path: Path) -> None:
    touch(tmp_path, "Gdansk/opt1.png", "Gdansk/sar1.png", "OSdataset/512/train/opt1.png", "Scene/opt1.tif")
    found = survey("osdataset-2", tmp_path)
    assert pairs(found) == [("all", "Gdansk/opt1.png", "Gdansk/sar1.png")]
    assert found.left_out == {"osdataset-1.0": 1, "scene-level": 1}


# OpenEarthMap-SAR


@pytest.mark.parametrize("base", ["dfc25_track1_trainval/", ""])
def test_oem_reads_training_only(tmp_path: Path, base: str) -> None:
    touch(tmp_path, *(f"{base}train/{folder}/TrainArea_379.tif" for folder in ("rgb_images", "sar_images", "labels")))
    touch(tmp_path, f"{base}val/sar_images/ValArea_011.tif", "dfc25_track1_test/test/sar_images/TestArea_087.tif")
    touch(tmp_path, f"{base}val/labels/ValArea_011.tif", f"{base}train/sar_rgb_images/TrainArea_379.tif")
    touch(tmp_path, *(f"dfc25_track2_trainval/train/{kind}/a.tif" for kind in ("pre-event", "post-event", "target")))
    found = survey("oem-sar", tmp_path)
    files = [f"{base}train/{folder}/TrainArea_379.tif" for folder in ("rgb_images", "sar_images")]
    assert pairs(found) == [("train", *files)]
    assert found.left_out == {"dfc25-track2": 3, "outside-images": 1, "split-test": 1, "split-val": 1}


def test_oem_without_folders_for_splits_goes_by_name(tmp_path: Path) -> None:
    names = ("TrainArea_1002", "ValArea_011", "Somewhere")
    touch(tmp_path, *(f"{folder}/{name}.tif" for folder in ("rgb_images", "sar_images") for name in names))
    found = survey("oem-sar", tmp_path)
    assert [(scene.split, scene.name) for scene in found.scenes] == [("train", "trainarea_1002")]
    assert found.left_out == {"outside-images": 2, "split-val": 1}


def test_oem_places_pairs_by_the_sar_image_and_masks_its_wedge(tmp_path: Path) -> None:
    optical, sar = noise(256, 256, 3), noise(256, 256, 1, seed=1)
    sar[:, :40] = 0
    write(tmp_path / ONE_PAIR["oem-sar"][0], optical)
    write(tmp_path / ONE_PAIR["oem-sar"][1], sar, crs=UTM, transform=NORTH_UP)
    (tile,) = tiles_of("oem-sar", tmp_path)
    assert (tile.crs, tile.flags) == (UTM, ())
    assert not tile.valid["sar"][:, :40].any()
    assert tile.valid["sar"][:, 40:].all()
    np.testing.assert_array_equal(tile.images["sar"], sar)


# EarthMiss


def test_earthmiss_layouts(tmp_path: Path) -> None:
    touch(
        tmp_path, "Peru-Callao/images/RGB/Peru-Callao_clip_9_5.tif", "Peru-Callao/images/SAR/Peru-Callao_clip_9_5.tif"
    )
    touch(tmp_path, "train/Nanjing/images/RGB/clip_9_5.tif", "train/Nanjing/images/SAR/clip_9_5_SAR.tif")
    touch(tmp_path, "Nara/images/RGB/clip_9_5.tif", "Nara/images/SAR/clip_9_5_SAR.tif", "Nara/masks/clip_9_5_mask.tif")
    touch(
        tmp_path, "Nara/images/RGB/clip_1_1(1).tif", "Nara/images/SAR/clip_1_1.tif", "Nara/images/RGB/clip_9_5(1).tif"
    )
    touch(tmp_path, "Nara/images/RGB_512/x.tif", "Nara/images_512/SAR/x.tif", "Nara/images_512/RGB/x.tif")
    found = survey("earthmiss", tmp_path)
    assert [scene.name for scene in found.scenes] == [
        *("nanjing/clip_9_5", "nara/clip_1_1", "nara/clip_9_5", "peru-callao/peru-callao_clip_9_5"),
    ]
    assert found.left_out == {"duplicate-download": 1, "outside-images": 3}


def test_earthmiss_name_with_and_without_suffix_is_told(tmp_path: Path) -> None:
    files = ("Nara/images/RGB/a.tif", "Nara/images/SAR/a.tif", "Nara/images/SAR/a_SAR.tif")
    found = survey("earthmiss", touch(tmp_path, *files))
    assert found.left_out == {"same-name": 1}
    assert found.warnings[0].startswith("Nara/images/SAR/a_SAR.tif is left out: Nara/images/SAR/a.tif has its name;")


def test_earthmiss_values_are_clipped_and_fill_is_black_or_white(tmp_path: Path) -> None:
    optical = noise(256, 256, 3).astype("float32")
    optical[0, :5] = [(-7, 100, 300), (0, 0, 0), (255, 255, 255), (0, 0, 255), (255, 255, 254)]
    sar = noise(256, 256, 1, seed=1).astype("float32")
    sar[0, :3, 0] = (0, 400, -3)
    make("earthmiss", tmp_path, optical, sar)
    (tile,) = tiles_of("earthmiss", tmp_path)
    assert tile.valid["optical"][0, :5].tolist() == [True, False, False, True, True]
    assert tile.valid["sar"][0, :3].tolist() == [False, True, True]
    assert tile.images["optical"][0, :3].tolist() == [[1, 101, 255], [0, 0, 0], [0, 0, 0]]
    assert tile.images["sar"][0, :3, 0].tolist() == [0, 255, 1]


@pytest.mark.parametrize("tone", [0, 255])
def test_earthmiss_tiles_of_fill_are_dropped(tmp_path: Path, tone: int) -> None:
    optical, sar = np.full((256, 256, 3), tone, np.float32), noise(256, 256).astype("float32")
    make("earthmiss", tmp_path, optical, sar)
    assert [item.reason for item in cut_all("earthmiss", tmp_path) if isinstance(item, Drop)] == ["low-valid"]


def test_fill_holds_where_the_file_declares_another_nodata(tmp_path: Path) -> None:
    optical = noise(256, 256, 3).astype("float32")
    optical[0, 0], optical[0, 1] = 255, -99
    one, other = (tmp_path / path for path in ONE_PAIR["earthmiss"])
    write(one, optical, nodata=-99)
    write(other, noise(256, 256).astype("float32"))
    (tile,) = tiles_of("earthmiss", tmp_path)
    assert np.argwhere(~tile.valid["optical"]).tolist() == [[0, 0], [0, 1]]


def test_scenes_have_the_keys_of_their_sources(tmp_path: Path) -> None:
    for source in SOURCES:
        (scene,) = survey(source, touch(tmp_path / source, *ONE_PAIR[source])).scenes
        assert isinstance(scene, Scene)
        assert (scene.source, scene.kind) == (source, "pair")
