"""Each patient predicted from all others: LOO-PIT, quantile residuals, and who moves the posterior."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import special, stats

from bayesrg.inference.fitting import data_of
from bayesrg.models.association_estimands import CELLS, part_of
from bayesrg.models.draws import flatten_draws


def check_prediction(tree: xr.DataTree, model: Any, *, seed: int = 0) -> xr.Dataset:
    """How well the model predicts each patient from all others, by importance sampling without fitting again.

    Parameters
    ----------
    tree : a fit
    model : its `Association`
    seed : of the randomisation of discrete outcomes

    Returns
    -------
    Dataset along `patient` with `elpd`, the log predictive density of the outcome by a fit that has not seen it; the
    `pareto_k` of its weights (above 0.7 the patient moves the posterior too much for it to be known); `expected`, mean
    or probabilities (patient[, category]) on the model's scale; and, where outcomes have an order, `pit`, the
    probability of a smaller outcome (uniform if the model is right; spread evenly over the probability of a discrete
    outcome itself: Czado, Gneiting and Held 2009, doi:10.1111/j.1541-0420.2009.01191.x), with `residual`, its normal
    quantile (Dunn and Smyth 1996, doi:10.1080/10618600.1996.10474708).

    Notes
    -----
    Smoothed weights are those of Vehtari et al. 2017, doi:10.1007/s11222-016-9696-4. Groups keep the effects that they
    have in the draws, so that patients are left out, not groups.
    """
    from arviz_stats.base.array import array_stats

    data = data_of(tree)
    weighted = tree["log_likelihood"].to_dataset()["value"].transpose("patient", "chain", "draw").values
    weighted = weighted.reshape(weighted.shape[0], -1)
    smoothed: Any = array_stats.psislw(weighted)
    log_weight, shape = smoothed
    log_weight = log_weight - special.logsumexp(log_weight, axis=1, keepdims=True)
    weight = np.exp(log_weight).T
    eta, own = model.linear(flatten_draws(tree["posterior"].to_dataset()), data)
    family, value = model.family, data["value"].values
    expected = _expected(family, eta, own, weight)
    found: dict[str, Any] = {
        "elpd": ("patient", special.logsumexp(log_weight + weighted / data["weight"].values[:, None], axis=1)),
        "pareto_k": ("patient", np.asarray(shape, dtype=float)),
    }
    kinds = ("category",) if expected.ndim == 2 else ()
    found["expected"] = ("patient", *kinds), expected
    if not family.nominal:
        below, at_most = (np.clip((part * weight).sum(axis=0), 0.0, 1.0) for part in family.cumulative(value, eta, own))
        # Draws of uniform numbers belong to patients in their order, so that a seed gives the same residuals.
        pit = below + np.random.default_rng(seed).random(value.size) * (at_most - below)
        tiny = np.finfo(float).eps
        found["pit"] = "patient", pit
        found["residual"] = "patient", stats.norm.ppf(np.clip(pit, tiny, 1.0 - tiny))
    coords = {"patient": data["patient"].values, **{dim: data[dim].values for dim in kinds}}
    return xr.Dataset(found, coords=coords)


def _expected(family: Any, eta: np.ndarray, own: dict[str, np.ndarray], weight: np.ndarray) -> np.ndarray:
    """Weighted means of what is expected of each patient, (patient[, category]), some of the draws at a time."""
    cells = eta.shape[1] * max((values.shape[-1] for name, values in own.items() if name == "probability"), default=1)
    parts = []
    size = max(1, CELLS // cells)
    for start in range(0, eta.shape[0], size):
        some = slice(start, start + size)
        parts.append(np.einsum("sp...,sp->p...", family.expected(eta[some], part_of(own, some)), weight[some]))
    return np.sum(parts, axis=0)
