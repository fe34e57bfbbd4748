"""Where in its file a TIFF or BigTIFF keeps its pixels, read from the tags alone (TIFF 6.0, BigTIFF)."""

import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

WIDTH, LENGTH, BITS, COMPRESSION, STRIP_OFFSETS = 256, 257, 258, 259, 273
SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR = 277, 278, 279, 284
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
_WANTED = {WIDTH, LENGTH, BITS, COMPRESSION, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR}
_WANTED |= {TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS}
# by field type
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}

Integers = npt.NDArray[np.int64]
Tags = dict[int, Integers]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Byte order and the widths in which classic TIFF and BigTIFF differ."""

    order: str
    big: bool

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def entries(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def entry(self) -> str:
        return self.order + ("HHQ8s" if self.big else "HHI4s")


def truncation(file: BinaryIO, size: int) -> str | None:
    """Return what lies beyond the end of a TIFF of `size` bytes, in words; None when it is whole.

    Every strip and tile of every image in the file is looked at. One of 0 bytes is a hole that GDAL writes on purpose.
    """
    order, version = ("<" if file.read(2) == b"II" else ">"), file.read(2)
    layout = _Layout(order, struct.unpack(order + "H", version)[0] == 43)
    try:
        file.seek(8 if layout.big else 4)
        (offset,) = _unpack(file, layout.offset)
        seen: set[int] = set()
        while offset and offset not in seen:
            seen.add(offset)
            tags, offset = _directory(file, layout, offset, size)
            if fault := _image_fault(tags, size):
                return fault
    except EOFError:
        return "it ends before its tags do"
    return None if seen else "its tags were never written"


def _directory(file: BinaryIO, layout: _Layout, offset: int, size: int) -> tuple[Tags, int]:
    """Read the wanted tags of one image, and where the next image's are. Raises EOFError."""
    if offset > size:
        raise EOFError
    file.seek(offset)
    (count,) = _unpack(file, layout.entries)
    raw = _exactly(file, min(count * struct.calcsize(layout.entry), size))
    (following,) = _unpack(file, layout.offset)
    tags: Tags = {}
    for tag, kind, number, inline in struct.iter_unpack(layout.entry, raw):
        length, data = number * _BYTES.get(kind, 0), inline
        if length > len(inline):
            (place,) = struct.unpack(layout.offset, inline)
            if place + length > size:
                raise EOFError
            if tag in _WANTED:
                file.seek(place)
                data = file.read(length)
        if tag in _WANTED and kind in _INTEGERS:
            tags[tag] = np.frombuffer(data, layout.order + _INTEGERS[kind], number).astype(np.int64)
    return tags, following


def _image_fault(tags: Tags, size: int) -> str | None:
    tiled = TILE_OFFSETS in tags
    offsets = tags.get(TILE_OFFSETS if tiled else STRIP_OFFSETS)
    if offsets is None:
        return None
    word, (number, plain_bytes) = ("tiles", _tiles(tags)) if tiled else ("strips", _strips(tags, len(offsets)))
    if len(offsets) < number:
        return f"it lists {len(offsets)} of its {number} {word}"
    counts = tags.get(TILE_COUNTS if tiled else STRIP_COUNTS)
    plain = _one(tags, COMPRESSION, 1) == 1
    if counts is None or len(counts) < number:
        counts = plain_bytes if plain else np.ones(number, np.int64)
    elif plain:  # some writers count a whole strip where the last one is shorter
        counts = np.minimum(counts[:number], plain_bytes)
    ends = offsets[:number] + counts[:number]
    beyond = int(((ends > size) & (counts[:number] > 0)).sum())
    return f"{beyond} of its {number} {word} lie beyond its end" if beyond else None


def _tiles(tags: Tags) -> tuple[int, Integers]:
    """Return the number of tiles and the bytes of one before compression."""
    width, length = max(_one(tags, TILE_WIDTH, 1), 1), max(_one(tags, TILE_LENGTH, 1), 1)
    planes, bits = _planes(tags)
    number = -(-_one(tags, WIDTH, 0) // width) * -(-_one(tags, LENGTH, 0) // length) * planes
    return number, np.array([(width * bits + 7) // 8 * length])


def _strips(tags: Tags, listed: int) -> tuple[int, Integers]:
    """Return the number of strips and, for those listed, the bytes of each before compression."""
    width, length = _one(tags, WIDTH, 0), _one(tags, LENGTH, 0)
    rows = max(min(_one(tags, ROWS_PER_STRIP, length), length), 1)
    planes, bits = _planes(tags)
    each = -(-length // rows)
    first = np.arange(min(each * planes, listed)) % max(each, 1) * rows
    return each * planes, np.minimum(rows, length - first) * ((width * bits + 7) // 8)


def _planes(tags: Tags) -> tuple[int, int]:
    """Return the number of planes and the bits of a pixel in one."""
    samples, bits = _one(tags, SAMPLES, 1), _one(tags, BITS, 1)
    return (samples, bits) if _one(tags, PLANAR, 1) == 2 else (1, samples * bits)


def _one(tags: Tags, tag: int, default: int) -> int:
    values = tags.get(tag)
    return default if values is None or not len(values) else int(values[0])


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise EOFError
    return data
