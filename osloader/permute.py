"""Keyed permutations of 0 … n−1, evaluated point by point: the plan's only source of chance.

Chance is SplitMix64 (Steele, Lea & Flood, OOPSLA 2014, with the constants of Stafford's variant 13): `draw(key, c)` is
output number c of the generator seeded with `key`, reached without those before it. A permutation is a Feistel network
over Z_a × Z_b, a·b just above n, that adds where the classical one xors; a point that lands at n or beyond is sent
through again until it does not (Black & Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002). Neighbours are
still neighbours after r rounds with probability b^(−r/2): eight rounds from n = 256 on, where b ≥ 15, and 32 below. a
is even, because with both sides odd every round, and so the whole, would be an even permutation. All arithmetic is
uint64; the one float is a square root, which IEEE 754 rounds alike everywhere, so plans agree between machines.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
_SMALL, _ROUNDS, _ROUNDS_WHEN_SMALL = 256, 8, 32
_AT_ONCE = 1 << 16  # points: a dozen arrays of this size stay in the cache
_COUNTERS = np.uint64(_ROUNDS_WHEN_SMALL)  # of the generator, for one value of a half
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ONE, _HALF_WORD = np.uint64(1), np.uint64(32)


def draw(key: int | Words, counter: npt.ArrayLike) -> Words:
    """Return 64 random bits for each (key, counter), broadcast to at least one dimension; counters are not negative."""
    word = np.atleast_1d(np.asarray(counter)).astype(np.uint64)
    word = (word + _ONE) * _GOLDEN + np.asarray(key, np.uint64)
    word ^= word >> np.uint64(30)
    word *= _FIRST
    word ^= word >> np.uint64(27)
    word *= _SECOND
    word ^= word >> np.uint64(31)
    return word


def derive(seed: int, *parts: int) -> int:
    """Return the key that belongs to a seed and a path of numbers below it; seed and parts are 0 … 2⁶⁴−1."""
    key = seed
    for part in parts:
        key = int(draw(key, part)[0])
    return key


def permute(points: Ints, size: int | Ints, key: int | Words) -> Ints:
    """Return the image of each point under the permutation of 0 … size−1 that the key names.

    size (1 … 2⁵²) and key are scalars or one per point; points lie in 0 … size−1.
    """
    return _apply(_forward, points, size, key)


def invert(points: Ints, size: int | Ints, key: int | Words) -> Ints:
    """Return the point that `permute` sends to each of these."""
    return _apply(_backward, points, size, key)


Network = Callable[[Words, Words, Words, Words, int], Words]


def _apply(network: Network, points: Ints, size: int | Ints, key: int | Words) -> Ints:
    n = np.broadcast_to(np.asarray(size, np.uint64), points.shape)
    keys = np.broadcast_to(np.asarray(key, np.uint64), points.shape)
    images = np.empty(points.shape, np.int64)
    for start in range(0, len(points), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        small = n[part] < _SMALL
        for group, rounds in (~small, _ROUNDS), (small, _ROUNDS_WHEN_SMALL):
            if group.any():
                chosen = points[part][group].astype(np.uint64)
                images[part][group] = _walk(network, chosen, n[part][group], keys[part][group], rounds)
    return images


def _walk(network: Network, points: Words, n: Words, keys: Words, rounds: int) -> Words:
    a, b = _sides(n)
    here = network(points, a, b, keys, rounds)
    beyond = np.flatnonzero(here >= n)
    while beyond.size:
        here[beyond] = network(here[beyond], a[beyond], b[beyond], keys[beyond], rounds)
        beyond = beyond[here[beyond] >= n[beyond]]
    return here


def _sides(n: Words) -> tuple[Words, Words]:
    """Return a, even and at least √n, and b, the least with a·b ≥ n: fewer than a points lie beyond n."""
    a = np.uint64(2) * np.ceil(np.sqrt(n) / 2).astype(np.uint64)
    return a, (n + a - _ONE) // a


def _forward(points: Words, a: Words, b: Words, keys: Words, rounds: int) -> Words:
    high, low = np.divmod(points, a)
    for number in range(0, rounds, 2):
        low = _wrap(low + _shift(keys, high, number, a), a)
        high = _wrap(high + _shift(keys, low, number + 1, b), b)
    return high * a + low


def _backward(points: Words, a: Words, b: Words, keys: Words, rounds: int) -> Words:
    high, low = np.divmod(points, a)
    for number in reversed(range(0, rounds, 2)):
        high = _wrap(high + b - _shift(keys, low, number + 1, b), b)
        low = _wrap(low + a - _shift(keys, high, number, a), a)
    return high * a + low


def _shift(keys: Words, half: Words, number: int, side: Words) -> Words:
    """Return the round's shift, 0 … side−1, by multiplying where a remainder would do the same more slowly."""
    return ((draw(keys, half * _COUNTERS + np.uint64(number)) >> _HALF_WORD) * side) >> _HALF_WORD


def _wrap(total: Words, side: Words) -> Words:
    """Bring 0 … 2·side−1 back below side."""
    return total - side * (total >= side)
