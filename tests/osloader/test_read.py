import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import MANIFESTS, Sample, SchemaError, StorageError, write_manifest
from osloader import DataError, Loader, LoaderConfig, open_dataset
from osloader.read import coalesce
from tests.osloader.tiny import Source, Tiny, write_tiny

CONFIG = LoaderConfig(batch=4, size=8, window=16, threads=2, readers=2)


@settings(deadline=None)
@given(
    images=st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 400)), min_size=1, max_size=30),
    gap=st.integers(0, 300),
    most=st.integers(1, 2000),
)
def test_each_image_lies_in_one_read_and_no_byte_is_read_twice(
    images: list[tuple[int, int]], gap: int, most: int
) -> None:
    offsets, lengths = np.array(images, np.int64).T
    ranges = coalesce(offsets, lengths, gap, most)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ranges))
    for offset, length in images:
        assert sum(start <= offset and offset + length <= stop for start, stop in ranges) == 1
    distinct = sorted(images)
    if all(a + n <= b for (a, n), (b, _) in itertools.pairwise(distinct)):
        assert all(stop - start <= max(most, lengths.max()) for start, stop in ranges)


def test_a_run_of_samples_is_one_request() -> None:
    offsets = np.arange(0, 64 * 2000, 2000)
    assert coalesce(offsets, np.full(64, 900)) == [(0, 63 * 2000 + 900)]
    assert len(coalesce(offsets, np.full(64, 900), gap=500)) == 64


def test_a_changed_byte_is_found_and_named(own_tiny: Tiny) -> None:
    row = next(row for row in own_tiny.samples.values() if row.source == "beta")
    assert row.sar_offset is not None
    file = own_tiny.folder / row.shard
    body = bytearray(file.read_bytes())
    body[row.sar_offset + 20] ^= 1
    file.write_bytes(bytes(body))
    with (
        Loader(own_tiny.folder, CONFIG) as loader,
        pytest.raises(DataError, match=rf"{row.shard}: sar of {row.key} at byte {row.sar_offset}: checksum") as caught,
    ):
        list(loader)
    assert "\n" not in str(caught.value)


def test_a_truncated_shard_is_a_storage_error(own_tiny: Tiny) -> None:
    file = own_tiny.folder / own_tiny.catalogue.shards[0].path
    file.write_bytes(file.read_bytes()[:2000])
    with Loader(own_tiny.folder, CONFIG) as loader, pytest.raises(StorageError, match=r"alpha-train-000000\.tar"):
        list(loader)


def rewrite(tiny: Tiny, change: dict[str, object]) -> None:
    """Change columns of the first sample of the first shard in the manifest."""
    groups: dict[str, list[list[Sample]]] = {}
    for shard in tiny.catalogue.shards:
        rows = [row for row in tiny.samples.values() if row.shard == shard.path]
        groups.setdefault(MANIFESTS[shard.kind], []).append(rows)
    first = groups["paired.parquet"][0]
    first[0] = dataclasses.replace(first[0], **change)
    write_manifest(tiny.folder / "paired.parquet", groups["paired.parquet"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"opt_offset": 1 << 40}, "lies outside its shard"),
        ({"sar_offset": -1}, "lies outside its shard"),
        ({"sar_length": 0}, "lies outside its shard"),
        ({"height": 1 << 20, "width": 1 << 20}, "larger than the limits"),
        ({"height": 0}, "outside"),
        ({"opt_xxh3": None}, "empty opt_xxh3"),
        ({"shard": "shards/alpha/alpha-train-000001.tar"}, "is not that of"),
    ],
)
def test_rows_that_cannot_be_true_are_refused(own_tiny: Tiny, change: dict[str, object], says: str) -> None:
    rewrite(own_tiny, change)
    dataset = open_dataset(own_tiny.folder)
    with pytest.raises(DataError, match=says):
        dataset.rows.of(dataset.shards[0])


def test_a_size_that_the_image_does_not_have_is_refused(own_tiny: Tiny) -> None:
    rewrite(own_tiny, {"height": 41})
    with (
        Loader(own_tiny.folder, CONFIG) as loader,
        pytest.raises(DataError, match="40×48×3 values of 8 bits, expected 41"),
    ):
        list(loader)


def test_damaged_manifests_are_named(own_tiny: Tiny) -> None:
    file = own_tiny.folder / "paired.parquet"
    body = file.read_bytes()
    file.write_bytes(body[:100])
    with pytest.raises((DataError, SchemaError), match=r"paired\.parquet: not a parquet file"):
        open_dataset(own_tiny.folder)
    file.write_bytes(b"\0" * 2000 + body[2000:])
    dataset = open_dataset(own_tiny.folder)
    with pytest.raises(DataError, match=r"paired\.parquet"):
        dataset.rows.of(dataset.shards[0])


def test_rows_are_fetched_once_and_the_oldest_forgotten(tmp_path: Path) -> None:
    write_tiny(tmp_path, (Source("alpha", "pair", (5, 5, 5)),))
    dataset = open_dataset(tmp_path)
    first = dataset.rows.of(dataset.shards[0])
    assert dataset.rows.of(dataset.shards[0]) is first
    assert dataset.rows.keys(dataset.shards[0]) == list(first.key)
    dataset.rows._limit = 1
    dataset.rows.of(dataset.shards[1])
    assert dataset.rows.of(dataset.shards[0]) is not first
