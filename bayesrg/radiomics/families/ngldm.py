"""Neighbouring grey level dependence matrix (IBSI 3.11, REK0): how many voxels have how many neighbours like them.

The dependence j of a voxel is the number of voxels in its neighbourhood, itself included, that lie in the intensity
mask and whose grey level differs from its own by no more than the coarseness parameter alpha; neighbours outside the
mask do not count. With s_ij voxels of grey level i and dependence j, N_s = sum s_ij = N_v, the voxels in the intensity
mask, and p_ij = s_ij / N_s. Aggregation ``3d`` has neighbourhoods in three dimensions; ``2p5d`` has them within slices,
counted in one matrix; ``2d`` averages the features of the slices' own matrices, slices without voxels left out.

No feature is ever undefined. One voxel, or voxels without neighbours, have dependence 1; dependence count percentage is
always 1, as IBSI's definition of neighbourhoods makes it.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesrg.radiomics.kernels.counts import CountFeatures, Entries, average_groups, describe_counts, tally_entries
from bayesrg.radiomics.region import Packed, Region, pack
from bayesrg.radiomics.sections import Ngldm, neighbourhood
from bayesrg.radiomics.settings import Settings

NAMES = (
    "low_dependence_emphasis",
    "high_dependence_emphasis",
    "low_grey_level_count_emphasis",
    "high_grey_level_count_emphasis",
    "low_dependence_low_grey_level_emphasis",
    "low_dependence_high_grey_level_emphasis",
    "high_dependence_low_grey_level_emphasis",
    "high_dependence_high_grey_level_emphasis",
    "grey_level_non_uniformity",
    "normalised_grey_level_non_uniformity",
    "dependence_count_non_uniformity",
    "normalised_dependence_count_non_uniformity",
    "dependence_count_percentage",
    "grey_level_variance",
    "dependence_count_variance",
    "dependence_count_entropy",
    "dependence_count_energy",
)
"""The 17 features, in the order of `bayesrg.radiomics.kernels.counts.CountFeatures`."""


@njit(cache=True, nogil=True, error_model="numpy")
def _count_equal(ranks: np.ndarray, first: int, end: int, reach: int, present: int) -> np.ndarray:
    """Count voxels by rank and by equal voxels in the 3 x 3 x 3 (``reach`` 1) or 3 x 3 (0) around, in some slices."""
    # Two tables in turn, because an increment of the cell just incremented would have to wait for it.
    tables = np.zeros((2, present + 1, 28), np.int64)
    same = np.zeros(ranks.shape[2], np.uint8)
    for z in range(first, end):
        for y in range(1, ranks.shape[1] - 1):
            same[:] = 0
            # Rows are indexed in full because a view of each would cost more than the row itself.
            for beside in range(z - reach, z + reach + 1):
                for line in range(y - 1, y + 2):
                    for x in range(1, ranks.shape[2] - 1):
                        rank = ranks[z, y, x]
                        same[x] += (
                            np.uint8(rank == ranks[beside, line, x - 1])
                            + np.uint8(rank == ranks[beside, line, x])
                            + np.uint8(rank == ranks[beside, line, x + 1])
                        )
            for x in range(1, ranks.shape[2] - 1):
                tables[x & 1, ranks[z, y, x], same[x]] += 1
    return tables[0, 1:] + tables[1, 1:]


@njit(cache=True, nogil=True, error_model="numpy")
def _count_dependent(
    ranks: np.ndarray, levels: np.ndarray, offsets: np.ndarray, coarseness: int, margin: int, dependence: np.ndarray
) -> np.ndarray:
    """Fill in the dependence of each voxel, in reading order, by any neighbourhood; return voxels by slice."""
    width = ranks.shape[2] - 2 * margin
    dependent = np.zeros(width, np.int64)
    voxels = np.zeros(ranks.shape[0] - 2 * margin, np.int64)
    place = 0
    for z in range(margin, ranks.shape[0] - margin):
        begin = place
        for y in range(margin, ranks.shape[1] - margin):
            row = ranks[z, y]
            dependent[:] = 1
            for k in range(offsets.shape[0]):
                other = ranks[z + offsets[k, 0], y + offsets[k, 1]]
                shift = margin + offsets[k, 2]
                for x in range(width):
                    difference = abs(levels[row[x + margin]] - levels[other[x + shift]])
                    dependent[x] += difference <= coarseness and other[x + shift] > 0
            for x in range(width):
                if row[x + margin] > 0:
                    dependence[place] = dependent[x]
                    place += 1
        voxels[z - margin] = place - begin
    return voxels


def count_dependences(packed: Packed, *, in_slice: bool, by_slice: bool) -> tuple[Entries, NDArray[np.int64]]:
    """Return the matrix, or one by slice, for the 26 or 8 voxels around and coarseness 0, and the voxels of each.

    Parameters
    ----------
    packed
        Grey levels with a margin of 1.
    in_slice
        Whether neighbourhoods lie within slices.
    by_slice
        Whether each slice has a matrix of its own.
    """
    ranks, levels = packed.ranks, packed.levels
    slices = ranks.shape[0] - 2
    spans = [(z, z + 1) for z in range(1, slices + 1)] if by_slice else [(1, slices + 1)]
    found, voxels = [], np.zeros(len(spans), np.int64)
    for group, (first, end) in enumerate(spans):
        table = _count_equal(ranks, first, end, 0 if in_slice else 1, levels.size)
        rank, dependence = np.nonzero(table)
        counts = table[rank, dependence]
        voxels[group] = counts.sum()
        found.append((np.full(rank.size, group), levels[rank], dependence, counts))
    return Entries(*map(np.concatenate, zip(*found, strict=True))), voxels


def count_any_dependences(
    packed: Packed, offsets: NDArray[np.int64], coarseness: int, *, by_slice: bool
) -> tuple[Entries, NDArray[np.int64]]:
    """Return the matrix, or one by slice, for any neighbourhood and coarseness, and the voxels of each.

    Parameters
    ----------
    packed
        Grey levels with a margin as wide as the longest offset.
    offsets : int array, shape (offset, 3)
        The neighbourhood, columns z, y, x.
    coarseness
        The largest difference of dependent grey levels.
    by_slice
        Whether each slice has a matrix of its own.
    """
    rank = packed.ranks[packed.ranks > 0]
    dependence = np.empty(rank.size, np.int64)
    levels = np.append(0, packed.levels)
    voxels = _count_dependent(packed.ranks, levels, offsets, coarseness, packed.margin, dependence)
    if not by_slice:
        return tally_entries(0, rank, dependence, packed.levels), voxels.sum(keepdims=True)
    group = np.repeat(np.arange(voxels.size), voxels)
    return tally_entries(group, rank, dependence, packed.levels, voxels.size), voxels


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under each aggregation that was asked for."""
    return {
        aggregation: dict(zip(NAMES, _aggregate(region, settings.ngldm, aggregation), strict=True))
        for aggregation in settings.ngldm.aggregation
    }


def _aggregate(region: Region, options: Ngldm, aggregation: str) -> CountFeatures:
    in_slice, by_slice = aggregation != "3d", aggregation == "2d"
    if (options.distance, options.norm, options.coarseness) == (1, "chebyshev", 0):
        entries, voxels = count_dependences(region.packed, in_slice=in_slice, by_slice=by_slice)
    else:
        packed = pack(region.grey_levels, options.distance)
        offsets = neighbourhood(options.distance, options.norm, in_slice=in_slice)
        entries, voxels = count_any_dependences(packed, offsets, options.coarseness, by_slice=by_slice)
    if by_slice:
        return average_groups(*entries, voxels)
    return describe_counts(entries.level, entries.second, entries.counts, int(voxels[0]))
