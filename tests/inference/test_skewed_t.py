"""Skewed t proposals: their density is that of their draws, and they take the shape of what they are fitted to."""

import numpy as np
import pytest
from scipy import stats

from bayesrg.inference.skewed_t import INFLATION, SCRAMBLINGS, SkewedT, fit_skewed_t

AXES = np.array([[[1.0, 0.4], [-0.2, 0.6]], [[0.5, 0.0], [0.3, 2.0]]])
LINEAR = np.array([[1.0, 2.0], [0.5, 0.8]])
BEND = np.array([[0.6, -1.5], [0.0, 0.7]])
CENTRE = np.array([[0.0, 3.0], [-1.0, 1.0]])
PROPOSAL = SkewedT(CENTRE, AXES, LINEAR, BEND)


def test_density_is_that_of_the_draws():
    """Weighted by q / p, draws of p have the mass and the moments of q."""
    draws = 4096
    repeated = PROPOSAL[np.repeat([0, 1], 20)]
    point, log_density = repeated.draw(np.random.default_rng(1), draws)
    assert point.shape == (2, 40, draws)
    assert log_density.shape == (40, draws)
    centre, sd = np.repeat([[0.3, 2.5], [-1.1, 1.5]], 20, axis=0).T[:, :, None], 0.3
    weight = np.exp(stats.norm(centre, sd).logpdf(point).sum(axis=0) - log_density)
    away = (point - centre) / sd
    for expected, moment in [(1.0, np.ones_like(away)), (0.0, away), (1.0, away**2)]:
        np.testing.assert_allclose((weight * moment).reshape(2, 2, -1).mean(axis=2), expected, atol=0.01)


def test_without_bend_it_is_a_multivariate_t():
    straight = SkewedT(CENTRE[:1], AXES[:1], LINEAR[:1], np.zeros((1, 2)))
    point, log_density = straight.draw(np.random.default_rng(1), 1024)
    scale = AXES[0] * LINEAR[0]
    np.testing.assert_allclose(
        log_density[0], stats.multivariate_t(CENTRE[0], scale @ scale.T, 5).logpdf(point[:, 0].T)
    )
    for axis, along in enumerate(np.linalg.solve(scale, point[:, 0] - CENTRE[0][:, None])):
        assert stats.kstest(along, stats.t(5).cdf).statistic < 0.01, axis


def test_sides_are_as_wide_as_asked_for():
    upper, lower = np.array([[3.0]]), np.array([[1.0]])
    point, _ = SkewedT.with_sides(np.zeros((1, 1)), np.ones((1, 1, 1)), upper, lower).draw(
        np.random.default_rng(1), 4096
    )
    below, above = np.quantile(point, [0.001, 0.999])
    assert above / -below == pytest.approx(3.0, rel=0.25)


def test_a_fit_has_the_moments_and_the_skewness_of_the_draws():
    rng = np.random.default_rng(1)
    point = np.log(rng.gamma(1.0, size=(1, 3, 20_000)))  # skewed to the left
    point = np.concatenate([point, rng.normal(size=point.shape)])
    weight = np.full((3, 20_000), 1.0 / 20_000)
    previous = SkewedT(np.zeros((3, 2)), np.tile(np.eye(2), (3, 1, 1)), np.ones((3, 2)), np.zeros((3, 2)))
    drawn, _ = fit_skewed_t(point, weight, previous).draw(rng, 4096)
    inflation = INFLATION * np.sqrt(5.0 / 3.0)
    np.testing.assert_allclose(drawn.mean(axis=2), point.mean(axis=2), atol=0.06)
    np.testing.assert_allclose(drawn.std(axis=2), inflation * point.std(axis=2), rtol=0.05)
    middle = np.quantile(drawn, [0.1, 0.5, 0.9], axis=2)
    asymmetry = (middle[2] - middle[1]) / (middle[1] - middle[0])
    assert (asymmetry[0] < 0.8).all()  # that of the data is 0.62
    np.testing.assert_allclose(asymmetry[1], 1.0, atol=0.1)


def test_members_do_not_share_their_errors():
    members, batches = 16, 60
    proposal = SkewedT(
        np.zeros((members, 3)), np.tile(np.eye(3), (members, 1, 1)), np.ones((members, 3)), np.zeros((members, 3))
    )
    # Odd and even, in one coordinate and in all: what reflections and permutations leave alone would be shared.
    error = []
    for seed in range(batches):
        point, _ = proposal.draw(np.random.default_rng(seed), 64)
        error.append([np.tanh(point).mean(axis=2)[0], np.minimum(point**2, 9.0).mean(axis=(0, 2))])
    error = np.array(error).transpose(1, 0, 2)
    error -= error.mean(axis=(1, 2), keepdims=True)
    common = error.mean(axis=2).var(axis=1) * members / error.var(axis=(1, 2))
    np.testing.assert_array_less(common, 1.0 + 5.0 * np.sqrt(2.0 / batches))


def test_a_pool_has_only_so_many_scramblings():
    with pytest.raises(ValueError, match=f"{SCRAMBLINGS} scramblings"):
        PROPOSAL[np.zeros(SCRAMBLINGS + 1, dtype=int)].draw(np.random.default_rng(1), 64)
