"""Opening archives: zip and tar by Python, 7z in `sevenzip`. Each gives its members and unpacks them."""

import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from typing import Protocol

from osprep.errors import ArchiveError
from osprep.harvest.config import Limits
from osprep.harvest.members import Member, too_many

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".7z.001")
_LATER_VOLUME = re.compile(r".*\.7z\.(?!001)\d{3}", re.IGNORECASE)
_ENTRY = 46  # bytes of an entry in a zip's directory, at least
_PYTHON_READS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError),
    *(EOFError, struct.error, UnicodeError, NotImplementedError),
)


class Archive(Protocol):
    """An open archive."""

    def members(self) -> Iterator[Member]:
        """Yield what it says it holds."""

    def extract(self, members: Sequence[Member], into: Path, step: Callable[[int], None]) -> None:
        """Unpack members that were vetted; `step` is told how many more are done."""


def is_archive(name: str) -> bool:
    """Tell whether a file is an archive, or the first volume of one, by its name."""
    return name.lower().endswith(SUFFIXES)


def is_later_volume(name: str) -> bool:
    """Tell whether a file is a volume of a 7z archive after the first."""
    return bool(_LATER_VOLUME.fullmatch(name))


def volumes(path: Path) -> list[Path]:
    """Return the files of an archive in order. Raises ArchiveError that names a volume missing between others."""
    if not path.name.lower().endswith(".7z.001"):
        return [path]
    stem = path.name[: -len("001")]
    later = re.compile(re.escape(stem) + r"\d{3}")
    numbers = sorted(int(found.name[-3:]) for found in path.parent.iterdir() if later.fullmatch(found.name))
    if missing := sorted(set(range(1, numbers[-1])) - set(numbers)):
        raise ArchiveError(f"{path}: volume {stem}{missing[0]:03d} is missing; fetch it")
    return [path.with_name(f"{stem}{number:03d}") for number in numbers]


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Archive]:
    """Open an archive by its name. Raises ArchiveError for one that is broken, whenever that shows."""
    name = path.name.lower()
    try:
        if name.endswith((".7z", ".7z.001")) or (name.endswith(".zip") and not _python_reads(path, limits)):
            from osprep.harvest.sevenzip import open_7z  # needs what few have installed

            with open_7z(path) as archive:
                yield archive
        elif name.endswith(".zip"):
            with zipfile.ZipFile(path) as file:
                yield _Zip(file)
        else:
            yield _Tar(path)
    except _BROKEN as error:
        fault = f"broken or cut short ({type(error).__name__}: {error})"
        raise ArchiveError(f"{path}: {fault}; delete it and get it again") from error


class _Zip:
    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    def members(self) -> Iterator[Member]:
        for info in self._file.infolist():
            if info.flag_bits & 1:
                raise ArchiveError(f"{self._file.filename}: needs a password; unpack it by hand, then use --locate")
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind == stat.S_IFLNK:
                target = self._file.read(info).decode() if info.file_size < 4096 else None
                yield Member(info.filename, "symlink", info.file_size, target)
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                yield Member(info.filename, "device")
            else:
                folder = info.orig_filename.endswith(("/", "\\"))  # the latter by some of Windows
                yield Member(info.orig_filename, "folder" if folder else "file", info.file_size)

    def extract(self, members: Sequence[Member], into: Path, step: Callable[[int], None]) -> None:
        for info, member in zip(self._file.infolist(), members, strict=True):
            path = into / member.name.replace("\\", "/")
            if member.kind == "folder":
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                if member.kind == "symlink":
                    path.symlink_to(member.target or "")
                else:
                    with self._file.open(info) as packed, path.open("wb") as file:
                        shutil.copyfileobj(packed, file, 1 << 20)
            step(1)


class _Tar:
    def __init__(self, path: Path) -> None:
        if not hasattr(tarfile, "data_filter"):
            raise ArchiveError(f"{path}: this Python cannot unpack tars safely; use 3.11.4 or later")
        self._path = path

    def members(self) -> Iterator[Member]:
        with tarfile.open(self._path) as file:
            for info in file:
                yield _tar_member(info)
            file.fileobj.seek(file.offset)
            if file.fileobj.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
                raise ArchiveError(f"{self._path}: cut short, its end mark is missing; delete it and get it again")

    def extract(self, members: Sequence[Member], into: Path, step: Callable[[int], None]) -> None:
        with tarfile.open(self._path) as file:
            for info in file:
                file.extract(info, into, filter="data")
                step(1)


def _tar_member(info: tarfile.TarInfo) -> Member:
    if info.isdir():
        return Member(info.name, "folder")
    if info.issym():
        return Member(info.name, "symlink", target=info.linkname)
    if info.islnk():
        return Member(info.name, "hardlink", target=info.linkname)
    return Member(info.name, "file", info.size) if info.isreg() else Member(info.name, "device")


def _python_reads(path: Path, limits: Limits) -> bool:
    """Tell whether Python knows the compression of a zip; the number of entries is checked before they are read."""
    entries = _zip_entries(path)
    if fault := too_many(entries, limits):
        raise ArchiveError(f"{path}: refused, nothing was unpacked: {fault}; get it from another place")
    with zipfile.ZipFile(path) as file:
        return all(info.compress_type in _PYTHON_READS for info in file.infolist())


def _zip_entries(path: Path) -> int:
    """Return the most entries that a zip may have: what its end says, or what its directory has room for.

    The end record is the ZIP specification's 4.3.16, with 4.3.14 for archives beyond 65,535 entries.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - (1 << 16) - 22))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or at + 22 > len(tail):
            raise ArchiveError(f"{path}: cut short, or no zip: its directory is missing; delete it and get it again")
        entries, room = struct.unpack("<HI", tail[at + 10 : at + 16])
        locator = tail[at - 20 : at] if at >= 20 else b""
        if locator.startswith(b"PK\x06\x07"):
            file.seek(struct.unpack("<Q", locator[8:16])[0])
            record = file.read(56)
            if record.startswith(b"PK\x06\x06") and len(record) == 56:
                entries, room = struct.unpack("<QQ", record[32:48])
    return int(max(entries, min(room, size) // (_ENTRY + 256)))
