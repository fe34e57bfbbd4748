import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli.serve import serve
from osloader import ConfigError, Loader, LoaderConfig, open_dataset, read_keys, select
from tests.osloader.tiny import Tiny


def keys_of(tiny: Tiny, *sources: str) -> list[str]:
    return [key for key, row in tiny.samples.items() if row.source in sources]


@pytest.mark.parametrize("name", ["keys.parquet", "keys.csv"])
def test_selected_rows_keep_tar_order(tiny: Tiny, tmp_path: Path, name: str) -> None:
    chosen = keys_of(tiny, "alpha")[::3] + keys_of(tiny, "delta")[1::2]
    frame = pd.DataFrame({"note": 1, "key": chosen[::-1]})
    path = tmp_path / name
    frame.to_parquet(path) if name.endswith("parquet") else frame.to_csv(path, index=False)
    selection = select(open_dataset(tiny.folder), str(path))
    assert [shard.source for shard in selection.shards] == ["alpha", "alpha", "alpha", "delta"]
    assert sum(selection.lengths) == len(chosen)
    assert selection.tar_rows(0, 0, 10).tolist() == list(range(0, 30, 3))
    assert selection.tar_rows(3, 2, 4).tolist() == [5, 7]
    assert len(selection.fingerprint) == 16


def test_without_a_file_everything_is_selected(tiny: Tiny) -> None:
    selection = select(open_dataset(tiny.folder), None)
    assert selection.lengths == (30, 17, 9, 21, 25, 14, 19)
    assert np.array_equal(selection.tar_rows(1, 3, 6), [3, 4, 5])
    assert selection.fingerprint == ""


def test_the_loader_hands_out_what_is_selected_and_nothing_else(tiny: Tiny, tmp_path: Path) -> None:
    chosen = keys_of(tiny, "beta")[::2] + keys_of(tiny, "alpha")[5:20:3]
    path = tmp_path / "keys.csv"
    pd.DataFrame({"key": chosen}).to_csv(path, index=False)
    with serve(tmp_path) as url, Loader(tiny.folder, config(4, selection=f"{url}/keys.csv")) as loader:
        seen = [key for batch in loader for key in batch.optical_key]
        assert loader.state_dict()["selection"] != ""
    assert len(seen) == len(set(seen)) == len(chosen) // 4 * 4
    assert set(seen) <= set(chosen)


def test_keys_of_another_dataset_are_counted_or_refused(
    tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = open_dataset(tiny.folder)
    path = tmp_path / "keys.csv"
    path.write_text("key\nno-such-key\n" + keys_of(tiny, "alpha")[0] + "\n")
    with caplog.at_level(logging.WARNING, "osloader"):
        assert select(dataset, str(path)).lengths == (1,)
    assert "1 of 2 keys" in caplog.text
    path.write_text("key\nno-such-key\n")
    with pytest.raises(ConfigError, match="none of its 1 keys"):
        select(dataset, str(path))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("keys.csv", b"name\nx\n", "no column `key`"),
        ("keys.csv", b"", "no column `key`"),
        ("keys.csv", b"key\n", "empty"),
        ("keys.csv", b"\xff\xfe\xff", "not a CSV"),
        ("keys.parquet", b"key\nx\n", "not a parquet"),
        ("keys.txt", b"x\n", ".parquet or .csv"),
    ],
)
def test_a_file_that_is_no_selection(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        read_keys(str(tmp_path / name))


def test_a_missing_selection(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such selection"):
        read_keys(str(tmp_path / "keys.csv"))


def config(batch: int, **options: object) -> LoaderConfig:
    return LoaderConfig(batch=batch, size=8, window=16, threads=2, **options)
