"""The arc of a circle of values whose mean differs most from the rest: the statistic of circular binary segmentation.

For values x_1 … x_n with mean 0, partial sums S_i and an arc from i + 1 to j of k = j - i values, the sum of squares
that the arc explains is ::

    Q(i, j) = (S_j - S_i)² n / (k (n - k)),

and t² = Q / ((T - Q) / (n - 2)) with T the total sum of squares (Olshen et al. 2004, doi:10.1093/biostatistics/kxh008,
equation for Z_ij). T does not change when values are permuted, so the largest Q stands for the largest t².

The search leaves out only what a bound shows to be no better than what was found: an arc of k values sums to no more
than the k largest of them, and for arcs from one block of positions to another the ranges of S in both bound the
difference (the idea of Venkatraman & Olshen 2007, doi:10.1093/bioinformatics/btl646). It is exact.
"""

import numpy as np
from numba import njit

# No NaN reaches the kernels (bins without a value are left out before), so that maxima vectorise.
ARITHMETIC = {"error_model": "numpy", "fastmath": {"nnan", "nsz", "reassoc", "contract"}}
# A bound is computed with rounding: it prunes only what is below by more than that.
ROUNDING = 1.0 + 1e-12
BLOCK = 8
"""Positions in the smallest blocks (measured to be faster than 4 and 16 for 300 to 60,000 values)."""


@njit(cache=True, nogil=True, **ARITHMETIC)
def accumulate(values, sums):
    """Fill ``sums`` (n + 1) with the partial sums of ``values`` (n), 0 first."""
    total = 0.0
    sums[0] = 0.0
    for i in range(values.size):
        total += values[i]
        sums[i + 1] = total


@njit(cache=True, nogil=True, **ARITHMETIC)
def weigh_lengths(n):
    """Return n / (k (n - k)) for arcs of k = 0 … n values, 0 where there is no such arc; shape (n + 1,)."""
    weight = np.zeros(n + 1)
    for k in range(1, n):
        weight[k] = n / (float(k) * float(n - k))
    return weight


@njit(cache=True, nogil=True, **ARITHMETIC)
def limit_by_length(values, weight):
    """Return the largest Q that any arrangement of the values gives an arc of k = 0 … n of them; shape (n + 1,)."""
    n = values.size
    ordered = np.sort(values)
    limit = np.zeros(n + 1)
    low = 0.0
    high = 0.0
    for k in range(1, n):
        low += ordered[k - 1]
        high += ordered[n - k]
        limit[k] = max(low * low, high * high) * weight[k] * ROUNDING
    return limit


@njit(cache=True, nogil=True, **ARITHMETIC)
def _search_pair(sums, weight, width, first, first_end, last, last_end, found):
    """Look at every arc from ``first`` … to ``last`` …; ``found`` is (Q, i, j) of the best so far."""
    for i in range(first, first_end):
        start = max(last, i + width)
        largest = found[0]
        for j in range(start, last_end):
            difference = sums[j] - sums[i]
            q = difference * difference * weight[j - i]
            largest = q if q > largest else largest
        if largest > found[0]:
            for j in range(start, last_end):
                difference = sums[j] - sums[i]
                q = difference * difference * weight[j - i]
                if q > found[0]:
                    found[0] = q
                    found[1] = i
                    found[2] = j


@njit(cache=True, nogil=True, **ARITHMETIC)
def _rank_blocks(sums, begin, count, low, high):
    """Fill the ranges of the sums in blocks, in pairs of blocks, in pairs of pairs, and so on, one behind the other.

    Returns where each level begins, and where the last ends.
    """
    offsets = np.zeros(64, np.int64)
    n_blocks = (count + BLOCK - 1) // BLOCK
    for b in range(n_blocks):
        start = begin + b * BLOCK
        smallest = sums[start]
        largest = sums[start]
        for i in range(start + 1, min(start + BLOCK, begin + count)):
            smallest = sums[i] if sums[i] < smallest else smallest
            largest = sums[i] if sums[i] > largest else largest
        low[b] = smallest
        high[b] = largest
    level = 0
    offsets[1] = n_blocks
    while n_blocks > 2:
        below = offsets[level]
        here = offsets[level + 1]
        above = (n_blocks + 1) // 2
        for b in range(above):
            left = below + 2 * b
            right = left + 1 if 2 * b + 1 < n_blocks else left
            low[here + b] = min(low[left], low[right])
            high[here + b] = max(high[left], high[right])
        level += 1
        offsets[level + 1] = here + above
        n_blocks = above
    return offsets[: level + 2]


@njit(cache=True, nogil=True, **ARITHMETIC)
def find_arc(sums, width, weight, limit, least, any_will_do):
    """Return the largest Q above ``least`` and its arc, as (Q, i, j); (least, -1, -1) if no arc is above.

    Parameters
    ----------
    sums
        Partial sums of centred values, shape (n + 1,).
    width
        The fewest values in the arc, and on either side of it unless it begins or ends with the values.
    weight, limit
        As `weigh_lengths` and `limit_by_length` return them.
    least
        What the arc has to exceed.
    any_will_do
        Return the first arc found above ``least``, which answers whether there is one.

    Notes
    -----
    Positions are put in blocks of `BLOCK`, blocks in pairs, pairs in pairs, and so on. Two blocks of a size are looked
    at where they are no neighbours but their pairs are, so that every arc longer than two blocks belongs to exactly one
    such couple; where the bound does not exclude a couple, its four couples of smaller blocks are looked at. Shorter
    arcs are bounded by the range of S in two neighbours. So the work grows with n, not with its square, as long as
    little is better than the bound.
    """
    n = sums.size - 1
    found = np.array([least, -1.0, -1.0])
    for j in range(width, n - width + 1):
        q = sums[j] * sums[j] * weight[j]
        if q > found[0]:
            found[0] = q
            found[1] = 0
            found[2] = j
    begin = width  # inner arcs begin and end at positions width … n - width
    count = n - 2 * width + 1
    stop = begin + count
    if count < width + 1 or (any_will_do and found[1] >= 0):
        return found[0], int(found[1]), int(found[2])
    size = 2 * ((count + BLOCK - 1) // BLOCK) + 64
    low = np.empty(size)
    high = np.empty(size)
    offsets = _rank_blocks(sums, begin, count, low, high)
    if not any_will_do:
        # A good arc to begin with prunes the most: the extremes of all positions, if they are far enough apart.
        lowest = begin + np.argmin(sums[begin:stop])
        highest = begin + np.argmax(sums[begin:stop])
        _search_pair(
            sums, weight, width, min(lowest, highest), min(lowest, highest) + 1, max(lowest, highest),
            max(lowest, highest) + 1, found,
        )  # fmt: skip
    waiting = np.empty((4 * offsets.size + 8, 3), np.int64)
    for level in range(offsets.size - 2, -1, -1):
        for a in range(offsets[level + 1] - offsets[level]):
            for apart in range(2, 4 - a % 2):
                waiting[0, 0] = level
                waiting[0, 1] = a
                waiting[0, 2] = a + apart
                n_waiting = 1
                while n_waiting:
                    n_waiting -= 1
                    at, left, right = waiting[n_waiting]
                    here = offsets[at]
                    if right >= offsets[at + 1] - here:
                        continue
                    block = BLOCK << at
                    shortest = max(width, (right - left - 1) * block + 1)
                    longest = min(count - 1, (right - left + 1) * block - 1)
                    if longest < shortest:
                        continue
                    reach = max(high[here + right] - low[here + left], high[here + left] - low[here + right])
                    # k (n - k) is smallest, and the weight largest, at an end of its range.
                    if reach * reach * max(weight[shortest], weight[longest]) * ROUNDING <= found[0]:
                        continue
                    if at == 0:
                        first = begin + left * BLOCK
                        last = begin + right * BLOCK
                        _search_pair(sums, weight, width, first, first + BLOCK, last, min(last + BLOCK, stop), found)
                        if any_will_do and found[1] >= 0:
                            return found[0], int(found[1]), int(found[2])
                        continue
                    for child in range(4):
                        waiting[n_waiting, 0] = at - 1
                        waiting[n_waiting, 1] = 2 * left + child // 2
                        waiting[n_waiting, 2] = 2 * right + child % 2
                        n_waiting += 1
    shortest = width
    while shortest < min(2 * BLOCK, count) and limit[shortest] <= found[0]:
        shortest += 1
    longest = min(2 * BLOCK - 1, count - 1)
    if longest < shortest:
        return found[0], int(found[1]), int(found[2])
    steepest = max(weight[shortest], weight[longest]) * ROUNDING
    for a in range(offsets[1]):
        other = min(a + 1, offsets[1] - 1)
        reach = max(high[a], high[other]) - min(low[a], low[other])
        if reach * reach * steepest > found[0]:
            first = begin + a * BLOCK
            _search_pair(
                sums, weight, shortest, first, min(first + BLOCK, stop), first, min(first + 2 * BLOCK, stop), found
            )
            if any_will_do and found[1] >= 0:
                break
    return found[0], int(found[1]), int(found[2])
