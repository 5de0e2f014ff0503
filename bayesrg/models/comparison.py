"""Fits of one association held against each other: which family predicts patients that it has not seen better."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.inference.fitting import data_of

# What the log likelihood of a family is a probability of: only like is compared with like.
KINDS = {
    "gaussian": "a density of the outcome",
    "student_t": "a density of the outcome",
    "bernoulli": "a probability of categories",
    "ordinal": "a probability of categories",
    "categorical": "a probability of categories",
    "rank": "a probability of categories",
    "negative_binomial": "a probability of counts",
}


def compare(trees: Mapping[str, xr.DataTree]) -> pd.DataFrame:
    """Table of fits, the best predictions first, by leave-one-out cross-validation with stacking weights.

    Parameters
    ----------
    trees : name -> fit of an `Association` to the same outcome of the same patients

    Returns
    -------
    DataFrame indexed by name: `elpd` (expected log predictive density, weighted and summed over the patients, in the
    outcome's own units), `se`, `elpd_diff` and `dse` (to the best, and its standard error), `p` (effective number of
    parameters), `weight` (stacking: Yao et al. 2018, doi:10.1214/17-BA1091) and `pareto_k` (the largest; above 0.7 the
    row is not to be trusted).

    Raises
    ------
    FitError
        For fewer than two fits, other patients or outcomes, other weights, or families whose likelihoods are not
        comparable: a probability of ranks is no density of values.
    """
    import arviz as az

    if len(trees) < 2:
        raise FitError("a comparison takes two fits or more")
    data = {name: data_of(tree) for name, tree in trees.items()}
    _refuse_unlike(data)
    with warnings.catch_warnings():
        # The largest Pareto k of each fit stands in the table.
        warnings.filterwarnings("ignore", message="Estimated shape parameter of Pareto", category=UserWarning)
        scores: dict[str, Any] = {
            name: az.loo(tree, var_name="value", pointwise=True, log_jacobian=_log_jacobian(data[name]))
            for name, tree in trees.items()
        }
        table = az.compare(scores, method="stacking", round_to="none")
    columns = ["elpd", "se", "elpd_diff", "dse", "p", "weight"]
    largest = {name: float(np.max(score.pareto_k.values)) for name, score in scores.items()}
    return table[columns].astype(float).assign(pareto_k=[largest[str(name)] for name in table.index])


def original_outcome(data: xr.Dataset) -> np.ndarray:
    """The outcome as it was measured: numbers in its units, or labels of categories as text."""
    value = data["value"].values
    if "category" in data.coords:
        labels = [str(label).removesuffix(".0") for label in data["category"].values]
        return np.array(labels)[value.astype(int)]
    if data.attrs["transformation"] not in ("z_score", "log"):
        return value
    value = value * data.attrs["scale"] + data.attrs["location"]
    return np.exp(value) if data.attrs["transformation"] == "log" else value


def _log_jacobian(data: xr.Dataset) -> xr.DataArray | None:
    """Log of how much one unit of the outcome is on the model's scale, for each patient."""
    if data.attrs["family"] not in ("gaussian", "student_t"):
        return None
    stretch = np.full(data.sizes["patient"], -np.log(data.attrs["scale"]))
    if data.attrs["transformation"] == "log":
        stretch = stretch - (data["value"].values * data.attrs["scale"] + data.attrs["location"])
    return xr.DataArray(stretch * data["weight"].values, dims="patient")


def _refuse_unlike(data: Mapping[str, xr.Dataset]) -> None:
    (first, reference), *others = data.items()
    for name, one in data.items():
        if one.attrs["transformation"] == "rank_normal":
            raise FitError(
                f"{name!r} models normal scores, which have no density of the outcome: it cannot be compared"
            )
    for name, one in others:
        for what, own, other in (
            ("outcome", one.attrs["outcome"], reference.attrs["outcome"]),
            ("kind of likelihood", KINDS[one.attrs["family"]], KINDS[reference.attrs["family"]]),
        ):
            if own != other:
                raise FitError(
                    f"{name!r} and {first!r} differ in their {what} ({own}; {other}): they cannot be compared"
                )
        if not np.array_equal(one["patient"].values, reference["patient"].values):
            shared = len(set(one["patient"].values) & set(reference["patient"].values))
            raise FitError(
                f"{name!r} and {first!r} are of other patients ({one.sizes['patient']} and "
                f"{reference.sizes['patient']}, {shared} in both): fit both to those who have all variables"
            )
        if not np.allclose(one["weight"].values, reference["weight"].values):
            raise FitError(f"{name!r} and {first!r} weigh their patients differently: they cannot be compared")
        own, other = original_outcome(one), original_outcome(reference)
        same = np.array_equal(own, other) if own.dtype.kind == "U" else np.allclose(own, other, rtol=1e-9, atol=0.0)
        if not same:
            raise FitError(
                f"{name!r} and {first!r} have other values of {one.attrs['outcome']}: they cannot be compared"
            )
        kinds = [
            [str(label).removesuffix(".0") for label in part["category"].values] if "category" in part.coords else []
            for part in (one, reference)
        ]
        if set(kinds[0]) != set(kinds[1]):
            raise FitError(f"{name!r} and {first!r} have other categories of {one.attrs['outcome']}")
