"""What a build is told to do."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from osprep.errors import ConfigError

Codec = Literal["tif", "png", "jpeg"]
EngineName = Literal["local"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildConfig:
    """Options of `plan` and `build`. Raises ConfigError where one makes no sense.

    `raw` holds one folder per source id. `out` is a folder or an s3:// URL; only a plan may leave it empty.
    `sources` None means every source with a folder under `raw`. `shard_mb` is the estimated size of a shard in MiB.
    `task_index` of `task_count` builds only every task_count-th task, for batch systems that start the same command
    many times. More than one worker starts processes: a script that calls `build` then needs the usual
    `if __name__ == "__main__":`.
    """

    raw: Path
    out: str = ""
    sources: tuple[str, ...] | None = None
    recipe: Path | None = None
    workers: int = 1
    engine: EngineName = "local"
    codec: Codec = "tif"
    shard_mb: int = 256
    seed: int = 0
    task_index: int | None = None
    task_count: int | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("engine", self.engine, get_args(EngineName)),
            ("codec", self.codec, get_args(Codec)),
        ):
            if value not in known:
                raise ConfigError(f"{name} {value!r}: choose one of {', '.join(known)}")
        for name, number in (("workers", self.workers), ("shard_mb", self.shard_mb)):
            if number < 1:
                raise ConfigError(f"{name} {number}: give at least 1")
        if (self.task_index is None) != (self.task_count is None):
            raise ConfigError("task_index and task_count belong together: give both or neither")
        if self.task_index is not None and self.task_count is not None and not 0 <= self.task_index < self.task_count:
            raise ConfigError(f"task_index {self.task_index}: give 0 to task_count - 1, here {self.task_count - 1}")


def available_cores() -> int:
    """Return the processor cores this process may use, which is fewer than there are under Slurm or taskset."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
