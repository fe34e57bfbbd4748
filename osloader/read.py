"""Ranged reads of blocks over the plain tars."""

from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import xxhash

from manifests import Modality, Shard, Store
from osloader.counters import Counters
from osloader.errors import DataError
from osloader.rows import ImageColumns, Rows
from osloader.workers import ByteBudget, Workers

Ints = npt.NDArray[np.int64]
GAP = 1 << 16  # bytes between two images that are cheaper to read than to ask around
REQUEST = 1 << 24  # bytes of one request


@dataclass(frozen=True, slots=True)
class Image:
    """An encoded image; height and width in pixels as the manifest has them, `where` names it in messages."""

    key: str
    height: int
    width: int
    data: memoryview
    where: str


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Samples of a shard with their bytes: image k of a modality is number k of those asked for."""

    shard: str
    key: tuple[str, ...]
    height: Ints
    width: Ints
    images: dict[Modality, ImageColumns]
    starts: tuple[int, ...]
    parts: tuple[bytes, ...]

    def image(self, number: int, modality: Modality) -> Image:
        """Return an image after comparing its checksum; raise DataError that names shard, key and offset."""
        columns = self.images[modality]
        offset, length = int(columns.offset[number]), int(columns.length[number])
        index = bisect_right(self.starts, offset) - 1
        begin = offset - self.starts[index]
        data = memoryview(self.parts[index])[begin : begin + length]
        where = f"{self.shard}: {modality} of {self.key[number]} at byte {offset}"
        if xxhash.xxh3_64_hexdigest(data) != columns.xxh3[number]:
            raise DataError(f"{where}: checksum differs; the shard is damaged or was replaced, run `osprep verify`")
        return Image(self.key[number], int(self.height[number]), int(self.width[number]), data, where)


class BlockReader:
    """Reads blocks in the order of the requests, several at a time, bytes on their way bounded by a budget."""

    def __init__(
        self, store: Store, rows: Rows, workers: Workers, budget: ByteBudget, deadline: float, counters: Counters
    ) -> None:
        self._store, self._rows, self._workers, self._budget = store, rows, workers, budget
        self._deadline, self._counters = deadline, counters

    def request(self, shard: Shard, numbers: Ints) -> "Future[Block]":
        """Ask for samples of a shard by their places in the tar, ascending."""
        return self._workers.submit(partial(self._read, shard, numbers))

    def _read(self, shard: Shard, numbers: Ints) -> Block:
        rows = self._rows.of(shard)
        images = {modality: _take(columns, numbers) for modality, columns in rows.images.items()}
        ranges = coalesce(
            np.concatenate([columns.offset for columns in images.values()]),
            np.concatenate([columns.length for columns in images.values()]),
        )
        parts = tuple(self._fetch(shard.path, start, stop) for start, stop in ranges)
        return Block(
            shard=self._store.join(shard.path),
            key=tuple(rows.key[number] for number in numbers),
            height=rows.height[numbers],
            width=rows.width[numbers],
            images=images,
            starts=tuple(start for start, _ in ranges),
            parts=parts,
        )

    def _fetch(self, path: str, start: int, stop: int) -> bytes:
        what = f"{self._store.join(path)} bytes {start}–{stop}"
        with self._budget.hold(stop - start, self._deadline, what):
            data = self._store.get_range(path, start, stop - start)
        self._counters.add(bytes_read=len(data), requests=1)
        return data


def coalesce(offsets: Ints, lengths: Ints, gap: int = GAP, most: int = REQUEST) -> list[tuple[int, int]]:
    """Return (start, stop) of as few reads as hold all images, sorted; each image lies within one of them.

    Images at most `gap` bytes apart share a read, as long as it stays within `most` bytes; one that is larger by itself
    is read in one piece.
    """
    ranges: list[tuple[int, int]] = []
    order = np.argsort(offsets, kind="stable")
    for start, stop in zip(offsets[order].tolist(), (offsets + lengths)[order].tolist(), strict=True):
        if ranges:
            first, last = ranges[-1]
            joined = max(last, stop)
            if start < last or (start - last <= gap and joined - first <= most):
                ranges[-1] = (first, joined)
                continue
        ranges.append((start, stop))
    return ranges


def _take(columns: ImageColumns, numbers: Ints) -> ImageColumns:
    return ImageColumns(columns.offset[numbers], columns.length[numbers], tuple(_pick(columns.xxh3, numbers)))


def _pick(values: Sequence[str], numbers: Ints) -> list[str]:
    return [values[number] for number in numbers]
