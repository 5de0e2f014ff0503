"""Posterior predictive check: data replicated by the model, overall and by scanner and preprocessing."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure as Canvas

from bayesrg.models.layout import EFFECTS
from bayesrg.reporting.blocks import Column, Figure, Section, Table, count, enumerate_words, fill, prose
from bayesrg.reporting.drawing import BLUE, INK, ORANGE, Cumulative, Series, draw, forest, legend_below, shorten
from bayesrg.reporting.rounding import probability, significant
from bayesrg.reporting.stability.study import Study

LABEL_WIDTH = 22
FEWEST = 3  # measurements of a level for which a standard deviation is worth a look


@dataclass(frozen=True)
class Spread:
    """A standard deviation of the data and of replicated data; `data` has the draws too where it depends on them.

    Parameters
    ----------
    data, replicated : shape (draw, group), in the feature's spread unit
    """

    data: np.ndarray
    replicated: np.ndarray

    @property
    def tail(self) -> np.ndarray:
        """Share of draws in which the replicated spread is at least that of the data, shape (group,)."""
        return (self.replicated >= self.data).mean(axis=0)


def prediction(study: Study) -> Section:
    """The section on the posterior predictive check."""
    groups = _groups(study)
    values, residuals = _spreads(study, groups)
    checks = [*zip(groups, values.tail, strict=True), *zip(groups, residuals.tail, strict=True)]
    odd = sorted({name for name, tail in checks if not 0.025 <= tail <= 0.975})
    if odd:
        sentence = fill(
            "<b>The spread of {names} is not what the model reproduces</b> (tail fraction below 0.025 or above "
            "0.975). Of {n} checks, about {chance:.1g} would be so by chance. One variance for all levels may be "
            "too simple here.",
            names=enumerate_words(odd),
            n=len(checks),
            chance=0.05 * len(checks),
        )
    else:
        sentence = fill(
            "<b>No group’s spread contradicts the model</b>: all {n} tail fractions lie between 0.025 and 0.975.",
            n=len(checks),
        )
    return Section(
        "prediction",
        "Posterior predictive check",
        [
            prose(
                "Data sets were replicated for the same subjects, sessions, scanners and preprocessings with fresh "
                "noise. Where the fit is good, the data look like one of them."
            ),
            _overall(study),
            prose(
                "The model gives every level the same residual variance{after}. The next figure checks this by group: "
                "the spread of values, and the spread of residuals (value minus its effects), which sees a noisy "
                "preprocessing or scanner best.",
                after=f" once each {study.calibrated} is calibrated" if study.calibrated else "",
            ),
            prose("{sentence}", sentence=sentence),
            _spread_figure(study, groups, values, residuals),
            _spread_table(study, groups, values, residuals),
        ],
    )


def _groups(study: Study) -> dict[str, np.ndarray]:
    """Names of groups of measurements, and which measurements are theirs."""
    groups = {"all measurements": np.ones(study.n_rows, dtype=bool)}
    for name in ("scanner", "preprocessing"):
        if name in study.levels:
            levels = study.levels[name]
            for number, label in enumerate(study.fit.data[EFFECTS[name][1]].values.astype(str)):
                if (levels == number).sum() >= FEWEST:
                    groups[f"{name} {label}"] = levels == number
    return groups


def _spreads(study: Study, groups: dict[str, np.ndarray]) -> tuple[Spread, Spread]:
    replicated = study.fit.tree["posterior_predictive"]["value"].transpose("chain", "draw", "measurement")
    posterior = study.fit.tree["posterior"].to_dataset().sel(draw=replicated["draw"])
    own = study.levels[study.calibrated] if study.calibrated else None
    expected = posterior["mu"].values[..., None] if own is None else _by_level(posterior["mu"], study)[..., own]
    for name in study.layout.components:
        effect, dim = EFFECTS[name]
        expected = expected + posterior[effect].transpose("chain", "draw", dim).values[..., study.layout.levels(name)]
    if own is not None:
        expected = expected * np.exp(_by_level(posterior["log_scale"], study)[..., own])
    drawn = replicated.values.reshape(-1, study.n_rows)
    expected = expected.reshape(-1, study.n_rows)
    observed = np.broadcast_to(study.fit.data["value"].values, drawn.shape)

    def spread(values: np.ndarray) -> np.ndarray:
        return study.transformation.scale * np.stack(
            [values[:, own].std(axis=1, ddof=1) for own in groups.values()], axis=1
        )

    return Spread(spread(observed), spread(drawn)), Spread(spread(observed - expected), spread(drawn - expected))


def _by_level(values: xr.DataArray, study: Study) -> np.ndarray:
    return values.transpose("chain", "draw", str(study.calibrated)).values


def _overall(study: Study) -> Figure:
    replicated = (
        study.fit.tree["posterior_predictive"]["value"]
        .transpose("chain", "draw", "measurement")
        .values.reshape(-1, study.n_rows)
    )
    observed = study.fit.data["value"].values
    quantiles = [0.05, 0.5, 0.95]
    inside = []
    for q in quantiles:
        low, high = np.quantile(np.quantile(replicated, q, axis=1), [0.025, 0.975])
        inside.append((q, np.quantile(observed, q), low, high))
    edge = 0.05 * np.ptp(observed)
    grid = np.linspace(observed.min() - edge, observed.max() + edge, 161)
    curves = Cumulative(replicated, observed, grid, study.native(grid), "model")
    logarithmic = study.transformation.name == "log"

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        curves.paint(panels[0], logarithmic=logarithmic)
        curves.paint(panels[1], logarithmic=logarithmic, difference=True)
        panels[1].set_xlabel(study.axis)
        legend_below(canvas, panels[0])

    return draw(
        study.fit,
        "prediction",
        title="The data beside data replicated by the model",
        alt="Cumulative distributions. "
        + "; ".join(
            f"{100 * q:.0f} % quantile of the data {significant(float(study.native(own)))}, of replicated data "
            f"{significant(float(study.native(low)))} to {significant(float(study.native(high)))} (95 % interval)"
            for q, own, low, high in inside
        )
        + ".",
        caption=f"Cumulative distribution of the {study.n_rows} measurements (black) over the bands of "
        f"{len(replicated)} data sets replicated from the posterior; below, the same as a difference from the median "
        "of the replicated data sets.",
        height=4.2,
        paint=paint,
    )


def _spread_figure(study: Study, groups: dict[str, np.ndarray], values: Spread, residuals: Spread) -> Figure:
    unit = f" ({study.spread_unit})" if study.spread_unit else ""

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(1, 2, sharey=True)
        for axes, spread, title in zip(panels, (values, residuals), ("of values", "of residuals"), strict=True):
            colour = INK if spread is values else ORANGE
            series = [
                _series("replicated data, median and 95 % interval", spread.replicated, BLUE, "o", filled=False),
                _series("data (of residuals: median and 95 % interval)", spread.data, colour, "D"),
            ]
            forest(axes, [_label(name) for name in groups], series)
            axes.set_title(title)
            axes.margins(x=0.08)
            axes.locator_params(axis="x", nbins=4)
            axes.set_xlabel(f"sd{unit}")
        legend_below(canvas, panels[1], columns=1)

    tails = [f"{name} {a:.2f} and {b:.2f}" for name, a, b in zip(groups, values.tail, residuals.tail, strict=True)]
    return draw(
        study.fit,
        "prediction_spread",
        title="Spread of values and residuals by group",
        alt=f"Standard deviations of {count(len(groups), 'group')}. Fractions of replicated data sets with at least "
        f"the spread of the data, of values and of residuals: {'; '.join(tails)}.",
        caption="Blue circles: what the model expects. Diamonds: the data; their residuals depend on the fitted "
        "effects, so they have an interval too.",
        height=1.6 + 0.36 * len(groups),
        paint=paint,
    )


def _series(name: str, drawn: np.ndarray, colour: str, marker: str, *, filled: bool = True) -> Series:
    lower, middle, upper = np.quantile(drawn, [0.025, 0.5, 0.975], axis=0)
    return Series(name, middle, lower, upper, colour, marker, filled)


def _label(group: str) -> str:
    """A group's name beside an axis: the level alone where both do not fit."""
    facet, _, level = group.partition(" ")
    return group if len(group) <= LABEL_WIDTH or facet == "all" else shorten(level, LABEL_WIDTH)


def _spread_table(study: Study, groups: dict[str, np.ndarray], values: Spread, residuals: Spread) -> Table:
    unit = f" ({study.spread_unit})" if study.spread_unit else ""
    frame = pd.DataFrame(
        {"measurements": [int(own.sum()) for own in groups.values()]}, index=pd.Index(list(groups), name="group")
    )
    columns = [
        Column("Group", list(groups), numeric=False),
        Column("Measurements", [str(number) for number in frame["measurements"]]),
    ]
    for name, spread in (("values", values), ("residuals", residuals)):
        low, high = np.quantile(spread.replicated, [0.025, 0.975], axis=0)
        own = np.median(spread.data, axis=0)
        frame = frame.assign(
            **{
                f"sd_{name}": own,
                f"replicated_{name}_lower": low,
                f"replicated_{name}_upper": high,
                f"tail_{name}": spread.tail,
            }
        )
        columns += [
            Column(f"sd of {name}{unit}", [significant(value) for value in own]),
            Column("Replicated, 95 %", [f"{significant(a)}–{significant(b)}" for a, b in zip(low, high, strict=True)]),
            Column("Tail fraction", [probability(tail, len(spread.replicated)) for tail in spread.tail]),
        ]
    return Table(
        "prediction",
        "Standard deviations by group, beside those of replicated data; the tail fraction is the share of "
        "replicated data sets with at least the spread of the data.",
        columns,
        frame,
        notes="Replicates share the fitted effects, so tail fractions of values are closer to 0.5 than a p-value "
        "would be.",
    )
