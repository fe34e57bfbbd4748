"""Rows of the manifests, one shard at a time: what a reader must know to find, check and decode a shard's images."""

import io
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import COLUMNS, MANIFESTS, MEMBER, Modality, Shard, Store, modalities
from osloader.errors import DataError

Ints = npt.NDArray[np.int64]
MAX_IMAGE_BYTES = 1 << 28
MAX_PIXELS = 1 << 26  # height times width of one image
CACHED_SHARDS = 256
_NUMBERS = ("height", "width", "opt_offset", "opt_length", "sar_offset", "sar_length")
_TEXTS = ("key", "shard", "opt_xxh3", "sar_xxh3")


@dataclass(frozen=True, slots=True)
class ImageColumns:
    """Where a shard's images of one modality lie, in bytes of the tar, and the XXH3-64 of those bytes in hex."""

    offset: Ints
    length: Ints
    xxh3: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShardRows:
    """One shard's rows in tar order; height and width in pixels."""

    key: tuple[str, ...]
    height: Ints
    width: Ints
    images: Mapping[Modality, ImageColumns]


class Rows:
    """Rows of shards, fetched when first needed: one ranged read per shard. Threads may share it.

    The footers of the manifests named in `files` are read at once; at most `limit` shards' rows are kept, those used
    least recently go first. Raises DataError when a manifest is not what the catalogue says.
    """

    def __init__(self, store: Store, files: Collection[str], limit: int = CACHED_SHARDS) -> None:
        self._store = store
        self._footers = {name: _Footer.read(store, name) for name in sorted(files)}
        self._limit, self._lock = limit, Lock()
        self._cache: OrderedDict[str, ShardRows] = OrderedDict()

    def of(self, shard: Shard) -> ShardRows:
        """Return a shard's rows, with offsets and sizes checked against the shard's bytes and the caps."""
        with self._lock:
            if shard.path in self._cache:
                self._cache.move_to_end(shard.path)
                return self._cache[shard.path]
        name = MANIFESTS[shard.kind]
        prefixes = [MEMBER[modality] for modality in modalities(shard.kind)]
        images = [f"{prefix}_{part}" for prefix in prefixes for part in ("offset", "length", "xxh3")]
        table = self._footers[name].table(self._store, shard.row_group, ["key", "shard", "height", "width", *images])
        rows = _checked(table, shard, self._store.join(name))
        with self._lock:
            self._cache[shard.path] = rows
            while len(self._cache) > self._limit:
                self._cache.popitem(last=False)
        return rows

    def keys(self, shard: Shard) -> list[str]:
        """Return a shard's keys alone, without keeping them."""
        table = self._footers[MANIFESTS[shard.kind]].table(self._store, shard.row_group, ["key"])
        return list(map(str, table.column("key").to_pylist()))


@dataclass(frozen=True, slots=True)
class _Footer:
    name: str
    metadata: Any
    bytes: int

    @classmethod
    def read(cls, store: Store, name: str) -> "_Footer":
        where = store.join(name)
        with store.open(name) as handle:
            try:
                metadata = pq.ParquetFile(handle).metadata
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"{where}: not a parquet file ({error}); run `osprep verify`") from error
            size = handle.seek(0, io.SEEK_END)
        schema = metadata.schema.to_arrow_schema()
        if missing := set(COLUMNS) - set(schema.names):
            raise DataError(f"{where}: no column {min(missing)}; it was not written by this schema")
        for columns, fits in (_NUMBERS, pa.types.is_integer), (_TEXTS, pa.types.is_string):
            for column in columns:
                if not fits(schema.field(column).type):
                    raise DataError(f"{where}: column {column} is {schema.field(column).type}; not of this schema")
        return cls(name, metadata, size)

    def table(self, store: Store, row_group: int, columns: list[str]) -> pa.Table:
        """Return columns of a row group from one read of the bytes between the first and the last of them."""
        where = store.join(self.name)
        if not 0 <= row_group < self.metadata.num_row_groups:
            raise DataError(f"{where}: no row group {row_group} as the catalogue says; run `osprep verify`")
        group = self.metadata.row_group(row_group)
        chunks = [group.column(i) for i in range(group.num_columns)]
        spans = [_span(chunk) for chunk in chunks if chunk.path_in_schema in columns]
        start, stop = min(span[0] for span in spans), max(span[1] for span in spans)
        if not 0 <= start < stop <= self.bytes:
            raise DataError(f"{where}: row group {row_group} lies outside the file; run `osprep verify`")
        part = _Part(store.get_range(self.name, start, stop - start), start, self.bytes)
        try:
            return pq.ParquetFile(part, metadata=self.metadata).read_row_group(row_group, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{where}: row group {row_group} is damaged ({error}); run `osprep verify`") from error


def _span(chunk: Any) -> tuple[int, int]:
    pages = [chunk.data_page_offset] + ([chunk.dictionary_page_offset] if chunk.has_dictionary_page else [])
    return min(pages), min(pages) + chunk.total_compressed_size


class _Part(io.RawIOBase):
    """A stretch of a file that stands at its own place in it; the rest is not there to read."""

    def __init__(self, data: bytes, start: int, size: int) -> None:
        self._data, self._start, self._size, self._at = data, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        first = self._at - self._start
        part = self._data[first : first + size] if first >= 0 and size >= 0 else b""
        self._at += len(part)
        return part


def _checked(table: pa.Table, shard: Shard, where: str) -> ShardRows:
    """Turn columns into arrays, or raise DataError that names the manifest, the shard and the first bad row."""
    if table.num_rows != shard.samples or any(
        path != shard.path for path in table.column("shard").unique().to_pylist()
    ):
        raise DataError(f"{where}: row group {shard.row_group} is not that of {shard.path}; run `osprep verify`")
    for name in table.column_names:
        if table.column(name).null_count:
            raise DataError(f"{where}: empty {name} in the rows of {shard.path}; run `osprep verify`")
    keys = tuple(table.column("key").to_pylist())
    height, width = _ints(table, "height"), _ints(table, "width")
    sound = (height > 0) & (width > 0) & (height * width <= MAX_PIXELS)
    images: dict[Modality, ImageColumns] = {}
    for modality in modalities(shard.kind):
        prefix = MEMBER[modality]
        offset, length = _ints(table, f"{prefix}_offset"), _ints(table, f"{prefix}_length")
        sound &= (offset >= 0) & (length > 0) & (length <= MAX_IMAGE_BYTES) & (offset <= shard.bytes - length)
        images[modality] = ImageColumns(offset, length, tuple(table.column(f"{prefix}_xxh3").to_pylist()))
    if not sound.all():
        key = keys[int(np.flatnonzero(~sound)[0])]
        raise DataError(
            f"{where}: {key} of {shard.path} lies outside its shard or is larger than the limits "
            f"({MAX_IMAGE_BYTES:,} bytes, {MAX_PIXELS:,} pixels); run `osprep verify`"
        )
    return ShardRows(keys, height, width, images)


def _ints(table: pa.Table, name: str) -> Ints:
    return np.asarray(table.column(name).to_numpy(), np.int64)
