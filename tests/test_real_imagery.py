"""Real imagery goes the whole way: a folder of it → shards in S3 → stream → 50 steps of pretraining."""

import json
import shutil
import tarfile
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import webdataset
from rasterio.windows import Window

from codemae import resolve, train
from manifests import MANIFESTS, Manifest, Sample, open_store, read_catalogue
from osprep import BuildConfig, build, verify

pytestmark = pytest.mark.s3

RECIPE = "sources: {folder: {sar: {bands: [1], names: [VV], radiometry: auto, parameters: {low: 2, high: 98}}}}"
EXPECTED = {
    ("sentinel", "pair"): 16,
    ("spacenet", "pair"): 1,
    ("umbra", "sar"): 16,
    ("aircraft", "optical"): 6,
    ("orthophoto", "optical"): 1,
}
Array = npt.NDArray[np.generic]


@pytest.fixture(scope="module")
def raw(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RAW/folder made of the samples."""
    samples = shared / "samples"
    root = tmp_path_factory.mktemp("raw")
    for source, target in {
        "volkov_s1s2/opt_003.png": "optical/sentinel.png",
        "volkov_s1s2/sar_003.png": "sar/sentinel.png",
        "solaris_spacenet6/rgb_unmasked.tif": "optical/spacenet.tif",
        "solaris_spacenet6/sar_masked.tif": "sar/spacenet.tif",
        "umbra_mount_yasur/umbra_mount_yasur_crop1024.tif": "sar/umbra.tif",
        "rasterio/RGB.byte.tif": "optical/aircraft.tif",
        "riotiler/201404_13SED190110_201404_0x1500m_CL_1.tif": "optical/orthophoto.tif",
    }.items():
        (root / "folder" / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(samples / source, root / "folder" / target)
    return root


def rows(url: str) -> list[Sample]:
    store = open_store(url)
    found = []
    for shard in read_catalogue(store).shards:
        with Manifest(store, MANIFESTS[shard.kind]) as manifest:
            found += manifest.samples(shard.row_group)
    return found


def window(path: Path, row: Sample) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The tile's raw pixels [h, w, bands] and the mask of valid ones, by rasterio alone."""
    with rasterio.open(path) as raster:
        at = Window(row.col, row.row, row.width, row.height)
        pixels = np.moveaxis(raster.read(window=at), 0, -1)
        return pixels, raster.dataset_mask(window=at) > 0


def stretch(pixels: Array, whole: Array) -> Array:
    """The 2–98 percentile stretch of one band to 1..255, invalid to 0, by numpy's own percentiles."""
    low, high = np.percentile(whole[np.isfinite(whole)], [2, 98])
    scaled = np.rint(1 + np.clip((pixels - low) / (high - low), 0, 1) * 254)
    return np.where(np.isfinite(pixels), scaled, 0)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in.*shard.tar")  # webdataset leaves the tar open
def test_the_whole_way(raw: Path, s3: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    result = build(BuildConfig(raw=raw, out=s3, recipe=recipe, workers=2))
    assert result.exit_code == 0
    assert verify(s3).findings == ()

    samples = rows(s3)
    counts: dict[tuple[str, str], int] = {}
    for row in samples:
        counts[row.scene, row.kind] = counts.get((row.scene, row.kind), 0) + 1
    assert counts == EXPECTED

    store = open_store(s3)
    for row in samples:
        for modality, offset, length in (
            ("optical", row.opt_offset, row.opt_length),
            ("sar", row.sar_offset, row.sar_length),
        ):
            if offset is None or length is None:
                continue
            tile = imagecodecs.tiff_decode(store.get_range(row.shard, offset, length))
            file = next((raw / "folder" / modality).glob(f"{row.scene}.*"))
            check_tile(tile.reshape(row.height, row.width, -1), file, row, modality)

    shard = read_catalogue(store).shards[0]
    local = tmp_path / "shard.tar"
    local.write_bytes(store.get(shard.path))
    check_with_plain_tools(local, shard.samples)

    settings = ["preset=tiny", "steps=50", "batch=8", "seed=0", "pictures_every=50"]
    trained = train(resolve([f"data={s3}", f"out={tmp_path / 'run'}", *settings], None))
    assert trained.exit_code == 0
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert len(log) == 50
    for kind, fall in (("paired", 0.9), ("unpaired", 0.99)):
        losses = [line["loss"] for line in log if line["kind"] == kind]
        assert np.mean(losses[-5:]) < fall * np.mean(losses[:5]), kind


def check_tile(tile: Array, file: Path, row: Sample, modality: str) -> None:
    pixels, valid = window(file, row)
    if pixels.dtype == np.uint8:
        bands = pixels[..., :3] if modality == "optical" else pixels[..., :1]
        assert (tile[valid] == bands[valid]).all(), row.key
        return
    with rasterio.open(file) as raster:
        expected = stretch(pixels[..., 0], raster.read(1))
    difference = np.abs(tile[..., 0].astype(float) - expected)
    assert difference.max() <= 1, row.key
    assert (difference > 0).mean() < 0.02, row.key
    assert ((tile[..., 0] == 0) == ~np.isfinite(pixels[..., 0])).all(), row.key


def check_with_plain_tools(tar: Path, samples: int) -> None:
    def decode(key: str, data: bytes) -> Array | None:
        return imagecodecs.tiff_decode(data) if key.endswith(".tif") else None

    dataset = webdataset.WebDataset(str(tar), shardshuffle=False).decode(decode)
    read = list(dataset)
    assert len(read) == samples
    assert {key for sample in read for key in sample if not key.startswith("__")} >= {"meta.json"}
    with tarfile.open(tar) as plain:
        assert all(member.isreg() and member.mtime == 0 and not member.pax_headers for member in plain)
