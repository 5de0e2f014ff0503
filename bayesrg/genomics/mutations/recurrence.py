"""How often genes are mutated, and the choice of genes by it; indicators as pairs and as sparse matrices."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

import numpy as np
import pandas as pd
import xarray as xr
from scipy import sparse, special

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.genes import check_genes
from bayesrg.history import step, with_step
from bayesrg.samples import unit_dim

_CELLS = 1 << 24


def recurrence(data: xr.Dataset | xr.DataArray, *, interval: float = 0.95) -> pd.DataFrame:
    """Return for each gene how many patients are mutated, of how many who were assayed for it.

    Parameters
    ----------
    data
        With ``mutated`` over (unit, ``gene``), or that variable: 1, 0, or NaN where the gene was not assayed.
    interval
        Probability of the confidence interval.

    Returns
    -------
    pandas.DataFrame
        Index ``gene``, the most often mutated first and by name among equals; columns ``mutated`` and ``assayed``
        (numbers of units), ``share`` (NaN if nobody was assayed), and ``lower`` and ``upper``, the exact interval of
        Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404), which covers at least as often as it says.

    Raises
    ------
    TableError
        There is no ``mutated``, or it holds other values.
    SettingsError
        ``interval`` is not between 0 and 1.

    Examples
    --------
    >>> coords = {"patient": ["a", "b"], "gene": ["IDH1", "TP53"]}
    >>> mutated = xr.DataArray([[1.0, np.nan], [0.0, 1.0]], coords, ("patient", "gene"))
    >>> recurrence(mutated)[["mutated", "assayed", "share"]].to_dict("list")
    {'mutated': [1, 1], 'assayed': [2, 1], 'share': [0.5, 1.0]}
    """
    if not 0 < interval < 1:
        raise SettingsError(f"interval is {interval}; expected a probability between 0 and 1, such as 0.95")
    array = _find_mutated(data)
    genes = pd.Index(array["gene"].values.astype(object), name="gene")
    hits, assayed = np.zeros(len(genes), dtype=int), np.zeros(len(genes), dtype=int)
    for _, block in _blocks(array):
        hits += (block == 1).sum(axis=0)
        assayed += len(block) - np.isnan(block).sum(axis=0)
    share = np.divide(hits, assayed, out=np.full(len(genes), np.nan), where=assayed > 0)
    tail = (1 - interval) / 2
    # The beta distribution has no quantiles where a parameter is 0; the limits there are the ends of the range.
    lower = np.where(hits > 0, special.betaincinv(np.maximum(hits, 1), assayed - hits + 1, tail), 0.0)
    upper = np.where(hits < assayed, special.betaincinv(hits + 1, np.maximum(assayed - hits, 1), 1 - tail), 1.0)
    table = pd.DataFrame(
        {"mutated": hits, "assayed": assayed, "share": share, "lower": lower, "upper": upper}, index=genes
    )
    table.loc[assayed == 0, ["lower", "upper"]] = np.nan
    return table.iloc[np.lexsort((genes.to_numpy(dtype=str), -hits))]


def select_genes(
    data: xr.Dataset,
    *,
    minimum_patients: int | None = None,
    minimum_share: float | None = None,
    names: Iterable[str] | None = None,
) -> xr.Dataset:
    """Return the dataset with some of its genes: those mutated often enough, or those named, or both.

    Parameters
    ----------
    data
        With ``mutated`` over (unit, ``gene``).
    minimum_patients
        Least number of units in which a gene must be mutated.
    minimum_share
        Least share of the assayed units in which it must be mutated.
    names
        Genes, in the order wanted; without it the dataset's order stays.

    Returns
    -------
    xarray.Dataset
        Every variable with its remaining genes; ``attrs["genes_left_out"]`` and the history count the others.

    Raises
    ------
    TableError
        A named gene is not there, or no gene is left.
    SettingsError
        No criterion is given, or one is out of range.

    Examples
    --------
    >>> coords = {"patient": ["a", "b"], "gene": ["IDH1", "TP53"]}
    >>> mutated = xr.DataArray([[1.0, 0.0], [1.0, 1.0]], coords, ("patient", "gene"))
    >>> chosen = select_genes(mutated.to_dataset(name="mutated"), minimum_patients=2)
    >>> chosen["gene"].values.tolist(), chosen.attrs["genes_left_out"]
    (['IDH1'], 1)
    """
    if minimum_patients is None and minimum_share is None and names is None:
        raise SettingsError("give minimum_patients, minimum_share or names, by which genes are to be chosen")
    if minimum_patients is not None and minimum_patients < 0:
        raise SettingsError(f"minimum_patients is {minimum_patients}; expected 0 or more")
    if minimum_share is not None and not 0 <= minimum_share <= 1:
        raise SettingsError(f"minimum_share is {minimum_share}; expected a share from 0 to 1")
    there = [str(gene) for gene in data["gene"].values]
    chosen = there
    if names is not None:
        chosen = check_genes([names] if isinstance(names, str) else names, "names").tolist()
        absent = sorted(set(chosen) - set(there))
        if absent:
            near = get_close_matches(absent[0], there, n=2)
            raise TableError(
                f"names: {len(absent)} of {len(chosen)} genes are not among the dataset's {len(there):,}: "
                f"{', '.join(absent[:5])}{', …' if len(absent) > 5 else ''}"
                + (f"; did you mean {' or '.join(near)}?" if near else "")
                + " A gene without variants is there only if assayed= names it"
            )
    if minimum_patients is not None or minimum_share is not None:
        often = recurrence(data)
        enough = (often["mutated"] >= (minimum_patients or 0)) & ~(often["share"] < (minimum_share or 0.0))
        enough &= often["assayed"] > 0
        passing = set(often.index[enough.to_numpy()])
        chosen = [gene for gene in chosen if gene in passing]
    if not chosen:
        raise TableError(
            f"none of the {len(there):,} genes is mutated in as many as minimum_patients={minimum_patients}, "
            f"minimum_share={minimum_share} ask for; lower them"
        )
    left_out = len(there) - len(chosen)
    place = {gene: number for number, gene in enumerate(there)}
    result = data.isel(gene=[place[gene] for gene in chosen]).assign_attrs(genes_left_out=left_out)
    line = step(
        "select_genes",
        minimum_patients=minimum_patients,
        minimum_share=minimum_share,
        names=None if names is None else "given",
        genes=len(chosen),
        left_out=left_out,
    )
    return with_step(result, line, data)


def list_mutated(data: xr.Dataset | xr.DataArray) -> pd.DataFrame:
    """Return the pairs of unit and gene that are mutated, a row each.

    Columns are the unit, such as ``patient``, and ``gene``; rows are in the order of the dataset.

    Raises
    ------
    TableError
        As `recurrence`.

    Examples
    --------
    >>> coords = {"patient": ["a", "b"], "gene": ["IDH1", "TP53"]}
    >>> mutated = xr.DataArray([[1.0, 0.0], [1.0, 1.0]], coords, ("patient", "gene"))
    >>> list_mutated(mutated).to_numpy().tolist()
    [['a', 'IDH1'], ['b', 'IDH1'], ['b', 'TP53']]
    """
    array = _find_mutated(data)
    unit = array.dims[0]
    places = [np.argwhere(block == 1) + np.array([first, 0]) for first, block in _blocks(array)]
    rows, columns = np.concatenate(places).T if places else (np.array([], int), np.array([], int))
    return pd.DataFrame({str(unit): array[unit].values[rows], "gene": array["gene"].values[columns]})


def to_sparse(data: xr.Dataset | xr.DataArray) -> tuple[sparse.csr_array, np.ndarray]:
    """Return the mutated pairs as a sparse matrix, and who was assayed for what.

    A sparse matrix has no third value, so that its zeros alone do not tell whether a gene was looked at.

    Returns
    -------
    mutated : scipy.sparse.csr_array
        Shape (unit, gene), int8: 1 where mutated.
    assayed : numpy.ndarray
        Shape (unit, gene), bool.

    Raises
    ------
    TableError
        As `recurrence`.

    Examples
    --------
    >>> mutated = xr.DataArray([[1.0, np.nan]], {"patient": ["a"], "gene": ["IDH1", "TP53"]}, ("patient", "gene"))
    >>> indicators, assayed = to_sparse(mutated)
    >>> indicators.toarray().tolist(), assayed.tolist()
    ([[1, 0]], [[True, False]])
    """
    array = _find_mutated(data)
    assayed = np.empty(array.shape, dtype=bool)
    parts = []
    for first, block in _blocks(array):
        np.isnan(block, out=assayed[first : first + len(block)])
        parts.append(sparse.csr_array((block == 1).astype(np.int8)))
    np.logical_not(assayed, out=assayed)
    return sparse.csr_array(sparse.vstack(parts, format="csr")), assayed


def _find_mutated(data: xr.Dataset | xr.DataArray) -> xr.DataArray:
    if isinstance(data, xr.Dataset) and "mutated" not in data:
        raise TableError(
            f"the dataset has no variable 'mutated'; it holds {', '.join(map(str, data.data_vars)) or 'none'}"
        )
    array = data["mutated"] if isinstance(data, xr.Dataset) else data
    if "gene" not in array.dims:
        raise TableError(
            f"mutated has the dims {', '.join(map(str, array.dims))}; expected a unit, such as patient, and gene"
        )
    return array.transpose(unit_dim(array), "gene")


def _blocks(array: xr.DataArray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield rows of the matrix in blocks, with the place of their first row, so that no copy of the whole is made."""
    height = max(1, _CELLS // max(1, array.shape[1]))
    values = array.values
    for first in range(0, array.shape[0], height):
        block = values[first : first + height]
        known = (block == 0) | (block == 1) | np.isnan(block)
        if not known.all():
            row, column = np.argwhere(~known)[0]
            raise TableError(
                f"mutated holds {block[row, column]:g} for {array.dims[0]} {array[array.dims[0]].values[first + row]}, "
                f"gene {array['gene'].values[column]}; expected 1 (mutated), 0 (not) or NaN (not assayed)"
            )
        yield first, block
