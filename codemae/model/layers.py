"""The blocks that every part of the model is built from. Attribute names are the published state-dict keys."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

EPS = 1e-6


class Mlp(nn.Module):
    """Two linear layers with an exact GELU between them."""

    def __init__(self, dim: int, ratio: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, int(dim * ratio))
        self.act = nn.GELU()
        self.fc2 = nn.Linear(int(dim * ratio), dim)

    def forward(self, x: Tensor) -> Tensor:
        """`[..., dim]` to the same."""
        out: Tensor = self.fc2(self.act(self.fc1(x)))
        return out


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """`[rows, tokens, dim]` to the same."""
        query, key, value = self.qkv(x).chunk(3, dim=-1)
        out: Tensor = self.proj(attend(query, key, value, self.heads))
        return out


class CrossAttention(nn.Module):
    """Attention from one token set to another, each normalised first.

    These two norms keep PyTorch's eps of 1e-5 where all others have 1e-6: published so.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.n_q = nn.LayerNorm(dim)
        self.n_kv = nn.LayerNorm(dim)
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Queries `[rows, tokens, dim]`, context `[rows, others, dim]`, to the queries' shape."""
        key, value = self.kv(self.n_kv(context)).chunk(2, dim=-1)
        out: Tensor = self.proj(attend(self.q(self.n_q(x)), key, value, self.heads))
        return out


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Attend head by head; `[rows, tokens, dim]` each, the heads side by side in dim."""
    query, key, value = (part.reshape(*part.shape[:2], heads, -1).transpose(1, 2) for part in (query, key, value))
    return scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


class MlpBlock(nn.Module):
    """A residual MLP: the stages above 16 pixels and the pyramid mix channels only."""

    def __init__(self, dim: int, ratio: float) -> None:
        super().__init__()
        self.norm2 = nn.LayerNorm(dim, EPS)
        self.mlp = Mlp(dim, ratio)

    def forward(self, x: Tensor) -> Tensor:
        """`[..., dim]` to the same."""
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, dim: int, heads: int, ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, EPS)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, EPS)
        self.mlp = Mlp(dim, ratio)

    def forward(self, x: Tensor) -> Tensor:
        """`[rows, tokens, dim]` to the same."""
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class PatchMerge(nn.Module):
    """Join 2×2 sub-patches into one of twice the width."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim, EPS)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[rows, tokens, s, s, dim]` to `[rows, tokens, s/2, s/2, 2 dim]`."""
        corners = [x[..., row::2, col::2, :] for col in (0, 1) for row in (0, 1)]
        out: Tensor = self.reduction(self.norm(torch.cat(corners, dim=-1)))
        return out


class PatchSplit(nn.Module):
    """Spread a sub-patch over 2×2."""

    def __init__(self, dim: int, out: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, EPS)
        self.reduction = nn.Linear(dim, 4 * out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[rows, tokens, s, s, dim]` to `[rows, tokens, 2 s, 2 s, out]`."""
        rows, tokens, side, _, _ = x.shape
        quads = self.reduction(self.norm(x)).reshape(rows, tokens, side, side, 2, 2, -1)
        out: Tensor = quads.transpose(3, 4).reshape(rows, tokens, 2 * side, 2 * side, -1)
        return out


def initialise(module: nn.Module) -> None:
    """Draw a layer's weights as published: linear N(0, 0.02²) truncated, biases 0; convolutions keep PyTorch's."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
