"""Regions as a graph of neighbours: the covariance of the scaled intrinsic autoregression (ICAR).

W_r - mean of its neighbours ~ Normal; in each connected part W adds up to zero, and its covariance is scaled so that
the geometric mean of its diagonal is 1, so that a standard deviation means the same whatever the graph (Riebler et al.
2016, doi:10.1177/0962280216660421; for graphs in parts Freni-Sterrantino et al. 2018, doi:10.1016/j.sste.2018.04.002).
A region without neighbours has variance 1.
"""

import numpy as np
import pandas as pd
from scipy.sparse import csgraph

from bayesrg.errors import TableError, list_some
from bayesrg.models.patient_rows.cells import label


def scaled_icar(adjacency: np.ndarray) -> np.ndarray:
    """Covariance (region, region) of a graph, from its symmetric matrix of neighbours (region, region; 0 or 1).

    Examples
    --------
    >>> scaled_icar(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]])).round(3)
    array([[ 1., -1.,  0.],
           [-1.,  1.,  0.],
           [ 0.,  0.,  1.]])
    """
    n_parts, part = csgraph.connected_components(adjacency, directed=False)
    covariance = np.zeros(adjacency.shape)
    for number in range(n_parts):
        members = np.flatnonzero(part == number)
        if members.size == 1:
            covariance[members[0], members[0]] = 1.0
            continue
        own = np.linalg.pinv(csgraph.laplacian(adjacency[np.ix_(members, members)].astype(float)), hermitian=True)
        covariance[np.ix_(members, members)] = own / np.exp(np.log(np.diag(own)).mean())
    return covariance


def read_neighbours(neighbours: pd.DataFrame, tumors: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Symmetric matrix (row, row) of which rows are neighbours, from a table of pairs.

    Parameters
    ----------
    neighbours : columns ``tumor``, ``region``, ``neighbour``; pairs with a region that has no row are of no matter
    tumors, regions : labels of the rows

    Raises
    ------
    TableError
        For absent columns, a region that neighbours itself, tumours of which no row is known, and a table that joins
        no two rows.
    """
    missing = [name for name in ("tumor", "region", "neighbour") if name not in neighbours.columns]
    if missing:
        raise TableError(
            f"neighbours has no column {list_some(missing, show=repr)}: it needs tumor, region and neighbour, a row a "
            "pair"
        )
    place = {pair: row for row, pair in enumerate(zip(tumors, regions, strict=True))}
    known = {str(tumor) for tumor in tumors}
    adjacency = np.zeros((tumors.size, tumors.size), dtype=bool)
    strange = []
    for tumor, one, other in zip(
        *(neighbours[name].map(label) for name in ("tumor", "region", "neighbour")), strict=True
    ):
        if one == other:
            raise TableError(f"neighbours says that region {one!r} of tumour {tumor!r} neighbours itself: take it out")
        if tumor not in known:
            strange.append(tumor)
        if (tumor, one) in place and (tumor, other) in place:
            first, second = place[tumor, one], place[tumor, other]
            adjacency[first, second] = adjacency[second, first] = True
    if strange and not adjacency.any():
        raise TableError(
            f"neighbours names tumours that the table does not have: {list_some(dict.fromkeys(strange))}; it has "
            f"{list_some(sorted(known))}"
        )
    if not adjacency.any():
        raise TableError("neighbours joins no two regions of the table: compare its labels with the table's")
    return adjacency
