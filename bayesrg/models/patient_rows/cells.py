"""Cells of a table as they are meant, however pandas stores them: numbers held as objects, 1.0 and 1, minus zero."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from bayesrg.design import read_numbers
from bayesrg.errors import TableError

# A column whose values differ by less than this part of the largest differs by rounding, not by measurement.
ROUNDING = 1e-12


def with_text_names(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its columns named by text, as a number is no name in a formula or a file."""
    if all(isinstance(name, str) for name in table.columns):
        return table
    return table.set_axis([str(name) for name in table.columns], axis=1)


def read_column(table: pd.DataFrame, name: str) -> pd.Series:
    """A column; objects that are all numbers, all text or all truth values are stored as such.

    Raises
    ------
    TableError
        If several columns have that name.
    """
    found = table[name]
    if isinstance(found, pd.DataFrame):
        raise TableError(f"the table has {found.shape[1]} columns named {name!r}: rename all but one")
    return found.infer_objects() if found.dtype == object else found


def label(cell: Any) -> str:
    """A cell as a label, the same for 1 and 1.0, which a gap elsewhere in the column may have made of it.

    Examples
    --------
    >>> label(2.0), label(2), label("2"), label(0.5), label(True)
    ('2', '2', '2', '0.5', 'True')
    """
    if isinstance(cell, bool | np.bool_ | str):
        return str(cell)
    if isinstance(cell, float | np.floating):
        return repr(float(cell) + 0.0).removesuffix(".0")  # + 0.0 makes zero of minus zero
    return str(cell)


def labels_of(column: pd.Series | pd.Index) -> np.ndarray:
    """The label of every cell, shape (row,)."""
    return np.array([label(cell) for cell in column], dtype=str)


def as_numbers(cells: Iterable[Any]) -> np.ndarray:
    """Cells as floats (row), NaN where a cell is empty or no number."""
    return np.asarray(pd.to_numeric(pd.Series(cells), errors="coerce"), dtype=float)


def read_varying(table: pd.DataFrame, name: str, what: str) -> np.ndarray:
    """A complete column as floats (row) whose standard deviation is a number.

    Parameters
    ----------
    what : what the column is to the model, for messages

    Raises
    ------
    TableError
        For complex numbers, text, infinite values, a constant, values that differ by rounding alone, and values whose
        squares are too large or too small for a computer.
    """
    if pd.api.types.is_complex_dtype(table[name]):
        raise TableError(f"{what} {name!r} holds complex numbers: take their absolute value, or another real number")
    value = read_numbers(table, name)
    largest, rows = np.abs(value).max(), f"in all {value.size} rows that are complete"
    if np.ptp(value) == 0:
        raise TableError(f"{what} {name!r} is {value[0]:g} {rows}: nothing can be associated with it")
    if np.ptp(value) <= ROUNDING * largest:
        raise TableError(
            f"{what} {name!r} is {value[0]:g} but for rounding {rows}: nothing can be associated with it; subtract a "
            "constant if its last digits are meant"
        )
    with np.errstate(over="ignore", under="ignore"):
        sd = value.std(ddof=1)
    if not 0.0 < sd < np.inf:
        raise TableError(
            f"{what} {name!r} has values up to {largest:g}, whose squares no computer holds: give it in other units"
        )
    return value
