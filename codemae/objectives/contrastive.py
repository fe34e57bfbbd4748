"""Conditioned contrastive learning: a pair's two embeddings agree against all others' (paper eq. 4), over all ranks."""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, distributed
from torch.nn.functional import cross_entropy, normalize


def contrastive_loss(optical: Tensor, sar: Tensor, temperature: float, gather: Literal["exact", "published"]) -> Tensor:
    """Return the symmetric cross entropy between a rank's embeddings `[b, dim]` and those of all ranks.

    Row i of both is one pair; b is the same on every rank. The mean of the ranks' losses is the loss of the joined
    batch. With `exact` the mean of the ranks' parameter gradients, which DDP takes, is that loss's gradient too; with
    `published` gathered embeddings are constants, so over more than one rank gradient reaches queries only.
    """
    # Published in float32, whatever the rest is computed in.
    scale = float(np.float32(1 / temperature))
    with torch.autocast(optical.device.type, enabled=False):
        # One collective for both modalities, and logits never in half precision.
        units = torch.cat([unit(optical), unit(sar)], dim=1)
        optical, sar = units.chunk(2, dim=1)
        all_optical, all_sar = gather_rows(units, exact=gather == "exact").chunk(2, dim=1)
        labels = torch.arange(len(units), device=units.device) + len(units) * _rank()
        return (
            cross_entropy(scale * optical @ all_sar.T, labels) + cross_entropy(scale * sar @ all_optical.T, labels)
        ) / 2


def unit(embeddings: Tensor) -> Tensor:
    """Scale embeddings `[b, dim]` to length 1, in float32 at least."""
    return normalize(embeddings.to(torch.promote_types(embeddings.dtype, torch.float32)), dim=-1)


def gather_rows(rows: Tensor, exact: bool) -> Tensor:
    """Stack the rows `[b, dim]` of all ranks, `[world · b, dim]`; the rows themselves in a single process.

    exact: let gradient flow to the rank each row came from.
    """
    if _world() == 1:
        return rows
    if exact:
        out: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
        return out
    return _all_gather(rows.detach())


class _Gather(torch.autograd.Function):
    """All-gather whose gradient is summed over the ranks: each of them used every row."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return _all_gather(rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        total = grads[0].contiguous()
        distributed.all_reduce(total)
        return total.chunk(_world())[_rank()]


def _all_gather(rows: Tensor) -> Tensor:
    parts = [torch.empty_like(rows) for _ in range(_world())]
    distributed.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


def _world() -> int:
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def _rank() -> int:
    return distributed.get_rank() if _world() > 1 else 0
