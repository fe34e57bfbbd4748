"""Archives that are hostile, broken or in pieces: refused whole, or unpacked whole."""

import io
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from osprep.errors import ArchiveError
from osprep.harvest import Limits
from osprep.harvest.extract import unpack
from osprep.harvest.members import Member, vet

FILES = {"a/1.txt": b"one", "a/b/2.txt": b"two" * 1000}


def write_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def refuse(archive: Path, into: Path, words: str, limits: Limits | None = None) -> None:
    with pytest.raises(ArchiveError, match=words):
        unpack(archive, into, "", limits or Limits())
    assert not into.exists(), "nothing stays of a refused archive"


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (member("../evil"), "leaves the folder"),
        (member("a/../../evil"), "leaves the folder"),
        (member("/etc/evil"), "leaves the folder"),
        (member("link", tarfile.SYMTYPE, "/etc/passwd"), "points outside"),
        (member("a/link", tarfile.SYMTYPE, "../../evil"), "points outside"),
        (member("hard", tarfile.LNKTYPE, "../evil"), "points outside"),
        (member("device", tarfile.CHRTYPE), "device"),
        (member("pipe", tarfile.FIFOTYPE), "device"),
    ],
)
def test_members_that_leave_the_folder_refuse_the_whole_tar(info: tarfile.TarInfo, words: str, tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "x.tar.gz", (member("good"), b"1"), (info, b""))
    refuse(archive, tmp_path / "out", words)


def test_files_through_a_link_are_refused(tmp_path: Path) -> None:
    link = member("inside", tarfile.SYMTYPE, "real")
    archive = write_tar(tmp_path / "x.tar", (link, b""), (member("inside/x"), b"1"), mode="w")
    refuse(archive, tmp_path / "out", "goes through the link")


@pytest.mark.parametrize("name", ["../evil", "/evil", "C:/evil", "..\\evil"])
def test_zip_paths_are_held_to_the_same(name: str, tmp_path: Path) -> None:
    refuse(write_zip(tmp_path / "x.zip", {"good": b"1", name: b"2"}), tmp_path / "out", "leaves the folder")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    bomb = write_zip(tmp_path / "bomb.zip", {"zeros": bytes(20 << 20)})
    refuse(bomb, tmp_path / "out", "times as many", Limits(small=1 << 20))
    refuse(bomb, tmp_path / "out", "is the limit", Limits(bytes=1 << 20))


def test_a_million_entries_are_too_many(tmp_path: Path) -> None:
    endless = (Member(f"{number}", "file") for number in range(10**6 + 5))
    with pytest.raises(ArchiveError, match="1,000,000 entries"):
        vet(endless, 1, Limits(), "x.tar")
    crowd = write_zip(tmp_path / "crowd.zip", {str(number): b"" for number in range(2000)})
    refuse(crowd, tmp_path / "out", "2,000 entries", Limits(entries=1000))


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar"])
def test_whole_archives_are_unpacked_and_cut_ones_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{kind}"
    junk = {"__MACOSX/._1.txt": b"x", "a/.DS_Store": b"x"}
    if kind == "zip":
        write_zip(path, {**FILES, **junk})
    else:
        entries = [(member(name), data) for name, data in {**FILES, **junk}.items()]
        write_tar(path, *entries, mode="w:gz" if kind == "tar.gz" else "w")
    record = unpack(path, tmp_path / "out", "digest", Limits())
    assert (record.files, record.bytes) == (2, sum(map(len, FILES.values())))
    for name, data in FILES.items():
        assert (tmp_path / "out" / name).read_bytes() == data
    assert not list((tmp_path / "out").rglob("*MACOSX*"))
    data = path.read_bytes().rstrip(b"\0")
    path.write_bytes(data[: len(data) * 2 // 3])
    refuse(path, tmp_path / "cut", "cut short|broken")


def test_7z_in_volumes(tmp_path: Path) -> None:
    py7zr = pytest.importorskip("py7zr", reason="needs the extra archives")
    pytest.importorskip("multivolumefile", reason="needs the extra archives")
    files = {**FILES, "noise.bin": random.Random(0).randbytes(30_000)}
    with py7zr.SevenZipFile(tmp_path / "whole.7z", "w") as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    packed = (tmp_path / "whole.7z").read_bytes()
    for number, start in enumerate(range(0, len(packed), 10_000), start=1):
        (tmp_path / f"x.7z.{number:03d}").write_bytes(packed[start : start + 10_000])
    unpack(tmp_path / "x.7z.001", tmp_path / "out", "", Limits())
    for name, data in files.items():
        assert (tmp_path / "out" / name).read_bytes() == data
    (tmp_path / "x.7z.002").unlink()
    refuse(tmp_path / "x.7z.001", tmp_path / "again", "x.7z.002 is missing")
