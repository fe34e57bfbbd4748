"""Size of an encoded image from its header alone, so that nothing larger than promised is ever decoded.

TIFF 6.0 and BigTIFF (first directory), PNG (ISO/IEC 15948, IHDR), JPEG (ITU-T T.81, frame header).
"""

import struct
from dataclasses import dataclass
from typing import Literal

Bytes = bytes | memoryview
PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG_BANDS = {0: 1, 2: 3, 4: 2, 6: 4}  # colour type to bands; a palette (3) is not stored in our tiles
_WIDTH, _HEIGHT, _BITS, _BANDS, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 277, 284, 322, 323
_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MAX_TAGS = 256


@dataclass(frozen=True, slots=True)
class Header:
    """What the header promises: size in pixels, bands, bits per value; planar: bands are stored one after the other."""

    codec: Literal["tif", "png", "jpeg"]
    height: int
    width: int
    bands: int
    bits: int
    planar: bool = False


def read_header(data: Bytes) -> Header:
    """Read the header of a TIFF, PNG or JPEG; raise ValueError with the fault when it is none or does not hold."""
    try:
        magic = bytes(data[:8])
        if magic[:4] in TIFF:
            return _tiff(data)
        if magic == PNG:
            return _png(data)
        if magic[:3] == JPEG:
            return _jpeg(data)
    except struct.error as error:
        raise ValueError("the header is cut short") from error
    raise ValueError(f"neither TIFF nor PNG nor JPEG (starts with {magic[:4].hex()})")


def _png(data: Bytes) -> Header:
    length, name, width, height, bits, colour = struct.unpack_from(">I4sIIBB", data, 8)
    if length != 13 or bytes(name) != b"IHDR":
        raise ValueError("PNG without IHDR")
    if colour not in _PNG_BANDS:
        raise ValueError(f"PNG of colour type {colour}")
    return Header("png", height, width, _PNG_BANDS[colour], bits)


def _jpeg(data: Bytes) -> Header:
    at = 2
    while True:
        start, marker = struct.unpack_from(">BB", data, at)
        if start != 0xFF:
            raise ValueError("JPEG without a frame header")
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width, bands = struct.unpack_from(">BHHB", data, at + 4)
            return Header("jpeg", height, width, bands, bits)
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in (0xD9, 0xDA) or length < 2:
            raise ValueError("JPEG without a frame header")
        at += 2 + length


def _tiff(data: Bytes) -> Header:
    order = "<" if data[0] == 0x49 else ">"
    big = 43 in (data[2], data[3])
    (first,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, first)
    if not 0 < count <= _MAX_TAGS:
        raise ValueError(f"TIFF with {count} tags")
    start, size = first + (8 if big else 2), 20 if big else 12
    tags = dict(_tag(data, start + index * size, order, big) for index in range(count))
    if _WIDTH not in tags or _HEIGHT not in tags:
        raise ValueError("TIFF without width and height")
    width, height = tags[_WIDTH], tags[_HEIGHT]
    if tags.get(_TILE_WIDTH, 0) > width + 1024 or tags.get(_TILE_HEIGHT, 0) > height + 1024:
        raise ValueError("TIFF with tiles far larger than the image")
    return Header("tif", height, width, tags.get(_BANDS, 1), tags.get(_BITS, 1), tags.get(_PLANAR, 1) == 2)


def _tag(data: Bytes, at: int, order: str, big: bool) -> tuple[int, int]:
    """Return a tag's number and its first value; 0 for types that sizes are not written in."""
    tag, kind, count = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, at)
    if kind not in _TYPES or not count:
        return tag, 0
    code, inline = _TYPES[kind], 8 if big else 4
    place = at + (12 if big else 8)
    if struct.calcsize("=" + code) * count > inline:
        if tag != _BITS:
            return tag, 0
        (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, place)
    (value,) = struct.unpack_from(order + code, data, place)
    return tag, int(value)
