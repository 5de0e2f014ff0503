"""Sections that every model's report has: whether the sampler converged, and how much the priors decide."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup
from matplotlib.figure import Figure as Canvas
from scipy import stats

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Column, Figure, Prose, Section, Table, code, enumerate_words, fill, prose
from bayesrg.reporting.drawing import COLOURS, INK, LINES, PALE, draw, label_bottom, legend_below
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.rounding import probability, rounded, significant

# Above this, a quantity changes noticeably when the prior (or the likelihood) is given a little more or less weight
# (Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5).
SENSITIVE = 0.05
BINS = 20


def diagnostics(
    fit: Fitted,
    parameters: xr.DataArray,
    labels: Sequence[str],
    *,
    sampled: str = "sampled log variances",
    measured: str = "measurement",
    density: str = "the exact Gaussian density of each measurement given the others",
) -> Section:
    """The section on convergence.

    Parameters
    ----------
    fit : the fit
    parameters : the sampled parameters, dims chain, draw and one more
    labels : their names as shown, in the order of the last dim
    sampled : what the parameters are, as a title says it
    measured : what one row of the data is
    density : of a row left out, before importance sampling
    """
    return Section(
        "diagnostics",
        "Diagnostics",
        [
            prose(
                "Every parameter, every recovered effect and every estimand is checked; the table shows the worst "
                "value of each check and where it was found. R-hat and effective sample sizes are the "
                "rank-normalised ones ({source}).",
                source=works.R_HAT.link("Vehtari et al. 2021"),
            ),
            check_table(
                fit,
                fill(
                    "Convergence of {chains} chains of {draws} draws each.",
                    chains=fit.sampler["chains"],
                    draws=fit.sampler["draws"],
                ),
            ),
            _rank_figure(fit, parameters, labels, sampled),
            *_leave_one_out(fit, measured, density),
            _summary_table(fit),
        ],
    )


def check_table(fit: Fitted, caption: Markup) -> Table:
    """The worst value of every check, where it was found, and whether it passed."""
    checks = fit.diagnosis.checks
    frame = pd.DataFrame([vars(check) for check in checks]).set_index("name")
    outcome = [
        Markup("passed") if check.passed else Markup('<span class="fail-mark">FAILED</span>') for check in checks
    ]
    return Table(
        "diagnostics",
        caption,
        [
            Column("Check", [check.name for check in checks], numeric=False),
            Column("Worst value", [f"{check.value:.4g}".replace("-", "−") for check in checks]),
            Column("Where", [check.where for check in checks], numeric=False),
            Column(
                "Required", [check.required.replace(">=", "≥").replace("<=", "≤") for check in checks], numeric=False
            ),
            Column("Outcome", outcome, numeric=False),
        ],
        frame,
    )


def _rank_figure(fit: Fitted, parameters: xr.DataArray, labels: Sequence[str], sampled: str) -> Figure:
    name = next(str(dim) for dim in parameters.dims if dim not in ("chain", "draw"))
    values = parameters.transpose(name, "chain", "draw").values
    chains, draws = values.shape[1:]
    bins = min(BINS, max(4, draws // 10))
    expected = draws / bins
    band = stats.binom(draws, 1 / bins).ppf([0.005, 0.995])
    edges = np.linspace(0, chains * draws, bins + 1)
    ranks = stats.rankdata(values.reshape(len(values), -1), axis=1).reshape(values.shape) - 0.5
    counts = np.array([[np.histogram(ranks[k, c], edges)[0] for c in range(chains)] for k in range(len(values))])
    outside = int(((counts < band[0]) | (counts > band[1])).sum())

    def paint(canvas: Canvas) -> None:
        columns = 2 if len(values) > 1 else 1
        grid = canvas.subplots(-(-len(values) // columns), columns, sharex=True, sharey=True, squeeze=False)
        for axes, label, count in zip(grid.ravel(), labels, counts, strict=False):
            axes.axhspan(*band, color="#eef1f5", linewidth=0)
            axes.axhline(expected, color=PALE, linewidth=0.8)
            for chain in range(chains):
                axes.stairs(
                    count[chain],
                    edges,
                    baseline=None,
                    color=COLOURS[chain % 4],
                    linestyle=LINES[chain % 4],
                    linewidth=1,
                    label=f"chain {chain + 1}",
                )
            axes.set_title(label, color=INK)
            axes.set_xticks([0, chains * draws])
            axes.tick_params(labelbottom=True)
        label_bottom(grid, len(values), "rank among all draws")
        canvas.supylabel("draws in the bin", fontsize=9)
        legend_below(canvas, grid[0, 0], columns=4)

    return draw(
        fit,
        "ranks",
        title=f"Rank plots of the {sampled}",
        alt=f"Histograms of ranks for {len(values)} parameters and {chains} chains, in {bins} bins with {expected:g} "
        f"draws expected in each. {outside} of {counts.size} bins lie outside the 99 % band of {band[0]:g} to "
        f"{band[1]:g} ({0.01 * counts.size:.0f} would by chance if draws were independent). Counts range from "
        f"{counts.min()} to {counts.max()}.",
        caption="Chains that explore the same distribution have level ranks: lines that wander within the shaded "
        "band, which holds 99 % of the bins of independent draws. A chain that leans to one side has found another "
        "place.",
        height=1.0 + 1.05 * -(-len(values) // 2),
        paint=paint,
    )


def _leave_one_out(fit: Fitted, measured: str, density: str) -> list[Prose]:
    import arviz as az

    if "log_likelihood" not in fit.tree or "value" not in fit.tree["log_likelihood"]:
        return []
    with warnings.catch_warnings():
        # ArviZ warns of large Pareto k; the sentence below says how many there are.
        warnings.filterwarnings(
            "ignore", message="Estimated shape parameter of Pareto distribution", category=UserWarning
        )
        found: Any = az.loo(fit.tree, var_name="value", pointwise=True)
    shapes = found.pareto_k.values
    bad = int((shapes > found.good_k).sum())
    return [
        prose(
            "<b>Leave-one-out prediction.</b> The expected log predictive density of a {measured} left out, summed "
            "over all {n}, is {elpd} (standard error {error}, on the model’s scale), from {density} "
            "and Pareto-smoothed importance sampling. {bad} of {n} "
            "Pareto k are above {limit} (largest {largest}): {words}.",
            measured=measured,
            density=density,
            n=shapes.size,
            elpd=rounded(float(found.elpd), 0.1),
            error=rounded(float(found.se), 0.1),
            bad=bad,
            limit=f"{found.good_k:.2g}",
            largest=f"{shapes.max():.2f}",
            words=f"no single {measured} moves the posterior much"
            if bad == 0
            else f"those {measured}s move the posterior; look at them",
        )
    ]


def _summary_table(fit: Fitted) -> Table:
    table = fit.summary
    found = [fit.estimate(str(name)) for name in table.index]
    chances = table["lower"].isna()
    return Table(
        "summary",
        "Every estimand: posterior mean, sd and 95 % equal-tailed interval, with effective sample sizes, R-hat and the "
        "Monte Carlo standard error (MCSE) of the mean.",
        [
            Column("Estimand", [code(str(name)) for name in table.index], numeric=False),
            Column(
                "Mean",
                [
                    probability(one.mean, fit.n_draws) if chance else one.bare
                    for one, chance in zip(found, chances, strict=True)
                ],
            ),
            Column(
                "sd", ["–" if chance else significant(sd, 2) for sd, chance in zip(table["sd"], chances, strict=True)]
            ),
            Column(
                "95 % interval", ["–" if chance else one.bounds for one, chance in zip(found, chances, strict=True)]
            ),
            Column("Unit", [one.suffix.strip() for one in found], numeric=False),
            Column("Bulk ESS", [rounded(ess, 1) for ess in table["ess_bulk"]]),
            Column("Tail ESS", [rounded(ess, 1) for ess in table["ess_tail"]]),
            Column("R\u2011hat", [rounded(value, 1e-3) for value in table["r_hat"]]),
            Column("MCSE", [significant(error, 2) for error in table["mcse_mean"]]),
        ],
        table,
        notes="Means and bounds are rounded to the MCSE or to two digits of the sd, whichever is coarser. Rows of what "
        "is true or false in each draw are probabilities and have no interval; one that is 0 or 1 in every draw has "
        "neither R-hat nor ESS.",
    )


def sensitivity(fit: Fitted, estimands: Sequence[str]) -> Section:
    """The section on how much the named estimands depend on the priors, by power-scaling."""
    found = power_scale(fit, estimands)
    priors, likelihoods = found["prior"].to_numpy(), found["likelihood"].to_numpy()
    sensitive = [code(str(name)) for name, prior in zip(found.index, priors, strict=True) if prior >= SENSITIVE]
    if sensitive:
        sentence = fill(
            "<b>{n} of {all} estimands are sensitive to the prior</b>: {names}. A slightly stronger or weaker prior "
            "moves their posteriors by more than the threshold. Where the likelihood moves them as well, prior and "
            "data share the say, and a paper should name the prior; where it does not, the data tell too "
            "little of them.",
            n=len(sensitive),
            all=len(priors),
            names=enumerate_words(sensitive),
        )
    else:
        sentence = fill("<b>No estimand is sensitive to the prior</b>: all values lie below the threshold.")
    scaled = enumerate_words([code(str(name)) for name in fit.tree["log_prior"].data_vars])
    return Section(
        "sensitivity",
        "Prior sensitivity",
        [
            prose(
                "Power-scaling raises the prior, or the likelihood, to a power just below and just above one and "
                "measures, by importance sampling without a new fit, how far each posterior moves ({source}; "
                "the threshold is {limit}). Scaled is the prior density of {scaled}. A flat density stays "
                "the same when it is scaled: what a flat prior decides, only a fit with another prior can show.",
                source=works.POWER_SCALING.link("Kallioinen et al. 2024"),
                limit=SENSITIVE,
                scaled=scaled,
            ),
            prose("{sentence}", sentence=sentence),
            Table(
                "sensitivity",
                "Power-scaling sensitivity: how far an estimand’s posterior moves with the prior and with the "
                f"likelihood (threshold {SENSITIVE}).",
                [
                    Column("Estimand", [code(name) for name in found.index], numeric=False),
                    Column("Prior", [rounded(value, 1e-3) for value in priors]),
                    Column("Likelihood", [rounded(value, 1e-3) for value in likelihoods]),
                    Column("Reading", list(found["reading"]), numeric=False),
                ],
                found,
            ),
        ],
    )


def power_scale(fit: Fitted, estimands: Sequence[str]) -> pd.DataFrame:
    """Sensitivity of each estimand to prior and likelihood, with its reading; a row each, named as in `summary`."""
    import arviz as az

    scaled = xr.DataTree.from_dict(
        {
            "posterior": fit.estimands[list(estimands)].drop_attrs(),
            "log_likelihood": fit.tree["log_likelihood"].to_dataset()[["joint"]],
            "log_prior": fit.tree["log_prior"].to_dataset(),
        }
    )
    with warnings.catch_warnings():
        # Few draws make the smoothing of the weights unsure; such a fit fails its diagnostics and says so everywhere.
        warnings.filterwarnings(
            "ignore", message="Estimated shape parameter of Pareto distribution", category=UserWarning
        )
        moved = {group: az.psense(scaled, group=group) for group in ("prior", "likelihood")}
    rows = {}
    for name in estimands:
        prior, likelihood = moved["prior"][name], moved["likelihood"][name]
        for spot in np.ndindex(prior.shape):
            labels = [str(prior[dim].values[k]) for dim, k in zip(prior.dims, spot, strict=True)]
            rows[f"{name}[{', '.join(labels)}]" if labels else name] = (
                float(prior.values[spot]),
                float(likelihood.values[spot]),
            )
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["prior", "likelihood"]).rename_axis("estimand")
    strong = table["prior"] >= SENSITIVE
    return table.assign(
        reading=np.select(
            [strong & (table["likelihood"] >= SENSITIVE), strong],
            ["prior and data both matter", "strong prior or weak likelihood"],
            "data decide",
        )
    )
