"""Cross-modal degraded reconstruction: each modality predicts the other's reduced patches (paper eq. 5)."""

from typing import Literal

import torch
from torch import Tensor

from codemae.objectives.target import grey, normalised_targets, patchify


def cross_targets(
    optical: Tensor, sar: Tensor, patch_size: int, reduction: Literal["grey", "none"], norm_pix: bool
) -> Tensor:
    """Return patches `[2b, n, values]` of images `[b, c, h, w]`: SAR for the optical rows, then optical for the SAR.

    values: p² with reduction grey, p² c with none.
    """
    if reduction == "grey":
        optical, sar = grey(optical, "optical"), grey(sar, "sar")
    patches = patchify(torch.cat([sar, optical]), patch_size)
    return normalised_targets(patches) if norm_pix else patches
