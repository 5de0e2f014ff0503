"""`summary`: every estimand with its interval, its Monte Carlo error and the verdict on the fit."""

import itertools
import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.inference.diagnosis import diagnose


def summary(tree: xr.DataTree, estimands: Sequence[str] | None = None, *, ci_prob: float = 0.95) -> pd.DataFrame:
    """Table of estimands: a row each, with mean, sd, equal-tailed interval, ESS, R-hat, MCSE, unit and verdict.

    Parameters
    ----------
    tree : a fit
    estimands : names to show; None shows all that the fit has
    ci_prob : probability of the interval

    Returns
    -------
    DataFrame indexed by names such as ``icc[repeatability]``. Rows that are probabilities (``icc_above``) have no
    interval.

    Raises
    ------
    FitError
        For an estimand that the fit does not have, with the reason where there is one.
    """
    import arviz as az

    drawn = tree["estimands"].to_dataset()
    absent = json.loads(drawn.attrs.get("absent", "{}"))
    names = list(map(str, drawn.data_vars)) if estimands is None else list(estimands)
    for name in names:
        if name not in drawn:
            raise FitError(
                absent.get(name, f"the fit has no estimand {name!r}; it has {', '.join(map(str, drawn.data_vars))}")
            )
    chosen = drawn[names]
    real = chosen.astype(float)
    # A probability of exactly one is constant over all draws: its R-hat is 0/0, and stands in the table as NaN.
    with np.errstate(invalid="ignore", divide="ignore"):
        tables = {
            "mean": real.mean(("chain", "draw")),
            "sd": real.std(("chain", "draw"), ddof=1),
            "interval": az.eti(real, prob=ci_prob),
            "ess_bulk": az.ess(real, method="bulk"),
            "ess_tail": az.ess(real, method="tail"),
            "r_hat": az.rhat(real),
            "mcse_mean": az.mcse(real, method="mean"),
        }
    verdict = diagnose(tree).verdict
    rows = []
    for name in names:
        variable = tables["mean"][name]
        for spot in itertools.product(*(range(size) for size in variable.shape)):
            where = dict(zip(variable.dims, spot, strict=True))
            labels = [str(variable[dim].values[k]) for dim, k in where.items()]
            probability = chosen[name].dtype == bool
            low, high = tables["interval"][name].isel(where).values
            rows.append(
                {
                    "estimand": f"{name}[{', '.join(labels)}]" if labels else name,
                    **{key: float(table[name].isel(where)) for key, table in tables.items() if key in ("mean", "sd")},
                    "lower": float("nan") if probability else float(low),
                    "upper": float("nan") if probability else float(high),
                    **{
                        key: float(tables[key][name].isel(where))
                        for key in ("ess_bulk", "ess_tail", "r_hat", "mcse_mean")
                    },
                    "unit": drawn[name].attrs.get("unit", ""),
                    "verdict": verdict,
                }
            )
    table = pd.DataFrame(rows).set_index("estimand")
    table.attrs["ci_prob"] = ci_prob
    return table
