"""What describes a matrix of counts n(i, j) of things of grey level i with second index j.

Runs by length (GLRLM), zones by size (GLSZM) or by distance to the border (GLDZM), and neighbourhoods by dependence
(NGLDM) are all described by the same sums, which IBSI defines once for runs (3.7) and refers to for the others:
with N = sum n(i, j), p(i, j) = n(i, j) / N and the marginal sums n(i, .) and n(., j). The fields of `CountFeatures`
have neutral names; each family gives them its own.

Matrices are sparse, lists of entries, because a zone may have as many voxels as the region. Several matrices (slices,
directions) are described in one call, each a group of entries.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray


class CountFeatures(NamedTuple):
    """The 17 features of a matrix of counts, in IBSI's order; "second" is length, size, distance or dependence."""

    low_second_emphasis: float
    high_second_emphasis: float
    low_grey_level_emphasis: float
    high_grey_level_emphasis: float
    low_second_low_grey_level_emphasis: float
    low_second_high_grey_level_emphasis: float
    high_second_low_grey_level_emphasis: float
    high_second_high_grey_level_emphasis: float
    grey_level_non_uniformity: float
    normalised_grey_level_non_uniformity: float
    second_non_uniformity: float
    normalised_second_non_uniformity: float
    percentage: float
    grey_level_variance: float
    second_variance: float
    entropy: float
    energy: float


@njit(cache=True, nogil=True, error_model="numpy")
def _describe(
    group: np.ndarray,
    level: np.ndarray,
    second: np.ndarray,
    count: np.ndarray,
    by_second: np.ndarray,
    voxels: np.ndarray,
) -> np.ndarray:
    """Describe matrices whose entries are sorted by group, level, second; ``by_second`` sorts by group and second."""
    described = np.zeros((voxels.size, 17))
    total, level_sum, second_sum = np.zeros(voxels.size), np.zeros(voxels.size), np.zeros(voxels.size)
    entries = group.size
    for k in range(entries):
        total[group[k]] += count[k]
        level_sum[group[k]] += count[k] * level[k]
        second_sum[group[k]] += count[k] * second[k]

    joint, marginal = 0.0, 0.0
    for k in range(entries):
        row = described[group[k]]
        every = total[group[k]]
        i, j = float(level[k]), float(second[k])
        i2, j2, probability = i * i, j * j, count[k] / every
        row[0] += probability / j2
        row[1] += probability * j2
        row[2] += probability / i2
        row[3] += probability * i2
        row[4] += probability / (i2 * j2)
        row[5] += probability * i2 / j2
        row[6] += probability * j2 / i2
        row[7] += probability * i2 * j2
        row[13] += probability * (i - level_sum[group[k]] / every) ** 2
        row[14] += probability * (j - second_sum[group[k]] / every) ** 2
        # Entries of one cell are neighbours, and so are those of one level.
        marginal += count[k]
        joint += count[k]
        ends = k + 1 == entries or group[k + 1] != group[k] or level[k + 1] != level[k]
        if ends or second[k + 1] != second[k]:
            probability = joint / every
            row[15] -= probability * np.log2(probability)
            row[16] += probability * probability
            joint = 0.0
        if ends:
            row[8] += marginal * marginal / every
            marginal = 0.0

    for k in range(entries):
        here = by_second[k]
        marginal += count[here]
        if k + 1 == entries or group[by_second[k + 1]] != group[here] or second[by_second[k + 1]] != second[here]:
            described[group[here], 10] += marginal * marginal / total[group[here]]
            marginal = 0.0

    for g in range(voxels.size):
        if total[g] > 0.0:
            described[g, 9] = described[g, 8] / total[g]
            described[g, 11] = described[g, 10] / total[g]
            described[g, 12] = total[g] / voxels[g]
        else:
            described[g] = np.nan
    return described


def describe_groups(
    group: ArrayLike, level: ArrayLike, second: ArrayLike, count: ArrayLike, voxels: ArrayLike
) -> NDArray[np.float64]:
    """Return the features of several matrices of counts, shape (group, 17), columns as `CountFeatures`.

    Parameters
    ----------
    group : array_like of int, shape (entry,)
        Which matrix an entry belongs to, from 0.
    level, second : array_like of int, shape (entry,)
        Its grey level and second index, 1 or more. Entries come in any order; those of the same cell are added up.
    count : array_like of float, shape (entry,)
        How often, above 0; a fraction where matrices were weighted.
    voxels : array_like of float, shape (group,)
        What ``percentage`` divides by: IBSI's N_v, summed over the matrices that were merged.

    Returns
    -------
    float64 array, shape (group, 17)
        NaN for a group without entries.
    """
    groups, levels, seconds = (np.asarray(values, dtype=np.int64) for values in (group, level, second))
    counts, sizes = np.asarray(count, dtype=np.float64), np.ascontiguousarray(voxels, dtype=np.float64)
    if groups.size == 0:
        return np.full((sizes.size, len(CountFeatures._fields)), np.nan)
    highest, furthest = int(levels.max()) + 1, int(seconds.max()) + 1
    order = np.argsort((groups * highest + levels) * furthest + seconds)
    groups, levels, seconds, counts = groups[order], levels[order], seconds[order], counts[order]
    return _describe(groups, levels, seconds, counts, np.argsort(groups * furthest + seconds), sizes)


def describe_counts(level: ArrayLike, second: ArrayLike, count: ArrayLike, voxels: float) -> CountFeatures:
    """Return the features of one matrix of counts; parameters as for `describe_groups`."""
    levels = np.asarray(level)
    return CountFeatures(*describe_groups(np.zeros(levels.size, np.int64), levels, second, count, [voxels])[0].tolist())


def average_groups(
    group: ArrayLike, level: ArrayLike, second: ArrayLike, count: ArrayLike, voxels: ArrayLike
) -> CountFeatures:
    """Return the mean over matrices of each one's features; parameters as for `describe_groups`.

    Matrices without entries are left out; NaN if all are empty.
    """
    described = describe_groups(group, level, second, count, voxels)
    filled = described[~np.isnan(described[:, 0])]
    if not filled.size:
        return CountFeatures(*[np.nan] * len(CountFeatures._fields))
    return CountFeatures(*filled.mean(axis=0).tolist())


@njit(cache=True, nogil=True, error_model="numpy")
def _tally(key: np.ndarray, second: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Count small second indices in a table of 0s by key and second, and return the places of the large ones."""
    large = np.empty(key.size, np.int64)
    found = 0
    for k in range(key.size):
        if second[k] < table.shape[1]:
            table[key[k], second[k]] += 1
        else:
            large[found] = k
            found += 1
    return large[:found]


class Entries(NamedTuple):
    """Entries of one or several matrices of counts, as `describe_groups` takes them."""

    group: NDArray[np.int64]
    level: NDArray[np.int64]
    second: NDArray[np.int64]
    counts: NDArray[np.int64]


def tally_entries(
    group: NDArray[np.integer] | int,
    rank: NDArray[np.integer],
    second: NDArray[np.integer],
    levels: NDArray[np.int64],
    groups: int = 1,
) -> Entries:
    """Return the entries of matrices whose things are listed one by one, by far fewer than the things.

    Parameters
    ----------
    group
        Which matrix each thing belongs to, below ``groups``; 0 for a single matrix.
    rank, second : int arrays, shape (thing,)
        Which of ``levels`` each has, from 1, and its second index.
    levels : int64 array, shape (level,)
        The grey levels.
    groups
        Number of matrices.
    """
    keys = groups * levels.size
    # A table as large as the list at most; what lies beyond its width is rare, and stays an entry of its own.
    table = np.zeros((keys, min(4096, second.size // keys + 1)), np.int64)
    key = np.asarray(group * levels.size + (rank.astype(np.int64) - 1), dtype=np.int64)
    seconds = second.astype(np.int64)
    large = _tally(key, seconds, table)
    filled, small = np.nonzero(table)
    every = np.concatenate([filled, key[large]])
    counts = np.concatenate([table[filled, small], np.ones(large.size, np.int64)])
    return Entries(every // levels.size, levels[every % levels.size], np.concatenate([small, seconds[large]]), counts)
