"""Which steps of an epoch are paired and which unpaired.

Every 64 consecutive steps hold each kind's share of the epoch to within one step, in an order of their own key. So a
kind can be looked up at any step without the steps before it, and no stretch of training lacks a kind by chance.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from osloader.permute import draw, permute

Kind = Literal["paired", "unpaired"]
_CHUNK = 64  # steps


@dataclass(frozen=True, slots=True)
class Kinds:
    """The order of `paired` and `unpaired` steps that the key names."""

    paired: int
    unpaired: int
    key: int

    def at(self, step: int) -> tuple[Kind, int]:
        """Return the kind of a step and how many of its kind come before it."""
        total = self.paired + self.unpaired
        chunk, place = divmod(step, _CHUNK)
        start, stop = chunk * _CHUNK, min(chunk * _CHUNK + _CHUNK, total)
        before, after = start * self.paired // total, stop * self.paired // total
        order = _order(int(draw(self.key, chunk)[0]), after - before, stop - start)
        earlier = before + sum(order[:place])
        return ("paired", earlier) if order[place] else ("unpaired", step - earlier)


@lru_cache(maxsize=4)
def _order(key: int, paired: int, size: int) -> tuple[bool, ...]:
    """Return for each step of a chunk whether it is paired."""
    return tuple((permute(np.arange(size), size, key) < paired).tolist())
