"""Wide text tables read fast: columns of decimal numbers are parsed as such, and never held as text."""

import csv as text_files
import gzip
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from bayesrg.cohort.columns import missing_words
from bayesrg.cohort.reading import Columns
from bayesrg.cohort.source import Source
from bayesrg.errors import TableError

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")

# Bytes that are parsed at once; what the columns are is judged by the first block.
_BLOCK = 2**24


def open_delimited(where: str, path: Path, source: Source) -> Columns | None:
    r"""Return a text table with its decimal numbers parsed, or None where it must be read cell by cell.

    Only columns with a decimal point, of roles that make a matrix, are parsed as numbers; all others are given as the
    text that they are, so that codes such as 007 stay whole. A table with a nameless column, with rows of different
    lengths or with text among its decimal numbers is left to a reader that can say where.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "shape.csv"
    ...     _ = path.write_text("patient,volume\n007,8.1\n")
    ...     {name: str(kind) for name, kind in open_delimited("shape", path, Source(path, "imaging")).dtypes.items()}
    {'patient': 'str', 'volume': 'float64'}
    """
    import pyarrow as pa
    from pyarrow import csv

    reading = csv.ReadOptions(block_size=_BLOCK)
    parsing = csv.ParseOptions(delimiter=_separator(path), newlines_in_values=True)
    empty = sorted(missing_words(source.missing))
    try:
        with csv.open_csv(path, reading, parsing, csv.ConvertOptions(null_values=empty)) as stream:
            guessed = stream.schema
        names = guessed.names
        if "" in names or len(set(names)) < len(names):
            return None
        kinds = {
            name: pa.float64()
            if pa.types.is_floating(guessed.field(name).type) and _may_be_parsed(name, source)
            else pa.string()
            for name in names
        }
        converting = csv.ConvertOptions(column_types=kinds, null_values=empty)
        table = csv.read_csv(path, reading, parsing, converting)
    except (OSError, pa.ArrowException):  # said better by the reader that goes cell by cell
        return None

    def read(wanted: Sequence[str]) -> Iterator[tuple[str, pd.Series]]:
        for name in wanted:
            yield name, table.column(name).to_pandas()

    text, decimal = pd.Series([""], dtype="str").dtype, np.dtype(float)
    dtypes = {name: decimal if kind == pa.float64() else text for name, kind in kinds.items()}
    return Columns(where, dtypes, table.num_rows, read, locate_lines(path))


def _may_be_parsed(name: str, source: Source) -> bool:
    new = source.rename.get(name, name)
    matrix = source.roles.get(new, source.role) in ("imaging", "genome")
    return (
        matrix
        and source.layout == "wide"
        and name not in source.keys.values()
        and new not in {*source.text, *source.dates}
    )


def _separator(path: Path) -> str:
    return "\t" if ".tsv" in path.name.lower() else ","


def _open_text(path: Path) -> TextIO:
    """Return a file, gzipped or not, opened as text; what cannot be decoded is left to the reader that says so."""
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def refuse_other_separators(where: str, path: Path) -> None:
    """Refuse a file whose first line has semicolons or tabs between its fields where its suffix says otherwise.

    Raises
    ------
    TableError
        The first line holds no separator of its kind, and one of another.
    """
    try:
        with _open_text(path) as file:
            first = file.readline()
    except OSError:  # said better by the reader
        return
    for other, called in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
        if _separator(path) not in first and other in first:
            raise TableError(
                f"{where}: the fields of its first line are separated by {called}; expected "
                f"{'tabs' if _separator(path) != ',' else 'commas'}: save it so, with points for decimals, or name "
                "it .tsv where tabs separate"
            )


def locate_lines(path: Path) -> Callable[[int], str]:
    """Return what says at which line of a text file a row begins; the file is read again for it, in a message only."""

    def locate(row: int) -> str:
        with _open_text(path) as file:
            lines = text_files.reader(file, delimiter=_separator(path))
            # Empty lines are no rows, and a quoted field may run over several lines.
            begins, before = [], 0
            for fields in lines:
                if fields:
                    begins.append(before + 1)
                before = lines.line_num
                if len(begins) > row + 1:
                    break
        return f"line {begins[row + 1]}" if len(begins) > row + 1 else f"row {row + 1}"

    return locate
