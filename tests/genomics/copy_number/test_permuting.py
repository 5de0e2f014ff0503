"""The kernels of segmentation: the best arc against brute force, and tests that stop early but answer alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.genomics.copy_number.arcs import accumulate, find_arc, limit_by_length, weigh_lengths
from bayesrg.genomics.copy_number.permuting import RISK, begin_random, is_arc_significant, is_decided, shuffle


def search(values, width, least=0.0, any_will_do=False):
    centred = np.asarray(values, dtype=float) - np.mean(values)
    sums = np.empty(len(centred) + 1)
    accumulate(centred, sums)
    weight = weigh_lengths(len(centred))
    return find_arc(sums, width, weight, limit_by_length(centred, weight), least, any_will_do)


def best_by_force(values, width):
    """Every arc, by the definition of t squared's numerator: its own mean against that of all others."""
    values = np.asarray(values, dtype=float)
    n = len(values)
    best = 0.0
    allowed = [0, *range(width, n - width + 1), n]
    for i in allowed:
        for j in allowed:
            if j - i >= width and n - (j - i) >= width:
                inside, outside = values[i:j], np.r_[values[:i], values[j:]]
                k = j - i
                best = max(best, (inside.mean() - outside.mean()) ** 2 * k * (n - k) / n)
    return best


@given(
    values=st.lists(st.floats(-10.0, 10.0), min_size=2, max_size=60),
    width=st.integers(1, 4),
)
def test_pruned_search_finds_what_brute_force_finds(values, width):
    if len(values) < 2 * width:
        return
    assert search(values, width)[0] == pytest.approx(best_by_force(values, width), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_pruned_search_is_exact_across_many_blocks(seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(300, 900))
    values = random.normal(size=n)
    first, last = np.sort(random.choice(n, 2, replace=False))
    values[first:last] += random.normal()
    centred = values - values.mean()
    sums = np.r_[0.0, np.cumsum(centred)]
    i, j = np.triu_indices(n + 1, 2)
    k = j - i
    allowed = ((i == 0) | ((i >= 2) & (i <= n - 2))) & ((j == n) | (j <= n - 2)) & (n - k >= 2)
    statistics = np.zeros(len(k))
    statistics[allowed] = (sums[j] - sums[i])[allowed] ** 2 * n / (k * (n - k + (k == n)))[allowed]
    found = search(values, 2)
    assert found[0] == pytest.approx(statistics.max(), rel=1e-9)
    assert (sums[found[2]] - sums[found[1]]) ** 2 * n / (
        (found[2] - found[1]) * (n - found[2] + found[1])
    ) == pytest.approx(found[0], rel=1e-9)
    assert search(values, 2, statistics.max() * 0.999, True)[1] >= 0
    assert search(values, 2, statistics.max() * 1.001, True)[1] == -1


def test_no_arrangement_exceeds_the_limit_by_length():
    random = np.random.default_rng(5)
    values = random.exponential(size=40)
    values -= values.mean()
    weight = weigh_lengths(40)
    limit = limit_by_length(values, weight)
    ordered = np.sort(values)
    for k in (1, 3, 20, 39):
        for arranged in (ordered, ordered[::-1], random.permutation(values)):
            assert arranged[:k].sum() ** 2 * weight[k] <= limit[k]
    assert limit[3] == pytest.approx(ordered[-3:].sum() ** 2 * weight[3])


def test_shuffle_keeps_the_values_and_puts_each_everywhere_alike():
    state = begin_random(3, 0, 5)
    counts = np.zeros((5, 5))
    for _ in range(5_000):
        values = np.arange(5.0)
        shuffle(values, 4, state)
        assert sorted(values) == [0.0, 1.0, 2.0, 3.0, 4.0]
        counts[np.arange(5), values.astype(int)] += 1
    # Chi-square of 16 degrees of freedom: 99.99 % quantile 45.
    assert np.sum((counts - 1_000) ** 2 / 1_000) < 45


@pytest.mark.parametrize("p", [0.002, 0.05])
def test_stopping_early_errs_no_more_than_the_risk(p):
    random = np.random.default_rng(7)
    wrong = 0
    for _ in range(300):
        reached = np.cumsum(random.uniform(size=10_000) < p)
        for done in range(1, 10_001):
            if is_decided(float(reached[done - 1]), float(done), 0.01, RISK):
                wrong += (reached[done - 1] < 0.01 * done) != (p < 0.01)
                break
    assert wrong <= 3  # 300 trials at a risk of 0.001: more than 3 has a chance of 3e-4


def test_stopping_early_answers_as_all_permutations_do():
    random = np.random.default_rng(11)
    answers = []
    for seed in range(40):
        values = random.normal(size=60)
        values[20:35] += random.normal()
        values -= values.mean()
        observed = search(values, 2)[0]
        p = np.mean([search(random.permutation(values), 2, observed, True)[1] >= 0 for _ in range(1_000)])
        # Near alpha two sets of permutations may differ by chance (the standard error of p is 0.007 there).
        if not 0.02 < p < 0.08:
            weight = weigh_lengths(60)
            limit = limit_by_length(values, weight)
            for risk in (RISK, 0.0):
                state = begin_random(seed, 0, 60)
                found = is_arc_significant(values.copy(), observed, 2, weight, limit, 0.05, 2_000, risk, state)
                assert found == (p < 0.05)
            answers.append(p < 0.05)
    assert 10 < sum(answers) < len(answers) - 10
