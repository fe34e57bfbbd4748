"""Checkpoints: whole, or passed over."""

import errno
import logging
from pathlib import Path

import pytest
import torch

from codemae import Checkpoint, CheckpointError, checkpoint
from codemae.checkpoint import load, newest, save, verify


def make(step: int) -> Checkpoint:
    torch.manual_seed(step)
    weights = {"a.weight": torch.randn(4, 3), "b": torch.tensor(float(step))}
    state = {"exp_avg/a.weight": torch.randn(4, 3), "step/b": torch.tensor(3.0)}
    return Checkpoint(step, weights, state, {"step": step, "weights": {"x": 0.1}}, {"batch": 4, "betas": [0.9, 0.95]})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_comes_back_bit_for_bit(tmp_path: Path) -> None:
    saved = make(40)
    path = save(tmp_path / "checkpoints", saved, keep=3)
    assert path.name == "step-000040"
    assert names(path) == ["model.safetensors", "optimiser.safetensors", "state.json"]
    back = load(path)
    assert (back.step, back.loader, back.config) == (saved.step, saved.loader, saved.config)
    for there, here in ((saved.model, back.model), (saved.optimiser, back.optimiser)):
        assert there.keys() == here.keys()
        assert all(torch.equal(there[name], here[name]) for name in there)


def test_keeps_the_newest(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        save(tmp_path, make(step), keep=2)
    assert names(tmp_path) == ["step-000003", "step-000004"]
    assert newest(tmp_path) == tmp_path / "step-000004"


def test_a_step_can_be_written_again(tmp_path: Path) -> None:
    save(tmp_path, make(1), keep=3)
    (tmp_path / "step-000001" / "state.json").write_text("{")
    assert verify(save(tmp_path, make(1), keep=3))["step"] == 1


def test_none_yet(tmp_path: Path) -> None:
    assert newest(tmp_path / "checkpoints") is None
    (tmp_path / "step-000003.tmp").mkdir()
    assert newest(tmp_path) is None


@pytest.mark.parametrize("name", ["model.safetensors", "optimiser.safetensors", "state.json"])
@pytest.mark.parametrize("fault", ["bit", "short", "gone"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, name: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    for step in (10, 20):
        save(tmp_path, make(step), keep=3)
    file = tmp_path / "step-000020" / name
    data = bytearray(file.read_bytes())
    if fault == "bit":
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    elif fault == "short":
        file.write_bytes(data[:-5])
    else:
        file.unlink()
    with caplog.at_level(logging.WARNING, "codemae"):
        assert newest(tmp_path) == tmp_path / "step-000010"
    assert str(tmp_path / "step-000020") in caplog.text
    with pytest.raises(CheckpointError, match="step-000020"):
        load(tmp_path / "step-000020")


def test_one_that_was_passed_over_does_not_outlive_its_successor(tmp_path: Path) -> None:
    for step in (10, 20):
        save(tmp_path, make(step), keep=1)
    (tmp_path / "step-000020" / "state.json").write_text("{")
    save(tmp_path, make(15), keep=1)
    assert names(tmp_path) == ["step-000015"]


def test_no_whole_one_is_an_error_not_a_fresh_start(tmp_path: Path) -> None:
    save(tmp_path, make(10), keep=3)
    (tmp_path / "step-000010" / "state.json").write_text("[]")
    with pytest.raises(CheckpointError, match="none of its 1 checkpoints is whole; delete"):
        newest(tmp_path)


def test_a_full_disk_leaves_the_earlier_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, make(10), keep=1)

    def full(tensors: object, file: Path) -> None:
        file.write_bytes(b"part")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(CheckpointError, match="step-000020: not saved .*No space left"):
        save(tmp_path, make(20), keep=1)
    assert names(tmp_path) == ["step-000010"]
    assert newest(tmp_path) == tmp_path / "step-000010"


def test_a_later_format_is_not_guessed_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "FORMAT", 2)
    path = save(tmp_path, make(1), keep=1)
    monkeypatch.setattr(checkpoint, "FORMAT", 1)
    with pytest.raises(CheckpointError, match="format 2, this version reads 1"):
        load(path)
