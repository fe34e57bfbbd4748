"""Stores: a folder and a real S3 server behave alike; errors say what to do."""

import os
import pickle
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from manifests import AccessDenied, ObjectMissing, StorageError, StoreUnreachable, StoreUnsupported, open_store


@pytest.fixture(params=["folder", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "root") if request.param == "folder" else request.getfixturevalue("s3")


def test_bytes_come_back(root: str) -> None:
    store = open_store(root)
    store.put("a/b.bin", bytes(range(200)))
    assert store.get("a/b.bin") == bytes(range(200))
    assert store.get_range("a/b.bin", 10, 5) == bytes(range(10, 15))
    assert store.get_ranges("a/b.bin", [(0, 2), (150, 3)]) == [b"\x00\x01", bytes([150, 151, 152])]
    assert store.size("a/b.bin") == 200
    with store.open("a/b.bin") as file:
        file.seek(-4, os.SEEK_END)
        assert file.read() == bytes([196, 197, 198, 199])
        assert file.seek(3) == 3
        assert file.read(2) == bytes([3, 4])


def test_listing_is_sorted_relative_and_without_temporaries(root: str) -> None:
    store = open_store(root)
    for path in ("shards/b/2.tar", "shards/a/1.tar", "shards-other/x"):
        store.put(path, b"xyz")
    store.scratch("shards/a/9.tar").write_bytes(b"partial")
    assert [(entry.path, entry.bytes) for entry in store.list("shards")] == [
        ("shards/a/1.tar", 3),
        ("shards/b/2.tar", 3),
    ]


def test_a_file_is_published_whole_and_the_scratch_is_gone(root: str) -> None:
    store = open_store(root)
    scratch = store.scratch("x/large.tar")
    scratch.write_bytes(os.urandom(1 << 10) * (12 << 10))
    expected = scratch.read_bytes()
    assert not store.exists("x/large.tar")
    store.publish(scratch, "x/large.tar")
    assert store.get("x/large.tar") == expected
    assert not scratch.exists()


def test_delete_and_overwrite(root: str) -> None:
    store = open_store(root)
    store.put("a", b"1")
    store.put("a", b"22")
    assert store.get("a") == b"22"
    store.delete("a")
    store.delete("a")
    assert not store.exists("a")


def test_missing_objects_and_short_ranges_are_named(root: str) -> None:
    store = open_store(root)
    store.put("a", b"123")
    with pytest.raises(ObjectMissing, match="nope"):
        store.get("nope")
    with pytest.raises(StorageError, match="/a: .*truncated"):
        store.get_range("a", 1, 10)


def test_stores_travel_to_other_processes_as_urls(root: str) -> None:
    store = open_store(root)
    store.put("a", b"123")
    assert pickle.loads(pickle.dumps(store)).get("a") == b"123"


def test_sweep_removes_only_temporaries(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.put("shards/a.tar", b"1")
    store.scratch("shards/b.tar").write_bytes(b"2")
    assert store.sweep("shards") == 1
    assert [file.name for file in (tmp_path / "shards").iterdir()] == ["a.tar"]


def test_scratch_files_of_dead_processes_are_swept(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = open_store(s3).scratch("shards/a.tar")
    other = tmp_path / "ospretrain-notes-of-mine"
    other.touch()
    code = "import sys, manifests; print(manifests.open_store(sys.argv[1]).scratch('shards/b.tar'))"
    run = subprocess.run([sys.executable, "-c", code, s3], env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=-1)
    assert Path(run.stdout.decode().strip()).exists()
    assert open_store(s3).sweep("shards") == 1
    assert sorted(tmp_path.iterdir()) == sorted([kept, other])


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file/x"):
        store.put("file/x", b"1")
    if os.access("/dev/full", os.W_OK):
        os.symlink("/dev/full", tmp_path / "y.tmp")
        monkeypatch.setattr(store, "scratch", lambda path: tmp_path / "y.tmp")
        with pytest.raises(StorageError, match="No space left"):
            store.put("y", b"1" * 100_000)
        assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_processes_may_put_one_path_at_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.put("a", bytes([number]) * 100_000), range(64)))
    assert len(set(store.get("a"))) == 1
    assert [entry.path for entry in store.list()] == ["a"]


def test_a_probe_finds_a_wrong_place_and_leaves_nothing(tmp_path: Path, root: str) -> None:
    open_store(tmp_path / "new" / "root").probe()
    assert list(tmp_path.glob("new")) == []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ObjectMissing):
        open_store(tmp_path / "file" / "root").probe()
    open_store(root).probe()


def test_wrong_bucket_and_wrong_key(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = open_store("s3://no-such-bucket-here/root")
    with pytest.raises(ObjectMissing, match="no such bucket"):
        missing.put("a", b"1")
    with pytest.raises(ObjectMissing, match="no such bucket"):
        list(missing.list())
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(AccessDenied, match="refused") as caught:
        open_store(s3).get("a")
    assert "wrong" not in str(caught.value)


def test_no_credentials_fail_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(AccessDenied, match="AWS_ACCESS_KEY_ID"):
        open_store("s3://bucket/root")


def test_nobody_listens() -> None:
    with pytest.raises(StoreUnreachable, match="http://127.0.0.1:9/root/a"):
        open_store("http://127.0.0.1:9/root").get("a")


def test_plain_http_cannot_be_listed_and_odd_schemes_are_refused() -> None:
    with pytest.raises(StoreUnsupported, match="listed"):
        next(open_store("http://127.0.0.1:9/root").list())
    for url in ("ftp://host/x", "pipe:cat /etc/passwd://"):
        with pytest.raises(StoreUnsupported, match="scheme"):
            open_store(url)
