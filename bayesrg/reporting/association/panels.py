"""Panels of a figure: one for each term or slope, two beside each other where there are several."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting.drawing import shorten


def grid(
    canvas: Canvas, labels: Sequence[str], *, share_x: bool = False, share_y: bool = False, columns: int = 2
) -> list[Axes]:
    """One axes a label, titled by it where there are several."""
    across = min(columns, len(labels))
    panels = canvas.subplots(-(-len(labels) // across), across, squeeze=False, sharex=share_x, sharey=share_y)
    for number, axes in enumerate(panels.ravel()):
        if number >= len(labels):
            axes.remove()
        else:
            if len(labels) > 1:
                axes.set_title(shorten(labels[number], 30))
            axes.tick_params(labelbottom=True)
    return list(panels.ravel()[: len(labels)])


def rows_of(labels: Sequence[str], columns: int = 2) -> int:
    """How many rows such a grid has."""
    return -(-len(labels) // min(columns, len(labels)))


def jitter(size: int, width: float, seed: int = 0) -> np.ndarray:
    """Small even displacements that keep equal points apart, the same each time."""
    return np.random.default_rng(seed).uniform(-width, width, size)


def band(axes: Axes, place: np.ndarray, draws: np.ndarray, colour: str, label: str, line: object = "-") -> None:
    """A curve's mean with its 95 % band; `draws` is (draw, point)."""
    lower, upper = np.quantile(draws, [0.025, 0.975], axis=0)
    axes.fill_between(place, lower, upper, color=colour, alpha=0.18, linewidth=0)
    axes.plot(place, draws.mean(axis=0), color=colour, linestyle=line, label=label)


def whiskers(axes: Axes, place: np.ndarray, draws: np.ndarray, colour: str, label: str, marker: str = "D") -> None:
    """Means with 95 % intervals at a few places; `draws` is (draw, place)."""
    lower, upper = np.quantile(draws, [0.025, 0.975], axis=0)
    axes.vlines(place, lower, upper, color=colour, linewidth=2.2, zorder=4)
    axes.plot(place, draws.mean(axis=0), linestyle="none", marker=marker, color=colour, label=label, zorder=5)


def binned(values: np.ndarray, fewest: int = 15, most: int = 8) -> np.ndarray:
    """Bins of about equal frequency (ties stay together), by row: at least `fewest` in each as far as may be."""
    distinct = np.unique(values)
    number = int(np.clip(values.size // fewest, 2, most))
    if distinct.size <= number:
        return np.searchsorted(distinct, values)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, number + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)[1]
