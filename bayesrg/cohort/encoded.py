"""Encoded Datasets as sources: their variables laid along the cohort's units and the union of their genes."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.axes import Axis
from bayesrg.cohort.columns import store
from bayesrg.cohort.missingness import is_missing
from bayesrg.cohort.source import Source
from bayesrg.errors import TableError, list_some
from bayesrg.samples import LEVELS


def choose_variables(name: str, source: Source) -> xr.Dataset:
    """Return the variables of a Dataset that a source takes.

    Raises
    ------
    TableError
        A variable that is named is not there.
    """
    data = source.table
    assert isinstance(data, xr.Dataset)
    unknown = [variable for variable in source.rename if variable not in data.data_vars]
    data = data if unknown else data.rename_vars(source.rename)
    named = [*unknown, *(source.columns or ()), *source.exclude, *source.roles, *source.units]
    absent = [variable for variable in named if variable not in data.data_vars]
    if absent:
        raise TableError(f"source {name!r} has no variable {absent[0]!r}; it has {list_some(list(data.data_vars))}")
    chosen = source.columns if source.columns is not None else list(data.data_vars)
    return data[[variable for variable in chosen if variable not in source.exclude]]


def join_labels(
    datasets: Mapping[str, xr.Dataset], tables: Mapping[str, Mapping[str, Sequence[str]]]
) -> dict[str, Axis]:
    """Return the union of the labels along every dim that is no unit, in the order in which they are first met.

    Parameters
    ----------
    datasets
        Encoded sources.
    tables
        For each dim of a matrix of tables, the labels that each source brings.

    Raises
    ------
    TableError
        A dim without labels has two sizes, or has labels in one source only.
    """
    dims = dict.fromkeys([*tables, *(dim for data in datasets.values() for dim in data.dims if dim not in LEVELS)])
    axes = {}
    for dim in dims:
        own = {name: pd.Index(labels, dtype=object) for name, labels in tables.get(str(dim), {}).items()}
        bare: dict[str, int] = {}
        for name, data in datasets.items():
            if dim not in data.dims:
                continue
            if dim in data.indexes:
                if not data.indexes[dim].is_unique:
                    twice = data.indexes[dim][data.indexes[dim].duplicated()].unique()
                    raise TableError(
                        f"source {name!r} has labels along {dim} twice: {list_some(list(twice))}; keep one of each"
                    )
                own[name] = data.indexes[dim]
            else:
                bare[name] = data.sizes[dim]
        if bare and (own or len(set(bare.values())) > 1):
            raise TableError(
                f"the dim {dim} has no labels in "
                f"{list_some([f'{name!r} (size {size})' for name, size in bare.items()])}, so that it cannot be laid "
                f"beside that of other sources; assign the coordinate {dim!r}"
            )
        union = next(iter(own.values()), pd.RangeIndex(next(iter(bare.values()), 0)))
        for index in list(own.values())[1:]:
            if not index.equals(union):
                union = union.append(index[~index.isin(union)])
        places = {name: union.get_indexer(index) for name, index in own.items()}
        axes[str(dim)] = Axis(union, places or {name: np.arange(size) for name, size in bare.items()})
    return axes


def lay(variable: xr.Variable, source: str, axes: Mapping[str, Axis]) -> xr.Variable:
    """Return a variable of one source along the cohort's dims, with missing values where the source has none.

    Whole numbers and truth values become real numbers where something is missing. A variable that already lies as it
    should is not copied.
    """
    dims = [str(dim) for dim in variable.dims]
    size = tuple(len(axes[dim].labels) for dim in dims)
    places = [axes[dim].places[source] for dim in dims]
    straight = all(len(own) == n and np.array_equal(own, np.arange(n)) for own, n in zip(places, size, strict=True))
    values = variable.values
    if values.dtype.kind in "OT" and all(isinstance(cell, str) for cell in values.ravel()):
        values = store(values.astype(object))
    if straight:
        return xr.Variable(variable.dims, values, variable.attrs)
    kept = [np.flatnonzero(own >= 0) for own in places]
    targets = [own[rows] for own, rows in zip(places, kept, strict=True)]
    covered = all(len(own) == n for own, n in zip(targets, size, strict=True))
    dtype, empty = _missing_of(values.dtype, covered)
    laid = np.empty(size, dtype) if covered else np.full(size, empty, dtype)
    if all(len(rows) == n for rows, n in zip(kept, values.shape, strict=True)):
        laid[np.ix_(*targets)] = values
    else:
        laid[np.ix_(*targets)] = values[np.ix_(*kept)]
    return xr.Variable(variable.dims, laid, variable.attrs)


def _missing_of(dtype: np.dtype, covered: bool) -> tuple[np.dtype, object]:
    """Return the type in which values are kept, and what stands for a missing one."""
    if dtype.kind in "biu" and not covered:
        return np.dtype(float), np.nan
    if dtype.kind in "mM":
        return dtype, np.array("NaT", dtype=dtype)
    return dtype, {"U": "", "f": np.nan, "c": np.nan, "O": ""}.get(dtype.kind, np.zeros((), dtype=dtype))


def join_coordinates(
    datasets: Mapping[str, xr.Dataset], axes: Mapping[str, Axis], taken: Iterable[str]
) -> dict[str, xr.Variable]:
    """Return what stands beside the labels: chromosome and place of genes, and whatever else the Datasets have.

    Raises
    ------
    TableError
        Two sources differ about the same label, as two builds of the genome do.
    """
    skip = {*axes, *taken}
    joined: dict[str, tuple[str, xr.Variable]] = {}
    for name, data in datasets.items():
        for key, coord in data.coords.items():
            if str(key) in skip:
                continue
            laid = lay(coord.variable, name, axes)
            if str(key) not in joined:
                joined[str(key)] = (name, laid)
                continue
            other, before = joined[str(key)]
            if before.dims != laid.dims:
                raise TableError(
                    f"the coordinate {key!r} lies along {before.dims} in {other!r} and {laid.dims} in {name!r}; "
                    "rename one"
                )
            filled = [~is_missing(before.values), ~is_missing(laid.values)]
            differ = filled[0] & filled[1] & (before.values != laid.values)
            if differ.any():
                at = tuple(int(place) for place in np.argwhere(differ)[0])
                label = axes[str(laid.dims[0])].labels[at[0]] if laid.ndim else ""
                raise TableError(
                    f"the coordinate {key!r} of {laid.dims[0] if laid.ndim else 'the data'} {label} is "
                    f"{before.values[at]} in {other!r} and {laid.values[at]} in {name!r}, and {int(differ.sum()) - 1} "
                    "more differ; were they made with different builds of the genome? Encode both alike, or drop "
                    f"{key!r} of one (drop_vars)"
                )
            dtype = np.result_type(before.dtype, laid.dtype)
            joined[str(key)] = (
                other,
                xr.Variable(laid.dims, np.where(filled[0], before.values, laid.values).astype(dtype), before.attrs),
            )
    return {key: laid for key, (_, laid) in joined.items()}
