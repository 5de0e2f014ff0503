"""Columns of large tab-separated files as text, with the line of every row; damaged files are refused by their line."""

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as arrow_csv

from bayesrg.errors import TableError, list_some

# Arrow makes these functions while it is imported, so that no type checker knows them.
arrow: Any = pyarrow.compute

_GZIPPED = b"\x1f\x8b"
_BLOCK = 1 << 24
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Longer than any chromosome, and short of where float64 no longer tells neighbours apart.
_LONGEST = 2**31

_MISSING = ("", ".", "NA", "NaN", "nan", "N/A", "#N/A", "null", "None")


@dataclass(frozen=True)
class TextColumns:
    """Columns of a file as text by their names, and the line (from 1, comments counted) of each row."""

    path: Path
    columns: Mapping[str, pa.ChunkedArray]
    lines: np.ndarray

    def words(self, column: str) -> tuple[np.ndarray, list[str]]:
        """Return a column as the place of each row's word among its words, and the words without outer space."""
        encoded = self.columns[column].dictionary_encode().combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):  # what Arrow makes of a column without rows
            encoded = encoded.chunk(0)
        return encoded.indices.to_numpy(), [word.strip() for word in encoded.dictionary.to_pylist()]

    def numbers(self, column: str, expected: str = "a number") -> np.ndarray:
        """Return a column as float64 with NaN where it says that a number is missing; refuse what is no number."""
        cells = arrow.utf8_trim_whitespace(self.columns[column])
        held = arrow.if_else(arrow.is_in(cells, pa.array(_MISSING)), pa.scalar(None, pa.string()), cells)
        try:
            values = held.cast(pa.float64()).to_numpy()
        except pa.ArrowInvalid:
            values = np.array([np.inf])
        # Arrow does not say which cell is no number, or takes one for infinite: then each is looked at.
        if np.isinf(values).any():
            text = cells.to_numpy()
            values = np.asarray(pd.to_numeric(pd.Series(text, dtype=object), errors="coerce"), dtype=float)
            bad = ~np.isfinite(values) & held.is_valid().to_numpy()
            if bad.any():
                self.refuse(column, bad, text, expected)
        return values

    def positions(self, column: str) -> np.ndarray:
        """Return a column of positions in bases as int64; refuse what is missing, no whole number, or out of range."""
        expected = f"a position, a whole number of 1 or more and below {_LONGEST:,}"
        values = self.numbers(column, expected)
        bad = ~((values >= 1) & (values < _LONGEST)) | (values % 1 != 0)
        if bad.any():
            self.refuse(column, bad, self.columns[column].to_numpy(), expected)
        return values.astype(np.int64)

    def refuse(self, column: str, bad: np.ndarray, found: Sequence[object] | np.ndarray, expected: str) -> NoReturn:
        """Raise the error that lists the lines in which cells are bad, what they hold and what was expected."""
        rows = np.flatnonzero(bad)
        listed = list_some(rows, show=lambda row: f"line {self.lines[row]} has {_show(found[row])}")
        raise TableError(f"{self.path}, column {column}: {listed}; expected {expected}")


def _show(cell: object) -> str:
    return f"{cell:g}" if isinstance(cell, float) else repr(cell)


class _CountingReader(RawIOBase):
    """Passes bytes on and counts the line breaks in them, by which blank lines show without a second reading."""

    def __init__(self, source: gzip.GzipFile | BufferedReader) -> None:
        self.source = source
        self.breaks = 0
        self.last = b"\n"

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        got = self.source.read(size)
        self.breaks += got.count(b"\n")
        self.last = got[-1:] or self.last
        return got


def read_header(path: Path) -> tuple[list[str], int]:
    """Return the names of a file's columns and the line on which they stand, after comments that begin with ``#``.

    Raises
    ------
    TableError
        The file is absent, empty, damaged, no text, not separated by tabs, or its lines end with carriage returns.
    """
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                line = line.removeprefix(_BYTE_ORDER_MARK)
            if b"\r" in line.rstrip(b"\r") and not line.endswith(b"\n"):
                raise TableError(
                    f"{path}: from line {number} on, lines end with a carriage return alone, as old Macintosh programs "
                    "wrote them; expected line feeds: save the file with line ends of Unix or Windows"
                )
            if line.startswith(b"#") or not line.strip():
                continue
            try:
                names = line.decode().rstrip("\r\n").split("\t")
            except UnicodeDecodeError:
                raise TableError(f"{path}: line {number} is no text in UTF-8; is this a tab-separated file?") from None
            if len(names) == 1:
                raise TableError(
                    f"{path}: line {number}, which should name the columns, has no tab: {names[0][:60]!r}; expected "
                    "names of columns, separated by tabs"
                )
            return [name.strip().strip('"') for name in names], number
    raise TableError(f"{path}: the file holds no header and no row; expected a line with the names of the columns")


def read_columns(path: Path, names: list[str], header: int, wanted: list[int]) -> TextColumns:
    """Return some columns of a file as text, by their places among ``names``.

    Parameters
    ----------
    path
        Tab-separated text in UTF-8, gzipped or not. Quotes around a field are no part of it; only under a quoted header
        may there be tabs between them.
    names
        Names of all columns, as `read_header` returns them; repeated names are told apart by their places.
    header
        Line of the header.
    wanted
        Places of the columns to read; the others are passed over.

    Raises
    ------
    TableError
        The file is damaged, has a line with more or fewer fields than the header, or no row.
    """
    # Arrow's names must differ, and a file may repeat one that nobody asks for.
    keys = [str(place) for place in range(len(names))]
    with _opened(path) as file:
        quoted = False
        for _ in range(header):
            quoted = file.readline().removeprefix(_BYTE_ORDER_MARK).startswith(b'"')
        counter = _CountingReader(file)
        try:
            table = arrow_csv.read_csv(
                counter,
                read_options=arrow_csv.ReadOptions(column_names=keys, block_size=_BLOCK),
                parse_options=arrow_csv.ParseOptions(delimiter="\t", quote_char='"' if quoted else False),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=[keys[place] for place in wanted],
                    column_types={keys[place]: pa.string() for place in wanted},
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as problem:
            if "Empty CSV" in str(problem):
                raise TableError(
                    f"{path}: there is no row below the header in line {header}; the file is empty"
                ) from None
            _refuse_ragged(path, header, len(names))
            raise TableError(
                f"{path}: the file could not be read: {problem}; expected tab-separated text in UTF-8"
            ) from None
    if table.num_rows == 0:
        raise TableError(f"{path}: there is no row below the header in line {header}; the file is empty")
    lines = header + 1 + np.arange(table.num_rows)
    if counter.breaks + (counter.last != b"\n") != table.num_rows:
        lines = _lines_with_text(path, header)
    columns = {names[place]: table.column(keys[place]) for place in wanted}
    if not quoted:
        columns = {name: _take_quotes_off(cells) for name, cells in columns.items()}
    return TextColumns(path, columns, lines)


def _take_quotes_off(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return cells without the quotes around some of them, in which a quote is written twice."""
    if not arrow.any(arrow.match_substring(cells, '"')).as_py():
        return cells
    within = arrow.replace_substring_regex(cells, pattern=r'^\s*"(.*)"\s*$', replacement=r"\1")
    bare = arrow.replace_substring(within, pattern='""', replacement='"')
    return arrow.if_else(arrow.match_substring_regex(cells, r'^\s*".*"\s*$'), bare, cells)


@contextmanager
def _opened(path: Path) -> Iterator[gzip.GzipFile | BufferedReader]:
    """Open a file, gzipped or not by its first bytes, and say what is wrong where it ends early or is damaged."""
    try:
        with path.open("rb") as start:
            gzipped = start.read(2) == _GZIPPED
        with gzip.open(path, "rb") if gzipped else path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file; check the path") from None
    except EOFError:
        raise TableError(f"{path}: the gzipped file ends too early; it was cut off: fetch or copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as problem:
        raise TableError(f"{path}: the gzipped file is damaged: {problem}; fetch or copy it again") from None
    except OSError as problem:
        raise TableError(f"{path}: the file could not be read: {problem.strerror or problem}") from None


def _refuse_ragged(path: Path, header: int, expected: int) -> None:
    """Raise the error for the first line that has another number of fields than the header, if there is one."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if number <= header or not line.strip(b"\r\n"):
                continue
            found = line.count(b"\t") + 1
            if found != expected:
                cut = " the file was cut off there" if found < expected and not line.endswith(b"\n") else ""
                raise TableError(
                    f"{path}: line {number} has {found} fields where the header in line {header} names {expected};"
                    f"{cut or ' a field is missing or a tab too many'}: mend the line, or fetch the file again"
                )


def _lines_with_text(path: Path, header: int) -> np.ndarray:
    with _opened(path) as file:
        return np.array([number for number, line in enumerate(file, 1) if number > header and line.strip(b"\r\n")])
