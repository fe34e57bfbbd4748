"""Dealing scenes to shards: pure, the same on every machine, free of what is later observed."""

import hashlib
from collections.abc import Mapping
from statistics import median_low


def rank(seed: int, *names: str) -> bytes:
    """Return a pseudo-random sort key of a name: SHA-256 over seed and names, so it depends on nothing else."""
    return hashlib.sha256("\0".join((str(seed), *names)).encode()).digest()


def scene_bytes(measured: Mapping[str, int | None], remembered: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes that the scenes of one source, split and kind count for, by name.

    `measured` is None where a header could not be read: such a scene counts as the median of the others, 0 when there
    are none. Scenes that failed in an earlier run are in `remembered` and keep what they counted for then, even when
    they are gone now: to repair or remove one moves no other scene to another shard.
    """
    known = [size for name, size in measured.items() if size is not None and name not in remembered]
    typical = median_low(known) if known else 0
    return {name: typical if size is None else size for name, size in measured.items()} | dict(remembered)


def deal(sizes: Mapping[str, int], target: int, seed: int, *where: str) -> list[tuple[str, ...]]:
    """Deal scenes whole, in seeded order, to groups of about `target` bytes each; return their names.

    No group is empty; each holds at most its even share of all bytes plus one scene. `where` (source, split) gives
    each its own order. The order of `sizes` does not matter.
    """
    total = sum(sizes.values())
    count = max(-(-total // target), 1)
    groups: dict[int, list[str]] = {}
    before = 0
    for name in sorted(sizes, key=lambda name: rank(seed, *where, name)):
        group = (2 * before + sizes[name]) * count // (2 * total) if total else 0
        groups.setdefault(min(group, count - 1), []).append(name)
        before += sizes[name]
    return [tuple(group) for _, group in sorted(groups.items())]
