import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osloader.permute import derive, draw, invert, permute

KEYS = st.integers(0, 2**64 - 1)


def images(size: int, count: int) -> np.ndarray:
    """Permutations of 0 … size−1 under `count` keys, [count, size]."""
    points, keys = np.tile(np.arange(size), count), np.repeat(draw(7, np.arange(count)), size)
    return permute(points, size, keys).reshape(count, size)


def excess(observed: np.ndarray) -> float:
    """How many standard deviations the chi-square statistic of counts lies above its mean under uniformity."""
    expected = observed.mean()
    freedom = observed.size - 1
    return float((((observed - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom))


def test_draw_is_splitmix64():
    assert draw(1234567, np.arange(3)).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_draw_needs_no_earlier_outputs_and_derive_is_a_chain_of_draws():
    assert draw(5, 1000)[0] == draw(5, np.arange(2000))[1000]
    assert derive(5, 3, 9) == int(draw(int(draw(5, 3)[0]), 9)[0])
    assert derive(5, 3, 9) != derive(5, 9, 3)


@settings(deadline=None)
@given(size=st.integers(1, 3000), key=KEYS)
def test_every_point_has_one_image_and_finds_its_way_back(size, key):
    points = np.arange(size)
    there = permute(points, size, key)
    assert np.array_equal(np.sort(there), points)
    assert np.array_equal(invert(there, size, key), points)


@settings(deadline=None)
@given(size=st.integers(2**20, 2**40), key=KEYS, at=st.integers(0, 2**20 - 300))
def test_large_domains_invert_too(size, key, at):
    points = np.arange(at, at + 300)
    there = permute(points, size, key)
    assert there.min() >= 0
    assert there.max() < size
    assert np.array_equal(invert(there, size, key), points)


@settings(deadline=None)
@given(cases=st.lists(st.tuples(st.integers(1, 2000), KEYS), min_size=1, max_size=20))
def test_a_size_and_key_for_each_point_is_the_same_as_one_call_each(cases):
    sizes, keys = np.array([size for size, _ in cases]), np.array([key for _, key in cases], np.uint64)
    together = permute(sizes // 2, sizes, keys)
    assert together.tolist() == [int(permute(np.array([n // 2]), n, key)[0]) for n, key in cases]


def test_more_points_than_are_done_at_once():
    points = np.arange(200_001)
    assert np.array_equal(np.sort(permute(points, 200_001, 1)), points)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_over_keys_every_permutation_of_a_small_set_is_equally_likely(size):
    orders = images(size, 200 * math.factorial(size))
    codes = orders @ size ** np.arange(size)
    counts = np.unique(codes, return_counts=True)[1]
    assert len(counts) == math.factorial(size)
    assert excess(counts) < 4


@pytest.mark.parametrize("size", [17, 100, 255, 256, 300])
def test_over_keys_images_and_distances_of_neighbours_are_uniform(size):
    orders = images(size, 4000)
    where = np.stack([np.bincount(column, minlength=size) for column in orders.T])
    apart = np.bincount((np.diff(orders, axis=1) % size).ravel(), minlength=size)[1:]
    assert excess(where) < 4
    assert excess(apart) < 4


@pytest.mark.parametrize("size", [17, 256, 4000])
def test_order_is_not_correlated_with_the_order_before(size):
    orders = images(size, 400)
    correlations = np.array([np.corrcoef(np.arange(size), order)[0, 1] for order in orders])
    assert abs(correlations.mean()) * math.sqrt(400 * size) < 4
    assert 0.7 < correlations.var() * size < 1.4


def test_the_permutations_of_this_version_are_kept():
    assert permute(np.arange(10), 10, 1).tolist() == [0, 7, 4, 2, 3, 9, 5, 1, 6, 8]
    assert permute(np.arange(5), 10**6, 1).tolist() == [754588, 337527, 578838, 42942, 458950]
