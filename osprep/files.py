"""Raw files by name and content: what readers of large unordered folders share."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TypeVar

from manifests import Progress

IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")
_THREADS = 8  # they mostly wait for disks
_HEAD = 8
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM", b"GIF8", b"RIFF")
T = TypeVar("T")


def is_image_name(path: str) -> bool:
    """Tell whether a path ends as images do, in any case of letters."""
    return PurePosixPath(path).suffix.lower() in IMAGES


def stems(paths: Iterable[str]) -> dict[str, str]:
    """Return paths by their names without extension; those that would share one keep their extensions."""
    files = sorted(paths)
    plain = {path: PurePosixPath(path).with_suffix("").as_posix() for path in files}
    taken = Counter([*plain.values(), *files])
    return {name if taken[name] == 1 else path: path for path, name in plain.items()}


def not_images(root: Path, paths: Collection[str]) -> set[str]:
    """Return the files that do not begin as an image does. One that cannot be read is not among them."""
    return {path for path, image in _each(root, paths, "look at", _begins_as_image).items() if not image}


def copies(root: Path, paths: Collection[str]) -> dict[str, str]:
    """Return each file of the same bytes as an earlier one, with that one. Only files of equal size are read.

    A file that cannot be read is no copy.
    """
    sizes = _each(root, paths, "measure", lambda file: file.stat().st_size)
    alike = Counter(sizes.values())
    hashes = sha256s(root, [path for path, size in sizes.items() if alike[size] > 1])
    first: dict[str, str] = {}
    return {path: first[digest] for path, digest in hashes.items() if first.setdefault(digest, path) != path}


def sha256s(root: Path, paths: Collection[str]) -> dict[str, str]:
    """Return the SHA-256 of each file that can be read, in the order of `paths`; kept while the process runs."""
    return _each(root, paths, "hash", _sha256)


def _sha256(file: Path) -> str:
    status = file.stat()
    return _digest(file, status.st_size, status.st_mtime_ns)


@cache
def _digest(file: Path, size: int, modified: int) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _begins_as_image(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(_HEAD).startswith(_MAGIC)


def _each(root: Path, paths: Collection[str], label: str, do: Callable[[Path], T]) -> dict[str, T]:
    """Return what `do` says of each file; files that the system cannot give are left out."""

    def one(path: str) -> T | None:
        try:
            return do(root / path)
        except OSError:
            return None

    with ThreadPoolExecutor(_THREADS) as pool, Progress(f"{label} {root.name}", len(paths), "file") as progress:
        found: dict[str, T] = {}
        for path, result in zip(paths, pool.map(one, paths), strict=True):
            progress.update()
            if result is not None:
                found[path] = result
        return found
