"""A run: bit-equal when it is stopped and goes on, the same batches for any number of processes, clear ends."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from codemae import CoDeMAE, ConfigError, ModelConfig, NonFiniteError, TrainResult, read_log, resolve, train
from manifests import ManifestsError, build
from osloader import PlanError
from tests.codemae.conftest import MICRO

# What a step is; the rest of a line tells how long it took.
FIGURES = ("step", "epoch", "kind", "loss", "mae", "cross", "contrastive", "lr", "grad_norm", "batch")


def run(data: Path, out: Path, *settings: str) -> TrainResult:
    return train(resolve([f"data={data}", f"out={out}", *MICRO, *settings], env={}))


def figures(out: Path) -> list[tuple[Any, ...]]:
    return [tuple(line[name] for name in FIGURES) for line in read_log(out / "log.jsonl")]


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model.safetensors")


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture(scope="module")
def straight(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of eight steps that nothing disturbed; read-only."""
    out = tmp_path_factory.mktemp("straight")
    result = run(dataset, out)
    assert (result.steps, result.total, result.exit_code) == (8, 8, 0)
    return out


def test_a_run_leaves_what_it_promises(straight: Path, dataset: Path) -> None:
    names = {path.name for path in straight.iterdir()}
    assert names == {
        "config.yaml", "log.jsonl", "tensorboard", "loss.png", "pictures", "checkpoints",
        "model.safetensors", "model.json",
    }  # fmt: skip
    assert {path.name for path in (straight / "pictures").iterdir()} == {"samples.safetensors", "step-000008.png"}
    assert [p.name for p in sorted((straight / "checkpoints").iterdir())] == [
        "step-000003",
        "step-000006",
        "step-000008",
    ]
    assert resolve([], straight / "config.yaml", {}) == resolve([f"data={dataset}", f"out={straight}", *MICRO], env={})


def test_the_log_has_every_step_and_term(straight: Path) -> None:
    lines = read_log(straight / "log.jsonl")
    assert [line["step"] for line in lines] == list(range(8))
    assert {line["kind"] for line in lines} == {"paired", "unpaired"}
    for line in lines:
        assert line["loss"] == pytest.approx(line["mae"] + line["cross"] + line["contrastive"])
        assert (line["cross"] > 0) == (line["contrastive"] > 0) == (line["kind"] == "paired")
        assert line["grad_norm"] > 0
        assert 0 <= line["data_wait"] <= 1
    assert len({line["batch"] for line in lines}) == 8


def test_exported_weights_build_the_model_again(straight: Path) -> None:
    described = json.loads((straight / "model.json").read_text())
    model = CoDeMAE(build(ModelConfig, described["model"], "model.json", ConfigError))
    model.load_state_dict(weights(straight))
    assert described["steps"] == 8
    assert set(described["normalisation"]["optical"]) == {"alpha", "beta", "gamma"}
    assert len(described["normalisation"]["sar"]["delta"]["mean"]) == 1


def test_losses_fall(dataset: Path, tmp_path: Path) -> None:
    run(dataset, tmp_path, "steps=60", "base_lr=2e-2", "checkpoint_every=60")
    lines = [line for line in read_log(tmp_path / "log.jsonl") if line["kind"] == "paired"]
    first, last = lines[:8], lines[-8:]
    assert sum(line["loss"] for line in last) < 0.8 * sum(line["loss"] for line in first)
    for name in ("mae", "cross", "contrastive"):
        assert sum(line[name] for line in last) < sum(line[name] for line in first)


def test_stopped_and_resumed_equals_straight_through(straight: Path, dataset: Path, tmp_path: Path) -> None:
    assert run(dataset, tmp_path, "stop_after=5").steps == 5
    assert not (tmp_path / "model.safetensors").exists()
    resumed = train(resolve(["checkpoint_every=4", "log_every=3", "threads=1"], tmp_path / "config.yaml", {}))
    assert (resumed.steps, resumed.exit_code) == (8, 0)
    assert figures(tmp_path) == figures(straight)
    assert same(weights(tmp_path), weights(straight))


def test_resuming_a_finished_run_does_nothing(straight: Path, dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(straight, tmp_path / "run")
    result = run(dataset, tmp_path / "run")
    assert (result.steps, result.exit_code) == (8, 0)
    assert result.losses["loss"] == figures(straight)[-1][FIGURES.index("loss")]
    assert figures(tmp_path / "run") == figures(straight)


def test_killed_and_resumed_equals_straight_through(straight: Path, dataset: Path, tmp_path: Path) -> None:
    """The process dies in its sixth step; its log knows of the fifth, its newest checkpoint of the fourth."""
    killed = subprocess.run(command(KILL + SCRIPT, dataset, tmp_path, "checkpoint_every=2"), timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert len(read_log(tmp_path / "log.jsonl")) == 5
    run(dataset, tmp_path)
    assert figures(tmp_path) == figures(straight)
    assert same(weights(tmp_path), weights(straight))


def test_a_corrupt_newest_checkpoint_is_passed_over(
    straight: Path, dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(dataset, tmp_path, "stop_after=7")
    file = tmp_path / "checkpoints" / "step-000007" / "optimiser.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with caplog.at_level(logging.WARNING, "codemae"):
        run(dataset, tmp_path)
    assert "step-000007" in caplog.text
    assert figures(tmp_path) == figures(straight)
    assert same(weights(tmp_path), weights(straight))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_step_and_saves(
    straight: Path, dataset: Path, tmp_path: Path, number: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    def ask() -> None:
        wait_for(lambda: len(read_log(tmp_path / "log.jsonl")) >= 2)
        os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    asker = threading.Thread(target=ask)
    asker.start()
    result = run(dataset, tmp_path, "steps=5000", "warmup_steps=1", "pictures_every=0", "checkpoint_every=1000")
    asker.join()
    assert (result.exit_code, result.total) == (130, 5000)
    assert 2 <= result.steps < 5000
    assert (tmp_path / "checkpoints" / f"step-{result.steps:06d}").is_dir()
    assert len(figures(tmp_path)) == result.steps
    assert signal.getsignal(number) == before


def test_other_settings_are_refused(straight: Path, dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(straight, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"other settings \(batch was 4, now 8, steps was 8, now 9\)") as caught:
        run(dataset, tmp_path / "run", "batch=8", "steps=9")
    assert caught.value.exit_code == 2
    assert figures(tmp_path / "run") == figures(straight)


def test_the_data_may_have_moved(straight: Path, dataset: Path, tmp_path: Path) -> None:
    run(dataset, tmp_path / "run", "stop_after=3")
    shutil.copytree(dataset, tmp_path / "elsewhere")
    run(tmp_path / "elsewhere", tmp_path / "run")
    assert figures(tmp_path / "run") == figures(straight)


def test_accumulation_keeps_the_batch(straight: Path, dataset: Path, tmp_path: Path) -> None:
    """Without the contrastive term, which compares within a micro-batch, the step is the same but for rounding."""
    for name, split in (("whole", "micro_batch=4"), ("split", "micro_batch=1")):
        run(dataset, tmp_path / name, "objectives=mae,cross", "steps=3", split)
    whole, split = figures_without_contrast(tmp_path / "whole"), figures_without_contrast(tmp_path / "split")
    assert [line["batch"] for line in whole] == [line["batch"] for line in split]
    assert [line[-1] for line in figures(straight)][:3] == [line["batch"] for line in whole]
    for name in ("loss", "mae", "cross", "grad_norm"):
        assert [line[name] for line in split] == pytest.approx([line[name] for line in whole], rel=1e-4)


def figures_without_contrast(out: Path) -> list[dict[str, Any]]:
    lines = read_log(out / "log.jsonl")
    assert all("contrastive" not in line for line in lines)
    return lines


def test_groups_of_different_kinds(dataset: Path, tmp_path: Path) -> None:
    run(dataset, tmp_path, "schedule=grouped", "groups=2", "micro_batch=2", "steps=6")
    assert "mixed" in {line["kind"] for line in read_log(tmp_path / "log.jsonl")}


def test_a_step_that_is_not_finite_ends_the_run(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(NonFiniteError, match=r"step \d+ \((un)?paired\): .*not finite, samples \w+") as caught:
        run(dataset, tmp_path, "base_lr=1e30", "warmup_steps=2", "steps=30", "checkpoint_every=1", "keep=50")
    assert "\n" not in str(caught.value)
    (dump,) = tmp_path.glob("nonfinite-*-0.json")
    step = json.loads(dump.read_text())["step"]
    assert len(json.loads(dump.read_text())["optical_key"]) == 4
    assert max(int(path.name[5:]) for path in (tmp_path / "checkpoints").iterdir()) <= step
    assert len(figures(tmp_path)) == step


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (["batch=1000"], PlanError, "lower batch"),
        (["micro_batch=3"], Exception, "micro_batch=3"),
        (["device=tpu"], ConfigError, "use auto, cpu, cuda or cuda:N"),
        (["out=s3://bucket/run"], ConfigError, "written to a folder"),
        (["data=/nowhere/at/all"], ManifestsError, "/nowhere/at/all"),
    ],
)
def test_bad_input_leaves_nothing_behind(
    dataset: Path, tmp_path: Path, settings: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match="(?s).*") as caught:
        run(dataset, tmp_path / "run", *settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert getattr(caught.value, "exit_code", 0) == 2
    assert not (tmp_path / "run").exists()


def test_out_below_a_file(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ManifestsError, match="file"):
        run(dataset, tmp_path / "file" / "run")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda_device(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are 0 CUDA devices here; use device=cpu"):
        run(dataset, tmp_path, "device=cuda")


@pytest.mark.torchrun
def test_two_processes_see_the_batches_of_one(straight: Path, dataset: Path, tmp_path: Path) -> None:
    """They go on from one process's checkpoint at step 3, and one process goes on from theirs at step 6."""
    for name in ("two", "one"):
        shutil.copytree(straight, tmp_path / name, ignore=shutil.ignore_patterns("step-000006", "step-000008"))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [*torchrun, tmp_path / "script.py", *command(SCRIPT, dataset, tmp_path / "two", "stop_after=6")[3:]],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run(dataset, tmp_path / "two")
    assert len(figures(tmp_path / "two")) == 8
    for one, two in zip(figures(straight), figures(tmp_path / "two"), strict=True):
        one_line, two_line = dict(zip(FIGURES, one, strict=True)), dict(zip(FIGURES, two, strict=True))
        assert [one_line[name] for name in ("step", "kind", "batch")] == [
            two_line[name] for name in ("step", "kind", "batch")
        ]
        assert two_line["loss"] == pytest.approx(one_line["loss"], rel=1e-4)


SCRIPT = "import sys; from codemae import resolve, train; sys.exit(train(resolve(sys.argv[1:])).exit_code)"
KILL = """
import os, signal
from codemae.watch import Watch
take = Watch.take
def fatal(self, report, batches):
    take(self, report, batches) if report.step < 5 else os.kill(os.getpid(), signal.SIGKILL)
Watch.take = fatal
"""


def command(script: str, data: Path, out: Path, *settings: str) -> list[str]:
    return [sys.executable, "-c", script, f"data={data}", f"out={out}", *MICRO, *settings]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the run stalled before it came so far"
        time.sleep(0.01)
