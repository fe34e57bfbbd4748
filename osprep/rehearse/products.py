"""What providers make of a scene: photographs, amplitude pictures, calibrated decibels."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from osprep.rehearse.simulator import POLARISATIONS, SimulatedScene, generator

_BRIGHT = 0.85  # amplitude that is shown white
Intensity = npt.NDArray[np.float32]


def photograph(scene: SimulatedScene) -> npt.NDArray[np.uint8]:
    """Return uint8 [height, width, 3] in R, G, B."""
    return np.ascontiguousarray(scene.optical[..., :3])


def amplitude(scene: SimulatedScene, polarisation: str = "HH") -> npt.NDArray[np.uint8]:
    """Return the picture of a radar image, uint8 [height, width]: amplitude, clipped where echoes are very strong."""
    return picture(scene.sar[..., POLARISATIONS.index(polarisation)])


def picture(intensity: Intensity) -> npt.NDArray[np.uint8]:
    """Return the picture of a linear intensity [height, width]: amplitude from 1 to 255, clipped where it is strong."""
    pixels: npt.NDArray[np.uint8] = np.clip(np.sqrt(intensity) * (255 / _BRIGHT), 1, 255).astype(np.uint8)
    return pixels


def fraction(scene: SimulatedScene) -> Intensity:
    """Return the HH amplitude from 0 to 1, clipped as in a picture but not rounded, float32 [height, width]."""
    return np.minimum(np.sqrt(scene.sar[..., 0]) / np.float32(_BRIGHT), np.float32(1))


def single_look(intensity: Intensity, seed: int) -> npt.NDArray[np.complex64]:
    """Return complex samples [height, width] of an intensity, with random phase and digital numbers as a sensor's."""
    turns = generator("phase", seed).random(intensity.shape)
    phasor = np.exp(2j * np.pi * turns)
    samples: npt.NDArray[np.complex64] = (np.sqrt(intensity) * np.float32(400) * phasor).astype(np.complex64)
    return samples


def labels(scene: SimulatedScene, codes: Mapping[str, int]) -> npt.NDArray[np.uint8]:
    """Return a label image [height, width]: the provider's code of each class of land cover, 0 where it has none."""
    table = np.array([codes.get(name, 0) for name in scene.classes], np.uint8)
    return np.asarray(table[scene.land_cover])


def decibels(scene: SimulatedScene) -> npt.NDArray[np.float32]:
    """Return backscatter in dB to a hundredth, float32 [height, width, 4] in HH, HV, VH, VV."""
    rounded: npt.NDArray[np.float32] = np.round(10 * np.log10(scene.sar.astype(np.float64)), 2).astype(np.float32)
    return rounded


def windows(height: int, width: int, size: int = 256, stride: int = 256) -> Iterator[tuple[slice, slice]]:
    """Yield the windows of a grid, row by row, as slices."""
    for row in range(0, height - size + 1, stride):
        for col in range(0, width - size + 1, stride):
            yield slice(row, row + size), slice(col, col + size)
