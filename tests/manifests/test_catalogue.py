"""Records of sample, shard, sidecar and catalogue: round trips, versions, hostile input."""

import json
from pathlib import Path

import numpy as np
import pytest

from manifests import (
    Catalogue,
    Histogram,
    Input,
    Manifest,
    ObjectMissing,
    Sample,
    SchemaError,
    SchemaVersionError,
    Shard,
    Sidecar,
    SourceEntry,
    Statistics,
    mean_std,
    merge,
    open_store,
    parse_catalogue,
    parse_sidecar,
    pixel_hash,
    read_catalogue,
    sidecar_json,
    to_json,
    write_manifest,
)


def sample(number: int, **changes: object) -> Sample:
    fields: dict[str, object] = {
        "key": f"folder-all-a-r{number}c0",
        "source": "folder",
        "split": "all",
        "role": "pretrain",
        "kind": "pair",
        "shard": "shards/folder/folder-all-000000.tar",
        "opt_offset": 512 * number,
        "opt_length": 100,
        "opt_xxh3": "0" * 16,
        "scene": "a",
        "row": number,
        "col": 0,
        "height": 256,
        "width": 256,
        "transform": (0.5, 0.0, 1.0, 0.0, -0.5, 2.0),
        "flags": ("warped",),
        "recipe": "pass",
        "member": ("optical/a.tif", "sar/a.tif"),
        "licence": "yours",
    }
    return Sample(**{**fields, **changes})  # type: ignore[arg-type]


def histogram(seed: int) -> Histogram:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return Histogram.of(pixels, pixels[..., 0] > 40)


def sidecar() -> Sidecar:
    return Sidecar(
        source="folder",
        split="all",
        role="pretrain",
        kind="pair",
        path="shards/folder/folder-all-000000.tar",
        samples=2,
        bytes=10240,
        sha256="ab",
        settings="s",
        fingerprint="f",
        planned=4,
        skipped={"low-valid": 1},
        failed={"truncated": 1},
        failures=("b: truncated",),
        inputs=(Input(path="optical/a.tif", bytes=5),),
        histograms={"optical": histogram(0)},
        rows=(sample(0), sample(1)),
    )


def catalogue() -> Catalogue:
    def statistics(split: str, seed: int) -> Statistics:
        counts = histogram(seed)
        mean, std = mean_std(counts.valid)
        every = mean_std(counts.all)
        return Statistics(
            source="folder",
            split=split,
            modality="optical",
            role="pretrain",
            stats_group="folder",
            samples=1,
            bands=3,
            dtype="uint8",
            nodata=None,
            histogram=tuple(map(tuple, counts.valid.tolist())),
            histogram_all=tuple(map(tuple, counts.all.tolist())),
            mean=tuple(mean),
            std=tuple(std),
            mean_all=tuple(every[0]),
            std_all=tuple(every[1]),
        )

    return Catalogue(
        seed=0,
        fingerprint="f",
        sources=(
            SourceEntry(
                source="folder",
                title="t",
                licence="l",
                redistribution="unknown",
                citation="",
                recipe="pass",
                codec="tif",
                fingerprint="f",
                classes=(),
                planned=4,
                written=2,
                skipped={"low-valid": 1},
                failed={"truncated": 1},
            ),
        ),
        shards=(
            Shard(
                path="shards/folder/folder-all-000000.tar",
                source="folder",
                split="all",
                kind="pair",
                role="pretrain",
                samples=2,
                bytes=10240,
                sha256="ab",
                row_group=0,
            ),
        ),
        statistics=(statistics("a", 1), statistics("b", 2)),
        manifests={"paired.parquet": "00"},
    )


def test_sidecar_round_trip() -> None:
    before = sidecar()
    after = parse_sidecar(sidecar_json(before), "x.json")
    assert after.rows == before.rows
    assert after.inputs == before.inputs
    assert (after.histograms["optical"].valid == before.histograms["optical"].valid).all()
    assert sidecar_json(after) == sidecar_json(before)


def test_catalogue_round_trip_and_normalisation(tmp_path: Path) -> None:
    before = catalogue()
    store = open_store(tmp_path)
    store.put("catalog.json", to_json(before))
    after = read_catalogue(store)
    assert after == before
    both = merge([histogram(1), histogram(2)])
    mean, std = after.normalisation("optical")["folder"]
    assert mean == tuple(mean_std(both.valid)[0])
    assert std == tuple(mean_std(both.valid)[1])
    assert after.stats_group("folder", "b", "optical") == "folder"


def test_every_record_of_a_source_names_it() -> None:
    raw = json.loads(to_json(catalogue()))
    for records in ("sources", "shards", "statistics"):
        assert all(record["source"] == "folder" for record in raw[records])


def test_a_newer_major_version_is_refused_a_newer_minor_is_read() -> None:
    raw = json.loads(to_json(catalogue()))
    with pytest.raises(SchemaVersionError, match="upgrade"):
        parse_catalogue(json.dumps({**raw, "schema": "2.0"}).encode(), "c")
    later = parse_catalogue(json.dumps({**raw, "schema": "1.9", "later": 1}).encode(), "c")
    assert later.shards == catalogue().shards


@pytest.mark.parametrize("path", ["../x.tar", "/etc/passwd", "s3://other/x.tar", "shards/../../x", "a//b", "a\\b", ""])
def test_paths_stay_under_the_root(path: str) -> None:
    raw = json.loads(to_json(catalogue()))
    raw["shards"][0]["path"] = path
    with pytest.raises(SchemaError, match="leaves"):
        parse_catalogue(json.dumps(raw).encode(), "c")
    side = json.loads(sidecar_json(sidecar()))
    side["rows"]["shard"][0] = path
    with pytest.raises(SchemaError, match="leaves"):
        parse_sidecar(json.dumps(side).encode(), "s")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"schema": "1.0"}', b"\xff\xfe"])
def test_damage_is_named(data: bytes) -> None:
    with pytest.raises(SchemaError, match="here.json"):
        parse_catalogue(data, "here.json")


def test_no_catalogue_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing, match="osprep build"):
        read_catalogue(open_store(tmp_path))


def test_manifest_has_one_row_group_per_shard(tmp_path: Path) -> None:
    shards = [[sample(0), sample(1)], [sample(2)], [sample(3, labels=(0, 1), crs="EPSG:32631")]]
    path = tmp_path / "paired.parquet"
    assert write_manifest(path, shards) == 4
    again = tmp_path / "again.parquet"
    write_manifest(again, shards)
    assert path.read_bytes() == again.read_bytes()
    with Manifest(open_store(tmp_path), "paired.parquet") as manifest:
        assert manifest.row_groups == 3
        assert [manifest.samples(group) for group in range(3)] == shards
        assert manifest.table(1, ["key"]).column_names == ["key"]


def test_a_file_that_is_no_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "paired.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(SchemaError, match="paired.parquet"):
        Manifest(open_store(tmp_path), "paired.parquet")


def test_manifest_over_s3(s3: str, tmp_path: Path) -> None:
    write_manifest(tmp_path / "m", [[sample(0)], [sample(1)]])
    store = open_store(s3)
    store.put("paired.parquet", (tmp_path / "m").read_bytes())
    with Manifest(store, "paired.parquet") as manifest:
        assert manifest.samples(1) == [sample(1)]


def test_moments_match_numpy() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 2), np.uint8)
    valid = np.random.default_rng(1).random((16, 16)) > 0.3
    mean, std = mean_std(Histogram.of(pixels, valid).valid)
    assert mean == pytest.approx(pixels[valid].mean(0) / 255)
    assert std == pytest.approx((pixels[valid] / 255).std(0))
    assert Histogram.of(pixels, valid).all.sum() == pixels.size


def test_pixel_hash_sees_shape_dtype_and_values() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    hashes = {pixel_hash(p) for p in (pixels, pixels.reshape(3, 2, 2), pixels.astype(np.int8), pixels + 1)}
    assert len(hashes) == 4
    assert pixel_hash(pixels) == pixel_hash(np.asfortranarray(pixels))
