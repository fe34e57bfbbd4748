"""The virtual sequence of a stream in one epoch: blocks in a keyed order, found without writing the order down.

A block is 64 consecutive samples of a segment of a shard; the last of a segment may be short. Prefix sums over the
permuted lengths say where a position lies, and only short blocks make them differ from multiples of 64. There is at
most one short block per segment, so it is enough to know where these land, which the inverse permutation tells point
by point: between two of them every block is full and division does the rest. 16 bytes per short block take the place
of 8 per block, and a position is found by two binary searches and one evaluation of the permutation.
"""

from dataclasses import dataclass

import numpy as np

from osloader.permute import Ints, draw, invert, permute

BLOCK = 64  # samples


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Ranges of samples: int64 arrays of shard, first sample in the shard, and number of samples."""

    shard: Ints
    start: Ints
    length: Ints


class Sequence:
    """All samples of the segments, once per pass; each pass permutes their blocks anew.

    `reach` is the number of positions that will be asked for; passes are made until they hold it. Memory: 16 bytes per
    pass and short block, 32 per segment.
    """

    def __init__(self, segments: Segments, reach: int, key: int) -> None:
        blocks = -(-segments.length // BLOCK)
        self._segments, self._key = segments, key
        self._first = np.cumsum(blocks) - blocks
        self._blocks = int(blocks.sum())
        passes = -(-reach // int(segments.length.sum()))
        short = np.flatnonzero(segments.length % BLOCK)
        self._ends, self._after = self._short(
            self._first[short] + blocks[short] - 1, BLOCK - segments.length[short] % BLOCK, passes
        )

    def _short(self, blocks: Ints, missing: Ints, passes: int) -> tuple[Ints, Ints]:
        """Return for each short block, in sequence order after a leading 0, the position and the block past its end."""
        turn = np.repeat(np.arange(passes), len(blocks))
        after = invert(np.tile(blocks, passes), self._blocks, draw(self._key, turn)) + turn * self._blocks + 1
        order = np.argsort(after)
        after = after[order]
        ends = after * BLOCK - np.cumsum(np.tile(missing, passes)[order])
        return np.concatenate([[0], ends]), np.concatenate([[0], after])

    def locate(self, positions: Ints) -> tuple[Ints, Ints]:
        """Return the shards and the indices of the samples inside them."""
        before = np.searchsorted(self._ends, positions, side="right") - 1
        ahead = positions - self._ends[before]
        turn, place = np.divmod(self._after[before] + ahead // BLOCK, self._blocks)
        block = permute(place, self._blocks, draw(self._key, turn))
        segment = np.searchsorted(self._first, block, side="right") - 1
        index = self._segments.start[segment] + (block - self._first[segment]) * BLOCK + ahead % BLOCK
        return self._segments.shard[segment], index
