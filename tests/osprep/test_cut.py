import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from manifests import read_card
from osprep.cut import WARPED, cut, planned_windows
from osprep.errors import UnreadableRaster
from osprep.readers import get_reader
from osprep.recipe import SourceRecipe, resolve
from osprep.scene import Drop, Scene, Tile, Window
from tests.osprep.rasters import NORTH_UP, UTM, noise, write


def recipe(source: str = "folder", **overrides: Any) -> SourceRecipe:
    return resolve(read_card(source), overrides)


def scene(optical: str | None = None, sar: str | None = None, source: str = "folder") -> Scene:
    return Scene(source=source, split="all", name="one", optical=optical, sar=sar)


def run(root: Path, one: Scene, how: SourceRecipe) -> list[Tile | Drop]:
    """Cut, and check what holds for any scene: one item for each planned window, in order."""
    items = list(cut(one, root, how))
    assert tuple(item.window for item in items) == planned_windows(one, root, how)
    for item in items:
        if isinstance(item, Tile):
            for modality, pixels in item.images.items():
                assert pixels.dtype == np.uint8
                assert pixels.flags.c_contiguous
                assert pixels.shape[:2] == item.valid[modality].shape == (item.window.height, item.window.width)
    return items


def tiles(items: list[Tile | Drop]) -> list[Tile]:
    assert all(isinstance(item, Tile) for item in items), [item for item in items if isinstance(item, Drop)]
    return [item for item in items if isinstance(item, Tile)]


def fates(items: list[Tile | Drop]) -> Counter[str]:
    return Counter("tile" if isinstance(item, Tile) else f"{item.fate} {item.reason}" for item in items)


def test_tiles_are_the_windows_of_the_raster(tmp_path: Path) -> None:
    pixels = noise(600, 530, 3)
    write(tmp_path / "a.tif", pixels, crs=UTM, transform=NORTH_UP)
    cutting = tiles(run(tmp_path, scene(optical="a.tif"), recipe()))
    assert len(cutting) == 4
    for tile in cutting:
        w = tile.window
        np.testing.assert_array_equal(tile.images["optical"], pixels[w.row : w.row + 256, w.col : w.col + 256])
    last = cutting[3]
    assert (last.crs, last.gsd) == (UTM, pytest.approx(10))
    assert last.transform == (10, 0, 590000 + 2560, 0, -10, 5750000 - 2560)
    (lon,), (lat,) = rasterio.warp.transform(UTM, "EPSG:4326", [590000 + 3840], [5750000 - 3840])
    assert (last.lon, last.lat) == (pytest.approx(lon), pytest.approx(lat))
    assert last.scale == {}


def test_overlapping_windows_and_large_images_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.tif", noise(300, 200, 1, "float32"))
    how = recipe(tile={"size": 64, "stride": 40})
    small = tiles(run(tmp_path, scene(sar="a.tif"), how))
    monkeypatch.setattr("osprep.cut.KEPT_BYTES", 0)
    large = tiles(run(tmp_path, scene(sar="a.tif"), how))
    assert len(small) == 6 * 4
    for one, other in zip(small, large, strict=True):
        np.testing.assert_array_equal(one.images["sar"], other.images["sar"])


def test_the_stretch_is_of_the_scene_not_of_the_tile(tmp_path: Path) -> None:
    values = (np.arange(512 * 256) // 2).astype(np.uint16).reshape(512, 256, 1)
    write(tmp_path / "a.tif", values)
    first, second = tiles(run(tmp_path, scene(sar="a.tif"), recipe(sar={"parameters": {"low": 0, "high": 100}})))
    assert first.scale == {"sar": (0.0, 65535.0)}
    whole = np.concatenate([first.images["sar"], second.images["sar"]])
    np.testing.assert_array_equal(whole, np.rint(values / 65535 * 255).astype(np.uint8))


def test_a_pair_without_georeferencing_shares_its_windows(tmp_path: Path) -> None:
    optical, sar = noise(256, 512, 3), noise(256, 512, 1, seed=1)
    write(tmp_path / "a.png", optical)
    write(tmp_path / "b.png", np.repeat(sar, 3, axis=2))
    one, two = tiles(run(tmp_path, scene("a.png", "b.png"), recipe()))
    np.testing.assert_array_equal(two.images["optical"], optical[:, 256:])
    np.testing.assert_array_equal(one.images["sar"], sar[:, :256])
    assert (one.crs, one.transform, one.gsd, one.lon, one.flags) == (None, None, None, None, ())


def test_the_cards_gsd_stands_in_where_files_are_silent(tmp_path: Path) -> None:
    write(tmp_path / "a.png", noise(256, 256, 3))
    write(tmp_path / "b.png", noise(256, 256, 1))
    (tile,) = tiles(run(tmp_path, scene("a.png", "b.png"), recipe("qxs-saropt")))
    assert tile.gsd == 1.0


def test_a_drift_below_a_tenth_of_a_pixel_is_one_grid(tmp_path: Path) -> None:
    drifted = rasterio.Affine(10.0005, 0, 590000.2, 0, -10.0005, 5750000.2)
    write(tmp_path / "a.tif", noise(100, 100, 3), crs=UTM, transform=NORTH_UP)
    sar = noise(100, 100, 1, seed=1)
    write(tmp_path / "b.tif", sar, crs=UTM, transform=drifted)
    (tile,) = tiles(run(tmp_path, scene("a.tif", "b.tif"), recipe()))
    np.testing.assert_array_equal(tile.images["sar"], sar)
    assert tile.flags == ()


def test_half_a_pixel_is_another_grid(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", noise(100, 100, 3), crs=UTM, transform=NORTH_UP)
    shifted = rasterio.Affine(10, 0, 590005, 0, -10, 5750000)
    write(tmp_path / "b.tif", noise(100, 100, 1, seed=1), crs=UTM, transform=shifted)
    (tile,) = tiles(run(tmp_path, scene("a.tif", "b.tif"), recipe()))
    assert tile.flags == (WARPED,)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_sar_on_another_grid_is_warped_onto_the_optical_one_before_its_radiometry(tmp_path: Path, dtype: str) -> None:
    write(tmp_path / "a.tif", noise(300, 300, 3), crs=UTM, transform=NORTH_UP)
    ground = rasterio.Affine(6, 1, 589900, 1, -6, 5750100)
    smooth = np.add.outer(np.arange(800), np.arange(800) / 2)[..., None] % 200
    write(tmp_path / "b.tif", smooth.astype(dtype), crs=UTM, transform=ground)
    (tile,) = tiles(run(tmp_path, scene("a.tif", "b.tif"), recipe()))
    assert tile.flags == (WARPED,)
    place = {"crs": UTM, "transform": NORTH_UP, "width": 300, "height": 300}
    with (
        rasterio.open(tmp_path / "b.tif") as raw,
        WarpedVRT(raw, resampling=Resampling.bilinear, add_alpha=True, **place) as vrt,
    ):
        whole, mask = vrt.read(1), vrt.read(2) > 0
    if dtype == "float32":
        low, high = np.percentile(whole[mask], [1, 99])
        assert tile.scale["sar"] == pytest.approx((low, high), rel=1e-3)
        whole = np.rint(1 + np.clip((whole - low) / (high - low), 0, 1) * 254)
    expected = np.where(mask, whole, 0)[:256, :256]
    np.testing.assert_array_equal(tile.valid["sar"], mask[:256, :256])
    assert np.abs(tile.images["sar"][..., 0] - expected).max() <= (1 if dtype == "float32" else 0)
    assert 0.3 < mask.mean() < 1


def test_sizes_that_differ_without_georeferencing_fail_every_window(tmp_path: Path) -> None:
    write(tmp_path / "a.png", noise(512, 512, 3))
    write(tmp_path / "b.png", noise(512, 500, 1))
    items = run(tmp_path, scene("a.png", "b.png"), recipe())
    assert fates(items) == {"failed size-mismatch": 4}
    assert isinstance(items[0], Drop)
    assert "512 x 512" in items[0].detail
    assert "500 x 512" in items[0].detail


def test_low_valid_and_constant_tiles_are_skipped_and_counted(tmp_path: Path) -> None:
    sar = noise(64, 256, 1, "float32")
    sar[:, :64][:50] = np.nan  # 22 % valid
    sar[:, 64:128][:45] = np.nan  # 30 % valid
    sar[:, 128:192] = 5
    write(tmp_path / "a.tif", sar)
    items = run(tmp_path, scene(sar="a.tif"), recipe(tile={"size": 64, "stride": 64}))
    assert [item.reason if isinstance(item, Drop) else "tile" for item in items] == [
        *("low-valid", "tile", "constant", "tile"),
    ]
    tile = items[1]
    assert isinstance(tile, Tile)
    np.testing.assert_array_equal(tile.images["sar"][..., 0] == 0, ~tile.valid["sar"])
    assert tile.valid["sar"].mean() == pytest.approx(19 / 64)


def test_either_modality_can_drop_a_pair(tmp_path: Path) -> None:
    optical, sar = noise(64, 128, 3), noise(64, 128, 1, seed=1)
    optical[:, :64] = 0
    sar[:, 64:] = 9
    write(tmp_path / "a.tif", optical)
    write(tmp_path / "b.tif", sar)
    how = recipe("spacenet6", tile={"size": 64, "stride": 64}, sar={"radiometry": "auto"})
    items = run(tmp_path, scene("a.tif", "b.tif", "spacenet6"), how)
    assert [item.reason for item in items if isinstance(item, Drop)] == ["low-valid", "constant"]


def test_a_tile_without_any_valid_pixel_is_blank_even_if_none_is_needed(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.full((64, 64), np.nan, np.float32))
    items = run(tmp_path, scene(sar="a.tif"), recipe(tile={"min_valid": 0.0}))
    assert fates(items) == {"skipped constant": 1}


def test_blank_tiles_are_kept_where_the_rule_says_so(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    assert fates(run(tmp_path, scene(sar="a.tif"), recipe(tile={"keep_constant": True}))) == {"tile": 1}
    write(tmp_path / "b.tif", np.full((64, 64), np.nan, np.float32))
    how = recipe(tile={"min_valid": 0.0, "keep_constant": True})
    assert fates(run(tmp_path, scene(sar="b.tif"), how)) == {"skipped constant": 1}


def test_one_pixel_that_differs_is_enough_not_to_be_blank(tmp_path: Path) -> None:
    almost = np.full((64, 64), 7, np.uint8)
    almost[13, 29] = 8
    write(tmp_path / "a.tif", almost)
    assert fates(run(tmp_path, scene(sar="a.tif"), recipe())) == {"tile": 1}


def test_pass_through_keeps_dark_and_invalid_bytes(tmp_path: Path) -> None:
    optical = noise(64, 64, 3)
    optical[0, 0] = 0
    optical[1, 1] = (0, 4, 0)
    write(tmp_path / "a.tif", optical, nodata=0)
    (tile,) = tiles(run(tmp_path, scene(optical="a.tif"), recipe()))
    np.testing.assert_array_equal(tile.images["optical"], optical)
    assert np.argwhere(~tile.valid["optical"]).tolist() == [[0, 0]]


def test_a_scene_too_small_gives_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", noise(15, 400, 3))
    assert planned_windows(scene(optical="a.tif"), tmp_path, recipe()) == ()
    assert run(tmp_path, scene(optical="a.tif"), recipe()) == []


def test_too_few_bands_and_the_wrong_type_fail_every_window_and_name_the_file(tmp_path: Path) -> None:
    write(tmp_path / "two.tif", noise(512, 256, 2))
    items = run(tmp_path, scene(optical="two.tif"), recipe())
    assert fates(items) == {"failed bands": 2}
    write(tmp_path / "wide.tif", noise(512, 256, 3, "uint16"))
    items = run(tmp_path, scene(optical="wide.tif", source="fair1m"), recipe("fair1m"))
    assert fates(items) == {"failed dtype": 2}
    assert isinstance(items[0], Drop)
    assert "wide.tif: uint16" in items[0].detail


def test_bands_are_taken_as_the_card_says_grey_becomes_three_and_alpha_goes(tmp_path: Path) -> None:
    pixels = noise(64, 64, 4)
    write(tmp_path / "bgrn.tif", pixels, photometric="minisblack")
    (tile,) = tiles(run(tmp_path, scene(optical="bgrn.tif"), recipe(optical={"bands": [3, 2, 1]})))
    np.testing.assert_array_equal(tile.images["optical"], pixels[..., [2, 1, 0]])
    write(tmp_path / "rgba.png", pixels)
    (tile,) = tiles(run(tmp_path, scene(optical="rgba.png"), recipe()))
    np.testing.assert_array_equal(tile.images["optical"], pixels[..., :3])
    write(tmp_path / "grey.png", pixels[..., 0])
    (tile,) = tiles(run(tmp_path, scene(optical="grey.png"), recipe()))
    np.testing.assert_array_equal(tile.images["optical"], np.repeat(pixels[..., :1], 3, axis=2))


def test_unequal_sar_bands_are_warned_of_once_unless_the_recipe_names_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sar = noise(512, 512, 3)
    write(tmp_path / "a.png", sar)
    run(tmp_path, scene(sar="a.png"), recipe())
    assert len(caplog.records) == 1
    assert caplog.records[0].name == "osprep"
    assert "a.png: a SAR image of 3 unequal bands; band 1 is taken" in caplog.text
    caplog.clear()
    (tile, *_) = tiles(run(tmp_path, scene(sar="a.png"), recipe(sar={"bands": [2]})))
    np.testing.assert_array_equal(tile.images["sar"], sar[:256, :256, 1:2])
    write(tmp_path / "b.png", np.repeat(sar[..., :1], 3, axis=2))
    run(tmp_path, scene(sar="b.png"), recipe())
    assert not caplog.records
    assert logging.getLogger("osprep").level == logging.NOTSET


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_a_truncated_file_fails_every_window(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.{suffix}", noise(512, 512, 3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    items = run(tmp_path, scene(optical=path.name), recipe())
    assert fates(items) == {"failed truncated": 4}
    assert all(isinstance(item, Drop) and path.name in item.detail for item in items)


@pytest.mark.parametrize("radiometry", ["auto", "percentile"])
def test_damage_in_the_last_rows_leaves_no_half_scene(tmp_path: Path, radiometry: str) -> None:
    write(tmp_path / "b.tif", noise(512, 256, 3))
    path = write(tmp_path / "a.tif", noise(512, 256, 1), compress="deflate", blockysize=64)
    data = bytearray(path.read_bytes())
    data[-9000:-8000] = bytes(1000)
    path.write_bytes(data)
    items = run(tmp_path, scene("b.tif", "a.tif"), recipe(sar={"radiometry": radiometry}))
    assert fates(items) == {"failed unreadable": 2}


def test_a_jpeg_that_libjpeg_only_warns_of_is_damaged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", noise(256, 256, 3))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    assert fates(run(tmp_path, scene(optical="a.jpg"), recipe())) == {"failed unreadable": 1}


def test_an_unreadable_header_is_raised_for_the_caller_to_count(tmp_path: Path) -> None:
    write(tmp_path / "a.png", noise(64, 64, 3))
    (tmp_path / "b.png").write_bytes(b"no image")
    for function in (planned_windows, lambda *given: list(cut(*given))):
        with pytest.raises(UnreadableRaster, match=r"b\.png"):
            function(scene("a.png", "b.png"), tmp_path, recipe())


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_real_imagery_gives_the_tiles_that_are_expected_of_it(shared: Path, tmp_path: Path) -> None:
    samples = shared / "samples"
    for link, target in {
        "optical/sentinel.png": "volkov_s1s2/opt_003.png",
        "sar/sentinel.png": "volkov_s1s2/sar_003.png",
        "optical/spacenet.tif": "solaris_spacenet6/rgb_unmasked.tif",
        "sar/spacenet.tif": "solaris_spacenet6/sar_masked.tif",
        "sar/umbra.tif": "umbra_mount_yasur/umbra_mount_yasur_crop1024.tif",
        "optical/aircraft.tif": "rasterio/RGB.byte.tif",
        "optical/orthophoto.tif": "riotiler/201404_13SED190110_201404_0x1500m_CL_1.tif",
        "sar/complex.tif": "solaris_spacenet6/sar_hh.tif",
    }.items():
        (tmp_path / link).parent.mkdir(exist_ok=True)
        (tmp_path / link).symlink_to(samples / target)
    reader = get_reader("folder")
    counts = {}
    for one in reader.survey(tmp_path).scenes:
        cutting = tiles(run(tmp_path, one, resolve(reader.card, {"sar": {"bands": [1]}})))
        counts[one.kind, one.name] = len(cutting)
        for modality, file in zip(("optical", "sar") if one.kind == "pair" else (one.kind,), one.files, strict=True):
            for tile in cutting:
                check_against_rasterio(tmp_path / file, tile, modality)
    assert counts == {
        ("pair", "sentinel"): 16,
        ("pair", "spacenet"): 1,
        ("sar", "umbra"): 16,
        ("optical", "aircraft"): 6,
        ("optical", "orthophoto"): 1,
        ("sar", "complex"): 1,
    }


def check_against_rasterio(path: Path, tile: Tile, modality: Any) -> None:
    w, pixels = tile.window, tile.images[modality]
    with rasterio.open(path) as raster:
        area = rasterio.windows.Window(w.col, w.row, w.width, w.height)
        if raster.dtypes[0] == "uint8":
            bands = [1, 2, 3] if modality == "optical" else [1]
            np.testing.assert_array_equal(pixels, np.moveaxis(raster.read(bands, window=area), 0, 2))
            return
        whole = np.abs(raster.read(1)) if raster.dtypes[0] == "complex64" else raster.read(1)
        assert isinstance(w, Window)
    low, high = np.percentile(whole[np.isfinite(whole)], [1, 99])
    assert tile.scale[modality] == pytest.approx((low, high), rel=1e-3)
    inside = np.isfinite(whole)
    expected = np.where(inside, np.rint(1 + np.clip((whole - low) / (high - low), 0, 1) * 254), 0)
    assert np.abs(pixels[..., 0] - expected).max() <= 1
    np.testing.assert_array_equal(pixels[..., 0] == 0, ~inside)
