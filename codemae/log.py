"""What a run leaves to be read: a line of JSON per step, and TensorBoard's event files."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from torch.utils.tensorboard import SummaryWriter

LOG = "log.jsonl"
TENSORBOARD = "tensorboard"
_BY_KIND = ("loss", "mae", "cross", "contrastive")
_CHARTED = ("lr", "grad_norm", "pairs_per_s", "data_wait")


class RunLog:
    """The log of a run that has done `step` steps: lines of later ones, of a process that was killed, are dropped.

    A line has step (from 0), epoch, kind, loss, each term, lr, grad_norm, pairs_per_s, data_wait (share of the step's
    time), seconds, and batch: a hash of the global batch, the same for any number of processes.
    """

    def __init__(self, folder: Path, step: int, every: int) -> None:
        self._every = every
        truncate(folder / LOG, step)
        self._file = (folder / LOG).open("a", encoding="utf-8")
        self._charts = SummaryWriter(str(folder / TENSORBOARD), purge_step=step)

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._charts.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a step."""
        self._file.write(json.dumps(record, allow_nan=False) + "\n")
        self._file.flush()
        if record["step"] % self._every == 0:
            for name in (*_BY_KIND, *_CHARTED):
                if name in record:
                    section = record["kind"] if name in _BY_KIND else "run"
                    self._charts.add_scalar(f"{section}/{name}", record[name], record["step"])

    def sync(self) -> None:
        """Bring everything to the disk: a checkpoint never knows of steps that the log lost."""
        os.fsync(self._file.fileno())
        self._charts.flush()


def read_log(file: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a log, in order; a last one that was being written when a process died is left out."""
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def truncate(file: Path, step: int) -> None:
    """Drop the lines of this step and later ones, at once or not at all."""
    kept = [record for record in read_log(file) if record["step"] < step]
    scratch = file.with_name(file.name + ".tmp")
    with scratch.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(record) + "\n" for record in kept)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(scratch, file)
