"""Where a scene is cut: windows as indices, planned from its size alone."""

from manifests import TileRule
from osprep.scene import Window


def plan_windows(height: int, width: int, rule: TileRule) -> tuple[Window, ...]:
    """Plan the windows of a scene of height × width pixels, row by row.

    A grid of `rule.size` at `rule.stride`; what is left at the right and the bottom is dropped. A native scene, or one
    with a side below `rule.size`, is one window of its own size. With a side below `rule.min_side` there is none.
    """
    if min(height, width) < rule.min_side:
        return ()
    if rule.native or min(height, width) < rule.size:
        return (Window(0, 0, height, width),)
    rows = range(0, height - rule.size + 1, rule.stride)
    cols = range(0, width - rule.size + 1, rule.stride)
    return tuple(Window(row, col, rule.size, rule.size) for row in rows for col in cols)
