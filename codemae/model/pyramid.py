"""The feature pyramid on top of the encoder, as in iTPN (Tian et al. 2023)."""

from torch import Tensor, nn

from codemae.model.config import ModelConfig
from codemae.model.encoder import Encoder, Trunk
from codemae.model.layers import MlpBlock, PatchSplit

Levels = tuple[Tensor, Tensor, Tensor]


class PyramidEncoder(Encoder):
    """The encoder and its top-down path to strides 16, 8 and 4."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        dim, width, ratio = config.embed_dim, config.fpn_dim, config.mlp_ratio
        # Published without a projection where the widths agree, so there is no key to load then.
        self.align_dim_16tofpn = nn.Linear(dim, width) if dim != width else nn.Identity()
        self.align_dim_16to8 = nn.Linear(dim // 2, width, bias=False)
        self.align_dim_8to4 = nn.Linear(dim // 4, width, bias=False)
        self.split_16to8 = PatchSplit(dim, width)
        self.split_8to4 = PatchSplit(width, width)
        self.block_16to8 = nn.Sequential(*(MlpBlock(width, ratio) for _ in range(config.fpn_depth)))
        self.block_8to4 = nn.Sequential(*(MlpBlock(width, ratio) for _ in range(config.fpn_depth)))
        self.fpn_modules = nn.ModuleList(MlpBlock(width, ratio) for _ in range(3))

    def pyramid(self, trunk: Trunk) -> Levels:
        """Return the levels `[rows, k, s, s, fpn_dim]` with s = 1, 2, 4 sub-patches along a patch's side."""
        top = trunk.tokens[:, :, None, None]
        middle = self.block_16to8(self.split_16to8(top) + self.align_dim_16to8(trunk.middle))
        fine = self.block_8to4(self.split_8to4(middle) + self.align_dim_8to4(trunk.fine))
        coarse_out, middle_out, fine_out = self.fpn_modules
        return coarse_out(self.align_dim_16tofpn(top)), middle_out(middle), fine_out(fine)
