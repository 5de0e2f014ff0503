"""A line for each feature: how reliable it is, how sure that is, and how it was fitted."""

import pandas as pd
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.inference.diagnosis import diagnose
from bayesrg.models.ranking import rank_probability

BEST = 10


def tabulate_features(tree: xr.DataTree, condition: str = "overall", *, ci_prob: float = 0.95) -> pd.DataFrame:
    """The features of a fit, the most reliable first.

    Parameters
    ----------
    tree : a fit of many features
    condition : whose intraclass correlation they are ranked by
    ci_prob : probability of the equal-tailed interval

    Returns
    -------
    DataFrame indexed by feature: `family`, `icc` (posterior mean), `lower`, `upper`, `P(icc > …)` for each threshold,
    `mean_rank` (1 = best), `P(best k)` of being among the best ten (or the best half of fewer than twenty), and, for
    features that were fitted one by one, `method`, `pareto_k`, `r_hat` and `converged`.

    Raises
    ------
    FitError
        For a fit of one feature.
    """
    estimands = tree["estimands"].to_dataset()
    if "feature" not in estimands.dims:
        raise FitError("the fit is of one feature: see `summary`; many features are fitted together by features=[…]")
    icc = estimands["icc"].sel(condition=condition, drop=True).reset_coords(drop=True)
    n = icc.sizes["feature"]
    best = max(1, min(BEST, n // 2))
    ranks = rank_probability(icc, best, ci_prob=ci_prob)
    tails = icc.quantile([(1.0 - ci_prob) / 2.0, (1.0 + ci_prob) / 2.0], ("chain", "draw"))
    above = estimands["icc_above"].sel(condition=condition).mean(("chain", "draw"))
    table = pd.DataFrame(
        {
            "family": tree["constant_data"]["family"].values,
            "icc": icc.mean(("chain", "draw")).values,
            "lower": tails.isel(quantile=0).values,
            "upper": tails.isel(quantile=1).values,
            **{f"P(icc > {limit:g})": above.sel(threshold=limit).values for limit in above["threshold"].values},
            "mean_rank": ranks["mean_rank"].values,
            f"P(best {best})": ranks["probability_among_best"].isel(best=0).values,
        },
        index=pd.Index(icc["feature"].values.astype(str), name="feature"),
    )
    if "method" in tree["sample_stats"]:
        for name in ("method", "pareto_k", "r_hat"):
            table[name] = tree["sample_stats"][name].sel(feature=icc["feature"]).values
        table["converged"] = ~table.index.isin(diagnose(tree).failed)
    return table.sort_values("icc", ascending=False, kind="stable")
