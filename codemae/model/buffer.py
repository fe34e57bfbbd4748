"""What stands between the tokens and the contrastive objective."""

from torch import Tensor, nn

from codemae.model.layers import CrossAttention


class CrossAttentionBuffer(nn.Module):
    """Conditions each modality's tokens on the other's before they are contrasted (paper eq. 3).

    The pressure to agree falls on what attention adds; the tokens themselves stay free to differ.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.crossattn_rgb = _Residual(dim, heads)
        self.crossattn_sar = _Residual(dim, heads)

    def forward(self, optical: Tensor, sar: Tensor) -> tuple[Tensor, Tensor]:
        """Return both `[b, k, dim]`, each conditioned on the other as it came in."""
        return self.crossattn_rgb(optical, sar), self.crossattn_sar(sar, optical)


class _Residual(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.cattn = CrossAttention(dim, heads)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        out: Tensor = x + self.cattn(x, context)
        return out
