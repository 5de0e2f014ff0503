"""Drawings: one style for all figures, as SVG with real text, the same bytes for the same fit.

Colours are Okabe and Ito's, which readers with any colour vision tell apart; markers and line styles differ as well.
Lengths are in points of a drawing 360 wide, which a page shows at 350 (telephone) to 590 pixels.
"""

import io
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from bayesrg.reporting.blocks import Figure
from bayesrg.reporting.fitted import Fitted

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#00785A", "#9A4C7C"
INK, GREY, PALE, ALARM = "#1a1a1a", "#767676", "#c9ced6", "#9b1c1c"
LINES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
WIDTH = 5.0
TITLE_WIDTH = 52
DECADE = 10.0
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.4,
    "figure.facecolor": "white",
}


def draw(
    fit: Fitted,
    name: str,
    *,
    title: str,
    alt: str,
    caption: str | Markup,
    height: float,
    paint: Callable[[Canvas], None],
) -> Figure:
    """A figure for the page.

    Parameters
    ----------
    fit : its verdict goes into the title if it failed
    name : of the file, unique on the page
    title, alt, caption : see `Figure`
    height : inches, at a width of 5
    paint : draws on an empty canvas
    """
    shown = fit.mark + title
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        canvas.suptitle(
            "\n".join(textwrap.wrap(shown, TITLE_WIDTH)),
            x=0.01,
            ha="left",
            fontsize=10,
            weight="bold",
            color=ALARM if fit.failed else INK,
        )
        paint(canvas)
    return embed(canvas, name, title=shown, alt=fit.mark + alt, caption=caption)


def embed(canvas: Canvas, name: str, *, title: str, alt: str, caption: str | Markup) -> Figure:
    """A figure for the page from a canvas that is painted already; `name` is of its file, unique on the page."""
    buffer = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Figure(name, title, alt, caption, make_embeddable(buffer.getvalue(), name, title, alt))


def make_embeddable(svg: str, name: str, title: str, alt: str) -> Markup:
    """The ``<svg>`` element of a drawing: ids made unique by the figure's name, with a title and a description."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # The style element would apply to the whole page; on the root it reaches the drawing alone.
    body = re.sub(r"<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>", "", body)
    body = re.sub(r'(\sid=")', rf"\g<1>{name}-", body)
    body = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\g<1>{name}-", body)
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(alt)}</desc>'
    opening, _, rest = body.partition(">")
    opening += (
        f' role="img" aria-labelledby="{name}-title {name}-desc" style="stroke-linejoin:round;stroke-linecap:butt"'
    )
    return Markup(f"{opening}>{words}{rest.rstrip()}\n")


def shorten(label: str, width: int = 22) -> str:
    """A label that fits beside an axis, its middle left out if need be; tables have it in full."""
    if len(label) <= width:
        return label
    tail = (width - 1) // 2
    return f"{label[: width - 1 - tail]}…{label[-tail:]}"


@dataclass(frozen=True)
class Series:
    """Points with intervals, one a row of a forest plot; NaN leaves a row out.

    Parameters
    ----------
    name : in the legend
    middle, lower, upper : shape (row,); equal bounds draw the point alone
    """

    name: str
    middle: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    colour: str
    marker: str
    filled: bool = True


def forest(axes: Axes, labels: Sequence[str], series: Sequence[Series]) -> None:
    """Draw rows of points with intervals from the top down, the series of a row one beneath the other."""
    rows = np.arange(len(labels))
    step = 0.6 / len(series)
    for number, one in enumerate(series):
        place = rows + (number - (len(series) - 1) / 2) * step
        axes.hlines(place, one.lower, one.upper, color=one.colour, linewidth=2.2 if one.filled else 1.4)
        axes.plot(
            one.middle,
            place,
            linestyle="none",
            marker=one.marker,
            markersize=5.5,
            color=one.colour,
            markerfacecolor=one.colour if one.filled else "white",
            label=one.name,
            clip_on=False,
            zorder=3,
        )
    axes.set_yticks(rows, labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color="#eceff3", linewidth=10)
    axes.grid(axis="x", color="#dfe3e8", linewidth=0.6)
    axes.set_axisbelow(True)


def legend_below(canvas: Canvas, axes: Axes, columns: int = 2) -> None:
    """One legend under the whole drawing, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside lower center", ncols=columns)


def label_bottom(panels: np.ndarray, shown: int, text: str) -> None:
    """Remove the panels that are not used, and label the x axis of the lowest used panel of each column."""
    columns = panels.shape[1]
    for number, axes in enumerate(panels.ravel()):
        if number >= shown:
            axes.remove()
        elif number + columns >= shown:
            axes.set_xlabel(text)


@dataclass(frozen=True)
class Cumulative:
    """Cumulative distributions of replicated data sets and of the data, at the points of a grid.

    Parameters
    ----------
    replicated : shape (draw, measurement)
    observed : shape (measurement,)
    grid : points at which distributions are compared, on the scale of the values
    shown : the same points as the axis shows them
    name : of the replicated data, in the legend
    """

    replicated: np.ndarray
    observed: np.ndarray
    grid: np.ndarray
    shown: np.ndarray
    name: str

    @cached_property
    def bands(self) -> np.ndarray:
        """Quantiles 0.025, 0.25, 0.5, 0.75 and 0.975 over the replicated data sets, shape (5, point)."""
        ordered = np.sort(self.replicated, axis=1)
        curves = np.stack([np.searchsorted(one, self.grid, side="right") for one in ordered]) / ordered.shape[1]
        return np.quantile(curves, [0.025, 0.25, 0.5, 0.75, 0.975], axis=0)

    @cached_property
    def data(self) -> np.ndarray:
        """The distribution of the data, shape (point,)."""
        return np.searchsorted(np.sort(self.observed), self.grid, side="right") / self.observed.size

    def paint(self, axes: Axes, *, logarithmic: bool, difference: bool = False) -> None:
        """Draw the data over the bands; as a difference from the bands' median, small departures can be seen."""
        low, inner_low, middle, inner_high, high = self.bands - (self.bands[2] if difference else 0)
        axes.fill_between(self.shown, low, high, color="#dbe6f0", linewidth=0, label=f"{self.name}, 95 %")
        axes.fill_between(self.shown, inner_low, inner_high, color="#a9c6de", linewidth=0, label=f"{self.name}, 50 %")
        axes.plot(self.shown, middle, color=BLUE, linewidth=1, linestyle=LINES[1], label=f"{self.name}, median")
        own = self.data - (self.bands[2] if difference else 0)
        axes.plot(self.shown, own, color=INK, linewidth=1.4, label="data")
        if logarithmic:
            _scale_logarithmically(axes, self.shown)
        axes.set_xlim(float(self.shown[0]), float(self.shown[-1]))
        axes.set_ylabel("difference" if difference else "cumulative share")
        if not difference:
            axes.set_ylim(0, 1)


def _scale_logarithmically(axes: Axes, shown: np.ndarray) -> None:
    """A logarithmic axis with plain numbers: some of 1, 2 and 5 over decades, even steps within one."""
    axes.set_xscale("log")
    wide = shown[-1] > DECADE * shown[0]
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8) if wide else MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
