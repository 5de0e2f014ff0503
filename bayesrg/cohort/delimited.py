"""Wide text tables read fast: columns of decimal numbers are parsed as such, and never held as text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bayesrg.cohort.columns import missing_words
from bayesrg.cohort.reading import Columns
from bayesrg.cohort.source import Source

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
    parsing = csv.ParseOptions(delimiter="\t" if ".tsv" in path.name.lower() else ",", newlines_in_values=True)
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
    return Columns(where, dtypes, table.num_rows, read, lambda row: f"line {row + 2}")


def _may_be_parsed(name: str, source: Source) -> bool:
    new = source.rename.get(name, name)
    matrix = source.roles.get(new, source.role) in ("imaging", "genome")
    return (
        matrix
        and source.layout == "wide"
        and name not in source.keys.values()
        and new not in {*source.text, *source.dates}
    )
