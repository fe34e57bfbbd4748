"""Distribution of a scene's values, counted in one pass and in memory that does not grow with the scene."""

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

_KEY_BITS = 20
_DROPPED = 32 - _KEY_BITS
_SIGN = np.uint32(1 << 31)
_FLOAT_MAX = np.finfo(np.float32).max


class Distribution:
    """Counts of values per band, and percentiles that follow.

    Integers of 8 and 16 bits have a bin per value and exact percentiles. Any other type is taken as float32 and sorted
    into 2^20 bins that keep its order: sign, exponent and the first 11 bits of the mantissa, so a bin is at most
    2^-11 (0.05 %) of the value wide, and places inside it are interpolated. Percentiles 0 and 100 are exact.
    """

    def __init__(self, bands: int, dtype: np.dtype[Any]) -> None:
        self._exact = dtype.kind in "iu" and dtype.itemsize <= 2
        self._offset = -int(np.iinfo(dtype).min) if self._exact else 0
        bins = 1 << (8 * dtype.itemsize if self._exact else _KEY_BITS)
        self._counts = np.zeros((bands, bins), np.int64)
        self._least = np.full(bands, np.inf)
        self._most = np.full(bands, -np.inf)

    def add(self, values: Values) -> None:
        """Count values [pixels, bands], all of them finite."""
        if not len(values):
            return
        self._least = np.minimum(self._least, values.min(axis=0))
        self._most = np.maximum(self._most, values.max(axis=0))
        for band, counts in enumerate(self._counts):
            keys = values[:, band].astype(np.int32) + self._offset if self._exact else _keys(values[:, band])
            counts += np.bincount(keys, minlength=len(counts))

    def percentile(self, share: float) -> npt.NDArray[np.float64]:
        """Return the percentile (0..100) of each band as numpy.percentile does; 0 where nothing was counted."""
        return np.array([self._percentile(band, share) for band in range(len(self._counts))])

    def _percentile(self, band: int, share: float) -> float:
        running = np.cumsum(self._counts[band])
        total = int(running[-1])
        if not total:
            return 0.0
        place = (total - 1) * share / 100
        below = int(place)
        lower, upper = (self._ordered(band, running, min(rank, total - 1)) for rank in (below, below + 1))
        return lower + (upper - lower) * (place - below)

    def _ordered(self, band: int, running: npt.NDArray[np.int64], rank: int) -> float:
        """Return the value that has `rank` others before it."""
        key = int(np.searchsorted(running, rank, side="right"))
        if self._exact:
            return float(key - self._offset)
        if rank in (0, int(running[-1]) - 1):
            return float(self._least[band] if rank == 0 else self._most[band])
        count = int(self._counts[band, key])
        inside = (rank - int(running[key]) + count + 0.5) / count
        start, end = np.clip(_edges(key), self._least[band], self._most[band])
        return float(start + (end - start) * inside)


def _keys(values: Values) -> npt.NDArray[np.int64]:
    bits = np.clip(values, -_FLOAT_MAX, _FLOAT_MAX).astype(np.float32).view(np.uint32)
    return (np.where(bits & _SIGN, ~bits, bits | _SIGN) >> _DROPPED).astype(np.int64)


def _edges(key: int) -> npt.NDArray[np.float64]:
    """Return the values between which a bin lies."""
    bits = np.array([key << _DROPPED, (key << _DROPPED) + (1 << _DROPPED) - 1], np.uint32)
    return np.where(bits & _SIGN, bits ^ _SIGN, ~bits).view(np.float32).astype(np.float64)
