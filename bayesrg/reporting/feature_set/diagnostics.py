"""Diagnostics of many features: the checks, by the method that sampled each feature, and the worst features."""

import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup
from matplotlib.figure import Figure as Canvas

from bayesrg.inference.diagnosis import ESS, IMPORTANCE, PARETO_K
from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, breakable, fill, prose
from bayesrg.reporting.checks import check_table
from bayesrg.reporting.drawing import BLUE, GREY, LINES, draw
from bayesrg.reporting.feature_set.study import FeatureSet
from bayesrg.reporting.rounding import rounded

WORST = 10  # features that are named


def diagnostics(study: FeatureSet) -> Section:
    """The section on diagnostics."""
    fit = study.fit
    if study.pooled:
        caption = fill(
            "Convergence of {chains} chains of {draws} draws each, of the one model for all features.",
            chains=fit.sampler["chains"],
            draws=fit.sampler["draws"],
        )
        said = prose(
            "Every parameter and every estimand of every feature is checked; the table shows the worst value of each "
            "check and where it was found ({source}).",
            source=works.R_HAT.link("Vehtari et al. 2021"),
        )
        return Section("diagnostics", "Diagnostics", [said, check_table(fit, caption)])
    statistics = fit.tree["sample_stats"].to_dataset().sel(feature=study.features)
    important = bool((statistics["method"] == IMPORTANCE).any())
    weights = (
        "Each feature’s posterior was sampled by importance sampling from a fitted t distribution. Pareto k says "
        "whether its weights can be trusted (up to {limit}; {source}); features beyond it were sampled again by NUTS. "
        "R-hat compares chains, which importance sampling does not have, so it is given for NUTS alone."
    )
    chains = "Each feature’s posterior was sampled by NUTS; R-hat compares its chains ({source})."
    blocks: list[Block] = [
        prose(weights, limit=PARETO_K, source=works.PSIS.link("Vehtari et al. 2024"))
        if important
        else prose(chains, source=works.R_HAT.link("Vehtari et al. 2021")),
        check_table(fit, Markup("Checks over all features: the worst value of each, and where it was found.")),
        _method_table(study, statistics),
    ]
    if important:
        blocks.append(_figure(study, statistics))
    blocks.append(_feature_table(study, statistics))
    return Section("diagnostics", "Diagnostics", blocks)


def _method_table(study: FeatureSet, statistics: xr.Dataset) -> Table:
    frame = statistics[["method", "pareto_k", "importance_ess", "r_hat", "divergences"]].to_dataframe()
    frame = frame.assign(failed=study.failed)
    rows = {}
    for name, own in frame.groupby("method"):
        important = name == IMPORTANCE
        rows[str(name)] = {
            "features": len(own),
            "failed": int(own["failed"].to_numpy().sum()),
            "largest_pareto_k": own["pareto_k"].max() if important else np.nan,
            "smallest_ess": own["importance_ess"].min() if important else np.nan,
            "median_ess": own["importance_ess"].median() if important else np.nan,
            "largest_r_hat": own["r_hat"].max(),
            "divergences": np.nan if important else own["divergences"].sum(),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    shown = {
        "largest_pareto_k": ("Largest Pareto k", 0.01),
        "smallest_ess": ("Smallest ESS", 1),
        "median_ess": ("Median ESS", 1),
        "largest_r_hat": ("Largest R\u2011hat", 0.001),
        "divergences": ("Divergences", 1),
    }
    return Table(
        "methods_used",
        "Features by the method that sampled them.",
        [
            Column("Method", list(table.index), numeric=False),
            Column("Features", [f"{number:,}" for number in table["features"]]),
            Column("Failed", [str(number) for number in table["failed"]]),
            *(Column(head, [rounded(value, step) for value in table[key]]) for key, (head, step) in shown.items()),
        ],
        table,
        notes="ESS: effective sample size of the weighted draws. A dash: does not apply to the method.",
    )


def _figure(study: FeatureSet, statistics: xr.Dataset) -> Figure:
    own = statistics.isel(feature=np.flatnonzero((statistics["method"] == IMPORTANCE).values))
    shape, size = own["pareto_k"].values, own["importance_ess"].values

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(1, 2, sharey=False)
        for axes, values, limit, name in (
            (panels[0], shape, PARETO_K, "Pareto k"),
            (panels[1], size, float(ESS), "effective sample size"),
        ):
            finite = values[np.isfinite(values)]
            low = min(float(finite.min()), limit if name == "Pareto k" else 0.0)
            high = max(float(finite.max()), limit * 1.1)
            axes.hist(finite, bins=np.linspace(low, high, 31), color=BLUE)
            axes.axvline(limit, color=GREY, linestyle=LINES[1], linewidth=1.2)
            axes.set_xlabel(f"{name} (limit {limit:g})")
        panels[0].set_ylabel("features")

    return draw(
        study.fit,
        "diagnostics",
        title="Importance sampling: Pareto k and effective sample size",
        alt=f"Two histograms over {shape.size:,} features. Pareto k from {shape.min():.2f} to {shape.max():.2f}, "
        f"median {np.median(shape):.2f}, limit {PARETO_K:g}; effective sample size from {size.min():.0f} to "
        f"{size.max():.0f}, "
        f"median {np.median(size):.0f}, limit {ESS:g}.",
        caption="Dashed lines are the limits: Pareto k to the left of its, effective sample size to the right.",
        height=2.2,
        paint=paint,
    )


def _feature_table(study: FeatureSet, statistics: xr.Dataset) -> Table:
    columns = ["method", "pareto_k", "importance_ess", "r_hat", "divergences"]
    frame = statistics[columns].to_dataframe()[columns].assign(failed=study.failed)
    worst = frame.sort_values(["failed", "pareto_k"], ascending=False, kind="stable").head(WORST)
    outcome = [
        Markup('<span class="fail-mark">FAILED</span>') if failed else Markup("passed") for failed in worst["failed"]
    ]
    return Table(
        "sampling",
        "Features that failed first, then those with the largest Pareto k.",
        [
            Column("Feature", [breakable(str(name)) for name in worst.index], numeric=False),
            Column("Method", list(worst["method"]), numeric=False),
            Column("Pareto k", [rounded(value, 0.01) for value in worst["pareto_k"]]),
            Column("ESS", [rounded(value, 1) for value in worst["importance_ess"]]),
            Column("R\u2011hat", [rounded(value, 0.001) for value in worst["r_hat"]]),
            Column("Outcome", outcome, numeric=False),
        ],
        frame,
        notes="The CSV file has every feature.",
    )
