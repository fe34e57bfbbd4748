"""Charts as inline SVG: sharp at any size, in the colours of the page's theme."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osprep.report.markup import Html, tag

WIDTH, HEIGHT = 512, 160
SERIES = 6  # colours there are for curves
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 26


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over one axis: name to points (x, y). Points that are not finite are left out."""

    title: str
    series: Mapping[str, Sequence[tuple[float, float]]]
    x: str = ""
    y: str = ""


def histogram(counts: npt.NDArray[np.int64], classes: Sequence[str], title: str) -> Html:
    """Draw counts [bands, 256] as one filled curve per band; `classes` are their CSS classes.

    The height is cut where a single value, such as clipped white, would dwarf all others.
    """
    top = float(np.percentile(counts[:, 1:255], 99.5)) * 1.25 or float(counts.max()) or 1.0
    curves = []
    for band, name in zip(counts, classes, strict=True):
        heights = HEIGHT * (1 - np.minimum(band / top, 1.0))
        points = " ".join(f"{value * 2 + 1},{height:.1f}" for value, height in enumerate(heights.tolist()))
        curves.append(tag("path", d=f"M0,{HEIGHT} L{points} L{WIDTH},{HEIGHT} Z", class_=f"curve {name}"))
    ticks = [
        tag("text", value, x=value * 2 + 1, y=HEIGHT + 16, text_anchor=anchor, class_="tick")
        for value, anchor in ((0, "start"), (64, "middle"), (128, "middle"), (192, "middle"), (255, "end"))
    ]
    base = tag("line", x1=0, y1=HEIGHT, x2=WIDTH, y2=HEIGHT, class_="axis")
    box = f"0 0 {WIDTH} {HEIGHT + 20}"
    return tag("svg", tag("title", title), curves, base, ticks, viewBox=box, role="img", class_="histogram")


def curves(chart: Chart) -> Html:
    """Draw a chart with its axes and a legend."""
    series = {name: [p for p in points if all(map(math.isfinite, p))] for name, points in chart.series.items()}
    points = [point for line in series.values() for point in line]
    if not points:
        return tag("p", f"{chart.title}: nothing to draw.", class_="quiet")
    (left, right), (low, high) = (_limits([point[axis] for point in points]) for axis in (0, 1))
    across, up = (WIDTH - _LEFT - _RIGHT) / (right - left), HEIGHT / (high - low)
    lines, legend = [], []
    for index, (name, line) in enumerate(series.items()):
        path = " L".join(f"{_LEFT + (x - left) * across:.1f},{_TOP + HEIGHT - (y - low) * up:.1f}" for x, y in line)
        colour = f"series-{index % SERIES}"
        lines.append(tag("path", d=f"M{path}", class_=f"line {colour}") if line else None)
        legend.append(tag("span", tag("i", class_=colour), name))
    grid = []
    for value in np.linspace(low, high, 4).tolist():
        y = _TOP + HEIGHT - (value - low) * up
        grid.append(tag("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid"))
        grid.append(tag("text", f"{value:.3g}", x=_LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end", class_="tick"))
    for value, anchor in ((left, "start"), (right, "end")):
        x = _LEFT + (value - left) * across
        text = f"{value:g} {chart.x}" if value == right else f"{value:g}"
        grid.append(tag("text", text, x=x, y=_TOP + HEIGHT + 18, text_anchor=anchor, class_="tick"))
    label = f"{chart.title}: {', '.join(series)}" + (f"; {chart.y}" if chart.y else "")
    box = f"0 0 {WIDTH} {_TOP + HEIGHT + _BOTTOM}"
    drawing = tag("svg", tag("title", label), grid, lines, viewBox=box, role="img", class_="curves")
    return tag("figure", drawing, tag("figcaption", chart.title, tag("span", legend, class_="legend")))


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
