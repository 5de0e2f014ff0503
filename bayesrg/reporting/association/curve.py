"""The data with the predicted curve over them: for every kind of outcome, one panel a term."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Canvas

from bayesrg.models.curve import predicted_curve
from bayesrg.reporting.association.painting import curve_draws, label_values, paint_curve
from bayesrg.reporting.association.panels import grid, rows_of
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Figure, Section, prose
from bayesrg.reporting.drawing import draw, legend_below, shorten
from bayesrg.reporting.rounding import significant


def curve(study: Study) -> Section:
    """The section with the data and the curve."""
    return Section(
        "curve",
        "Data and predicted curve",
        [
            prose(
                "Every dot is a patient. The curve is what the model expects of patients like these with the predictor "
                "at each value, averaged over their covariates and groups as they are; the band holds it with a "
                "probability of 95 %. It is a band of the mean, not of single patients."
            ),
            _figure(study),
        ],
    )


def _figure(study: Study) -> Figure:
    curves = {term: predicted_curve(study.fit.model, study.posterior, study.data, term) for term in study.terms}
    by_category = study.family in ("ordinal", "categorical")

    def paint(canvas: Canvas) -> None:
        shown = grid(canvas, study.terms, columns=1 if by_category else 2)
        for axes, (term, one) in zip(shown, curves.items(), strict=True):
            paint_curve(axes, study, term, one)
            unit = study.unit_of(term)
            axes.set_xlabel(f"{shorten(term, 34)}{f' ({unit})' if unit else ''}")
            if study.two_valued(term):
                label_values(axes, study, term, one["point"].values)
        if not by_category:
            for axes in shown[1::2]:
                axes.set_ylabel("")
        legend_below(canvas, shown[0], columns=3 if by_category else 2)

    return draw(
        study.fit,
        "curve",
        title=f"{study.outcome} along {', '.join(study.terms)}" if len(study.terms) < 3 else f"{study.outcome} by term",
        alt=" ".join(_told(study, term, one) for term, one in curves.items()),
        caption=CAPTIONS.get(study.family, "Dots: patients. Line or diamonds: the mean expected, with its 95 % band."),
        height=0.9
        + (3.1 if by_category else 2.5 if len(curves) == 1 else 2.2) * rows_of(study.terms, 1 + (not by_category)),
        paint=paint,
    )


CAPTIONS = {
    "bernoulli": "Dots: patients, with the event above and without it below, spread a little so that they can be seen. "
    "Line: the probability of the event, with its 95 % band. Open squares: shares of events among patients with a "
    "similar predictor, with 95 % intervals.",
    "ordinal": "Lines: the probability of each category, with 95 % bands. Dots beneath: the patients, in the row of "
    "their category.",
    "categorical": "Lines: the probability of each category, with 95 % bands. Dots beneath: the patients, in the row "
    "of their category.",
    "rank": "Dots: patients. Line or diamonds: the median expected, with its 95 % band; it moves in steps, because the "
    "model knows the values that were seen and no others.",
}


def _told(study: Study, term: str, one: xr.Dataset) -> str:
    low, high = (significant(float(value)) for value in one["point"].values[[0, -1]])
    if "category" not in one.dims:
        drawn = curve_draws(one)
        ends = [_with_interval(drawn[:, k]) for k in (0, -1)]
        what = f"The probability that {study.event}" if study.family == "bernoulli" else f"The expected {study.outcome}"
        return f"{what} goes from {ends[0]} at {term} {low} to {ends[1]} at {high}."
    parts = []
    for category, label in zip(one["category"].values, study.categories, strict=True):
        drawn = curve_draws(one, category=category)
        parts.append(f"{label} from {drawn[:, 0].mean():.2f} to {drawn[:, -1].mean():.2f}")
    return f"Expected probabilities from {term} {low} to {high}: {'; '.join(parts)}."


def _with_interval(draws: np.ndarray) -> str:
    middle, lower, upper = (significant(float(x)) for x in (draws.mean(), *np.quantile(draws, [0.025, 0.975])))
    return f"{middle} (95 % interval {lower} to {upper})"
