import dataclasses
from pathlib import Path

import numpy as np
import pytest

from manifests import StorageError
from osprep import StatsRow, compare_stats
from tests.osprep.rasters import write
from tests.osprep.raws import make_qxs, run


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three QXS pairs of noise, and a folder image whose left half is transparent."""
    raw = make_qxs(tmp_path_factory.mktemp("raw"))
    pixels = np.full((64, 64, 4), 255, np.uint8)
    pixels[:, :32] = 0
    pixels[:8, 32:, :3] = 100
    write(raw / "folder" / "optical" / "a.png", pixels, alpha=True)
    out = tmp_path_factory.mktemp("out") / "root"
    assert run(raw, out).exit_code == 0
    return out


def test_a_row_for_every_band_with_the_published_figures(root: Path) -> None:
    rows = {(row.source, row.modality, row.band): row for row in compare_stats(str(root))}
    assert list(rows) == [
        *(("folder", "optical", band) for band in (1, 2, 3)),
        *(("qxs-saropt", "optical", band) for band in (1, 2, 3)),
        ("qxs-saropt", "sar", 1),
    ]
    sar = rows["qxs-saropt", "sar", 1]
    assert (sar.published_mean, sar.published_std) == (0.2707, 0.2359)
    assert sar.mean == pytest.approx(0.5, abs=0.02)
    assert sar.mean_difference == pytest.approx(sar.mean_all - 0.2707)
    assert sar.flagged
    assert rows["qxs-saropt", "optical", 3].published_mean == 0.4133
    own = rows["folder", "optical", 1]
    assert (own.published_mean, own.mean_difference, own.flagged) == (None, None, False)
    valid = (56 * 255 + 8 * 100) / 64 / 255
    assert (own.mean, own.mean_all) == (pytest.approx(valid), pytest.approx(valid / 2))
    assert own.as_dict()["mean_difference"] is None


@pytest.mark.parametrize(("mean", "std", "flagged"), [(0.34, 0.2, False), (0.36, 0.2, True), (0.3, 0.14, True)])
def test_a_difference_of_either_figure_above_5_percent_is_flagged(mean: float, std: float, flagged: bool) -> None:
    row = StatsRow(source="s", modality="sar", band=1, mean=0, std=0, mean_all=mean, std_all=std)
    assert not row.flagged
    assert dataclasses.replace(row, published_mean=0.3, published_std=0.2).flagged == flagged


def test_without_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        compare_stats(str(tmp_path))
