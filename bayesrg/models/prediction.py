"""New patients predicted from a fit alone: what is to be expected of each, and how sure that is."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import list_some
from bayesrg.inference.fitting import data_of
from bayesrg.transformation import Transformation


def predict_patients(
    tree: xr.DataTree, model: Any, table: pd.DataFrame, *, seed: int, patient: str | None = None, ci_prob: float = 0.95
) -> pd.DataFrame:
    """Predictions of an association's outcome for new patients, a row each.

    Parameters
    ----------
    tree : a fit of an `Association`; a saved one is enough, the table that it was fitted to is not needed
    model : the model of the fit
    table : with the columns of predictors, covariates and groups; levels of a group that was not fitted are allowed
    seed : the same seed gives the same answer
    patient : column of labels; None takes the table's index
    ci_prob : probability of the equal-tailed intervals

    Returns
    -------
    DataFrame indexed by patient. Of a binary outcome, or one with categories, ``probability[category]`` of the event,
    or of each category, with its ``lower[…]`` and ``upper[…]`` limits, which tell how well the probability is known. Of
    any other outcome the `median` of what one new patient would show, and the limits of the interval that would hold
    it, in the outcome's units; of ranks these are the values, or labels, that were fitted; of normal scores they are
    normal scores.

    Raises
    ------
    TableError
        For absent columns, missing values, or levels of predictors and covariates that were never fitted.
    """
    data = data_of(tree)
    new = model.prepare_new(table, data, patient=patient)
    strange = [str(label) for label in new["level"].values[data.sizes["level"] :]]
    if strange:
        warnings.warn(
            f"not fitted: {list_some(strange)}. Effects are drawn as the other levels' are spread, which makes these "
            "predictions less sure; check the spelling",
            stacklevel=2,
        )
    drawn = model.predict(tree["posterior"].to_dataset(), data, new, np.random.default_rng(seed))
    limits = [(1.0 - ci_prob) / 2.0, 0.5, (1.0 + ci_prob) / 2.0]
    index = pd.Index(new["patient"].values, name="patient")
    family = model.family.name
    if family in ("bernoulli", "ordinal", "categorical"):
        expected = drawn["expected"].transpose("chain", "draw", "patient", ...).values
        flat = expected.reshape(-1, len(index), *([expected.shape[-1]] if expected.ndim == 4 else [1]))
        low, _, high = np.quantile(flat, limits, axis=0)
        # Of a binary outcome the event's probability says all; its name says which of the two is the event.
        kinds = data["category"].values
        labels = [f"[{label}]" for label in (kinds[1:] if expected.ndim == 3 else kinds)]
        columns = {}
        for number, label in enumerate(labels):
            columns[f"probability{label}"] = flat[..., number].mean(axis=0)
            columns[f"lower{label}"], columns[f"upper{label}"] = low[:, number], high[:, number]
        return pd.DataFrame(columns, index=index)
    value = drawn["value"].transpose("chain", "draw", "patient").values.reshape(-1, len(index))
    # A quantile that is one of the draws commutes with the way back to units, whatever that is.
    low, middle, high = (_in_units(own, data) for own in np.quantile(value, limits, axis=0, method="inverted_cdf"))
    return pd.DataFrame({"median": middle, "lower": low, "upper": high}, index=index)


def _in_units(value: np.ndarray, data: xr.Dataset) -> np.ndarray:
    """Values of a new patient in the outcome's units."""
    if data.attrs["transformation"] in ("z_score", "log"):
        scale = Transformation(data.attrs["transformation"], data.attrs["location"], data.attrs["scale"])
        raw = value * scale.scale + scale.location
        return np.exp(raw) if scale.name == "log" else raw
    labels = data["category"].values if "category" in data.coords else None
    return value if labels is None else labels[value.astype(int)]
