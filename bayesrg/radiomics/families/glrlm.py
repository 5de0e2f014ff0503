"""Grey level run length features (IBSI 3.7, TP0I): how long voxels of one grey level follow each other in a direction.

A run along a direction is a longest row of neighbouring voxels of the intensity mask with one grey level. R_m(i, j)
counts the runs of grey level i and length j along direction m; N_s is their number, N_v that of the region's voxels.
Each feature is defined by its row in ``glrlm.tsv``. Runs along a direction and along its opposite are the same,
so that there are 13 directions, 4 within a slice.

=========================  =========================================================================================
aggregation                matrix
=========================  =========================================================================================
``3d_merged``              sum of all directions' matrices
``3d_averaged``            one per direction; mean of their features
``2p5d_merged``            sum of the 4 directions within the slice, over all slices
``2p5d_direction_merged``  sum over slices, one per direction; mean of their features
``2d_slice_merged``        sum of the 4 directions, one per slice; mean of their features
``2d_averaged``            one per slice and direction; mean of their features
=========================  =========================================================================================

N_v of a sum is the sum of the matrices' N_v, both weighted alike. Slices without voxels of the region are left out.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesrg.radiomics.kernels.counts import CountFeatures, average_groups, describe_groups
from bayesrg.radiomics.region import Packed, Region
from bayesrg.radiomics.sections import directions, weigh
from bayesrg.radiomics.settings import Settings

NAMES = {
    "short_runs_emphasis": "low_second_emphasis",
    "long_runs_emphasis": "high_second_emphasis",
    "low_grey_level_run_emphasis": "low_grey_level_emphasis",
    "high_grey_level_run_emphasis": "high_grey_level_emphasis",
    "short_run_low_grey_level_emphasis": "low_second_low_grey_level_emphasis",
    "short_run_high_grey_level_emphasis": "low_second_high_grey_level_emphasis",
    "long_run_low_grey_level_emphasis": "high_second_low_grey_level_emphasis",
    "long_run_high_grey_level_emphasis": "high_second_high_grey_level_emphasis",
    "grey_level_non_uniformity": "grey_level_non_uniformity",
    "normalised_grey_level_non_uniformity": "normalised_grey_level_non_uniformity",
    "run_length_non_uniformity": "second_non_uniformity",
    "normalised_run_length_non_uniformity": "normalised_second_non_uniformity",
    "run_percentage": "percentage",
    "grey_level_variance": "grey_level_variance",
    "run_length_variance": "second_variance",
    "run_entropy": "entropy",
}
"""The 16 features of IBSI 3.7, by what they are called for matrices of counts of any kind."""


BLOCK = 2048
"""Voxels that are compared at a time, few enough to stay in the nearest cache."""


class Runs(NamedTuple):
    """Run length matrices, without the cells of lengths that a grey level has too few voxels for.

    Attributes
    ----------
    counts : int64 array, shape (direction, cell)
        How many runs along a direction have a cell's level and length.
    level, length : int64 array, shape (cell,)
        Grey level, and length in voxels.
    voxels
        Of the region, that is of each direction's runs.
    """

    counts: NDArray[np.int64]
    level: NDArray[np.int64]
    length: NDArray[np.int64]
    voxels: int


@njit(cache=True, nogil=True, error_model="numpy")
def _count_voxels(ranks: np.ndarray, size: int) -> np.ndarray:
    """Count the voxels of each rank from 1 to ``size - 1``."""
    # Neighbouring voxels often share a rank; four tables keep an increment from waiting for the one before it.
    tables = np.zeros((4, size), np.int64)
    whole = ranks.size - ranks.size % 4
    for place in range(0, whole, 4):
        tables[0, ranks[place]] += 1
        tables[1, ranks[place + 1]] += 1
        tables[2, ranks[place + 2]] += 1
        tables[3, ranks[place + 3]] += 1
    for place in range(whole, ranks.size):
        tables[0, ranks[place]] += 1
    counts = tables.sum(axis=0)
    counts[0] = 0
    return counts


@njit(cache=True, nogil=True, error_model="numpy")
def _count_runs(
    ranks: np.ndarray, first: int, last: int, steps: np.ndarray, starts: np.ndarray, voxels: np.ndarray
) -> np.ndarray:
    """Count, for each step, the runs of rank r and length j in column ``starts[r] + j - 1``.

    Only runs of two voxels or more are looked for, at their ends; all other voxels are runs of one. ``ranks`` is the
    flat box with its margin, ``steps`` are differences of its index, and voxels from ``first`` up to ``last`` count.
    """
    counts = np.zeros((len(steps), starts[-1]), np.int64)
    # Of each voxel: 0 if it is not the last of a run of two or more, else how many of the three before it are alike.
    ends = np.zeros(BLOCK, np.uint8)
    words = ends.view(np.uint64)
    filled, places = np.empty(BLOCK // 8 + 1, np.uint32), np.empty(BLOCK + 1, np.uint32)
    for block in range(first, last, BLOCK):
        size = min(BLOCK, last - block)
        here = ranks[block : block + size]
        for k in range(len(steps)):
            step, table = steps[k], counts[k]
            after = ranks[block + step : block + step + size]
            before = ranks[block - step : block - step + size]
            second = ranks[block - 2 * step : block - 2 * step + size]
            third = ranks[block - 3 * step : block - 3 * step + size]
            for x in range(size):
                one = np.uint8(here[x] == before[x]) & np.uint8(here[x] != after[x]) & np.uint8(here[x] != 0)
                two = one & np.uint8(here[x] == second[x])
                ends[x] = one + two + (two & np.uint8(here[x] == third[x]))
            ends[size:] = 0
            # Ends are sorted out without branches, whose outcome no processor could foretell: first the words of eight
            # voxels that hold any, then the voxels.
            number, found = 0, 0
            for word in range(BLOCK // 8):
                filled[number] = word
                number += np.int64(words[word] != 0)
            for index in range(number):
                for x in range(8 * filled[index], 8 * filled[index] + 8):
                    places[found] = x
                    found += np.int64(ends[x] != 0)
            for index in range(found):
                x = places[index]
                rank = here[x]
                cell = starts[rank] + ends[x]
                if ends[x] == 3:
                    place = block + np.int64(x) - 4 * step
                    while ranks[place] == rank:
                        place -= step
                        cell += 1
                table[cell] += 1
    for k in range(len(steps)):
        for rank in range(1, voxels.size):
            single = voxels[rank]
            for cell in range(starts[rank] + 1, starts[rank + 1]):
                single -= counts[k, cell] * (cell - starts[rank] + 1)
            if single > 0:
                counts[k, starts[rank]] = single
    return counts


def count_runs(packed: Packed, steps: NDArray[np.int64]) -> Runs:
    """Return the runs of a region along each of the steps.

    Parameters
    ----------
    packed
        Grey levels, with a margin of 1 voxel.
    steps : int64 array, shape (direction, 3)
        Directions [z, y, x] to a neighbour: -1, 0 or 1 along each axis.
    """
    _, height, width = packed.ranks.shape
    plane = height * width
    strides = steps @ np.array([plane, width, 1])
    inner = packed.ranks.reshape(-1)[plane:-plane]
    voxels = _count_voxels(inner, packed.levels.size + 1)
    # A rank has runs no longer than its voxels are many, so that columns are fewer than voxels, however many ranks.
    longest = np.minimum(voxels, max(packed.ranks.shape) - 2)
    starts = np.concatenate([[0], np.cumsum(longest)])
    # Three steps back from any voxel must lie inside the array.
    room = np.zeros(3 * (plane + width + 1), packed.ranks.dtype)
    flat = np.concatenate([room, packed.ranks.reshape(-1)])
    counts = _count_runs(flat, room.size + plane + width + 1, flat.size - plane - width - 1, strides, starts, voxels)
    rank = np.repeat(np.arange(voxels.size), longest)
    return Runs(counts, packed.levels[rank - 1], np.arange(rank.size) - starts[rank] + 1, int(voxels.sum()))


def merge_and_average(runs: Runs, weights: NDArray[np.float64]) -> tuple[CountFeatures, CountFeatures]:
    """Return the features of the weighted sum of all directions' matrices, and the mean of each one's features."""
    counts = np.vstack([weights @ runs.counts, runs.counts])
    matrix, cell = np.nonzero(counts)
    voxels = runs.voxels * np.concatenate([[weights.sum()], np.ones(len(weights))])
    described = describe_groups(matrix, runs.level[cell], runs.length[cell], counts[matrix, cell], voxels)
    return CountFeatures(*described[0].tolist()), CountFeatures(*described[1:].mean(axis=0).tolist())


def average_runs(several: list[Runs], share: float = 1.0) -> CountFeatures:
    """Return the mean of the features of each direction's matrix, over all directions and over several regions.

    Parameters
    ----------
    several
        Runs of one region, or of each of its slices.
    share
        How many times a region's voxels are in each of its matrices.
    """
    group, level, length, count, voxels = [], [], [], [], []
    for runs in several:
        matrix, cell = np.nonzero(runs.counts)
        group.append(matrix + len(voxels))
        level.append(runs.level[cell])
        length.append(runs.length[cell])
        count.append(runs.counts[matrix, cell])
        voxels += [runs.voxels * share] * len(runs.counts)
    return average_groups(
        np.concatenate(group), np.concatenate(level), np.concatenate(length), np.concatenate(count), voxels
    )


def _merge(runs: Runs, weights: NDArray[np.float64]) -> Runs:
    return runs._replace(counts=(weights @ runs.counts)[None])


def count_slices(packed: Packed, steps: NDArray[np.int64]) -> list[Runs]:
    """Return the runs of each slice that holds voxels of the region; parameters as for `count_runs`."""
    inside = range(1, packed.ranks.shape[0] - 1)
    return [
        count_runs(packed._replace(ranks=packed.ranks[z - 1 : z + 2]), steps) for z in inside if packed.ranks[z].any()
    ]


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under each aggregation that was asked for."""
    options = settings.glrlm
    steps, flat = directions(), directions(in_slice=True)
    weights = weigh(steps, options.weighting, options.norm)
    few = weights[: len(flat)]
    wanted = set(options.aggregation)
    described: dict[str, CountFeatures] = {}
    if wanted & {"3d_merged", "3d_averaged"}:
        runs = count_runs(region.packed, steps)
        described["3d_merged"], described["3d_averaged"] = merge_and_average(runs, weights)
    if wanted & {"2p5d_merged", "2p5d_direction_merged"}:
        runs = count_runs(region.packed, flat)
        described["2p5d_merged"], described["2p5d_direction_merged"] = merge_and_average(runs, few)
    if wanted & {"2d_slice_merged", "2d_averaged"}:
        slices = count_slices(region.packed, flat)
        described["2d_slice_merged"] = average_runs([_merge(runs, few) for runs in slices], few.sum())
        described["2d_averaged"] = average_runs(slices)
    return {
        name: {ours: getattr(described[name], neutral) for ours, neutral in NAMES.items()}
        for name in options.aggregation
    }
