"""One shard against its rows: every member, byte and pixel, in one pass over the tar."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from manifests import MEMBER, Modality, ObjectMissing, Sample, Shard, Store, modalities, pixel_hash
from osprep.codec import decode
from osprep.config import Codec
from osprep.shard import META, meta_facts

Member = tuple[str, int, bytes]  # name, offset, contents
CHUNK = 8 << 20
MAX_FAULTS = 10  # per shard; the others are counted


@dataclass(slots=True)
class Audit:
    """What is wrong with a shard, in words, and the counts of all its pixels [bands, 256] per modality."""

    faults: list[str] = field(default_factory=list)
    counts: dict[Modality, npt.NDArray[np.int64]] = field(default_factory=dict)

    def shortened(self) -> list[str]:
        """Return the first faults and the number of the others."""
        more = len(self.faults) - MAX_FAULTS
        return [*self.faults[:MAX_FAULTS], *([f"and {more} more"] if more > 0 else [])]


def audit_shard(store: Store, shard: Shard, rows: Sequence[Sample] | None, codec: Codec, full: bool) -> Audit:
    """Read a tar once and compare it with its catalogue record and its rows (None: they are damaged themselves).

    With `full` images are decoded as well. Failures of the network are raised, anything else is a fault.
    """
    audit = Audit()
    try:
        size = store.size(shard.path)
    except ObjectMissing:
        audit.faults.append("missing")
        return audit
    if size != shard.bytes:
        audit.faults.append(f"{size} bytes, {shard.bytes} in the catalogue")
    stream = _Hashed(store, shard.path, size)
    if rows is not None:
        _audit_members(stream, rows, codec, full, audit)
    if stream.finish() != shard.sha256:
        audit.faults.append("sha256 differs from the catalogue")
    return audit


def _audit_members(stream: "_Hashed", rows: Sequence[Sample], codec: Codec, full: bool, audit: Audit) -> None:
    found = 0
    try:
        with tarfile.open(fileobj=io.BufferedReader(stream), mode="r|") as tar:
            members = _contents(tar)
            for row in rows:
                _audit_sample(members, row, codec, full, audit)
                found += 1
            audit.faults += [f"member {name} belongs to no row" for name, _, _ in members]
    except (tarfile.TarError, StopIteration, EOFError) as error:
        where = rows[found].key if found < len(rows) else "the end"
        audit.faults.append(f"the tar breaks off at {where} ({str(error) or 'no more members'})")


def _contents(tar: tarfile.TarFile) -> Iterator[Member]:
    """Yield name, offset and bytes of each member; raise TarError at one that is no plain file."""
    for member in tar:
        content = tar.extractfile(member) if member.isreg() else None
        if content is None:
            raise tarfile.ReadError(f"{member.name} is no regular file")
        yield member.name, member.offset_data, content.read()


def _audit_sample(
    members: Iterator[tuple[str, int, bytes]], row: Sample, codec: Codec, full: bool, audit: Audit
) -> None:
    name, _, data = next(members)
    if name != f"{row.key}.{META}":
        raise tarfile.ReadError(f"{name} where {row.key}.{META} belongs")
    if not _tells(data, row):
        audit.faults.append(f"{name} differs from its row")
    for modality in modalities(row.kind):
        short = MEMBER[modality]
        name, offset, data = next(members)
        if name != f"{row.key}.{short}.{codec}":
            raise tarfile.ReadError(f"{name} where {row.key}.{short}.{codec} belongs")
        if (offset, len(data)) != (getattr(row, f"{short}_offset"), getattr(row, f"{short}_length")):
            audit.faults.append(f"{name} is not where its row says")
        if xxhash.xxh3_64_hexdigest(data) != getattr(row, f"{short}_xxh3"):
            audit.faults.append(f"{name} was altered: its xxh3 differs from its row")
        elif full:
            _audit_pixels(name, data, row, modality, codec, audit)


def _audit_pixels(name: str, data: bytes, row: Sample, modality: Modality, codec: Codec, audit: Audit) -> None:
    try:
        pixels = decode(data, codec)
    except (RuntimeError, ValueError) as error:  # whatever an image library makes of bytes that are no image
        audit.faults.append(f"{name} does not decode ({error})")
        return
    if pixels.shape[:2] != (row.height, row.width) or pixel_hash(pixels) != getattr(
        row, f"{MEMBER[modality]}_pixel_hash"
    ):
        audit.faults.append(f"{name} decodes to other pixels than its row says")
        return
    counts = np.stack([np.bincount(band.ravel(), minlength=256) for band in np.moveaxis(pixels, 2, 0)])
    before = audit.counts.get(modality)
    audit.counts[modality] = counts if before is None else before + counts


def _tells(data: bytes, row: Sample) -> bool:
    try:
        told = json.loads(data)
    except ValueError:
        return False
    return isinstance(told, dict) and all(told.get(name) == value for name, value in meta_facts(row).items())


class _Hashed(io.RawIOBase):
    """A sequential reader of an object that hashes whatever passes."""

    def __init__(self, store: Store, path: str, size: int) -> None:
        self._store, self._path, self._size = store, path, size
        self._digest = hashlib.sha256()
        self._chunk = memoryview(b"")
        self._end = 0  # of what was fetched

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._chunk and self._end < self._size:
            self._fetch()
        length = min(len(buffer), len(self._chunk))
        buffer[:length], self._chunk = self._chunk[:length], self._chunk[length:]
        return length

    def finish(self) -> str:
        """Read the rest; return the hex digest of all."""
        while self._end < self._size:
            self._fetch()
        return self._digest.hexdigest()

    def _fetch(self) -> None:
        chunk = self._store.get_range(self._path, self._end, min(CHUNK, self._size - self._end))
        self._digest.update(chunk)
        self._end += len(chunk)
        self._chunk = memoryview(chunk)
