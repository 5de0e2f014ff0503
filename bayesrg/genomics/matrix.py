"""Matrices of numbers over samples and genes: read from files and tables, checked cell by cell."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.gene_columns import leave_out_descriptions, refuse_headless
from bayesrg.genomics.genes import check_genes
from bayesrg.genomics.offenders import refuse_values
from bayesrg.history import step, with_step
from bayesrg.samples import unit_dim
from bayesrg.tables import MISSING, read_numbers

Across = Literal["rows", "columns"]


def read_matrix(path: str | PathLike[str], *, over: str = "gene", across: Across = "rows") -> xr.DataArray:
    r"""Return the matrix of numbers that a file holds, dims (sample, gene).

    Parameters
    ----------
    path
        Any file that `bayesrg.tables.read_numbers` reads: CSV, tab-separated (gzipped too), GCT, Parquet or Excel. The
        first column holds the labels of the rows, the first row those of the columns. With genes in rows, known columns
        that describe genes (``Entrez_Gene_Id``, ``gene_name``, ``Description`` …) are left out with a warning.
    over
        What is measured: ``gene``, ``cpg``, ``bin``.
    across
        Where these run: ``"rows"`` (a gene a row and a sample a column, as counts usually come) or ``"columns"``.

    Raises
    ------
    TableError
        The file cannot be read, has no row of names, a label is empty or there twice, or a cell is not a number; the
        message names both labels.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "counts.csv"
    >>> _ = path.write_text("gene,P1,P2\nTP53,10,20\nIDH1,0,5\n")
    >>> read_matrix(path).sel(sample="P2").values.tolist()
    [20.0, 5.0]
    """
    source = Path(path)
    table, where = read_numbers(source), f"{source.name}: "
    if across == "rows":
        refuse_headless(table, where)
    matrix = _from_frame(table, over, across, where)
    line = step("read_matrix", source=source)
    return matrix.assign_attrs(with_step(xr.Dataset(), line).attrs)


def as_matrix(
    table: pd.DataFrame | xr.DataArray | xr.Dataset,
    *,
    over: str = "gene",
    across: Across = "rows",
    what: str = "values",
    lowest: float | None = None,
    highest: float | None = None,
    variable: str | None = None,
    where: str = "",
) -> xr.DataArray:
    """Return a table as a checked matrix of float64, dims (unit, gene).

    Parameters
    ----------
    table
        A DataFrame with labels in its index and columns, whose units become the dim ``sample`` (with genes in rows,
        known columns that describe genes, such as ``Entrez_Gene_Id``, are left out with a warning); a DataArray with a
        unit dim (``patient``, ``tumor``, ``region`` or ``sample``) and the dim ``over``, in any order; or a Dataset
        with such a variable.
    over
        What is measured: ``gene``, ``cpg``, ``bin``.
    across
        Of a DataFrame: whether genes are its ``"rows"`` or its ``"columns"``.
    what
        What the numbers are, for messages.
    lowest, highest
        The range in which every value must lie; None for no limit. NaN is missing and passes.
    variable
        Of a Dataset: the variable to take, if it is there; otherwise its only one is taken.
    where
        What stands before each message, such as the name of a file and a colon.

    Raises
    ------
    TableError
        A label is empty or there twice, a cell is not a number, infinite, or out of range, or a Dataset has several
        variables.

    Examples
    --------
    >>> as_matrix(pd.DataFrame({"P1": [3.0, 1.0]}, index=["TP53", "IDH1"])).dims
    ('sample', 'gene')
    """
    if isinstance(table, xr.Dataset):
        table = choose_variable(table, variable)
    if isinstance(table, xr.DataArray):
        matrix = _from_array(table, over, where)
    else:
        matrix = _from_frame(table, over, across, where)
    _check_range(matrix, where + what, lowest, highest)
    return matrix


def choose_variable(data: xr.Dataset, name: str | None = None) -> xr.DataArray:
    """Return the variable of that name, or else the only one that there is, with the Dataset's history.

    Raises
    ------
    TableError
        It is not there, and there are several or none.

    Examples
    --------
    >>> data = xr.Dataset({"count": ("gene", [3.0])}, attrs={"history": "read_counts: a.txt"})
    >>> choose_variable(data, "count").attrs["history"]
    'read_counts: a.txt'
    """
    held = [str(variable) for variable in data.data_vars]
    chosen = name if name in held else held[0] if len(held) == 1 else None
    if chosen is None:
        expected = "one of them" if name is None else f"{name!r}"
        raise TableError(
            f"the dataset has the variables {', '.join(held) or '(none)'}; expected {expected}: hand over one "
            "variable, such as data['count']"
        )
    history = {"history": data.attrs["history"]} if "history" in data.attrs else {}
    return data[chosen].assign_attrs(history)


def _from_frame(table: pd.DataFrame, over: str, across: Across, where: str) -> xr.DataArray:
    if across not in ("rows", "columns"):
        raise SettingsError(f"across is {across!r}; expected 'rows' or 'columns'")
    if not table.size:
        raise TableError(
            f"{where}the table has {table.shape[0]} rows and {table.shape[1]} columns; expected numbers in it"
        )
    if across == "rows":
        table = leave_out_descriptions(table, where)
    values = _numbers(table, where)
    genes, units = (table.index, table.columns) if across == "rows" else (table.columns, table.index)
    if across == "rows":
        values = values.T
    return xr.DataArray(
        values,
        {"sample": _labels(units, "sample", where), over: _labels(genes, over, where)},
        ("sample", over),
    )


def _from_array(table: xr.DataArray, over: str, where: str) -> xr.DataArray:
    unit = unit_dim(table)
    if set(table.dims) != {unit, over}:
        raise TableError(f"{where}the data have the dims {', '.join(map(str, table.dims))}; expected {unit} and {over}")
    if table.dtype.kind not in "fiub":
        raise TableError(f"{where}the data are stored as {table.dtype}; expected numbers")
    for dim in (unit, over):
        if dim not in table.coords:
            raise TableError(f"{where}the dim {dim!r} has no labels; give it a coordinate of that name")
    matrix = table.transpose(unit, over).astype(float, copy=False)
    # Labels are checked where they come in; a subset of a Dataset's keeps them.
    labels = {dim: _labels(matrix[dim].values, dim, where) for dim in (unit, over)}
    return matrix.assign_coords({dim: (dim, values, matrix[dim].attrs) for dim, values in labels.items()})


def _numbers(table: pd.DataFrame, where: str) -> np.ndarray:
    """Return the cells as float64, or name the first one that is no number."""
    numeric = [pd.api.types.is_numeric_dtype(dtype) for dtype in table.dtypes]
    if all(numeric):
        return table.to_numpy(dtype=float, na_value=np.nan)
    values = np.empty(table.shape)
    # By place and not by name, because names may be numbers, or there twice.
    for place, is_number in enumerate(numeric):
        cells = table.iloc[:, place]
        if is_number:
            values[:, place] = cells.to_numpy(dtype=float, na_value=np.nan)
            continue
        numbers = np.asarray(pd.to_numeric(cells, errors="coerce"), dtype=float)
        # A column without any number is refused; one of empty cells only is missing throughout.
        wrong = np.flatnonzero(np.isnan(numbers) & (cells.notna() & ~cells.isin(list(MISSING))).to_numpy())
        if len(wrong):
            row = wrong[0]
            raise TableError(
                f"{where}row {table.index[row]!r}, column {table.columns[place]!r} holds {cells.iloc[row]!r}; expected "
                "a number, or an empty cell or NA where it is missing"
            )
        values[:, place] = numbers
    return values


def _labels(labels: Sequence[object] | pd.Index | np.ndarray, dim: str, where: str) -> np.ndarray:
    if dim == "gene":
        return check_genes(labels, f"{where}the genes")
    names = np.array([("" if label is None or label != label else str(label)).strip() for label in labels], dtype=str)
    if (names == "").any():
        place = int(np.flatnonzero(names == "")[0]) + 1
        raise TableError(f"{where}label {place} of the {dim}s is empty; name it")
    values, counts = np.unique(names, return_counts=True)
    if (counts > 1).any():
        twice = ", ".join(values[counts > 1][:5])
        raise TableError(
            f"{where}{(counts > 1).sum()} of the {dim}s are there more than once: {twice}; keep one of each, or rename "
            "them"
        )
    return names


def _check_range(matrix: xr.DataArray, what: str, lowest: float | None, highest: float | None) -> None:
    values = matrix.values
    if not values.size:
        raise TableError(f"the {what} are empty: {dict(zip(matrix.dims, values.shape, strict=True))}")
    # A minimum and a maximum need no second array of the matrix's size; NaN passes, infinity does not.
    with np.errstate(invalid="ignore"):
        least, most = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
    if np.isinf(least) or np.isinf(most):
        refuse_values(matrix, np.isinf(values), what, "a finite number")
    if lowest is not None and least < lowest:
        refuse_values(matrix, values < lowest, what, f"at least {lowest:g}")
    if highest is not None and most > highest:
        refuse_values(matrix, values > highest, what, f"at most {highest:g}")
