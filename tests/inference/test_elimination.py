"""Elimination of the effects of any design leaves the dense normal density."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayesrg.inference.arrowhead import Elimination, eliminate
from bayesrg.inference.elimination import (
    elimination_density,
    leave_one_out,
    recover_effects,
    scaled_elimination_density,
)


def make_design(seed: int) -> tuple[Elimination, dict[int, np.ndarray]]:
    """A random design: one to four components, some within subjects and some across, with missing cells."""
    rng = np.random.default_rng(seed)
    subjects = int(rng.integers(2, 6))
    size = int(rng.integers(2 * subjects, 24))
    subject = np.concatenate([np.arange(subjects), rng.integers(subjects, size=size - subjects)])
    rng.shuffle(subject)

    def number(*factors: np.ndarray) -> np.ndarray:
        return np.unique(np.stack(factors), axis=1, return_inverse=True)[1].ravel()

    local, border = {0: subject}, {}
    for component in range(1, int(rng.integers(1, 5))):
        levels = rng.integers(int(rng.integers(1, 4)), size=size)
        if rng.uniform() < 0.5:
            local[component] = number(subject, levels)
        else:
            border[component] = number(levels)
    return eliminate(subject, local, border, len(local) + len(border)), {**local, **border}


def covariance(levels: dict[int, np.ndarray], variances: np.ndarray) -> np.ndarray:
    size = len(levels[0])
    total = variances[-1] * np.ones((size, size)) + variances[-2] * np.eye(size)
    for number, own in levels.items():
        total += variances[number] * (own[:, None] == own[None, :])
    return total


@given(seed=st.integers(0, 2**32 - 1))
def test_density_and_gradient_are_those_of_the_dense_normal(seed: int):
    design, levels = make_design(seed)
    rng = np.random.default_rng(seed + 1)
    variances = np.exp(rng.normal(-1.0, 1.5, len(levels) + 2))
    value = 1.0 + rng.standard_normal(len(levels[0]))
    density, gradient = elimination_density(variances, value, *design.arrays)
    spread = covariance(levels, variances)
    expected = stats.multivariate_normal(np.zeros(len(value)), spread).logpdf(value)
    assert float(density) == pytest.approx(expected, rel=1e-9, abs=1e-7)
    inverse = np.linalg.inv(spread)
    alpha = inverse @ value
    # The prior variance of the mean is a constant of the model, but its gradient is there and right.
    for number, one in enumerate(np.eye(len(variances))):
        slope = covariance(levels, one)
        exact = 0.5 * (alpha @ slope @ alpha - np.trace(inverse @ slope))
        assert gradient[number] == pytest.approx(exact, rel=1e-6, abs=1e-7)


@given(seed=st.integers(0, 2**32 - 1))
def test_levels_with_means_and_scales_have_the_dense_normal_density(seed: int):
    rng = np.random.default_rng(seed)
    size, n_levels = 20, int(rng.integers(1, 4))
    subject = np.concatenate([np.arange(5), rng.integers(5, size=size - 5)])
    level = np.concatenate([np.arange(n_levels), rng.integers(n_levels, size=size - n_levels)])
    cell = np.unique(subject * n_levels + level, return_inverse=True)[1]
    crossed = np.unique(rng.integers(3, size=size), return_inverse=True)[1]
    design = eliminate(subject, {0: subject, 1: cell}, {2: crossed}, 3, level)
    parameters = np.concatenate([np.exp(rng.normal(-1.0, 1.0, 5)), rng.normal(0.0, 0.7, n_levels)])
    value = 1.0 + rng.standard_normal(size)

    def dense(point: np.ndarray) -> float:
        spread = covariance({0: subject, 1: cell, 2: crossed}, np.append(point[:4], 0.0))
        spread += point[4] * (level[:, None] == level[None, :])
        stretch = np.exp(point[5:])[level]
        return stats.multivariate_normal(np.zeros(size), spread * np.outer(stretch, stretch)).logpdf(value)

    density, gradient = scaled_elimination_density(parameters, value, *design.arrays)
    assert float(density) == pytest.approx(dense(parameters), rel=1e-9, abs=1e-7)
    step = 1e-6
    numeric = [
        (dense(parameters + step * one) - dense(parameters - step * one)) / (2.0 * step) for one in np.eye(5 + n_levels)
    ]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-5)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_leave_one_out_is_that_of_the_dense_normal(seed: int):
    design, levels = make_design(seed)
    rng = np.random.default_rng(seed + 1)
    variances = np.exp(rng.normal(-1.0, 1.0, (2, len(levels) + 2)))
    value = rng.standard_normal(len(levels[0]))
    pointwise, joint = leave_one_out(variances, value, *design.arrays)
    for draw in range(2):
        spread = covariance(levels, variances[draw])
        expected = stats.multivariate_normal(np.zeros(len(value)), spread).logpdf(value)
        assert joint[draw] == pytest.approx(expected, abs=1e-8)
        for row in range(len(value)):
            rest = np.arange(len(value)) != row
            weights = np.linalg.solve(spread[np.ix_(rest, rest)], spread[rest, row])
            sd = np.sqrt(spread[row, row] - weights @ spread[rest, row])
            exact = stats.norm(weights @ value[rest], sd).logpdf(value[row])
            assert pointwise[draw, row] == pytest.approx(exact, abs=1e-7)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_recovered_effects_explain_the_data_when_nothing_is_left_over(seed: int):
    """As the residual variance goes to zero, the effects of a measurement add up to it, whatever the noise."""
    design, levels = make_design(seed)
    rng = np.random.default_rng(seed + 1)
    size = len(levels[0])
    levels_of_all = len(levels)
    variances = np.append(np.ones(levels_of_all), [1e-10, 1.0])[None]
    effects = rng.standard_normal(int(design.local_offset[-1]) + design.border_variance.size)
    columns = np.concatenate(
        [design.local_offset[design.subject][:, None] + design.local, design.local_offset[-1] + design.border], axis=1
    )
    value = effects[columns].sum(axis=1)
    noise = rng.standard_normal((1, effects.size))
    found = recover_effects(variances, noise, design.local_offset, value, *design.arrays)[0]
    np.testing.assert_allclose(found[columns].sum(axis=1), value, atol=1e-3 * np.sqrt(size))


def test_subjects_with_equal_rows_share_a_pattern():
    subject = np.repeat(np.arange(6), 4)
    scanner = np.tile([0, 0, 1, 1], 6)
    full = eliminate(subject, {0: subject}, {1: scanner}, 2)
    assert full.pattern.tolist() == [0] * 6
    short = eliminate(subject[1:], {0: subject[1:]}, {1: scanner[1:]}, 2)
    assert short.pattern.tolist() == [0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("zero", [[0], [1], [2], [0, 1, 2]])
def test_a_variance_of_zero_is_a_component_that_is_not_there(zero: list[int]):
    subject = np.repeat(np.arange(4), 4)
    levels = {0: subject, 1: np.arange(16) // 2, 2: np.tile([0, 0, 1, 1], 4)}
    design = eliminate(subject, {0: levels[0], 1: levels[1]}, {2: levels[2]}, 3)
    variances = np.array([0.7, 0.2, 0.4, 0.3, 1.0])
    variances[zero] = 0.0
    value = np.random.default_rng(1).standard_normal(16)
    density, gradient = elimination_density(variances, value, *design.arrays)
    expected = stats.multivariate_normal(np.zeros(16), covariance(levels, variances)).logpdf(value)
    assert float(density) == pytest.approx(expected, abs=1e-9)
    assert np.isfinite(gradient).all()


def test_a_residual_variance_of_almost_nothing():
    """Eight orders of magnitude below the others: a feature that a pipeline reproduces almost to the last digit."""
    subject = np.repeat(np.arange(4), 4)
    levels = {0: subject, 1: np.tile([0, 0, 1, 1], 4)}
    design = eliminate(subject, {0: levels[0]}, {1: levels[1]}, 2)
    variances = np.array([1.0, 0.5, 1e-8, 1.0])
    value = np.random.default_rng(1).standard_normal(4)[subject] + 1e-4 * np.random.default_rng(2).standard_normal(16)
    density, gradient = elimination_density(variances, value, *design.arrays)
    spread = covariance(levels, variances)
    expected = stats.multivariate_normal(np.zeros(16), spread).logpdf(value)
    assert float(density) == pytest.approx(expected, abs=1e-4)
    inverse = np.linalg.inv(spread)
    exact = 0.5 * ((inverse @ value) @ (inverse @ value) - np.trace(inverse))
    assert gradient[2] == pytest.approx(exact, rel=1e-5)
