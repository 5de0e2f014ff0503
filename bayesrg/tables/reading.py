"""Tables read without harm to their labels, and numbers parsed at once."""

import csv
import gzip
import re
import warnings
import zlib
from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from bayesrg.errors import TableError, list_some
from bayesrg.tables.number_text import KINDS, MISSING, find_compression, is_number_text, read_number_text
from bayesrg.tables.sheets import read_sheet

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".xlsx")
"""Kinds of files that `read_table` knows."""

Names = Literal["refuse", "mend"]

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
        CSV or tab-separated text, gzipped or not (``.csv``, ``.csv.gz``, ``.tsv``, ``.tsv.gz``; the first bytes tell
        whether it is), Parquet (``.parquet``) or a sheet of Excel (``.xlsx``). In text files an empty cell is missing.
        A column becomes numbers where no digit is lost by that, and ``NA`` or ``NaN`` is then missing too; identifiers
        such as ``007`` stay text.
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
    separator = "\t" if name.endswith((".tsv", ".tsv.gz")) else ","
    try:
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
        if name.endswith(".xlsx"):
            return _recognise_types(_take_header(read_sheet(path, sheet), path, names), text)
        # Spreadsheet programs begin a file with a byte order mark, which is no part of the first column's name.
        # Without a header pandas neither renames columns of one name nor makes an index of a field too many.
        table = pd.read_csv(
            path,
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8-sig",
            compression=find_compression(path),
        )
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such {kind}; check the path") from None
    except pd.errors.EmptyDataError:
        raise TableError(f"{path}: the {kind} is empty; expected a row of names and a row for each record") from None
    except (
        OSError,
        EOFError,
        ValueError,
        zlib.error,
        BadZipFile,
        KeyError,
    ) as problem:  # KeyError: a zip that is no workbook
        raise TableError(f"{path}: the {kind} could not be read: {problem}") from problem
    if table.shape[1] == 1 and str(table.iloc[0, 0]).count(";") > 0:
        raise TableError(
            f"{path}: its columns are separated by semicolons; save it with commas (and decimal points), or as TSV or "
            "XLSX"
        )
    if table.iloc[:, -1].isna().any():
        _refuse_short_rows(path, separator, table.shape[1])
    return _recognise_numbers(_take_header(table, path, names), text)


def read_numbers(
    path: str | PathLike[str], *, kind: str = "matrix", names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a table of numbers, its first column, which holds labels, as index.

    It is made for wide tables: the numbers are parsed at once and not cell by cell. A header with one field less than
    the rows, as R writes it, is that of the other columns, and the index then has no name; an empty column that
    separators at the ends of rows make is left out with a warning. Cells that are no numbers stay text for whoever can
    name them; an empty cell, ``NA`` and ``NaN`` are missing. Lines above the header that begin with ``#`` are comments,
    and the size that a GCT file (version 1.2) has there is passed over.

    Parameters
    ----------
    path
        Of any kind that `read_table` reads, or tab-separated text with another suffix (``.txt``, ``.tab``, ``.gct``,
        ``.counts`` and their kin, gzipped or not).
    kind
        What the file is to its reader, for messages.
    names
        Of a text file without a header: the names of the columns beside the labels.

    Raises
    ------
    TableError
        The file is absent, of another kind, not readable, has no column of numbers, two columns of one name, or rows
        that are shorter than the others; the message names the lines.
    """
    path = Path(path)
    if not is_number_text(path):
        if not path.name.lower().endswith(SUFFIXES):
            known = ", ".join([*KINDS, ".parquet", ".xlsx"])
            raise TableError(f"{path}: expected a {kind} in one of {known}; rename or convert the file")
        table = read_table(path, kind=kind)
        return _checked_columns(table.set_index(table.columns[0]), path, kind)
    try:
        table = read_number_text(path, names)
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such {kind}; check the path") from None
    except (OSError, EOFError, ValueError, zlib.error, csv.Error) as problem:
        raise TableError(f"{path}: the {kind} could not be read: {problem}") from problem
    return _checked_columns(table, path, kind)


def _checked_columns(table: pd.DataFrame, path: Path, kind: str) -> pd.DataFrame:
    if not table.size:
        raise TableError(f"{path}: {len(table)} rows and {table.shape[1]} columns beside the labels; expected a {kind}")
    if not table.columns.is_unique:
        twice = sorted({str(label) for label in table.columns[table.columns.duplicated()]})
        raise TableError(f"{path}: two columns are called {twice[0]!r}; rename one of them")
    return table


def _refuse_short_rows(path: Path, separator: str, width: int) -> None:
    """Refuse a text file with rows of fewer fields than the others: their last values are not missing but lost."""
    opener = gzip.open if find_compression(path) else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=separator)
        short = [(rows.line_num, len(row)) for row in rows if 0 < len(row) < width]
    if short:
        raise TableError(
            f"{path}: {len(short)} rows have fewer than {width} fields: "
            f"{list_some(short, show=lambda row: f'line {row[0]} has {row[1]}')}; the file may be cut off: write a "
            "separator for each value, also for those that are missing"
        )


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
