"""An objective that a step leaves out."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def absent_loss(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Return a loss of exactly 0 that gives each parameter (one at least) a gradient of zeros, and computes nothing.

    With no gradient at all the optimiser would skip these parameters and DDP would wait for them.
    """
    out: Tensor = _Absent.apply(*parameters)  # type: ignore[no-untyped-call]
    return out


class _Absent(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(*parameters)
        return parameters[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.zeros_like(parameter) for parameter in ctx.saved_tensors)
