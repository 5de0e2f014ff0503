"""Pareto-smoothed importance sampling of many posteriors at once.

The largest weights of each member are replaced by the expected order statistics of a generalised Pareto distribution
fitted to them, whose shape k says whether the weighted draws may be trusted: up to 0.7 they may (Vehtari et al. 2024,
JMLR 25:72). The fit is that of Zhang & Stephens 2009 (doi:10.1198/tech.2009.08017) with a weak prior on k.
"""

import numpy as np

# Weak prior of the shape: as good as ten observations of 0.5.
PRIOR_OBSERVATIONS, PRIOR_SHAPE = 10, 0.5


def smooth_weights(log_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed weights, normalised, and Pareto k.

    Parameters
    ----------
    log_weight : ndarray, shape (member, draw), unnormalised; -inf where a weight is zero; at least 25 draws

    Returns
    -------
    weight : ndarray, shape (member, draw); each member's add up to one, or are all NaN where k is inf for want of
        finite weights
    k : ndarray, shape (member,); inf where a logarithm is NaN or +inf or all are -inf, and where the tail is too
        nearly constant for a fit (those weights stay as they are)
    """
    draws = log_weight.shape[1]
    tail = int(3.0 * np.sqrt(draws)) if draws > 225 else draws // 5
    largest = log_weight.max(axis=1)  # NaN if any is
    usable = np.isfinite(largest)
    weight = np.exp(np.where(usable[:, None], log_weight, 0.0) - np.where(usable, largest, 0.0)[:, None])
    top = np.argpartition(weight, draws - tail - 1, axis=1)[:, draws - tail - 1 :]
    cutoff = np.take_along_axis(weight, top[:, :1], axis=1)
    top = top[:, 1:]
    excess = np.take_along_axis(weight, top, axis=1) - cutoff
    order = np.argsort(excess, axis=1)
    top, excess = np.take_along_axis(top, order, axis=1), np.take_along_axis(excess, order, axis=1)
    k, sigma = fit_generalised_pareto(excess)
    k[~usable] = np.inf
    exceeded = -np.log1p(-(np.arange(tail) + 0.5) / tail)
    fitted = np.isfinite(k)[:, None]
    shape = np.where(fitted & (k[:, None] != 0), k[:, None], 1e-12)
    expected = cutoff + np.where(fitted, sigma[:, None], 0.0) * np.expm1(shape * exceeded) / shape
    np.put_along_axis(weight, top, np.where(fitted, np.minimum(expected, 1.0), excess + cutoff), axis=1)
    weight /= weight.sum(axis=1, keepdims=True)
    weight[~usable] = np.nan
    return weight, k


def fit_generalised_pareto(excess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shape k, with its weak prior, and scale of generalised Pareto distributions.

    Parameters
    ----------
    excess : ndarray, shape (member, observation), not negative, each row ascending

    Returns
    -------
    k, sigma : ndarray, shape (member,); inf and NaN where there is no fit, as where the first quartile is the minimum
    """
    n = excess.shape[1]
    quartile = excess[:, int(n / 4 + 0.5) - 1]
    possible = quartile > excess[:, 0]
    excess = np.where(possible[:, None], excess, np.arange(1.0, n + 1.0))
    quartile = np.where(possible, quartile, 1.0)
    candidates = 30 + int(np.sqrt(n))
    grid = 1.0 - np.sqrt(candidates / (np.arange(candidates) + 0.5))
    with np.errstate(over="ignore", invalid="ignore"):  # weights over hundreds of orders of magnitude have no fit
        # b = -k / sigma; the profile likelihood of each candidate is its weight.
        b = grid / (3.0 * quartile[:, None]) + 1.0 / excess[:, -1:]
        terms = b[:, :, None] * -excess[:, None, :]
        shapes = np.log1p(terms, out=terms).mean(axis=2)
        likelihood = n * (np.log(-b / shapes) - shapes - 1.0)
        likelihood = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
        likelihood /= likelihood.sum(axis=1, keepdims=True)
        likelihood[likelihood < 10.0 * np.finfo(float).eps] = 0.0
        b = (b * likelihood).sum(axis=1) / likelihood.sum(axis=1)
        shape = np.log1p(-b[:, None] * excess).mean(axis=1)
        sigma = -shape / b
    shape = (n * shape + PRIOR_OBSERVATIONS * PRIOR_SHAPE) / (n + PRIOR_OBSERVATIONS)
    fitted = possible & np.isfinite(shape) & (sigma > 0)
    return np.where(fitted, shape, np.inf), np.where(fitted, sigma, np.nan)
