"""Priors of many features with their reasons, and what prior and posterior say of the ICC, side by side."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, prose
from bayesrg.reporting.drawing import BLUE, GREY, LINES, draw, label_bottom, legend_below
from bayesrg.reporting.feature_set.model import all_priors
from bayesrg.reporting.feature_set.study import FeatureSet
from bayesrg.reporting.stated_priors import prior_table

GRID = np.linspace(0.0, 1.0, 101)


def priors(study: FeatureSet) -> Section:
    """The section on priors."""
    blocks: list[Block] = [
        prose(
            "Priors stand on the model’s scale, where {scale}. They are the same for every feature.",
            scale=study.described_scale,
        ),
        prior_table(all_priors(study)),
    ]
    if "prior_estimands" in study.fit.tree:
        blocks += [_curves(study), _table(study)]
    else:
        blocks.append(prose("The fit keeps no draws from the prior, so prior and posterior are not compared here."))
    blocks.append(
        prose(
            "How far posteriors move when the prior is given a little more or less weight (power-scaling) is shown in "
            "the report of a single feature: fit a feature whose decision matters alone to see it."
        )
    )
    return Section("priors", "Priors", blocks)


def _exceedance(study: FeatureSet, condition: str) -> tuple[np.ndarray, np.ndarray]:
    """P(ICC > c) over the grid: before the data, and after them on average over the features."""
    curves = []
    for values in (
        study.fit.prior("icc", condition=condition),
        study.fit.posterior("icc", condition=condition),
    ):
        ordered = np.sort(values)
        curves.append(1.0 - np.searchsorted(ordered, GRID, side="right") / ordered.size)
    return curves[0], curves[1]


def _curves(study: FeatureSet) -> Figure:
    names = study.conditions
    curves = {name: _exceedance(study, name) for name in names}

    def paint(canvas: Canvas) -> None:
        columns = 2 if len(names) > 1 else 1
        panels = canvas.subplots(-(-len(names) // columns), columns, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(panels.ravel(), names, strict=False):
            before, after = curves[name]
            axes.plot(GRID, after, color=BLUE, linestyle=LINES[0], label="posterior, mean of all features")
            axes.plot(GRID, before, color=GREY, linestyle=LINES[1], label="prior of each feature")
            for limit in study.limits:
                axes.axvline(limit, color=GREY, linestyle=LINES[2], linewidth=0.8)
            axes.set_title(name)
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1.02)
            axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
            axes.tick_params(labelbottom=True)
        label_bottom(panels, len(names), "threshold c")
        canvas.supylabel("P(ICC > c)", fontsize=9)
        legend_below(canvas, panels[0, 0], columns=1)

    place = int(np.searchsorted(GRID, study.target - 1e-9))
    return draw(
        study.fit,
        "prior_posterior",
        title="ICC before and after the data",
        alt=f"Falling curves of P(ICC > c). At c = {study.target:g}: "
        + "; ".join(
            f"{name}, prior {before[place]:.2f}, posterior {after[place]:.2f}"
            for name, (before, after) in curves.items()
        )
        + ".",
        caption="Dashed: the prior of each feature. Solid: the posterior probability, averaged over all features, "
        "which is the share of features expected to exceed c.",
        height=1.2 + 1.35 * -(-len(names) // 2),
        paint=paint,
    )


def _table(study: FeatureSet) -> Table:
    rows = {}
    for name in study.conditions:
        prior, posterior = study.fit.prior("icc", condition=name), study.fit.posterior("icc", condition=name)
        rows[name] = {
            f"{kind} P(ICC > {limit:g})": float((values > limit).mean())
            for limit in study.limits
            for kind, values in (("prior", prior), ("posterior", posterior))
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("condition")
    return Table(
        "prior_posterior",
        "Probability that the ICC exceeds a threshold: of any feature before the data, and averaged over all features "
        "after them.",
        [
            Column("Condition", list(frame.index), numeric=False),
            *(
                Column(str(name)[:1].upper() + str(name)[1:], [f"{value:.2f}" for value in frame[name]])
                for name in frame.columns
            ),
        ],
        frame,
    )
