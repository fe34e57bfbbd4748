import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from manifests import slug
from osprep.config import BuildConfig
from osprep.cut import cut
from osprep.errors import ReaderError
from osprep.plan import chosen_recipes
from osprep.readers import get_reader
from osprep.readers.rsd46 import Rsd46Reader
from osprep.recipe import resolve
from osprep.scene import Drop, Scene, Survey, Tile
from tests.osprep.rasters import noise, write
from tests.osprep.raws import truncate
from tests.osprep.test_readers import names, survey, touch

JPEG, PNG = b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"
CSAR = "GF3_KAS_SL_028685_E139.7_N35.5_20220120_L1A_HH_L10000000001_"


def put(root: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write small files; text stands for a JPEG's first bytes with that text after them."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(JPEG + content.encode() if isinstance(content, str) else content)
    return root


def keys(found: Survey) -> set[tuple[str, str]]:
    """Return splits and slugs, which are what keys are made of; none may occur twice."""
    made = [(scene.split, slug(scene.name)) for scene in found.scenes]
    assert len(set(made)) == len(made)
    return set(made)


def tiles(source: str, root: Path, *splits: str) -> dict[str, Tile | Drop]:
    """Cut every scene by the source's card; return the one tile of each by the scene's name."""
    recipe = resolve(get_reader(source).card)
    made = {}
    for scene in survey(source, root, *splits).scenes:
        (made[scene.name],) = cut(scene, root, recipe)
    return made


def pixels(tile: Tile | Drop, modality: str = "optical") -> np.ndarray:
    assert isinstance(tile, Tile), tile
    return tile.images[modality]  # type: ignore[index]


@pytest.mark.parametrize("source", ["rsd46", "fair-csar", "sardet-180k", "atrnet-star", "ospretrain-1m"])
def test_missing_strange_and_junk_only_folders(tmp_path: Path, source: str) -> None:
    with pytest.raises(ReaderError, match="no such folder"):
        survey(source, tmp_path / "absent")
    junk = touch(tmp_path / "strange", "notes/1.txt", "__MACOSX/186K/._1.jpg", "Thumbs.db", ".DS_Store")
    with pytest.raises(ReaderError, match="looked for"):
        survey(source, junk)


@pytest.mark.parametrize("base", ["", "RSD46-WHU/"])
@pytest.mark.parametrize("val", ["val", "validation"])
def test_rsd46_classes_keep_recurring_names_apart(tmp_path: Path, base: str, val: str) -> None:
    put(tmp_path, {f"{base}train/Sewage plant-type-one/10003.jpg": "1", f"{base}train/Graff/10003.JPG": "2"})
    put(tmp_path, {f"{base}{val}/Graff/10003.jpg": "3", f"{base}train/Graff/10003.png": PNG})
    put(
        tmp_path,
        {f"{base}train/Graff/._10003.jpg": "4", f"{base}train/Thumbs.db": b"", f"{base}train/__MACOSX/a.jpg": ""},
    )
    found = survey("rsd46", tmp_path)
    assert names(found) == [
        ("optical", "train", "Graff/10003.JPG"),
        ("optical", "train", "Graff/10003.png"),
        ("optical", "train", "Sewage plant-type-one/10003"),
        ("optical", "val", "Graff/10003"),
    ]
    assert len(keys(found)) == 4
    assert found.left_out == {}
    assert found.scenes[3].optical == f"{base}{val}/Graff/10003.jpg"


def test_rsd46_leaves_out_copies_and_what_is_no_image(tmp_path: Path) -> None:
    put(tmp_path, {"train/Graff/1.jpg": "same", "train/Airplane/2.jpg": "same", "val/Graff/9.jpg": "same"})
    put(tmp_path, {"val/Graff/3.jpg": "eman", "train/Graff/4.jpg": b"<html>", "train/Graff/5.jpg": b""})
    put(tmp_path, {"train/Graff/list.txt": b"x", "train/6.jpg": "stray"})
    found = survey("rsd46", tmp_path)
    assert names(found) == [("optical", "train", "Airplane/2"), ("optical", "val", "Graff/3")]
    assert found.left_out == {"duplicate": 2, "no-image": 2, "no-raster-extension": 1, "outside-class": 1}
    every = Rsd46Reader(copies=True).survey(tmp_path)
    assert len(every.scenes) == 4
    assert "duplicate" not in every.left_out


def test_rsd46_sees_a_file_change_between_two_surveys(tmp_path: Path) -> None:
    put(tmp_path, {"train/Graff/1.jpg": "same", "train/Graff/2.jpg": "same"})
    assert len(survey("rsd46", tmp_path).scenes) == 1
    put(tmp_path, {"train/Graff/2.jpg": "emas"})
    os.utime(tmp_path / "train/Graff/2.jpg", ns=(1, 1))
    assert len(survey("rsd46", tmp_path).scenes) == 2


def test_rsd46_grey_cmyk_rgba_and_palette_files_become_three_bands(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "Graff"
    folder.mkdir(parents=True)
    colours = np.zeros((256, 256, 3), np.uint8)
    colours[..., 0], colours[:, 128:, 1] = 200, 120
    Image.fromarray(colours[..., 0]).save(folder / "grey.jpg")
    Image.fromarray(colours).convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    opacity = np.full((256, 256, 1), 255, np.uint8)
    opacity[:5] = 0
    Image.fromarray(np.dstack([colours, opacity])).save(folder / "rgba.jpg", "PNG")
    Image.fromarray(colours).quantize(4).save(folder / "palette.png")
    Image.fromarray(noise(256, 256, 3)).save(folder / "short.jpg")
    truncate(folder / "short.jpg", 0.6)
    made = tiles("rsd46", tmp_path)
    short = made.pop("Graff/short")
    assert isinstance(short, Drop)
    assert (short.fate, short.reason) == ("failed", "truncated")
    assert isinstance(made.pop("Graff/grey"), Drop)  # it is of one value: skipped as constant, not failed
    for name, tile in made.items():
        image = pixels(tile)
        assert image.shape == (256, 256, 3), name
        np.testing.assert_allclose(image[50, [50, 200]], colours[50, [50, 200]], atol=4, err_msg=name)
    rgba = made["Graff/rgba"]
    assert isinstance(rgba, Tile)
    assert not rgba.valid["optical"][:5].any()
    np.testing.assert_array_equal(pixels(rgba), colours)


def test_rsd46_grey_is_three_equal_bands(tmp_path: Path) -> None:
    grey = noise(256, 256)[..., 0]
    (tmp_path / "val" / "Graff").mkdir(parents=True)
    Image.fromarray(grey).save(tmp_path / "val" / "Graff" / "1.png")
    image = pixels(tiles("rsd46", tmp_path)["Graff/1"])
    np.testing.assert_array_equal(image, np.dstack([grey] * 3))


@pytest.mark.parametrize(
    ("sl", "fsi", "test"),
    [
        ("SL-TRAINVAL/trainval", "FSI-TRAINVAL/trainval", "SL-TRAINVAL/test"),
        ("SL-TRAINVAL/trainval", "FSI-TRAINVAL/trainval", "SL-TEST"),
        ("VOC-SL/train", "VOC-FSI/train", "VOC-SL/test"),
        ("FAIR-CSAR/VOC-SL/trainval", "FAIR-CSAR/VOC-FSI/val", "FAIR-CSAR/VOC-SL/test"),
    ],
)
def test_fair_csar_layouts(tmp_path: Path, sl: str, fsi: str, test: str) -> None:
    touch(tmp_path, f"{sl}/PNGImages/a.png", f"{sl}/SLCMats/a.mat", f"{sl}/METAXmls/a.xml", f"{sl}/SLCMats/b.mat")
    touch(tmp_path, f"{fsi}/PNGImages/a.png", f"{test}/PNGImages/c.png", f"{test}/SLCMats/c.mat")
    touch(tmp_path, f"{sl}/PNGImages/Thumbs.db", f"{sl}/PNGImages/a.xml", f"{sl}/preview.png")
    found = survey("fair-csar", tmp_path)
    assert names(found) == [("sar", "fsi", "a"), ("sar", "sl", "a"), ("sar", "sl", "b")]
    assert [scene.sar for scene in found.scenes] == [
        f"{fsi}/PNGImages/a.png",
        f"{sl}/PNGImages/a.png",
        f"{sl}/SLCMats/b.mat",
    ]
    assert found.left_out == {"elsewhere": 1, "no-raster-extension": 1, "split-test": 1}
    assert names(survey("fair-csar", tmp_path, "test")) == [("sar", "test", "sl-c")]


def test_fair_csar_without_mode_folders_reads_the_mode_in_the_name(tmp_path: Path) -> None:
    touch(tmp_path, f"trainval/PNGImages/{CSAR}00000_16050.png", "trainval/PNGImages/other.png")
    touch(tmp_path, f"train/PNGImages/{CSAR}00000_16050.png")
    found = survey("fair-csar", tmp_path)
    assert names(found) == [("sar", "sl", f"{CSAR}00000_16050")]
    assert found.left_out == {"same-name": 1, "unknown-mode": 1}


def test_fair_csar_pictures_pass_and_matrices_go_through_the_quantiser(tmp_path: Path) -> None:
    folder = tmp_path / "SL-TRAINVAL" / "trainval"
    picture = noise(80, 90)
    write(folder / "PNGImages" / "grey.png", picture)
    write(folder / "PNGImages" / "three.png", np.dstack([picture[..., 0]] * 3))
    random = np.random.default_rng(0)
    matrix = (random.normal(0, 40, (80, 90)) + 1j * random.normal(0, 40, (80, 90))).astype(np.complex64)
    (folder / "SLCMats").mkdir()
    for name in ("slc", "short"):
        savemat(folder / "SLCMats" / f"{name}.mat", {"data": matrix})
    truncate(folder / "SLCMats" / "short.mat", 0.7)
    write(folder / "PNGImages" / "cut.png", picture)
    truncate(folder / "PNGImages" / "cut.png", 0.7)
    made = tiles("fair-csar", tmp_path)
    for name in ("grey", "three"):
        np.testing.assert_array_equal(pixels(made[name], "sar"), picture)
    slc = made["slc"]
    assert isinstance(slc, Tile)
    (peak,) = slc.scale["sar"]
    assert 30 < peak < 50
    expected = np.abs(matrix) / (4.5 * (peak + 1)) * 127
    low = np.abs(matrix) < 4.5 * (peak + 1)
    np.testing.assert_allclose(pixels(slc, "sar")[..., 0][low], np.maximum(expected, 1)[low], atol=0.51)
    assert [made[name].reason for name in ("cut", "short")] == ["truncated", "truncated"]  # type: ignore[union-attr]


@pytest.mark.parametrize("base", ["186K_notest/", "Pre-Train Data/186K_notest/", "dataset/186K/", ""])
def test_sardet_layouts(tmp_path: Path, base: str) -> None:
    touch(tmp_path, f"{base}SSDD/000001.jpg", f"{base}HRSID/000001.png", f"{base}MSTAR/BMP 2/HB03.TIF")
    touch(
        tmp_path, f"{base}SSDD/000001.BMP", f"{base}SSDD/000001.xml", f"{base}SSDD/Thumbs.db", f"{base}__MACOSX/1.jpg"
    )
    found = survey("sardet-180k", tmp_path)
    assert [name for _, _, name in names(found)] == [
        *("HRSID/000001", "MSTAR/BMP 2/HB03", "SSDD/000001.BMP", "SSDD/000001.jpg")
    ]
    assert len(keys(found)) == 4
    assert found.left_out == {"no-raster-extension": 1}


def test_sardet_without_test_parts_comes_before_the_whole_set(tmp_path: Path) -> None:
    touch(tmp_path, "186K/SSDD/1.jpg", "186K/SSDD/2.jpg", "186K_notest/SSDD/1.jpg", "figures/teaser.png")
    found = survey("sardet-180k", tmp_path)
    assert [scene.sar for scene in found.scenes] == ["186K_notest/SSDD/1.jpg"]
    assert found.left_out == {"outside-set": 3}


def test_sardet_exclusions_by_path_and_by_content(tmp_path: Path) -> None:
    put(tmp_path, {"186K/A/1.jpg": "one", "186K/A/2.jpg": "two", "186K/B/3.jpg": "two", "186K/B/4.jpg": "four"})
    two = hashlib.sha256(JPEG + b"two").hexdigest()
    (tmp_path / "exclude.txt").write_text(f"# test parts\n186K/A/1.jpg\r\n\n{two}\n186K/A/9.jpg\n")
    found = survey("sardet-180k", tmp_path)
    assert [name for _, _, name in names(found)] == ["B/4"]
    assert found.left_out == {"excluded": 3}
    assert "1 lines name no file of the set, the first is 186K/A/9.jpg" in found.warnings[0]
    (tmp_path / "exclude.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ReaderError, match=r"exclude\.txt: cannot be read"):
        survey("sardet-180k", tmp_path)


def test_sardet_keeps_chips_of_9_pixels_and_fails_cut_files(tmp_path: Path) -> None:
    for suffix in ("png", "tif", "bmp"):
        write(tmp_path / "186K" / "OpenSARShip" / f"small.{suffix}", noise(9, 11))
        truncate(write(tmp_path / "186K" / "OpenSARShip" / f"cut.{suffix}", noise(99, 99)), 0.6)
    write(tmp_path / "186K" / "big.png", noise(300, 700))
    made = tiles("sardet-180k", tmp_path)
    shapes = {name: pixels(tile, "sar").shape for name, tile in made.items() if isinstance(tile, Tile)}
    small = {f"OpenSARShip/small.{suffix}": (9, 11, 1) for suffix in ("png", "tif", "bmp")}
    assert shapes == {**small, "big": (300, 700, 1)}
    assert [tile.reason for tile in made.values() if isinstance(tile, Drop)] == ["truncated"] * 3


CHIPS = ("Chang'an_CS75_Plus/KU_HH_15_0_253993", "Chery_Arrizo 5/X_VV_30_60_253994")


@pytest.mark.parametrize(
    "base", ["Ground_Range/Amplitude_8bit/SOC_40classes/train/", "SOC_40classes/Train/", "train/", ""]
)
def test_atrnet_layouts(tmp_path: Path, base: str) -> None:
    touch(tmp_path, *(f"{base}{chip}{suffix}" for chip in CHIPS for suffix in (".tif", ".xml")))
    found = survey("atrnet-star", tmp_path)
    assert names(found) == [("sar", "train", chip) for chip in CHIPS]
    assert [scene.sar for scene in found.scenes] == [f"{base}{chip}.tif" for chip in CHIPS]
    assert len(keys(found)) == 2
    assert found.left_out == {}


def test_atrnet_counts_each_chip_once(tmp_path: Path) -> None:
    amplitude = "Ground_Range/Amplitude_8bit"
    touch(tmp_path, f"{amplitude}/SOC_40classes/train/{CHIPS[0]}.tif", f"{amplitude}/SOC_40classes/test/{CHIPS[1]}.tif")
    touch(
        tmp_path, *(f"{amplitude}/{name}/train/{CHIPS[0]}.tif" for name in ("SOC_50classes", "EOC_azimuth", "EOC_band"))
    )
    touch(tmp_path, f"{amplitude}/SOC_40classes_cut/train/{CHIPS[0]}.tif", f"SOC_40classes/train/{CHIPS[0]}.tif")
    touch(tmp_path, f"Slant_Range/Amplitude_8bit/SOC_40classes/train/{CHIPS[0]}.tif", "Raw/DOM_1.tif")
    touch(tmp_path, "Ground_Range/Annotation_COCO/annotation_coco/SOC_40classes/annotations/train.json")
    touch(tmp_path, f"{amplitude}/SOC_40classes/train/stray.tif", f"{amplitude}/SOC_40classes/train/._a/x.tif")
    found = survey("atrnet-star", tmp_path)
    assert [scene.sar for scene in found.scenes] == [f"{amplitude}/SOC_40classes/train/{CHIPS[0]}.tif"]
    assert found.left_out == {
        **{"elsewhere": 2, "second-copy": 1, "sibling-benchmark": 4, "slant-range": 1, "split-test": 1},
    }


def test_atrnet_chips_are_taken_whole(tmp_path: Path) -> None:
    folder = tmp_path / "SOC_40classes" / "train" / "Hongqi_h5"
    chip = noise(128, 128)
    write(folder / "KU_HH_15_0_1.tif", chip)
    truncate(write(folder / "KU_HH_15_0_2.tif", chip), 0.7)
    made = tiles("atrnet-star", tmp_path)
    np.testing.assert_array_equal(pixels(made["Hongqi_h5/KU_HH_15_0_1"], "sar"), chip)
    assert made["Hongqi_h5/KU_HH_15_0_2"].reason == "truncated"  # type: ignore[union-attr]


def release(root: Path) -> Path:
    """Lay out two datasets of the release, one that is left out, and single images."""
    for dataset in ("WHU-OPT-SAR", "SpaceNet6", "PIE-RGB-SAR"):
        touch(root, *(f"{dataset}/{part}/{n}.png" for part in ("RGB", "SAR") for n in ("a_0", "b", "c", "d")))
        (root / dataset / "train.txt").write_text("\ufeffa_0\r\n\r\n", encoding="utf-8")
        (root / dataset / "test.txt").write_text("b.png\n")
    (root / "SpaceNet6" / "val.txt").write_text("c.png\na_0\nabsent\n")
    touch(root, "Unpaired/RGB/1.jpg", "Unpaired/RGB/1.png", "Unpaired/SAR/1.tif", "Unpaired/SAR/Thumbs.db")
    return root


@pytest.mark.parametrize("base", ["", "OSPretrain-1M"])
def test_ospretrain_1m_reads_what_its_lists_name(tmp_path: Path, base: str) -> None:
    release(tmp_path / base)
    found = survey("ospretrain-1m", tmp_path)
    assert names(found) == [
        ("pair", "test", "SpaceNet6/b"),
        ("pair", "train", "SpaceNet6/a_0"),
        ("pair", "train", "WHU-OPT-SAR/a_0"),
        *(("optical", "unpaired", name) for name in ("optical/1.jpg", "optical/1.png")),
        ("sar", "unpaired", "sar/1"),
        ("pair", "val", "SpaceNet6/c"),
    ]
    assert found.left_out == {
        **{"listed-but-absent": 1, "listed-twice": 1, "not-for-pretraining": 4, "not-listed": 3, "split-downstream": 1},
    }
    assert any("absent.png" in warning for warning in found.warnings)
    assert any("DFC25: no such folder" in warning for warning in found.warnings)
    assert names(survey("ospretrain-1m", tmp_path, "downstream")) == [("pair", "downstream", "WHU-OPT-SAR/b")]


def test_ospretrain_1m_takes_no_pair_that_no_list_names(tmp_path: Path) -> None:
    touch(tmp_path, "EarthMiss/RGB/1.png", "EarthMiss/SAR/1.png", "EarthMiss/SAR/2.png", "Unpaired/SAR/1.png")
    found = survey("ospretrain-1m", tmp_path)
    assert names(found) == [("sar", "unpaired", "sar/1")]
    assert found.left_out == {"not-listed": 2}
    assert any("EarthMiss: no pair is listed" in warning for warning in found.warnings)


def test_reference_compat_multiplies_bands_1_2_3_by_the_fourth(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    optical = noise(512, 520, 4, seed=5)
    optical[:3] = 255
    write(raw / "whu-opt-sar" / "optical" / "NH49E001013.tif", optical)
    write(raw / "whu-opt-sar" / "sar" / "NH49E001013.tif", noise(512, 520, seed=6))
    recipe_file = tmp_path / "recipe.yaml"
    recipe_file.write_text("sources: {whu-opt-sar: {optical: {radiometry: reference-compat}}}")
    recipes = [chosen_recipes(BuildConfig(raw=raw, recipe=file))["whu-opt-sar"] for file in (None, recipe_file)]
    scene = Scene(
        source="whu-opt-sar", split="train", name="s", optical="optical/NH49E001013.tif", sar="sar/NH49E001013.tif"
    )
    true, compat = ([*cut(scene, raw / "whu-opt-sar", recipe)] for recipe in recipes)
    assert len(true) == len(compat) == 4
    assert recipes[1].optical is not None
    assert (recipes[1].optical.bands, recipes[1].optical.names) == ((1, 2, 3), ("R", "G", "B"))
    np.testing.assert_array_equal(pixels(true[3]), optical[256:, 256:512, [2, 1, 0]])
    expected = np.rint(optical[..., :3].astype(float) * optical[..., 3:] / 255)
    for tile, window in ((compat[0], np.s_[:256, :256]), (compat[3], np.s_[256:, 256:512])):
        np.testing.assert_array_equal(pixels(tile), expected[window])


def test_reference_compat_needs_a_fourth_band(tmp_path: Path) -> None:
    write(tmp_path / "optical" / "a.tif", noise(64, 64, 3))
    recipe = resolve(get_reader("folder").card, {"optical": {"radiometry": "reference-compat"}})
    (drop,) = cut(Scene(source="folder", split="all", name="a", optical="optical/a.tif"), tmp_path, recipe)
    assert isinstance(drop, Drop)
    assert drop.reason == "bands"
