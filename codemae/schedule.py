"""How long a run is, and the learning rate of each of its steps."""

import math
from dataclasses import dataclass

from codemae.config import DEFAULT_EPOCHS, TrainConfig

PUBLISHED_WARMUP_EPOCHS = 15
LONGEST_DEFAULT_WARMUP = 0.1  # of the run, so that short runs get warm too


@dataclass(frozen=True, slots=True)
class Schedule:
    """A linear warm-up to `peak` over `warmup` steps, then a half cosine to zero at step `total`."""

    peak: float
    warmup: int
    total: int


def peak_rate(base_lr: float, batch: int) -> float:
    """Return base_lr · 2·batch / 256: a batch is counted in pairs, the published rule in images."""
    return base_lr * 2 * batch / 256


def plan_schedule(config: TrainConfig, steps_per_epoch: int) -> Schedule:
    """Return the schedule of a run: its `steps` or else `epochs`, its `warmup_steps` or else `warmup_epochs`.

    Without either warm-up it takes the published 15 epochs, or a tenth of the run where that is shorter.
    """
    total = config.steps if config.steps is not None else (config.epochs or DEFAULT_EPOCHS) * steps_per_epoch
    if config.warmup_steps is not None:
        warmup = config.warmup_steps
    elif config.warmup_epochs is not None:
        warmup = round(config.warmup_epochs * steps_per_epoch)
    else:
        warmup = min(PUBLISHED_WARMUP_EPOCHS * steps_per_epoch, round(LONGEST_DEFAULT_WARMUP * total))
    return Schedule(peak_rate(config.base_lr, config.batch), min(warmup, total), total)


def learning_rate(step: int, schedule: Schedule) -> float:
    """Return the rate of a step counted from 0, as published (MAE): 0 at the first step of a warm-up, per step."""
    if step < schedule.warmup:
        return schedule.peak * step / schedule.warmup
    progress = (step - schedule.warmup) / max(schedule.total - schedule.warmup, 1)
    return schedule.peak * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
