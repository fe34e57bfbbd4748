"""The log of a run: a line a step, cut back to a checkpoint's step."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from codemae import read_log
from codemae.curves import draw_curves, series
from codemae.log import RunLog


def line(step: int, kind: str = "paired") -> dict[str, object]:
    return {"step": step, "kind": kind, "loss": 1.5 - step / 100, "mae": 0.1 + 0.2, "lr": 1e-3, "batch": "00ff"}


def write(folder: Path, steps: range, start: int = 0) -> None:
    with RunLog(folder, start, every=1) as log:
        for step in steps:
            log.write(line(step))
        log.sync()


def test_lines_come_back_to_the_last_bit(tmp_path: Path) -> None:
    write(tmp_path, range(3))
    assert read_log(tmp_path / "log.jsonl") == [line(0), line(1), line(2)]


def test_a_resumed_run_drops_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    write(tmp_path, range(5))
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 5, "lo')
    assert len(read_log(tmp_path / "log.jsonl")) == 5
    write(tmp_path, range(3, 6), start=3)
    assert [record["step"] for record in read_log(tmp_path / "log.jsonl")] == [0, 1, 2, 3, 4, 5]
    assert not list(tmp_path.glob("*.tmp"))


def test_not_a_number_is_never_written(tmp_path: Path) -> None:
    with RunLog(tmp_path, 0, every=1) as log, pytest.raises(ValueError, match="JSON compliant"):
        log.write(line(0) | {"loss": float("nan")})


def test_tensorboard_has_the_terms_by_kind(tmp_path: Path) -> None:
    with RunLog(tmp_path, 0, every=2) as log:
        for step in range(4):
            log.write(line(step, "unpaired" if step == 2 else "paired"))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert {"paired/loss", "unpaired/loss", "paired/mae", "run/lr"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("run/lr")] == [0, 2]


def test_curves_are_drawn_for_short_long_and_empty_logs(tmp_path: Path) -> None:
    for count in (0, 1, 500):
        file = tmp_path / f"{count}.png"
        draw_curves(file, [line(step) for step in range(count)], ("mae", "cross"))
        assert file.read_bytes().startswith(b"\x89PNG")


def test_series_of_a_kind() -> None:
    records = [line(0), line(1, "unpaired"), line(2)]
    assert series(records, "loss", "paired") == ([0, 2], [1.5, 1.48])
    assert series(records, "cross") == ([], [])
