"""The measures of expression, each a small function of a matrix: CPM, FPKM, TPM, log2(1 + x), and back."""

import warnings
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import TableError
from bayesrg.genomics.expression.gene_lengths import Lengths, explain_missing, find_lengths
from bayesrg.genomics.expression.library_sizes import given_sizes, total_counts
from bayesrg.genomics.matrix import as_matrix
from bayesrg.genomics.offenders import name_some, refuse_values

Measure = Literal["tpm", "fpkm", "cpm"]
Table = pd.DataFrame | xr.DataArray | xr.Dataset
Sizes = Mapping[str, float] | pd.Series | xr.DataArray

_MILLION = 1e6
# Sums of a measured table that rounding to a few digits explains.
_TOLERANCE = 0.01
# log2(1 + x) of the largest value there can be: all of a million for TPM, with room for effective library sizes for
# CPM, and all fragments on a gene of ten base pairs for FPKM.
_HIGHEST_LOG = {"tpm": 19.94, "cpm": 23.0, "fpkm": 26.6}


def counts_per_million(counts: Table, library_sizes: Sizes | None = None) -> xr.DataArray:
    r"""Return counts per million of each unit's library, :math:`10^6 k_i / N`.

    Parameters
    ----------
    counts
        Dims (unit, gene), fragments; a DataFrame with a gene a row, or a Dataset with the variable ``count``, too.
    library_sizes
        Fragments of each unit by its label; by default the sums of the counts.

    Raises
    ------
    TableError
        A unit has no counts, or no library size among those given.

    Examples
    --------
    >>> counts = xr.DataArray([[30.0, 10.0]], {"sample": ["a"], "gene": ["TP53", "EGFR"]})
    >>> counts_per_million(counts).values
    array([[750000., 250000.]])
    """
    matrix = _matrix(counts)
    sizes = total_counts(matrix) if library_sizes is None else given_sizes(matrix, library_sizes)
    return matrix * (_MILLION / sizes)


def fragments_per_kilobase(counts: Table, lengths: Lengths, library_sizes: Sizes | None = None) -> xr.DataArray:
    r"""Return FPKM, fragments per kilobase and million mapped fragments, :math:`10^9 k_i / (l_i N)`.

    Of single ends each read is a fragment, and this is RPKM.

    Parameters
    ----------
    counts
        Dims (unit, gene), fragments; a DataFrame with a gene a row, or a Dataset with the variable ``count``, too.
    lengths
        Base pairs by gene: a mapping, a Series, a table, or dims (gene,).
    library_sizes
        Fragments of each unit by its label; by default the sums of the counts.

    Raises
    ------
    TableError
        A unit has no counts, or no library size among those given.

    Examples
    --------
    >>> counts = xr.DataArray([[30.0, 10.0]], {"sample": ["a"], "gene": ["TP53", "EGFR"]})
    >>> fragments_per_kilobase(counts, xr.DataArray([2000.0, 500.0], {"gene": ["TP53", "EGFR"]})).values
    array([[375000., 500000.]])
    """
    matrix = _matrix(counts)
    return counts_per_million(matrix, library_sizes) * (1000 / _lengths(lengths, matrix))


def transcripts_per_million(counts: Table, lengths: Lengths) -> xr.DataArray:
    r"""Return TPM, :math:`10^6 (k_i / l_i) / \sum_j k_j / l_j`, which sums to a million in every unit.

    Parameters
    ----------
    counts
        Dims (unit, gene), fragments, or CPM; a DataFrame with a gene a row, or a Dataset with the variable ``count``,
        too.
    lengths
        Base pairs by gene: a mapping, a Series, a table, or dims (gene,).

    Raises
    ------
    TableError
        A unit has no counts.

    Examples
    --------
    >>> counts = xr.DataArray([[30.0, 10.0]], {"sample": ["a"], "gene": ["TP53", "EGFR"]})
    >>> transcripts_per_million(counts, xr.DataArray([2000.0, 1000.0], {"gene": ["TP53", "EGFR"]})).values
    array([[600000., 400000.]])
    """
    matrix = _matrix(counts)
    return scale_to_million(matrix / _lengths(lengths, matrix))


def _matrix(counts: Table) -> xr.DataArray:
    """Return counts as a matrix with the dims (unit, gene)."""
    return as_matrix(counts, what="counts", variable="count")


def _lengths(lengths: Lengths, matrix: xr.DataArray) -> xr.DataArray:
    """Return the length of each gene of a matrix, or refuse where one has none."""
    genes = matrix["gene"].values
    found = find_lengths(lengths, genes)
    if np.isnan(found).any():
        raise TableError(explain_missing(lengths, genes, genes[np.isnan(found)]))
    return xr.DataArray(found, {"gene": matrix["gene"]})


def scale_to_million(values: xr.DataArray) -> xr.DataArray:
    """Return values scaled so that every unit's sum is a million, which makes TPM of FPKM.

    Parameters
    ----------
    values
        Dims (unit, gene), at least 0.

    Raises
    ------
    TableError
        A unit has only zeros.

    Notes
    -----
    Li and Dewey (2011), doi:10.1186/1471-2105-12-323.

    Examples
    --------
    >>> fpkm = xr.DataArray([[375000.0, 500000.0]], {"sample": ["a"], "gene": ["TP53", "EGFR"]})
    >>> scale_to_million(fpkm).round(1).values
    array([[428571.4, 571428.6]])
    """
    return values * (_MILLION / total_counts(values))


def log2_plus_one(values: xr.DataArray) -> xr.DataArray:
    """Return log2(1 + x), with all its digits also for small x.

    Examples
    --------
    >>> log2_plus_one(xr.DataArray([0.0, 1.0, 7.0])).values
    array([0., 1., 3.])
    """
    result = np.log1p(values)
    result /= np.log(2)
    return result


def undo_log2_plus_one(values: xr.DataArray) -> xr.DataArray:
    """Return x of log2(1 + x).

    Examples
    --------
    >>> undo_log2_plus_one(xr.DataArray([0.0, 1.0, 3.0])).round(12).values
    array([0., 1., 7.])
    """
    return np.expm1(values * np.log(2))


def convert(values: xr.DataArray, start: str, end: Measure, sizes: xr.DataArray | None = None) -> xr.DataArray:
    """Return values of one measure as another.

    Parameters
    ----------
    values
        Dims (unit, gene); with the coordinate ``length`` (gene) where the conversion needs lengths.
    start, end
        What the values are (``"count"`` or a measure), and what they become: counts and CPM anything, FPKM also TPM.
    sizes
        Library sizes of counts, dims (unit,).

    Raises
    ------
    TableError
        A unit has only zeros.

    Examples
    --------
    >>> cpm = xr.DataArray([[6e5, 4e5]], {"sample": ["a"], "gene": ["A", "B"]})
    >>> cpm = cpm.assign_coords(length=("gene", [2000.0, 500.0]))
    >>> convert(cpm, "cpm", "fpkm").values
    array([[300000., 800000.]])
    """
    if start == end:
        return values
    if end == "tpm":
        return scale_to_million(values if start == "fpkm" else values / values["length"])
    per_million = values
    if start == "count":
        per_million = values * (_MILLION / (total_counts(values) if sizes is None else sizes))
    return per_million if end == "cpm" else per_million * (1000 / values["length"])


def check_measured(values: xr.DataArray, kind: str) -> None:
    """Refuse values that cannot be what they are said to be, and warn of what they are probably not.

    Parameters
    ----------
    values
        Dims (unit, gene); NaN is missing.
    kind
        ``"tpm"``, ``"fpkm"``, ``"cpm"`` or these after ``log2_``.

    Raises
    ------
    TableError
        A value is negative or larger than there can be, or TPM of a unit sum to more than a million.

    Warns
    -----
    UserWarning
        TPM or CPM of a unit sum to less than a million: the table lacks genes, or is something else. All values are
        whole numbers: they may be counts.
    """
    measure, logarithmic = kind.removeprefix("log2_"), kind.startswith("log2_")
    unit = str(values.dims[0])
    highest = _HIGHEST_LOG[measure] if logarithmic else np.inf
    wrong = (values.values < 0) | (values.values > highest)
    if logarithmic:
        expected = f"log2(1 + x) between 0 and {highest:g}; undo a logarithm with another offset first"
    else:
        expected = "0 or more; undo a logarithm, or correct the table"
    refuse_values(values, wrong, kind, expected)
    linear = undo_log2_plus_one(values).values if logarithmic else values.values
    if not logarithmic and linear.size > 1 and np.all((linear == np.rint(linear)) | np.isnan(linear)):
        warnings.warn(f"{kind}: all values are whole numbers; if they are counts, leave as_measured out", stacklevel=3)
    if measure == "fpkm":
        return
    sums = np.nansum(linear, axis=1)
    labels = values[unit].values
    high = labels[sums > _MILLION * (1 + _TOLERANCE)]
    if measure == "tpm" and high.size:
        raise TableError(
            f"{kind}: the values of {name_some(high, unit)} sum to more than a million ({sums.max():.6g} at most), "
            "expected a million; say what they are instead, such as as_measured='fpkm', or leave as_measured "
            "out for counts"
        )
    low = labels[sums < _MILLION * (1 - _TOLERANCE)]
    if low.size:
        warnings.warn(
            f"{kind}: the values of {name_some(low, unit)} sum to less than a million ({sums.min():.6g} at least); "
            "that is right if genes were left out, and otherwise they are something else, such as logarithms",
            stacklevel=3,
        )
