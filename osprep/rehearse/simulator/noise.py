"""Keyed random numbers and smooth noise.

Fields are made of additions and multiplications only, so that a seed gives the same bits on every machine.
"""

import hashlib

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
_LATTICE_STD = 0.159  # of a quadratic spline through uniform numbers: sqrt((11/20)^2 / 12)


def generator(*key: int | str) -> np.random.Generator:
    """Return the stream of random numbers that belongs to a key."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def smooth(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> Field:
    """Return noise [height, width] of about zero mean and unit deviation that varies over `cell` pixels."""
    height, width = shape
    lattice = rng.random((int(height / cell) + 3, int(width / cell) + 3), dtype=np.float32)
    lattice = (lattice - np.float32(0.5)) / np.float32(_LATTICE_STD)
    across = np.ascontiguousarray(_spline(np.ascontiguousarray(lattice.T), width, cell).T)
    return _spline(across, height, cell)


def fractal(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int, fade: float = 0.55) -> Field:
    """Return the sum of octaves of noise, each half as wide and `fade` as strong as the one before; unit deviation."""
    weights = [fade**octave for octave in range(octaves)]
    norm = sum(weight * weight for weight in weights) ** 0.5
    total = np.zeros(shape, np.float32)
    for octave, weight in enumerate(weights):
        total += np.float32(weight / norm) * smooth(rng, shape, max(cell / 2**octave, 1.5))
    return total


def crowns(rng: np.random.Generator, shape: tuple[int, int], spacing: float) -> Field:
    """Return a canopy of round crowns about `spacing` pixels apart: 1 on top of the highest, 0 in the gaps."""
    tall, small = (_grid_of_crowns(rng, shape, share * spacing) for share in (1.0, 0.77))
    canopy: Field = np.maximum(tall, np.float32(0.9) * small)
    return canopy


def _grid_of_crowns(rng: np.random.Generator, shape: tuple[int, int], spacing: float) -> Field:
    height, width = shape
    cells = (int(height / spacing) + 3, int(width / spacing) + 3)
    at_row, at_col = (rng.random(cells, dtype=np.float32) * np.float32(0.9) + np.float32(0.05) for _ in range(2))
    size = rng.random(cells, dtype=np.float32) * np.float32(0.8) + np.float32(0.2)
    rows, cols = ((np.arange(length) / spacing + 0.5).astype(np.float32)[:, None] for length in shape)
    cols = cols.T
    base_row, base_col = rows[:, 0].astype(np.int64), cols[0].astype(np.int64)
    canopy = np.zeros(shape, np.float32)
    for row in (0, 1):
        for col in (0, 1):
            pick = np.ix_(base_row + row, base_col + col)
            down = rows - (base_row + row)[:, None].astype(np.float32) + np.float32(0.5) - at_row[pick]
            right = cols - (base_col + col)[None].astype(np.float32) + np.float32(0.5) - at_col[pick]
            np.maximum(canopy, size[pick] * (1 - np.float32(2.0) * (down * down + right * right)), out=canopy)
    return canopy


def _spline(lattice: Field, length: int, cell: float) -> Field:
    """Interpolate along the first axis with the quadratic B-spline."""
    position = (np.arange(length) + 0.5) / cell
    index = position.astype(np.int64)
    t = (position - index).astype(np.float32)[:, None]
    rest, half = 1 - t, np.float32(0.5)
    before, at, after = lattice[index], lattice[index + 1], lattice[index + 2]
    spline: Field = half * rest * rest * before + (half + t * rest) * at + half * t * t * after
    return spline
