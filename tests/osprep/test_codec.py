import io
import warnings

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from osprep.codec import ENCODER_VERSION, EXTENSION, decode, encode, encoder_versions
from osprep.errors import ConfigError
from tests.osprep.rasters import noise

tiles = st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])).flatmap(
    lambda shape: arrays(np.uint8, shape)
)


@settings(deadline=None, max_examples=60)
@given(pixels=tiles, codec=st.sampled_from(["tif", "png"]))
def test_lossless_codecs_give_back_the_pixels(pixels: np.ndarray, codec: str) -> None:
    np.testing.assert_array_equal(decode(encode(pixels, codec), codec), pixels)


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("codec", ["tif", "png"])
def test_bands(bands: int, codec: str) -> None:
    pixels = noise(19, 31, bands)
    if codec == "png" and bands > 4:
        with pytest.raises(ConfigError, match="--codec tif"):
            encode(pixels, codec)
    else:
        np.testing.assert_array_equal(decode(encode(pixels, codec), codec), pixels)


@pytest.mark.parametrize("bands", [1, 3])
def test_every_reader_opens_the_tiff(bands: int) -> None:
    pixels = noise(40, 30, bands)
    data = encode(pixels, "tif", "EPSG:32631", (10, 0, 590000, 0, -10, 5750000))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))).reshape(pixels.shape), pixels)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)).reshape(pixels.shape), pixels)
    np.testing.assert_array_equal(imagecodecs.tiff_decode(data).reshape(pixels.shape), pixels)
    with MemoryFile(data) as memory, memory.open() as raster:
        np.testing.assert_array_equal(np.moveaxis(raster.read(), 0, 2), pixels)


def test_pixel_scale_is_positive_as_geotiff_has_it() -> None:
    data = encode(noise(4, 4, 1), "tif", "EPSG:32631", (10, 0, 590000, 0, -5, 5750000))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages.first.tags
        assert tags["ModelPixelScaleTag"].value == (10, 5, 0)
        assert tags["ModelTiepointTag"].value == (0, 0, 0, 590000, 5750000, 0)


def test_the_tiff_is_one_strip_of_zstd_with_prediction_and_says_nothing_of_when_or_who() -> None:
    with tifffile.TiffFile(io.BytesIO(encode(noise(300, 200, 3), "tif"))) as file:
        (page,) = file.pages
        assert (page.compression.name, page.predictor.name, len(page.dataoffsets)) == ("ZSTD", "HORIZONTAL", 1)
        assert page.photometric.name == "RGB"
        assert not {"DateTime", "Software", "HostComputer", "ImageDescription"} & {tag.name for tag in page.tags}


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:32631", (10.0, 0.0, 590000.5, 0.0, -10.0, 5750000.25)),
        ("EPSG:4326", (1e-4, 0.0, 4.3, 0.0, -1e-4, 51.9)),
        ("EPSG:32759", (-0.143, -0.5767, 337588.9, -0.5767, 0.143, 7840359.25)),
    ],
)
def test_gdal_reads_code_and_transform_back(crs: str, transform: tuple[float, ...]) -> None:
    with MemoryFile(encode(noise(8, 9, 1), "tif", crs, transform)) as memory, memory.open() as raster:
        assert raster.crs.to_string() == crs
        assert tuple(raster.transform)[:6] == pytest.approx(transform, abs=1e-9)


@pytest.mark.parametrize("crs", [None, "EPSG:4978", 'LOCAL_CS["site",UNIT["metre",1]]'])
def test_a_system_without_a_plain_code_leaves_the_transform(crs: str | None) -> None:
    data = encode(noise(8, 9, 1), "tif", crs, (2.0, 0.0, 100.0, 0.0, -2.0, 50.0))
    with MemoryFile(data) as memory, memory.open() as raster:
        assert raster.crs is None
        assert tuple(raster.transform)[:6] == (2, 0, 100, 0, -2, 50)


def test_no_place_no_geotiff() -> None:
    with MemoryFile(encode(noise(8, 9, 1), "tif")) as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open() as raster:
            assert (raster.crs, raster.transform.is_identity) == (None, True)


@pytest.mark.parametrize("codec", EXTENSION)
def test_equal_pixels_give_equal_bytes_whatever_their_memory_layout(codec: str) -> None:
    pixels = noise(64, 48, 3)
    strided = np.concatenate([pixels, pixels])[:64][:, ::-1][:, ::-1]
    fortran = np.asfortranarray(pixels)
    assert encode(pixels, codec) == encode(strided, codec) == encode(fortran, codec)


def test_bytes_of_the_default_codec_are_pinned_apart_from_the_compressor() -> None:
    """A change here changes every shard ever written: raise ENCODER_VERSION with it."""
    data = encode(np.zeros((4, 5, 1), np.uint8), "tif", "EPSG:32631", (10, 0, 590000, 0, -10, 5750000))
    start = int.from_bytes(data[8 + 2 + 12 * 5 + 8 :][:4], "little")
    assert ENCODER_VERSION == 1
    assert start == 286
    assert imagecodecs.zstd_decode(data[start:]) == bytes(20)


def test_jpeg_is_close_and_keeps_full_colour_resolution() -> None:
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    pixels = np.stack([ramp, 127 - ramp, ramp], axis=2)
    data = encode(pixels, "jpeg")
    assert np.abs(decode(data, "jpeg").astype(int) - pixels).max() <= 6
    assert decode(encode(ramp[..., None], "jpeg"), "jpeg").shape == (64, 64, 1)
    frame = data.index(b"\xff\xc0")
    assert [data[frame + 11 + 3 * component] for component in range(3)] == [0x11, 0x11, 0x11]
    with pytest.raises(ConfigError, match="2 bands"):
        encode(noise(8, 8, 2), "jpeg")


@pytest.mark.parametrize("codec", EXTENSION)
def test_versions_name_the_libraries(codec: str) -> None:
    versions = encoder_versions(codec)
    assert versions["imagecodecs"] == imagecodecs.__version__
    assert len(versions) == 2
    assert not any(" " in text for pair in versions.items() for text in pair)
