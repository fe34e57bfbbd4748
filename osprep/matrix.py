"""MATLAB 5 files (`.mat`) as rasters of one band: the 2-D matrix in them that is an image, complex or real.

The file's elements are walked here, as the MAT-File Format document (level 5) lays them out; pixels come from scipy.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from rasterio import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window as Area
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from osprep.errors import TruncatedRaster, UnreadableRaster

SUFFIX = ".mat"
MAGIC = b"MATLAB 5"
VARIABLE = "data"  # the matrix of this name is taken; without it the largest complex one

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15  # types of elements
_COMPLEX = 0x0800  # among the flags of a matrix
_HEAD = 1 << 12  # bytes of a matrix that hold its flags, size and name
# By class, the type of a pixel: real, complex. MATLAB may store it in fewer bytes.
_DTYPES = {6: ("float64", "complex128"), 7: ("float32", "complex64"), 8: ("int8", ""), 9: ("uint8", "")}
_DTYPES |= {10: ("int16", ""), 11: ("uint16", ""), 12: ("int32", ""), 13: ("uint32", "")}


@dataclass(frozen=True, slots=True)
class Variable:
    """A numeric 2-D matrix of a file. `dtype` is what numpy calls it."""

    name: str
    height: int
    width: int
    dtype: str


class MatrixDataset:
    """A matrix with what this package asks of an open raster; it is read whole at the first window."""

    driver = "MATLAB"
    count = 1
    crs = None
    transform = Affine.identity()
    nodatavals = (None,)
    colorinterp = (ColorInterp.gray,)
    mask_flag_enums = ((MaskFlags.all_valid,),)

    def __init__(self, path: Path) -> None:
        self._path, self._variable = path, chosen_variable(path)
        self.height, self.width = self._variable.height, self._variable.width
        self.dtypes = (self._variable.dtype,)

    def __enter__(self) -> "MatrixDataset":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the pixels."""
        self.__dict__.pop("_pixels", None)

    def read(self, bands: Sequence[int], window: Area) -> npt.NDArray[Any]:
        """Return pixels [bands, height, width] of a window. Raises UnreadableRaster."""
        rows = slice(window.row_off, window.row_off + window.height)
        part = self._pixels[rows, window.col_off : window.col_off + window.width]
        return np.broadcast_to(part, (len(bands), *part.shape))

    @cached_property
    def _pixels(self) -> npt.NDArray[Any]:
        name = self._variable.name
        try:
            pixels: npt.NDArray[Any] = loadmat(self._path, variable_names=[name])[name]
        except (OSError, ValueError, TypeError, KeyError, zlib.error, MatReadError) as error:
            raise _unreadable(self._path, f"matrix {name} is damaged ({' '.join(str(error).split())})") from error
        if pixels.shape != (self.height, self.width):
            raise _unreadable(self._path, f"matrix {name} has {pixels.shape} pixels, its header says otherwise")
        return pixels.astype(self._variable.dtype, copy=False)


def chosen_variable(path: Path) -> Variable:
    """Return the matrix that is the image: `data`, else the largest complex one.

    Raises UnreadableRaster when there is none or the file is of another version, TruncatedRaster when it ends early.
    """
    try:
        with path.open("rb") as file:
            found = list(_variables(file, path))
    except OSError as error:
        raise _unreadable(path, str(error.strerror or error)) from error
    named = [variable for variable in found if variable.name == VARIABLE]
    complexes = [variable for variable in found if variable.dtype.startswith("complex")]
    if not named and not complexes:
        raise _unreadable(path, f"no 2-D matrix {VARIABLE!r} and no complex one in it")
    return (named or sorted(complexes, key=lambda variable: -variable.height * variable.width))[0]


def truncation(file: BinaryIO, size: int) -> str | None:
    """Return in words what a MATLAB 5 file of `size` bytes lacks; None when every element is whole."""
    order = _order(file.read(_HEADER))
    if order is None or size == _HEADER:
        return "it ends inside its header" if order is None else "it ends after its header"
    place = _HEADER
    while place < size:
        file.seek(place)
        tag = file.read(8)
        if len(tag) < 8:
            return "it ends inside the tag of an element"
        place += 8 + struct.unpack(order + "II", tag)[1]
    return f"it has {size} of {place} bytes" if place > size else None


def _variables(file: BinaryIO, path: Path) -> Iterator[Variable]:
    head = file.read(_HEADER)
    order = _order(head)
    if order is None:
        raise _unreadable(path, _other_version(head))
    place = _HEADER
    while len(tag := file.read(8)) == 8:
        kind, length = struct.unpack(order + "II", tag)
        start = file.read(min(length, _HEAD))
        if kind == _COMPRESSED:
            try:
                start = zlib.decompressobj().decompress(start, _HEAD)[8:]
            except zlib.error as error:
                raise _unreadable(path, f"its matrices are damaged ({error})") from error
        if kind in (_MATRIX, _COMPRESSED) and (variable := _variable(start, order, path)):
            yield variable
        place += 8 + length
        file.seek(place)


def _variable(start: bytes, order: str, path: Path) -> Variable | None:
    """Return what the first bytes of a matrix say of it; None for cells, structures, text and other than 2-D."""
    try:
        flags = struct.unpack_from(order + "I", start, 8)[0]
        size, place = _element(start, 16, order)
        name, _ = _element(start, place, order)
    except struct.error as error:
        raise TruncatedRaster(f"{path}: it ends inside the header of a matrix; fetch the file again") from error
    real, imaginary = _DTYPES.get(flags & 0xFF, ("", ""))
    dtype = (imaginary or real) if flags & _COMPLEX else real
    sides = struct.unpack(f"{order}{len(size) // 4}i", size)
    if not dtype or len(sides) != 2 or min(sides) < 1:
        return None
    return Variable(name.decode("latin-1"), sides[0], sides[1], dtype)


def _element(data: bytes, place: int, order: str) -> tuple[bytes, int]:
    """Return an element's bytes and where the next one starts; up to 4 bytes lie in the tag itself."""
    first = struct.unpack_from(order + "I", data, place)[0]
    if small := first >> 16:
        return struct.unpack_from(f"{small}s", data, place + 4)[0], place + 8
    length = struct.unpack_from(order + "I", data, place + 4)[0]
    return struct.unpack_from(f"{length}s", data, place + 8)[0], place + 8 + -(-length // 8) * 8


def _order(header: bytes) -> str | None:
    return {b"IM": "<", b"MI": ">"}.get(header[126:128]) if header.startswith(MAGIC) else None


def _other_version(header: bytes) -> str:
    if header.startswith(b"MATLAB 7.3") or header.startswith(b"\x89HDF"):
        return "a MATLAB 7.3 file (HDF5), which is not supported; save it again with -v7"
    return "not a MATLAB 5 file"


def _unreadable(path: Path, fault: str) -> UnreadableRaster:
    return UnreadableRaster(f"{path}: {fault}; fetch or export the file again, or take it away")
