"""Random crops of uint8 images by OpenCV, drawn from keys and not from state.

RandomResizedCrop as in torchvision and albumentations: ten tries of an area in `scale` and an aspect in `ratio`, then
the largest centred box of an allowed aspect. Bicubic without antialiasing, as the reference implementation resizes.
"""

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Drawn = Literal["pair", "optical", "sar"]
TRIES = 10
_DOMAIN = 0x63726F70  # "crop": no other use of a seed draws the same numbers
_NUMBER: dict[Drawn, int] = {"pair": 0, "optical": 1, "sar": 2}
_PER_WORD = 4  # Philox gives four 64-bit numbers for each value of its counter


@dataclass(frozen=True, slots=True, kw_only=True)
class CropConfig:
    """Output side in pixels; ranges of the crop's share of the area and of width over height; probability of a flip."""

    size: int = 224
    scale: tuple[float, float] = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5


@dataclass(frozen=True, slots=True)
class Box:
    """A crop in pixels of the image, and whether it is mirrored left to right afterwards."""

    top: int
    left: int
    height: int
    width: int
    flip: bool


def crop_box(
    seed: int, step: int, slot: int, drawn: Drawn, view: int, height: int, width: int, config: CropConfig
) -> Box:
    """Return the crop of one image (or, drawn as "pair", of both), a function of its arguments alone.

    Numbers come from Philox 4×64 (Salmon et al., SC 2011) keyed by the seed, with step, slot, modality and view as
    counter: threads, world size and resuming cannot change them.
    """
    counter = [0, step, slot, _NUMBER[drawn] << 32 | view]
    words = np.random.Philox(key=[seed, _DOMAIN], counter=counter).random_raw(2 * TRIES + _PER_WORD)
    uniform = ((words >> np.uint64(11)) * 2.0**-53).tolist()
    flip = uniform[2] < config.flip
    low, high = math.log(config.ratio[0]), math.log(config.ratio[1])
    for attempt in range(TRIES):
        first = _PER_WORD + 2 * attempt
        area = height * width * (config.scale[0] + (config.scale[1] - config.scale[0]) * uniform[first])
        aspect = math.exp(low + (high - low) * uniform[first + 1])
        across, down = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < across <= width and 0 < down <= height:
            top, left = int(uniform[0] * (height - down + 1)), int(uniform[1] * (width - across + 1))
            return Box(top, left, down, across, flip)
    down, across = _largest(height, width, config.ratio)
    return Box((height - down) // 2, (width - across) // 2, down, across, flip)


def resize_into(pixels: Pixels, box: Box, out: Pixels) -> None:
    """Crop pixels [height, width, bands], resize to out [bands, size, size] and mirror it when the box says so."""
    crop = pixels[box.top : box.top + box.height, box.left : box.left + box.width]
    resized = cv2.resize(crop, (out.shape[2], out.shape[1]), interpolation=cv2.INTER_CUBIC)
    if box.flip:
        resized = cv2.flip(resized, 1)
    if out.shape[0] == 1:
        out[0] = resized
    else:
        cv2.split(resized, list(out))


def _largest(height: int, width: int, ratio: tuple[float, float]) -> tuple[int, int]:
    aspect = width / height
    if aspect < ratio[0]:
        return min(max(round(width / ratio[0]), 1), height), width
    if aspect > ratio[1]:
        return height, min(max(round(height * ratio[1]), 1), width)
    return height, width
