"""The figures of a step, on their way from the device to the log."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from codemae.errors import NonFiniteError
from codemae.step import batch_hash
from osloader import Batch


class Later:
    """Numbers that are copied from the device while it goes on working, and are waited for only when read."""

    def __init__(self, tensor: Tensor) -> None:
        self._numbers = tensor.to("cpu", non_blocking=True)
        self._event = torch.cuda.current_stream(tensor.device).record_event() if tensor.is_cuda else None

    def read(self) -> list[Any]:
        """Return the numbers."""
        if self._event is not None:
            self._event.synchronize()
        out: list[Any] = self._numbers.tolist()
        return out


def make_tally(batches: Sequence[Batch], asked: bool) -> Tensor:
    """Return what processes add up beside the losses, int64 `[3]`: batch hash, paired micro-batches, wish to end."""
    paired = sum(batch.kind == "paired" for batch in batches)
    return torch.tensor([batch_hash(batches), paired, int(asked)])


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """A step that is done, its figures perhaps still on the device.

    keys: this process's samples. objectives name the middle numbers of `figures`, which are as `optimise` returns them;
    `tally` is summed over all processes, `parts` the micro-batches that it counts. pairs: in the global batch. seconds,
    waited: of the step, and of them for the data.
    """

    step: int
    epoch: int
    keys: Mapping[str, Sequence[str]]
    objectives: tuple[str, ...]
    figures: Later
    tally: Later
    parts: int
    pairs: int
    rate: float
    seconds: float
    waited: float

    def record(self) -> tuple[dict[str, Any], bool]:
        """Return the line of the log, and whether any process was asked to end. Waits for the device."""
        loss, *terms, norm = self.figures.read()
        digest, paired, asked = self.tally.read()
        line = {
            "step": self.step,
            "epoch": self.epoch,
            "kind": {0: "unpaired", self.parts: "paired"}.get(paired, "mixed"),
            "loss": loss,
            **dict(zip(self.objectives, terms, strict=True)),
            "lr": self.rate,
            "grad_norm": norm,
            "pairs_per_s": self.pairs / self.seconds,
            "data_wait": self.waited / self.seconds,
            "seconds": self.seconds,
            "batch": f"{digest % 2**64:016x}",
        }
        return line, asked > 0


def sample_keys(batches: Sequence[Batch]) -> dict[str, list[str]]:
    """Return the keys of a process's samples, in slot order."""
    return {name: [key for batch in batches for key in getattr(batch, name)] for name in ("optical_key", "sar_key")}


def check_finite(line: Mapping[str, Any], keys: Mapping[str, Sequence[str]], out: Path, rank: int) -> None:
    """Raise NonFiniteError when a loss or the gradient is not a number, after writing down this process's samples.

    Every process sees the same figures, so all of them end. The step has been taken by then: the weights are lost, and
    a run goes on from its newest checkpoint.
    """
    names = [name for name, value in line.items() if isinstance(value, float) and not math.isfinite(value)]
    if not names:
        return
    step, kind = line["step"], line["kind"]
    file = out / f"nonfinite-{step:06d}-{rank}.json"
    file.write_text(json.dumps({"step": step, "kind": kind, "not_finite": names, **keys}, indent=1) + "\n")
    raise NonFiniteError(
        f"step {step} ({kind}): {', '.join(names)} not finite, samples {', '.join(keys['optical_key'][:3])} … (all in "
        f"{file}); nothing of it was saved: look at them, lower base_lr, and start again from the last checkpoint"
    )
