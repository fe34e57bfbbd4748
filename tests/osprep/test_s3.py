"""Building to a bucket: the bytes of a folder, and nothing written when the place is wrong."""

import tempfile
from pathlib import Path

import pytest

from manifests import AccessDenied, ObjectMissing, StorageError, StoreUnsupported, open_store
from osprep import verify
from tests.osprep.raws import contents, make_raw, run


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_raw(tmp_path_factory.mktemp("raw"))


def test_a_bucket_holds_the_bytes_of_a_folder(
    raw: Path, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    run(raw, tmp_path / "root")
    assert run(raw, s3, workers=2).exit_code == 0
    store = open_store(s3)
    assert [entry.path for entry in store.list()] == sorted(contents(tmp_path / "root"))
    for entry in store.list():
        assert store.get(entry.path) == (tmp_path / "root" / entry.path).read_bytes(), entry.path
    assert list((tmp_path / "scratch").iterdir()) == []
    (again,) = run(raw, s3).sources
    assert again.reused == 5
    assert verify(s3).exit_code == 0


def test_an_upload_that_fails_publishes_nothing(raw: Path, s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from manifests.storage import remote

    put = remote.obstore.put

    def failing(backend: object, path: str, content: object) -> None:
        if path.endswith("000001.tar"):
            raise OSError("connection reset")
        put(backend, path, content)

    monkeypatch.setattr(remote.obstore, "put", failing)
    with pytest.raises(StorageError, match=r"000001\.tar: connection reset"):
        run(raw, s3)
    assert [entry.path[-6:] for entry in open_store(s3).list()] == ["0.json", "00.tar"]


def test_a_wrong_bucket_and_wrong_credentials_end_before_any_work(
    raw: Path, s3: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ObjectMissing, match="no such bucket"):
        run(raw, "s3://no-such-bucket-here/root")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(AccessDenied, match="access refused"):
        run(raw, s3)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(AccessDenied, match="no S3 credentials"):
        run(raw, s3)
    assert capfd.readouterr().err == ""


def test_plain_http_cannot_be_written_to(raw: Path) -> None:
    with pytest.raises(StoreUnsupported, match="takes no files"):
        run(raw, "http://127.0.0.1:9/root")
