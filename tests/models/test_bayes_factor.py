"""Is the Bayes factor the ratio of two marginal likelihoods, for every family and every scale of the prior?"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special, stats

from bayesrg.models import Association
from bayesrg.models.bayes_factor import SCALES, savage_dickey
from bayesrg.models.families import Bernoulli, Ordinal
from bayesrg.prior import Prior

PATIENTS, PRIOR_DRAWS, DRAWS = 16, 80_000, 4000
Weighted = Callable[..., tuple[xr.Dataset, np.ndarray]]
Resample = Callable[..., xr.Dataset]
CASES = {
    "gaussian": (Association("gaussian"), "volume"),
    "student_t": (Association("student_t"), "volume"),
    "bernoulli": (Association("bernoulli"), "mutated"),
    "ordinal": (Association("ordinal"), "grade"),
    "category slopes": (Association(Ordinal(proportional=False)), "grade"),
    "categorical": (Association("categorical"), "cluster"),
    "negative_binomial": (Association("negative_binomial"), "variants"),
    "rank": (Association("rank"), "grade"),
}


def make_table() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    size = rng.standard_normal(PATIENTS)
    latent = 0.8 * size + rng.standard_normal(PATIENTS)
    return pd.DataFrame(
        {
            "size": size,
            "volume": latent,
            "mutated": (latent > 0).astype(int),
            "grade": np.digitize(latent, [-0.6, 0.6]),
            "cluster": np.array(["R1", "R2", "R3"])[np.arange(PATIENTS) % 3],
            "variants": rng.poisson(np.exp(1.0 + 0.5 * size)),
        }
    )


def log_evidence(log_likelihood: np.ndarray) -> tuple[float, float]:
    """Log of the mean likelihood, and its Monte Carlo error."""
    relative = np.exp(log_likelihood - log_likelihood.max())
    error = relative.std() / relative.mean() / np.sqrt(relative.size)
    return float(special.logsumexp(log_likelihood) - np.log(log_likelihood.size)), float(error)


def without_slope(parameters: xr.Dataset) -> xr.Dataset:
    zero = {name: xr.zeros_like(parameters[name]) for name in ("beta", "delta") if name in parameters}
    return parameters.assign(zero)


def with_scale(model: Association, factor: float) -> Association:
    beta = model.family.beta
    wider = Prior("Normal", {"mu": 0.0, "sigma": factor * beta.arguments["sigma"]}, beta.why)
    return replace(model, family=replace(model.family, beta=wider))


@pytest.mark.parametrize("name", CASES)
def test_factor_is_the_ratio_of_marginal_likelihoods(draw_weighted: Weighted, resample: Resample, name: str):
    model, outcome = CASES[name]
    data = model.prepare(make_table(), outcome=outcome, predictor="size")
    parameters, log_likelihood = draw_weighted(model, data, seed=1, draws=PRIOR_DRAWS)
    evidence, error = log_evidence(log_likelihood)
    null, null_error = log_evidence(model.log_likelihood(without_slope(parameters), data)["joint"].values.ravel())
    found = savage_dickey(model, resample(parameters, log_likelihood, seed=2), data).sel(prior_scale=1.0)
    # The resampled draws are not all different: their error is that of as many draws as the weights are worth.
    weight = np.exp(log_likelihood - log_likelihood.max())
    worth = weight.sum() ** 2 / (weight**2).sum()
    spread = float(found["mcse"].item()) * max(1.0, np.sqrt(DRAWS / worth))
    assert abs(found["log_bayes_factor"].item() - (evidence - null)) < 4 * np.hypot(spread, error + null_error)
    assert spread < 0.25


@pytest.mark.parametrize("factor", [0.25, 2.5])
def test_factor_at_another_scale_is_that_of_a_fit_with_that_prior(
    draw_weighted: Weighted, resample: Resample, factor: float
):
    model, outcome = CASES["bernoulli"]
    data = model.prepare(make_table(), outcome=outcome, predictor="size")
    parameters, log_likelihood = draw_weighted(model, data, seed=3, draws=PRIOR_DRAWS)
    found = savage_dickey(model, resample(parameters, log_likelihood, seed=4), data, scales=[factor])
    evidence, error = log_evidence(draw_weighted(with_scale(model, factor), data, seed=5, draws=PRIOR_DRAWS)[1])
    null, null_error = log_evidence(model.log_likelihood(without_slope(parameters), data)["joint"].values.ravel())
    one = found.sel(prior_scale=factor)
    tolerance = 4 * np.hypot(one["mcse"].item(), error + null_error)
    assert abs(one["log_bayes_factor"].item() - (evidence - null)) < tolerance < 0.2
    assert one["prior_sd"].item() == pytest.approx(2.5 * factor)


def test_scale_of_the_fit_is_always_there_and_the_prior_named(draw_weighted: Weighted, resample: Resample):
    model, outcome = CASES["bernoulli"]
    data = model.prepare(make_table(), outcome=outcome, predictor="size")
    posterior = resample(*draw_weighted(model, data, seed=3, draws=PRIOR_DRAWS), seed=4)
    assert 1.0 in savage_dickey(model, posterior, data, scales=[0.5])["prior_scale"]
    found = savage_dickey(model, posterior, data)
    assert list(found["prior_scale"].values) == list(SCALES)
    assert found.attrs["prior"] == str(Bernoulli().beta)
    assert found["log_bayes_factor"].dims == ("term", "prior_scale")


def test_as_many_parameters_as_draws_do_not_bias_the_factor():
    """With known noise a linear model has its posterior and its Bayes factor in closed form."""
    rng = np.random.default_rng(31)
    patients, covariates, sigma = 80, 40, 1.0
    predictor = rng.standard_normal((patients, 1))
    design = np.concatenate([np.ones((patients, 1)), predictor, rng.standard_normal((patients, covariates))], axis=1)
    value = 0.3 * predictor[:, 0] + rng.standard_normal(patients)
    precision = design.T @ design / sigma**2 + np.eye(design.shape[1])
    mean = np.linalg.solve(precision, design.T @ value / sigma**2)
    spread = np.linalg.inv(precision)
    exact = stats.norm.logpdf(0.0) - stats.norm.logpdf(0.0, mean[1], np.sqrt(spread[1, 1]))
    drawn = rng.multivariate_normal(mean, spread, 800)
    posterior = xr.Dataset(
        {
            "alpha": (("chain", "draw"), drawn[:, 0].reshape(4, -1)),
            "beta": (("chain", "draw", "term"), drawn[:, 1:2].reshape(4, -1, 1)),
            "gamma": (("chain", "draw", "covariate"), drawn[:, 2:].reshape(4, -1, covariates)),
            "sigma": (("chain", "draw"), np.full((4, 200), sigma)),
        }
    )
    data = xr.Dataset(
        {
            "value": ("patient", value),
            "predictor": (("patient", "term"), predictor),
            "covariates": (("patient", "covariate"), design[:, 2:]),
        },
        coords={"term": ["x"]},
    )
    found = savage_dickey(Association("gaussian"), posterior, data, scales=[1.0])
    assert found["log_bayes_factor"].item() == pytest.approx(exact, abs=4 * found["mcse"].item())
    assert found["mcse"].item() < 0.1
    few = savage_dickey(Association("gaussian"), posterior.isel(draw=slice(25)), data, scales=[1.0])
    assert np.isinf(few["pareto_k"].item())
    assert np.isnan(few["mcse"].item())


@pytest.mark.parametrize("family", [Bernoulli, Ordinal])
def test_slopes_have_priors_around_zero(family: type):
    for prior in (Prior("Normal", {"mu": 1.0, "sigma": 1.0}, ""), Prior("Exponential", {"lam": 1.0}, "")):
        with pytest.raises(TypeError, match="mean 0"):
            family(beta=prior)


def test_two_terms_are_tested_one_by_one(draw_weighted: Weighted, resample: Resample):
    model = Association("gaussian")
    table = make_table().assign(noise=np.random.default_rng(12).standard_normal(PATIENTS))
    data = model.prepare(table, outcome="volume", predictor=["size", "noise"])
    parameters, log_likelihood = draw_weighted(model, data, seed=6, draws=PRIOR_DRAWS)
    found = savage_dickey(model, resample(parameters, log_likelihood, seed=7), data).sel(prior_scale=1.0)
    factors = found["log_bayes_factor"]
    assert factors.sel(term="size").item() > 0.5 > factors.sel(term="noise").item()


@pytest.mark.parametrize(("family", "outcome"), [("bernoulli", "mutated"), ("categorical", "cluster")])
def test_levels_of_a_predictor_are_tested_as_a_whole(
    draw_weighted: Weighted, resample: Resample, family: str, outcome: str
):
    model, table = Association(family), make_table().assign(arm=np.array(["a", "b", "c"])[np.arange(PATIENTS) // 6])

    for reference in ("a", "b"):
        data = model.prepare(table, outcome=outcome, predictor="arm", reference={"arm": reference})
        parameters, log_likelihood = draw_weighted(model, data, seed=8, draws=PRIOR_DRAWS)
        terms = [str(term) for term in data["term"].values]
        posterior = resample(parameters, log_likelihood, seed=9)
        found = savage_dickey(model, posterior, data, together=terms).sel(prior_scale=1.0)
        assert list(found["term"].values) == [" + ".join(terms)]
        evidence, error = log_evidence(log_likelihood)
        null, null_error = log_evidence(model.log_likelihood(without_slope(parameters), data)["joint"].values.ravel())
        tolerance = 4 * np.hypot(2 * found["mcse"].item(), error + null_error)
        assert abs(found["log_bayes_factor"].item() - (evidence - null)) < tolerance < 0.6

    with pytest.raises(ValueError, match="together names arm"):
        savage_dickey(model, posterior, data, together=["arm"])


@pytest.mark.parametrize("scales", [[0.0], [-1.0, 2.0]])
def test_scales_that_are_no_scales_are_refused(draw_weighted: Weighted, resample: Resample, scales: list[float]):
    model, outcome = CASES["bernoulli"]
    data = model.prepare(make_table(), outcome=outcome, predictor="size")
    posterior = resample(*draw_weighted(model, data, seed=3, draws=PRIOR_DRAWS), seed=4)
    with pytest.raises(ValueError, match="positive"):
        savage_dickey(model, posterior, data, scales=scales)
