"""Checkpoints: folders `step-000040`, whole or not there at all.

    model.safetensors  optimiser.safetensors  state.json

`state.json` is written last and has the SHA-256 of both others and of itself, the step, the settings and the loader's
place. Nothing is pickled. Randomness is keyed by seed, step and slot everywhere, so there is no generator to keep.
"""

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from codemae.errors import CheckpointError

FORMAT = 1
MODEL, OPTIMISER, STATE = "model.safetensors", "optimiser.safetensors", "state.json"
_NAME = re.compile(r"step-(\d{6,})")
_TEMPORARY = ".tmp"
_log = logging.getLogger("codemae")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that a run goes on from: `step` steps are done. loader and config have JSON types."""

    step: int
    model: Mapping[str, Tensor]
    optimiser: Mapping[str, Tensor]
    loader: Mapping[str, Any]
    config: Mapping[str, Any]


def folder_name(step: int) -> str:
    """Return the name of the checkpoint after so many steps."""
    return f"step-{step:06d}"


def step_of(path: Path) -> int:
    """Return the step of a checkpoint's folder."""
    return int(path.name.removeprefix("step-"))


def save(folder: Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write a checkpoint, then delete all but the newest `keep`; return its folder.

    It is written under another name, flushed and renamed. Raises CheckpointError, with the earlier ones untouched.
    """
    target = folder / folder_name(checkpoint.step)
    scratch = target.with_name(target.name + _TEMPORARY)
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        _write(scratch, checkpoint)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(scratch, target)
        _flush(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(scratch, ignore_errors=True)
        raise CheckpointError(
            f"{target}: not saved ({error}); make room or mend the rights, then the same command goes on from the last"
        ) from error
    _prune(folder, checkpoint.step, keep)
    return target


def newest(folder: Path) -> Path | None:
    """Return the newest whole checkpoint, None when there is none at all; damaged ones are passed over with a warning.

    Raises CheckpointError when there are some but none is whole.
    """
    found = sorted(_steps(folder).items(), reverse=True)
    for _, path in found:
        try:
            verify(path)
        except CheckpointError as error:
            _log.warning("%s; taking the one before", error)
        else:
            return path
    if found:
        raise CheckpointError(
            f"{folder}: none of its {len(found)} checkpoints is whole; delete the folder to start over"
        )
    return None


def verify(path: Path) -> dict[str, Any]:
    """Return the state of a checkpoint after comparing all its bytes; raise CheckpointError at the first difference."""
    try:
        state: dict[str, Any] = json.loads((path / STATE).read_bytes())
        if state.pop("digest") != _digest(state):
            raise CheckpointError(f"{path / STATE}: damaged (its digest differs)")
        if state["format"] != FORMAT:
            raise CheckpointError(f"{path}: format {state['format']}, this version reads {FORMAT}; upgrade ospretrain")
        for name, expected in state["files"].items():
            if _sha256(path / name) != expected:
                raise CheckpointError(f"{path / name}: damaged (its SHA-256 differs)")
    except OSError as error:
        raise CheckpointError(f"{error.filename or path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path / STATE}: not a state of ours ({error})") from error
    return state


def load(path: Path) -> Checkpoint:
    """Read a checkpoint, on the CPU; raise CheckpointError when it is not whole."""
    state = verify(path)
    model, optimiser = (load_file(path / name) for name in (MODEL, OPTIMISER))
    return Checkpoint(state["step"], model, optimiser, state["loader"], state["config"])


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    files = {MODEL: checkpoint.model, OPTIMISER: checkpoint.optimiser}
    for name, tensors in files.items():
        save_file({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, folder / name)
        _flush(folder / name)
    state = {
        "format": FORMAT,
        "step": checkpoint.step,
        "config": checkpoint.config,
        "loader": checkpoint.loader,
        "files": {name: _sha256(folder / name) for name in files},
    }
    (folder / STATE).write_text(json.dumps(state | {"digest": _digest(state)}, indent=1, allow_nan=False) + "\n")
    _flush(folder / STATE)
    _flush(folder)


def _prune(folder: Path, step: int, keep: int) -> None:
    """Delete what is older than the newest `keep`, and what is newer than this step: passed over as damaged before."""
    steps = _steps(folder)
    kept = sorted(number for number in steps if number <= step)[-keep:]
    for number, path in steps.items():
        if number not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _steps(folder: Path) -> dict[int, Path]:
    if not folder.is_dir():
        return {}
    matches = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return {int(match[1]): path for match, path in matches if match}


def _digest(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
