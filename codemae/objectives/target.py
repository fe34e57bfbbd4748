"""What decoders are to predict: patches, reduced and normalised."""

import torch
from torch import Tensor

from manifests import Modality

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_EPS = 1e-6


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images `[b, c, height, width]` into patches `[b, n, p² c]`, row by row; a patch is (row, column, band)."""
    b, c, height, width = images.shape
    cells = images.reshape(b, c, height // patch_size, patch_size, width // patch_size, patch_size)
    return cells.permute(0, 2, 4, 3, 5, 1).reshape(b, -1, patch_size**2 * c)


def unpatchify(patches: Tensor, patch_size: int, height: int, width: int) -> Tensor:
    """Lay patches `[b, n, p² c]` out as images `[b, c, height, width]`, the sides in pixels; undoes patchify."""
    cells = patches.reshape(len(patches), height // patch_size, width // patch_size, patch_size, patch_size, -1)
    return cells.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), -1, height, width)


def patch_statistics(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation `[..., 1]` of each patch, as published: variance unbiased, plus 1e-6."""
    variance, mean = torch.var_mean(patches, dim=-1, keepdim=True)
    return mean, (variance + _EPS).sqrt()


def normalised_targets(patches: Tensor) -> Tensor:
    """Return patches `[..., values]` each less its mean and over its standard deviation."""
    mean, deviation = patch_statistics(patches)
    return (patches - mean) / deviation


def grey(images: Tensor, modality: Modality) -> Tensor:
    """Reduce images `[b, 3, h, w]` to `[b, 1, h, w]`: the luma of optical bands, the mean of SAR ones.

    As published it is taken of images already standardised band by band, so it is not the luma of the picture.
    """
    if modality == "sar":
        return images.mean(dim=1, keepdim=True)
    red, green, blue = _LUMA
    return red * images[:, 0:1] + green * images[:, 1:2] + blue * images[:, 2:3]
