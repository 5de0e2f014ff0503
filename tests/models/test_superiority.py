"""Probability of superiority: exact from category probabilities, and by the Bayesian bootstrap."""

import numpy as np
import pytest
from scipy import stats

from bayesrg.errors import BayesrgError, DesignError, SettingsError, TableError
from bayesrg.models import superiority
from bayesrg.models.superiority import bayesian_bootstrap_superiority, superiority_from_probabilities


def by_pairs(low: np.ndarray, high: np.ndarray) -> float:
    """The definition, as a sum over all pairs of categories."""
    above = np.greater.outer(np.arange(high.size), np.arange(low.size)) + 0.5 * np.eye(high.size)
    return float(high @ above @ low)


def mann_whitney(low: np.ndarray, high: np.ndarray) -> float:
    """SciPy's U / (n0 n1)."""
    u, _ = np.asarray(stats.mannwhitneyu(high, low))
    return u / (low.size * high.size)


def test_category_probabilities_give_the_sum_over_pairs_for_every_draw():
    low, high = np.random.default_rng(1).dirichlet(np.ones(5), (2, 3, 4))
    found = superiority_from_probabilities(low, high)
    assert found.shape == (3, 4)
    np.testing.assert_allclose(
        found, [[by_pairs(*pair) for pair in zip(*rows, strict=True)] for rows in zip(low, high, strict=True)]
    )
    np.testing.assert_allclose(superiority_from_probabilities(high, low), 1 - found)
    np.testing.assert_allclose(superiority_from_probabilities(low, low), 0.5)


def test_leading_dimensions_are_broadcast():
    low, high = np.array([0.25, 0.75]), np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(superiority_from_probabilities(low, high), [0.625, 0.125])


@pytest.mark.parametrize("ties", [False, True])
def test_the_bootstrap_has_the_mean_of_mann_and_whitney(ties):
    rng = np.random.default_rng(2)
    low, high = rng.normal(0, 2, 23), rng.normal(1, 2, 31)
    if ties:
        low, high = low.round(), high.round()
    draws = bayesian_bootstrap_superiority(low, high, seed=1, draws=20000)
    expected = mann_whitney(low, high)
    assert draws.mean() == pytest.approx(expected, abs=4 * draws.std() / np.sqrt(draws.size))
    other_way = bayesian_bootstrap_superiority(high, low, seed=2, draws=20000)
    assert other_way.mean() == pytest.approx(1 - expected, abs=4 * draws.std() / np.sqrt(draws.size))


def test_one_draw_is_that_of_the_weights_by_their_definition():
    low, high = np.array([3.0, 1.0, 2.0, 2.0]), np.array([2.0, 5.0, 0.0])
    found = bayesian_bootstrap_superiority(low, high, seed=3, draws=50)
    rng = np.random.default_rng(3)
    first, second = rng.standard_exponential((50, 4)), rng.standard_exponential((50, 3))
    first, second = (own / own.sum(axis=1, keepdims=True) for own in (first, second))
    ordered = np.sort(low)
    above = np.greater.outer(high, ordered) + 0.5 * np.equal.outer(high, ordered)
    np.testing.assert_allclose(found, np.einsum("dh,hl,dl->d", second, above, first))


def test_its_spread_is_that_of_the_estimate():
    """For equal distributions the sd of U / (n0 n1) is sqrt((n0 + n1 + 1) / (12 n0 n1))."""
    rng = np.random.default_rng(4)
    spread = [
        bayesian_bootstrap_superiority(*rng.standard_normal((2, 40)), seed=number, draws=500).std()
        for number in range(40)
    ]
    assert np.mean(spread) == pytest.approx(np.sqrt(81 / (12 * 40**2)), rel=0.04)


def test_only_order_counts_and_the_seed_decides():
    low, high = np.random.default_rng(5).standard_normal((2, 12))
    found = bayesian_bootstrap_superiority(low, high, seed=1, draws=100)
    np.testing.assert_array_equal(found, bayesian_bootstrap_superiority(np.exp(low), np.exp(high), seed=1, draws=100))
    assert (found != bayesian_bootstrap_superiority(low, high, seed=2, draws=100)).any()


def test_many_patients_are_taken_a_part_of_the_draws_at_a_time(monkeypatch):
    rng = np.random.default_rng(6)
    low, high = rng.standard_normal(30), rng.standard_normal(20) + 0.5
    monkeypatch.setattr(superiority, "MOST_WEIGHTS", 700)
    found = bayesian_bootstrap_superiority(low, high, seed=1, draws=5003)
    expected = mann_whitney(low, high)
    assert found.size == 5003
    assert found.mean() == pytest.approx(expected, abs=4 * found.std() / np.sqrt(5003))
    assert np.unique(found).size == 5003


def test_groups_that_do_not_overlap_leave_no_doubt():
    assert bayesian_bootstrap_superiority([1, 2, 3], [4.0], seed=1, draws=9).tolist() == [1.0] * 9
    assert bayesian_bootstrap_superiority([4, 5], [1, 2, 3], seed=1, draws=9).tolist() == [0.0] * 9
    assert bayesian_bootstrap_superiority([7, 7], [7, 7], seed=1, draws=9) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"low": [1.0, np.nan, 2.0]}, TableError, "1 of the 3 values of the group `low` are missing, in rows 2"),
        ({"high": []}, DesignError, "`high` has no patient"),
        ({"high": np.ones((2, 2))}, TableError, "one column"),
        ({"draws": 0}, SettingsError, "at least 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(change: dict, error: type[BayesrgError], said: str):
    with pytest.raises(error, match=said):
        bayesian_bootstrap_superiority(**({"low": [1.0, 2.0], "high": [2.0, 3.0], "seed": 1} | change))


def test_category_probabilities_must_be_of_the_same_categories_and_add_up():
    with pytest.raises(TableError, match="2 categories and the other 3"):
        superiority_from_probabilities(np.full(2, 0.5), np.full(3, 1 / 3))
    with pytest.raises(TableError, match=r"`high` add up to 0\.9"):
        superiority_from_probabilities(np.full(2, 0.5), np.array([0.5, 0.4]))
