"""Variables as bins of ranks: cut where frequencies are equal, ties together, at several resolutions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from bayesrg.errors import DesignError, TableError, list_some

BINS = (2, 3, 4, 5, 6, 8)
"""Numbers of bins into which a variable with order and many values is cut."""
FEWEST_IN_BIN = 5
"""Finer bins than this many patients are left out, but two bins are always tried."""
MOST_CATEGORIES = 8
"""A variable with order and no more values than this keeps them as categories, if two patients a value have them."""


@dataclass(frozen=True)
class Binning:
    """One way to cut a variable: the bin of each patient, and what each bin holds, in order."""

    place: np.ndarray
    labels: Sequence[str]


def read_ranked(given: Sequence[object] | np.ndarray | pd.Series, name: str, nominal: bool) -> pd.Series:
    """Values of a variable as text where it has no order, else as an ordered categorical or as numbers.

    Raises
    ------
    TableError
        For missing values, or values without an order of a variable that is said to have one.
    DesignError
        If there are none.
    """
    if getattr(given, "ndim", 1) != 1:
        raise TableError(f"the {name} is a table; give one column of it, a value for every patient")
    values = pd.Series(given)
    if values.empty:
        raise DesignError(f"the {name} has no values, so there is nothing that could depend on it")
    missing = np.flatnonzero(values.isna())
    if missing.size:
        raise TableError(
            f"{missing.size} of the {values.size} values of the {name} are missing, in rows "
            f"{list_some(missing + 1)}. Drop or impute these patients first, in both variables."
        )
    if nominal:
        return values.astype(str)
    if isinstance(values.dtype, pd.CategoricalDtype) and values.dtype.ordered:
        return values
    if not pd.api.types.is_numeric_dtype(values):
        raise TableError(
            f"the {name} holds values without an order, such as {values.iloc[0]!r}. Say nominal_{name}=True, or give "
            "numbers or an ordered categorical."
        )
    return values.astype(float)


def cut(values: pd.Series, name: str, *, nominal: bool) -> dict[int, Binning]:
    """Cut a variable at every resolution that it has: number of bins -> binning, the coarsest first.

    Bins are of equal frequency as far as ties, which stay together, let them be. Ties may leave fewer bins than were
    asked for; no number of bins is there twice.

    Parameters
    ----------
    values : one a patient, none missing: numbers, text, or an ordered categorical
    name : what the variable is, for messages

    Raises
    ------
    DesignError
        If the variable is constant, or nominal with another category for every patient.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        used = values.cat.remove_unused_categories().cat
        kinds, place = used.categories.to_numpy(), used.codes.to_numpy()
    else:
        kinds, place = np.unique(values.to_numpy(), return_inverse=True)
    if kinds.size < 2:
        raise DesignError(
            f"the {name} has the same value, {kinds[0]}, for all {values.size} patients, so nothing can depend on it. "
            "Leave it out."
        )
    if nominal and kinds.size == values.size > 2:
        raise DesignError(
            f"the nominal {name} has another category for each of the {values.size} patients, as an identifier has. "
            "Merge categories, or say that its values have an order."
        )
    # Categories of one patient each make the same table of every data set.
    if nominal or kinds.size <= max(2, min(MOST_CATEGORIES, place.size // 2)):
        return {kinds.size: Binning(place, _label(kinds, kinds))}
    found: dict[int, Binning] = {}
    quantile = (stats.rankdata(place) - 0.5) / place.size
    for number in BINS:
        if number > max(2, place.size // FEWEST_IN_BIN):
            break
        held, own = np.unique(np.floor(quantile * number), return_inverse=True)
        lowest, highest = np.full(held.size, kinds.size), np.zeros(held.size, dtype=int)
        np.minimum.at(lowest, own, place)
        np.maximum.at(highest, own, place)
        found.setdefault(held.size, Binning(own, _label(kinds[lowest], kinds[highest])))
    return found


def count(rows: Binning, columns: Binning) -> np.ndarray:
    """Patients in each cell of two binnings, shape (bins of the rows, bins of the columns)."""
    shape = len(rows.labels), len(columns.labels)
    return np.bincount(np.ravel_multi_index((rows.place, columns.place), shape), minlength=shape[0] * shape[1]).reshape(
        shape
    )


def _label(lowest: np.ndarray, highest: np.ndarray) -> list[str]:
    """Name bins by what they hold, numbers with as many digits as tell the bins apart."""
    if lowest.dtype.kind != "f":
        ends = [(str(low), str(high)) for low, high in zip(lowest, highest, strict=True)]
        return [low if low == high else f"{low} to {high}" for low, high in ends]
    labels: list[str] = []
    for digits in range(4, 18):
        ends = [(f"{low:.{digits}g}", f"{high:.{digits}g}") for low, high in zip(lowest, highest, strict=True)]
        labels = [low if low == high else f"{low} to {high}" for low, high in ends]
        if len(set(labels)) == len(labels):
            break
    return labels
