"""What about an association's data should make a reader doubt: few events, separation, weights that do not add up."""

import numpy as np
import xarray as xr
from scipy.optimize import linprog
from scipy.special import expit

from bayesrg.errors import FitError
from bayesrg.models.classical.separation import cumulative_directions, multinomial_directions

FEWEST_ROWS = 10  # in the rarer category for every coefficient, below which estimates rest on the priors as well
# Of a direction within a box from -1 to 1: far above the tolerance of the linear program (1e-7).
_MOVES = 1e-5


def find_association_cautions(data: xr.Dataset) -> list[str]:
    """Warnings of rare categories, of separation, and of weights that change how many patients there seem to be."""
    return [*_find_few(data), *_find_separation(data), *_find_weights(data)]


def separates(data: xr.Dataset) -> bool:
    """Whether predictors and covariates separate the categories, wholly or but for ties (Albert and Anderson 1984).

    Then the coefficients have a direction along which no patient's likelihood falls and some patient's rises, and no
    maximum. Found by linear programming: the largest sum of what patients gain, none of whom may lose. Of ordered
    outcomes the cutpoints may move as well. Effects of groups are left out: their own distribution bounds them.

    Raises
    ------
    TypeError
        For a family that has no categories.
    """
    family, value = data.attrs["family"], data["value"].values.astype(int)
    predictors = np.concatenate([data["predictor"].values, data["covariates"].values], axis=1)
    if family == "ordinal":
        # A category without patients lets its cutpoints move, whatever the predictors say.
        gains = cumulative_directions(np.unique(value, return_inverse=True)[1], predictors)
        own = predictors.shape[1]
    elif family in ("bernoulli", "categorical"):
        seen = np.unique(value, return_inverse=True)[1]
        gains = multinomial_directions(seen, np.column_stack([predictors, np.ones(value.size)]))
        own = gains.shape[1]
    else:
        raise TypeError(f"an outcome of family {family!r} has no categories that could be separated")
    if _balances(gains):
        return False
    solved = linprog(-gains.sum(axis=0), A_ub=-gains, b_ub=np.zeros(len(gains)), bounds=(-1.0, 1.0))
    if not solved.success:
        raise FitError(f"whether the predictors separate {data.attrs['outcome']!r} was not found: {solved.message}")
    return bool((gains @ solved.x).max() > _MOVES and np.abs(solved.x[:own]).max() > _MOVES)


def _balances(gains: np.ndarray) -> bool:
    """Whether positive weights were found with which all gains (constraint, coefficient) cancel: a proof of overlap.

    Such weights are the residuals 1 - p at the maximum of a logistic likelihood. Where r is what is left of the sum, a
    direction d within the box gains at most sum |r| / min(weight). False says nothing: the linear program, which takes
    minutes for thousands of patients, has to be asked.
    """
    direction = np.zeros(gains.shape[1])
    for _ in range(30):
        weight = expit(-(gains @ direction))
        left = weight @ gains
        if np.abs(left).sum() < _MOVES * weight.min():
            return True
        curvature = (gains * (weight * (1.0 - weight))[:, None]).T @ gains
        direction = direction + np.linalg.lstsq(curvature, left)[0]
        if not np.abs(gains @ direction).max() < 30.0:
            return False
    return False


def _find_few(data: xr.Dataset) -> list[str]:
    """A warning where there are few patients for each coefficient."""
    value, family, outcome = data["value"].values, data.attrs["family"], data.attrs["outcome"]
    coefficients = data.sizes["term"] + data.sizes["covariate"]
    asked = f"for {coefficients} coefficient{'s' if coefficients > 1 else ''}"
    matters = "the priors may matter, see the sensitivity to them"
    if family in ("bernoulli", "ordinal", "categorical"):
        counts = np.bincount(value.astype(int), minlength=data.sizes["category"])
        rarest = int(counts.argmin())
        if family == "ordinal" and counts[rarest]:
            # What n patients in ordered categories are worth: those of two equal ones, at most (Harrell 2015).
            worth = value.size - float((counts.astype(float) ** 3).sum()) / value.size**2
            if worth < 2 * FEWEST_ROWS * coefficients:
                return [f"{value.size} patients in {counts.size} ordered categories {asked}: {matters}"]
        elif counts[rarest] < FEWEST_ROWS * coefficients:
            has = "has" if counts[rarest] == 1 else "have"
            return [
                f"{counts[rarest]} of {value.size} patients {has} {outcome} = {data['category'].values[rarest]}, "
                f"{asked}: {matters}"
            ]
    elif value.size < FEWEST_ROWS * coefficients:
        return [f"{value.size} patients {asked}: {matters}"]
    return []


def _find_separation(data: xr.Dataset) -> list[str]:
    """A warning where the likelihood has no maximum."""
    if data.attrs["family"] not in ("bernoulli", "ordinal", "categorical") or not separates(data):
        return []
    what = "the two outcomes" if data.sizes["category"] == 2 else "categories of the outcome"
    return [
        f"predictors and covariates separate {what}: the likelihood has no maximum, and the size of at least one "
        "coefficient, which may be a covariate's, is bounded by its prior alone"
    ]


def _find_weights(data: xr.Dataset) -> list[str]:
    """A warning where weights make more or fewer patients of those there are."""
    weight = data["weight"].values
    if np.isclose(weight.sum(), weight.size, rtol=1e-6):
        return []
    return [
        f"weights add up to {weight.sum():.6g} for {weight.size} patients: posteriors are as wide as those of "
        f"{weight.sum():.6g} patients (effective number {weight.sum() ** 2 / (weight**2).sum():.1f}, Kish 1965)"
    ]
