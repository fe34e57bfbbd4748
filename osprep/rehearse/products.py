"""What providers make of a scene: photographs, amplitude pictures, calibrated decibels."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from osprep.rehearse.simulator import POLARISATIONS, SimulatedScene

_BRIGHT = 0.85  # amplitude that is shown white


def photograph(scene: SimulatedScene) -> npt.NDArray[np.uint8]:
    """Return uint8 [height, width, 3] in R, G, B."""
    return np.ascontiguousarray(scene.optical[..., :3])


def amplitude(scene: SimulatedScene, polarisation: str = "HH") -> npt.NDArray[np.uint8]:
    """Return the picture of a radar image, uint8 [height, width]: amplitude, clipped where echoes are very strong."""
    intensity = scene.sar[..., POLARISATIONS.index(polarisation)]
    pixels: npt.NDArray[np.uint8] = np.clip(np.sqrt(intensity) * (255 / _BRIGHT), 1, 255).astype(np.uint8)
    return pixels


def decibels(scene: SimulatedScene) -> npt.NDArray[np.float32]:
    """Return backscatter in dB to a hundredth, float32 [height, width, 4] in HH, HV, VH, VV."""
    rounded: npt.NDArray[np.float32] = np.round(10 * np.log10(scene.sar.astype(np.float64)), 2).astype(np.float32)
    return rounded


def windows(height: int, width: int, size: int = 256, stride: int = 256) -> Iterator[tuple[slice, slice]]:
    """Yield the windows of a grid, row by row, as slices."""
    for row in range(0, height - size + 1, stride):
        for col in range(0, width - size + 1, stride):
            yield slice(row, row + size), slice(col, col + size)
