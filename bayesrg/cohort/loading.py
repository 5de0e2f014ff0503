"""One source made ready: whose its rows are, which columns it brings, of which role and kind each is."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.columns import Cells, Column, StrayText, read_column
from bayesrg.cohort.encoded import choose_variables
from bayesrg.cohort.layout import widen
from bayesrg.cohort.naming import mend_names
from bayesrg.cohort.opening import open_columns
from bayesrg.cohort.reading import Columns
from bayesrg.cohort.source import Role, Source
from bayesrg.cohort.units import Units, dataset_units, read_units
from bayesrg.errors import MOST_LISTED, SettingsError, TableError

MATRICES: Mapping[Role, str] = {"imaging": "feature", "genome": "gene"}
"""Roles whose numbers make one matrix, and the dim of its columns."""


@dataclass(frozen=True)
class Loaded:
    """A source, ready to be joined.

    Attributes
    ----------
    name, source, units
        What it is called, what it is, and whose its rows are.
    encoded
        Its variables, if it is a Dataset.
    columns
        The opened table, if it is one.
    taken
        Role of each column that is joined, in the table's order.
    held
        Columns that were read to know what they are; the others are numbers of a matrix and are read when it is filled.
    """

    name: str
    source: Source
    units: Units
    encoded: xr.Dataset | None = None
    columns: Columns | None = None
    taken: Mapping[str, Role] = field(default_factory=dict)
    held: Mapping[str, Column] = field(default_factory=dict)

    def matrix_columns(self, role: Role) -> list[str]:
        """Return the columns of numbers that go into the matrix of a role."""
        return [name for name, own in self.taken.items() if own == role and role in MATRICES and self._is_number(name)]

    def variable_names(self) -> list[str]:
        """Return the names of the variables that the source brings beside columns of matrices."""
        return self.own_variables() if self.encoded is None else [str(name) for name in self.encoded.data_vars]

    def own_variables(self) -> list[str]:
        """Return the columns that are variables of their own."""
        return [name for name, role in self.taken.items() if role not in MATRICES or not self._is_number(name)]

    def _is_number(self, name: str) -> bool:
        return name not in self.held or self.held[name].kind in ("number", "boolean")

    def cells(self, column: str) -> Cells:
        """Return where a column stands, for messages."""
        return Cells(self.units.where, column, _cell(self.units))


def load(name: str, source: Source) -> Loaded:
    """Return a source, opened: whose its rows are, and which columns it brings.

    Raises
    ------
    TableError
        A column is absent, or does not say whose a row is; see `read_units`.

    Examples
    --------
    >>> table = pd.DataFrame({"patient": ["P1"], "volume": [8.1], "side": ["left"]})
    >>> dict(load("shape", Source(table, "imaging", roles={"side": "clinical"})).taken)
    {'volume': 'imaging', 'side': 'clinical'}
    """
    if isinstance(source.table, xr.Dataset):
        return Loaded(
            name, source, dataset_units(name, source.table, source.barcodes), encoded=choose_variables(name, source)
        )
    columns = open_columns(name, source)
    units = read_units(name, source, columns)
    if source.layout == "long":
        columns, units = widen(source, columns, units)
    labels = [name for name in source.rename if name in source.keys.values()]
    if labels:
        raise SettingsError(
            f"{columns.where}: rename= names {labels[0]!r}, which says whose a row is; leave it out there"
        )
    columns = columns.renamed(source.rename)
    mended = mend_names(name for name in columns.dtypes if name not in source.keys.values())
    if mended and source.names == "mend":
        told = ", ".join(f"{old!r} is called {new!r}" for old, new in mended.items())
        warnings.warn(f"{columns.where}: names of columns could not be those of files: {told}", stacklevel=3)
        columns = columns.renamed(mended)
    taken = _choose_columns(source, columns)
    return Loaded(name, source, units, columns=columns, taken=taken)


def recognise(loaded: Loaded) -> Loaded:
    """Return a source with the columns read that must be read to know what they hold.

    Raises
    ------
    TableError
        A column holds what it must not; see `read_column`.

    Examples
    --------
    >>> table = pd.DataFrame({"patient": ["P1"], "volume": [8.1], "side": ["left"]})
    >>> loaded = recognise(load("shape", Source(table, "imaging")))
    >>> loaded.matrix_columns("imaging"), loaded.own_variables()
    (['volume'], ['side'])
    """
    source, columns, taken = loaded.source, loaded.columns, loaded.taken
    if columns is None:
        return loaded
    held = {}
    to_read = [column for column, role in taken.items() if not _is_streamed(column, role, source, columns)]
    stray: dict[str, StrayText] = {}
    for column, series in columns.read(to_read):
        try:
            held[column] = read_column(
                series,
                loaded.cells(column),
                missing=source.missing,
                as_text=column in source.text,
                as_dates=column in source.dates,
                measured=taken[column] == "imaging",
            )
        except StrayText as error:  # all columns are told of at once, so that they are mended at once
            stray[column] = error
    if stray:
        raise _describe_stray(columns.where, stray)
    return replace(loaded, held=held)


def _describe_stray(where: str, stray: Mapping[str, StrayText]) -> TableError:
    words = sorted({word for error in stray.values() for word in error.words})
    more = f"\n(and {len(stray) - MOST_LISTED} more columns)" if len(stray) > MOST_LISTED else ""
    return TableError(
        f"{where} has text among the numbers of {len(stray)} columns:\n"
        + "\n".join(str(error) for error, _ in zip(stray.values(), range(MOST_LISTED), strict=False))
        + f"{more}\nCorrect the cells; or, for words that mean that there is no value, give the source "
        f"missing={words}; or, for columns that hold text, text={list(stray)}"
    )


def fill(loaded: Loaded, role: Role, places: np.ndarray, rows: np.ndarray, stored: np.ndarray) -> None:
    """Write the columns of a source into its rows of a matrix, one after the other.

    Parameters
    ----------
    places
        Place of each row of the table among the units; -1 for one that is not joined (row,).
    rows
        Place of each column among the labels of the matrix (column,).
    stored
        The matrix, a label a row (label, unit).
    """
    assert loaded.columns is not None
    names = loaded.matrix_columns(role)
    targets = dict(zip(names, rows, strict=True))
    inside = places >= 0
    everyone = bool(inside.all())
    target = places if everyone else places[inside]
    complete = len(target) == stored.shape[1]
    straight = everyone and complete and np.array_equal(places, np.arange(len(places)))

    def write(name: str, values: np.ndarray) -> None:
        row = stored[targets[name]]
        if straight:
            row[:] = values
            return
        if not complete:
            row.fill(np.nan)
        row[target] = values if everyone else values[inside]

    streamed = [name for name in names if name not in loaded.held]
    for name in names:
        if name in loaded.held:
            write(name, loaded.held[name].values)
    for name, series in loaded.columns.read(streamed):
        write(name, read_column(series, loaded.cells(name), missing=loaded.source.missing, measured=True).values)


def _is_streamed(column: str, role: Role, source: Source, columns: Columns) -> bool:
    dtype = columns.dtypes[column]
    numeric = pd.api.types.is_numeric_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype)
    return role in MATRICES and numeric and column not in {*source.text, *source.dates} and source.layout == "wide"


def _choose_columns(source: Source, columns: Columns) -> dict[str, Role]:
    """Return the role of each column that is joined, and refuse options that name no column."""
    keys = set() if source.layout == "long" else set(source.keys.values())
    for option in ("columns", "exclude", "roles", "text", "dates", "units"):
        named = getattr(source, option) or ()
        if source.layout == "long" and option == "exclude":
            continue
        columns.require(named, f"named in {option}=")
        labels = [name for name in named if name in keys]
        if labels and option not in ("text", "exclude"):
            raise SettingsError(
                f"{columns.where}: {option}= names {labels[0]!r}, which says whose a row is; leave it out there"
            )
    chosen = source.columns if source.columns is not None else list(columns.dtypes)
    taken: dict[str, Role] = {
        name: source.roles.get(name, source.role) for name in chosen if name not in keys and name not in source.exclude
    }
    lost = [name for name in source.roles if name not in taken]
    if lost:
        raise SettingsError(
            f"{columns.where}: roles= names {lost[0]!r}, which columns= and exclude= leave out; settle which is meant"
        )
    if not taken:
        raise TableError(f"{columns.where} has no columns beside its labels; expected at least one variable")
    return taken


def _cell(units: Units) -> Callable[[int], str]:
    return lambda row: f"{units.locate(row)}, patient {units.patients[row]!r}"
