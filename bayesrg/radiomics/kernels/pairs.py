"""Pairs of voxels by the grey levels of both, counted for several offsets: the matrices M_m of IBSI 3.6 (LFYI).

Most of the time goes into increments of a table, one for each voxel and offset. Where a region is large and its grey
levels are few, triangles of voxels (a, a + p, a + q) are counted instead: a triangle's table of three grey levels holds
three tables of pairs as its marginal sums, those for p, q and q - p. Twelve of the thirteen directions to neighbours
form four triangles, so that five increments do the work of thirteen.
"""

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesrg.radiomics.region import Packed

LARGEST_TABLE = 400_000
"""Cells of a table of triangles beyond which it would leave the processor's cache."""

FEW_RANKS = 257
"""Ranks, 0 included, up to which there is room for two tables of every offset."""


@njit(cache=True, nogil=True, error_model="numpy")
def _find_spans(rows: np.ndarray) -> np.ndarray:
    """Return the first and last column of each row that is not 0, or a first one behind the last where all are."""
    spans = np.empty((rows.shape[0], 2), np.int64)
    for row in range(rows.shape[0]):
        first, last = 0, rows.shape[1] - 1
        while first <= last and rows[row, first] == 0:
            first += 1
        while last > first and rows[row, last] == 0:
            last -= 1
        spans[row, 0], spans[row, 1] = first, last
    return spans


@njit(cache=True, nogil=True, error_model="numpy")
def _count_pairs(ranks: np.ndarray, spans: np.ndarray, steps: np.ndarray, size: int) -> np.ndarray:
    """Count the pairs (rank, rank at each step) over flat rows, in one or two tables that are yet to be added.

    Row and column 0 of a table are voxels outside the region.
    """
    width = ranks.size // len(spans)
    # Neighbouring voxels often have the same ranks; with two tables no increment waits for the one before it.
    tables = np.zeros((2 if size <= FEW_RANKS else 1, steps.size, size * size), np.uint32)
    cells = np.empty(width, np.uint32)
    for row in range(len(spans)):
        length = spans[row, 1] - spans[row, 0] + 1
        begin = row * width + spans[row, 0]
        here = ranks[begin : begin + length]
        for k in range(steps.size):
            there = ranks[begin + steps[k] : begin + steps[k] + length]
            # This loop runs in vector registers, which the increments cannot.
            for x in range(length):
                cells[x] = np.uint32(here[x]) * np.uint32(size) + np.uint32(there[x])
            even, odd = tables[0, k], tables[-1, k]
            for x in range(0, length - 1, 2):
                even[cells[x]] += 1
                odd[cells[x + 1]] += 1
            if length % 2 == 1:
                even[cells[length - 1]] += 1
    return tables


@njit(cache=True, nogil=True, error_model="numpy")
def _count_triangles(
    ranks: np.ndarray, spans: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: int
) -> np.ndarray:
    """Count triangles by the ranks of their three corners; a corner is so many rows and columns from the first one."""
    width = ranks.size // len(spans)
    side, square = np.uint32(size), np.uint32(size * size)
    tables = np.zeros((len(rows), size * size * size), np.uint32)
    cells = np.empty(width, np.uint32)
    for row in range(len(spans)):
        for k in range(len(rows)):
            # A pair needs two corners in the region: from where the second row has begun to where two have ended.
            first, second = 2 * width, 2 * width
            last, before = -2 * width, -2 * width
            for corner in range(3):
                other = row + rows[k, corner]
                if 0 <= other < len(spans) and spans[other, 0] <= spans[other, 1]:
                    begin, end = spans[other, 0] - columns[k, corner], spans[other, 1] - columns[k, corner]
                    second, first = min(second, max(first, begin)), min(first, begin)
                    before, last = max(before, min(last, end)), max(last, end)
            length = before - second + 1
            if length <= 0:
                continue
            begin = row * width + second
            one = ranks[begin : begin + length]
            begin = (row + rows[k, 1]) * width + second + columns[k, 1]
            two = ranks[begin : begin + length]
            begin = (row + rows[k, 2]) * width + second + columns[k, 2]
            three = ranks[begin : begin + length]
            for x in range(length):
                cells[x] = np.uint32(one[x]) * square + np.uint32(two[x]) * side + np.uint32(three[x])
            table = tables[k]
            for x in range(length):
                table[cells[x]] += 1
    return tables


@lru_cache(maxsize=16)
def form_triangles(offsets: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, int, int, int], ...]:
    """Return as many disjoint triangles of offsets as there are, for up to 13 offsets.

    Returns
    -------
    tuple of (p, q, r, sign)
        Positions in ``offsets`` for which q - sign p = r or -r: the corners are 0, sign p and q.
    """
    if len(offsets) > 13:
        return ()
    place = {way: k for k, offset in enumerate(offsets) for way in (offset, tuple(-step for step in offset))}

    def search(left: frozenset[int]) -> tuple[tuple[int, int, int, int], ...]:
        if len(left) < 3:
            return ()
        p, best = min(left), ()
        for q in left - {p}:
            for sign in (1, -1):
                r = place.get(tuple(b - sign * a for a, b in zip(offsets[p], offsets[q], strict=True)))
                if r in left - {p, q}:
                    found = ((p, q, r, sign), *search(left - {p, q, r}))
                    if len(found) == len(left) // 3:
                        return found
                    best = max(best, found, key=len)
        return max(best, search(left - {p}), key=len)

    return search(frozenset(range(len(offsets))))


def count_pairs(packed: Packed, offsets: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return, for each offset, how many voxels of one rank have one of the other rank at the offset or its opposite.

    Parameters
    ----------
    packed
        Grey levels of a region; a wider margin than any offset is long.
    offsets : int64 array, shape (offset, 3)
        Offsets in voxels, columns z, y, x.

    Returns
    -------
    uint32 array, shape (offset, level, level)
        Symmetric matrices, whose rows and columns are ``packed.levels``.
    """
    _, height, width = packed.ranks.shape
    size = packed.levels.size + 1
    rows = packed.ranks.reshape(-1, width)
    flat, spans = rows.reshape(-1), _find_spans(rows)
    matrices = np.empty((len(offsets), size - 1, size - 1), np.uint32)
    alone = np.arange(len(offsets))
    if size**3 <= min(LARGEST_TABLE, packed.ranks.size // 2):
        triangles = form_triangles(tuple(map(tuple, offsets.tolist())))
        if triangles:
            p, q, r, sign = np.array(triangles).T
            corners = np.stack([0 * offsets[p], sign[:, None] * offsets[p], offsets[q]], axis=1)
            tables = _count_triangles(flat, spans, corners[:, :, 0] * height + corners[:, :, 1], corners[:, :, 2], size)
            tables = tables.reshape(-1, size, size, size)
            for side, corner in ((p, 3), (q, 2), (r, 1)):
                matrices[side] = tables.sum(axis=corner, dtype=np.uint32)[:, 1:, 1:]
            alone = np.setdiff1d(alone, [p, q, r])
    if alone.size:
        # Large tables one at a time: those of all offsets at once would double the memory.
        for some in [alone] if size <= FEW_RANKS else np.split(alone, alone.size):
            steps = offsets[some] @ np.array([height * width, width, 1])
            tables = _count_pairs(flat, spans, steps, size).reshape(-1, some.size, size, size)[:, :, 1:, 1:]
            matrices[some] = tables[0] if len(tables) == 1 else tables[0] + tables[1]
    for matrix in matrices:
        matrix += matrix.T.copy()
    return matrices
