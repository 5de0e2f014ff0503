"""Missing values counted: by variable, and by patient."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.axes import SEPARATOR
from bayesrg.cohort.flow import check_cohort
from bayesrg.samples import LEVELS, Level

# Columns of a matrix that are looked at together.
_TOGETHER = 128


@dataclass(frozen=True)
class Block:
    """Values of one source that are looked at together.

    Attributes
    ----------
    names
        What they are called: the columns of a matrix, or one variable with all its values.
    source, role, level
        Where they come from, and what they are of.
    missing
        Whether they are missing (unit, column), or for one variable (unit, value).
    """

    names: tuple[str, ...]
    source: str
    role: str
    level: Level
    missing: np.ndarray


def look_at(cohort: xr.Dataset) -> Iterator[Block]:
    """Yield the cohort's values, block by block, and which are missing.

    Of an encoded variable the genes that its source has are counted; that another source has more of them does not make
    values missing. A variable that has values only where a gene is mutated (attribute ``only_where``) is not looked at.
    """
    for name, variable in cohort.data_vars.items():
        level: Level | None = next((level for level in LEVELS if level in variable.dims), None)
        if level is None or "role" not in variable.attrs or "only_where" in variable.attrs:
            continue
        role, sources = variable.attrs["role"], variable.attrs["source"]
        if variable.attrs["kind"] == "matrix":
            yield from _look_at_matrix(variable, sources.split(SEPARATOR), role, level)
            continue
        values = own_part(variable).transpose(level, ...).values
        yield Block((str(name),), sources, role, level, in_rows(is_missing(values)))


def _look_at_matrix(matrix: xr.DataArray, sources: list[str], role: str, level: Level) -> Iterator[Block]:
    dim = str(next(dim for dim in matrix.dims if dim != level))
    holders, labels = matrix[f"{dim}_source"].values, matrix[dim].values
    values = matrix.transpose(level, dim).values
    for source in sources:
        own = np.flatnonzero([source in held.split(SEPARATOR) for held in holders])
        for begin in range(0, len(own), _TOGETHER):
            some = own[begin : begin + _TOGETHER]
            yield Block(tuple(map(str, labels[some])), source, role, level, np.isnan(values[:, some]))


def own_part(variable: xr.DataArray) -> xr.DataArray:
    """Return a variable of a cohort without the genes (or features, sites) that only other sources have.

    A variable to which all labels belong is returned as it is, and not copied.
    """
    sources = set(variable.attrs.get("source", "").split(SEPARATOR))
    for dim in variable.dims:
        if f"{dim}_source" in variable.coords and dim not in LEVELS:
            own = [bool(sources & set(held.split(SEPARATOR))) for held in variable[f"{dim}_source"].values]
            if not all(own):
                variable = variable.isel({dim: np.flatnonzero(own)})
    return variable


def in_rows(values: np.ndarray) -> np.ndarray:
    """Return an array with a row for each unit, also where there is none.

    Examples
    --------
    >>> in_rows(np.zeros((2, 3, 4))).shape, in_rows(np.zeros(0)).shape
    ((2, 12), (0, 1))
    """
    return values.reshape(len(values), prod(values.shape[1:]))


def is_missing(values: np.ndarray) -> np.ndarray:
    """Return which values are missing: NaN, NaT, and the empty text.

    Examples
    --------
    >>> is_missing(np.array(["G2", ""])).tolist()
    [False, True]
    """
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind in "mM":
        return np.isnat(values)
    if values.dtype.kind in "UT":
        return values == ""
    if values.dtype.kind == "O":
        return (values == "") | pd.isna(values)
    return np.zeros(values.shape, dtype=bool)


def missing_by_variable(cohort: xr.Dataset) -> pd.DataFrame:
    """Return how many values of each variable, and of each column of the matrices, are missing.

    Parameters
    ----------
    cohort
        What `join` returned.

    Returns
    -------
    pandas.DataFrame
        A row for each variable or column of ``imaging`` and ``genome``, in the cohort's order; columns ``role``,
        ``source``, ``level`` (what a value is of), ``n`` (values that there would be if none were missing), ``missing``
        and ``share`` (of n, 0 to 1). An encoded variable, such as mutations of 20,000 genes, is one row.

    Examples
    --------
    >>> from bayesrg.cohort.joining import join
    >>> from bayesrg.cohort.source import Source
    >>> table = pd.DataFrame({"patient": ["P1", "P2"], "age": [50, None], "grade": ["G2", "G3"]})
    >>> missing_by_variable(join({"clinical": Source(table, "clinical")}))["missing"].to_dict()
    {'age': 1, 'grade': 0}
    """
    check_cohort(cohort)
    rows = []
    for block in look_at(cohort):
        counts = block.missing.reshape(-1, len(block.names)).sum(axis=0)
        n = block.missing.size // len(block.names)
        rows += [
            (name, block.role, block.source, block.level, n, int(count))
            for name, count in zip(block.names, counts, strict=True)
        ]
    table = pd.DataFrame(rows, columns=["variable", "role", "source", "level", "n", "missing"]).set_index("variable")
    return table.assign(share=table["missing"] / table["n"].where(table["n"] > 0))


def missing_by_patient(cohort: xr.Dataset) -> pd.DataFrame:
    """Return how many values of each patient are missing, in each source.

    Values of a patient's tumours and regions count as the patient's. A patient without any has none to miss at that
    level: `membership` tells those who are not in the table from those whose last tumour or region was left out.

    Parameters
    ----------
    cohort
        What `join` returned.

    Returns
    -------
    pandas.DataFrame
        A row a patient; a column a source, with the number of values missing, and ``total`` and ``share`` (of all
        values of the patient, 0 to 1; NaN where there is none).

    Examples
    --------
    >>> from bayesrg.cohort.joining import join
    >>> from bayesrg.cohort.source import Source
    >>> table = pd.DataFrame({"patient": ["P1", "P2"], "age": [50, None], "grade": ["G2", "G3"]})
    >>> missing_by_patient(join({"clinical": Source(table, "clinical")}))["share"].to_dict()
    {'P1': 0.0, 'P2': 0.5}
    """
    missing, values = count_by_patient(cohort)
    total = missing.sum(axis=1)
    n = values.sum(axis=1)
    return missing.assign(total=total, share=total / n.where(n > 0))


def count_by_patient(cohort: xr.Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return how many values are missing, and how many there would be, for each patient (row) and source (column)."""
    check_cohort(cohort)
    patients = pd.Index(cohort["patient"].values.astype(object), name="patient")
    sources = [str(source) for source in cohort["source"].values]
    missing = pd.DataFrame(0, index=patients, columns=sources)
    values = missing.copy()
    owner = {level: _owners(cohort, level, patients) for level in LEVELS if level in cohort.dims}
    for block in look_at(cohort):
        rows = owner[block.level]
        each = np.full(len(rows), block.missing.shape[1])
        for table, counts in ((missing, block.missing.sum(axis=1)), (values, each)):
            table[block.source] += np.bincount(rows, weights=counts, minlength=len(patients)).astype(int)
    return missing, values


def _owners(cohort: xr.Dataset, level: Level, patients: pd.Index) -> np.ndarray:
    """Return the place of each unit's patient among the patients."""
    if level == "patient":
        return np.arange(len(patients))
    return patients.get_indexer(pd.Index(cohort[f"{level}_patient"].values.astype(object)))
