"""Tables opened: a DataFrame, or a file of any kind, as columns that are read when they are needed."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from bayesrg.cohort.delimited import SUFFIXES, locate_lines, open_delimited, refuse_other_separators
from bayesrg.cohort.reading import Columns
from bayesrg.cohort.source import Source
from bayesrg.errors import TableError, list_some
from bayesrg.tables import read_table

# Bytes of a Parquet file that are decoded at once.
_BATCH = 2**25


def open_columns(name: str, source: Source) -> Columns:
    """Return the columns of a source that is a table; a Parquet file is not read before its columns are asked for.

    Raises
    ------
    TableError
        The file cannot be read, two columns have the same name, or there is no row.

    Examples
    --------
    >>> opened = open_columns("clinical", Source(pd.DataFrame({"patient": ["P1"], "age": [50]}), "clinical"))
    >>> list(opened.dtypes), opened.locate(0)
    (['patient', 'age'], "row '0'")
    """
    path = source.path
    if path is not None and path.suffix.lower() == ".parquet":
        return _check(_open_parquet(f"source {name!r} ({path})", path))
    if path is not None and path.name.lower().endswith(SUFFIXES):
        refuse_other_separators(f"source {name!r} ({path})", path)
        columns = open_delimited(f"source {name!r} ({path})", path, source)
        if columns is not None:
            return _check(columns)
    if path is not None:
        where = f"source {name!r} ({path})"
        # Every option calls a column by its new name, and the file by its old one.
        text = {old for old, new in source.rename.items() if new in source.text} | set(source.text)
        keys = {*source.keys.values(), *text, *([source.name] if source.name else [])}
        if source.layout == "long" and source.text and source.value is not None:
            keys.add(source.value)
        table = read_table(path, text=keys, names=source.names, sheet=source.sheet)
        lines = path.name.lower().endswith(SUFFIXES)
        return _check(_open_frame(where, table, locate_lines(path) if lines else lambda row: f"line {row + 2}"))
    assert isinstance(source.table, pd.DataFrame)
    labels = source.table.index
    wanted = [key for key in source.keys.values() if key in labels.names and key not in source.table.columns]
    table = source.table.reset_index(wanted) if wanted else source.table
    return _check(_open_frame(f"source {name!r}", table, lambda row: f"row {str(labels[row])!r}"))


def _check(columns: Columns) -> Columns:
    if not columns.n_rows:
        raise TableError(f"{columns.where} has no rows; expected a row for each patient, tumour or region")
    return columns


def _open_frame(where: str, table: pd.DataFrame, locate: Callable[[int], str]) -> Columns:
    names = [str(column) for column in table.columns]
    places = {column: place for place, column in enumerate(names)}
    if len(places) < len(names):
        twice = sorted({column for column in names if names.count(column) > 1})
        raise TableError(f"{where} has two columns called {list_some(twice)}; rename or remove one of them")

    def read(wanted: Sequence[str]) -> Iterator[tuple[str, pd.Series]]:
        for column in wanted:
            yield column, table.iloc[:, places[column]]

    return Columns(where, dict(zip(names, table.dtypes, strict=True)), len(table), read, locate)


def _open_parquet(where: str, path: Path) -> Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
    except FileNotFoundError:
        raise TableError(f"{where}: there is no such table; check the path") from None
    except (OSError, pa.ArrowException) as problem:
        raise TableError(f"{where}: the table could not be read: {problem}") from problem
    kept = [column for column in schema.names if not column.startswith("__index_level_")]
    twice = sorted({column for column in kept if kept.count(column) > 1})
    if twice:
        raise TableError(f"{where} has two columns called {list_some(twice)}; rename or remove one of them")
    # A table's own index came back as columns: pandas' notes in the file would make an index of them again.
    empty = schema.empty_table().select(kept).to_pandas(ignore_metadata=True, date_as_object=False)
    n_rows = file.metadata.num_rows
    at_once = max(1, _BATCH // (8 * max(1, n_rows)))

    def read(wanted: Sequence[str]) -> Iterator[tuple[str, pd.Series]]:
        for begin in range(0, len(wanted), at_once):
            batch = list(wanted[begin : begin + at_once])
            try:
                table = file.read(columns=batch)
            except (OSError, pa.ArrowException) as problem:
                raise TableError(f"{where}: columns {list_some(batch)} could not be read: {problem}") from problem
            for column in batch:
                yield column, table.column(column).to_pandas(date_as_object=False)

    return Columns(where, dict(empty.dtypes), n_rows, read, lambda row: f"row {row + 1}")
