"""The one type between the loader and training."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from osloader.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One rank's micro-batch of b slots, out of the B of a step.

    step counts over the whole run; slot is int64 [b], each sample's place 0 … B−1 in the global batch. optical and sar
    are uint8 [b, views, bands, height, width]; in an unpaired batch they are zipped by chance, in a paired one they
    show one place. optical_source and sar_source, int64 [b], are rows of the loader's normalisation tables.
    """

    step: int
    epoch: int
    kind: Kind
    slot: Tensor
    optical: Tensor
    sar: Tensor
    optical_source: Tensor
    sar_source: Tensor
    optical_key: tuple[str, ...]
    sar_key: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.slot)

    def pin_memory(self) -> "Batch":
        """Return the batch in page-locked memory, from which copies to a CUDA device overlap with computing."""
        return self._each(Tensor.pin_memory)

    def to(self, device: torch.device | str, non_blocking: bool = True) -> "Batch":
        """Return the batch on a device; copies from pinned memory do not wait."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        return replace(
            self,
            slot=change(self.slot),
            optical=change(self.optical),
            sar=change(self.sar),
            optical_source=change(self.optical_source),
            sar_source=change(self.sar_source),
        )
