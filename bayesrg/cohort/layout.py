"""Long tables, a row for each unit and variable, made wide: a column a variable."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bayesrg.cohort.reading import Columns
from bayesrg.cohort.source import Source
from bayesrg.cohort.units import Units
from bayesrg.errors import TableError, list_some


def widen(source: Source, columns: Columns, units: Units) -> tuple[Columns, Units]:
    """Return a long table as a wide one: its variables as columns, in the order of their names, and its units.

    Rows of a long table come in any order, so that the order of its variables says nothing. Columns that hold neither
    labels nor variables are left out, with a warning that names them.

    Raises
    ------
    TableError
        A row names no variable, or two rows are of the same unit and variable.
    """
    assert source.name is not None
    assert source.value is not None
    columns.require([source.name, source.value], "name= and value= of a long table")
    others = [
        name
        for name in columns.dtypes
        if name not in {*source.keys.values(), source.name, source.value, *source.exclude}
    ]
    if others:
        warnings.warn(
            f"{columns.where} is long: {len(others)} columns that are neither labels nor {source.name!r} nor "
            f"{source.value!r} are "
            f"left out: {list_some(others)}",
            stacklevel=4,
        )
    held = dict(columns.read([source.name, source.value]))
    names = held[source.name].to_numpy(dtype=object)
    nameless = [row for row, name in enumerate(names) if pd.isna(name) or not str(name).strip()]
    if nameless:
        raise TableError(
            f"{columns.where}, {columns.locate(nameless[0])}: column {source.name!r} is empty, and so are "
            f"{len(nameless) - 1} more of {len(names)} cells; expected the name of a variable: fill it in, or remove "
            "the row"
        )
    labels = units.labels(units.level)
    row_unit, _ = pd.factorize(labels)
    row_name, variables = pd.factorize(np.array([str(name) for name in names], dtype=object), sort=True)
    n_units = int(row_unit.max()) + 1
    cell = row_name * n_units + row_unit
    twice = np.flatnonzero(pd.Series(cell).duplicated())
    if len(twice):
        first = int(np.flatnonzero(cell == cell[twice[0]])[0])
        raise TableError(
            f"{columns.where} has {len(twice)} values too many: {names[first]!r} of {labels[first]!r} stands in "
            f"{columns.locate(first)} and {columns.locate(int(twice[0]))}; keep one row for each {units.level} and "
            "variable"
        )
    values = held[source.value]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    flat = (
        np.full(len(variables) * n_units, np.nan) if numeric else np.full(len(variables) * n_units, None, dtype=object)
    )
    flat[cell] = values.to_numpy(dtype=float, na_value=np.nan) if numeric else values.to_numpy(dtype=object)
    matrix = flat.reshape(len(variables), n_units)
    places = {str(name): place for place, name in enumerate(variables)}
    first_rows = np.full(n_units, len(row_unit))
    np.minimum.at(first_rows, row_unit, np.arange(len(row_unit)))

    def read(wanted: Sequence[str]) -> Iterator[tuple[str, pd.Series]]:
        for name in wanted:
            yield name, pd.Series(matrix[places[name]])

    dtypes = dict.fromkeys(places, np.dtype(float if numeric else object))
    wide = Columns(columns.where, dtypes, n_units, read, lambda unit: f"{columns.locate(int(first_rows[unit]))} ff.")
    parts = {level: own[first_rows] for level, own in units.parts.items()}
    return wide, replace(units, parts=parts, found=units.found[first_rows], locate=wide.locate)
