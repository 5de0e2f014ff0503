"""Neighbourhood grey tone difference matrix (IBSI 3.10, IPET): how far voxels differ from the mean of their neighbours.

The neighbours of a voxel are those of its neighbourhood that lie in the intensity mask; their mean may be weighted by
distance. For grey level i, n_i voxels have at least one neighbour, and s_i is the sum over them of the absolute
difference between i and the mean of the neighbours; N_vc = sum n_i, p_i = n_i / N_vc, and N_gp levels have p_i > 0.
Sums run over these levels. Aggregation ``3d`` has neighbourhoods in three dimensions; ``2p5d`` has them within slices,
s_i and n_i added up over slices; ``2d`` averages the features of the slices' own matrices.

Special cases, all but the last two IBSI's:

- coarseness is at most 10^6, which is its value where no voxel differs from its neighbours;
- contrast and busyness are 0 where N_gp = 1, strength where all s_i are 0; so a constant region has coarseness 10^6 and
  all others 0;
- busyness is NaN where i p_i is the same for several grey levels and no others (levels 1 and 2 of 2 and 1 voxels, say),
  which IBSI does not mention;
- all are NaN where no voxel has a neighbour, as in a region of one voxel. Slices without any are left out of the
  average of ``2d``, for busyness those too for which it is undefined.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesrg.radiomics.region import Packed, Region, pack
from bayesrg.radiomics.sections import Ngtdm, neighbourhood, weigh
from bayesrg.radiomics.settings import Settings

COARSEST = 1e6
"""The largest coarseness, by IBSI's definition."""


class ToneFeatures(NamedTuple):
    """The five features of IBSI 3.10."""

    coarseness: float
    contrast: float
    busyness: float
    complexity: float
    strength: float


class Differences(NamedTuple):
    """A neighbourhood grey tone difference matrix.

    Attributes
    ----------
    levels : int64 array, shape (level,)
        The grey levels present.
    voxels : float64 array, shape (level,)
        Of each, the number of voxels with a neighbour (n_i).
    differences : float64 array, shape (level,)
        Of each, the sum over these of the difference to the mean of the neighbours (s_i).
    """

    levels: NDArray[np.int64]
    voxels: NDArray[np.float64]
    differences: NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_differences(
    ranks: np.ndarray, values: np.ndarray, first: int, end: int, reach: int, present: int
) -> np.ndarray:
    """Return n_i and s_i for the 26 (``reach`` 1) or 8 (0) voxels around each voxel of some slices."""
    # Differences |count * value - sum| are whole numbers, summed exactly by the number of neighbours they divide by.
    # Two tables in turn, because an increment of the cell just incremented would have to wait for it.
    width = ranks.shape[2]
    tables = np.zeros((2, present + 1, 27, 2), np.int64)
    sums, counts = np.zeros(width, np.int32), np.zeros(width, np.uint8)
    difference, neighbours = np.zeros(width, np.int32), np.zeros(width, np.uint8)
    for z in range(first, end):
        for y in range(1, ranks.shape[1] - 1):
            sums[:] = 0
            counts[:] = 0
            # Rows are indexed in full because a view of each would cost more than the row itself.
            for beside in range(z - reach, z + reach + 1):
                for line in range(y - 1, y + 2):
                    for x in range(width):
                        sums[x] += np.int32(values[beside, line, x])
                        counts[x] += np.uint8(ranks[beside, line, x] > 0)
            for x in range(1, width - 1):
                around = np.uint8(counts[x - 1] + counts[x] + counts[x + 1] - 1)
                total = sums[x - 1] + sums[x] + sums[x + 1] - np.int32(values[z, y, x])
                difference[x] = abs(np.int32(around) * np.int32(values[z, y, x]) - total)
                neighbours[x] = around
            for x in range(1, width - 1):
                rank = ranks[z, y, x]
                if rank > 0:
                    tables[x & 1, rank, neighbours[x], 0] += 1
                    tables[x & 1, rank, neighbours[x], 1] += difference[x]
    matrix = np.zeros((2, present))
    for rank in range(present):
        for count in range(1, 27):
            matrix[0, rank] += tables[0, rank + 1, count, 0] + tables[1, rank + 1, count, 0]
            matrix[1, rank] += (tables[0, rank + 1, count, 1] + tables[1, rank + 1, count, 1]) / count
    return matrix


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_weighted_differences(
    ranks: np.ndarray,
    levels: np.ndarray,
    offsets: np.ndarray,
    weights: np.ndarray,
    first: int,
    end: int,
    margin: int,
) -> np.ndarray:
    """Return n_i and s_i for any neighbourhood and weights, for the voxels of some slices."""
    width = ranks.shape[2] - 2 * margin
    matrix = np.zeros((2, levels.size))
    sums, totals = np.zeros(width), np.zeros(width)
    for z in range(first, end):
        for y in range(margin, ranks.shape[1] - margin):
            sums[:] = 0.0
            totals[:] = 0.0
            for k in range(offsets.shape[0]):
                other = ranks[z + offsets[k, 0], y + offsets[k, 1]]
                shift, weight = margin + offsets[k, 2], weights[k]
                for x in range(width):
                    sums[x] += weight * levels[other[x + shift]]
                    totals[x] += weight * (other[x + shift] > 0)
            row = ranks[z, y]
            for x in range(width):
                rank = row[x + margin]
                if rank > 0 and totals[x] > 0.0:
                    matrix[0, rank] += 1.0
                    matrix[1, rank] += abs(levels[rank] - sums[x] / totals[x])
    return matrix[:, 1:]


@njit(cache=True, nogil=True, error_model="numpy")
def _describe(levels: np.ndarray, voxels: np.ndarray, differences: np.ndarray) -> ToneFeatures:
    """Describe a matrix of at least one voxel, of levels with p_i > 0 only."""
    every = voxels.sum()
    total = differences.sum()
    product = np.sum(voxels * differences) / every
    contrast, spread, complexity, strength = 0.0, 0.0, 0.0, 0.0
    for row in range(levels.size):
        for column in range(row):
            distance = float(levels[row] - levels[column])
            pair = voxels[row] + voxels[column]
            contrast += voxels[row] * voxels[column] * distance**2
            spread += abs(levels[row] * voxels[row] - levels[column] * voxels[column])
            complexity += distance * (voxels[row] * differences[row] + voxels[column] * differences[column]) / pair
            strength += pair * distance**2
    several = levels.size > 1
    return ToneFeatures(
        coarseness=min(COARSEST, 1.0 / product) if product > 0.0 else COARSEST,
        contrast=2.0 * contrast / every**2 / (levels.size * (levels.size - 1)) * total / every if several else 0.0,
        busyness=(product * every / (2.0 * spread) if spread > 0.0 else np.nan) if several else 0.0,
        complexity=2.0 * complexity / every,
        strength=2.0 * strength / every / total if total > 0.0 else 0.0,
    )


def describe_tones(matrix: Differences) -> ToneFeatures:
    """Return the features of a matrix; NaN if no voxel has a neighbour."""
    present = matrix.voxels > 0
    if not present.any():
        return ToneFeatures(*[np.nan] * len(ToneFeatures._fields))
    return _describe(matrix.levels[present], matrix.voxels[present], matrix.differences[present])


def sum_differences(packed: Packed, *, in_slice: bool, by_slice: bool) -> list[Differences]:
    """Return the matrix, or one by slice, for the 26 (``in_slice``: 8) voxels around each voxel.

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
    # Differences are the same for ranks and levels where no level is missing between the lowest and the highest.
    gapless = levels[-1] - levels[0] + 1 == levels.size
    values = ranks if gapless else np.append(0, levels).astype(np.int32)[ranks]
    return [
        Differences(levels, *_sum_differences(ranks, values, first, end, 0 if in_slice else 1, levels.size))
        for first, end in _span(packed, by_slice)
    ]


def sum_weighted_differences(
    packed: Packed, offsets: NDArray[np.int64], weights: NDArray[np.float64], *, by_slice: bool
) -> list[Differences]:
    """Return the matrix, or one by slice, for any neighbourhood.

    Parameters
    ----------
    packed
        Grey levels with a margin as wide as the longest offset.
    offsets : int array, shape (offset, 3)
        The neighbourhood, columns z, y, x.
    weights : float64 array, shape (offset,)
        The weight of each neighbour in the mean.
    by_slice
        Whether each slice has a matrix of its own.
    """
    levels = np.append(0, packed.levels)
    return [
        Differences(
            packed.levels,
            *_sum_weighted_differences(packed.ranks, levels, offsets, weights, first, end, packed.margin),
        )
        for first, end in _span(packed, by_slice)
    ]


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under each aggregation that was asked for."""
    return {
        aggregation: _aggregate(region, settings.ngtdm, aggregation)._asdict()
        for aggregation in settings.ngtdm.aggregation
    }


def _aggregate(region: Region, options: Ngtdm, aggregation: str) -> ToneFeatures:
    in_slice, by_slice = aggregation != "3d", aggregation == "2d"
    if (options.distance, options.norm, options.weighting) == (1, "chebyshev", "none"):
        matrices = sum_differences(region.packed, in_slice=in_slice, by_slice=by_slice)
    else:
        packed = pack(region.grey_levels, options.distance)
        offsets = neighbourhood(options.distance, options.norm, in_slice=in_slice)
        weights = weigh(offsets, options.weighting, options.norm)
        matrices = sum_weighted_differences(packed, offsets, weights, by_slice=by_slice)
    if not by_slice:
        return describe_tones(matrices[0])
    described = np.array([describe_tones(matrix) for matrix in matrices])
    defined = ~np.isnan(described)
    averages = np.full(described.shape[1], np.nan)
    np.divide(np.sum(described, axis=0, where=defined), defined.sum(axis=0), out=averages, where=defined.any(axis=0))
    return ToneFeatures(*averages.tolist())


def _span(packed: Packed, by_slice: bool) -> list[tuple[int, int]]:
    """Return the slices, [first, end), of each matrix."""
    first, end = packed.margin, packed.ranks.shape[0] - packed.margin
    return [(z, z + 1) for z in range(first, end)] if by_slice else [(first, end)]
