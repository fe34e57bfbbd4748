import math
from pathlib import Path

import numpy as np
import pytest
import rasterio

from manifests import BandRule
from osprep.errors import UnreadableRaster
from osprep.image import open_image
from osprep.raster import read_header
from osprep.scene import Window
from tests.osprep.rasters import NORTH_UP, UTM, noise, write

GREY = BandRule(bands=(1,), names=("v",), radiometry="auto")
COLOUR = BandRule(bands=(1, 2, 3), names=("R", "G", "B"), radiometry="auto")


def rule(*bands: int, nodata: float | None = None) -> BandRule:
    return BandRule(bands=bands, names=tuple(map(str, bands)), radiometry="auto", nodata=nodata)


def read(path: Path, rule: BandRule, window: Window | None = None) -> tuple[np.ndarray, np.ndarray]:
    with open_image(path, rule) as image:
        return image.read(window or Window(0, 0, image.header.height, image.header.width))


def test_header_of_a_georeferenced_image(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", noise(20, 30, 2, "float32"), crs=UTM, transform=NORTH_UP, nodata=-99)
    header = read_header(path)
    assert (header.width, header.height, header.bands, header.dtype) == (30, 20, 2, "float32")
    assert header.crs == UTM
    assert header.transform == (10, 0, 590000, 0, -10, 5750000)
    assert header.nodata == (-99, -99)
    assert header.gsd == pytest.approx(10)


def test_header_of_an_image_without_place_gives_no_warning(tmp_path: Path) -> None:
    header = read_header(write(tmp_path / "a.png", noise(20, 30, 3)))
    assert (header.crs, header.transform, header.gsd, header.placed) == (None, None, None, False)


def test_gsd_of_degrees_and_feet(tmp_path: Path) -> None:
    degrees = rasterio.Affine(1e-4, 0, 4.0, 0, -1e-4, 60.0)
    header = read_header(write(tmp_path / "deg.tif", noise(8, 8), crs="EPSG:4326", transform=degrees))
    assert header.gsd == pytest.approx(11.132 * math.sqrt(0.5), rel=1e-3)
    feet = rasterio.Affine(2, 0, 1e6, 0, -2, 1e6)
    header = read_header(write(tmp_path / "feet.tif", noise(8, 8), crs="EPSG:2263", transform=feet))
    assert header.gsd == pytest.approx(2 * 0.3048, rel=1e-4)


def test_a_system_without_a_code_is_kept_as_wkt(tmp_path: Path) -> None:
    albers = "+proj=aea +lat_1=11 +lat_2=23 +lat_0=7 +lon_0=3 +datum=WGS84 +units=m"
    header = read_header(write(tmp_path / "a.tif", noise(8, 8), crs=albers, transform=NORTH_UP))
    assert header.crs is not None
    assert "Albers" in header.crs


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_raster_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(UnreadableRaster, match=r"a\.png"):
        read_header(path)
    with pytest.raises(UnreadableRaster, match="missing"):
        read_header(tmp_path / "missing.tif")


def test_a_file_that_points_at_others_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", noise(8, 8))
    vrt = tmp_path / "b.tif"
    vrt.write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{tmp_path}/a.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(UnreadableRaster, match="points at other files"):
        read_header(vrt)


def test_an_absurd_header_is_refused_before_windows_are_planned(tmp_path: Path) -> None:
    profile = {"width": 400_000, "height": 400_000, "count": 1, "dtype": "uint8", "crs": UTM, "transform": NORTH_UP}
    with rasterio.open(tmp_path / "a.tif", "w", "GTiff", tiled=True, SPARSE_OK=True, **profile):
        pass
    with pytest.raises(UnreadableRaster, match="400000 x 400000"):
        read_header(tmp_path / "a.tif")


def test_windows_and_bands_in_the_order_of_the_rule(tmp_path: Path) -> None:
    pixels = noise(40, 50, 4, "uint16")
    path = write(tmp_path / "a.tif", pixels)
    values, valid = read(path, rule(3, 2, 1), Window(5, 7, 20, 30))
    assert values.dtype == np.uint16
    np.testing.assert_array_equal(values, pixels[5:25, 7:37, [2, 1, 0]])
    assert valid.all()


def test_nodata_of_the_file_wins_over_the_card_and_needs_all_bands(tmp_path: Path) -> None:
    pixels = noise(10, 10, 3)
    pixels[0, 0] = 7
    pixels[1, 1] = (7, 7, 8)
    pixels[2, 2] = 0
    declared = write(tmp_path / "declared.tif", pixels, nodata=7)
    _, valid = read(declared, rule(1, 2, 3, nodata=0))
    assert np.argwhere(~valid).tolist() == [[0, 0]]
    silent = write(tmp_path / "silent.tif", pixels)
    assert np.argwhere(~read(silent, rule(1, 2, 3, nodata=0))[1]).tolist() == [[2, 2]]
    assert read(silent, rule(1, 2, 3))[1].all()


def test_nodata_that_no_pixel_can_have(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.tif", noise(4, 4)), rule(1, nodata=-9999))[1].all()
    assert read(write(tmp_path / "b.tif", noise(4, 4)), rule(1, nodata=math.nan))[1].all()


def test_nan_and_infinity_are_invalid(tmp_path: Path) -> None:
    pixels = noise(10, 10, 2, "float32")
    pixels[3, 3, 0], pixels[4, 4, 1], pixels[5, 5, 0] = np.nan, np.inf, -np.inf
    _, valid = read(write(tmp_path / "a.tif", pixels), rule(1, 2))
    assert np.argwhere(~valid).tolist() == [[3, 3], [4, 4], [5, 5]]


def test_nodata_at_the_edge_of_float32(tmp_path: Path) -> None:
    pixels = noise(6, 6, 1, "float32")
    pixels[2, 2] = np.finfo(np.float32).min
    _, valid = read(write(tmp_path / "a.tif", pixels, nodata=float(np.finfo(np.float32).min)), GREY)
    assert np.argwhere(~valid).tolist() == [[2, 2]]


def test_alpha_becomes_validity_unless_it_is_asked_for_as_a_band(tmp_path: Path) -> None:
    pixels = noise(12, 12, 4)
    pixels[4, 4, 3] = 0
    path = write(tmp_path / "a.png", pixels)
    values, valid = read(path, COLOUR)
    np.testing.assert_array_equal(values, pixels[..., :3])
    assert np.argwhere(~valid).tolist() == [[4, 4]]
    values, valid = read(path, rule(4))
    np.testing.assert_array_equal(values[..., 0], pixels[..., 3])
    assert valid.all()


def test_a_mask_beside_the_bands(tmp_path: Path) -> None:
    mask = np.full((12, 12), 255, np.uint8)
    mask[7, 8] = 0
    path = write(tmp_path / "a.tif", noise(12, 12, 3), mask=mask)
    with open_image(path, COLOUR) as image:
        assert image.maskable
    assert np.argwhere(~read(path, COLOUR)[1]).tolist() == [[7, 8]]


def test_grey_stands_for_three_colours_with_and_without_alpha(tmp_path: Path) -> None:
    for bands, name in ((1, "grey.png"), (2, "alpha.png")):
        pixels = noise(8, 8, bands)
        values, _ = read(write(tmp_path / name, pixels), COLOUR)
        np.testing.assert_array_equal(values, np.repeat(pixels[..., :1], 3, axis=2))


def test_a_palette_is_expanded(tmp_path: Path) -> None:
    indices = np.arange(64, dtype=np.uint8).reshape(8, 8) % 3
    path = tmp_path / "a.png"
    with rasterio.open(path, "w", "PNG", 8, 8, 1, dtype="uint8", crs=UTM, transform=NORTH_UP) as new:
        new.write(indices, 1)
        new.write_colormap(1, {0: (10, 20, 30, 255), 1: (200, 100, 50, 255), 2: (1, 2, 3, 0)})
    values, valid = read(path, COLOUR)
    np.testing.assert_array_equal(values[indices == 1], np.tile([200, 100, 50], ((indices == 1).sum(), 1)))
    np.testing.assert_array_equal(valid, indices != 2)
    assert read(path, GREY)[0].shape == (8, 8, 1)


def test_complex_samples_come_as_amplitude(tmp_path: Path) -> None:
    pixels = (noise(9, 9, 1, "float32") + 1j * noise(9, 9, 1, "float32", seed=1)).astype(np.complex64)
    pixels[2, 2] = np.nan
    values, valid = read(write(tmp_path / "a.tif", pixels), GREY)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values[valid], np.abs(pixels[valid]))
    assert np.argwhere(~valid).tolist() == [[2, 2]]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_resampling_onto_a_grid_interpolates_between_pixels(tmp_path: Path, dtype: str) -> None:
    ramp = np.tile(np.arange(0, 80, 2), (40, 1)).astype(dtype)
    sar = write(tmp_path / "sar.tif", ramp, crs=UTM, transform=NORTH_UP)
    half = rasterio.Affine(10, 0, 590000 + 105, 0, -10, 5750000 - 100)
    grid = read_header(write(tmp_path / "opt.tif", noise(20, 20), crs=UTM, transform=half))
    with open_image(sar, GREY, grid) as image:
        values, valid = image.read(Window(0, 0, 20, 20))
    assert values.dtype == dtype
    np.testing.assert_allclose(values[..., 0], np.tile(np.arange(21, 61, 2), (20, 1)), atol=1e-4)
    assert valid.all()


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("dtype", "nodata"), [("float32", None), ("float32", -99.0), ("uint8", 0.0)])
def test_resampling_smears_no_invalid_pixel_and_stops_at_the_edge(
    tmp_path: Path, dtype: str, nodata: float | None, declared: bool
) -> None:
    flat = np.full((40, 40), 100, dtype)
    flat[:, 20:] = np.nan if nodata is None else nodata
    sar = write(tmp_path / "sar.tif", flat, crs=UTM, transform=NORTH_UP, nodata=nodata if declared else None)
    shifted = rasterio.Affine(10, 0, 590003, 0, -10, 5750000 + 100 - 4)
    grid = read_header(write(tmp_path / "opt.tif", noise(40, 40), crs=UTM, transform=shifted))
    with open_image(sar, rule(1, nodata=nodata), grid) as image:
        values, valid = image.read(Window(0, 0, 40, 40))
    np.testing.assert_allclose(values[valid], 100, atol=1e-3)
    assert not valid[:9].any()
    assert valid[12:, :19].all()
    assert not valid[:, 21:].any()


def test_resampling_without_nodata_knows_its_outside(tmp_path: Path) -> None:
    sar = write(tmp_path / "sar.tif", np.full((20, 20), 9, np.uint8), crs=UTM, transform=NORTH_UP)
    grid = read_header(write(tmp_path / "opt.tif", noise(40, 40), crs=UTM, transform=NORTH_UP))
    with open_image(sar, GREY, grid) as image:
        assert image.maskable
        values, valid = image.read(Window(0, 0, 40, 40))
    assert valid.sum() == 400
    assert (values[valid] == 9).all()


def test_resampling_a_complex_image_does_not_see_its_phase(tmp_path: Path) -> None:
    phase = np.exp(1j * np.pi * np.indices((30, 30)).sum(axis=0))  # neighbours cancel
    sar = write(tmp_path / "sar & co.tif", (50 * phase).astype(np.complex64), crs=UTM, transform=NORTH_UP)
    shifted = rasterio.Affine(10, 0, 590005, 0, -10, 5749995)
    grid = read_header(write(tmp_path / "opt.tif", noise(20, 20), crs=UTM, transform=shifted))
    with open_image(sar, GREY, grid) as image:
        values, valid = image.read(Window(0, 0, 20, 20))
    np.testing.assert_allclose(values[valid], 50, rtol=1e-5)
    assert valid.all()


def test_resampling_between_projections(tmp_path: Path) -> None:
    """Another projection: the same ground, to a tenth of a pixel."""
    ramp = np.add.outer(np.arange(60), np.arange(60)).astype(np.float32)
    sar = write(tmp_path / "sar.tif", ramp, crs=UTM, transform=NORTH_UP)
    lon, lat = rasterio.warp.transform(UTM, "EPSG:4326", [590300.0], [5749700.0])
    degrees = rasterio.Affine(1e-4, 0, lon[0], 0, -1e-4, lat[0])
    grid = read_header(write(tmp_path / "opt.tif", noise(8, 8), crs="EPSG:4326", transform=degrees))
    with open_image(sar, GREY, grid) as image:
        values, valid = image.read(Window(0, 0, 8, 8))
    assert valid.all()
    for row, col in ((0, 0), (7, 7), (3, 5)):
        x, y = rasterio.warp.transform("EPSG:4326", UTM, [lon[0] + (col + 0.5) * 1e-4], [lat[0] - (row + 0.5) * 1e-4])
        expected = (x[0] - 590000) / 10 - 0.5 + (5750000 - y[0]) / 10 - 0.5
        assert values[row, col, 0] == pytest.approx(expected, abs=0.3)
