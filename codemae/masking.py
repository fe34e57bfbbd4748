"""Which patches of a pair the encoder sees, as a pure function of seed, step and slot."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Words = npt.NDArray[np.uint64]

_STREAM = 0x6D61736B  # keeps masks apart from whatever else is drawn from the same (seed, step, slot)
_GAMMA = 0x9E3779B97F4A7C15  # SplitMix64: 2**64 over the golden ratio
_64_BITS = 2**64 - 1


class Mask(NamedTuple):
    """Masks of b slots over n patches in row-major order, one for both modalities of a slot.

    keep: int64 `[b, k]`, the visible patches in shuffled order. restore: int64 `[b, n]`, where patch i stands once the
    removed ones are appended to the kept. removed: bool `[b, n]`.
    """

    keep: Tensor
    restore: Tensor
    removed: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Mask":
        """Return the same masks on a device."""
        return Mask(*(part.to(device, non_blocking=non_blocking) for part in self))

    def for_both(self) -> "Mask":
        """Return the masks of 2b rows: the optical images' and, once more, the SAR images'."""
        return Mask(*(torch.cat([part, part]) for part in self))


def keyed_masks(seed: int, step: int, slots: Tensor, patches: int, mask_ratio: float) -> Mask:
    """Draw the masks of one step's slots: each depends on (seed, step, its slot) alone.

    World size, batch composition and device do not enter. slots: int64 `[b]` on the CPU, places in the global batch.
    Of n = patches, `int(n * (1 - mask_ratio))` stay visible. The masks are on the CPU.
    """
    noise = _noise(seed, step, slots.numpy().astype(np.uint64), patches)
    order = torch.from_numpy(np.argsort(noise, axis=1, kind="stable"))
    return mask_from_order(order, kept(patches, mask_ratio))


def kept(patches: int, mask_ratio: float) -> int:
    """Return how many of n patches stay visible, as published: rounded down in float64."""
    return int(patches * (1 - mask_ratio))


def mask_from_order(order: Tensor, keep: int) -> Mask:
    """Make masks that keep the first patches of a shuffled order, int64 `[b, n]`."""
    restore = order.argsort(dim=1)
    return Mask(order[:, :keep].contiguous(), restore, restore >= keep)


def _noise(seed: int, step: int, slots: Words, count: int) -> Words:
    """Return uniform 64-bit words `[b, count]`; SplitMix64 (Steele et al. 2014) with the counter hashed in turns."""
    key = np.zeros(1, np.uint64)
    for part in (_STREAM, seed, step):
        key = _mix(key + np.uint64(part & _64_BITS) + np.uint64(_GAMMA))
    keys = _mix(key + slots + np.uint64(_GAMMA))
    counter = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GAMMA)
    return _mix(keys[:, None] + counter)


def _mix(word: Words) -> Words:
    """Scramble 64-bit words so that each input bit reaches every output bit."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
