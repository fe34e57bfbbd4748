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
_BOX = f"0 0 {WIDTH} {_TOP + HEIGHT + _BOTTOM}"


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

    def place(x: float, y: float) -> tuple[str, str]:
        across, up = (x - left) / (right - left), (y - low) / (high - low)
        return f"{_LEFT + across * (WIDTH - _LEFT - _RIGHT):.1f}", f"{_TOP + (1 - up) * HEIGHT:.1f}"

    lines, legend = [], []
    for index, (name, line) in enumerate(series.items()):
        colour = f"series-{index % SERIES}"
        path = " L".join(",".join(place(*point)) for point in line)
        lines.append(tag("path", d=f"M{path}", class_=f"line {colour}") if line else None)
        legend.append(tag("span", tag("i", class_=colour), name))
    grid = []
    for value in _ticks(low, high):
        x, y = place(left, value)
        grid.append(tag("line", x1=x, x2=WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        grid.append(tag("text", f"{value:g}", x=_LEFT - 6, y=y, dy="0.35em", text_anchor="end", class_="tick"))
    for value in _ticks(left, right):
        x, y = place(value, low)
        grid.append(tag("text", f"{value:g}", x=x, y=y, dy="1.5em", text_anchor="middle", class_="tick"))
    label = f"{chart.title}: {', '.join(series)}"
    drawing = tag("svg", tag("title", label), grid, lines, viewBox=_BOX, role="img", class_="curves")
    axes = ", ".join(part for part in (chart.y, chart.x and f"over {chart.x}") if part)
    caption = tag("figcaption", chart.title, f" ({axes})" if axes else None, tag("span", legend, class_="legend"))
    return tag("figure", drawing, caption)


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two limits, about five."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [round(step * n, 12) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
