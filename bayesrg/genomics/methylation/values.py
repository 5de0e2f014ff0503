r"""The measures of methylation, each a function of matrices: beta and M-values, from intensities or bisulfite reads.

With the methylated signal :math:`M`, the unmethylated signal :math:`U` (intensities or reads):

- :math:`\beta = M / (M + U + \text{offset})`, the share of methylated DNA, 0 to 1;
- :math:`M\text{-value} = \log_2(\beta / (1 - \beta))`, which has no bounds, and whose spread depends less on its mean.

Du et al. (2010), doi:10.1186/1471-2105-11-587.
"""

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit, logit

from bayesrg.errors import SettingsError
from bayesrg.genomics.alignment import align_matrix
from bayesrg.genomics.matrix import as_matrix
from bayesrg.genomics.offenders import refuse_values

Table = pd.DataFrame | xr.DataArray | xr.Dataset

_BETA = {"long_name": "share of methylated DNA", "units": "1"}
_M = {"long_name": "log2(beta / (1 - beta))", "units": "1"}


def beta_of_intensities(methylated: Table, unmethylated: Table, *, offset: float = 100.0) -> xr.DataArray:
    r"""Return beta-values of an array, :math:`\max(M, 0) / (\max(M, 0) + \max(U, 0) + \text{offset})`.

    Parameters
    ----------
    methylated, unmethylated
        Intensities of each probe: DataFrames with a CpG a row, or DataArrays with dims (unit, cpg), of the same labels.
        Background correction may leave intensities below 0; they count as 0.
    offset
        Added to the sum, so that faint probes do not vary wildly; 100 is Illumina's choice.

    Returns
    -------
    xr.DataArray
        ``beta_value`` (unit, cpg), below 1 by the offset; NaN where an intensity is missing, or where both are 0 and
        the offset is 0 too. The attribute ``n_negative_intensities`` counts those set to 0.

    Raises
    ------
    TableError
        An intensity is no number, or the two tables have other labels.
    SettingsError
        The offset is negative.

    Examples
    --------
    >>> methylated = pd.DataFrame({"P1": [1900.0, -3.0]}, index=["cg01", "cg02"])
    >>> unmethylated = pd.DataFrame({"P1": [2000.0, 900.0]}, index=["cg01", "cg02"])
    >>> beta_of_intensities(methylated, unmethylated).values
    array([[0.475, 0.   ]])
    """
    if not (np.isfinite(offset) and offset >= 0):
        raise SettingsError(f"offset={offset}: expected a number at least 0; Illumina uses 100")
    signal, other, negative = _signals(methylated, unmethylated)
    other += signal
    other += offset
    with np.errstate(invalid="ignore"):
        np.divide(signal.values, other.values, out=other.values)
    return other.rename("beta_value").assign_attrs(_BETA, n_negative_intensities=negative, offset=float(offset))


def m_of_intensities(methylated: Table, unmethylated: Table, *, alpha: float = 1.0) -> xr.DataArray:
    r"""Return M-values of an array, :math:`\log_2((\max(M, 0) + \alpha) / (\max(U, 0) + \alpha))`.

    Parameters
    ----------
    methylated, unmethylated
        As in `beta_of_intensities`.
    alpha
        Added to both, so that small intensities do not send the ratio to infinity; Du et al. recommend 1.

    Returns
    -------
    xr.DataArray
        ``m_value`` (unit, cpg); NaN where an intensity is missing.

    Raises
    ------
    TableError
        An intensity is no number, or the two tables have other labels.
    SettingsError
        Alpha is not above 0.

    Examples
    --------
    >>> methylated = pd.DataFrame({"P1": [4095.0]}, index=["cg01"])
    >>> m_of_intensities(methylated, pd.DataFrame({"P1": [1023.0]}, index=["cg01"])).item()
    2.0
    """
    if not (np.isfinite(alpha) and alpha > 0):
        raise SettingsError(f"alpha={alpha}: expected a number above 0; Du et al. recommend 1")
    signal, other, negative = _signals(methylated, unmethylated)
    signal += alpha
    other += alpha
    np.log2(np.divide(signal.values, other.values, out=other.values), out=other.values)
    return other.rename("m_value").assign_attrs(_M, n_negative_intensities=negative, alpha=float(alpha))


def beta_of_counts(methylated_reads: Table, coverage: Table, *, minimum_coverage: int = 5) -> xr.Dataset:
    """Return beta-values of bisulfite sequencing, the share of reads that are methylated, and the coverage beside them.

    Parameters
    ----------
    methylated_reads, coverage
        Methylated reads and all reads of each site: DataFrames with a CpG a row, or DataArrays with dims (unit, cpg),
        of the same labels.
    minimum_coverage
        Sites with fewer reads in a unit are missing there; at least 1.

    Returns
    -------
    xr.Dataset
        ``beta_value`` (unit, cpg) and ``coverage`` (unit, cpg; reads). The attribute ``n_below_coverage`` of the first
        counts values that were covered, but too thinly; NaN in either table stays missing.

    Raises
    ------
    TableError
        A count is negative, a fraction, or larger than the coverage, or the two tables have other labels.
    SettingsError
        The minimum is below 1.

    Examples
    --------
    >>> reads = pd.DataFrame({"P1": [6, 1]}, index=["chr1:100", "chr1:250"])
    >>> data = beta_of_counts(reads, pd.DataFrame({"P1": [8, 2]}, index=["chr1:100", "chr1:250"]))
    >>> data.beta_value.values, data.beta_value.attrs["n_below_coverage"]
    (array([[0.75,  nan]]), 1)
    """
    if minimum_coverage < 1:
        raise SettingsError(f"minimum_coverage={minimum_coverage}: expected at least 1 read")
    reads = as_matrix(methylated_reads, over="cpg", what="methylated reads", lowest=0)
    depth = align_matrix(
        as_matrix(coverage, over="cpg", what="coverage", lowest=0), reads, "coverage", "methylated reads"
    )
    for matrix, what in ((reads, "methylated reads"), (depth, "coverage")):
        fraction = matrix.values != np.rint(matrix.values)
        fraction &= ~np.isnan(matrix.values)
        refuse_values(matrix, fraction, what, "a whole number of reads; give counts, not shares")
    refuse_values(
        reads, reads.values > depth.values, "methylated reads", "at most the coverage; check that the tables match"
    )
    enough = depth.values >= minimum_coverage
    beta = np.divide(reads.values, depth.values, out=np.full(reads.shape, np.nan), where=enough)
    thin = int(np.count_nonzero((depth.values > 0) & ~enough))
    return xr.Dataset(
        {
            "beta_value": describe(reads.copy(data=beta), **_BETA, n_below_coverage=thin),
            "coverage": describe(depth, long_name="reads that cover the site", units="reads"),
        }
    )


def m_value(beta: Table, *, guard: float = 0.001) -> xr.DataArray:
    r"""Return M-values of beta-values, :math:`\log_2(\beta / (1 - \beta))`.

    Parameters
    ----------
    beta
        Beta-values, 0 to 1; NaN stays. A DataArray of any dims, a DataFrame with a CpG a row and a sample a column, or
        a Dataset with the variable ``beta_value``.
    guard
        Beta is taken as at least this, and at most one minus this, because its logit has no bounds at 0 and 1. The
        default bounds M by ±9.96. With 0 nothing is changed, and beta 0 and 1 are refused.

    Returns
    -------
    xr.DataArray
        ``m_value`` with the same dims; the attribute ``n_guarded`` counts the values that the guard moved.

    Raises
    ------
    TableError
        A value is outside 0 to 1, or 0 or 1 without a guard.
    SettingsError
        The guard is not between 0 and 0.5.

    Notes
    -----
    Du et al. (2010), doi:10.1186/1471-2105-11-587, equation 3.

    Examples
    --------
    >>> m_value(xr.DataArray([0.2, 0.5, 0.8, 1.0])).round(2).values
    array([-2.  ,  0.  ,  2.  ,  9.96])
    """
    if not 0 <= guard < 0.5:
        raise SettingsError(f"guard={guard}: expected a number from 0 to below 0.5")
    beta = _as_array(beta, "beta_value")
    check_beta(beta)
    values = beta.values.astype(float, copy=False)
    if guard == 0:
        refuse_values(beta, (values == 0) | (values == 1), "beta-values", "more than 0 and less than 1 without a guard")
    guarded = int(np.count_nonzero(values < guard) + np.count_nonzero(values > 1 - guard))
    found = np.asarray(np.clip(values, guard, 1 - guard))
    # In place, because a million sites of hundreds of patients make every further array felt.
    logit(found, out=found)
    found /= np.log(2)
    return describe(beta.copy(data=found).rename("m_value"), **_M, guard=float(guard), n_guarded=guarded)


def beta_value(m: Table) -> xr.DataArray:
    r"""Return beta-values of M-values, :math:`2^M / (1 + 2^M)`.

    Parameters
    ----------
    m
        M-values; NaN stays. A DataArray of any dims, a DataFrame with a CpG a row and a sample a column, or a Dataset
        with the variable ``m_value``.

    Notes
    -----
    Du et al. (2010), doi:10.1186/1471-2105-11-587, equation 3.

    Examples
    --------
    >>> beta_value(xr.DataArray([-2.0, 0.0, 2.0])).values
    array([0.2, 0.5, 0.8])
    """
    m = _as_array(m, "m_value")
    found = np.asarray(m.values * np.log(2))
    expit(found, out=found)
    return describe(m.copy(data=found).rename("beta_value"), **_BETA)


def _as_array(table: Table, name: str) -> xr.DataArray:
    """Return a DataArray as it is, and anything else as a matrix over samples and CpGs."""
    if isinstance(table, xr.DataArray):
        return table
    return as_matrix(table, over="cpg", what=name.replace("_", "-") + "s", variable=name)


def check_beta(beta: xr.DataArray) -> None:
    """Refuse values that are no beta-values, because they lie outside 0 to 1.

    Parameters
    ----------
    beta
        Any dims; NaN is missing.

    Raises
    ------
    TableError
        Naming the first and how many there are.
    """
    with np.errstate(invalid="ignore"):
        least, most = np.fmin.reduce(beta.values, axis=None), np.fmax.reduce(beta.values, axis=None)
    # Only what is damaged pays for the arrays that tell where.
    if least < 0 or most > 1:
        wrong = (beta.values < 0) | (beta.values > 1)
        refuse_values(
            beta, wrong, "beta-values", "0 to 1; divide per cent by 100, and undo M-values with beta_value(m)"
        )


def describe(matrix: xr.DataArray, **attrs: str | float) -> xr.DataArray:
    """Return the matrix with these attributes and no others; the values are not copied.

    Examples
    --------
    >>> describe(xr.DataArray([0.5], attrs={"history": "before"}), units="1").attrs
    {'units': '1'}
    """
    result = matrix.copy(deep=False)
    result.attrs = dict(attrs)
    return result


def _signals(methylated: Table, unmethylated: Table) -> tuple[xr.DataArray, xr.DataArray, int]:
    """Return copies of two tables of intensities with none below 0, and how many were."""
    signal = as_matrix(methylated, over="cpg", what="methylated intensities")
    other = as_matrix(unmethylated, over="cpg", what="unmethylated intensities")
    other = align_matrix(other, signal, "unmethylated intensities", "methylated intensities")
    negative = int(np.count_nonzero(signal.values < 0) + np.count_nonzero(other.values < 0))
    return (
        describe(signal.copy(data=np.maximum(signal.values, 0))),
        describe(other.copy(data=np.maximum(other.values, 0))),
        negative,
    )
