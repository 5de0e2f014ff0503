"""Whether a permutation test rejects, decided with as few permutations as the answer needs.

Permutations stop when the count of those that reach the observed statistic decides the matter. After m permutations, c
of which reached it, the level alpha is outside the confidence sequence of Robbins (1970, doi:10.1214/aoms/1177696786)
and Lai (1976, doi:10.1214/aos/1176343406) if ::

    (m + 1) C(m, c) alpha^c (1 - alpha)^(m - c) <= risk:

whatever the p value is, the chance to stop on the wrong side of alpha is at most ``risk``, however long one looks (use
in Monte Carlo tests: Ding, Gandy & Hahn 2020, doi:10.1007/s00180-019-00927-6). Where it never happens, p is
(c + 1) / (m + 1) after all permutations.

Before that, a bound may show that hardly any permutation reaches the statistic. The sum of k of n values drawn without
replacement is bounded as one drawn with it (Hoeffding 1963, doi:10.1080/01621459.1963.10500830, theorem 4), so by
Bernstein's inequality a sum of t or more has at most probability exp(-t² / (2 (k s² + m t / 3))), s² being the variance
and m the largest absolute value of the centred values. Where the sum of these over all arcs is far below alpha, no
permutation is drawn.
"""

import math

import numpy as np
from numba import njit

from bayesrg.genomics.copy_number.arcs import ARITHMETIC, accumulate, find_arc

RISK = 1e-3
"""The chance at most that stopping early answers otherwise than endless permutation would."""

# Permuted sums are rounded in another order than the observed: what is equal must count as reached.
TIED = 1.0 - 1e-9


@njit(cache=True, nogil=True, **ARITHMETIC)
def next_random(state):
    """Return 32 random bits as an integer of 64, and advance ``state``, shape (1,) of uint64 (xorshift64*)."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return (x * np.uint64(2685821657736338717)) >> np.uint64(32)


@njit(cache=True, nogil=True, **ARITHMETIC)
def begin_random(seed, first, last):
    """Return a state that seed and interval decide, so that no test depends on which was done before."""
    state = np.empty(1, np.uint64)
    x = np.uint64(seed)
    for part in (np.uint64(first), np.uint64(last), np.uint64(1)):
        # The finaliser of splitmix64 spreads neighbouring seeds apart.
        x = (x + part + np.uint64(1)) * np.uint64(11400714819323198485)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(13787848793156543929)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(10723151780598845931)
        x ^= x >> np.uint64(31)
    state[0] = x if x != np.uint64(0) else np.uint64(1)
    return state


@njit(cache=True, nogil=True, **ARITHMETIC)
def shuffle(values, count, state):
    """Shuffle ``values`` in place until the first ``count`` are a random draw without replacement."""
    for i in range(count):
        left = np.uint64(values.size - i)
        other = i + np.int64((next_random(state) * left) >> np.uint64(32))
        kept = values[i]
        values[i] = values[other]
        values[other] = kept


@njit(cache=True, nogil=True, **ARITHMETIC)
def is_decided(reached, done, alpha, risk):
    """Return whether ``reached`` of ``done`` permutations leave no doubt on which side of alpha p is."""
    logarithm = math.log(done + 1.0)
    logarithm += math.lgamma(done + 1.0) - math.lgamma(reached + 1.0) - math.lgamma(done - reached + 1.0)
    logarithm += reached * math.log(alpha) + (done - reached) * math.log(1.0 - alpha)
    return logarithm <= math.log(risk)


@njit(cache=True, nogil=True, **ARITHMETIC)
def bound_tail(sum_of_arc, k, variance, largest):
    """Return Bernstein's bound on the chance that k values drawn without replacement sum to so much, on either side."""
    return 2.0 * math.exp(-(sum_of_arc**2) / (2.0 * (k * variance + largest * sum_of_arc / 3.0)))


@njit(cache=True, nogil=True, **ARITHMETIC)
def is_arc_significant(values, statistic, width, weight, limit, alpha, permutations, risk, state):
    """Return whether permuted values have an arc as good as ``statistic`` in a share of at most alpha.

    Parameters
    ----------
    values
        Centred, shape (n,); they are shuffled.
    statistic
        The largest Q of the values as they were observed.
    width, weight, limit
        As for `find_arc`.
    alpha, permutations, risk
        The level, the most permutations, and the chance of another answer by stopping early.
    state
        Of the random numbers.
    """
    n = values.size
    threshold = statistic * TIED
    variance = 0.0
    largest = 0.0
    for i in range(n):
        variance += values[i] * values[i] / n
        largest = max(largest, abs(values[i]))
    bound = 0.0
    possible = False
    for k in range(width, n // 2 + 1):
        if limit[k] > threshold or limit[n - k] > threshold:
            possible = True
            bound += n * bound_tail(math.sqrt(threshold / weight[k]), k, variance, largest)
    if not possible or bound <= alpha * risk:
        return True
    sums = np.empty(n + 1)
    reached = 0
    for done in range(1, permutations + 1):
        shuffle(values, n - 1, state)
        accumulate(values, sums)
        _, first, _ = find_arc(sums, width, weight, limit, threshold, True)
        if first >= 0:
            reached += 1
        if is_decided(reached, done, alpha, risk):
            return reached < alpha * done
    return (reached + 1.0) / (permutations + 1.0) <= alpha


@njit(cache=True, nogil=True, **ARITHMETIC)
def is_change_significant(values, place, alpha, permutations, risk, state):
    """Return whether the mean of the first ``place`` values differs from that of the others, by permutation of both.

    Parameters
    ----------
    values
        Shape (n,); a copy is shuffled.
    place
        How many are on the left, 1 … n - 1.
    alpha, permutations, risk, state
        As for `is_arc_significant`.
    """
    n = values.size
    centred = values - values.mean()
    count = min(place, n - place)
    observed = 0.0
    for i in range(place):
        observed += centred[i]
    threshold = abs(observed) * TIED
    variance = 0.0
    largest = 0.0
    for i in range(n):
        variance += centred[i] * centred[i] / n
        largest = max(largest, abs(centred[i]))
    if largest == 0.0:
        return False
    if bound_tail(threshold, count, variance, largest) <= alpha * risk:
        return True
    reached = 0
    for done in range(1, permutations + 1):
        shuffle(centred, count, state)
        total = 0.0
        for i in range(count):
            total += centred[i]
        if abs(total) >= threshold:
            reached += 1
        if is_decided(reached, done, alpha, risk):
            return reached < alpha * done
    return (reached + 1.0) / (permutations + 1.0) <= alpha
