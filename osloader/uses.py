"""How often an epoch uses each sample: source weights.

A source of n samples with weight q gives u = ⌈q·n⌉ uses to every epoch, q taken as the decimal number it is written
as: ⌊u/n⌋ whole copies, and the rest from an endless round over its shards in a keyed order, taken up where the epoch
before left it. So uses differ by at most one within an epoch and over any number of epochs, a source of positive
weight is never absent, and the epoch's number alone says where the round stands.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from osloader.errors import PlanError
from osloader.permute import Ints, derive, permute
from osloader.sequence import Segments


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Samples per shard, after selection, int64 [shards], and each shard's source (needed with weights only)."""

    lengths: Ints
    sources: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.lengths.ndim != 1 or self.lengths.dtype != np.int64 or (self.lengths < 0).any():
            raise PlanError("Stream.lengths: give one number of samples per shard, int64 and not negative")
        if self.sources is not None and len(self.sources) != len(self.lengths):
            raise PlanError(
                f"Stream.sources: {len(self.sources)} sources for {len(self.lengths)} shards; give one each"
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """The round over one source: its shards in order, their lengths, and the uses that an epoch takes from it."""

    shards: Ints
    lengths: Ints
    uses: int

    def segments(self, epoch: int) -> list[tuple[Ints, Ints, Ints]]:
        """Return shard, start and length of an epoch's ranges; the round may come past its end once."""
        total = int(self.lengths.sum())
        begin = epoch * self.uses % total
        offsets = np.cumsum(self.lengths) - self.lengths
        found = []
        for low, high in (begin, min(begin + self.uses, total)), (0, begin + self.uses - total):
            start = np.maximum(offsets, low)
            length = np.minimum(offsets + self.lengths, high) - start
            some = length > 0
            found.append((self.shards[some], (start - offsets)[some], length[some]))
        return found


class Uses:
    """The samples of a stream under the weights; `samples` is their number in every epoch."""

    def __init__(self, stream: Stream, weights: Mapping[str, float], key: int) -> None:
        self._lengths = stream.lengths
        self._copies: Ints | None = None
        self._rounds: list[_Round] = []
        self.samples = int(stream.lengths.sum())
        if any(weight != 1 for weight in weights.values()):
            names = sorted(weights)  # the order of a mapping must not matter
            self._weigh(_codes(stream, names), [weights[name] for name in names], key)

    def _weigh(self, codes: Ints, weights: Sequence[float], key: int) -> None:
        self._copies = np.ones(len(self._lengths), np.int64)
        for number, weight in enumerate(weights):
            shards = np.flatnonzero((codes == number) & (self._lengths > 0))
            total = int(self._lengths[shards].sum())
            if total:
                uses = math.ceil(Fraction(str(weight)) * total)
                self._copies[shards], rest = divmod(uses, total)
                shards = shards[permute(np.arange(len(shards)), len(shards), derive(key, number))]
                self._rounds.append(_Round(shards, self._lengths[shards], rest))
                self.samples += uses - total

    def segments(self, epoch: int) -> Segments:
        """Return what an epoch uses: whole copies of shards in their order, then the ranges of the rounds."""
        shards = np.arange(len(self._lengths))
        if self._copies is None:
            return Segments(shards, np.zeros(len(shards), np.int64), self._lengths)
        whole = np.repeat(shards, self._copies)
        parts = [(whole, np.zeros(len(whole), np.int64), self._lengths[whole])]
        for each in self._rounds:
            parts += each.segments(epoch)
        return Segments(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _codes(stream: Stream, names: Sequence[str]) -> Ints:
    """Return for each shard the place of its source among the names, −1 where it has none."""
    if stream.sources is None:
        raise PlanError("weights: a stream does not name its shards' sources; give Stream(lengths, sources)")
    numbers = {source: number for number, source in enumerate(names)}
    return np.array([numbers.get(source, -1) for source in stream.sources], np.int64)
