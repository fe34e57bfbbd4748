from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from manifests import BandRule
from osprep.complete import check_complete
from osprep.errors import TruncatedRaster, UnreadableRaster
from osprep.image import open_image
from osprep.raster import read_header
from osprep.scene import Window

RULE = BandRule(bands=(1,), names=("SAR",), radiometry="quantised")


def speckle(height: int = 90, width: int = 70, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    parts = random.normal(0, 40, (2, height, width)).astype(np.float32)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def save(path: Path, compressed: bool = False, **variables: object) -> Path:
    savemat(path, variables, do_compression=compressed)
    return path


def look(file: Path) -> None:
    read_header(file)
    check_complete(file)


@pytest.mark.parametrize("compressed", [False, True])
def test_header_and_amplitudes_of_a_window(tmp_path: Path, compressed: bool) -> None:
    pixels = speckle()
    file = save(tmp_path / "a.MAT", compressed, info="GF3", data=pixels)
    header = read_header(file)
    assert (header.width, header.height, header.bands, header.dtype) == (70, 90, 1, "complex64")
    assert (header.crs, header.transform, header.colours, header.alpha) == (None, None, (1,), None)
    check_complete(file)
    with open_image(file, RULE) as image:
        values, valid = image.read(Window(3, 5, 20, 30))
        np.testing.assert_array_equal(values[..., 0], np.abs(pixels)[3:23, 5:35])
        assert values.dtype == np.float32
        assert valid.all()


def test_data_comes_first_then_the_largest_complex_matrix(tmp_path: Path) -> None:
    other, small, cube = speckle(100, 100), speckle(10, 20), np.zeros((4, 300, 300), np.complex64)
    file = save(tmp_path / "a.mat", big=other, data=np.full((8, 9), 3.0), cells=np.array([[1, "a"]], object))
    assert (read_header(file).height, read_header(file).dtype) == (8, "float64")
    file = save(tmp_path / "b.mat", small=small, slc=other, mask=np.ones((500, 500)), cube=cube, text="x")
    assert (read_header(file).height, read_header(file).dtype) == (100, "complex64")
    with open_image(file, RULE) as image:
        np.testing.assert_array_equal(image.read(Window(0, 0, 100, 100))[0][..., 0], np.abs(other))


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRaster, match=r"no 2-D matrix 'data' and no complex one"):
        read_header(save(tmp_path / "a.mat", mask=np.ones((5, 5))))
    (tmp_path / "new.mat").write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(UnreadableRaster, match=r"7\.3.*-v7"):
        read_header(tmp_path / "new.mat")
    with pytest.raises(UnreadableRaster, match=r"7\.3"):
        check_complete(tmp_path / "new.mat")
    (tmp_path / "text.mat").write_text("404 Not Found")
    with pytest.raises(UnreadableRaster, match="not a MATLAB 5 file"):
        read_header(tmp_path / "text.mat")
    with pytest.raises(UnreadableRaster, match="No such file"):
        read_header(tmp_path / "absent.mat")


@pytest.mark.parametrize("compressed", [False, True])
def test_every_truncation_shows(tmp_path: Path, compressed: bool) -> None:
    whole = save(tmp_path / "a.mat", compressed, note=np.arange(40.0)[None], data=speckle()).read_bytes()
    file = tmp_path / "cut.mat"
    for size in (*range(0, 700, 9), len(whole) // 2, len(whole) - 8, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises((TruncatedRaster, UnreadableRaster)):
            look(file)


def test_damaged_pixels_are_unreadable(tmp_path: Path) -> None:
    file = save(tmp_path / "a.mat", True, data=speckle(seed=3))
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    file.write_bytes(damaged)
    with pytest.raises(UnreadableRaster, match="damaged"), open_image(file, RULE) as image:
        image.read(Window(0, 0, 5, 5))
