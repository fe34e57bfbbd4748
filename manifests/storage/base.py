"""What a store can do."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from manifests.errors import ObjectMissing, StorageError

TEMPORARY = ".tmp"


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a listing: path relative to the store's root, size in bytes."""

    path: str
    bytes: int


class Store(ABC):
    """A root that objects are read from and published to. Threads may share it; a new process opens its own.

    Paths are relative and use `/`. Nothing partial is ever visible under a final name. Errors are StorageError and
    its children: ObjectMissing, AccessDenied, StoreUnreachable, StoreUnsupported.
    """

    url: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        from manifests.storage import open_store

        return open_store, (self.url,)

    def join(self, path: str) -> str:
        """Return the full URL of a path, for messages."""
        return f"{self.url.rstrip('/')}/{path}"

    @abstractmethod
    def get(self, path: str) -> bytes:
        """Return a whole object."""

    @abstractmethod
    def get_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return (start, length) ranges of an object, in order, each of exactly its length."""

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Return `length` bytes from `start`."""
        return self.get_ranges(path, [(start, length)])[0]

    @abstractmethod
    def size(self, path: str) -> int:
        """Return an object's bytes."""

    def exists(self, path: str) -> bool:
        """Tell whether there is such an object; refusals and failures still raise."""
        try:
            self.size(path)
        except ObjectMissing:
            return False
        return True

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """Return a seekable reader that fetches ranges as they are asked for."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield the finished objects below a folder-like prefix, sorted by path."""

    @abstractmethod
    def put(self, path: str, data: bytes) -> None:
        """Publish bytes under a final name."""

    @abstractmethod
    def scratch(self, path: str) -> Path:
        """Return a local file name to write an object to before it is published.

        In a folder it is `<final name>.tmp` beside the final one, elsewhere a file in the temporary folder.
        """

    @abstractmethod
    def publish(self, file: Path, path: str) -> None:
        """Give the finished scratch file its final name; the scratch file is gone afterwards."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove an object; one that is not there is no error."""

    @abstractmethod
    def sweep(self, prefix: str = "", deep: bool = True) -> int:
        """Delete temporaries that a killed process left below a prefix; return how many.

        With deep=False only those right in the prefix's folder.
        """

    @abstractmethod
    def probe(self) -> None:
        """Raise what publishing here would raise for a wrong place or missing rights; leave nothing behind."""


def check_length(part: bytes, start: int, length: int, where: str) -> bytes:
    """Return the part, or raise StorageError when the store answered less than was asked."""
    if len(part) != length:
        raise StorageError(f"{where}: {len(part)} bytes at offset {start}, expected {length}; the object is truncated")
    return part
