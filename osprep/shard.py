"""A shard: a plain USTAR tar, written once, read back and checked before anyone sees it."""

import hashlib
import importlib
import sys
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any

from manifests import MEMBER, Modality, Sample, pixel_hash
from osprep.codec import decode
from osprep.config import Codec
from osprep.errors import BuildError

LAYOUT = 1  # raise by hand when the bytes of a shard change for equal samples
META = "meta.json"
_ONLY_IN_ROWS = ("shard", *(f"{name}_{what}" for name in MEMBER.values() for what in ("offset", "length", "xxh3")))
_MODE = 0o644
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Span:
    """Where some bytes stand in a spool."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Record:
    """A sample that waits for its place in the shard: its row, still without offsets, and its encoded members."""

    row: Sample
    meta: Span
    images: tuple[tuple[Modality, Span], ...]


class Spool:
    """Encoded bytes until the order of the shard is known: in memory, past a limit in an unnamed temporary file."""

    def __init__(self, memory: int) -> None:
        self._file = SpooledTemporaryFile(max_size=memory)  # noqa: SIM115

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def end(self) -> int:
        """Return how many bytes it holds."""
        return self._file.seek(0, 2)

    def add(self, data: bytes) -> Span:
        """Append."""
        span = Span(self.end, len(data))
        self._file.write(data)
        return span

    def rewind(self, end: int) -> None:
        """Forget what was added after that end."""
        self._file.truncate(end)

    def get(self, span: Span) -> bytes:
        """Read back."""
        self._file.seek(span.start)
        return self._file.read(span.length)


def meta_facts(row: Sample) -> dict[str, Any]:
    """Return what meta.json tells of a sample: its row, without what only the finished tar tells."""
    return {name: value for name, value in row.as_dict().items() if name not in _ONLY_IN_ROWS}


def spare_torch() -> None:
    """Import the tar writer without torch, which it brings along where it can: a second and 130 MB of every process.

    For processes that only write shards. Whoever wants torch there can still import it afterwards.
    """
    if "torch" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("webdataset.writer")
    except ImportError:  # a release that cannot do without; write_shard imports it whole
        return
    finally:
        del sys.modules["torch"]


def write_shard(file: Path, records: Iterable[Record], spool: Spool, codec: Codec) -> None:
    """Write members in the order of the records: meta.json, then the images, optical first.

    Nothing in the file depends on time, user or machine. Raises OSError when the disk is full.
    """
    from webdataset.writer import TarWriter  # it brings torch, which nothing else here needs

    with file.open("wb") as stream, TarWriter(stream, "", "", _MODE, encoder=False, mtime=0) as writer:
        for record in records:
            images = {f"{MEMBER[modality]}.{codec}": spool.get(span) for modality, span in record.images}
            writer.write({"__key__": record.row.key, META: spool.get(record.meta), **images})


def check_shard(file: Path, records: Sequence[Record], spool: Spool, codec: Codec) -> list[Sample]:
    """Read a tar back and return its rows with offsets.

    Raises BuildError unless it holds exactly the records' members, in order, as plain USTAR entries, each byte as
    encoded and each image decoding to the pixels of its hash.
    """
    rows = []
    try:
        with tarfile.open(file, "r:") as tar:
            for record in records:
                _read_member(tar, f"{record.row.key}.{META}", spool.get(record.meta))
                rows.append(replace(record.row, **_offsets(tar, record, spool, codec)))
            if (extra := tar.next()) is not None:
                raise BuildError(f"{file}: unexpected member {extra.name} read back; {_HARDWARE}")
    except tarfile.TarError as error:
        raise BuildError(f"{file}: reads back as no tar ({error}); {_HARDWARE}") from error
    return rows


def sha256_of(file: Path) -> str:
    """Return the hex digest of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _offsets(tar: tarfile.TarFile, record: Record, spool: Spool, codec: Codec) -> dict[str, Any]:
    offsets: dict[str, Any] = {}
    for modality, span in record.images:
        short = MEMBER[modality]
        name = f"{record.row.key}.{short}.{codec}"
        offsets[f"{short}_offset"] = _read_member(tar, name, data := spool.get(span))
        if pixel_hash(decode(data, codec)) != getattr(record.row, f"{short}_pixel_hash"):
            raise BuildError(f"{tar.name!s}: {name} decodes to other pixels; {_HARDWARE}")
    return offsets


def _read_member(tar: tarfile.TarFile, name: str, data: bytes) -> int:
    """Return the offset of the next member's bytes after comparing them."""
    member = tar.next()
    if member is None or member.name != name or not member.isreg() or member.offset_data != member.offset + _BLOCK:
        found = "the end" if member is None else member.name
        raise BuildError(f"{tar.name!s}: {found} read back where {name} was written; {_HARDWARE}")
    stream = tar.extractfile(member)
    if stream is None or stream.read() != data:
        raise BuildError(f"{tar.name!s}: {name} reads back changed; {_HARDWARE}")
    return member.offset_data


_HARDWARE = "check disk and memory, then run the same command again"
