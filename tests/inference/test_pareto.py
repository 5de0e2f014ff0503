"""Pareto smoothing: equal to ArviZ's, one member at a time, and plain about weights that cannot be smoothed."""

import numpy as np
import pytest
from arviz_stats.base.array import array_stats

from bayesrg.inference.pareto import fit_generalised_pareto, smooth_weights


@pytest.mark.parametrize("draws", [100, 300, 2048])
@pytest.mark.parametrize("freedom", [3.0, 30.0])
def test_weights_and_k_are_those_of_arviz(draws: int, freedom: float):
    log_weight = 0.7 * np.random.default_rng(1).standard_t(freedom, (50, draws))
    log_weight[:10, : draws // 3] = -np.inf  # weights of zero
    log_weight[10:20] *= 1e-3  # a tail with a bound
    expected, expected_k = array_stats.psislw(-log_weight, axis=-1)
    weight, k = smooth_weights(log_weight)
    np.testing.assert_allclose(weight, np.exp(expected), atol=1e-12)
    np.testing.assert_allclose(k, expected_k, atol=1e-9)


def test_shape_and_scale_are_recovered():
    rng = np.random.default_rng(1)
    shape = np.repeat([-0.3, 0.2, 0.9], 40)[:, None]
    excess = 2.0 * np.expm1(-shape * np.log(rng.random((120, 2000)))) / shape
    k, sigma = fit_generalised_pareto(np.sort(excess, axis=1))
    np.testing.assert_allclose(k.reshape(3, 40).mean(axis=1), [-0.3, 0.2, 0.9], atol=0.02)
    np.testing.assert_allclose(sigma.reshape(3, 40).mean(axis=1), 2.0, atol=0.05)


def test_weights_that_cannot_be_smoothed_have_an_infinite_k():
    log_weight = np.random.default_rng(1).normal(size=(6, 512))
    log_weight[1, 7] = np.nan
    log_weight[2, 7] = np.inf
    log_weight[3] = -np.inf
    log_weight[4] = 3.0
    log_weight[5] *= 300.0
    weight, k = smooth_weights(log_weight)
    assert np.isfinite(k[0])
    assert (k[1:5] == np.inf).all()
    assert k[5] > 0.7
    assert np.isnan(weight[1:4]).all()
    np.testing.assert_allclose(weight[4], 1.0 / 512)
    np.testing.assert_allclose(weight[[0, 4, 5]].sum(axis=1), 1.0)
