import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osloader.errors import PlanError
from osloader.uses import Stream, Uses

SOURCES = ("a", "b", "c")


def counts(uses, lengths, epoch):
    """Uses per sample: one array per shard."""
    found = [np.zeros(length, np.int64) for length in lengths]
    segments = uses.segments(epoch)
    for shard, start, length in zip(segments.shard, segments.start, segments.length, strict=True):
        assert 0 <= start <= start + length <= lengths[shard]
        found[shard][start : start + length] += 1
    return found


@settings(deadline=None)
@given(
    shards=st.lists(st.tuples(st.integers(0, 90), st.sampled_from(SOURCES)), min_size=1, max_size=10),
    weights=st.dictionaries(st.sampled_from(SOURCES), st.decimals(0, 3, places=2).map(float)),
)
def test_a_source_gets_the_uses_of_its_weight_spread_evenly(shards, weights):
    lengths, sources = np.array([length for length, _ in shards]), tuple(source for _, source in shards)
    uses = Uses(Stream(lengths, sources), weights, key=1)
    total = [np.zeros(length, np.int64) for length in lengths]
    for epoch in range(4):
        found = counts(uses, lengths, epoch)
        assert sum(int(each.sum()) for each in found) == uses.samples
        total = [before + now for before, now in zip(total, found, strict=True)]
        for source in set(sources):
            n = int(lengths[[each == source for each in sources]].sum())
            exact = Fraction(str(weights.get(source, 1))) * n
            mine = np.concatenate([each for each, name in zip(found, sources, strict=True) if name == source])
            overall = np.concatenate([each for each, name in zip(total, sources, strict=True) if name == source])
            assert mine.sum() in (math.floor(exact), math.ceil(exact))
            assert n == 0 or np.ptp(mine) <= 1
            assert n == 0 or np.ptp(overall) <= 1


def test_half_a_source_is_the_other_half_next_time():
    lengths = np.array([100, 60, 40])
    uses = Uses(Stream(lengths, ("a", "a", "a")), {"a": 0.5}, key=4)
    first, second = (np.concatenate(counts(uses, lengths, epoch)) for epoch in (0, 1))
    assert np.array_equal(first + second, np.ones(200))


def test_weights_of_one_change_nothing():
    stream = Stream(np.array([3, 0, 70]), ("a", "b", "a"))
    plain, weighted = (Uses(stream, weights, key=1).segments(0) for weights in ({}, {"a": 1.0, "b": 1}))
    assert all(np.array_equal(getattr(plain, name), getattr(weighted, name)) for name in ("shard", "start", "length"))


def test_order_of_the_mapping_does_not_matter():
    stream = Stream(np.array([50, 50, 70, 70]), ("a", "b", "a", "b"))
    one, other = (Uses(stream, weights, 1).segments(2) for weights in ({"a": 0.3, "b": 1.6}, {"b": 1.6, "a": 0.3}))
    assert np.array_equal(one.shard, other.shard)
    assert np.array_equal(one.start, other.start)


def test_a_weight_means_the_decimal_that_was_typed():
    assert Uses(Stream(np.array([100]), ("a",)), {"a": 0.07}, key=1).samples == 7  # the float product is above 7
    assert Uses(Stream(np.array([3]), ("a",)), {"a": 0.1}, key=1).samples == 1


@pytest.mark.parametrize("lengths", [np.array([[1]]), np.array([1, -1]), np.array([1.0])])
def test_lengths_are_counts(lengths):
    with pytest.raises(PlanError, match="one number of samples per shard"):
        Stream(lengths)


def test_sources_are_one_per_shard_and_needed_for_weights():
    with pytest.raises(PlanError, match="2 sources for 1 shards"):
        Stream(np.array([1]), ("a", "b"))
    with pytest.raises(PlanError, match="name its shards' sources"):
        Uses(Stream(np.array([1])), {"a": 2}, key=1)
