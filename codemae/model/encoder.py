"""The encoder: HiViT stages on 4×4 sub-patches, then attention over patches, for either modality or both."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from codemae.errors import InputError
from codemae.masking import Mask
from codemae.model.config import ModelConfig
from codemae.model.embed import PatchEmbed, resize_position, sincos_position
from codemae.model.layers import Block, MlpBlock, PatchMerge


class Trunk(NamedTuple):
    """What the encoder leaves for the pyramid. Rows are images: the optical ones, then the SAR ones.

    tokens `[rows, k, dim]`; middle `[rows, k, 2, 2, dim/2]` and fine `[rows, k, 4, 4, dim/4]` are what each merge took
    in; tap `[rows, k, dim]` is the stream three quarters of the way up, where the auxiliary distillation branches off.
    """

    tokens: Tensor
    middle: Tensor
    fine: Tensor
    tap: Tensor


class Encoder(nn.Module):
    """HiViT (Zhang et al. 2023) with one patch embedding per modality and everything else shared."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        dim, ratio = config.embed_dim, config.bridge_mlp_ratio
        self.patch_embed_rgb = PatchEmbed(config.channels, config.patch_size, dim // 4)
        self.patch_embed_sar = PatchEmbed(config.channels, config.patch_size, dim // 4)
        self.absolute_pos_embed = nn.Parameter(sincos_position(dim, config.side))
        self.blocks = nn.ModuleList(
            [
                *(MlpBlock(dim // 4, ratio) for _ in range(config.mlp_depth)),
                PatchMerge(dim // 4),
                *(MlpBlock(dim // 2, ratio) for _ in range(config.mlp_depth)),
                PatchMerge(dim // 2),
                *(Block(dim, config.heads, config.mlp_ratio) for _ in range(config.depth)),
            ]
        )

    def encode(self, optical: Tensor | None = None, sar: Tensor | None = None) -> Tensor:
        """Return tokens `[rows, n, embed_dim]` of whole images `[b, channels, height, width]`: optical rows, then SAR.

        Either modality or both; sides of any multiple of the patch size, the position embedding is resized to them.
        """
        return self.trunk(optical, sar).tokens

    def pooled(self, optical: Tensor | None = None, sar: Tensor | None = None) -> Tensor:
        """Return one feature per image, `[rows, embed_dim]`: the mean of encode's tokens, as published probes use."""
        return self.encode(optical, sar).mean(dim=1)

    def trunk(self, optical: Tensor | None, sar: Tensor | None, mask: Mask | None = None) -> Trunk:
        """Encode images `[b, channels, height, width]` of one modality or both; mask has a row for each image."""
        images = [image for image in (optical, sar) if image is not None]
        if not images:
            raise InputError("encode: neither optical nor SAR images were given; give one or both")
        height, width = self._grid(images)
        x = torch.cat(
            [
                embed(image)
                for embed, image in ((self.patch_embed_rgb, optical), (self.patch_embed_sar, sar))
                if image is not None
            ]
        )
        position = self._position(height, width, whole=mask is None)
        if mask is not None:
            x = x.gather(1, mask.keep[:, :, None, None, None].expand(-1, -1, *x.shape[2:]))
            position = position[0][mask.keep]
        return self._stages(x, position)

    def _position(self, height: int, width: int, whole: bool) -> Tensor:
        """Return the embedding of a grid of patches, `[1, height × width, dim]`.

        Published weights were trained with it resampled even at its own size, whenever patches are masked: the code
        compares the count of visible patches with that of the grid.
        """
        if whole and height == width == self.config.side:
            return self.absolute_pos_embed
        return resize_position(self.absolute_pos_embed, height, width)

    def _stages(self, x: Tensor, position: Tensor) -> Trunk:
        laterals = []
        count = len(self.blocks) - self.config.depth
        for block in self.blocks[:count]:
            if isinstance(block, PatchMerge):
                laterals.append(x)
            x = block(x)
        x = tap = x[..., 0, 0, :] + position
        for index, block in enumerate(self.blocks[count:]):
            x = block(x)
            if index == int(0.75 * self.config.depth):
                tap = x
        fine, middle = laterals
        return Trunk(x, middle, fine, tap)

    def _grid(self, images: list[Tensor]) -> tuple[int, int]:
        """Return patches down and across, after checking that the images fit the model and each other."""
        patch = self.config.patch_size
        channels, height, width = images[0].shape[1:]
        if channels != self.config.channels or height % patch or width % patch:
            raise InputError(
                f"images of {channels}×{height}×{width}: the model takes {self.config.channels} channels and sides that"
                f" are multiples of {patch}; crop them or repeat the SAR channel"
            )
        if images[-1].shape[1:] != images[0].shape[1:]:
            raise InputError(
                f"SAR images of {tuple(images[-1].shape[1:])} beside optical ones of {tuple(images[0].shape[1:])}:"
                " give both the same size"
            )
        return height // patch, width // patch
