"""Tables at the border: read without harm to their labels, written whole or not at all, printed for people."""

import fnmatch
import gzip
import re
import sys
import warnings
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from bayesrg.errors import TableError
from bayesrg.files import replace_atomically

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".xlsx")
"""Kinds of files that `read_table` knows."""

Names = Literal["refuse", "mend"]

MISSING = frozenset({"NA", "NaN", "nan", "N/A", "n/a", "#N/A"})
"""How R, Python and spreadsheet programs write that a number is missing."""

_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def read_table(
    path: str | PathLike[str],
    *,
    text: Collection[str] = (),
    kind: str = "table",
    names: Names = "refuse",
    sheet: str | None = None,
) -> pd.DataFrame:
    """Return the table that a file holds.

    Parameters
    ----------
    path
        CSV or tab-separated text, gzipped or not (``.csv``, ``.csv.gz``, ``.tsv``, ``.tsv.gz``), Parquet
        (``.parquet``) or a sheet of Excel (``.xlsx``). In text files an empty cell is missing. A column becomes
        numbers where no digit is lost by that, and ``NA`` or ``NaN`` is then missing too; identifiers such as ``007``
        stay text.
    text
        Columns that stay text in any case: labels of subjects, sessions and their kin.
    kind
        What the file is to its reader, for messages: ``"table"`` or ``"manifest"``.
    names
        What becomes of columns without a name, and of names that stand there twice: ``"refuse"``, or ``"mend"``, which
        calls the third column ``column_3`` and the second ``grade`` ``grade_2``, and says so in a warning.
    sheet
        Of an Excel file with several sheets, the name of the one to read.

    Raises
    ------
    TableError
        The file is absent, of another kind, or not readable as what its suffix says; or, unless they are to be mended,
        a column has no name, or the name of another one.
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise TableError(f"{path}: expected a {kind} in one of {', '.join(SUFFIXES)}; rename or convert the file")
    if sheet is not None and not name.endswith(".xlsx"):
        raise TableError(f"{path}: only an Excel file has sheets; leave out the sheet {sheet!r}")
    try:
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
        if name.endswith(".xlsx"):
            return _recognise_types(_take_header(_read_sheet(path, sheet), path, names), text)
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
    except (OSError, EOFError, ValueError, BadZipFile, KeyError) as problem:  # KeyError: a zip that is no workbook
        raise TableError(f"{path}: the {kind} could not be read: {problem}") from problem
    return _recognise_numbers(_take_header(table, path, names), text)


def read_numbers(path: str | PathLike[str], *, kind: str = "matrix") -> pd.DataFrame:
    """Return a table of numbers, its first column, which holds labels, as index.

    It is made for wide tables: the numbers are parsed at once and not cell by cell. A header with one field less than
    the rows, as R writes it, is that of the other columns. Cells that are no numbers stay text for whoever can name
    them; an empty cell, ``NA`` and ``NaN`` are missing. Lines above the header that begin with ``#`` are comments.

    Parameters
    ----------
    path
        Of any kind that `read_table` reads.
    kind
        What the file is to its reader, for messages.

    Raises
    ------
    TableError
        The file is absent, of another kind, not readable, has no column of numbers, or two columns of one name.
    """
    path = Path(path)
    name = path.name.lower()
    if not name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")):
        table = read_table(path, kind=kind)
        return _checked_columns(table.set_index(table.columns[0]).rename_axis(index=None), path, kind)
    separator = "," if name.endswith((".csv", ".csv.gz")) else "\t"
    try:
        comments = _count_comments(path)
        first = {"sep": separator, "header": None, "dtype": str, "nrows": 1, "encoding": "utf-8-sig"}
        head = pd.read_csv(path, skiprows=comments, **first)
        labels = [str(label) for label in head.iloc[0].fillna("")]
        below = pd.read_csv(path, skiprows=comments + 1, **first)
        columns = labels if below.shape[1] == len(labels) + 1 else labels[1:]
        table = pd.read_csv(
            path,
            sep=separator,
            header=None,
            skiprows=comments + 1,
            index_col=0,
            dtype={0: str},
            keep_default_na=False,
            na_values={place: ["", *MISSING] for place in range(1, len(columns) + 1)},
            encoding="utf-8-sig",
        )
        table = table.set_axis(columns, axis=1).rename_axis(index=None)
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such {kind}; check the path") from None
    except (OSError, EOFError, ValueError) as problem:
        raise TableError(f"{path}: the {kind} could not be read: {problem}") from problem
    return _checked_columns(table, path, kind)


def _count_comments(path: Path) -> int:
    """Return how many lines at the top of a text file, gzipped or not, begin with ``#``."""
    with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
        return next((place for place, line in enumerate(file) if not line.startswith(b"#")), 0)


def _checked_columns(table: pd.DataFrame, path: Path, kind: str) -> pd.DataFrame:
    if not table.size:
        raise TableError(f"{path}: {len(table)} rows and {table.shape[1]} columns beside the labels; expected a {kind}")
    if not table.columns.is_unique:
        twice = sorted({str(label) for label in table.columns[table.columns.duplicated()]})
        raise TableError(f"{path}: two columns are called {twice[0]!r}; rename one of them")
    return table


def _read_sheet(path: Path, sheet: str | None) -> pd.DataFrame:
    """Return the cells of one sheet, its header among them."""
    with pd.ExcelFile(path, engine="openpyxl") as book:
        sheets = [str(name) for name in book.sheet_names]
        if sheet is not None and sheet not in sheets:
            raise TableError(f"{path}: there is no sheet {sheet!r}; it has {', '.join(map(repr, sheets))}")
        asked = sheets if sheet is None else [sheet]
        cells: dict[str, pd.DataFrame] = {
            name: pd.read_excel(book, name, header=None, dtype=object, keep_default_na=False, na_values=[""])
            for name in asked
        }
    filled = [name for name, held in cells.items() if held.size]
    if not filled:
        raise TableError(f"{path}: the sheets {', '.join(map(repr, asked))} are empty; expected a table")
    if len(filled) > 1:
        raise TableError(
            f"{path}: {len(filled)} sheets hold tables, {', '.join(map(repr, filled))}; name the sheet to read"
        )
    return cells[filled[0]]


def _take_header(table: pd.DataFrame, path: Path, names: Names) -> pd.DataFrame:
    """Return the table with its first row as the names of its columns."""
    first = table.iloc[0]
    labels: list[str] = [f"column_{place}" if pd.isna(name) else str(name) for place, name in enumerate(first, start=1)]
    nameless = np.flatnonzero(first.isna())
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if names == "mend" and (len(nameless) or twice):
        mended = [
            label if labels[:place].count(label) == 0 else f"{label}_{labels[: place + 1].count(label)}"
            for place, label in enumerate(labels)
        ]
        told = [
            f"column {place} is called {new!r}"
            for place, (old, new) in enumerate(zip(first, mended, strict=True), start=1)
            if pd.isna(old) or str(old) != new
        ]
        warnings.warn(f"{path}: names of columns were absent or there twice: {', '.join(told)}", stacklevel=3)
        labels = mended
    elif len(nameless):
        raise TableError(
            f"{path}: column {int(nameless[0]) + 1} of {len(labels)} has no name in the first row; "
            "name it, or remove what is one field too many in the rows below"
        )
    elif twice:
        raise TableError(f"{path}: two columns are called {twice[0]!r}; rename one of them")
    return table.iloc[1:].reset_index(drop=True).set_axis(labels, axis=1)


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


def _recognise_types(table: pd.DataFrame, text: Collection[str]) -> pd.DataFrame:
    """Return the columns of a sheet, whose cells have types: numbers, dates, truth values, or else text."""
    for name in table.columns:
        cells = table[name].dropna()
        if name not in text and pd.api.types.infer_dtype(cells) not in ("string", "mixed", "mixed-integer", "empty"):
            table[name] = table[name].infer_objects()
        else:
            table[name] = table[name].map(str, na_action="ignore").astype("str")
    return _recognise_numbers(table, [*text, *(name for name in table.columns if table[name].dtype.kind in "fiubM")])


def _recognise_numbers(table: pd.DataFrame, text: Collection[str]) -> pd.DataFrame:
    for name in table.columns.difference(list(text)):
        column: Any = table[name]
        written = column[column.notna() & ~column.isin(list(MISSING))]
        # Arrow, in which pandas keeps text, matches a column at once.
        if len(written) and written.astype("str").str.fullmatch(_NUMBER.pattern).all():
            table[name] = pd.to_numeric(column.where(~column.isin(list(MISSING))))
    return table
