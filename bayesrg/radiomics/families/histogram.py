"""Intensity histogram features (IBSI 3.4, ZVCW): how the grey levels of a discretised region are distributed.

The histogram H = {n_1, ..., n_Ng} counts the voxels of each grey level over the whole volume (DHQ4), levels without
voxels included; N_g is the highest level present and p_i = n_i / N. Each field of `IntensityHistogram` is defined by
its row in ``histogram.tsv``. The article's first-order features, sums over i p(i), are of this family.

Where IBSI is explicit: of several most frequent levels the mode is the one nearest to the mean, and the lower one of
two equally near; the gradient of H is one-sided at its ends, central between them; skewness and excess kurtosis are 0
where the variance is 0. Where it is not: percentiles interpolate linearly between order statistics; of several levels
with the same extreme gradient the lowest counts. NaN: the gradients of a histogram of one bin (N_g = 1), the article's
kurtosis where the variance is 0, the robust deviation of two voxels of different level (none is between P10 and P90).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from bayesrg.radiomics.kernels.levels import check_levels
from bayesrg.radiomics.region import Region
from bayesrg.radiomics.settings import Settings


class IntensityHistogram(NamedTuple):
    """The 23 intensity histogram features of IBSI 3.4 and the article's kurtosis; intensities are grey levels."""

    mean: float
    variance: float
    skewness: float
    excess_kurtosis: float
    median: float
    minimum: float
    percentile_10: float
    percentile_90: float
    maximum: float
    mode: float
    interquartile_range: float
    range: float
    mean_absolute_deviation: float
    robust_mean_absolute_deviation: float
    median_absolute_deviation: float
    coefficient_of_variation: float
    quartile_coefficient_of_dispersion: float
    entropy: float
    uniformity: float
    maximum_gradient: float
    maximum_gradient_intensity: float
    minimum_gradient: float
    minimum_gradient_intensity: float
    kurtosis: float


@njit(cache=True, nogil=True, error_model="numpy")
def _count(levels: np.ndarray, counts: np.ndarray) -> None:
    # Neighbouring voxels often share a level; four tables keep an increment from waiting for the one before it.
    tables = np.zeros((4, counts.size), np.int64)
    whole = levels.size - levels.size % 4
    for k in range(0, whole, 4):
        tables[0, levels[k]] += 1
        tables[1, levels[k + 1]] += 1
        tables[2, levels[k + 2]] += 1
        tables[3, levels[k + 3]] += 1
    for k in range(whole, levels.size):
        tables[0, levels[k]] += 1
    for level in range(1, counts.size):
        counts[level] = tables[0, level] + tables[1, level] + tables[2, level] + tables[3, level]


@njit(cache=True, nogil=True, error_model="numpy")
def _find_percentile(cumulative: np.ndarray, percent: float) -> float:
    position = percent / 100.0 * (cumulative[-1] - 1)
    below = int(position)
    lower = np.searchsorted(cumulative, below, side="right")
    upper = np.searchsorted(cumulative, min(below + 1, cumulative[-1] - 1), side="right")
    return lower + (upper - lower) * (position - below)


@njit(cache=True, nogil=True, error_model="numpy")
def _find_mode(counts: np.ndarray, total: int, weighted: int) -> int:
    # |i N - sum i n_i| orders levels by their distance from the mean in whole numbers, so ties are exact.
    mode = 0
    for level in range(counts.size):
        more = counts[level] > counts[mode]
        equal = counts[level] == counts[mode]
        if more or (equal and abs(level * total - weighted) < abs(mode * total - weighted)):
            mode = level
    return mode


@njit(cache=True, nogil=True, error_model="numpy")
def _describe(counts: np.ndarray) -> IntensityHistogram:
    """Describe the histogram ``counts``, indexed by grey level; level 0 is empty and the last level is not."""
    highest = counts.size - 1
    cumulative = np.cumsum(counts)
    total = cumulative[-1]
    weighted = 0
    for level in range(counts.size):
        weighted += level * counts[level]
    mean = weighted / total
    median = _find_percentile(cumulative, 50.0)
    p10, p90 = _find_percentile(cumulative, 10.0), _find_percentile(cumulative, 90.0)
    p25, p75 = _find_percentile(cumulative, 25.0), _find_percentile(cumulative, 75.0)
    minimum = np.searchsorted(cumulative, 0, side="right")

    variance, third, fourth, mean_absolute, median_absolute = 0.0, 0.0, 0.0, 0.0, 0.0
    entropy, uniformity, inner_sum, inner_count = 0.0, 0.0, 0, 0
    for level in range(minimum, counts.size):
        if counts[level] > 0:
            probability = counts[level] / total
            deviation = level - mean
            variance += deviation**2 * probability
            third += deviation**3 * probability
            fourth += deviation**4 * probability
            mean_absolute += abs(deviation) * probability
            median_absolute += abs(level - median) * probability
            entropy -= probability * np.log2(probability)
            uniformity += probability * probability
            if p10 <= level <= p90:
                inner_sum += level * counts[level]
                inner_count += counts[level]
    robust_absolute = 0.0
    for level in range(minimum, counts.size):
        if p10 <= level <= p90:
            robust_absolute += abs(level - inner_sum / inner_count) * counts[level]

    skewness, excess_kurtosis, kurtosis = 0.0, 0.0, np.nan
    if minimum < highest:
        skewness = third / variance**1.5
        kurtosis = fourth / variance**2
        excess_kurtosis = kurtosis - 3.0

    steepest, shallowest = np.nan, np.nan
    steepest_level, shallowest_level = np.nan, np.nan
    if highest > 1:
        steepest, shallowest = -np.inf, np.inf
        for level in range(1, counts.size):
            before, after = max(level - 1, 1), min(level + 1, highest)
            gradient = (counts[after] - counts[before]) / (after - before)
            if gradient > steepest:
                steepest, steepest_level = gradient, float(level)
            if gradient < shallowest:
                shallowest, shallowest_level = gradient, float(level)

    return IntensityHistogram(
        mean=mean,
        variance=variance,
        skewness=skewness,
        excess_kurtosis=excess_kurtosis,
        median=median,
        minimum=float(minimum),
        percentile_10=p10,
        percentile_90=p90,
        maximum=float(highest),
        mode=float(_find_mode(counts, total, weighted)),
        interquartile_range=p75 - p25,
        range=float(highest - minimum),
        mean_absolute_deviation=mean_absolute,
        robust_mean_absolute_deviation=robust_absolute / inner_count,
        median_absolute_deviation=median_absolute,
        coefficient_of_variation=np.sqrt(variance) / mean,
        quartile_coefficient_of_dispersion=(p75 - p25) / (p75 + p25),
        entropy=entropy,
        uniformity=uniformity,
        maximum_gradient=steepest,
        maximum_gradient_intensity=steepest_level,
        minimum_gradient=shallowest,
        minimum_gradient_intensity=shallowest_level,
        kurtosis=kurtosis,
    )


def count_levels(levels: ArrayLike) -> NDArray[np.int64]:
    """Return how many voxels have each grey level, indexed by level from 0 (always 0) to the highest one present.

    Parameters
    ----------
    levels : array_like of int, any shape
        Grey levels, 1 or more inside the region, 0 outside.

    Raises
    ------
    RegionError, SettingsError, TypeError
        As `check_levels` does: the region is empty, or the levels are none.
    """
    checked, highest = check_levels(levels)
    counts = np.zeros(highest + 1, dtype=np.int64)
    _count(checked.reshape(-1), counts)
    return counts


def compute_histogram(levels: ArrayLike) -> IntensityHistogram:
    """Return the intensity histogram features (IBSI 3.4) of the grey levels of one region.

    Parameters
    ----------
    levels : array_like of int, any shape
        Grey levels, 1 or more inside the region, 0 outside.

    Raises
    ------
    RegionError, SettingsError, TypeError
        As `check_levels` does: the region is empty, or the levels are none.
    """
    return _describe(count_levels(levels))


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under the aggregation ``""``."""
    return {"": compute_histogram(region.grey_levels)._asdict()}
