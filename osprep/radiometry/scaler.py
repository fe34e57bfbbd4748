"""Applying radiometry, once it is fitted to a scene.

A valid pixel that is rescaled becomes `floor`..255, rounded half to even; `floor` is 1 where 0 stands for invalid
pixels, else 0. An invalid pixel becomes 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from osprep.scene import Mask, Pixels

Values = npt.NDArray[Any]
Block = tuple[Values, Mask]

TOP = 255


@dataclass(frozen=True, slots=True)
class Scaler:
    """A recipe fitted to a scene. `scale`: low and high end of each band, band by band; empty for `pass`.

    `warning`: what a human should know of how the scene was taken.
    `apply` takes values [height, width, bands] and the mask of valid pixels [height, width], and gives uint8.
    """

    apply: Callable[[Values, Mask], Pixels]
    scale: tuple[float, ...] = ()
    warning: str = ""


def stretch(
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    floor: int,
    transform: Callable[[Values], Values] = lambda values: values,
) -> Scaler:
    """Return floor + (value - low) / (high - low) · (255 - floor), clipped; a step at `low` where the ends coincide."""
    span = high - low

    def apply(values: Values, valid: Mask) -> Pixels:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            above = transform(values.astype(np.float64)) - low
            share = np.where(span > 0, above / np.where(span > 0, span, 1.0), above > 0)
        return eight_bits(floor + share * (TOP - floor), valid, floor)

    return Scaler(apply, tuple(np.stack([low, high], 1).ravel().tolist()))


def eight_bits(steps: npt.NDArray[np.float64], valid: Mask, floor: int) -> Pixels:
    """Return steps clipped to floor..255 and rounded half to even; 0 where invalid."""
    clipped = np.clip(np.where(valid[..., None], steps, 0.0), floor, TOP)
    return np.where(valid[..., None], np.rint(clipped), 0).astype(np.uint8)
