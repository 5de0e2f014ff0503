"""Tables at the border: read without harm to their labels, written whole or not at all, printed for people."""

import fnmatch
import re
import sys
import warnings
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from bayesrg.errors import TableError
from bayesrg.files import replace_atomically

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
"""Kinds of files that `read_table` knows."""

# How R, Python and spreadsheet programs write that a number is missing.
_MISSING = frozenset({"NA", "NaN", "nan", "N/A", "#N/A"})
_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def read_table(path: str | PathLike[str], *, text: Collection[str] = (), kind: str = "table") -> pd.DataFrame:
    """Return the table that a file holds.

    Parameters
    ----------
    path
        CSV or tab-separated text, gzipped or not (``.csv``, ``.csv.gz``, ``.tsv``, ``.tsv.gz``), or Parquet
        (``.parquet``). In text files an empty cell is missing. A column becomes numbers where no digit is lost by that,
        and ``NA`` or ``NaN`` is then missing too; identifiers such as ``007`` stay text.
    text
        Columns that stay text in any case: labels of subjects, sessions and their kin.
    kind
        What the file is to its reader, for messages: ``"table"`` or ``"manifest"``.

    Raises
    ------
    TableError
        The file is absent, of another kind, or not readable as what its suffix says.
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise TableError(f"{path}: expected a {kind} in one of {', '.join(SUFFIXES)}; rename or convert the file")
    try:
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
        # Spreadsheet programs begin a file with a byte order mark, which is no part of the first column's name.
        # Without a header pandas neither renames columns of one name nor makes an index of a field too many.
        table = pd.read_csv(
            path,
            sep="\t" if name.endswith((".tsv", ".tsv.gz")) else ",",
            header=None,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8-sig",
        )
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such {kind}; check the path") from None
    except (OSError, EOFError, ValueError) as problem:
        raise TableError(f"{path}: the {kind} could not be read: {problem}") from problem
    return _recognise_numbers(_take_header(table, path), text)


def _take_header(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the table with its first row as the names of its columns."""
    names = table.iloc[0]
    if names.isna().any():
        raise TableError(
            f"{path}: column {int(np.flatnonzero(names.isna())[0]) + 1} of {len(names)} has no name in the first row; "
            "name it, or remove what is one field too many in the rows below"
        )
    twice = sorted(set(names[names.duplicated()]))
    if twice:
        raise TableError(f"{path}: two columns are called {twice[0]!r}; rename one of them")
    return table.iloc[1:].reset_index(drop=True).set_axis(list(names), axis=1)


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


def write_csv(table: pd.DataFrame, path: str | PathLike[str]) -> Path:
    """Write a table with its index as CSV, and return the path; the file appears whole, or stays what it was.

    Raises
    ------
    OSError
        The file cannot be written there.
    """
    target = Path(path)
    with replace_atomically(target) as unfinished:
        table.to_csv(unfinished)
    return target


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on standard output: with rules in a terminal, as plain aligned text into a pipe or file.

    Numbers are shown with four significant digits, NaN and None as nothing.
    """
    cells = [[_show(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        # Where the terminal is narrow, the first column is broken over lines and the numbers stay whole.
        ruled = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        for number, column in enumerate(columns):
            ruled.add_column(column, overflow="fold", no_wrap=number > 0, min_width=0 if number else 16)
        for row in cells:
            ruled.add_row(*map(Text, row))  # a Text, because rich reads icc[overall] as a style called overall
        Console().print(ruled)
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in [columns, *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _show(cell: object) -> str:
    if cell is None or (isinstance(cell, float) and cell != cell):  # NaN is the value that differs from itself
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _recognise_numbers(table: pd.DataFrame, text: Collection[str]) -> pd.DataFrame:
    for name in table.columns.difference(list(text)):
        values = {str(value) for value in table[name].dropna()}
        numbers = values - _MISSING
        if numbers and all(map(_NUMBER.fullmatch, numbers)):
            table[name] = pd.to_numeric(table[name].where(~table[name].isin(list(_MISSING))))
    return table
