"""Whether effects are straight and spreads even: quantile residuals along predictors and fitted values."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from scipy import stats

from bayesrg.reporting import references as works
from bayesrg.reporting.association.panels import binned, rows_of
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Figure, prose
from bayesrg.reporting.drawing import GREY, INK, draw, legend_below, shorten


def residuals(study: Study) -> list[Block]:
    """Quantile residuals along predictors and fitted values."""
    return [
        prose(
            "<b>Linearity and scale.</b> Quantile residuals ({source}) are standard normal if the model is right, at "
            "every value of a predictor and at every fitted value. Means that bend away from 0 say that the effect is "
            "no straight line on the model’s scale; sds away from 1 say that the spread changes.",
            source=works.QUANTILE_RESIDUALS.link("Dunn and Smyth 1996"),
        ),
        _residual_figure(study),
    ]


@dataclass(frozen=True)
class Binned:
    """Residuals in bins along some variable.

    Parameters
    ----------
    place, mean, sd : shape (bin,)
    mean_limits, sd_limits : shape (2, bin), 95 % of a right model for each bin on its own
    """

    place: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    mean_limits: np.ndarray
    sd_limits: np.ndarray

    @classmethod
    def of(cls, along: np.ndarray, residual: np.ndarray) -> "Binned":
        """Bins of about equal frequency."""
        bins = [binned(along) == number for number in range(int(binned(along).max()) + 1)]
        bins = [own for own in bins if own.sum() > 1]
        size = np.array([own.sum() for own in bins])
        half = 1.96 / np.sqrt(size)
        return cls(
            np.array([along[own].mean() for own in bins]),
            np.array([residual[own].mean() for own in bins]),
            np.array([residual[own].std(ddof=1) for own in bins]),
            np.stack([-half, half]),
            np.stack([np.sqrt(stats.chi2(size - 1).ppf(q) / (size - 1)) for q in (0.025, 0.975)]),
        )

    @property
    def odd(self) -> tuple[int, int]:
        """How many means, and how many sds, lie outside their limits."""
        return (
            int(((self.mean < self.mean_limits[0]) | (self.mean > self.mean_limits[1])).sum()),
            int(((self.sd < self.sd_limits[0]) | (self.sd > self.sd_limits[1])).sum()),
        )


def _residual_figure(study: Study) -> Figure:
    along = {term: study.predictor(term) for term in study.terms} | {"fitted": fitted_values(study)}
    names = {**{term: shorten(term, 26) for term in study.terms}, "fitted": fitted_name(study)}
    residual = study.checks["residual"].values
    found = {name: Binned.of(values, residual) for name, values in along.items()}

    def paint(canvas: Canvas) -> None:
        rows = rows_of(list(along))
        panels = canvas.subplots(2 * rows, 2, squeeze=False, height_ratios=[3, 1.6] * rows, sharey="row")
        for number in range(2 * rows):
            upper, lower = panels[2 * (number // 2), number % 2], panels[2 * (number // 2) + 1, number % 2]
            if number >= len(along):
                upper.remove()
                lower.remove()
                continue
            name = list(along)[number]
            _paint_means(upper, along[name], residual, found[name])
            _paint_sds(lower, found[name])
            lower.set_xlim(upper.get_xlim())
            upper.tick_params(labelbottom=False)
            lower.set_xlabel(names[name])
            if number % 2 == 0:
                upper.set_ylabel("residual")
                lower.set_ylabel("sd")
        legend_below(canvas, panels[0, 0], columns=3)

    means, sds, bins = (
        sum(values) for values in zip(*[(*one.odd, one.mean.size) for one in found.values()], strict=True)
    )
    return draw(
        study.fit,
        "residuals",
        title="Quantile residuals along predictors and fitted values",
        alt=f"In {bins} bins, {means} means and {sds} standard deviations lie outside their 95 % limits; "
        f"{0.05 * bins:.1g} of each would by chance.",
        caption=f"Dots: patients. Black: mean and sd of the residuals in bins of similar patients; shaded: where 95 % "
        f"of them lie if the model is right. Outside are {means} of {bins} means and {sds} of {bins} sds.",
        height=0.9 + 2.9 * rows_of(list(along)),
        paint=paint,
    )


def fitted_values(study: Study) -> np.ndarray:
    """What is expected of each patient, as an axis shows it."""
    expected = study.checks["expected"].values
    if expected.ndim > 1:
        return expected @ np.arange(expected.shape[1])
    return np.log(expected) if study.family == "negative_binomial" else expected


def fitted_name(study: Study) -> str:
    """What that axis is called."""
    return {
        "bernoulli": "probability predicted",
        "ordinal": "category number expected",
        "rank": "rank expected",
        "negative_binomial": "log count expected",
    }.get(study.family, "value expected (standardised)")


def _paint_means(axes: Axes, along: np.ndarray, residual: np.ndarray, one: Binned) -> None:
    axes.plot(along, residual, "o", color=GREY, markersize=2.4, alpha=0.6, markeredgewidth=0, label="patients")
    _ribbon(axes, one.place, one.mean_limits, 0.0)
    axes.plot(one.place, one.mean, "o-", color=INK, markersize=3.5, linewidth=1, label="mean or sd of a bin")


def _paint_sds(axes: Axes, one: Binned) -> None:
    _ribbon(axes, one.place, one.sd_limits, 1.0)
    axes.plot(one.place, one.sd, "o-", color=INK, markersize=3.5, linewidth=1)
    axes.set_ylim(0, max(1.9, 1.1 * one.sd.max()))


def _ribbon(axes: Axes, place: np.ndarray, limits: np.ndarray, centre: float) -> None:
    axes.fill_between(place, *limits, color="#a9c6de", alpha=0.6, linewidth=0, label="95 % if the model is right")
    axes.axhline(centre, color=GREY, linewidth=0.8)
