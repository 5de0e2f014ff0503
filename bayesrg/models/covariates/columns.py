"""Columns of a table as covariates: as numbers, or as levels in their order, whatever pandas stores them as."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from bayesrg.errors import TableError, list_some

MOST_LEVELS = 20
"""Levels of text; more is a column of names, or of measurements that were read as text."""
MOST_CODES = 10
"""Text of this many different numbers may be codes."""


def check_complete(table: pd.DataFrame, columns: Sequence[str], whose: str) -> None:
    """Refuse absent columns, and missing values by column and row label; `whose` says what the rows are.

    Raises
    ------
    TableError
        For either, with the mend.
    """
    absent = [column for column in columns if column not in table]
    if absent:
        raise TableError(f"{whose} lack the covariates {list_some(absent, show=repr)}; they have {list_some(table)}")
    for column in columns:
        if list(table.columns).count(column) > 1:
            raise TableError(f"{whose} have more than one column {column!r}: rename them, or keep one")
        missing = table[column].isna().to_numpy()
        if missing.any():
            raise TableError(
                f"{whose} have {missing.sum():,} missing values of the covariate {column!r}, in the rows "
                f"{list_some(table.index[missing])}; drop those rows, or impute them"
            )


def find_levels(column: pd.Series, *, coded: bool) -> list[Any] | None:
    """Return the levels of a complete column in their order, or None if it holds numbers.

    Parameters
    ----------
    column : of numbers, booleans, text, or categories; levels without rows are left out
    coded : whether the formula asks for levels, so that numbers are levels as well

    Raises
    ------
    TableError
        For dates, intervals and the like, also as categories, and for text and numbers in one column.
    """
    values = [_plain(value) for value in column.tolist()]
    if isinstance(column.dtype, pd.CategoricalDtype) and all(isinstance(value, (str, Real)) for value in values):
        return [_plain(level) for level in column.cat.remove_unused_categories().cat.categories]
    if all(isinstance(value, Real) and not isinstance(value, bool) for value in values):
        return sorted(set(values)) if coded else None
    if all(isinstance(value, bool) for value in values) or all(isinstance(value, str) for value in values):
        _refuse_numbers_as_text(column)
        return sorted(set(values))
    kinds = sorted({type(value).__name__ for value in values})
    raise TableError(
        f"the covariate {column.name!r} holds values of the type {' and '.join(kinds)}; a covariate holds numbers, or "
        "text, or True and False: convert it in the table"
    )


def _refuse_numbers_as_text(column: pd.Series) -> None:
    """Refuse text that is numbers but for some cells, and text that is a name for nearly every row."""
    shown = column.to_numpy(dtype=str)
    strange = np.isnan(np.asarray(pd.to_numeric(pd.Series(shown), errors="coerce"), dtype=float))
    if 0 < strange.sum() < len(column) / 2 and np.unique(shown[~strange]).size > MOST_CODES:
        cells = [f"{str(cell)!r} in row {row}" for cell, row in zip(shown[strange], column.index[strange], strict=True)]
        raise TableError(
            f"the covariate {column.name!r} holds numbers but for {list_some(cells)}: correct these cells, or leave "
            "them empty to have their rows left out and counted"
        )
    levels = np.unique(shown).size
    if levels > MOST_LEVELS:
        raise TableError(
            f"the covariate {column.name!r} is text with {levels} levels ({list_some(np.unique(shown))}); at most "
            f"{MOST_LEVELS} are taken. Make it numbers, gather its levels, or name it as a group"
        )


def read_numbers(column: pd.Series) -> np.ndarray:
    """Return a complete column as floats (row).

    Raises
    ------
    TableError
        For text, categories and dates, and for infinite values, by row label.
    """
    values = [_plain(value) for value in column.tolist()]
    wrong = [not isinstance(value, Real) for value in values]
    if any(wrong) or isinstance(column.dtype, pd.CategoricalDtype):
        where = list_some(column.index[np.array(wrong, dtype=bool)]) if any(wrong) else "all, as categories"
        raise TableError(
            f"the covariate {column.name!r} stands where the formula needs numbers, and holds others in the rows "
            f"{where}; convert the column to numbers, or take its levels by C({column.name})"
        )
    numbers = np.array(values, dtype=float)
    if not np.isfinite(numbers).all():
        raise TableError(
            f"the covariate {column.name!r} is infinite in the rows {list_some(column.index[~np.isfinite(numbers)])}; "
            "mend the values, or drop those rows"
        )
    return numbers


def read_levels(column: pd.Series, levels: Sequence[Any]) -> pd.Categorical:
    """Return a complete column as a categorical of known levels.

    Raises
    ------
    TableError
        For other levels, with their row labels.
    """
    codes = {level: code for code, level in enumerate(levels)}
    values = [_plain(value) for value in column.tolist()]
    found = np.array([codes.get(value, -1) if isinstance(value, (str, Real)) else -1 for value in values], dtype=int)
    if (found < 0).any():
        unknown = list(dict.fromkeys(repr(value) for value, code in zip(values, found, strict=True) if code < 0))
        raise TableError(
            f"the covariate {column.name!r} has the levels {list_some(unknown)} in the rows "
            f"{list_some(column.index[found < 0])}, of which the model knows nothing; it knows "
            f"{list_some(levels, show=repr)}: drop those rows, or map them to known levels"
        )
    return pd.Categorical.from_codes(found, categories=pd.Index(levels))


def _plain(value: Any) -> Any:
    """Return a value as Python's own type; whole numbers are whole although a gap made their column floats."""
    plain = value.item() if isinstance(value, np.generic) else value
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain
