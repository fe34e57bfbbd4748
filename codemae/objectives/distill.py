"""Optical-anchored distillation: visible optical tokens follow a frozen teacher's (paper eq. 2)."""

from torch import Tensor
from torch.nn.functional import smooth_l1_loss


def distillation_loss(main: Tensor, auxiliary: Tensor, teacher: Tensor, keep: Tensor) -> Tensor:
    """Return the smooth L1 errors of both heads `[b, k, width]`, added, as published; the paper writes one, plain L1.

    teacher: tokens of all patches `[b, n, width]`, row-major; keep: int64 `[b, k]`, the visible ones.
    """
    target = teacher.gather(1, keep[:, :, None].expand(-1, -1, teacher.shape[2]))
    return smooth_l1_loss(main, target) + smooth_l1_loss(auxiliary, target)
