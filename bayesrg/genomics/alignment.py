"""Two matrices of the same labels, brought into one order."""

import pandas as pd
import xarray as xr

from bayesrg.errors import TableError
from bayesrg.genomics.offenders import name_some


def align_matrix(matrix: xr.DataArray, other: xr.DataArray, name: str, other_name: str) -> xr.DataArray:
    """Return a matrix in the order of another's labels, or refuse it where it has not the same labels.

    Parameters
    ----------
    matrix, other
        Of the same dims.
    name, other_name
        What they are, for messages.

    Raises
    ------
    TableError
        Dims or labels differ; the message names the labels.

    Examples
    --------
    >>> first = xr.DataArray([[1.0, 2.0]], {"sample": ["a"], "cpg": ["cg01", "cg02"]})
    >>> align_matrix(first[:, ::-1], first, "coverage", "reads").cpg.values.tolist()
    ['cg01', 'cg02']
    """
    if matrix.dims != other.dims:
        raise TableError(
            f"{name} are over {matrix.dims[0]}, {other_name} over {other.dims[0]}; give both the same dims"
        )
    order = {}
    for dim in map(str, matrix.dims):
        mine, theirs = pd.Index(matrix[dim].values), pd.Index(other[dim].values)
        if mine.equals(theirs):
            continue
        for labels, present, absent in (
            (theirs.difference(mine), other_name, name),
            (mine.difference(theirs), name, other_name),
        ):
            if len(labels):
                raise TableError(
                    f"{name_some(labels, dim)} in {present}, but not in {absent}; both tables must have the same {dim}s"
                )
        order[dim] = theirs
    return matrix.sel(order) if order else matrix
