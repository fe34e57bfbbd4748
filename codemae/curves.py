"""How the losses of a run went, as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

SHOWN = 100  # points of a smoothed curve
Record = Mapping[str, Any]


def draw_curves(file: Path, records: Sequence[Record], objectives: Sequence[str]) -> None:
    """Write a PNG of the total by kind of step and of each objective, from the lines of a log.

    Objectives that compare modalities are 0 in unpaired steps, which are left out of their curves. A long run is shown
    as means over stretches of equal length, with the single steps behind them.
    """
    figure = Figure(figsize=(12, 4), layout="constrained")
    FigureCanvasAgg(figure)
    total, reconstruction, contrast = figure.subplots(1, 3)
    for kind in sorted({record["kind"] for record in records}):
        _curve(total, f"total, {kind} steps", *series(records, "loss", kind))
    for name in objectives:
        axes = contrast if name == "contrastive" else reconstruction
        _curve(axes, name, *series(records, name, None if name == "mae" else "paired"))
    for axes in (total, reconstruction, contrast):
        axes.set_xlabel("step")
        axes.set_ylabel("loss")
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    figure.savefig(file, dpi=100)


def series(records: Sequence[Record], name: str, kind: str | None = None) -> tuple[list[int], list[float]]:
    """Return steps and values of a term, of all steps or of those of one kind."""
    chosen = [record for record in records if name in record and kind in (None, record["kind"])]
    return [record["step"] for record in chosen], [record[name] for record in chosen]


def _curve(axes: Any, label: str, steps: Sequence[int], values: Sequence[float]) -> None:
    if not steps:
        return
    if len(steps) < 2 * SHOWN:
        axes.plot(steps, values, label=label, marker="." if len(steps) < 3 else None)
        return
    (line,) = axes.plot(steps, values, alpha=0.2, linewidth=0.5)
    stretches = zip(np.array_split(np.array(steps), SHOWN), np.array_split(np.array(values), SHOWN), strict=True)
    means = [(part.mean(), level.mean()) for part, level in stretches]
    axes.plot(*zip(*means, strict=True), label=label, color=line.get_color())
