"""The layouts of rehearsed sources, as the documents of each source describe them."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp
from scipy.io import loadmat

from osprep.rehearse.chips import target_chip
from osprep.rehearse.products import picture
from osprep.rehearse.sources import (
    atrnet_star,
    ddhr,
    dfc23,
    earthmiss,
    fair_csar,
    gfge_so,
    oem_sar,
    ogsod_2,
    osdataset_2,
    rsd46,
    sardet_180k,
    whu_opt_sar,
)
from osprep.rehearse.tree import Defect, RawTree

MODULES = (
    atrnet_star,
    ddhr,
    dfc23,
    earthmiss,
    fair_csar,
    gfge_so,
    oem_sar,
    ogsod_2,
    osdataset_2,
    rsd46,
    sardet_180k,
    whu_opt_sar,
)
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    written = {}
    for module in MODULES:
        name = module.__name__.rpartition(".")[2]
        written[name] = RawTree(tmp_path_factory.mktemp(name))
        module.write(written[name], 5)
    return written


def defect(tree: RawTree, reason: str) -> Defect:
    (found,) = (item for item in tree.defects if item.reason == reason)
    return found


def bands(path: Path) -> tuple[np.ndarray, SimpleNamespace]:
    with rasterio.open(path) as file:
        facts = {name: getattr(file, name) for name in ("crs", "transform", "width", "colorinterp", "compression")}
        return file.read(), SimpleNamespace(**facts)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_every_defect_points_at_a_file_and_every_file_is_listed_once(trees):
    for tree in trees.values():
        assert all((tree.folder / item.path).is_file() for item in tree.defects)
        found = sorted(p.relative_to(tree.folder).as_posix() for p in tree.folder.rglob("*") if p.is_file())
        assert found == sorted(tree.files)


@pytest.mark.parametrize("module", [fair_csar, sardet_180k], ids=lambda m: m.__name__.rpartition(".")[2])
def test_a_second_tree_has_the_same_bytes_and_another_seed_others(module, trees, tmp_path):
    first = trees[module.__name__.rpartition(".")[2]]
    for seed, shared in ((5, len(first.files)), (6, None)):
        other = RawTree(tmp_path / str(seed))
        module.write(other, seed)
        assert other.files == first.files
        equal = sum((other.folder / p).read_bytes() == (first.folder / p).read_bytes() for p in first.files)
        assert equal == shared if shared else equal < len(first.files) / 2


def test_whu_sheets_have_blue_first_and_no_place(trees):
    root = trees["whu_opt_sar"].folder
    listed = (root / "The division of the dataset.txt").read_text().split("\n")
    assert listed[0] == "train:"
    assert listed[-4:] == ["test:", "NH49E001014.tif", "", ""]
    widths = Counter()
    for path in (root / "sar").iterdir():
        values, file = bands(root / "optical" / path.name)
        sar, _ = bands(path)
        assert (values.shape[0], sar.shape[0], values.dtype, file.crs) == (4, 1, np.uint8, None)
        assert values.shape[1:] == sar.shape[1:] == pixels(root / "lbl" / path.name).shape
        assert file.colorinterp[3] == ColorInterp.alpha
        widths[file.width] += 1
    assert widths == {1112: 3, 1111: 1}
    farmland = bands(root / "optical/NH49E001013.tif")[0].mean(axis=(1, 2))
    assert farmland[3] > farmland[1] > farmland[0]  # near infrared, green, blue
    assert farmland[2] > 1.1 * farmland[0]
    assert not bands(root / "optical/NH49E010015.tif")[0][:, 310:410, 490:590].any()


def test_ddhr_regions_differ_in_size_and_pohang_comes_three_times(trees):
    root = trees["ddhr"].folder
    assert {pixels(path).shape for path in (root / "xian/GF2").iterdir()} == {(128, 128, 3)}
    grey = Counter(pixels(path).ndim for path in (root / "xian/GF3").iterdir())
    assert grey == {2: 12, 3: 4}
    for number in (1, 2, 3):
        clear, cloudy, again = (
            pixels(root / f"korea/{f}/GF2/{number}.jpg") for f in ("no_cloud", "cloud", "256_cloud")
        )
        assert np.array_equal(cloudy, again)
        assert cloudy.mean() > clear.mean() + 15
        assert pixels(root / f"korea/cloud/GF3/{number}.jpg").shape == (256, 256)


def test_dfc23_tracks_reuse_names_and_only_training_has_a_place(trees):
    tree = trees["dfc23"]
    root = tree.folder
    assert names(root / "track1/train/rgb") & names(root / "track2/train/rgb") == {"SV_NewYork_40.7388_-74.0108.tif"}
    first, second = (bands(root / f"{track}/val/rgb/P_0000.tif")[0] for track in ("track1", "track2"))
    assert not np.array_equal(first, second)
    for path in root.rglob("sar/*.tif"):
        sar, file = bands(path)
        optical, photo = bands(path.parents[1] / "rgb" / path.name)
        assert (sar.shape, sar.dtype, optical.shape) == ((1, 512, 512), np.float32, (3, 512, 512))
        assert 0 < sar.min() < 0.1 < 0.7 < sar.max() <= 1
        assert (file.crs is not None) == (path.parts[-3] == "train")
        assert (file.crs, file.transform) == (photo.crs, photo.transform)
    berlin = bands(root / defect(tree, "constant").path)[0]
    assert (berlin == 0).all(axis=0).mean() == pytest.approx(0.53, abs=0.01)
    quarters = [berlin[:, r : r + 256, c : c + 256].any() for r in (0, 256) for c in (0, 256)]
    assert quarters.count(False) == defect(tree, "constant").count


def test_ogsod_stems_agree_and_two_images_are_coloured(trees):
    root = trees["ogsod_2"].folder / "OGSOD-2.0"
    coloured = 0
    for split, count in (("train", 12), ("val", 3), ("test", 3)):
        optical, sar = root / f"images/{split}/images", root / f"imagesSAR/{split}/images"
        assert len(names(optical)) == count
        assert names(optical) == names(sar)
        if split != "test":
            coloured += sum(bool(np.ptp(pixels(path), axis=2).any()) for path in sar.iterdir())
    assert coloured == defect(trees["ogsod_2"], "unequal-channels").count


def test_gfge_numbers_restart_in_every_split(trees):
    root = trees["gfge_so"].folder
    assert names(root / "val/opt") == names(root / "test/opt") == {"opt1.png", "opt2.png"}
    assert {name.replace("opt", "sar") for name in names(root / "train/opt")} - names(root / "train/sar") == {
        "sar9.png"
    }


def test_oem_wedge_costs_the_windows_that_are_declared(trees):
    tree = trees["oem_sar"]
    train = tree.folder / "dfc25_track1_trainval/train"
    sar, file = bands(tree.folder / defect(tree, "constant").path)
    blank = [not sar[:, r : r + 256, c : c + 256].any() for r in range(0, 1024, 256) for c in range(0, 1024, 256)]
    assert (sar.shape, sar.dtype, blank.count(True)) == ((1, 1024, 1024), np.uint8, defect(tree, "constant").count)
    assert blank.count(True) > 0
    assert file.crs
    label, place = bands(train / "labels" / "TrainArea_1002.tif")
    assert set(np.unique(label)) <= set(range(9))
    assert place.crs is None
    assert not (train.parent / "val/rgb_images").exists()


def test_earthmiss_is_float_beyond_its_scale_with_fill(trees):
    root = trees["earthmiss"].folder
    optical, file = bands(root / "French-Paris/images/RGB/French-Paris_clip_9_5.tif")
    sar, _ = bands(root / "French-Paris/images/SAR/French-Paris_clip_9_5.tif")
    assert (optical.dtype, sar.dtype, file.compression.value) == (np.float32, np.float32, "LZW")
    assert (optical.shape, sar.shape) == ((3, 1024, 1024), (1, 1024, 1024))
    assert not optical[:, :256, :256].any()
    assert (optical[:, 768:, 768:] == 255).all()
    assert not sar[:, :256, :256].any()
    assert not sar[:, 768:, 768:].any()
    city = root / "Nanjing/images"
    harbour, _ = bands(city / "RGB/Nanjing_clip_1_6.tif")
    assert harbour.min() < 0 < 255 < harbour.max()
    assert names(city / "SAR") == {"Nanjing_clip_1_6_SAR.tif"}
    assert (city / "RGB/Nanjing_clip_1_6 (1).tif").read_bytes() == (city / "RGB/Nanjing_clip_1_6.tif").read_bytes()


def test_osdataset_holds_version_one_twice(trees):
    tree = trees["osdataset_2"]
    root = tree.folder / "OSDataset2.0/Patch-level Subset"
    whole, parts = (root / "OSdataset" / side / "train" for side in ("512", "256"))
    quarters = [pixels(parts / f"sar{k}.png") for k in (5, 6, 7, 8)]
    assert np.array_equal(np.block([quarters[:2], quarters[2:]]), pixels(whole / "sar2.png"))
    old = sum(item.count for item in tree.defects if item.reason == "osdataset-1.0")
    assert old == len(list((root / "OSdataset").rglob("*.png")))
    assert names(root / "Gdansk") & names(root / "Buenos Aires") == {"opt1.png", "sar1.png", "opt2.png", "sar2.png"}


def test_rsd46_names_recur_and_formats_differ(trees):
    root = trees["rsd46"].folder
    recurring = Counter(path.name for path in root.rglob("*.jpg"))
    assert recurring["2016-08-18_160039.jpg"] == 10
    assert pixels(root / "train/Airplane/10003.jpg").shape == (256, 256)
    with Image.open(root / "train/Graff/10003.jpg") as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")
    contents = Counter(path.read_bytes() for path in root.rglob("*.jpg"))
    assert sorted(contents.values())[-2:] == [1, 2]


def test_fair_csar_matrices_are_the_pictures(trees):
    tree = trees["fair_csar"]
    lone = tree.folder / defect(tree, "matrix-only").path
    for path in tree.folder.rglob("*.mat"):
        matrix = loadmat(path)["data"]
        assert (matrix.shape, matrix.dtype) == ((512, 512), np.complex64)
        png = path.parents[1] / "PNGImages" / f"{path.stem}.png"
        assert png.is_file() == (path != lone)
        if png.is_file():
            again = picture((np.abs(matrix) / 400) ** 2).astype(int)
            assert np.abs(again - pixels(png)).max() <= 1
        angles = np.angle(matrix)
        assert abs(np.exp(1j * angles).mean()) < 0.02


def test_sardet_chips_have_many_sizes_and_formats(trees):
    root = trees["sardet_180k"].folder / "186K_notest"
    formats, sides = Counter(), []
    for path in root.rglob("0*"):
        if path.suffix != ".xml" and path.name != "000002.jpg":
            with Image.open(path) as image:
                formats[image.format] += 1
                sides += image.size
                assert image.mode == "L"
    assert set(formats) == {"JPEG", "PNG", "TIFF", "BMP"}
    assert (min(sides), max(sides)) == (9, 800)


def test_atrnet_chips_of_a_sibling_benchmark_are_the_same(trees):
    tree = trees["atrnet_star"]
    root = tree.folder / "Ground_Range/Amplitude_8bit"
    chips = list((root / "SOC_40classes/train").rglob("*.tif"))
    assert (len(chips), {pixels(path).shape for path in chips}) == (24, {(128, 128)})
    assert {"Chang'an_CS75_Plus", "Chery_Arrizo 5"} < names(root / "SOC_40classes/train")
    again = tree.folder / defect(tree, "sibling-benchmark").path
    assert again.read_bytes() in {path.read_bytes() for path in chips}


def test_a_vehicle_is_bright_and_casts_a_shadow_away_from_the_radar():
    for seed in range(20):
        chip = target_chip(128, 128, seed, "vehicle", 0.15)
        blocks = chip.reshape(32, 4, 32, 4).mean(axis=(1, 3))
        clutter = np.median(blocks)
        shadow, body = (np.argwhere(mask) for mask in (blocks < clutter / 4, blocks > 4 * clutter))
        assert min(len(shadow), len(body)) > 3
        assert shadow.mean(axis=0)[0] > body.mean(axis=0)[0] + 1
    assert target_chip(9, 9, 1, "ship", 10.0).shape == (9, 9)
