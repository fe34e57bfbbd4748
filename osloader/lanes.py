"""How the sequence of an epoch is cut into lanes and windows, and which slots of a step read where.

The first S·B positions are cut into L lanes of equal length. Every step takes B/L consecutive positions of each lane;
slots count lane by lane, so a contiguous slice of the slots touches as few lanes as it can. Within a lane, windows are
what is permuted. The first window of lane l ends at ⌊l·w/L⌋ (at w for lane 0), so that lanes ask for their next window
at different steps.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from osloader.permute import Ints, Words, draw, permute

MOST_LANES = 256
N = TypeVar("N", int, Ints)


class Places(NamedTuple):
    """Where samples stand: int64 arrays of lane, window within the lane, and position in the sequence."""

    lane: Ints
    window: Ints
    position: Ints


@dataclass(frozen=True, slots=True)
class Lanes:
    """`count` lanes of `length` positions each, `share` of which are one step's, and the longest window, `width`."""

    count: int
    length: int
    share: int
    width: int

    def windows(self, lane: int) -> int:
        """Return how many windows the lane has."""
        return -(-(self.length + self._lead(lane)) // self.width)

    def bounds(self, lane: int, window: int) -> tuple[int, int]:
        """Return the first position of a window in the sequence and the one past its last."""
        start = window * self.width - self._lead(lane)
        return lane * self.length + max(start, 0), lane * self.length + min(start + self.width, self.length)

    def places(self, step: int, slots: Ints, key: int) -> Places:
        """Return where these slots of a step read; key permutes the windows."""
        lane = slots // self.share
        place = step * self.share + slots % self.share
        lead = self._lead(lane)
        window = (place + lead) // self.width
        start = (window * self.width - lead).clip(min=0)
        stop = (window * self.width - lead + self.width).clip(max=self.length)
        keys: Words = draw(key, (lane << 32) + window)
        return Places(lane, window, lane * self.length + start + permute(place - start, stop - start, keys))

    def _lead(self, lane: N) -> N:
        """Return how much the first window of a lane falls short of the full width."""
        return -(lane * self.width // self.count) % self.width


def lay(steps: int, batch: int, width: int) -> Lanes:
    """Cut steps · batch positions into lanes: the most, up to 256, that is a power of two and divides batch.

    The number is halved while lanes are shorter than a window of `width`.
    """
    count = MOST_LANES
    while count > 1 and (batch % count or steps * batch // count < width):
        count //= 2
    return Lanes(count=count, length=steps * batch // count, share=batch // count, width=width)
