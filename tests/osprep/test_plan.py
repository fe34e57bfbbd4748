"""Plans: what would be written, from names, sizes and headers; bad input ends in one line."""

import shutil
from pathlib import Path

import pytest

from osprep import BuildConfig, ConfigError, ReaderError, SourcePlan, plan
from tests.osprep.rasters import noise, write
from tests.osprep.raws import PAIRS, make_qxs, make_raw


def plan_of(raw: Path, **options: object) -> SourcePlan:
    (planned,) = plan(BuildConfig(raw=raw, shard_mb=1, **options))  # type: ignore[arg-type]
    return planned


def test_counts_by_kind_and_tasks_in_order(tmp_path: Path) -> None:
    planned = plan_of(make_raw(tmp_path))
    assert [planned.planned(kind) for kind in ("pair", "optical", "sar")] == [PAIRS, 5, 2]
    assert planned.planned() == PAIRS + 7
    assert planned.planned(split="train") == 0
    assert [task.kind for task in planned.tasks] == ["pair", "pair", "pair", "optical", "sar"]
    paths = [f"shards/folder/folder-all-{number:06d}.tar" for number in range(5)]
    assert [task.path for task in planned.tasks] == paths
    assert len(planned.scenes) == PAIRS + 5
    assert planned.bytes == pytest.approx(256 * 256 * (4 * PAIRS + 3 * 5 + 2) * 0.75, rel=0.05)


def test_equal_folders_give_equal_tasks_whenever_they_were_copied(tmp_path: Path) -> None:
    first = make_raw(tmp_path / "a")
    for file in sorted(first.rglob("*.*"), reverse=True):
        copy = tmp_path / "b" / file.relative_to(first)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    one, other = plan_of(first), plan_of(tmp_path / "b")
    assert [task.fingerprint for task in one.tasks] == [task.fingerprint for task in other.tasks]
    assert [task.scenes for task in one.tasks] == [task.scenes for task in other.tasks]


def test_a_scene_with_an_unreadable_header_is_one_planned_sample(tmp_path: Path) -> None:
    raw = make_raw(tmp_path)
    whole = plan_of(raw)
    (raw / "folder" / "sar" / "P03.png").write_bytes(b"no image")
    planned = plan_of(raw)
    assert (planned.unreadable, planned.planned("pair")) == (1, PAIRS)
    assert [task.scenes[0].scene for task in planned.tasks] == [task.scenes[0].scene for task in whole.tasks]


def test_scenes_below_the_least_side_are_counted_as_left_out(tmp_path: Path) -> None:
    write(tmp_path / "folder" / "optical" / "tiny.png", noise(8, 8, 3))
    write(tmp_path / "folder" / "optical" / "large.png", noise(20, 20, 3))
    planned = plan_of(tmp_path)
    assert (planned.planned(), dict(planned.left_out)) == (1, {"too-small": 1})


def test_seed_and_shard_size_change_the_settings(tmp_path: Path) -> None:
    raw = make_raw(tmp_path, pairs=2)
    texts = {plan_of(raw).settings, plan_of(raw, seed=1).settings, plan_of(raw, codec="png").settings}
    assert len(texts) == 3
    assert plan_of(raw).settings == plan_of(raw, workers=2).settings


@pytest.mark.parametrize(
    ("folders", "options", "words"),
    [
        ((), {}, "no such folder; --raw"),
        (("raw/other",), {}, "no folder of a source in it; known are .*folder"),
        (("raw/folder",), {"sources": ("nonsense",)}, "source 'nonsense' is unknown; known are"),
        (("raw/folder",), {"sources": ("fair1m",)}, "raw/fair1m: no such folder; `osprep sources fair1m`"),
    ],
)
def test_nothing_to_build_from(
    tmp_path: Path, folders: tuple[str, ...], options: dict[str, object], words: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(ConfigError, match=words) as caught:
        plan(BuildConfig(raw=tmp_path / "raw", **options))  # type: ignore[arg-type]
    assert caught.value.exit_code == 2


def test_one_source_without_its_layout_does_not_stop_the_others(tmp_path: Path) -> None:
    make_qxs(tmp_path)
    (tmp_path / "folder").mkdir()
    folder, qxs = plan(BuildConfig(raw=tmp_path))
    assert folder.error is not None
    assert "folder" in folder.error
    assert (qxs.error, qxs.planned("pair")) == (None, 3)
    with pytest.raises(ReaderError):
        plan(BuildConfig(raw=tmp_path, sources=("folder",)))


@pytest.mark.parametrize(
    "options",
    [
        {"workers": 0},
        {"shard_mb": 0},
        {"codec": "gif"},
        {"engine": "dask"},
        {"task_index": 1},
        {"task_index": 2, "task_count": 2},
    ],
)
def test_options_that_make_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        BuildConfig(raw=Path("raw"), **options)  # type: ignore[arg-type]
