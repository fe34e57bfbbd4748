"""A local folder as a store."""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from manifests.errors import AccessDenied, ObjectMissing, StorageError
from manifests.storage.base import TEMPORARY, Entry, Store, check_length


class FolderStore(Store):
    """Objects are files. Publishing writes `<name>.tmp`, flushes it to the disk and renames it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = str(folder)

    def get(self, path: str) -> bytes:
        """Return a whole file."""
        with self._errors(path):
            return (self.folder / path).read_bytes()

    def get_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return (start, length) ranges with positioned reads."""
        with self._errors(path):
            handle = os.open(self.folder / path, os.O_RDONLY)
            try:
                parts = [os.pread(handle, length, start) for start, length in ranges]
            finally:
                os.close(handle)
        where = self.join(path)
        return [check_length(part, *span, where) for part, span in zip(parts, ranges, strict=True)]

    def size(self, path: str) -> int:
        """Return a file's bytes; a folder is no object."""
        with self._errors(path):
            if (self.folder / path).is_dir():
                raise IsADirectoryError(f"{path} is a folder")
            return (self.folder / path).stat().st_size

    def open(self, path: str) -> BinaryIO:
        """Open for reading."""
        with self._errors(path):
            return (self.folder / path).open("rb")

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield files below a prefix, sorted, temporaries left out; raise ObjectMissing when the root is missing."""
        if not self.folder.is_dir():
            raise ObjectMissing(f"{self.url}: no such folder; check the path")
        with self._errors(prefix):
            files = [file for file in self._walk(prefix) if not file.name.endswith(TEMPORARY)]
            entries = [Entry(file.relative_to(self.folder).as_posix(), file.stat().st_size) for file in files]
        yield from sorted(entries, key=lambda entry: entry.path)

    def put(self, path: str, data: bytes) -> None:
        """Write, flush, rename. Two processes that put one path at once each rename a whole file."""
        scratch = self.scratch(f"{path}.{uuid.uuid4().hex}")
        try:
            with self._errors(path):
                scratch.write_bytes(data)
            self.publish(scratch, path)
        finally:
            scratch.unlink(missing_ok=True)

    def scratch(self, path: str) -> Path:
        """Return `<final name>.tmp`; its folder exists afterwards."""
        target = self.folder / (path + TEMPORARY)
        with self._errors(path):
            target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def publish(self, file: Path, path: str) -> None:
        """Flush the scratch file, rename it, flush the folder."""
        target = self.folder / path
        with self._errors(path):
            _flush(file)
            os.replace(file, target)
            _flush(target.parent)

    def delete(self, path: str) -> None:
        """Remove a file."""
        with self._errors(path):
            (self.folder / path).unlink(missing_ok=True)

    def sweep(self, prefix: str = "", deep: bool = True) -> int:
        """Delete `*.tmp` below a prefix, or right in it."""
        stale = [file for file in self._walk(prefix, deep) if file.name.endswith(TEMPORARY)]
        with self._errors(prefix):
            for file in stale:
                file.unlink(missing_ok=True)
        return len(stale)

    def probe(self) -> None:
        """Look for the right to write in the folder, or in the nearest one above it that exists."""
        existing = next(folder for folder in (self.folder, *self.folder.parents) if folder.exists())
        with self._errors(""):
            if not existing.is_dir():
                raise NotADirectoryError(f"{existing} is a file")
            if not os.access(existing, os.W_OK | os.X_OK):
                raise PermissionError(f"{existing} is not writable")

    def _walk(self, prefix: str, deep: bool = True) -> Iterator[Path]:
        for folder, inner, names in os.walk(self.folder / prefix):
            if not deep:
                inner.clear()
            yield from (Path(folder, name) for name in names)

    @contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        where = self.join(path)
        try:
            yield
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise ObjectMissing(f"{where}: no such file; check the path") from error
        except PermissionError as error:
            raise AccessDenied(f"{where}: no permission; check the rights of the folder") from error
        except OSError as error:
            raise StorageError(f"{where}: {error.strerror or error}; check the disk and run it again") from error


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
