import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import TileRule
from osprep.windows import plan_windows

sides = st.integers(1, 700)


def test_the_published_count_of_whu_opt_sar() -> None:
    assert len(plan_windows(3704, 5556, TileRule())) == 21 * 14
    assert len(plan_windows(3704, 5555, TileRule())) == 21 * 14


def test_rows_first_and_the_incomplete_border_dropped() -> None:
    windows = plan_windows(600, 520, TileRule(size=256, stride=256))
    assert [(w.row, w.col, w.height, w.width) for w in windows] == [
        (0, 0, 256, 256),
        (0, 256, 256, 256),
        (256, 0, 256, 256),
        (256, 256, 256, 256),
    ]


def test_a_native_or_small_scene_is_one_window() -> None:
    assert [(w.height, w.width) for w in plan_windows(900, 800, TileRule(native=True))] == [(900, 800)]
    assert [(w.height, w.width) for w in plan_windows(255, 9000, TileRule())] == [(255, 9000)]


def test_a_side_below_the_minimum_gives_none() -> None:
    assert plan_windows(15, 5000, TileRule(min_side=16)) == ()
    assert plan_windows(15, 15, TileRule(native=True, min_side=16)) == ()
    assert len(plan_windows(16, 16, TileRule(min_side=16))) == 1


@settings(deadline=None)
@given(height=sides, width=sides, size=st.integers(1, 300), stride=st.integers(1, 300), min_side=st.integers(1, 40))
def test_windows_lie_inside_never_repeat_and_leave_less_than_a_step(
    height: int, width: int, size: int, stride: int, min_side: int
) -> None:
    stride = max(stride, 8)
    windows = plan_windows(height, width, TileRule(size=size, stride=stride, min_side=min_side))
    assert len(set(windows)) == len(windows)
    assert list(windows) == sorted(windows, key=lambda w: (w.row, w.col))
    assert all(w.row >= 0 and w.col >= 0 and w.row + w.height <= height and w.col + w.width <= width for w in windows)
    if min(height, width) < min_side:
        assert not windows
    elif min(height, width) < size:
        assert [(w.height, w.width) for w in windows] == [(height, width)]
    else:
        assert {(w.height, w.width) for w in windows} == {(size, size)}
        assert height - max(w.row + w.height for w in windows) < stride
        assert width - max(w.col + w.width for w in windows) < stride


@settings(deadline=None)
@given(height=sides, width=sides)
def test_windows_of_equal_size_and_stride_cover_once(height: int, width: int) -> None:
    seen = np.zeros((height, width), int)
    for w in plan_windows(height, width, TileRule(size=64, stride=64, min_side=1)):
        seen[w.row : w.row + w.height, w.col : w.col + w.width] += 1
    assert seen.max(initial=0) <= 1
