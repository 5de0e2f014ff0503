"""`summary`: every estimand with its interval, its Monte Carlo error and the verdict on the fit."""

import itertools
import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.inference.diagnosis import IMPORTANCE, Diagnosis, diagnose
from bayesrg.variables import OWN_UNIT


def summary(
    tree: xr.DataTree,
    estimands: Sequence[str] | None = None,
    *,
    ci_prob: float = 0.95,
    diagnosis: Diagnosis | None = None,
) -> pd.DataFrame:
    """Table of estimands: a row each, with mean, sd, median, equal-tailed interval, ESS, R-hat, MCSE, unit and verdict.

    Parameters
    ----------
    tree : a fit
    estimands : names to show; None shows all that the fit has
    ci_prob : probability of the interval
    diagnosis : what `diagnose` said of the fit, where that is known; None diagnoses it

    Returns
    -------
    DataFrame indexed by names such as ``icc[repeatability]`` (``icc[glcm_contrast_3d_merged, repeatability]`` of many
    features, with their `family`). Rows that are probabilities (``icc_above``) have no interval. The effective sample
    size of a feature fitted by importance sampling is that of its weights; R-hat does not apply to it. The verdict is
    that of the row's own feature, where features were sampled one by one.

    Raises
    ------
    FitError
        For an estimand that the fit does not have, with the reason where there is one.
    """
    drawn = tree["estimands"].to_dataset()
    absent = json.loads(drawn.attrs.get("absent", "{}"))
    names = list(map(str, drawn.data_vars)) if estimands is None else list(estimands)
    for name in names:
        if name not in drawn:
            raise FitError(
                absent.get(name, f"the fit has no estimand {name!r}; it has {', '.join(map(str, drawn.data_vars))}")
            )
    chosen = drawn[names].transpose("chain", "draw", ...)
    batch = "method" in tree["sample_stats"]
    tables = _precision_of_batch(tree, chosen) if batch else _precision(chosen)
    tables |= {
        "mean": chosen.mean(("chain", "draw")),
        "sd": chosen.astype(float).std(("chain", "draw"), ddof=1),
    }
    limits = ((1.0 - ci_prob) / 2.0, 0.5, (1.0 + ci_prob) / 2.0)
    diagnosis = diagnosis or diagnose(tree)
    data = tree["constant_data"].to_dataset()
    parts = []
    for name in names:
        own = chosen[name]
        levels = [own[dim].values if dim in own.coords else np.arange(own.sizes[dim]) for dim in own.dims[2:]]
        places = [", ".join(map(str, labels)) for labels in itertools.product(*levels)]
        part = pd.DataFrame({"estimand": [f"{name}[{place}]" if place else name for place in places]})
        for column in ("mean", "sd"):
            part[column] = tables[column][name].values.ravel()
        if own.dtype == bool:  # a probability has no interval
            part["median"] = part["lower"] = part["upper"] = np.nan
        else:
            low, middle, high = np.quantile(own.values, limits, axis=(0, 1))
            part["median"], part["lower"], part["upper"] = middle.ravel(), low.ravel(), high.ravel()
        for column in ("ess_bulk", "ess_tail", "r_hat", "mcse_mean"):
            part[column] = np.asarray(tables[column][name].values, dtype=float).ravel()
        part["unit"], part["verdict"] = own.attrs.get("unit", ""), diagnosis.verdict
        if "feature" in own.dims:
            by_feature = {"family": data["family"]}
            if own.attrs.get("unit") == OWN_UNIT:
                by_feature["unit"] = data["unit"]
            if diagnosis.failed:
                verdicts = [diagnosis.verdict_of(str(feature)) for feature in own["feature"].values]
                by_feature["verdict"] = xr.DataArray(verdicts, coords={"feature": own["feature"].values})
            shape = own.isel(chain=0, draw=0, drop=True)
            for column, labels in by_feature.items():
                part[column] = xr.broadcast(labels, shape)[0].transpose(*shape.dims).values.ravel()
        parts.append(part)
    table = pd.concat(parts, ignore_index=True).set_index("estimand")
    table.attrs["ci_prob"] = ci_prob
    return table


def quantiles_of_draws(values: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Quantiles along the last axis, interpolated linearly; by a vectorised sort, ten times as fast as np.quantile."""
    ordered = np.sort(values, axis=-1)
    place = probabilities * (values.shape[-1] - 1)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, values.shape[-1] - 1)
    return ordered[..., below] + (place - below) * (ordered[..., above] - ordered[..., below])


def _precision(chosen: xr.Dataset) -> dict[str, xr.Dataset]:
    import arviz as az

    real = chosen.astype(float)
    # A probability of exactly one is constant over all draws: its R-hat is 0/0, and stands in the table as NaN.
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "ess_bulk": az.ess(real, method="bulk"),
            "ess_tail": az.ess(real, method="tail"),
            "r_hat": az.rhat(real),
            "mcse_mean": az.mcse(real, method="mean"),
        }


def _precision_of_batch(tree: xr.DataTree, chosen: xr.Dataset) -> dict[str, xr.Dataset]:
    """Of draws resampled to equal weights only the importance weights know the effective sample size."""
    statistics = tree["sample_stats"].to_dataset()
    kept = chosen.sizes["chain"] * chosen.sizes["draw"]
    ess = statistics["importance_ess"].where(statistics["method"] == IMPORTANCE, statistics["nuts_ess"]).clip(max=kept)
    none = xr.zeros_like(chosen.isel(chain=0, draw=0, drop=True).astype(float))
    sd = chosen.astype(float).std(("chain", "draw"), ddof=1)
    return {
        "ess_bulk": none + ess,
        "ess_tail": none * np.nan,
        "r_hat": none + statistics["r_hat"],
        "mcse_mean": sd / ess**0.5,
    }
