"""Transformations standardise, remember how, and refuse what they cannot do."""

import numpy as np
import pytest
from scipy import stats

from bayesrg.errors import TableError
from bayesrg.transformation import Transformation, transform

VALUE = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])


@pytest.mark.parametrize(("name", "forward"), [("z_score", lambda value: value), ("log", np.log)])
def test_standardised_and_remembered(name: str, forward):
    scores, transformation = transform(VALUE, name, "mean")
    assert scores.mean() == pytest.approx(0.0, abs=1e-12)
    assert scores.std(ddof=1) == pytest.approx(1.0)
    np.testing.assert_allclose(scores * transformation.scale + transformation.location, forward(VALUE))
    assert transformation.name == name
    assert transformation.has_units


def test_normal_scores_are_bloms():
    scores, transformation = transform(VALUE, "rank_normal", "mean")
    np.testing.assert_allclose(scores, stats.norm.ppf((np.array([4, 1, 5, 2, 6, 3]) - 0.375) / 6.25))
    assert transformation == Transformation("rank_normal", 0.0, 1.0)
    assert not transformation.has_units
    again, _ = transform(np.exp(VALUE), "rank_normal", "mean")
    np.testing.assert_array_equal(scores, again)


def test_ties_share_their_mean_rank():
    scores, _ = transform(np.array([1.0, 2.0, 2.0, 5.0]), "rank_normal", "mean")
    assert scores[1] == scores[2] == pytest.approx(0.0)


def test_what_has_no_logarithm():
    with pytest.raises(TableError, match=r"'mean' has 2 value\(s\) at or below zero \(smallest -3\)"):
        transform(np.array([1.0, 0.0, -3.0, 2.0]), "log", "mean")


@pytest.mark.parametrize("value", [np.full(5, 2.0), np.array([1.0, 2.0])])
def test_what_has_no_variance(value: np.ndarray):
    with pytest.raises(TableError, match=r"distinct value.*no variance"):
        transform(value, "z_score", "mean")


def test_unknown_transformations_are_type_errors():
    with pytest.raises(TypeError, match="unknown transformation 'sqrt'; known are z_score, log, rank_normal"):
        transform(VALUE, "sqrt", "mean")  # type: ignore[arg-type]
