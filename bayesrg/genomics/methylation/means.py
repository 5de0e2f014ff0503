"""Methylation of a gene, or of an interval of a chromosome: the mean over its CpG sites."""

from collections.abc import Collection
from typing import Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.matrix import as_matrix
from bayesrg.genomics.methylation.intervals import (
    Annotation,
    assign_to_genes,
    assign_to_intervals,
    check_intervals,
    find_positions,
)
from bayesrg.history import step, with_step

Average = Literal["beta_value", "m_value"]

# Units whose CpGs are averaged at once: 16 of a million sites are 128 MB.
_UNITS_AT_ONCE = 16


def average_methylation(
    data: xr.Dataset | xr.DataArray,
    annotation: Annotation,
    *,
    by: Literal["gene", "interval"] = "gene",
    of: Average = "beta_value",
    groups: Collection[str] | None = None,
    positions: pd.DataFrame | None = None,
    minimum_cpgs: int = 1,
) -> xr.Dataset:
    """Return the mean methylation of the CpGs of each gene, or of each interval of a chromosome, over patients.

    Parameters
    ----------
    data
        A Dataset with the variable to be averaged, or that variable, dims (unit, cpg).
    annotation
        By gene: which CpG belongs to which genes (see `bayesrg.genomics.methylation.intervals.assign_to_genes`;
        Illumina's manifest as it is). By interval: a table with the columns ``name``, ``chromosome``, ``start``,
        ``end`` (1-based, both included).
    by
        ``"gene"`` or ``"interval"``.
    of
        Whether beta-values or M-values are averaged. The mean of M is not the M-value of the mean beta.
    groups
        By gene: only CpGs in these parts of it, such as ``("TSS200", "TSS1500")`` for its promoter.
    positions
        By interval: where CpGs lie (columns ``cpg``, ``chromosome``, ``position``), unless their names tell it.
    minimum_cpgs
        A gene with fewer CpGs in the data is left out; where missing values leave a unit fewer, its mean is missing.

    Returns
    -------
    xr.Dataset
        The averaged variable over (unit, gene) or (unit, interval), with the coordinate ``n_cpg``, and for intervals
        ``chromosome``, ``start``, ``end``. Attributes: ``n_cpgs_unassigned``, and of genes or intervals with too few
        CpGs ``left_out`` and ``n_left_out``.

    Raises
    ------
    TableError
        The variable is not there, the annotation is damaged, or nothing has CpGs enough.
    SettingsError
        An option is out of range or of the other kind of average.

    Examples
    --------
    >>> beta = xr.DataArray([[0.2, 0.4, 0.9]], {"patient": ["P1"], "cpg": ["cg01", "cg02", "cg03"]})
    >>> means = average_methylation(beta, {"cg01": "TP53", "cg02": "TP53;WRAP53"})
    >>> means.beta_value.sel(patient="P1").round(3).values, means.n_cpg.values, means.attrs["n_cpgs_unassigned"]
    (array([0.3, 0.4]), array([2, 1]), 1)
    """
    _check_averaging(by, of, groups, positions, minimum_cpgs)
    if isinstance(data, xr.Dataset) and of not in data:
        raise TableError(
            f"the dataset has no variable {of!r}, only {', '.join(map(str, data.data_vars))}; choose with of=…"
        )
    values = as_matrix(data[of] if isinstance(data, xr.Dataset) else data, over="cpg", what=of)
    unit, cpgs = str(values.dims[0]), values["cpg"].values
    along: dict[str, np.ndarray] = {}
    if by == "gene":
        pairs = assign_to_genes(annotation, cpgs, groups=groups)
        names = np.unique(pairs["gene"].to_numpy(dtype=str))
    elif isinstance(annotation, pd.DataFrame):
        intervals = check_intervals(annotation)
        pairs = assign_to_intervals(find_positions(cpgs, positions), intervals)
        names = intervals["name"].to_numpy(dtype=str)
        along = {name: intervals[name].to_numpy() for name in ("chromosome", "start", "end")}
    else:
        raise SettingsError("by='interval' needs a table with the columns name, chromosome, start and end")
    rows = pd.Index(names).get_indexer(pd.Index(pairs[by].to_numpy()))
    columns = pd.Index(cpgs).get_indexer(pd.Index(pairs["cpg"].to_numpy()))
    belongs = sparse.csr_array((np.ones(len(pairs)), (rows, columns)), shape=(len(names), len(cpgs)))
    n_cpg = np.bincount(rows, minlength=len(names))
    kept = n_cpg >= minimum_cpgs
    if not kept.any():
        raise TableError(
            f"no {by} of {len(names)} has {minimum_cpgs} CpGs in the data; lower minimum_cpgs or check the build"
        )
    means = _average(values.values, sparse.csr_array(belongs[kept]), n_cpg[kept], minimum_cpgs)
    label = f"mean of {'beta-values' if of == 'beta_value' else 'M-values'} of the {by}'s CpGs"
    coords = {name: coord for name, coord in values.coords.items() if coord.dims == (unit,)}
    array = xr.DataArray(means, {unit: values[unit], by: names[kept]}, (unit, by))
    result = array.assign_attrs(long_name=label, units="1").to_dataset(name=of).assign_coords(coords)
    along["n_cpg"] = n_cpg
    result = result.assign_coords({name: (by, column[kept]) for name, column in along.items()})
    result.attrs = {
        "n_cpgs_unassigned": len(cpgs) - len(np.unique(columns)),
        "left_out": ", ".join(names[~kept]),
        "n_left_out": int((~kept).sum()),
    }
    chosen = None if groups is None else tuple(groups)
    return with_step(result, step("average_methylation", by=by, of=of, groups=chosen, minimum_cpgs=minimum_cpgs), data)


def _check_averaging(by: str, of: str, groups: object, positions: object, minimum_cpgs: int) -> None:
    if by not in ("gene", "interval"):
        raise SettingsError(f"by={by!r}: expected 'gene' or 'interval'")
    if of not in get_args(Average):
        raise SettingsError(f"of={of!r}: expected one of {', '.join(get_args(Average))}")
    if minimum_cpgs < 1:
        raise SettingsError(f"minimum_cpgs={minimum_cpgs}: expected at least 1")
    if by == "interval" and groups is not None:
        raise SettingsError("groups are parts of genes; leave them out with by='interval'")
    if by == "gene" and positions is not None:
        raise SettingsError("positions are for by='interval'; leave them out with by='gene'")


def _average(values: np.ndarray, belongs: sparse.csr_array, n_cpg: np.ndarray, minimum: int) -> np.ndarray:
    """Return the mean over each row's CpGs that are not missing, shape (unit, row)."""
    result = np.empty((len(values), len(n_cpg)))
    for first in range(0, len(values), _UNITS_AT_ONCE):
        block = np.ascontiguousarray(values[first : first + _UNITS_AT_ONCE].T)
        missing = np.isnan(block)
        n = n_cpg[:, None]
        if missing.any():
            block = np.where(missing, 0, block)
            n = belongs @ (~missing).astype(float)
        means = np.where(n >= minimum, (belongs @ block) / np.maximum(n, 1), np.nan)
        result[first : first + _UNITS_AT_ONCE] = means.T
    return result
