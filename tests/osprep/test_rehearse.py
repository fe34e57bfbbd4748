import hashlib
import json
import os
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

from manifests import card_ids
from osprep.errors import ConfigError
from osprep.rehearse import CLASSES, MARKER, SETTINGS, WRITERS, SimulatedScene, rehearse, simulate

FOUR = ("fair1m", "folder", "qxs-saropt", "spacenet6")
DIGEST = """
import hashlib
from osprep.rehearse import simulate
scene = simulate(160, 200, 7, 0.5)
print(hashlib.sha256(scene.optical.tobytes() + scene.sar.tobytes() + scene.land_cover.tobytes()).hexdigest())
"""


def decibels(scene: SimulatedScene, band: int = 0) -> np.ndarray:
    return 10 * np.log10(scene.sar[..., band])


def read_png(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rehearsed") / "raw"
    return folder, {source.source: source for source in rehearse(folder, FOUR, seed=3).sources}


@given(
    height=st.integers(16, 90),
    width=st.integers(16, 90),
    seed=st.integers(0, 10**6),
    gsd=st.sampled_from([0.1, 0.3, 0.5, 1.0, 3.0, 5.0, 10.0, 20.0]),
    setting=st.sampled_from((None, *SETTINGS)),
)
@settings(max_examples=40, deadline=None)
def test_any_scene_has_the_promised_types_and_ranges(height, width, seed, gsd, setting):
    scene = simulate(height, width, seed, gsd, setting=setting)
    assert scene.optical.shape == scene.sar.shape == (height, width, 4)
    assert scene.land_cover.shape == scene.elevation.shape == (height, width)
    assert (scene.optical.dtype, scene.sar.dtype, scene.land_cover.dtype) == (np.uint8, np.float32, np.uint8)
    assert scene.optical.min() >= 1
    assert np.isfinite(scene.sar).all()
    assert (scene.sar > 0).all()
    assert scene.land_cover.max() < len(scene.classes) == len(CLASSES)
    assert (scene.elevation >= 0).all()


def test_a_seed_gives_the_same_scene_on_a_machine_with_other_vector_units():
    plain = {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F X86_V3 X86_V4", "OPENCV_CPU_DISABLE": "AVX2"}
    command = [sys.executable, "-c", DIGEST]
    there = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **plain})
    scene = simulate(160, 200, 7, 0.5)
    data = scene.optical.tobytes() + scene.sar.tobytes() + scene.land_cover.tobytes()
    assert there.stdout.strip() == hashlib.sha256(data).hexdigest()
    assert not np.array_equal(scene.optical, simulate(160, 200, 8, 0.5).optical)


def test_speckle_is_gamma_of_the_looks_and_independent_per_polarisation():
    for looks in (1, 4):
        scene = simulate(300, 300, 5, 1.0, setting="farmland", looks=looks)
        again = simulate(300, 300, 5, 1.0, setting="farmland", looks=400)
        field = scene.classes.index("farmland")
        speckle = scene.sar[scene.land_cover == field] / again.sar[again.land_cover == field]
        assert speckle.mean(axis=0) == pytest.approx(np.ones(4), abs=0.03)
        assert speckle.var(axis=0) == pytest.approx(np.full(4, 1 / looks), rel=0.12)
        correlation = np.corrcoef(speckle.T)[np.triu_indices(4, 1)]
        assert np.abs(correlation).max() < 0.03


def test_radar_sees_classes_as_radars_do():
    scene = simulate(512, 512, 0, 0.5, setting="harbour")
    level = decibels(scene)
    names = ("water", "road", "grass", "building")
    mean = {name: level[scene.land_cover == scene.classes.index(name)].mean() for name in names}
    assert mean["water"] < mean["road"] + 2 < mean["grass"] < mean["building"]
    cross = decibels(scene, 1)
    assert cross.mean() < level.mean() - 4
    assert decibels(scene, 2).mean() == pytest.approx(cross.mean(), abs=0.05)


def test_echoes_of_buildings_lie_towards_the_radar_and_shadows_behind():
    scene = simulate(400, 400, 2, 0.5, setting="suburb", radar_azimuth=90.0, looks=50)
    level, ground = decibels(scene), scene.land_cover != scene.classes.index("building")
    east, west = [], []
    for thing in scene.structures:
        (left, top), (right, bottom) = thing.outline.min(axis=0), thing.outline.max(axis=0)
        row, reach = int((top + bottom) / 2), int(thing.metres / scene.gsd / 2)
        if thing.kind == "building" and left > 30 and right < 370 and 0 <= row < 400:
            for side, cols in (
                (east, slice(int(right) + 2, int(right) + 2 + reach)),
                (west, slice(int(left) - 2 - reach, int(left) - 2)),
            ):
                side += level[row, cols][ground[row, cols]].tolist()
    assert np.mean(east) > np.mean(west) + 6


def test_shadows_of_the_sun_fall_northwards():
    scene = simulate(400, 400, 1, 0.5, setting="suburb")
    brightness, ground = scene.optical[..., :3].mean(axis=2), scene.land_cover != scene.classes.index("building")
    north, south = [], []
    for thing in scene.structures:
        (left, top), (right, bottom) = thing.outline.min(axis=0), thing.outline.max(axis=0)
        col = int((left + right) / 2)
        if thing.kind == "building" and top > 20 and bottom < 380 and 0 <= col < 400:
            for side, rows in (
                (north, slice(int(top) - 6, int(top) - 1)),
                (south, slice(int(bottom) + 2, int(bottom) + 7)),
            ):
                side += brightness[rows, col][ground[rows, col]].tolist()
    assert np.mean(north) < 0.75 * np.mean(south)


def test_optical_and_radar_share_their_edges():
    scene = simulate(300, 300, 11, 1.0, setting="farmland")
    optical = scene.optical[..., :3].mean(axis=2).astype(np.float64)
    agreement = {}
    for shift in (0, 25):
        means = [np.roll(decibels(scene), shift, axis=1)[scene.land_cover == index].mean() for index in (2, 3, 6)]
        agreement[shift] = np.std(means)
    assert agreement[0] > 2 * agreement[25]
    assert optical.std() > 10


@pytest.mark.parametrize("arguments", [(8, 300, 0, 0.5), (300, 300, 0, 0.0), (300, 300, 0, 500.0)])
def test_unusable_sizes_are_refused(arguments):
    with pytest.raises(ConfigError, match="cannot simulate"):
        simulate(*arguments)


def test_every_rehearsed_source_has_a_card_and_says_that_it_is_simulated(raw):
    folder, sources = raw
    assert set(sources) == set(FOUR) <= set(WRITERS) <= set(card_ids())
    for name, source in sources.items():
        marker = (folder / name / MARKER).read_text()
        assert "simulated" in marker
        assert source.files == sum(path.is_file() for path in (folder / name).rglob("*")) - 1
        for defect in source.defects:
            assert (source.path / defect.path).is_file()


def test_spacenet6_has_the_names_types_and_geometry_of_the_real_one(raw):
    folder, sources = raw
    area = folder / "spacenet6/train/AOI_11_Rotterdam"
    optical, sar = (sorted((area / product).iterdir()) for product in ("PS-RGB", "SAR-Intensity"))
    assert [path.name.replace("PS-RGB", "SAR-Intensity") for path in optical] == [path.name for path in sar]
    broken = {defect.path for defect in sources["spacenet6"].defects if defect.fate == "failed"}
    means = []
    for photo, radar in zip(optical, sar, strict=True):
        with rasterio.open(photo) as a, rasterio.open(radar) as b:
            assert (a.shape, a.count, a.dtypes[0]) == ((900, 900), 3, "uint8")
            assert (b.shape, b.count, b.dtypes[0]) == ((900, 900), 4, "float32")
            assert a.crs == b.crs == "EPSG:32631"
            assert a.transform == b.transform
            assert (a.res, a.bounds.left >= 590_112, a.bounds.top <= 5_753_195) == ((0.5, 0.5), True, True)
            if radar.relative_to(folder / "spacenet6").as_posix() in broken:
                with pytest.raises(RasterioIOError):
                    b.read()
                continue
            values = b.read()
        valid = (values != 0).all(axis=0)
        assert np.array_equal(valid, (values != 0).any(axis=0))
        means.append(values[:, valid].mean(axis=1))
    assert np.mean(means, axis=0) == pytest.approx([28.6, 36.1, 33.8, 26.2], abs=4)
    assert len((area / "SummaryData/SAR_orientations.txt").read_text().split("\n")) == 3
    assert not (folder / "spacenet6/test_public/AOI_11_Rotterdam/PS-RGB").exists()
    footprints = json.loads(next((area / "geojson_buildings").iterdir()).read_text())["features"]
    assert footprints[0]["geometry"]["coordinates"][0][0][0] > 590_000


def test_counts_of_spacenet6_defects_follow_from_its_pixels(raw):
    folder, sources = raw
    (empty,) = (defect for defect in sources["spacenet6"].defects if defect.fate == "skipped")
    with rasterio.open(folder / "spacenet6" / empty.path) as file:
        valid = (file.read() != 0).any(axis=0)
    tiles = [valid[row : row + 256, col : col + 256].mean() for row in (0, 256, 512) for col in (0, 256, 512)]
    assert empty.count == sum(share < 0.25 for share in tiles)
    assert sources["spacenet6"].failures == {"truncated": 9}


def test_qxs_pairs_are_numbered_alike_and_overlap_by_a_fifth(raw):
    folder, sources = raw
    optical, sar = (folder / "qxs-saropt/QXSLAB_SAROPT" / name for name in ("opt_256_oc_0.2", "sar_256_oc_0.2"))
    numbers = {int(path.stem) for path in sar.iterdir()}
    assert {int(path.stem) for path in optical.iterdir()} - numbers == {max(numbers) + 1}
    for number in range(1, 6):
        with Image.open(sar / f"{number}.png") as image:
            assert image.mode == ("RGB" if number == 5 else "L")
    left, right = (read_png(optical / f"{number}.png") for number in (1, 2))
    assert left.shape == (256, 256, 3)
    assert np.array_equal(left[:, 205:], right[:, :51])
    assert sources["qxs-saropt"].failures == {"truncated": 1}
    assert sources["qxs-saropt"].left_out == {"optical-without-sar": 1}


def test_gdal_reads_the_truncated_patch_without_complaint(raw):
    folder, sources = raw
    (defect,) = (defect for defect in sources["qxs-saropt"].defects if defect.fate == "failed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(folder / "qxs-saropt" / defect.path) as file:
            assert file.read().shape == (1, 256, 256)


def test_fair1m_names_collide_and_boxes_lie_inside(raw):
    folder, _ = raw
    root = folder / "fair1m"
    train = {path.name for path in root.glob("train/*/images/*.tif")}
    validation = {path.name for path in root.glob("validation/images/*.tif")}
    assert validation < train
    sizes = set()
    for path in root.glob("*/**/images/*.tif"):
        with Image.open(path) as image:
            assert image.mode == "RGB"
            sizes.add(image.size)
    assert sizes == {(1000, 1000), (800, 600)}
    assert not list((root / "test").rglob("*.xml"))
    tree = ElementTree.parse(root / "train/part1/labelXml/0.xml")
    points = [tuple(map(float, point.text.split(","))) for point in tree.iter("point")]
    assert tree.findtext("source/filename") == "0.tif"
    assert len(points) % 5 == 0
    assert points[0] == points[4]
    assert all(0 <= x <= 1000 and 0 <= y <= 1000 for x, y in points)


def test_a_second_rehearsal_writes_the_same_bytes_and_another_seed_others(tmp_path, raw):
    folder, _ = raw
    rehearse(tmp_path, ["folder"], seed=3)
    first = digests(tmp_path / "folder")
    assert first == digests(folder / "folder")
    (tmp_path / "folder/sar/lone.tif").unlink()
    rehearse(tmp_path, ["folder"], seed=4)
    other = digests(tmp_path / "folder")
    assert other.keys() == first.keys()
    assert {name for name in first if other[name] == first[name]} == {"optical/notes.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_data_that_rehearse_did_not_write_is_never_touched(tmp_path):
    mine = tmp_path / "folder/optical/mine.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"precious")
    with pytest.raises(ConfigError, match="did not write"):
        rehearse(tmp_path, ["folder"])
    mine.unlink()
    rehearse(tmp_path, ["folder"])
    mine.write_bytes(b"precious")
    with pytest.raises(ConfigError, match=r"mine\.png"):
        rehearse(tmp_path, None)
    assert mine.read_bytes() == b"precious"
    assert not (tmp_path / "fair1m").exists()


def test_a_raw_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "raw").write_text("a file")
    with pytest.raises(ConfigError, match=r"raw: .*choose another --raw"):
        rehearse(tmp_path / "raw", ["folder"])


def test_an_unknown_source_is_named_with_those_that_are_known(tmp_path):
    with pytest.raises(ConfigError, match=r"'no-such'.*fair1m, folder, .*qxs-saropt, .*spacenet6"):
        rehearse(tmp_path, ["no-such"])
    assert list(tmp_path.iterdir()) == []
