"""Columns of numbers chosen by patterns."""

import fnmatch
import warnings
from collections.abc import Collection, Iterable
from difflib import get_close_matches

import numpy as np
import pandas as pd

from bayesrg.errors import TableError


def choose_columns(table: pd.DataFrame, patterns: Iterable[str], exclude: Collection[str] = ()) -> list[str]:
    """Return the columns with numbers that match any of the patterns, in the table's order.

    A column that holds other text among its numbers is returned too, so that whoever reads it can name the cell. Those
    that match a wildcard and hold no number at all are named in a warning.

    Parameters
    ----------
    table
        With a column per feature, and others.
    patterns
        Shell patterns such as ``"glcm_*"``; upper and lower case differ. A pattern without a wildcard is a name.
    exclude
        Columns that are no features: labels of subjects, sessions and their kin.

    Raises
    ------
    TableError
        For a pattern that matches no column of numbers.
    """
    others = [column for column in table.columns if column not in exclude]
    numeric = [str(column) for column in others if _has_numbers(table, column)]
    chosen: set[str] = set()
    for pattern in patterns:
        found = [column for column in numeric if fnmatch.fnmatchcase(column, pattern)]
        if not found:
            text = [str(column) for column in table.columns if fnmatch.fnmatchcase(str(column), pattern)]
            near = get_close_matches(pattern, numeric, n=3)
            raise TableError(
                f"no column of numbers matches {pattern!r}"
                + (f"; {', '.join(text[:3])} does, but is a label or text" if text else "")
                + (f"; did you mean {' or '.join(near)}?" if near else "")
            )
        chosen.update(found)
    without = [
        str(column)
        for column in others
        if str(column) not in numeric and any(fnmatch.fnmatchcase(str(column), pattern) for pattern in patterns)
    ]
    if without:
        warnings.warn(
            f"{len(without)} columns match, but hold no numbers, and are left out: {', '.join(without[:10])}"
            f"{', …' if len(without) > 10 else ''}",
            stacklevel=2,
        )
    return [column for column in numeric if column in chosen]


def _has_numbers(table: pd.DataFrame, name: str) -> bool:
    column = table[name]
    if pd.api.types.is_bool_dtype(column):
        return False
    return bool(np.any(pd.notna(pd.to_numeric(column, errors="coerce"))))
