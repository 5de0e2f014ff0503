"""How deeply each sample was sequenced: total counts, and sizes made comparable by TMM or by the median of ratios."""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.offenders import name_some

Normalisation = Literal["tmm", "median_of_ratios"]

# The shares that Robinson and Oshlack leave out at either end, by log ratio and by mean log expression.
_TRIM_RATIO, _TRIM_EXPRESSION = 0.3, 0.05


def total_counts(counts: xr.DataArray) -> xr.DataArray:
    """Return the library size of each unit: the sum of its counts over all genes.

    Parameters
    ----------
    counts
        Dims (unit, gene), fragments, none missing.

    Raises
    ------
    TableError
        A unit has no counts at all, so that nothing can be said per million.

    Examples
    --------
    >>> counts = xr.DataArray([[10.0, 30.0], [5.0, 0.0]], {"sample": ["a", "b"], "gene": ["TP53", "EGFR"]})
    >>> total_counts(counts).values
    array([40.,  5.])
    """
    sizes = counts.sum("gene")
    empty = sizes[sizes.values == 0]
    if empty.size:
        unit = str(counts.dims[0])
        raise TableError(
            f"{name_some(empty[unit].values, unit)}: every count is 0, so that expression per million is not defined; "
            "leave out what has no counts, or look for what happened to its library"
        )
    return sizes.rename("library_size")


def given_sizes(counts: xr.DataArray, sizes: Mapping[str, float] | pd.Series | xr.DataArray) -> xr.DataArray:
    """Return library sizes that were supplied, in the order of the units of a matrix of counts.

    Parameters
    ----------
    counts
        Dims (unit, gene).
    sizes
        Mapped fragments of each unit, by its label; labels of other units are ignored.

    Raises
    ------
    TableError
        A unit has no size, or one that is not a finite number above 0.
    """
    unit = str(counts.dims[0])
    labels = counts[unit].values
    table = sizes.to_series() if isinstance(sizes, xr.DataArray) else pd.Series(sizes)
    if table.index.has_duplicates:
        raise TableError(
            f"library sizes: {table.index[table.index.duplicated()][0]!r} is there twice; keep one of them"
        )
    found = np.asarray(pd.to_numeric(table.reindex(labels), errors="coerce"), dtype=float)
    wrong = ~(np.isfinite(found) & (found > 0))
    if wrong.any():
        raise TableError(
            f"library sizes: none, or none that is a number above 0, for {name_some(labels[wrong], unit)} of "
            f"{len(labels)}; give the mapped fragments of each, or leave library_sizes out to use the sums of counts"
        )
    return xr.DataArray(found, {unit: counts[unit]}, name="library_size")


def effective_sizes(counts: xr.DataArray, method: Normalisation = "tmm") -> xr.DataArray:
    r"""Return library sizes that a few very abundant genes do not sway.

    Where some genes take up a large share of one library, all its other genes seem lower per million. Both methods look
    for what most genes have in common, and multiply the totals by factors whose geometric mean over units is 1.

    Parameters
    ----------
    counts
        Dims (unit, gene), fragments, none missing.
    method
        ``"tmm"``: trimmed mean of log ratios to one reference unit (the one whose upper quartile is nearest to the mean
        of all), 30 % trimmed at either end by ratio and 5 % by abundance, weighted by inverse variance.
        ``"median_of_ratios"``: :math:`s_j = \mathrm{median}_i\, k_{ij} / (\prod_v k_{iv})^{1/m}` over genes counted in
        every unit.

    Raises
    ------
    TableError
        A unit has no counts, or shares too few genes with the others.
    SettingsError
        There is no such method.

    Notes
    -----
    Robinson and Oshlack (2010), doi:10.1186/gb-2010-11-3-r25; Anders and Huber (2010), doi:10.1186/gb-2010-11-10-r106.

    Examples
    --------
    One gene takes half of the second library; the other genes are as they were:

    >>> counts = xr.DataArray([[50.0, 50.0, 50.0, 50.0], [50.0, 50.0, 50.0, 250.0]],
    ...                       {"sample": ["a", "b"], "gene": ["A", "B", "C", "D"]})
    >>> sizes = effective_sizes(counts, "median_of_ratios")
    >>> (counts / sizes).sel(gene="A").round(6).values
    array([0.176777, 0.176777])
    """
    if method not in get_args(Normalisation):
        raise SettingsError(f"normalise={method!r}: expected one of {', '.join(get_args(Normalisation))}, or None")
    totals = total_counts(counts)
    values, sizes = counts.values, totals.values
    logarithms = (
        _log_factors_tmm(values, sizes, counts) if method == "tmm" else _log_ratios(values, counts) - np.log(sizes)
    )
    return (totals * np.exp(logarithms - logarithms.mean())).rename("library_size")


def _log_ratios(values: np.ndarray, counts: xr.DataArray) -> np.ndarray:
    """Return the natural logarithm of each unit's median ratio to the genes' geometric means."""
    everywhere = (values > 0).all(axis=0)
    if not everywhere.any():
        raise TableError(
            f"no gene has counts in all {values.shape[0]} {counts.dims[0]}s, so that there is no median of ratios; "
            "leave out the emptiest, or use normalise='tmm'"
        )
    logarithms = np.log(values[:, everywhere])
    return np.median(logarithms - logarithms.mean(axis=0), axis=1)


def _log_factors_tmm(values: np.ndarray, sizes: np.ndarray, counts: xr.DataArray) -> np.ndarray:
    """Return the natural logarithm of each unit's TMM factor relative to the reference unit."""
    observed = values[:, values.any(axis=0)]
    quartiles = np.quantile(observed, 0.75, axis=1) / sizes
    reference = int(np.argmin(np.abs(quartiles - quartiles.mean())))
    factors = np.empty(len(sizes))
    for number, (row, size) in enumerate(zip(observed, sizes, strict=True)):
        factors[number] = _trimmed_mean(row, size, observed[reference], sizes[reference])
    apart = np.isnan(factors)
    if apart.any():
        labels = counts[counts.dims[0]].values
        raise TableError(
            f"{name_some(labels[apart], str(counts.dims[0]))}: too few genes with counts in common with the reference "
            f"{str(labels[reference])!r} for a trimmed mean; leave out what is nearly empty, or use normalise=None"
        )
    return factors


def _trimmed_mean(row: np.ndarray, size: float, reference: np.ndarray, reference_size: float) -> float:
    """Return the weighted trimmed mean of log ratios of two libraries (NaN where nothing is left of it)."""
    both = (row > 0) & (reference > 0)
    share, reference_share = row[both] / size, reference[both] / reference_size
    ratio = np.log(share / reference_share)
    if ratio.size == 0:
        return np.nan
    if np.abs(ratio).max() < 1e-6:
        return 0.0
    kept = _within(ratio, _TRIM_RATIO) & _within(np.log(share * reference_share), _TRIM_EXPRESSION)
    if not kept.any():
        return np.nan
    # The variance of a log ratio of two binomial shares, by the delta method.
    variance = (1 - share[kept]) / row[both][kept] + (1 - reference_share[kept]) / reference[both][kept]
    return float(np.average(ratio[kept], weights=1 / variance))


def _within(values: np.ndarray, trim: float) -> np.ndarray:
    """Tell which values lie between the trimmed ends; equal values share their mean rank."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    first = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    last = np.r_[first[1:], len(values)]
    ranks = np.empty(len(values))
    ranks[order] = np.repeat((first + 1 + last) / 2, last - first)
    cut = np.floor(len(values) * trim)
    return (ranks >= cut + 1) & (ranks <= len(values) - cut)
