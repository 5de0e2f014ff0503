"""How data and curve are painted on one panel, for every kind of outcome."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from scipy import stats

from bayesrg.reporting.association.panels import band, binned, jitter, whiskers
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.drawing import BLUE, COLOURS, GREY, INK, LINES, shorten

MOST_CATEGORIES = 8  # whose curves can be told apart
HALF = 0.5
# A colour for each of eight categories, told apart without red and green (Okabe and Ito 2008).
KINDS = (*COLOURS, "#56b4e9", "#e69f00", INK, GREY)


def paint_curve(axes: Axes, study: Study, term: str, one: xr.Dataset) -> None:
    """Paint the patients and the curve of one term as suits the outcome; `one` is of `predicted_curve`."""
    painters = {"bernoulli": _paint_event, "ordinal": _paint_categories, "categorical": _paint_categories}
    painters.get(study.family, _paint_values)(axes, study, term, one)


def curve_draws(one: xr.Dataset, **where: object) -> np.ndarray:
    """Curves, shape (draw, point)."""
    expected = one["expected"].sel(where).transpose("chain", "draw", "point")
    return expected.values.reshape(-1, one.sizes["point"])


def _place(study: Study, term: str, width: float = 0.09) -> np.ndarray:
    """Where patients stand along a predictor: a two-valued one is spread a little."""
    own = study.predictor(term)[study.compared(term)]
    return own + np.ptp(own) * jitter(own.size, width, 1) if study.two_valued(term) else own


def label_values(axes: Axes, study: Study, term: str, points: np.ndarray) -> None:
    """Name the two values of a predictor at their places."""
    axes.set_xticks(points, [shorten(level, 16) for level in study.levels(term)])
    edge = 0.35 * np.ptp(points)
    axes.set_xlim(points[0] - edge, points[-1] + edge)


def _line(axes: Axes, study: Study, term: str, one: xr.Dataset, drawn: np.ndarray, colour: str, label: str) -> None:
    if study.two_valued(term):
        # Beside the dots, which stand around their value.
        whiskers(axes, one["point"].values + 0.16 * np.ptp(one["point"].values), drawn, colour, label)
    else:
        band(axes, one["point"].values, drawn, colour, label)


def _paint_values(axes: Axes, study: Study, term: str, one: xr.Dataset) -> None:
    values = study.values[study.compared(term)]
    axes.plot(
        _place(study, term), values, "o", color=GREY, markersize=3, alpha=0.55, markeredgewidth=0, label="patients"
    )
    if study.two_valued(term):
        own = study.predictor(term)[study.compared(term)]
        groups = [values[own == level] for level in np.unique(own)]
        axes.boxplot(
            groups,
            positions=one["point"].values - 0.18 * np.ptp(one["point"].values),
            widths=0.1 * np.ptp(one["point"].values),
            showfliers=False,
            manage_ticks=False,
            medianprops={"color": INK},
        )
    _line(axes, study, term, one, curve_draws(one), BLUE, "expected, 95 %")
    if study.family == "rank" and study.data["category"].dtype.kind != "f":
        axes.set_yticks(np.arange(len(study.categories)), [shorten(label, 14) for label in study.categories])
    if study.family == "negative_binomial" or (study.continuous and study.transformation.name == "log"):
        _scale_by_decades(axes, values)
    axes.set_ylabel(study.axis)


def _scale_by_decades(axes: Axes, values: np.ndarray) -> None:
    """A logarithmic axis with plain numbers; linear near zero where there are zeros."""
    if values.min() > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    else:
        axes.set_yscale("symlog", linthresh=1.0)
        axes.yaxis.set_major_locator(FixedLocator([0, 1, 2, 5, *(10.0**k * m for k in range(1, 9) for m in (1, 3))]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _paint_event(axes: Axes, study: Study, term: str, one: xr.Dataset) -> None:
    value = study.values[study.compared(term)]
    axes.plot(
        _place(study, term, 0.05),
        np.where(value > HALF, 1.05, -0.05) + jitter(value.size, 0.035),
        "o",
        color=GREY,
        markersize=2.6,
        alpha=0.6,
        markeredgewidth=0,
        label="patients",
    )
    _line(axes, study, term, one, curve_draws(one), BLUE, "probability, 95 %")
    place, share, low, high = _shares(study, term)
    shift = 0.08 * np.ptp(place) if study.two_valued(term) else 0.0
    axes.vlines(place - shift, low, high, color=INK, linewidth=0.9)
    axes.plot(
        place - shift,
        share,
        "s",
        color=INK,
        markerfacecolor="white",
        markersize=4,
        label="observed share, 95 %",
        zorder=3,
    )
    axes.set_ylim(-0.12, 1.12)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel(f"P({shorten(study.event, 30 if len(study.terms) == 1 else 22)})")


def _shares(study: Study, term: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Observed shares of events in bins of the predictor, with Jeffreys’ intervals (Brown, Cai and DasGupta 2001)."""
    own, value = study.predictor(term)[study.compared(term)], study.values[study.compared(term)]
    place = binned(own)
    size, events = np.bincount(place), np.bincount(place, value)
    posterior = stats.beta(events + 0.5, size - events + 0.5)
    low = np.where(events == 0, 0.0, posterior.ppf(0.025))
    high = np.where(events == size, 1.0, posterior.ppf(0.975))
    return np.bincount(place, own) / size, events / size, low, high


def _paint_categories(axes: Axes, study: Study, term: str, one: xr.Dataset) -> None:
    labels, code = study.categories, study.data["value"].values.astype(int)[study.compared(term)]
    categories = list(enumerate(zip(one["category"].values, labels, strict=True)))[:MOST_CATEGORIES]
    place = _place(study, term)
    strip = 0.09
    for number, (category, label) in categories:
        colour, line = KINDS[number], LINES[(number // 4 + number) % 4]
        drawn = curve_draws(one, category=category)
        name = shorten(label, 18)
        if study.two_valued(term):
            step = np.ptp(one["point"].values) * 0.05
            shift = step * (number - (len(categories) - 1) / 2)
            whiskers(axes, one["point"].values + shift, drawn, colour, name, "osD^vP*X"[number])
        else:
            band(axes, one["point"].values, drawn, colour, name, line)
        own = code == number
        height = -strip * (number + 1) + jitter(int(own.sum()), 0.025)
        axes.plot(place[own], height, "o", color=colour, markersize=2.6, alpha=0.7, markeredgewidth=0)
        axes.annotate(
            shorten(label, 12),
            (1.01, -strip * (number + 1)),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
            color=colour,
        )
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.set_ylim(-strip * (len(categories) + 0.8), 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel("probability")
