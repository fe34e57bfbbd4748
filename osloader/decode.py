"""Bytes of an image to pixels, after its header has been held against the manifest."""

from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from osloader.errors import DataError
from osloader.header import Header, read_header
from osloader.rows import MAX_PIXELS

Pixels = npt.NDArray[np.uint8]


def decode(data: bytes | memoryview, bands: int, height: int, width: int, where: str = "image") -> Pixels:
    """Return uint8 [height, width, bands] of a TIFF, PNG or JPEG, told apart by its first bytes. Drops the GIL.

    Raises DataError that starts with `where` when the header differs from what is expected, the image is larger than
    the limit, or the decoder fails.
    """
    try:
        header = read_header(data)
    except ValueError as error:
        raise DataError(f"{where}: {error}; run `osprep verify`") from error
    found = (header.height, header.width, header.bands)
    if found != (height, width, bands) or header.bits != 8 or header.height * header.width > MAX_PIXELS:
        size = "×".join(map(str, found))
        raise DataError(
            f"{where}: {size} values of {header.bits} bits, expected {height}×{width}×{bands} of 8; run `osprep verify`"
        )
    try:
        pixels = _pixels(data, header)
    except (RuntimeError, ValueError, LookupError, ArithmeticError) as error:  # what imagecodecs raises
        raise DataError(f"{where}: the {header.codec} decoder says {error}; run `osprep verify`") from error
    if pixels.dtype != np.uint8 or pixels.size != height * width * bands:
        raise DataError(f"{where}: decoded to {pixels.shape} {pixels.dtype}, not what its header says")
    if header.planar and bands > 1:
        return np.ascontiguousarray(pixels.reshape(bands, height, width).transpose(1, 2, 0))
    return pixels.reshape(height, width, bands)


def _pixels(data: Any, header: Header) -> npt.NDArray[np.uint8]:
    if header.codec == "tif":
        return np.asarray(imagecodecs.tiff_decode(data, index=0))
    if header.codec == "png":
        return np.asarray(imagecodecs.png_decode(data))
    return np.asarray(imagecodecs.jpeg8_decode(data))
