"""From pixels to sub-patches, and where each patch stands."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from codemae.model.layers import EPS

SUB_PATCHES = 4  # along a side of a patch


class PatchEmbed(nn.Module):
    """One modality's embedding: a strided convolution that cuts each patch into 4×4 sub-patches."""

    def __init__(self, channels: int, patch_size: int, dim: int) -> None:
        super().__init__()
        stride = patch_size // SUB_PATCHES
        self.proj = nn.Conv2d(channels, dim, kernel_size=stride, stride=stride)
        self.norm = nn.LayerNorm(dim, EPS)

    def forward(self, images: Tensor) -> Tensor:
        """`[b, channels, height, width]` to `[b, patches, 4, 4, dim]`, patches row by row."""
        cells = self.proj(images)
        b, dim, height, width = cells.shape
        cells = cells.reshape(b, dim, height // SUB_PATCHES, SUB_PATCHES, width // SUB_PATCHES, SUB_PATCHES)
        out: Tensor = self.norm(cells.permute(0, 2, 4, 3, 5, 1).flatten(1, 2))
        return out


def sincos_position(dim: int, side: int) -> Tensor:
    """Return fixed sine-cosine embeddings `[1, side², dim]` of a square grid, as in MAE (He et al. 2022).

    The first half of a vector tells the column, the second the row.
    """
    frequency = 10000 ** -(torch.arange(dim // 4, dtype=torch.float64) / (dim / 4))
    angle = torch.arange(side, dtype=torch.float64)[:, None] * frequency
    line = torch.cat([angle.sin(), angle.cos()], dim=1)
    grid = torch.cat([line[None, :].expand(side, -1, -1), line[:, None].expand(-1, side, -1)], dim=2)
    return grid.flatten(0, 1)[None].float()


def resize_position(position: Tensor, height: int, width: int) -> Tensor:
    """Resample embeddings `[1, side², dim]` of a square grid to `[1, height × width, dim]`, bicubic.

    The scale is that of a target 0.1 larger, as published, so even the grid's own size does not come back unchanged.
    """
    side = round(position.shape[1] ** 0.5)
    grid = position.transpose(1, 2).reshape(1, -1, side, side)
    scale = ((height + 0.1) / side, (width + 0.1) / side)
    return interpolate(grid, scale_factor=scale, mode="bicubic").flatten(2).transpose(1, 2)
