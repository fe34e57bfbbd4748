"""Whether a raster's file is whole. GDAL reads some that are not without complaint, and differently each time."""

import mmap
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from rasterio.windows import Window as Area

from osprep import matrix, tiff
from osprep.errors import TruncatedRaster, UnreadableRaster
from osprep.raster import gdal, open_raster

_PIECE = 1 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# first column, first row, column step and row step of the passes of an interlaced PNG
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # neither a stuffed byte nor a restart
_END_OF_IMAGE = 0xD9
_BMP_RUN_LENGTH = (1, 2)


def check_complete(path: Path) -> None:
    """Raise TruncatedRaster when a file ends before its pixels do, UnreadableRaster when it is damaged or no raster.

    PNG, JPEG, TIFF, BMP and MATLAB 5 files are judged by their own structure, any other format by reading all of it.
    """
    try:
        with path.open("rb") as file:
            fault_of = _judge(file.read(8))
            file.seek(0)
            fault = fault_of(file, path) if fault_of else _unread(path)
    except OSError as error:
        raise UnreadableRaster(f"{path}: {error.strerror or error}; fetch the file again, or take it away") from error
    if fault:
        raise TruncatedRaster(f"{path}: {fault}; fetch or export the file again, or take it away")


def _judge(magic: bytes) -> Callable[[BinaryIO, Path], str | None] | None:
    if magic == _PNG:
        return _png_fault
    if magic[:3] == b"\xff\xd8\xff":
        return _jpeg_fault
    if magic[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return lambda file, path: tiff.truncation(file, path.stat().st_size)
    if magic == matrix.MAGIC:
        return lambda file, path: matrix.truncation(file, path.stat().st_size)
    return _bmp_fault if magic[:2] == b"BM" else None


def _png_fault(file: BinaryIO, path: Path) -> str | None:
    """Walk the chunks to IEND with their checksums, and inflate the pixels: as many bytes as the header promises."""
    inflater, found, promised = zlib.decompressobj(), 0, 0
    file.seek(len(_PNG))
    while True:
        head = file.read(8)
        if len(head) < 8:
            return "it ends before its IEND chunk"
        length, name = struct.unpack(">I4s", head)
        checksum, left = zlib.crc32(name), length
        while left and (piece := file.read(min(left, _PIECE))):
            checksum, left = zlib.crc32(piece, checksum), left - len(piece)
            if name == b"IHDR":
                promised = _png_bytes(piece)
            elif name == b"IDAT" and found < promised:
                found += sum(_inflated(inflater, piece, path))
        trailer = file.read(4)
        if left or len(trailer) < 4:
            return f"it ends inside its {name.decode('latin-1')} chunk"
        if struct.unpack(">I", trailer)[0] != checksum:
            raise UnreadableRaster(f"{path}: a checksum in it is wrong; fetch the file again, or take it away")
        if name == b"IEND":
            return None if found >= promised else f"it holds {found} of {promised} bytes of pixels"


def _inflated(inflater: "zlib._Decompress", piece: bytes, path: Path) -> Iterator[int]:
    try:
        while piece and not inflater.eof:
            yield len(inflater.decompress(piece, _PIECE))
            piece = inflater.unconsumed_tail
    except zlib.error as error:
        raise UnreadableRaster(f"{path}: its pixels are damaged ({error}); fetch the file again") from error


def _png_bytes(header: bytes) -> int:
    """Return the bytes of all rows with their filter bytes, before compression."""
    if len(header) < 13 or header[9] not in _PNG_CHANNELS:
        return 0
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header[:13])
    bits = depth * _PNG_CHANNELS[colour]
    total = 0
    for col, row, across, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        cols, rows = -(-(width - col) // across), -(-(height - row) // down)
        if cols > 0 and rows > 0:
            total += rows * (1 + (cols * bits + 7) // 8)
    return total


def _jpeg_fault(file: BinaryIO, path: Path) -> str | None:
    """Walk the segments and scans to the end-of-image marker; what follows it does not matter."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position = 2
        while marker := _JPEG_MARKER.search(data, position):
            code, position = marker[1][0], marker.end()
            if code == _END_OF_IMAGE:
                return None
            if code == 1:  # the one other marker without a length
                continue
            if position + 2 > len(data):
                break
            position += struct.unpack(">H", data[position : position + 2])[0]
    return "it has no end-of-image marker"


def _bmp_fault(file: BinaryIO, path: Path) -> str | None:
    head, size = file.read(54), path.stat().st_size
    if len(head) < 54:
        return "it ends inside its header"
    (offset,) = struct.unpack_from("<I", head, 10)
    if struct.unpack_from("<I", head, 14)[0] == 12:  # the header of OS/2
        width, height, _, depth = struct.unpack_from("<HHHH", head, 18)
        compression, stored = 0, 0
    else:
        width, height, _, depth, compression, stored = struct.unpack_from("<iiHHII", head, 18)
    if compression not in _BMP_RUN_LENGTH:
        stored = (width * depth + 31) // 32 * 4 * abs(height)
    return f"it has {size} of {offset + stored} bytes" if size < offset + stored else None


def _unread(path: Path) -> str | None:
    with gdal(path):
        dataset = open_raster(path)
    with dataset:
        rows = max(_PIECE // dataset.width, 1)
        try:
            for row in range(0, dataset.height, rows):
                with gdal(path):
                    dataset.read(window=Area(0, row, dataset.width, min(rows, dataset.height - row)))
        except UnreadableRaster as error:
            return f"its pixels cannot all be read ({' '.join(str(error.__cause__).split())})"
    return None
