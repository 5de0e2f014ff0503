"""Probability of superiority, P(X1 > X0) + P(X1 = X0) / 2: that a value of one group is above one of another.

It is what Wilcoxon's rank-sum test is about: U / (n0 n1) estimates it (Mann & Whitney 1947,
doi:10.1214/aoms/1177730491), and 1/2 is no tendency either way. The exact form takes two distributions over the same
ordered categories, as the rank and the ordinal model have them in each draw; the Bayesian bootstrap needs no model, and
so checks theirs.
"""

from collections.abc import Sequence

import numpy as np

from bayesrg.errors import DesignError, SettingsError, TableError, list_some

MOST_WEIGHTS = 2**21
"""Weights held at once by the bootstrap: 16 MB."""


def superiority_from_probabilities(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Probability that a value of `high` is above one of `low`, half of it where they are equal; exact.

    Parameters
    ----------
    low, high : ndarrays, shape (..., category), probabilities of the same categories in their order; the leading
        dimensions (such as chain and draw) are broadcast

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    TableError
        If the two have different categories, or probabilities that do not add up to 1.

    Examples
    --------
    >>> float(superiority_from_probabilities(np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])))
    0.875
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    if low.shape[-1] != high.shape[-1]:
        raise TableError(
            f"one distribution has {low.shape[-1]} categories and the other {high.shape[-1]}; give both over the same"
        )
    for name, given in (("low", low), ("high", high)):
        sums = given.sum(axis=-1)
        if not np.allclose(sums, 1.0, rtol=0.0, atol=1e-6):
            worst = np.ravel(sums)[np.abs(np.ravel(sums) - 1.0).argmax()]
            raise TableError(
                f"probabilities of `{name}` add up to {worst:.6g}, not to 1; the last axis is the category"
            )
    return (high * (np.cumsum(low, axis=-1) - 0.5 * low)).sum(axis=-1)


def bayesian_bootstrap_superiority(
    low: Sequence[float] | np.ndarray, high: Sequence[float] | np.ndarray, *, seed: int, draws: int = 4000
) -> np.ndarray:
    """Draws of the probability that a value of `high` is above one of `low`, by the Bayesian bootstrap of both groups.

    The values of each group get weights from a Dirichlet distribution with all concentrations 1, one draw of the
    group's distribution; their mean is Mann and Whitney's U / (n0 n1). No mass is put on values that were not seen: of
    groups that do not overlap every draw is 0 or 1, and with few patients the interval is too narrow. The rank model,
    whose prior has mass between the groups, is not so sure.

    Parameters
    ----------
    low, high : values of the two groups, one a patient, in any unit: only their order counts
    seed : the same seed gives the same draws
    draws : how many

    Returns
    -------
    ndarray, shape (draws,)

    Raises
    ------
    TableError
        If a value is missing, or a group is not one column.
    DesignError
        If a group is empty.
    SettingsError
        If there is no draw.

    References
    ----------
    Rubin 1981, doi:10.1214/aos/1176345338

    Examples
    --------
    >>> bayesian_bootstrap_superiority([1, 2], [3, 4, 5], seed=1, draws=2).tolist()
    [1.0, 1.0]
    """
    if draws < 1:
        raise SettingsError(f"draws must be at least 1, got {draws}")
    below, above = np.sort(_read(low, "low")), _read(high, "high")
    under, up_to = np.searchsorted(below, above, "left"), np.searchsorted(below, above, "right")
    rng = np.random.default_rng(seed)
    found = np.empty(draws)
    at_once = max(1, MOST_WEIGHTS // (below.size + above.size))
    for start in range(0, draws, at_once):
        number = min(at_once, draws - start)
        summed = np.zeros((number, below.size + 1))
        np.cumsum(rng.standard_exponential((number, below.size)), axis=1, out=summed[:, 1:])
        weight = rng.standard_exponential((number, above.size))
        passed = 0.5 * (summed[:, under] + summed[:, up_to])
        # Both sums are divided by at the end: exponentials over their sum are a Dirichlet of ones.
        found[start : start + number] = (weight * passed).sum(axis=1) / (summed[:, -1] * weight.sum(axis=1))
    return np.minimum(found, 1.0)  # rounding of the sums passes 1 by 1e-16


def _read(given: Sequence[float] | np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(given, dtype=float)
    if values.ndim != 1:
        raise TableError(f"the group `{name}` has {values.ndim} dimensions; give one column, a value for every patient")
    if not values.size:
        raise DesignError(f"the group `{name}` has no patient: there is nothing to compare")
    missing = np.flatnonzero(np.isnan(values))
    if missing.size:
        raise TableError(
            f"{missing.size} of the {values.size} values of the group `{name}` are missing, in rows "
            f"{list_some(missing + 1)}. Drop or impute these patients first."
        )
    return values
