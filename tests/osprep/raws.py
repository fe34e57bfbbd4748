"""A small raw folder and what tests ask of a built root."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from osprep import BuildConfig, BuildResult, build
from tests.osprep.rasters import noise, write

PAIRS = 12  # of 256 x 256: three shards of 1 MiB


def make_raw(raw: Path, pairs: int = PAIRS) -> Path:
    """Write RAW/folder: pairs, two optical scenes of 1 x 2 tiles, one blank one, two SAR images in dB with NaN."""
    folder = raw / "folder"
    for number in range(pairs):
        write(folder / "optical" / f"P{number:02d}.png", noise(256, 256, 3, seed=number))
        write(folder / "sar" / f"P{number:02d}.png", noise(256, 256, 1, seed=100 + number))
    for number in range(2):
        write(folder / "optical" / f"single{number}.tif", noise(300, 520, 3, seed=200 + number))
    write(folder / "optical" / "blank.png", np.full((256, 256, 3), 7, np.uint8))
    for number in range(2):
        sar = noise(256, 256, 1, "float32", seed=300 + number)
        sar[:, :40] = np.nan
        write(folder / "sar" / f"db{number}.tif", sar)
    return raw


def make_qxs(raw: Path, pairs: int = 3) -> Path:
    """Write RAW/qxs-saropt."""
    folder = raw / "qxs-saropt" / "QXSLAB_SAROPT"
    for number in range(1, pairs + 1):
        write(folder / "opt_256_oc_0.2" / f"{number}.png", noise(256, 256, 3, seed=400 + number))
        write(folder / "sar_256_oc_0.2" / f"{number}.png", noise(256, 256, 1, seed=500 + number))
    return raw


def read(file: Path) -> np.ndarray:
    """Return the pixels [height, width, bands] of an image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(file) as image:
            return np.moveaxis(image.read(), 0, 2)


def run(raw: Path, out: Path | str, **options: object) -> BuildResult:
    """Build with shards of 1 MiB."""
    return build(BuildConfig(raw=raw, out=str(out), shard_mb=1, **options))  # type: ignore[arg-type]


def contents(root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file under a root by relative path, temporaries included."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def truncate(file: Path, share: float = 0.5) -> bytes:
    """Cut a file off and return what it held."""
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    return whole
