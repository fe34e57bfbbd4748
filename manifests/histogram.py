"""Integer histograms of pixels, and the mean and deviation that follow from them. They merge exactly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 256


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per band of uint8 values, over valid pixels and over all: two int64 arrays [bands, 256]."""

    valid: npt.NDArray[np.int64]
    all: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, bands: int) -> "Histogram":
        """Return zero counts."""
        return cls(np.zeros((bands, BINS), np.int64), np.zeros((bands, BINS), np.int64))

    @classmethod
    def of(cls, pixels: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> "Histogram":
        """Count pixels [height, width, bands] with the mask valid [height, width]."""
        every = [np.bincount(pixels[..., band].ravel(), minlength=BINS) for band in range(pixels.shape[2])]
        if valid.all():
            return cls(np.stack(every), np.stack(every))
        inside = [np.bincount(pixels[..., band][valid], minlength=BINS) for band in range(pixels.shape[2])]
        return cls(np.stack(inside), np.stack(every))

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(self.valid + other.valid, self.all + other.all)

    def as_dict(self) -> dict[str, list[list[int]]]:
        """Return JSON types."""
        return {"histogram": self.valid.tolist(), "histogram_all": self.all.tolist()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Histogram":
        """Read what as_dict wrote."""
        return cls(np.array(data["histogram"], np.int64), np.array(data["histogram_all"], np.int64))


def merge(histograms: Sequence[Histogram]) -> Histogram:
    """Return the sum; the sequence is not empty."""
    total = histograms[0]
    for histogram in histograms[1:]:
        total = total + histogram
    return total


def mean_std(counts: npt.NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """Return mean and population deviation per band on the 0–1 scale for counts [bands, 256]; NaN where none."""
    values = np.arange(BINS) / (BINS - 1)
    total = counts.sum(axis=1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        mean = counts @ values / total
        variance = (counts * (values[None] - mean[:, None]) ** 2).sum(axis=1) / total
    return mean.tolist(), np.sqrt(variance).tolist()
