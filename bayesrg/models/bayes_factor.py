"""The Bayes factor of an association against none, by the Savage-Dickey ratio, for every scale of the prior.

A Bayes factor compares beta ~ Normal(0, s) with beta = 0. It depends on s as much as on the data, so it is worked out
for a range of scales and never stands alone. With posterior p(beta | y) under the fit's own scale s0,

    BF(s0) = Normal(0 | 0, s0) / p(0 | y)
    BF(s)  = BF(s0) E[ Normal(beta | 0, s) / Normal(beta | 0, s0) ], the mean over the posterior

(Dickey 1971, doi:10.1214/aoms/1177693507), because both are ratios of one marginal likelihood function of beta. The
posterior density at zero is not smoothed from draws but averaged from the joint density with beta set to zero
(importance-weighted marginal density estimation, Chen 1994, doi:10.1080/01621459.1994.10476815):

    p(0 | y) = E[ w(beta | psi) p(y, 0, psi) / p(y, beta, psi) ]

where w is normal with the mean and variance that beta has given the other parameters psi. These are learned from one
half of the draws and used on the other, and the reverse: on the draws that they were learned from, w fits too well,
and the factor is too small by as many parameters as there are to the draws. Where zero lies far in a tail few draws
carry the mean; the Pareto k of its terms says so, and such a factor is large whatever its digits are.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy import special, stats

from bayesrg.models.draws import flatten_draws

# Scales of the prior relative to the fit's own, at which the factor is worked out.
SCALES = (0.1, 0.15, 0.25, 0.4, 0.6, 1.0, 1.5, 2.5, 4.0)


def savage_dickey(
    model: Any,
    posterior: xr.Dataset,
    data: xr.Dataset,
    *,
    scales: Sequence[float] | None = None,
    together: Sequence[str] | None = None,
) -> xr.Dataset:
    """Log Bayes factors of each term's association against none, over scales of the prior.

    Parameters
    ----------
    model : an `Association`
    posterior : of a fit of it
    data : Dataset of its `prepare`
    scales : of the prior's sd, relative to the fit's own; 1 is always among them
    together : terms whose slopes are compared with zero all at once, such as the levels of a text predictor, to ask
        whether it matters as a whole; None compares each term alone

    Returns
    -------
    Dataset with `log_bayes_factor` (term, prior_scale), natural logarithm, above zero for an association; `pareto_k` of
    the weights that it rests on, above 0.7 the number is not to be trusted; `mcse`, its Monte Carlo standard error,
    which means little there. Of more parameters than a third of the draws k is infinite: keep more draws.
    The coordinate `prior_sd` (prior_scale) gives the scales in units of beta. Of categories all slopes of a term are
    compared with zero together; where each cutpoint has a slope of its own, all of these are.

    Raises
    ------
    ValueError
        For scales that are not positive, or terms that the data do not have.
    """
    chosen = np.unique([1.0, *(SCALES if scales is None else scales)])
    if chosen[0] <= 0:
        raise ValueError(f"scales of a prior are positive; got {chosen[0]:g}")
    own = flatten_draws(posterior)
    chains = posterior.sizes["chain"]
    labels = [str(label) for label in data["term"].values]
    unknown = sorted(set(together or ()) - set(labels))
    if unknown:
        raise ValueError(f"together names {', '.join(unknown)}; the terms are {', '.join(labels)}")
    tested = {label: [number] for number, label in enumerate(labels)}
    if together is not None:
        tested = {" + ".join(together): [labels.index(label) for label in together]}
    found = [_of_terms(model, own, data, terms, chosen, chains) for terms in tested.values()]
    names = ("log_bayes_factor", "mcse", "pareto_k")
    return xr.Dataset(
        {
            name: (("term", "prior_scale"), np.stack([one[number] for one in found]))
            for number, name in enumerate(names)
        },
        coords={
            "term": list(tested),
            "prior_scale": chosen,
            "prior_sd": ("prior_scale", chosen * model.family.beta.arguments["sigma"]),
        },
        attrs={"prior": str(model.family.beta)},
    )


def _of_terms(
    model: Any, own: dict[str, np.ndarray], data: xr.Dataset, terms: list[int], scales: np.ndarray, chains: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log Bayes factors, their Monte Carlo errors and Pareto k, each (scale,)."""
    family = model.family
    slope, free = _coordinates(family, own["beta"][:, terms])
    stretch = own["delta"][:, terms].reshape(len(slope), -1) if "delta" in own else slope[:, :0]
    target = np.concatenate([slope, stretch], axis=1)
    sds = np.repeat([free, _sd(family, "delta") if "delta" in own else 1.0], [slope.shape[1], stretch.shape[1]])
    ratio = (
        _conditional_log_density(target, _other_parameters(own, terms))
        + model.log_density(_without(own, terms), data)
        - model.log_density(own, data)
    )
    at_zero = stats.norm.logpdf(np.zeros(target.shape[1]), 0.0, sds).sum()
    # The prior on how cutpoints' slopes differ keeps its scale: only that of beta is varied.
    precision = (slope**2).sum(axis=1)
    width = free * scales[:, None]
    change = -0.5 * precision * (width**-2 - free**-2) - slope.shape[1] * np.log(scales[:, None])
    below, below_error, below_k = _log_mean(ratio[None], chains)
    above, above_error, above_k = _log_mean(change, chains)
    shape, error = np.maximum(below_k, above_k), np.hypot(below_error, above_error)
    if _other_parameters(own, terms).shape[1] > slope.shape[0] / 3:
        shape, error = np.full_like(shape, np.inf), np.full_like(error, np.nan)
    return at_zero - below + above, error, shape


def _sd(family: Any, name: str) -> float:
    return float(getattr(family, name).arguments["sigma"])


def _coordinates(family: Any, beta: np.ndarray) -> tuple[np.ndarray, float]:
    """Slopes of terms as independent normal coordinates (draw, coordinate), and their prior sd."""
    if not family.nominal:
        return beta, _sd(family, "beta")
    # An orthonormal basis of the vectors that add up to zero (Helmert's).
    return (beta @ _helmert(beta.shape[-1]).T).reshape(len(beta), -1), _sd(family, "beta") / np.sqrt(2.0)


def _helmert(kinds: int) -> np.ndarray:
    """Orthonormal rows that each add up to zero, shape (kinds - 1, kinds)."""
    rows = np.tril(np.ones((kinds - 1, kinds)), 0)
    rows[np.arange(kinds - 1), np.arange(1, kinds)] = -np.arange(1, kinds)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _without(own: dict[str, np.ndarray], terms: list[int]) -> dict[str, np.ndarray]:
    """The parameters with the slopes of some terms set to zero."""
    changed = dict(own)
    for name in ("beta", "delta"):
        if name in own:
            changed[name] = own[name].copy()
            changed[name][:, terms] = 0.0
    return changed


def _other_parameters(own: dict[str, np.ndarray], terms: list[int]) -> np.ndarray:
    """All other parameters as columns on unbounded scales, for the regression of the slope on them."""
    columns: list[np.ndarray] = [np.ones((own["beta"].shape[0], 1))]
    for name, values in own.items():
        if name in ("probability", "category_score", "group_offset"):
            continue  # cutpoints and effects say the same
        kept = np.delete(values, terms, axis=1) if name in ("beta", "delta") else values
        flat = kept.reshape(kept.shape[0], -1)
        columns.append(np.asarray(np.log(flat) if name in ("sigma", "nu", "rate_cv", "group_sd") else flat))
    return np.concatenate(columns, axis=1)


def _conditional_log_density(target: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Log density of each draw's slopes given its other parameters: normal, with moments of the other half of draws."""
    found = np.empty(target.shape[0])
    even = np.arange(target.shape[0]) % 2 == 0
    for learned, used in ((even, ~even), (~even, even)):
        coefficients, _, rank, _ = np.linalg.lstsq(others[learned], target[learned], rcond=None)
        residual = target[learned] - others[learned] @ coefficients
        covariance: Any = residual.T @ residual / max(1, len(residual) - rank)
        mean = np.zeros(target.shape[1])
        found[used] = stats.multivariate_normal(mean, covariance, allow_singular=True).logpdf(
            target[used] - others[used] @ coefficients
        )
    return found


def _log_mean(log_values: np.ndarray, chains: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log of the mean along the last axis, its standard error, and the Pareto k of the values' tail, each (row,)."""
    from arviz_stats.base.array import array_stats

    draws = log_values.shape[-1]
    log_mean = special.logsumexp(log_values, axis=-1) - np.log(draws)
    error, tail = np.zeros(len(log_values)), np.full(len(log_values), -np.inf)
    for row, values in enumerate(log_values):
        if np.ptp(values) < 1e-12:
            continue  # the fit's own scale: every value is one
        relative = np.exp(values - log_mean[row])
        ess: Any = array_stats.ess(relative.reshape(chains, -1), chain_axis=0, draw_axis=1, method="mean")
        error[row] = relative.std(ddof=1) / np.sqrt(max(float(ess), 1.0))
        smoothed: Any = array_stats.psislw(-values)
        tail[row] = np.asarray(smoothed[1]).item()
    return log_mean, error, tail
