"""Adaptive importance sampling of many posteriors at once, against answers known in closed form or by quadrature."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import special, stats
from scipy.stats import qmc

from bayesrg.inference.importance import Batch, resample, sample_batch
from bayesrg.inference.strata import Strata, balanced_strata
from bayesrg.inference.variances import Shares

QUANTILES = [0.05, 0.5, 0.95]


def assert_posterior(draws: np.ndarray, mean: np.ndarray, sd: np.ndarray, quantiles: np.ndarray) -> None:
    """Mean within 0.1 and quantiles within 0.25 posterior sds, all over the first axis of `quantiles` and the draws."""
    np.testing.assert_allclose((draws.mean(axis=1) - mean) / sd, 0.0, atol=0.1)
    np.testing.assert_allclose(draws.std(axis=1) / sd, 1.0, atol=0.15)
    np.testing.assert_allclose((np.quantile(draws, QUANTILES, axis=1) - quantiles) / sd, 0.0, atol=0.25)


def assert_trustworthy(batch: Batch) -> None:
    assert not batch.failed.any()
    assert (batch.pareto_k < 0.7).all()
    assert (batch.ess >= 400).all()
    assert np.isfinite(batch.draws).all()


def test_gaussians_have_their_moments_and_evidence():
    rng = np.random.default_rng(1)
    members, n = 40, 5
    centre = rng.normal(0.0, 3.0, (members, n))
    factor = rng.normal(size=(members, n, n)) / 2.0 + 0.3 * np.eye(n)
    covariance = factor @ factor.transpose(0, 2, 1)
    precision = np.linalg.inv(covariance)

    def target(point: np.ndarray, member: np.ndarray, gradient: bool) -> tuple[np.ndarray, np.ndarray | None]:
        away = point - centre[member]
        slope = -np.einsum("mij,mj->mi", precision[member], away)
        return 0.5 * (away * slope).sum(axis=1), slope if gradient else None

    batch = sample_batch(target, np.zeros((members, n)), seed=1, draws=2000)
    assert batch.draws.shape == (members, 2000, n)
    assert_trustworthy(batch)
    assert (batch.pareto_k < 0.5).all()
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    assert_posterior(batch.draws, centre, sd, centre + sd * stats.norm.ppf(QUANTILES)[:, None, None])
    evidence = 0.5 * (n * np.log(2.0 * np.pi) + np.linalg.slogdet(covariance)[1])
    np.testing.assert_allclose(batch.log_evidence, evidence, atol=0.05)


def test_log_variances_with_few_degrees_of_freedom_are_skewed():
    """Log inverse-gamma posteriors: two degrees of freedom beside many; one of them starts far away."""
    freedom, squares = np.array([[2.0, 30.0], [3.0, 500.0]]), np.array([[1.0, 1e-3], [50.0, 2.0]])

    def target(point: np.ndarray, member: np.ndarray, gradient: bool) -> tuple[np.ndarray, np.ndarray | None]:
        half = 0.5 * squares[member] * np.exp(-point)
        slope = -0.5 * freedom[member] + half
        return -(0.5 * freedom[member] * point + half).sum(axis=1), slope if gradient else None

    batch = sample_batch(target, np.array([[0.0, 0.0], [-6.0, 9.0]]), seed=1)
    assert_trustworthy(batch)
    exact = stats.loggamma(0.5 * freedom)  # of the log precision
    shift = np.log(0.5 * squares)
    quantiles = shift - exact.ppf(1.0 - np.array(QUANTILES)[:, None, None])
    assert_posterior(batch.draws, shift - exact.mean(), exact.std(), quantiles)
    evidence = (special.gammaln(0.5 * freedom) - 0.5 * freedom * shift).sum(axis=1)
    np.testing.assert_allclose(batch.log_evidence, evidence, atol=0.05)


def test_a_curved_ridge_is_followed_or_reported():
    """x_0 normal, x_1 normal around bend * x_0^2: gentle bends are sampled, the sharp one is reported."""
    bend = np.array([0.0, 0.1, 0.2, 5.0])

    def target(point: np.ndarray, member: np.ndarray, gradient: bool) -> tuple[np.ndarray, np.ndarray | None]:
        away = point[:, 1] - bend[member] * point[:, 0] ** 2
        slope = np.stack([-point[:, 0] + 2.0 * bend[member] * point[:, 0] * away, -away], axis=1)
        return -0.5 * (point[:, 0] ** 2 + away**2), slope if gradient else None

    batch = sample_batch(target, np.ones((4, 2)), seed=1)
    gentle = batch.draws[:3]
    assert (batch.pareto_k[:3] < 0.7).all()
    sd = np.sqrt(np.stack([np.ones(3), 1.0 + 2.0 * bend[:3] ** 2], axis=1))
    mean = np.stack([np.zeros(3), bend[:3]], axis=1)
    np.testing.assert_allclose((gentle.mean(axis=1) - mean) / sd, 0.0, atol=0.1)
    np.testing.assert_allclose(gentle.std(axis=1) / sd, 1.0, atol=0.1)
    assert batch.pareto_k[3] > 0.7 or batch.ess[3] < 400


def small_study() -> tuple[Strata, np.ndarray]:
    """Ten subjects x two sessions x two preprocessings without a component of their own, and six features."""
    subject, session, _ = np.indices((10, 2, 2)).reshape(3, -1)
    facets = {"subject": subject, "session": session}
    strata = balanced_strata(facets, [frozenset({"subject"}), frozenset({"subject", "session"})])
    assert strata is not None
    signal = np.array([0.7, 0.9, 0.3, 0.0, 0.5, 0.7])
    session_share = np.array([0.1, 0.0, 0.4, 0.0, 0.5, 0.29])
    variance = np.stack([signal, session_share, 1.0 - signal - session_share + 0.01, np.zeros(6)], axis=1)
    chi_square = np.random.default_rng(1).chisquare(strata.degrees_of_freedom, (6, strata.degrees_of_freedom.size))
    return strata, variance @ strata.weight.T * chi_square


def log_likelihood(strata: Strata, sums: np.ndarray, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The balanced density, and its gradient in the log variances, as the formula has it."""
    variance = np.exp(point)
    eigenvalue = variance @ strata.weight[:, :-1].T + strata.weight[:, -1]
    scaled = sums / eigenvalue
    density = -0.5 * (np.log(2.0 * np.pi * eigenvalue) @ strata.degrees_of_freedom + scaled.sum(axis=1))
    slope = 0.5 * ((scaled - strata.degrees_of_freedom) / eigenvalue) @ strata.weight[:, :-1]
    return density, slope * variance


def test_stability_posteriors_of_a_small_study_are_those_of_quadrature():
    strata, sums = small_study()

    def target(point: np.ndarray, member: np.ndarray, gradient: bool) -> tuple[np.ndarray, np.ndarray | None]:
        density, slope = log_likelihood(strata, sums[member], point)
        prior, prior_slope = Shares().log_density_with_gradient(point, gradient=gradient)
        return density + prior, None if prior_slope is None else slope + prior_slope

    batch = sample_batch(target, np.full((6, 3), np.log(1.0 / 3.0)), seed=1)
    assert_trustworthy(batch)
    unit = qmc.Sobol(3, rng=np.random.default_rng(1)).random(2**16)
    for member, drawn in enumerate(batch.draws):
        low, high = drawn.min(axis=0), drawn.max(axis=0)
        low, high = 1.5 * low - 0.5 * high, 1.5 * high - 0.5 * low  # a box twice as wide as the draws
        point = low + (high - low) * unit
        density, _ = target(point, np.full(len(point), member), False)
        mass = np.exp(density - density.max())
        evidence = density.max() + np.log(mass.mean() * np.prod(high - low))
        assert batch.log_evidence[member] == pytest.approx(evidence, abs=0.05)
        mass /= mass.sum()
        icc = np.exp(point[:, 0]) / np.exp(point).sum(axis=1)
        drawn_icc = np.exp(drawn[:, 0]) / np.exp(drawn).sum(axis=1)
        for exact, sample in [*zip(point.T, drawn.T, strict=True), (icc, drawn_icc)]:
            mean = exact @ mass
            sd = np.sqrt((exact - mean) ** 2 @ mass)
            order = np.argsort(exact)
            quantiles = np.interp(QUANTILES, np.cumsum(mass[order]), exact[order])
            assert_posterior(sample[None], mean, sd, quantiles[:, None])


def normal(point: np.ndarray, member: np.ndarray, gradient: bool) -> tuple[np.ndarray, np.ndarray | None]:
    return -0.5 * (point**2).sum(axis=1), -point if gradient else None


def test_a_seed_fixes_the_draws_and_another_changes_them():
    start = np.zeros((70, 2))
    with ThreadPoolExecutor(2) as executor:
        first, again, other = executor.map(lambda seed: sample_batch(normal, start, seed=seed, draws=500), [1, 1, 2])
    np.testing.assert_array_equal(first.draws, again.draws)
    assert not (first.draws == other.draws).all(axis=(1, 2)).any()


def test_draws_of_members_are_in_unrelated_orders():
    """Draw i of one member says nothing of draw i of another, nor of its own draw i + 1."""
    draws = sample_batch(normal, np.zeros((20, 2)), seed=1, draws=1000).draws[:, :, 0]
    between = np.corrcoef(draws)[np.triu_indices(20, 1)]
    assert np.abs(between).max() < 5.0 / np.sqrt(1000)
    assert between.std() == pytest.approx(1.0 / np.sqrt(1000), rel=0.25)
    next_one = [np.corrcoef(own[:-1], own[1:])[0, 1] for own in draws]
    assert np.abs(next_one).max() < 5.0 / np.sqrt(1000)


def test_members_that_cannot_be_sampled_fail_alone():
    """Member 1 has no mode, member 2 is not a number in one tail, member 3 has no mass beyond a cliff."""

    def target(point: np.ndarray, member: np.ndarray, gradient: bool) -> tuple[np.ndarray, np.ndarray | None]:
        density, slope = normal(point, member, True)
        assert slope is not None
        density[member == 1], slope[member == 1] = point[member == 1, 0], [1.0, 0.0]
        density[(member == 2) & (point[:, 0] > 1.5)] = np.nan
        density[(member == 3) & (point[:, 0] > 1.0)] = -np.inf
        return density, slope if gradient else None

    batch = sample_batch(target, np.full((5, 2), 0.3), seed=1, draws=400)
    assert batch.failed.tolist() == [False, True, True, False, False]
    assert (batch.pareto_k[batch.failed] == np.inf).all()
    assert (batch.ess[batch.failed] == 0.0).all()
    assert np.isnan(batch.draws[batch.failed]).all()
    assert np.isfinite(batch.draws[~batch.failed]).all()
    assert np.isfinite(batch.pareto_k[~batch.failed]).all()
    assert batch.draws[3, :, 0].max() <= 1.0
    nowhere = sample_batch(
        lambda point, member, gradient: (np.full(len(point), np.nan), point), np.zeros((2, 2)), seed=1
    )
    assert nowhere.failed.all()


def test_resampling_keeps_weights_and_shuffles():
    weight = np.random.default_rng(1).dirichlet(np.full(64, 0.5), 5)
    chosen = resample(weight, 500, np.random.default_rng(2))
    assert chosen.shape == (5, 500)
    for own, drawn in zip(weight, chosen, strict=True):
        assert (np.abs(np.bincount(drawn, minlength=64) - 500 * own) < 1.0).all()
        assert (np.diff(drawn) < 0).any()


def test_arguments_that_cannot_be_meant_are_refused():
    start = np.zeros((3, 2))
    start[1, 0] = np.nan
    with pytest.raises(ValueError, match=r"member 1 starts at \[nan"):
        sample_batch(normal, start, seed=1)
    with pytest.raises(ValueError, match=r"shape \(member, coordinate\), got \(3,\)"):
        sample_batch(normal, np.zeros(3), seed=1)
    with pytest.raises(ValueError, match="final must be a power of two, at least 64, got 1000"):
        sample_batch(normal, np.zeros((1, 2)), seed=1, final=1000)
