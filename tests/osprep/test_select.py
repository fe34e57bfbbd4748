"""Subsets by key: balanced by a seed whatever the shards are, filtered, written, used by a loader."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from osloader import Loader, LoaderConfig
from osprep import BuildConfig, ConfigError, build, select_balanced, select_where, write_selection
from tests.osprep.rasters import noise, write
from tests.osprep.raws import make_raw, run

COUNTS = {"optical": 9, "pair": 4, "sar": 5}  # samples of the root below


def make_more(raw: Path) -> Path:
    """Write RAW/folder with 9 unpaired optical tiles and 5 SAR ones."""
    make_raw(raw, pairs=4)
    for number in range(5):
        write(raw / "folder" / "optical" / f"more{number}.png", noise(256, 256, 3, seed=600 + number))
    for number in range(3):
        write(raw / "folder" / "sar" / f"only{number}.png", noise(256, 256, 1, seed=700 + number))
    return raw


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("select")
    run(make_more(folder / "raw"), folder / "out")
    return folder / "out"


def keys(root: Path, seed: int = 0, kind: str | None = None) -> list[str]:
    rows = select_balanced(str(root), seed).table.to_pylist()
    return [row["key"] for row in rows if kind in (None, row["kind"])]


def test_balance_trims_the_optical_images_and_leaves_the_rest(root: Path) -> None:
    assert select_where(str(root), ["source=folder"]).counts == COUNTS
    subset = select_balanced(str(root))
    assert subset.counts == {"optical": 5, "pair": 4, "sar": 5}
    assert len(subset) == len(set(keys(root))) == 14
    assert subset.table.column_names == ["key", "source", "kind", "role"]


def test_a_seed_decides_which_ones_and_nothing_else_does(root: Path, tmp_path: Path) -> None:
    chosen = keys(root, seed=3, kind="optical")
    assert chosen == keys(root, seed=3, kind="optical")
    assert len({tuple(keys(root, seed, "optical")) for seed in range(8)}) > 3
    other = build(BuildConfig(raw=root.parent / "raw", out=str(tmp_path / "out"), seed=9, shard_mb=64))
    assert other.sources[0].shards < len(list((root / "shards" / "folder").glob("*.tar"))), "laid out in another way"
    assert keys(tmp_path / "out", seed=3) == keys(root, seed=3)


def test_it_needs_both_modalities(tmp_path: Path) -> None:
    run(make_raw(tmp_path / "raw", pairs=2), tmp_path / "out")
    assert select_balanced(str(tmp_path / "out")).counts == {"optical": 2, "pair": 2, "sar": 2}
    for file in (tmp_path / "raw" / "folder" / "sar").glob("db*"):
        file.unlink()
    run(tmp_path / "raw", tmp_path / "again")
    with pytest.raises(ConfigError, match="no unpaired sar"):
        select_balanced(str(tmp_path / "again"))


def test_a_loader_sees_equal_counts(root: Path, tmp_path: Path) -> None:
    selection = tmp_path / "balanced.parquet"
    write_selection(select_balanced(str(root)), str(selection))
    seen: dict[str, Counter[str]] = {"optical": Counter(), "sar": Counter(), "pair": Counter()}
    config = LoaderConfig(batch=1, size=16, window=4, threads=1, selection=str(selection))
    with Loader(str(root), config) as loader:
        for batch in loader:
            if batch.kind == "paired":
                seen["pair"].update(batch.optical_key)
            else:
                seen["optical"].update(batch.optical_key)
                seen["sar"].update(batch.sar_key)
    for kind, uses in seen.items():
        assert set(uses) == set(keys(root, kind=kind)), kind
        assert set(uses.values()) == {1}, "nothing is cycled, for nothing is shorter"


@pytest.mark.parametrize(
    ("conditions", "counts"),
    [
        (["source=folder", "kind=sar"], {"sar": 5}),
        (["kind=sar", "kind=optical"], {"optical": 9, "sar": 5}),
        (["kind!=pair", "kind!=sar"], {"optical": 9}),
        (["sar_valid<=0.9"], {"sar": 2}),
        (["sar_valid >= 0.9", "kind = sar"], {"sar": 3}),
        (["opt_valid>=0.5"], {"optical": 9, "pair": 4}),
        (["row=0", "col=256"], {"optical": 2}),
    ],
)
def test_conditions(root: Path, conditions: list[str], counts: dict[str, int]) -> None:
    assert select_where(str(root), conditions).counts == counts


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("source", "write column=value"),
        ("source == 'x' or True", "no sample of role pretrain fits"),
        ("__import__('os')=1", "write column=value"),
        ("colour=red", "no column 'colour'; known are key"),
        ("source>=a", ">= is for numbers"),
        ("row=top", "'top' is no number"),
        ("flags=x", "holds lists"),
        ("source=nothing", "no sample of role pretrain fits source=nothing"),
    ],
)
def test_conditions_that_make_no_sense(root: Path, condition: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        select_where(str(root), [condition])


def test_equal_selections_are_equal_files_and_only_parquet(root: Path, tmp_path: Path) -> None:
    subset = select_balanced(str(root))
    for name in ("a.parquet", "b.parquet"):
        write_selection(subset, str(tmp_path / name))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    with pytest.raises(ConfigError, match="give it that extension"):
        write_selection(subset, str(tmp_path / "keys.csv"))


def test_a_selection_goes_to_a_bucket(root: Path, s3: str) -> None:
    write_selection(select_balanced(str(root)), f"{s3}/balanced.parquet")
    run(root.parent / "raw", s3)
    with Loader(s3, LoaderConfig(batch=1, size=16, threads=1, selection=f"{s3}/balanced.parquet")) as loader:
        assert len(loader) == 4 + 5


def test_the_command_line(root: Path, tmp_path: Path) -> None:
    osprep = Path(sys.executable).with_name("osprep")
    balanced, pairs = tmp_path / "balanced.parquet", tmp_path / "pairs.parquet"
    commands: tuple[tuple[str, ...], ...] = (
        ("balance", str(root), "--out", str(balanced), "--seed", "3", "--json"),
        ("where", str(root), "kind=pair", "--out", str(pairs)),
        ("where", str(root), "colour=red", "--out", str(pairs)),
    )
    first, second, wrong = (
        subprocess.run([osprep, "select", *words], capture_output=True, text=True, timeout=60) for words in commands
    )
    assert json.loads(first.stdout)["counts"] == {"optical": 5, "pair": 4, "sar": 5}, first.stderr
    assert pq.read_table(balanced).column("key").to_pylist() == keys(root, seed=3)
    assert (second.returncode, pq.read_table(pairs).num_rows) == (0, 4)
    assert (wrong.returncode, "no column 'colour'" in wrong.stderr) == (2, True)
