"""Where this process stands among those of a run, as torchrun says it."""

import os

from osloader.errors import ConfigError

MOST_THREADS = 16


def world_from_environment(rank: int | None, world: int | None) -> tuple[int, int]:
    """Return rank and world size: as given, else RANK and WORLD_SIZE, else 0 of 1.

    Raises ConfigError when only one of them is known or they do not fit.
    """
    if rank is None and world is None:
        rank, world = _number("RANK"), _number("WORLD_SIZE")
    if rank is None and world is None:
        return 0, 1
    if rank is None or world is None or not 0 <= rank < world:
        raise ConfigError(f"rank {rank} of world {world}: give both, rank from 0 (torchrun sets RANK and WORLD_SIZE)")
    return rank, world


def share_of_cores() -> int:
    """Return the cores that this process may count on: those it is allowed, shared with the ranks of this node."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed // max(_number("LOCAL_WORLD_SIZE") or 1, 1), MOST_THREADS))


def _number(name: str) -> int | None:
    text = os.environ.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise ConfigError(f"{name}={text}: not a number; unset it or start with torchrun")
    return int(text)
