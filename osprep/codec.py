"""Encoded tiles: TIFF (the default), PNG and, with loss, JPEG. Equal pixels give equal bytes under one encoder version.

A TIFF holds one strip of ZSTD level 1 with horizontal prediction, and neither date nor software. It is put together
here rather than by GDAL: half the time, and no byte in it that we did not choose.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache

import imagecodecs
import numpy as np
from rasterio.crs import CRS

from osprep.config import Codec
from osprep.errors import ConfigError
from osprep.scene import Pixels

ENCODER_VERSION = 1  # raise by hand when equal pixels give other bytes than before
EXTENSION: Mapping[Codec, str] = {"tif": "tif", "png": "png", "jpeg": "jpeg"}

_ZSTD_LEVEL, _PNG_LEVEL, _JPEG_QUALITY = 1, 5, 95
_BANDS: Mapping[Codec, tuple[int, ...]] = {"png": (1, 2, 3, 4), "jpeg": (1, 3)}
_SHORT, _LONG, _DOUBLE = (3, "H"), (4, "I"), (12, "d")

Tag = tuple[int, tuple[int, str], Sequence[float]]  # number, field type with its struct code, values


def encode(pixels: Pixels, codec: Codec, crs: str | None = None, transform: Sequence[float] | None = None) -> bytes:
    """Encode pixels [height, width, bands]; a TIFF also keeps `EPSG:n` and the affine transform a..f.

    Raises ConfigError when the codec cannot hold so many bands.
    """
    bands = pixels.shape[2]
    if codec in _BANDS and bands not in _BANDS[codec]:
        raise ConfigError(f"codec {codec} cannot hold {bands} bands; use --codec tif")
    if codec == "tif":
        return _tiff(pixels, crs, transform)
    squeezed = np.ascontiguousarray(pixels[..., 0] if bands == 1 else pixels)
    if codec == "png":
        return bytes(imagecodecs.png_encode(squeezed, level=_PNG_LEVEL))
    return bytes(imagecodecs.jpeg8_encode(squeezed, level=_JPEG_QUALITY, subsampling="444"))


def decode(data: bytes, codec: Codec) -> Pixels:
    """Decode to pixels [height, width, bands]."""
    decoder = {"tif": imagecodecs.tiff_decode, "png": imagecodecs.png_decode, "jpeg": imagecodecs.jpeg8_decode}[codec]
    pixels = np.asarray(decoder(data), np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def encoder_versions(codec: Codec) -> dict[str, str]:
    """Return the versions of the libraries that decide the bytes."""
    version = {"tif": imagecodecs.zstd_version, "png": imagecodecs.png_version, "jpeg": imagecodecs.jpeg8_version}[
        codec
    ]
    library, _, number = str(version()).partition(" ")
    return {"imagecodecs": imagecodecs.__version__, library: number}


def _tiff(pixels: Pixels, crs: str | None, transform: Sequence[float] | None) -> bytes:
    height, width, bands = pixels.shape
    differences = pixels.copy()
    differences[:, 1:] -= pixels[:, :-1]
    strip = bytes(imagecodecs.zstd_encode(differences.tobytes(), level=_ZSTD_LEVEL))
    colours = 3 if bands == 3 else 1  # grey where there are not three; further samples have no stated meaning
    tags: list[Tag] = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [8] * bands),
        (259, _SHORT, [50000]),  # ZSTD
        (262, _SHORT, [2 if colours == 3 else 1]),
        (273, _LONG, [0]),  # where the strip starts: after all tags
        (277, _SHORT, [bands]),
        (278, _LONG, [height]),
        (279, _LONG, [len(strip)]),
        (284, _SHORT, [1]),
        (317, _SHORT, [2]),
        (338, _SHORT, [0] * (bands - colours)),
        *_geotiff(crs, transform),
    ]
    return _directory([tag for tag in tags if tag[2]]) + strip


def _directory(tags: list[Tag]) -> bytes:
    """Return header, tags and their values, little-endian; the strip is to follow at once."""
    start = 8 + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    sizes = [len(numbers) * struct.calcsize(code) for _, (_, code), numbers in tags]
    strip = start + sum(size for size in sizes if size > 4)
    for (tag, (kind, code), numbers), size in zip(tags, sizes, strict=True):
        data = struct.pack(f"<{len(numbers)}{code}", *([strip] if tag == 273 else numbers))
        inline = data.ljust(4, b"\0") if size <= 4 else struct.pack("<I", start + len(values))
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + inline
        values += data if size > 4 else b""
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + values


def _geotiff(crs: str | None, transform: Sequence[float] | None) -> list[Tag]:
    """Return the tags of GeoTIFF 1.0 for a transform and an EPSG code; a system without a code is left out."""
    if transform is None:
        return []
    a, b, c, d, e, f = transform
    if b == d == 0 and a > 0 > e:
        place: list[Tag] = [(33550, _DOUBLE, [a, -e, 0.0]), (33922, _DOUBLE, [0.0, 0.0, 0.0, c, f, 0.0])]
    else:
        place = [(34264, _DOUBLE, [a, b, 0.0, c, d, e, 0.0, f, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])]
    keys = _system_keys(crs) if crs else ()
    if not keys:
        return place
    return [*place, (34735, _SHORT, [1, 1, 0, len(keys), *(number for key in keys for number in key)])]


@lru_cache
def _system_keys(crs: str) -> tuple[tuple[int, int, int, int], ...]:
    """Return `EPSG:n` as GeoTIFF keys for model, pixels as areas, and code; none for a system of any other kind."""
    authority, _, number = crs.partition(":")
    if authority != "EPSG" or not number.isdigit() or int(number) >= 32767:
        return ()
    system = CRS.from_epsg(int(number))
    if not (system.is_projected or system.is_geographic):
        return ()
    model, key = (1, 3072) if system.is_projected else (2, 2048)
    return ((1024, 0, 1, model), (1025, 0, 1, 1), (key, 0, 1, int(number)))
