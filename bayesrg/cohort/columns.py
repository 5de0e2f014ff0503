"""Columns of tables as values to keep: numbers, booleans, text, categories, dates; what is out of place is refused."""

import json
import re
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd

from bayesrg.errors import MOST_LISTED, TableError, list_some
from bayesrg.tables import MISSING

Kind = Literal["number", "boolean", "text", "category", "date", "duration"]

MISSING_WORDS = MISSING | {"", "na", "NULL", "null", "<NA>"}
"""What a cell with a missing value may say, in any table; None is an answer (no treatment) and not among them."""

# Text that is a number and loses nothing by becoming one: 007 and 1e5 as codes of things stay text.
_PLAIN_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_TRUTHS = {"TRUE": 1.0, "True": 1.0, "true": 1.0, "FALSE": 0.0, "False": 0.0, "false": 0.0}

# 1,5 as some of Europe write 1.5.
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_ZONED = re.compile(r".*\d([Zz]|[+-]\d{2}(:?\d{2})?)")

# Text that is longer is kept as objects: one long remark would make every patient's cell as wide.
_WIDEST = 256


class StrayText(TableError):
    """Text among the numbers of a column; ``words`` are what was found."""

    def __init__(self, message: str, words: Sequence[str]) -> None:
        super().__init__(message)
        self.words = words


@dataclass(frozen=True)
class Column:
    """One column, read.

    Attributes
    ----------
    kind
        What its values are.
    values
        Numbers and booleans as float64 with NaN for missing, text and categories as objects with ``""`` for missing,
        dates and durations with NaT for missing (row,).
    attrs
        What else is to be known: the categories, as JSON, and whether they have an order.
    """

    kind: Kind
    values: np.ndarray
    attrs: dict[str, Any]


@dataclass(frozen=True)
class Cells:
    """Where a column stands, so that a message can name one of its cells.

    Attributes
    ----------
    where, column
        The source and the column.
    cell
        Says of which row and patient the nth cell is.
    """

    where: str
    column: str
    cell: Callable[[int], str]

    def refuse(self, rows: np.ndarray, values: Any, expected: str) -> TableError:
        """Return the error that names the first few cells."""
        shown = "; ".join(f"{self.cell(int(row))}: found {values[row]!s}" for row in rows[:MOST_LISTED])
        more = f"; and {len(rows) - MOST_LISTED} more" if len(rows) > MOST_LISTED else ""
        return TableError(f"{self.where}, column {self.column!r}, {shown}{more}. {expected}")


def read_column(
    series: pd.Series,
    cells: Cells,
    *,
    missing: Collection[str | float] = (),
    as_text: bool = False,
    as_dates: bool = False,
    measured: bool = False,
) -> Column:
    """Return the values of a column, by what they are.

    Parameters
    ----------
    series
        The column.
    cells
        Where it stands.
    missing
        Words and numbers that mean missing in this table; a word that is a number means it in columns of numbers too.
    as_text, as_dates
        Whether it stays text, or holds dates in ISO 8601.
    measured
        Whether it is of a measurement, where one number is enough to take text for a slip. In other columns at least
        half of the cells must be numbers.

    Raises
    ------
    TableError
        There is text among numbers, an infinite value, something that is no date, or values of several types.

    Examples
    --------
    >>> cells = Cells("source 'clinical'", "age", "row {}".format)
    >>> read_column(pd.Series(["50", "NA", "61"]), cells).values.tolist()
    [50.0, nan, 61.0]
    """
    dtype = series.dtype
    if as_text or as_dates:
        text = _text(series, missing)
        return _dates(text, cells) if as_dates else Column("text", text, {})
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return Column("boolean", series.to_numpy(dtype=float, na_value=np.nan), {})
    if pd.api.types.is_numeric_dtype(dtype):
        return Column("number", _numbers(series, cells, missing), {})
    if isinstance(dtype, pd.CategoricalDtype):
        return _categories(series, cells, missing)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _in_utc(series)
    if pd.api.types.is_datetime64_dtype(dtype):
        return Column("date", series.to_numpy(), {})
    if pd.api.types.is_timedelta64_dtype(dtype):
        return Column("duration", series.to_numpy(), {})
    return _objects(series, cells, missing, measured)


def store(values: np.ndarray) -> np.ndarray:
    """Return text as an array that zarr and netCDF can hold: of fixed width, or objects where one text is long.

    Examples
    --------
    >>> store(np.array(["G2", ""], dtype=object)).dtype
    dtype('<U2')
    """
    longest = max(map(len, values.ravel()), default=0)
    return values.astype(str) if longest <= _WIDEST else values


def _numbers(series: pd.Series, cells: Cells, missing: Collection[str | float]) -> np.ndarray:
    if pd.api.types.is_complex_dtype(series.dtype):
        raise TableError(f"{cells.where}, column {cells.column!r} holds complex numbers; expected real ones")
    values = series.to_numpy(dtype=float, na_value=np.nan)
    return _finite(_without(values, missing), cells)


def _without(values: np.ndarray, missing: Collection[str | float]) -> np.ndarray:
    """Return numbers with NaN for those that mean missing, be they given as numbers or as words."""
    codes = np.asarray(pd.to_numeric(pd.Series(list(missing), dtype=object), errors="coerce"), dtype=float)
    codes = codes[np.isfinite(codes)]
    return np.where(np.isin(values, codes), np.nan, values) if len(codes) else values


def _finite(values: np.ndarray, cells: Cells) -> np.ndarray:
    infinite = np.isinf(values)
    if infinite.any():
        raise cells.refuse(
            np.flatnonzero(infinite), values, "Expected a finite number; leave the cell empty where there is none"
        )
    return values


def _text(series: pd.Series, missing: Collection[str | float]) -> np.ndarray:
    """Return every cell as text, what is missing as the empty text."""
    empty = series.isna().to_numpy()
    words = missing_words(missing)
    values = ["" if gone else _write(cell) for cell, gone in zip(series.to_numpy(dtype=object), empty, strict=True)]
    return np.array(["" if value.strip() in words else value for value in values], dtype=object)


def missing_words(missing: Collection[str | float]) -> frozenset[str]:
    """Return what a cell may say where its value is missing, the words of one table among them.

    Examples
    --------
    >>> sorted(missing_words(["unknown", -9.0]) - MISSING_WORDS)
    ['-9', 'unknown']
    """
    return MISSING_WORDS | {_write(word).strip() for word in missing}


def _write(cell: object) -> str:
    # A column of whole numbers with a gap came as floating point: 2.0 was written 2.
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _dates(text: np.ndarray, cells: Cells) -> Column:
    given = pd.Series(text, dtype=object).replace("", None)
    dates = pd.to_datetime(given, format="ISO8601", errors="coerce", utc=True)
    wrong = np.flatnonzero(dates.isna().to_numpy() & (text != ""))
    if len(wrong):
        raise cells.refuse(wrong, text, "Expected a date written as 2024-05-31")
    zoned = np.array([":" in cell and _ZONED.fullmatch(cell.strip()) is not None for cell in text], dtype=bool)
    return _of_one_kind(dates, zoned, text != "", cells, text)


def _of_one_kind(dates: pd.Series, zoned: np.ndarray, filled: np.ndarray, cells: Cells, shown: Any) -> Column:
    """Return dates that were read as of UTC, unless some cells have a time zone and others none."""
    if not zoned.any():
        return Column("date", dates.dt.tz_localize(None).to_numpy(), {})
    if (filled & ~zoned).any():
        rows = np.flatnonzero(filled & ~zoned)
        raise cells.refuse(rows, shown, f"Expected a time zone, as {int(zoned.sum())} other cells of the column have")
    return _in_utc(dates)


def _in_utc(dates: pd.Series) -> Column:
    return Column("date", dates.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), {"time_zone": "UTC"})


def _categories(series: pd.Series, cells: Cells, missing: Collection[str | float]) -> Column:
    text = _text(series, missing)
    written = [_write(word) for word in series.cat.categories]
    twice = sorted({word for word in written if written.count(word) > 1})
    if twice:
        raise TableError(
            f"{cells.where}, column {cells.column!r} has two categories that are written {twice[0]!r}, as a number and "
            "as text; make them one"
        )
    held = set(text)
    kept = [word for word in written if word in held]
    attrs = {"categories": json.dumps(kept, ensure_ascii=False), "ordered": "yes" if series.cat.ordered else "no"}
    return Column("category", text, attrs)


def _objects(series: pd.Series, cells: Cells, missing: Collection[str | float], measured: bool) -> Column:
    """Return a column of text or of Python objects by what its cells are."""
    values = series.to_numpy(dtype=object)
    filled = values[~series.isna().to_numpy()]
    types = {type(cell) for cell in filled}
    if types and all(issubclass(kind, date) for kind in types):
        zoned = np.array([getattr(cell, "tzinfo", None) is not None for cell in values], dtype=bool)
        return _of_one_kind(pd.to_datetime(series, utc=True), zoned, series.notna().to_numpy(), cells, values)
    if types and types <= {bool, np.bool_}:
        return Column("boolean", np.array([np.nan if pd.isna(cell) else float(cell) for cell in values]), {})
    if types and types <= {Decimal}:
        numbers = pd.Series([np.nan if pd.isna(cell) else float(cell) for cell in values], dtype=float)
        return Column("number", _numbers(numbers, cells, missing), {})
    odd = sorted(kind.__name__ for kind in types if not issubclass(kind, (str, int, float, np.integer, np.floating)))
    if odd:
        rows = np.array([row for row, cell in enumerate(values) if type(cell).__name__ == odd[0]])
        raise cells.refuse(rows, values, "Expected numbers, text or dates in a whole column")
    text = _text(series, missing)
    codes, found = pd.factorize(text)
    words = [str(word) for word in found]
    if all(word == "" for word in words):
        return Column("number" if measured else "text", np.full(len(text), np.nan) if measured else text, {})
    if all(word in _TRUTHS or word == "" for word in words):
        return Column("boolean", np.array([_TRUTHS.get(word, np.nan) for word in words])[codes], {})
    with_comma = [word for word in words if _DECIMAL_COMMA.fullmatch(word)]
    if with_comma and all(word in with_comma or _PLAIN_NUMBER.fullmatch(word) for word in words if word):
        warnings.warn(
            f"{cells.where}, column {cells.column!r} is text: {list_some(with_comma)} have a comma; if it "
            "marks decimals, write a point",
            stacklevel=2,
        )
    parsed = np.asarray(pd.to_numeric(pd.Series(words, dtype=object), errors="coerce"), dtype=float)
    numeric = np.isfinite(parsed)[codes]
    stray = ~numeric & (text != "")
    if numeric.any() and stray.any() and (measured or 2 * numeric.sum() >= (text != "").sum()):
        error = cells.refuse(
            np.flatnonzero(stray),
            [repr(value) for value in text],
            f"Expected numbers, as {int(numeric.sum())} other cells of the column hold",
        )
        raise StrayText(str(error), sorted(set(text[stray])))
    if numeric.any() and all(_PLAIN_NUMBER.fullmatch(word.strip()) for word in words if word):
        return Column("number", _without(parsed, missing)[codes], {})
    return Column("text", text, {})
