"""Priors on variances: the density that PyMC samples, the one NumPy evaluates, and the draws are one distribution."""

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayesrg.inference.variances import IndependentSds, Shares
from bayesrg.prior import Prior

INFORMATIVE = Shares(
    total_sd=Prior("LogNormal", {"mu": 0.2, "sigma": 0.4}, "a test"),
    signal_share=Prior("Beta", {"alpha": 3.0, "beta": 2.0}, "a test"),
    error_shares=Prior("Dirichlet", {"total": 7.5}, "a test"),
)
PRIORS = [
    Shares(),
    INFORMATIVE,
    IndependentSds(),
    IndependentSds(Prior("LogNormal", {"mu": 0.0, "sigma": 1.0}, "a test")),
]


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("n", [2, 3, 7])
def test_pymc_and_numpy_agree_on_the_density(prior: Shares | IndependentSds, n: int):
    with pm.Model(coords={"component": range(n)}) as model:
        prior.build("component", n)
    (free,) = model.value_vars
    density = model.compile_logp(mode="FAST_COMPILE")
    rng = np.random.default_rng(1)
    for _ in range(10):
        log_variance = rng.normal(-0.5, 1.0, n)
        # Both forms sample a logarithm: of the variances, or of the sds.
        point = log_variance if isinstance(prior, Shares) else 0.5 * log_variance
        jacobian = log_variance.sum() + (0.0 if isinstance(prior, Shares) else n * np.log(2.0))
        expected = prior.log_density(np.exp(log_variance)) + jacobian
        # PyTensor keeps constants that are short enough, such as log B(3, 2), in single precision.
        assert float(density({free.name: point})) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("n", [2, 3, 7])
def test_density_of_logarithms_has_its_jacobian_and_its_gradient(prior: Shares | IndependentSds, n: int):
    log_variance = np.random.default_rng(1).normal(-0.5, 1.0, (2, 10, n))
    density, gradient = prior.log_density_with_gradient(log_variance)
    expected = prior.log_density(np.exp(log_variance)) + log_variance.sum(axis=-1)
    np.testing.assert_allclose(density, expected, rtol=1e-12)
    assert gradient is not None
    assert gradient.shape == log_variance.shape
    for component, step in enumerate(1e-5 * np.eye(n)):
        above, _ = prior.log_density_with_gradient(log_variance + step)
        below, _ = prior.log_density_with_gradient(log_variance - step)
        np.testing.assert_allclose(gradient[..., component], (above - below) / 2e-5, atol=1e-8, rtol=1e-8)
    alone, nothing = prior.log_density_with_gradient(log_variance, gradient=False)
    assert nothing is None
    np.testing.assert_array_equal(alone, density)


@pytest.mark.parametrize("prior", PRIORS)
def test_density_of_logarithms_is_never_nan(prior: Shares | IndependentSds):
    """Variances that underflow, overflow, or both."""
    extreme = np.array(
        [[-2000.0, -1500.0, -1800.0], [2000.0, 1.0, 0.0], [0.0, 2000.0, -2000.0], [0.0, -900.0, -1200.0]]
    )
    density, gradient = prior.log_density_with_gradient(extreme)
    assert (density < -50.0).all()
    assert gradient is not None
    assert not np.isnan(gradient[np.isfinite(density)]).any()


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("n", [2, 4])
def test_draws_have_the_density(prior: Shares | IndependentSds, n: int):
    """Weighted by q / p, draws of p have the moments of q: the mean weight is one, the mean of log v is q's."""
    draws = 200_000
    variance = prior.draw(np.random.default_rng(1), n, draws)
    assert variance.shape == (draws, n)
    log_variance = np.log(variance)
    centre = np.linspace(-0.6, -1.4, n)
    q = stats.norm(centre, 0.3)
    weight = np.exp(q.logpdf(log_variance).sum(axis=1) - log_variance.sum(axis=1) - prior.log_density(variance))
    assert weight.mean() == pytest.approx(1.0, abs=5.0 * weight.std() / np.sqrt(draws))
    moments = weight[:, None] * (log_variance - centre)
    np.testing.assert_array_less(np.abs(moments.mean(axis=0)), 5.0 * moments.std(axis=0) / np.sqrt(draws))


@pytest.mark.parametrize("n", [2, 5])
def test_pymc_draws_from_the_same_prior(n: int):
    with pm.Model(coords={"component": range(n)}) as model:
        INFORMATIVE.build("component", n)
    drawn = pm.draw(model["variance"], draws=1000, random_seed=1, mode="FAST_COMPILE")
    ours = INFORMATIVE.draw(np.random.default_rng(2), n, 4000)
    for component in range(n):
        assert stats.ks_2samp(drawn[:, component], ours[:, component]).pvalue > 1e-3


def test_shares_keep_the_prior_of_the_icc():
    draws = 100_000
    for n in (2, 4, 8):
        variance = Shares().draw(np.random.default_rng(n), n, draws)
        icc = variance[:, 0] / variance.sum(axis=1)
        assert (icc > 0.75).mean() == pytest.approx(0.25, abs=5.0 * np.sqrt(0.25 * 0.75 / draws))
        assert np.median(np.sqrt(variance.sum(axis=1))) == pytest.approx(1.0, abs=0.02)


def test_density_is_vectorised_over_leading_axes():
    variance = Shares().draw(np.random.default_rng(1), 5, 6).reshape(2, 3, 5)
    assert Shares().log_density(variance).shape == (2, 3)
    np.testing.assert_allclose(Shares().log_density(variance)[1, 2], Shares().log_density(variance[1, 2]))


def test_a_share_or_a_total_takes_only_priors_that_it_can_have():
    with pytest.raises(TypeError, match="signal_share takes a prior of the kind Beta"):
        Shares(signal_share=Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "no share"))
    with pytest.raises(TypeError, match="total_sd takes a prior of the kind HalfNormal or"):
        Shares(total_sd=Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "may be negative"))
