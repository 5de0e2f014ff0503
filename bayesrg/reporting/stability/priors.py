"""Priors with their reasons, what they imply, and a prior predictive check."""

import numpy as np
from matplotlib.figure import Figure as Canvas

from bayesrg.inference.variances import IndependentSds
from bayesrg.prior import Prior
from bayesrg.reporting.blocks import Figure, Section, fill, prose
from bayesrg.reporting.drawing import Cumulative, draw, legend_below
from bayesrg.reporting.rounding import interval, significant
from bayesrg.reporting.stability.study import Study, StudyDesign
from bayesrg.reporting.stated_priors import prior_table


def priors(study: Study) -> Section:
    """The section on priors."""
    return Section(
        "priors",
        "Priors",
        [
            prose(
                "Priors stand on the model’s scale, where the data have {words}. The prior of each intraclass "
                "correlation is shown beside its posterior in the next section.",
                words="normal scores for values"
                if not study.transformation.has_units
                else "mean 0 and standard deviation 1",
            ),
            prior_table(stated_priors(study)),
            prose(
                "<b>Prior predictive check.</b> Data sets of the same design were drawn from the prior alone. A "
                "sensible prior makes data like these possible without insisting on them."
            ),
            _prior_predictive(study),
        ],
    )


def stated_priors(study: StudyDesign) -> list[tuple[str, Prior]]:
    """Each prior of a model that divides a total or gives each component its own sd, with the quantity it is on."""
    chosen = study.fit.model.priors
    rows = [("mean μ", chosen.mu)]
    if isinstance(chosen.variances, IndependentSds):
        rows.append(("each component’s sd", chosen.variances.sd))
    else:
        rows += [
            ("total sd: root of the sum of all variances", chosen.variances.total_sd),
            ("subject’s share of the total variance", chosen.variances.signal_share),
        ]
        if len(study.components) > 2:
            rows.append(("shares of the other components in the rest", chosen.variances.error_shares))
    if study.calibrated:
        rows.append((f"log scale of each {study.calibrated}, summing to zero", chosen.log_scale))
    return rows


def _prior_predictive(study: Study) -> Figure:
    replicated = (
        study.fit.tree["prior_predictive"]["value"]
        .stack(sample=("chain", "draw"))
        .transpose("sample", "measurement")
        .values
    )
    observed = study.fit.data["value"].values
    spread = replicated.std(axis=1, ddof=1)
    reached = float((spread < observed.std(ddof=1)).mean())
    low, high = np.quantile(spread, [0.025, 0.975]) * study.transformation.scale
    start, end = np.quantile(replicated, [0.02, 0.98])
    grid = np.linspace(float(start), float(end), 161)
    curves = Cumulative(replicated, observed, grid, study.native(grid), "prior")
    logarithmic = study.transformation.name == "log"
    unit = f" {study.spread_unit}" if study.spread_unit else ""

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        curves.paint(axes, logarithmic=logarithmic)
        axes.set_xlabel(study.axis)
        legend_below(canvas, axes)

    return draw(
        study.fit,
        "prior_predictive",
        title="The data beside data drawn from the prior",
        alt=f"Cumulative distributions. Prior data sets have standard deviations from {significant(low)} to "
        f"{significant(high)}{unit} (95 % of them); that of the data is "
        f"{significant(observed.std(ddof=1) * study.transformation.scale)}{unit}, larger than in {100 * reached:.0f} "
        "% of prior data sets.",
        caption=fill(
            "Cumulative distribution of all measurements (black) over the bands of {n} data sets drawn from the "
            "prior. 95 % of prior data sets have a standard deviation of {bounds}{unit}.",
            n=len(replicated),
            bounds=interval(low, high, high / 200),
            unit=unit,
        ),
        height=3.0,
        paint=paint,
    )
