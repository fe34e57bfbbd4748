"""Masked reconstruction: the loss of every decoder, and the targets of the self decoder (paper eq. 1)."""

import torch
from torch import Tensor

from codemae.objectives.target import normalised_targets, patchify


def self_targets(optical: Tensor, sar: Tensor, patch_size: int, norm_pix: bool) -> Tensor:
    """Return patches `[2b, n, p² c]` of images `[b, c, h, w]`: the optical ones, then the SAR ones."""
    patches = patchify(torch.cat([optical, sar]), patch_size)
    return normalised_targets(patches) if norm_pix else patches


def reconstruction_loss(prediction: Tensor, target: Tensor, removed: Tensor) -> Tensor:
    """Return the squared error, `[rows, n, values]`, averaged over the removed patches of all rows.

    removed: bool `[rows, n]`. Averaging over both modalities is what the published code does; the paper sums them.
    """
    error = (prediction - target).square().mean(dim=-1)
    return (error * removed).sum() / removed.sum()
