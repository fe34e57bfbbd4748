import io
import struct

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from osloader import DataError, decode
from osloader.header import read_header
from tests.osloader.tiny import pixels_of, tif

RGB = pixels_of("key", "optical", 40, 48, 3)
GREY = np.ascontiguousarray(RGB[..., :1])
ENCODED = {
    "tif": tif(RGB),
    "tif, planar": tif(RGB, interleave="band"),
    "tif, tiled": tif(RGB, tiled=True, blockxsize=16, blockysize=16),
    "tif, big": tif(RGB, BIGTIFF="YES"),
    "tif, big-endian": tif(RGB, ENDIANNESS="BIG"),
    "png": imagecodecs.png_encode(RGB),
}


@pytest.mark.parametrize("name", ENCODED)
def test_lossless_images_come_back(name: str) -> None:
    header = read_header(ENCODED[name])
    assert (header.height, header.width, header.bands, header.bits) == (40, 48, 3, 8)
    assert np.array_equal(decode(ENCODED[name], 3, 40, 48), RGB)
    assert np.array_equal(decode(memoryview(b"x" + ENCODED[name])[1:], 3, 40, 48), RGB)


def test_single_bands_have_an_axis_for_them() -> None:
    for data in (tif(GREY), imagecodecs.png_encode(GREY.squeeze(-1))):
        assert np.array_equal(decode(data, 1, 40, 48), GREY)


def test_many_bands() -> None:
    wide = pixels_of("key", "optical", 40, 48, 7)
    assert np.array_equal(decode(tif(wide), 7, 40, 48), wide)


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_close(progressive: bool) -> None:
    smooth = np.repeat(np.linspace(0, 255, 48, dtype=np.uint8)[None, :, None], 40, 0).repeat(3, 2)
    file = io.BytesIO()
    Image.fromarray(smooth).save(file, "JPEG", quality=95, progressive=progressive)
    assert np.abs(decode(file.getvalue(), 3, 40, 48).astype(int) - smooth).max() < 8
    grey = imagecodecs.jpeg8_encode(smooth[..., 0].copy(), level=95)
    assert decode(grey, 1, 40, 48).shape == (40, 48, 1)


@pytest.mark.parametrize("name", ENCODED)
@pytest.mark.parametrize("size", [(1, 40, 48), (3, 41, 48), (3, 40, 47)])
def test_a_size_that_was_not_promised_is_refused(name: str, size: tuple[int, int, int]) -> None:
    with pytest.raises(DataError, match=r"a\.tar: key: 40×48×3"):
        decode(ENCODED[name], *size, where="a.tar: key")


def test_a_bomb_is_refused_by_its_header() -> None:
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 1 << 30, 1 << 30, 8, 2, 0, 0, 0)
    with pytest.raises(DataError, match="expected 40×48×3"):
        decode(header, 3, 40, 48)
    with pytest.raises(DataError, match="1073741824×1073741824×3"):
        decode(header, 3, 1 << 30, 1 << 30)


def test_tiles_far_larger_than_the_image_are_refused() -> None:
    body = bytearray(ENCODED["tif, tiled"])
    at = body.index(struct.pack("<HHI", 322, 3, 1)) + 2
    body[at : at + 10] = struct.pack("<HII", 4, 1, 1 << 30)
    with pytest.raises(DataError, match="tiles far larger"):
        decode(bytes(body), 3, 40, 48)


def test_sixteen_bits_are_refused() -> None:
    deep = imagecodecs.png_encode(RGB.astype(np.uint16) * 257)
    with pytest.raises(DataError, match="of 16 bits"):
        decode(deep, 3, 40, 48)


def test_a_palette_is_refused() -> None:
    file = io.BytesIO()
    Image.fromarray(RGB).quantize(8).save(file, "PNG")
    with pytest.raises(DataError, match="colour type 3"):
        decode(file.getvalue(), 1, 40, 48)


@pytest.mark.parametrize(
    "data", [b"", b"II*\0", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"\xff\xd8\xff\xd9"]
)
def test_what_is_no_image_is_named(data: bytes) -> None:
    with pytest.raises(DataError, match="osprep verify"):
        decode(data, 3, 40, 48)


@settings(deadline=None, max_examples=300)
@given(name=st.sampled_from(sorted(ENCODED)), cut=st.integers(0, 3000))
def test_a_cut_image_never_passes_for_a_whole_one(name: str, cut: int) -> None:
    data = ENCODED[name]
    try:
        pixels = decode(data[: cut % len(data)], 3, 40, 48)
    except DataError:
        return
    assert np.array_equal(pixels, RGB)


@settings(deadline=None, max_examples=300)
@given(name=st.sampled_from(sorted(ENCODED)), at=st.integers(0, 300), value=st.integers(0, 255))
def test_a_changed_header_gives_an_image_of_the_right_size_or_an_error(name: str, at: int, value: int) -> None:
    body = bytearray(ENCODED[name])
    body[at] = value
    try:
        pixels = decode(bytes(body), 3, 40, 48)
    except DataError:
        return
    assert pixels.shape == (40, 48, 3)
    assert pixels.dtype == np.uint8
