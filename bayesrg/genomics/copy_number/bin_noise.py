"""The noise of binned log2 ratios, and bins so far from their neighbours that they are drawn towards them.

Noise is estimated from differences of neighbours, which change points do not enter but at a few places, the largest of
which are left out; single outliers are moved before segmentation, as Olshen et al. (2004,
doi:10.1093/biostatistics/kxh008, section 5) propose.
"""

import numpy as np
import xarray as xr
from numba import njit
from scipy import stats

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.chromosomes import rank_chromosomes
from bayesrg.genomics.copy_number.bins import bin_places
from bayesrg.history import step, with_step
from bayesrg.samples import unit_dim

TRIM = 0.025
"""Twice this share of the differences, the largest, is left out."""


def estimate_noise(values: np.ndarray, chromosome_of: np.ndarray) -> float:
    """Return the standard deviation of independent noise about a piecewise constant profile, in the values' units.

    Parameters
    ----------
    values
        Shape (bin,), in the order of the genome, without NaN.
    chromosome_of
        The chromosome of each bin, as a number; differences across chromosomes are not used.

    Returns
    -------
    float
        Half the mean square of differences of neighbours without the largest 5 %, as a normal distribution so truncated
        has it, its root. 0 without two bins in any chromosome.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(scale=0.2, size=10_000)
    >>> round(estimate_noise(noise + (np.arange(10_000) > 5_000), np.zeros(10_000)), 2)
    0.2
    """
    differences = np.abs(np.diff(values))[np.diff(chromosome_of) == 0]
    n_kept = round((1.0 - 2.0 * TRIM) * differences.size)
    if n_kept == 0:
        return 0.0
    kept = np.sort(differences)[:n_kept]
    bound = float(stats.norm.ppf(1.0 - TRIM))
    share = 1.0 - 2.0 * bound * float(stats.norm.pdf(bound)) / (1.0 - 2.0 * TRIM)
    return float(np.sqrt(np.mean(np.square(kept)) / (2.0 * share)))


def smooth_outliers(
    log2_ratio: xr.Dataset, *, reach: int = 10, outlier_sd: float = 4.0, moved_to_sd: float = 2.0
) -> xr.Dataset:
    """Return log2 ratios in which single bins far from all their neighbours are drawn towards them.

    Parameters
    ----------
    log2_ratio
        As `bayesrg.genomics.copy_number.segmentation.segment` takes it.
    reach
        Neighbours on either side, among the bins of the chromosome that have a value.
    outlier_sd
        A bin is an outlier if it exceeds all its neighbours, or is below all, by more than as many standard deviations
        (`estimate_noise` of the sample).
    moved_to_sd
        How far from the median of the neighbourhood an outlier is put.

    Returns
    -------
    xarray.Dataset
        ``log2_ratio`` with the same dims and coordinates; the attribute ``n_smoothed`` counts the bins that were moved.

    Raises
    ------
    TableError
        A bin's place is wrong, or there is no variable ``log2_ratio``.
    SettingsError
        An option is not positive.

    Examples
    --------
    >>> values = np.tile([0.1, -0.1], 20)
    >>> values[7] = 5.0
    >>> place = {name: ("bin", np.arange(40) + 1) for name in ("start", "end")} | {"chromosome": ("bin", ["1"] * 40)}
    >>> data = xr.Dataset({"log2_ratio": (("sample", "bin"), values[np.newaxis])}, {"sample": ["P1"], **place})
    >>> round(float(smooth_outliers(data)["log2_ratio"].max()), 1)
    0.4
    """
    if reach != int(reach) or reach < 1 or not outlier_sd > 0.0 or not moved_to_sd >= 0.0:
        raise SettingsError(
            f"reach={reach!r}, outlier_sd={outlier_sd!r}, moved_to_sd={moved_to_sd!r}; expected a whole number from "
            "1 on and two numbers of standard deviations"
        )
    if "log2_ratio" not in log2_ratio:
        raise TableError(f"the data hold {', '.join(map(str, log2_ratio.data_vars)) or 'nothing'}, but no 'log2_ratio'")
    ratios = log2_ratio["log2_ratio"]
    places = bin_places(ratios)
    ranks = rank_chromosomes(places["chromosome"])
    order = np.lexsort((places["start"], ranks))
    ratios = ratios.transpose(unit_dim(ratios), "bin")
    values = ratios.to_numpy().astype(float).copy()
    n_smoothed = 0
    for row in values:
        held = order[~np.isnan(row[order])]
        if held.size:
            noise = estimate_noise(row[held], ranks[held])
            moved = _smooth(row[held], ranks[held], int(reach), outlier_sd * noise, moved_to_sd * noise)
            n_smoothed += int(np.count_nonzero(moved != row[held]))
            row[held] = moved
    result = xr.Dataset({"log2_ratio": ratios.copy(data=values)}, attrs={"n_smoothed": n_smoothed})
    line = step("smooth_outliers", reach=reach, outlier_sd=outlier_sd, moved_to_sd=moved_to_sd, n_smoothed=n_smoothed)
    return with_step(result, line, log2_ratio, ratios)


@njit(cache=True, nogil=True, error_model="numpy")
def _smooth(values, chromosome_of, reach, far, near):
    moved = values.copy()
    for i in range(values.size):
        first = i
        while first > 0 and i - first < reach and chromosome_of[first - 1] == chromosome_of[i]:
            first -= 1
        last = i + 1
        while last < values.size and last - i <= reach and chromosome_of[last] == chromosome_of[i]:
            last += 1
        if last - first < 3:
            continue
        nearest_below = -np.inf
        nearest_above = np.inf
        for j in range(first, last):
            if j != i:
                nearest_below = max(nearest_below, values[j])
                nearest_above = min(nearest_above, values[j])
        if values[i] > nearest_below + far:
            moved[i] = np.median(values[first:last]) + near
        elif values[i] < nearest_above - far:
            moved[i] = np.median(values[first:last]) - near
    return moved
