"""Decoders on top of the pyramid: for a modality's own pixels and for the other modality's reduced ones."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from codemae.masking import Mask
from codemae.model.config import ModelConfig
from codemae.model.embed import sincos_position
from codemae.model.layers import EPS, Block
from codemae.model.pyramid import Levels, PyramidEncoder

SELF, CROSS = "", "_cross"  # tasks, as they stand in the published keys: decoder_blocks, decoder_blocks_cross


class MaskedAutoencoder(PyramidEncoder):
    """The pyramid encoder with its decoders, whose parts carry task and modality as a suffix: `mask_token_cross_sar`.

    A shared decoder has no modality in its names and serves both; its tasks share the level projections too.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.streams = ("",) if config.shared_decoder else ("_rgb", "_sar")
        self.decoder_pos_embed = nn.Parameter(sincos_position(config.decoder_dim, config.side), requires_grad=False)
        for stream in self.streams:
            setattr(self, f"decoder_embed{stream}", _level_projections(config))
            if config.mae:
                self._add_decoder(stream, config.patch_values)
            if config.cross:
                self._add_decoder(CROSS + stream, config.cross_values)
                if not config.shared_decoder:
                    setattr(self, f"decoder_embed{CROSS}{stream}", _level_projections(config))

    def _add_decoder(self, suffix: str, values: int) -> None:
        config, dim = self.config, self.config.decoder_dim
        blocks = (Block(dim, config.decoder_heads, config.mlp_ratio) for _ in range(config.decoder_depth))
        setattr(self, f"mask_token{suffix}", nn.Parameter(torch.empty(1, 1, dim).normal_(std=0.02)))
        setattr(self, f"decoder_blocks{suffix}", nn.ModuleList(blocks))
        setattr(self, f"decoder_norm{suffix}", nn.LayerNorm(dim, EPS))
        setattr(self, f"decoder_pred{suffix}", nn.Linear(dim, values))

    def fuse(self, levels: Levels, task: str = SELF) -> Tensor:
        """Project the levels to decoder tokens and sum them: `[rows, k, decoder_dim]`, visible patches only."""
        embed = f"decoder_embed{task}"
        return self._by_stream(levels, lambda stream, parts: _sum_levels(getattr(self, embed + stream), parts))

    def decode(self, visible: Tensor, mask: Mask, task: str) -> Tensor:
        """Predict every patch, in row-major order: `[rows, k, decoder_dim]` to `[rows, n, values]`."""
        return self._by_stream(
            (visible, mask.restore), lambda stream, parts: self._decode_stream(task + stream, parts[0], parts[1])
        )

    def _decode_stream(self, suffix: str, visible: Tensor, restore: Tensor) -> Tensor:
        # Every level brings its mask token to the published sum, so a removed patch holds three of them.
        token = 3 * getattr(self, f"mask_token{suffix}")
        removed = token.expand(len(visible), restore.shape[1] - visible.shape[1], -1)
        x = torch.cat([visible, removed], dim=1)
        x = x.gather(1, restore[:, :, None].expand(-1, -1, x.shape[2])) + self.decoder_pos_embed
        for block in getattr(self, f"decoder_blocks{suffix}"):
            x = block(x)
        out: Tensor = getattr(self, f"decoder_pred{suffix}")(getattr(self, f"decoder_norm{suffix}")(x))
        return out

    def _by_stream(self, rows: Sequence[Tensor], work: Callable[[str, Sequence[Tensor]], Tensor]) -> Tensor:
        """Send all rows to the one shared part, or the optical half and the SAR half each to its own."""
        if self.config.shared_decoder:
            return work("", rows)
        halves = zip(*(part.chunk(2) for part in rows), strict=True)
        return torch.cat([work(stream, half) for stream, half in zip(self.streams, halves, strict=True)])


def _level_projections(config: ModelConfig) -> nn.ModuleList:
    """Make one projection per level; the sub-tokens of a patch, side by side, have decoder_dim numbers on each."""
    return nn.ModuleList(
        nn.Sequential(nn.LayerNorm(config.fpn_dim, EPS), nn.Linear(config.fpn_dim, config.decoder_dim // cells))
        for cells in (1, 4, 16)
    )


def _sum_levels(projections: nn.ModuleList, levels: Sequence[Tensor]) -> Tensor:
    coarse, middle, fine = (projection(level).flatten(2) for projection, level in zip(projections, levels, strict=True))
    out: Tensor = coarse + middle + fine
    return out
