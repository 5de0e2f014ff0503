"""Predictors as columns of numbers: as they are, or an indicator of each level but the reference; standardised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import TableError, list_some
from bayesrg.models.covariates.columns import MOST_LEVELS
from bayesrg.models.patient_rows.cells import as_numbers, label, labels_of, read_column, read_varying


@dataclass(frozen=True)
class Predictors:
    """Columns of numbers, one a term.

    Parameters
    ----------
    columns : rows as in the table; a float column for each term
    coding : categorical predictor -> ``levels``, ``reference`` and ``contrast``
    origin : of each term the predictor that it is of
    """

    columns: pd.DataFrame
    coding: Mapping[str, Any]
    origin: tuple[str, ...]


def read_predictors(table: pd.DataFrame, predictors: Sequence[str], reference: Mapping[str, Any]) -> Predictors:
    """Read the predictors of complete rows.

    Raises
    ------
    TableError
        For a predictor that does not vary, one with too many levels, dates, and two terms of one name.
    TypeError
        For the reference level of a column of numbers.
    """
    columns: dict[str, np.ndarray] = {}
    coding: dict[str, Any] = {}
    origin: list[str] = []
    taken: list[str] = []
    for name in predictors:
        column = read_column(table, name)
        if pd.api.types.is_numeric_dtype(column) and not isinstance(column.dtype, pd.CategoricalDtype):
            if name in reference:
                raise TypeError(f"reference names {name!r}, which is a column of numbers and has no reference level")
            own, names = {name: read_varying(table, name, "predictor")}, [name]
        else:
            coding[name] = _read_levels(column, name, reference.get(name))
            names = [f"{name}[{level}]" for level in coding[name]["levels"]]
            own = indicate(labels_of(column), name, coding[name])
        clash = sorted(set(taken) & set(names))
        if clash:
            raise TableError(f"two predictors have the term {list_some(clash, show=repr)}: rename one of the columns")
        columns |= own
        taken += names
        origin += [name] * len(own)
    return Predictors(pd.DataFrame(columns, index=table.index), coding, tuple(origin))


def indicate(labels: np.ndarray, name: str, coding: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Term -> indicator (row), of each level of a categorical predictor but its reference."""
    return {
        f"{name}[{level}]": (labels == level).astype(float)
        for level in coding["levels"]
        if level != coding["reference"]
    }


def standardise(columns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns centred, and divided by their sd, or by their one step where they have two values.

    Returns
    -------
    Standardised columns (row, column); location, scale and sd of each; a column of two values has the difference of
    these as its scale.
    """
    values = columns.to_numpy(float)
    location, sd = values.mean(axis=0), values.std(axis=0, ddof=1)
    two = two_valued(values)
    scale = np.where(two, np.ptp(values, axis=0), sd)
    return (values - location) / scale, location, scale, sd


def two_valued(values: np.ndarray) -> np.ndarray:
    """Which columns (row, column) have just two values."""
    return np.array([np.unique(column).size == 2 for column in values.T], dtype=bool)


def add_predictors(data: xr.Dataset, columns: pd.DataFrame) -> xr.Dataset:
    """The Dataset with `predictor` (patient, term) and what leads back to the predictors' own units."""
    standardised, location, scale, sd = standardise(columns)
    values = columns.to_numpy(float)
    two = two_valued(values)
    low = np.where(two, values.min(axis=0), np.quantile(values, 0.25, axis=0))
    high = np.where(two, values.max(axis=0), np.quantile(values, 0.75, axis=0))
    # Quartiles of a predictor with many equal values may coincide: then its extremes are compared.
    same = low == high
    low, high = np.where(same, values.min(axis=0), low), np.where(same, values.max(axis=0), high)
    return data.assign_coords(term=np.array(columns.columns, dtype=str)).assign(
        predictor=(("patient", "term"), standardised),
        predictor_location=("term", location),
        predictor_scale=("term", scale),
        predictor_sd=("term", sd),
        predictor_low=("term", low),
        predictor_high=("term", high),
        two_valued=("term", two),
    )


def _read_levels(column: pd.Series, name: str, reference: Any) -> dict[str, Any]:
    """Levels of a categorical predictor in their order, those without rows left out, and its reference."""
    found = dict.fromkeys(labels_of(column))
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        kind = kind.categories.dtype
        levels = list(dict.fromkeys(level for level in map(label, column.cat.categories) if level in found))
    else:
        levels = sorted(map(str, found))
        if len(levels) > 2 and not np.isnan(as_numbers(levels)).any():
            raise TableError(
                f"predictor {name!r} is text, and all of it numbers ({list_some(levels)}): convert it with "
                "pd.to_numeric, or make it categorical if its numbers are names of levels"
            )
    if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_timedelta64_dtype(kind):
        raise TableError(f"predictor {name!r} holds dates or durations: make numbers of them, such as days")
    if len(levels) < 2:
        raise TableError(
            f"predictor {name!r} is {levels[0]} in all {len(column)} rows that are complete: nothing can be associated "
            "with it"
        )
    if len(levels) > MOST_LEVELS:
        raise TableError(
            f"predictor {name!r} is text or categories, with {len(levels)} levels ({list_some(levels)}), and at most "
            f"{MOST_LEVELS} are taken: convert it with pd.to_numeric if it is numbers, gather levels, or name it as a "
            "group"
        )
    base = levels[0] if reference is None else label(reference)
    if base not in levels:
        raise TableError(f"reference {base!r} of predictor {name!r} is none of its levels: {list_some(levels)}")
    return {"levels": levels, "reference": base, "contrast": "treatment"}
