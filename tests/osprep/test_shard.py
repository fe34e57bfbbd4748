"""Shards: plain USTAR, the same bytes every time, and nothing wrong gets past the check."""

import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xxhash

from manifests import MEMBER, Modality, Sample, pixel_hash
from osprep import BuildError
from osprep.codec import encode
from osprep.shard import Record, Spool, check_shard, write_shard
from tests.osprep.rasters import noise

LONGEST = "a" * 88


@pytest.fixture
def spool() -> Iterator[Spool]:
    with Spool(1 << 16) as spool:
        yield spool


def record(key: str, spool: Spool, modalities: tuple[Modality, ...] = ("optical", "sar")) -> Record:
    columns: dict[str, object] = {}
    images = []
    for modality in modalities:
        pixels = noise(64, 64, 3 if modality == "optical" else 1, seed=len(key))
        data = encode(pixels, "tif")
        short = MEMBER[modality]
        columns[f"{short}_pixel_hash"] = pixel_hash(pixels)
        columns[f"{short}_length"], columns[f"{short}_xxh3"] = len(data), xxhash.xxh3_64_hexdigest(data)
        images.append((modality, spool.add(data)))
    row = Sample(
        key=key,
        source="folder",
        split="all",
        role="pretrain",
        kind="pair",
        shard="shards/folder/folder-all-000000.tar",
        scene=key,
        row=0,
        col=0,
        height=64,
        width=64,
        recipe="pass",
        licence="yours",
        **columns,  # type: ignore[arg-type]
    )
    return Record(row, spool.add(b"{}"), tuple(images))


def test_members_in_order_as_plain_ustar(tmp_path: Path, spool: Spool) -> None:
    records = [record(LONGEST, spool), record("b", spool)]
    file = tmp_path / "x.tar"
    write_shard(file, records, spool, "tif")
    rows = check_shard(file, records, spool, "tif")
    with tarfile.open(file) as tar:
        members = tar.getmembers()
    names = [f"{key}.{part}" for key in (LONGEST, "b") for part in ("meta.json", "opt.tif", "sar.tif")]
    assert [member.name for member in members] == names
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
    data = file.read_bytes()
    assert data[257:265] == b"ustar\x0000"
    assert sum(512 + -(-member.size // 512) * 512 for member in members) + 1024 <= len(data)  # no PAX blocks between
    for row, sample in zip(rows, records, strict=True):
        for modality, span in sample.images:
            start, length = (getattr(row, f"{MEMBER[modality]}_{what}") for what in ("offset", "length"))
            assert data[start : start + length] == spool.get(span)
    assert subprocess.run(["tar", "tf", file], capture_output=True, text=True).stdout.split() == names


def test_equal_records_give_equal_bytes_later(tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record("a", spool), record("b", spool, ("sar",))]
    write_shard(tmp_path / "1.tar", records, spool, "tif")
    monkeypatch.setattr(time, "time", lambda: 2e9)
    write_shard(tmp_path / "2.tar", records, spool, "tif")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # webdataset leaves the file open
def test_webdataset_reads_it(tmp_path: Path, spool: Spool) -> None:
    import imagecodecs
    import webdataset

    write_shard(tmp_path / "x.tar", [record("a", spool), record("b", spool)], spool, "tif")
    tif = webdataset.handle_extension("opt.tif sar.tif", imagecodecs.tiff_decode)
    read = list(webdataset.WebDataset(str(tmp_path / "x.tar"), shardshuffle=False).decode(tif))
    assert [sample["__key__"] for sample in read] == ["a", "b"]
    np.testing.assert_array_equal(read[0]["opt.tif"], noise(64, 64, 3, seed=1))
    assert read[0]["meta.json"] == {}


@pytest.mark.parametrize("part", ["meta", "image", "header", "cut", "extra", "pixels"])
def test_whatever_reads_back_otherwise_is_refused(tmp_path: Path, spool: Spool, part: str) -> None:
    records = [record("a", spool), record("b", spool)]
    file = tmp_path / "x.tar"
    write_shard(file, records, spool, "tif")
    rows = check_shard(file, records, spool, "tif")
    data = bytearray(file.read_bytes())
    if part == "extra":
        records = records[:1]
    elif part == "pixels":
        records[0] = replace(records[0], row=replace(records[0].row, sar_pixel_hash="0" * 32))
    elif part == "cut":
        file.write_bytes(data[: rows[1].sar_offset])
    else:
        assert rows[0].opt_offset
        data[{"meta": 512, "image": rows[0].opt_offset + 99, "header": rows[0].opt_offset - 512}[part]] ^= 1
        file.write_bytes(data)
    with pytest.raises(BuildError, match=r"x\.tar"):
        check_shard(file, records, spool, "tif")


def test_a_spool_goes_to_the_disk_past_its_limit_and_forgets(spool: Spool) -> None:
    first, large = spool.add(b"first"), spool.add(b"x" * 100_000)
    end = spool.end
    spool.add(b"of a scene that failed")
    spool.rewind(end)
    last = spool.add(b"last")
    assert (spool.get(first), len(spool.get(large)), spool.get(last)) == (b"first", 100_000, b"last")
    assert last.start == end


def test_a_process_that_only_writes_shards_is_spared_torch(tmp_path: Path) -> None:
    code = (
        "import sys, osprep.shard as shard; shard.spare_torch(); "
        "loaded = 'torch' in sys.modules; from webdataset.writer import TarWriter; sys.exit(loaded)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
