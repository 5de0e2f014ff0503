"""A prior is one distribution for PyMC, for simulation and for the report, with its reason."""

import copy
import json
import pickle

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayesrg.prior import DISTRIBUTIONS, IN_LOGARITHMS, Prior

EXAMPLES = {
    "Normal": {"mu": 0.5, "sigma": 2.0},
    "HalfNormal": {"sigma": 1.5},
    "LogNormal": {"mu": -0.5, "sigma": 0.7},
    "Beta": {"alpha": 2.0, "beta": 3.5},
    "Gamma": {"alpha": 2.5, "beta": 0.5},
    "InverseGamma": {"alpha": 2.5, "beta": 15.0},
    "Exponential": {"lam": 0.4},
    "StudentT": {"nu": 4.0, "mu": 1.0, "sigma": 2.0},
}


def test_every_distribution_has_an_example():
    assert set(EXAMPLES) | {"Dirichlet"} == set(DISTRIBUTIONS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_pymc_and_scipy_mean_the_same(name: str):
    prior = Prior(name, EXAMPLES[name], "an example")
    points = prior.draw(np.random.default_rng(1), 20)
    # PyTensor keeps constants that are short enough, such as log B(2, 3.5), in single precision.
    np.testing.assert_allclose(prior.of_pymc(points).eval(), prior.log_density(points), atol=1e-6)


@pytest.mark.parametrize("name", EXAMPLES)
def test_draws_have_the_density(name: str):
    prior = Prior(name, EXAMPLES[name], "an example")
    drawn = prior.draw(np.random.default_rng(1), (100, 50))
    assert drawn.shape == (100, 50)
    names, build = DISTRIBUTIONS[name]
    frozen = build(*(EXAMPLES[name][argument] for argument in names))
    assert stats.kstest(drawn.ravel(), frozen.cdf).pvalue > 1e-3


def test_a_dirichlet_has_as_many_parts_as_are_asked_for():
    prior = Prior("Dirichlet", {"total": 10.0}, "an example")
    drawn = prior.draw(np.random.default_rng(1), (1000, 4))
    np.testing.assert_allclose(drawn.sum(axis=-1), 1.0)
    assert stats.kstest(drawn[:, 0], stats.beta(2.5, 7.5).cdf).pvalue > 1e-3
    expected = [stats.dirichlet(np.full(4, 2.5)).logpdf(row) for row in drawn[:5]]
    np.testing.assert_allclose(prior.log_density(drawn[:5]), expected)
    np.testing.assert_allclose(prior.draw(np.random.default_rng(1), (3, 1)), 1.0)


def test_it_enters_a_pymc_model():
    with pm.Model(coords={"component": ["a", "b"]}) as model:
        Prior("HalfNormal", {"sigma": 1.5}, "an example").in_pymc("sd", dims="component")
    value = np.array([0.3, 2.0])
    density = model.compile_logp(jacobian=False, mode="FAST_COMPILE")({"sd_log__": np.log(value)})
    assert float(density) == pytest.approx(stats.halfnorm(0, 1.5).logpdf(value).sum())


def test_unknown_distributions_and_arguments_are_type_errors():
    with pytest.raises(TypeError, match="unknown prior distribution 'Cauchy'; known are Normal"):
        Prior("Cauchy", {"alpha": 0.0, "beta": 2.5}, "too wide")
    with pytest.raises(TypeError, match=r"Normal takes the arguments \('mu', 'sigma'\), got \('mu', 'sd'\)"):
        Prior("Normal", {"mu": 0.0, "sd": 1.0}, "a misspelling")
    with pytest.raises(TypeError, match="takes the arguments"):
        Prior("Normal", {"mu": 0.0}, "something is missing")


def test_it_cannot_be_changed():
    given = {"mu": 0.0, "sigma": 1.0}
    prior = Prior("Normal", given, "an example")
    given["sigma"] = 9.0
    assert prior.arguments["sigma"] == 1.0
    with pytest.raises(TypeError):
        prior.arguments["sigma"] = 2.0  # type: ignore[index]


def test_equality_text_json_and_copies():
    prior = Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "an example")
    assert str(prior) == "Normal(mu=0, sigma=1)"
    assert prior == Prior("Normal", {"sigma": 1.0, "mu": 0.0}, "an example")
    assert prior != Prior("Normal", {"mu": 0.0, "sigma": 2.0}, "an example")
    assert Prior(**json.loads(json.dumps(prior.to_dict()))) == prior
    assert pickle.loads(pickle.dumps(prior)) == copy.deepcopy(prior) == prior
    assert len({prior, copy.copy(prior)}) == 1


@pytest.mark.parametrize("sigma", [-1.0, 0.0, float("nan")])
def test_arguments_out_of_range_are_type_errors(sigma):
    with pytest.raises(TypeError, match="sigma must be finite and positive"):
        Prior("Normal", {"mu": 0.0, "sigma": sigma}, "no scale")


@pytest.mark.parametrize("name", IN_LOGARITHMS)
def test_density_at_the_exponential_of_a_logarithm_has_its_slope(name: str):
    prior = Prior(name, EXAMPLES[name], "an example")
    log_value = np.linspace(-3.0, 2.0, 20)
    density, slope = prior.log_density_of_logarithm(log_value)
    np.testing.assert_allclose(density, prior.log_density(np.exp(log_value)), rtol=1e-10)
    above, below = (prior.log_density_of_logarithm(log_value + step)[0] for step in (1e-5, -1e-5))
    np.testing.assert_allclose(slope, (above - below) / 2e-5, rtol=1e-7, atol=1e-7)


def test_a_quantity_that_may_be_negative_has_no_logarithm():
    with pytest.raises(TypeError, match="has no logarithm: it must be one of HalfNormal"):
        Prior("Normal", EXAMPLES["Normal"], "an example").log_density_of_logarithm(np.zeros(1))
