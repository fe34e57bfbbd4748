"""What is remembered of a source: RAW/<id>/harvest.lock.json of files that came, RAW/<id>/.extracted.json of archives.

Where upstream publishes no checksum the first download is trusted: its SHA-256 is in the lock, later ones must match.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from manifests import build
from osprep.errors import HarvestError

LOCK = "harvest.lock.json"
MARKER = ".extracted.json"
WORK = ".harvest"  # archives and unfinished downloads; readers skip names that begin with a dot
_writing = threading.Lock()
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A file that came whole. `url` is where from, null for a file that the user located."""

    sha256: str
    bytes: int
    url: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """An archive that was unpacked, by the SHA-256 of its (first) file; what it held."""

    sha256: str
    files: int
    bytes: int


def read_lock(root: Path) -> dict[str, Locked]:
    """Return what came, by file name."""
    return _read(root / LOCK, Locked)


def read_marker(root: Path) -> dict[str, Extracted]:
    """Return what was unpacked, by the name of the archive."""
    return _read(root / MARKER, Extracted)


def remember(root: Path, name: str, record: Locked | Extracted) -> None:
    """Enter one record; the file is replaced at once or not at all."""
    path = root / (LOCK if isinstance(record, Locked) else MARKER)
    with _writing:
        known: Mapping[str, Locked | Extracted] = _read(path, type(record))
        entries = {key: asdict(value) for key, value in sorted({**known, name: record}.items())}
        write_whole(path, (json.dumps(entries, indent=1) + "\n").encode())


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    partial = path.with_name(f"{path.name}.tmp")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    settle(partial, path)


def settle(partial: Path, path: Path) -> None:
    """Give a finished file its name, durably."""
    os.replace(partial, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold a source's folder, which is made, and removed again when it stays empty.

    Raises HarvestError when another harvest holds it.
    """
    busy = root / WORK / "busy"
    busy.parent.mkdir(parents=True, exist_ok=True)
    with busy.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HarvestError(f"{root}: another harvest is at work here; wait for it to end") from error
        try:
            yield
        finally:
            busy.unlink()
            for folder in (busy.parent, root):
                if not any(folder.iterdir()):  # nothing came: a build takes every folder under RAW for a source
                    folder.rmdir()


def _read(path: Path, cls: type[T]) -> dict[str, T]:
    if not path.exists():
        return {}
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HarvestError(f"{path}: not JSON ({error}); move it away to trust what comes next") from error
    if not isinstance(raw, dict):
        raise HarvestError(f"{path}: not an object of files; move it away to trust what comes next")
    return {name: build(cls, value, f"{path}: {name}", HarvestError) for name, value in raw.items()}
