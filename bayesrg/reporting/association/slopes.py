"""Each slope before and after the data, with the region of practical equivalence."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from scipy import stats

from bayesrg.reporting.association.panels import grid, rows_of
from bayesrg.reporting.association.quantities import slope_quantity
from bayesrg.reporting.association.study import Slope, Study
from bayesrg.reporting.blocks import Figure, fill
from bayesrg.reporting.drawing import BLUE, GREY, INK, LINES, draw, legend_below
from bayesrg.reporting.rounding import probability

SCALES = {
    "gaussian": "slope (sds of the outcome)",
    "student_t": "slope (sds of the outcome)",
    "bernoulli": "slope (log odds)",
    "ordinal": "slope (log odds)",
    "categorical": "slope (log odds)",
    "negative_binomial": "slope (log rate)",
    "rank": "slope (probits)",
}


def slope_figure(study: Study) -> Figure:
    """Prior and posterior of each slope on the model's scale."""
    slopes = study.slopes
    found = [slope_quantity(slope) for slope in slopes]
    labels = [slope.label for slope in slopes]

    def paint(canvas: Canvas) -> None:
        shown = grid(canvas, labels)
        for axes, slope in zip(shown, slopes, strict=True):
            _paint(axes, study, slope)
            axes.set_xlabel(SCALES[study.family])
        for axes in shown[:: min(2, len(shown))]:
            axes.set_ylabel("density")
        legend_below(canvas, shown[0], columns=3)

    told = [
        f"{slope.label} {one.value} ({one.bounds}), within ±{study.rope:g} with a probability of "
        f"{probability(float((np.abs(slope.draws) < study.rope).mean()), slope.draws.size)}"
        for slope, one in zip(slopes, found, strict=True)
    ]
    return draw(
        study.fit,
        "slopes",
        title="Prior and posterior of the slope" + ("s" if len(slopes) > 1 else ""),
        alt=f"Posterior means with 95 % intervals: {'; '.join(told)}. The prior has sd "
        f"{study.fit.model.family.beta.arguments['sigma']:g}.",
        caption=fill(
            "Density of the slope per standardised step, after the data (filled) and before them (dashed; much wider "
            "than the window where it looks flat). The shaded region is of practical equivalence with zero, ±{rope:g}. "
            "Where the posterior at zero lies below the prior, the data speak for an association.",
            rope=study.rope,
        ),
        height=1.1 + (1.9 if len(slopes) < 3 else 1.6) * rows_of(labels),
        paint=paint,
    )


def prior_density(study: Study, slope: Slope, place: np.ndarray) -> np.ndarray:
    """The prior's density of a slope; of slopes that differ by cut from its draws."""
    if study.proportional:
        return study.fit.model.family.beta.log_density(place).clip(-700)
    drawn = study.fit.prior("category_slope", term=slope.term, cutpoint=slope.part)
    return np.log(stats.gaussian_kde(drawn)(place))


def _paint(axes: Axes, study: Study, slope: Slope) -> None:
    low, high = np.quantile(slope.draws, [0.0005, 0.9995])
    low, high = min(low, -1.6 * study.rope), max(high, 1.6 * study.rope)
    edge = 0.06 * (high - low)
    place = np.linspace(low - edge, high + edge, 241)
    density = stats.gaussian_kde(slope.draws)(place)
    axes.axvspan(-study.rope, study.rope, color="#e9edf2", linewidth=0, label=f"ROPE ±{study.rope:g}")
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.fill_between(place, density, color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(place, density, color=BLUE, label="posterior")
    axes.plot(place, np.exp(prior_density(study, slope, place)), color=INK, linestyle=LINES[1], label="prior")
    axes.set_ylim(0, None)
    axes.set_xlim(place[0], place[-1])
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=5)
