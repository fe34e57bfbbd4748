"""Tiny datasets written without osprep: what the loader is tested against is the format, not its writer."""

import hashlib
import io
import json
import tarfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import imagecodecs
import numpy as np
import numpy.typing as npt
import xxhash
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from manifests import (
    CATALOGUE,
    MANIFESTS,
    MEMBER,
    Catalogue,
    Histogram,
    Kind,
    Modality,
    Sample,
    Shard,
    SourceEntry,
    Statistics,
    mean_std,
    merge,
    modalities,
    pixel_hash,
    sample_key,
    to_json,
    write_manifest,
)

Pixels = npt.NDArray[np.uint8]
BANDS: dict[Modality, int] = {"optical": 3, "sar": 1}


@dataclass(frozen=True)
class Source:
    """A source to write: samples per shard, tile size, codec."""

    id: str
    kind: Kind
    shards: tuple[int, ...]
    height: int = 40
    width: int = 48
    codec: str = "tif"
    role: str = "pretrain"
    split: str = "train"
    bands: tuple[tuple[Modality, int], ...] = tuple(BANDS.items())


SOURCES = (
    Source("alpha", "pair", (30, 17, 9)),
    Source("beta", "pair", (21,), height=56, width=40, codec="png"),
    Source("gamma", "optical", (25, 14)),
    Source("delta", "sar", (19,)),
    Source("omega", "pair", (4,), role="heldout", split="test"),
)


@dataclass(frozen=True)
class Tiny:
    """A dataset on disk and what went into it: pixels by key and modality, rows by key."""

    folder: Path
    pixels: dict[str, dict[Modality, Pixels]]
    samples: dict[str, Sample]
    catalogue: Catalogue


def pixels_of(key: str, modality: Modality, height: int, width: int, bands: int) -> Pixels:
    """Return an image that only this key has: smooth, with some noise."""
    seed = int.from_bytes(hashlib.sha256(f"{key} {modality}".encode()).digest()[:8], "little")
    random = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    waves = [
        128 + 90 * np.sin(rows * random.uniform(0.05, 0.3) + cols * random.uniform(0.05, 0.3) + random.uniform(0, 6))
        for _ in range(bands)
    ]
    return (np.stack(waves, axis=-1) + random.integers(-20, 20, (height, width, bands))).clip(0, 255).astype(np.uint8)


def tif(pixels: Pixels, **options: object) -> bytes:
    """Encode as the dataset does: ZSTD level 1, predictor 2, one strip."""
    height, width, bands = pixels.shape
    settings = {"compress": "ZSTD", "zstd_level": 1, "predictor": 2, "blockysize": height, **options}
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(driver="GTiff", height=height, width=width, count=bands, dtype="uint8", **settings) as file:
            file.write(pixels.transpose(2, 0, 1))
        return bytes(memory.read())


ENCODERS: dict[str, Callable[[Pixels], bytes]] = {
    "tif": tif,
    "png": lambda pixels: imagecodecs.png_encode(pixels.squeeze(-1) if pixels.shape[2] == 1 else pixels),
}


def write_tiny(folder: Path, sources: tuple[Source, ...] = SOURCES) -> Tiny:
    """Write shards, manifests and catalogue; return what a test compares with."""
    tiny = Tiny(folder, {}, {}, Catalogue(seed=0, fingerprint="", sources=(), shards=(), statistics=()))
    shards: list[Shard] = []
    manifests: dict[str, list[list[Sample]]] = {}
    for source in sources:
        for number, count in enumerate(source.shards):
            shard, rows = _write_shard(tiny, source, number, count)
            groups = manifests.setdefault(MANIFESTS[source.kind], [])
            shards.append(replace(shard, row_group=len(groups)))
            groups.append(rows)
    for name, groups in manifests.items():
        write_manifest(folder / name, groups)
    catalogue = Catalogue(
        seed=0,
        fingerprint=hashlib.sha256("".join(shard.sha256 for shard in shards).encode()).hexdigest(),
        sources=tuple(_entry(source) for source in sources),
        shards=tuple(shards),
        statistics=tuple(_statistics(tiny, source, m) for source in sources for m in modalities(source.kind)),
        manifests={name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifests},
    )
    (folder / CATALOGUE).write_bytes(to_json(catalogue))
    return replace(tiny, catalogue=catalogue)


def _write_shard(tiny: Tiny, source: Source, number: int, count: int) -> tuple[Shard, list[Sample]]:
    path = f"shards/{source.id}/{source.id}-{source.split}-{number:06d}.tar"
    file = tiny.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    with tarfile.open(file, "w", format=tarfile.USTAR_FORMAT) as tar:
        for index in range(count):
            key = sample_key(source.id, source.split, f"scene{number}", index, 0)
            rows.append(_add_sample(tiny, tar, source, path, key, index))
    body = file.read_bytes()
    shard = Shard(
        path=path, source=source.id, split=source.split, kind=source.kind, role=source.role, samples=count,
        bytes=len(body), sha256=hashlib.sha256(body).hexdigest(), row_group=0,
    )  # fmt: skip
    return shard, rows


def _add_sample(tiny: Tiny, tar: tarfile.TarFile, source: Source, path: str, key: str, index: int) -> Sample:
    _add(tar, f"{key}.meta.json", json.dumps({"key": key}).encode())
    columns: dict[str, object] = {}
    for modality in modalities(source.kind):
        pixels = pixels_of(key, modality, source.height, source.width, dict(source.bands)[modality])
        tiny.pixels.setdefault(key, {})[modality] = pixels
        data, member = ENCODERS[source.codec](pixels), MEMBER[modality]
        columns[f"{member}_offset"] = tar.offset + 512
        columns[f"{member}_length"] = len(data)
        columns[f"{member}_xxh3"] = xxhash.xxh3_64_hexdigest(data)
        columns[f"{member}_pixel_hash"] = pixel_hash(pixels)
        _add(tar, f"{key}.{member}.{source.codec}", data)
    sample = Sample(
        key=key, source=source.id, split=source.split, role=source.role, kind=source.kind, shard=path, scene="scene",
        row=index, col=0, height=source.height, width=source.width, recipe="test", licence="test", **columns,
    )  # fmt: skip
    tiny.samples[key] = sample
    return sample


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _statistics(tiny: Tiny, source: Source, modality: Modality) -> Statistics:
    images = [tiny.pixels[key][modality] for key, row in tiny.samples.items() if row.source == source.id]
    counts = merge([Histogram.of(image, np.ones(image.shape[:2], bool)) for image in images])
    mean, std = mean_std(counts.valid)
    plain = counts.as_dict()
    return Statistics(
        source=source.id, split=source.split, modality=modality, role=source.role, stats_group=source.id,
        samples=len(images), bands=images[0].shape[2], dtype="uint8", nodata=None,
        histogram=tuple(map(tuple, plain["histogram"])), histogram_all=tuple(map(tuple, plain["histogram_all"])),
        mean=tuple(mean), std=tuple(std), mean_all=tuple(mean), std_all=tuple(std),
    )  # fmt: skip


def _entry(source: Source) -> SourceEntry:
    return SourceEntry(
        source=source.id, title=source.id, licence="test", redistribution="yes", citation="none", recipe="test",
        codec=source.codec, fingerprint=source.id, classes=(), planned=sum(source.shards), written=sum(source.shards),
        skipped={}, failed={},
    )  # fmt: skip
