import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from osprep.complete import check_complete
from osprep.errors import RasterError, TruncatedRaster, UnreadableRaster
from tests.osprep.rasters import noise, write

TIFFS = {
    "strips.tif": {},
    "deflate.tif": {"compress": "deflate"},
    "tiles.tif": {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "lzw"},
    "planes.tif": {"interleave": "band"},
    "big.tif": {"BIGTIFF": "YES", "compress": "deflate"},
    "endian.tif": {"ENDIANNESS": "BIG"},
    "bigendian.tif": {"ENDIANNESS": "BIG", "BIGTIFF": "YES"},
}


def smooth(height: int, width: int) -> np.ndarray:
    return np.add.outer(np.arange(height), np.arange(width))[..., None].repeat(3, 2).astype(np.uint8)


def every_cut(data: bytes) -> list[int]:
    return sorted({*range(1, len(data), max(len(data) // 60, 1)), len(data) - 2, len(data) - 1})


def check_every_truncation(path: Path) -> None:
    data = path.read_bytes()
    check_complete(path)
    for length in every_cut(data):
        path.write_bytes(data[:length])
        with pytest.raises(RasterError, match=path.name):
            check_complete(path)


@pytest.mark.parametrize("name", TIFFS)
def test_tiff_cut_anywhere(tmp_path: Path, name: str) -> None:
    check_every_truncation(write(tmp_path / name, noise(70, 50, 3), **TIFFS[name]))


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_png_cut_anywhere(tmp_path: Path, bands: int) -> None:
    check_every_truncation(write(tmp_path / "a.png", noise(70, 50, bands)))


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_cut_anywhere_even_with_a_thumbnail_inside(tmp_path: Path, progressive: bool) -> None:
    thumbnail = io.BytesIO()
    Image.fromarray(smooth(16, 16)).save(thumbnail, "JPEG")
    exif = b"Exif\0\0" + thumbnail.getvalue()
    Image.fromarray(noise(70, 50, 3)).save(tmp_path / "a.jpg", quality=90, progressive=progressive, exif=exif)
    check_every_truncation(tmp_path / "a.jpg")


def test_bmp_and_gif_cut_anywhere(tmp_path: Path) -> None:
    for name in ("a.bmp", "a.gif"):
        check_every_truncation(write(tmp_path / name, noise(70, 50)))


def test_junk_after_the_image_does_no_harm(tmp_path: Path) -> None:
    Image.fromarray(smooth(70, 50)).save(tmp_path / "a.jpg")
    write(tmp_path / "a.png", noise(20, 20))
    write(tmp_path / "a.tif", noise(20, 20))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes() + b"\0junk" * 9)
        check_complete(path)


def test_a_png_that_gdal_reads_without_complaint(tmp_path: Path) -> None:
    """The premise of this module: GDAL gives pixels for a file that lacks half of them."""
    path = write(tmp_path / "a.png", noise(300, 300, 3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path) as silent:
        assert silent.read().shape == (3, 300, 300)
    with pytest.raises(TruncatedRaster, match="IDAT"):
        check_complete(path)


def rewritten(png: bytes, change: str) -> bytes:
    """Return a PNG of sound chunks whose pixels are half there, or in which one bit is wrong."""
    chunks, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    pixels = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))
    if change == "half":
        pixels = pixels[: len(pixels) // 2]
    stream = zlib.compress(pixels)
    if change == "bit":
        stream = stream[:-3] + bytes([stream[-3] ^ 1]) + stream[-2:]
    new = png[:8]
    for name, data in (chunks[0], (b"IDAT", stream), (b"IEND", b"")):
        new += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return new


def test_png_whose_stream_holds_fewer_rows_than_promised(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", noise(60, 40, 3))
    path.write_bytes(rewritten(path.read_bytes(), "half"))
    with pytest.raises(TruncatedRaster, match="of 7260 bytes"):
        check_complete(path)


def test_damaged_png(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", noise(60, 40, 3))
    whole = path.read_bytes()
    path.write_bytes(rewritten(whole, "bit"))
    with pytest.raises(UnreadableRaster, match="damaged"):
        check_complete(path)
    path.write_bytes(whole[:-13] + bytes([whole[-13] ^ 1]) + whole[-12:])
    with pytest.raises(UnreadableRaster, match="checksum"):
        check_complete(path)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_whole(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (33, 17))
    image.save(tmp_path / "a.png")
    check_complete(tmp_path / "a.png")


def test_interlaced_png(tmp_path: Path) -> None:
    """One pixel high and wide up to nine: some of the seven passes are empty. Made here, for Pillow writes none."""
    for width, height in ((1, 1), (2, 3), (5, 9), (9, 5)):
        passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
        rows = b"".join(
            b"\0" + bytes(len(range(col, width, across)))
            for col, row, across, down in passes
            for _ in range(row, height, down)
            if col < width
        )
        header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
        for data, whole in ((rows, True), (rows[:-1], False)):
            png = b"\x89PNG\r\n\x1a\n"
            for name, body in ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")):
                png += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            path = tmp_path / "a.png"
            path.write_bytes(png)
            if whole:
                with Image.open(path) as image:
                    assert np.asarray(image).shape == (height, width)
                check_complete(path)
            else:
                with pytest.raises(TruncatedRaster):
                    check_complete(path)


def test_a_sparse_tiff_is_whole(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.tif", np.zeros((64, 64), np.uint8), SPARSE_OK=True, tiled=True, blockxsize=16, blockysize=16
    )
    check_complete(path)


def test_a_last_strip_that_is_counted_whole(tmp_path: Path) -> None:
    """Some writers give every strip the same count, though the last has fewer rows and the file ends with it."""
    path = tmp_path / "a.tif"
    entries = [(256, 4, 10), (257, 4, 10), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1), (278, 4, 8)]
    ifd = 8
    arrays = ifd + 2 + 12 * (len(entries) + 2) + 4
    data = arrays + 16
    entries += [(273, 4, arrays), (279, 4, arrays + 8)]
    raw = struct.pack("<2sHIH", b"II", 42, ifd, len(entries))
    for tag, kind, value in sorted(entries):
        raw += struct.pack("<HHII", tag, kind, 2 if tag in (273, 279) else 1, value)
    raw += bytes(4) + struct.pack("<4I", data, data + 80, 80, 80) + bytes(range(100))
    path.write_bytes(raw)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path) as raster:
        assert raster.read(1).ravel().tolist() == list(range(100))
    check_complete(path)
    path.write_bytes(raw[:-1])
    with pytest.raises(TruncatedRaster, match="1 of its 2 strips"):
        check_complete(path)


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRaster, match="gone"):
        check_complete(tmp_path / "gone.tif")
    (tmp_path / "a.tif").write_text("words")
    with pytest.raises(UnreadableRaster, match=r"a\.tif"):
        check_complete(tmp_path / "a.tif")


@pytest.mark.parametrize(
    "header", [struct.pack("<2sHI", b"II", 42, 0), struct.pack("<2sHI", b"II", 42, 4_000_000_000), b"II+\0\x08\0\0\0"]
)
def test_tiff_with_a_broken_start(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(header)
    with pytest.raises(TruncatedRaster):
        check_complete(tmp_path / "a.tif")


def test_tiff_with_a_loop_and_with_absurd_numbers_ends(tmp_path: Path) -> None:
    loop = struct.pack("<2sHIH", b"II", 42, 8, 1) + struct.pack("<HHII", 256, 4, 1, 5) + struct.pack("<I", 8)
    (tmp_path / "loop.tif").write_bytes(loop)
    check_complete(tmp_path / "loop.tif")
    sizes = [(256, 4, 1, 2**32 - 1), (257, 4, 1, 2**32 - 1), (273, 4, 1, 8), (278, 4, 1, 1), (279, 4, 1, 1)]
    absurd = (
        struct.pack("<2sHIH", b"II", 42, 8, len(sizes)) + b"".join(struct.pack("<HHII", *e) for e in sizes) + bytes(4)
    )
    (tmp_path / "absurd.tif").write_bytes(absurd)
    with pytest.raises(TruncatedRaster, match="1 of its 4294967295 strips"):
        check_complete(tmp_path / "absurd.tif")
