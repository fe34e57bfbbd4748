import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osloader.permute import draw, permute
from osloader.sequence import BLOCK, Segments, Sequence

LENGTHS = st.lists(
    st.one_of(st.integers(0, 300), st.sampled_from([0, 1, 63, 64, 65, 128])), min_size=1, max_size=12
).filter(any)


def segments(lengths):
    """Segments of shards 100, 101, … that start at sample 7."""
    return Segments(np.arange(100, 100 + len(lengths)), np.full(len(lengths), 7), np.array(lengths))


def written_out(lengths, passes, key):
    """The same sequence with the order of blocks written down, sample by sample."""
    blocks = [
        [(100 + shard, 7 + index) for index in range(start, min(start + BLOCK, length))]
        for shard, length in enumerate(lengths)
        for start in range(0, length, BLOCK)
    ]
    order = [
        block
        for turn in range(passes)
        for block in permute(np.arange(len(blocks)), len(blocks), int(draw(key, turn)[0]))
    ]
    return [sample for block in order for sample in blocks[block]]


@settings(deadline=None)
@given(lengths=LENGTHS, passes=st.integers(1, 4), key=st.integers(0, 2**64 - 1), cut=st.floats(0, 1))
def test_positions_are_prefix_sums_over_the_permuted_lengths(lengths, passes, key, cut):
    total = sum(lengths)
    reach = (passes - 1) * total + max(1, int(cut * total))
    shard, index = Sequence(segments(lengths), reach, key).locate(np.arange(reach))
    assert list(zip(shard.tolist(), index.tolist(), strict=True)) == written_out(lengths, passes, key)[:reach]


@settings(deadline=None)
@given(lengths=LENGTHS, key=st.integers(0, 2**64 - 1), data=st.data())
def test_a_position_alone_is_found_where_it_is_found_among_all(lengths, key, data):
    total = sum(lengths)
    sequence = Sequence(segments(lengths), total, key)
    position = data.draw(st.integers(0, total - 1))
    shard, index = sequence.locate(np.arange(total))
    assert [part.tolist() for part in sequence.locate(np.array([position]))] == [[shard[position]], [index[position]]]


@pytest.mark.parametrize("lengths", [[1], [64], [0, 0, 5, 0], [1] * 40, [128, 64]])
def test_each_pass_holds_every_sample_once_in_an_order_of_its_own(lengths):
    total = sum(lengths)
    shard, index = Sequence(segments(lengths), 3 * total, 1).locate(np.arange(3 * total))
    code = (shard * 1000 + index).reshape(3, total)
    assert all(len(set(row.tolist())) == total for row in code)
    if len(lengths) == 40:
        assert (code[0] != code[1]).any()
        assert (code[1] != code[2]).any()
