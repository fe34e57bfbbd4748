import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osloader.lanes import lay


@pytest.mark.parametrize(
    ("steps", "batch", "width", "count"),
    [
        (262, 1024, 256, 256),
        (10_000, 12, 256, 4),
        (10_000, 7, 256, 1),
        (10_000, 2048, 256, 256),
        (100, 1024, 256, 256),  # lanes of 400
        (63, 1024, 256, 128),  # 256 lanes would be 252 long
        (1, 1024, 256, 4),
        (1, 64, 256, 1),  # shorter than a window even so
        (1, 1024, 1, 256),
    ],
)
def test_as_many_lanes_as_batch_and_window_allow(steps, batch, width, count):
    lanes = lay(steps, batch, width)
    assert lanes.count == count
    assert lanes.count * lanes.length == steps * batch
    assert lanes.count * lanes.share == batch


@settings(deadline=None)
@given(steps=st.integers(1, 60), batch=st.integers(1, 600), width=st.integers(1, 300))
def test_windows_cut_every_lane_without_gap_as_the_rule_says(steps, batch, width):
    lanes = lay(steps, batch, width)
    assert lanes.length >= width or lanes.count == 1
    for lane in range(lanes.count):
        bounds = [lanes.bounds(lane, window) for window in range(lanes.windows(lane))]
        first = lane * width // lanes.count or width
        cuts = [lane * lanes.length, *(stop for _, stop in bounds)]
        assert [start for start, _ in bounds] == cuts[:-1]
        assert cuts[-1] == (lane + 1) * lanes.length
        assert cuts[1] - cuts[0] == min(first, lanes.length)
        assert all(stop - start == width for start, stop in bounds[1:-1])
        assert all(0 < stop - start <= width for start, stop in bounds)


@settings(deadline=None)
@given(steps=st.integers(1, 30), batch=st.integers(1, 300), width=st.integers(1, 100), key=st.integers(0, 2**64 - 1))
def test_steps_go_down_the_lanes_window_by_window(steps, batch, width, key):
    lanes = lay(steps, batch, width)
    slots = np.arange(batch)
    places = [lanes.places(step, slots, key) for step in range(steps)]
    lane, window, position = (np.stack(column) for column in zip(*places, strict=True))
    assert (lane == slots // lanes.share).all()
    assert np.array_equal(np.sort(position.ravel()), np.arange(steps * batch))
    for number in range(lanes.count):
        mine = lane[0] == number
        order = window[:, mine].ravel()
        assert (np.diff(order) >= 0).all()
        for each in range(lanes.windows(number)):
            start, stop = lanes.bounds(number, each)
            assert np.array_equal(np.sort(position[:, mine].ravel()[order == each]), np.arange(start, stop))


def test_windows_are_permuted_each_in_its_own_way():
    lanes = lay(128, 1024, 256)
    places = [lanes.places(step, np.arange(1024), 5) for step in range(128)]
    lane, window, position = (np.concatenate(column) for column in zip(*places, strict=True))
    orders = set()
    for number, each in [(number, 1) for number in range(0, 256, 16)] + [(0, 0)]:
        inside = position[(lane == number) & (window == each)] - lanes.bounds(number, each)[0]
        orders.add(tuple(inside.tolist()))
        assert len(inside) == 256
    assert len(orders) == 17
