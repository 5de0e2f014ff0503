"""Wide tables of numbers in text files: a row of names, the labels first, and the numbers parsed at once."""

import csv
import gzip
import warnings
from collections.abc import Sequence
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pandas as pd

from bayesrg.errors import TableError, list_some

KINDS = (".csv", ".tsv", ".tab", ".txt", ".gct", ".counts", ".results", ".sf")
"""How the names of text files with numbers end, gzipped (``.gz`` after it) or not; but for ``.csv``, tabs separate."""

MISSING = frozenset({"NA", "NaN", "nan", "N/A", "n/a", "#N/A"})
"""How R, Python and spreadsheet programs write that a number is missing."""

# Names of the column of labels: under one of these a row with a field too many is no table written by R.
_LABELS = frozenset({"gene", "cpg", "sample", "patient", "id"})


def is_number_text(path: Path) -> bool:
    """Return whether a file is, by its name, text that `read_number_text` reads.

    Examples
    --------
    >>> is_number_text(Path("P1.ReadsPerGene.out.tab")), is_number_text(Path("counts.parquet"))
    (True, False)
    """
    return path.name.lower().removesuffix(".gz").endswith(KINDS)


def find_compression(path: Path) -> Literal["gzip"] | None:
    """Return ``"gzip"`` for a file that is gzipped, by its first bytes and whatever its name says, and None for others.

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    with path.open("rb") as file:
        return "gzip" if file.read(2) == b"\x1f\x8b" else None


def read_first_row(path: Path) -> list[str]:
    """Return the fields of the first row below the comments: usually the names of the columns.

    Raises
    ------
    TableError
        The file is of version 1.3 of GCT.
    OSError, EOFError, ValueError, zlib.error
        The file cannot be read.
    """
    head = pd.read_csv(path, skiprows=_count_lines_above(path), nrows=1, dtype=str, **_options(path))
    return [str(label).strip() for label in head.iloc[0]]


def read_number_text(path: Path, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the table of a text file, its first column as index, whose name is the header's first field.

    Parameters
    ----------
    path
        Comma-separated (``.csv``) or else tab-separated.
    names
        Of the columns beside the labels, for a file without a row of names.

    Raises
    ------
    TableError
        The names and the rows differ in number, or rows are cut off; the message names the lines.
    OSError, EOFError, ValueError, zlib.error, csv.Error
        The file cannot be read.

    Warns
    -----
    UserWarning
        The rows end in a separator; the empty column that it makes is left out.
    """
    above = _count_lines_above(path)
    header = read_first_row(path) if names is None else ["", *names]
    below = above + (names is None)
    options = _options(path)
    fields = pd.read_csv(path, skiprows=below, nrows=1, dtype=str, **options).shape[1]
    table = pd.read_csv(
        path,
        skiprows=below,
        index_col=0,
        dtype={0: str},
        na_values={place: ["", *MISSING] for place in range(1, fields)},
        **options,
    )
    unnamed = header[-1] == "" or fields > len(header)
    if unnamed and fields > 2 and table.iloc[:, -1].isna().all():
        last = pd.read_csv(path, skiprows=below, usecols=[fields - 1], dtype=str, **options)
        if (last == "").to_numpy().all():
            warnings.warn(f"{path}: the rows end in a separator; the empty column after it was left out", stacklevel=3)
            table = table.iloc[:, :-1]
    if header[-1] == "" and len(header) > table.shape[1] + 1:
        header = header[:-1]
    if len(table) and table.shape[1] and table.iloc[:, -1].isna().any():
        _refuse_short_rows(path, below, table.shape[1] + 1, options["sep"])
    return _with_names(table, header, path)


def _with_names(table: pd.DataFrame, header: list[str], path: Path) -> pd.DataFrame:
    """Return the table with the names of its columns, which R writes without one for the labels."""
    fields = table.shape[1] + 1
    if len(header) == fields:
        return table.set_axis(header[1:], axis=1).rename_axis(index=header[0] or None)
    if len(header) == fields - 1 and header[0].lower() not in _LABELS:
        return table.set_axis(header, axis=1).rename_axis(index=None)
    raise TableError(
        f"{path}: the first row has {len(header)} names ({list_some(map(repr, header))}), but the rows below have "
        f"{fields} fields; name each column once"
    )


def _refuse_short_rows(path: Path, below: int, fields: int, separator: str) -> None:
    """Raise for rows that end before the last column, which pandas would fill in silence."""
    with _open(path) as file:
        # A look at the bytes is much the faster; only a quote, or a line that seems short, needs a closer one.
        suspect = any(b'"' in line or line.count(separator.encode()) < fields - 1 for line in file if line.strip())
    if not suspect:
        return
    with _open(path) as file, TextIOWrapper(file, "utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter=separator)
        short = [(rows.line_num, len(row)) for row in rows if row and len(row) < fields]
    told = [f"line {line} has {n}" for line, n in short if line > below]
    if told:
        raise TableError(
            f"{path}: rows have {fields} fields, but {list_some(told)}; the file may be cut off: fetch it anew, or "
            "write NA where a value is missing"
        )


def _options(path: Path) -> dict[str, Any]:
    separator = "," if path.name.lower().removesuffix(".gz").endswith(".csv") else "\t"
    return {
        "sep": separator,
        "header": None,
        "keep_default_na": False,
        "encoding": "utf-8-sig",
        "compression": find_compression(path),
    }


def _open(path: Path) -> BinaryIO:
    """Return the open file of a text, whether it is gzipped or not."""
    return BufferedReader(gzip.open(path, "rb")) if find_compression(path) else path.open("rb")  # pyright: ignore[reportArgumentType]


def _count_lines_above(path: Path) -> int:
    """Return how many lines stand above the row of names: comments, empty lines, and the size in a GCT file."""
    with _open(path) as file:
        for place, line in enumerate(file):
            words = line.removeprefix(b"\xef\xbb\xbf").strip(b" \r\n")
            if place == 0 and words.rstrip() == b"#1.2":
                return 2
            if place == 0 and words.rstrip() == b"#1.3":
                raise TableError(
                    f"{path}: GCT of version 1.3 has rows that describe samples among its numbers; convert it to 1.2, "
                    "or to a table with a row of names and numbers below it"
                )
            if words and not words.startswith(b"#"):
                return place
    return 0
