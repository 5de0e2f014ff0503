"""The first question of a model: is its density that of the plain model?

The shipped model samples the logarithms of the variances; the plain one has a total sd, an ICC and the shares of the
error. With v_1 = T p, v_k = T (1 - p) e_k and T = s², the Jacobian of (T, p, e) -> v is T^(n-1) (1 - p)^(n-2) for n
variances, so

    log p(log v) = log p(s) + log p(p) + log p(e) - log 2s - (n - 1) log T - (n - 2) log(1 - p) + sum log v.
"""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pymc.model.transform.conditioning import remove_value_transforms

from bayesrg.models import IndependentSds, Priors, Stability

ALL = {"subject": 4, "session": 2, "scanner": 2, "preprocessing": 3}
VARIANTS = [
    *((session, missing, ALL) for session in ("nested", "crossed", "visit") for missing in (0.0, 0.25)),
    ("crossed", 0.0, {"subject": 5, "session": 3}),
    ("nested", 0.25, {"subject": 6, "session": 2, "scanner": 3}),
    ("nested", 0.2, {"subject": 6, "preprocessing": 4}),
    ("nested", 0.0, {"subject": 6, "scanner": 4}),
]


def log_prior_of_log_variance(plain: ModuleType, log_variance: np.ndarray) -> float:
    variance = np.exp(log_variance)
    n, total = len(variance), variance.sum()
    icc = variance[0] / total
    return (
        plain.log_prior(np.sqrt(total), icc, variance[1:] / variance[1:].sum())
        - np.log(2.0 * np.sqrt(total))
        - (n - 1) * np.log(total)
        - (n - 2) * np.log1p(-icc)
        + log_variance.sum()
    )


def test_the_jacobian_written_above_is_right():
    log_variance = np.array([0.3, -1.0, 0.5, -0.4])
    n = len(log_variance)

    def plain_parameters(point: np.ndarray) -> np.ndarray:
        variance = np.exp(point)
        total = variance.sum()
        return np.array([np.sqrt(total), variance[0] / total, *(variance[1:-1] / variance[1:].sum())])

    step = 1e-6
    columns = [
        (plain_parameters(log_variance + step * axis) - plain_parameters(log_variance - step * axis)) / (2.0 * step)
        for axis in np.eye(n)
    ]
    variance = np.exp(log_variance)
    total, icc = variance.sum(), variance[0] / variance.sum()
    analytic = log_variance.sum() - np.log(2 * np.sqrt(total)) - (n - 1) * np.log(total) - (n - 2) * np.log1p(-icc)
    assert np.linalg.slogdet(np.array(columns))[1] == pytest.approx(analytic, abs=1e-8)


@pytest.mark.parametrize(("session", "missing", "sizes"), VARIANTS)
@pytest.mark.parametrize("prior", ["shares", "half_normal"])
def test_density_differences_are_those_of_the_plain_model(
    plain: ModuleType,
    make_table: Callable[..., pd.DataFrame],
    prepare: Callable[..., xr.Dataset],
    session: str,
    missing: float,
    sizes: dict[str, int],
    prior: str,
):
    model = Stability(session=session, priors=Priors() if prior == "shares" else Priors(variances=IndependentSds()))
    table = make_table(missing=missing, **sizes)
    data = prepare(table, model)
    components = list(data["component"].values)
    interactions = [name for name in components if ":" in name]
    levels = plain.lay_out(
        *(table[role].to_numpy() if role in table else None for role in ALL),
        session_design=session,
        interactions=interactions,
    )
    assert [*levels, "residual"] == components
    value = table["value"].to_numpy()

    graph = model.build(data)
    (free,) = graph.value_vars
    shipped = graph.compile_logp(jacobian=prior == "shares", mode="FAST_COMPILE")
    rng = np.random.default_rng(3)
    differences = []
    for _ in range(20):
        log_variance = rng.normal(-1.0, 1.5, size=len(components))
        variance = np.exp(log_variance)
        expected = plain.log_marginal(value, levels, variance)
        if prior == "shares":
            point = log_variance
            expected += log_prior_of_log_variance(plain, log_variance)
        else:
            point = 0.5 * log_variance  # PyMC's own log transformation of an sd
            expected += plain.log_prior_of_sds(np.sqrt(variance))
        differences.append(float(shipped({free.name: point})) - expected)
    # The strata leave out nothing: not only differences but the densities themselves are equal.
    np.testing.assert_allclose(differences, 0.0, atol=1e-7)


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("variances", ["shares", "half_normal"])
def test_gradient_is_that_of_the_density(
    make_table: Callable[..., pd.DataFrame], prepare: Callable[..., xr.Dataset], missing: float, variances: str
):
    model = Stability(priors=Priors() if variances == "shares" else Priors(variances=IndependentSds()))
    graph = model.build(prepare(make_table(missing=missing, **ALL), model))
    (free,) = graph.value_vars
    density = graph.compile_logp(mode="FAST_COMPILE")
    gradient = graph.compile_dlogp(mode="FAST_COMPILE")
    rng = np.random.default_rng(4)
    for _ in range(5):
        point = rng.normal(-0.5, 0.8, size=7)
        step = 1e-5
        numeric = [
            (density({free.name: point + step * axis}) - density({free.name: point - step * axis})) / (2.0 * step)
            for axis in np.eye(7)
        ]
        np.testing.assert_allclose(gradient({free.name: point}), numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("session", ["nested", "crossed", "visit"])
@pytest.mark.parametrize("variances", ["shares", "half_normal"])
def test_the_plain_model_and_its_marginal_are_one(
    plain: ModuleType, make_table: Callable[..., pd.DataFrame], session: str, variances: str
):
    """Bayes: p(values) = p(values, effects) / p(effects | values), for any effects."""
    table = make_table(missing=0.25, **ALL)
    levels = plain.lay_out(
        *(table[role].to_numpy() for role in ALL),
        session_design=session,
        interactions=("subject:scanner", "subject:preprocessing"),
    )
    value = table["value"].to_numpy()
    graph = plain.build(value, levels, variances=variances)
    rng = np.random.default_rng(5)
    variance = np.array([0.8, 0.2, 0.3, 0.15, 0.1, 0.2, 0.4])
    total = variance.sum()
    if variances == "shares":
        parameters = {
            "total_sd": np.sqrt(total),
            "icc": variance[0] / total,
            "error_shares": variance[1:] / variance[1:].sum(),
        }
        prior = plain.log_prior(*parameters.values())
    else:
        parameters = {"sd": np.sqrt(variance)}
        prior = plain.log_prior_of_sds(np.sqrt(variance))
    mean, spread = plain.effects_given_data(value, levels, variance)
    sizes = [1, *(level.max() + 1 for level in levels.values())]
    names = ["mu", *(plain.EFFECTS[name] for name in levels)]
    density = remove_value_transforms(graph).compile_logp(mode="FAST_COMPILE")
    for _ in range(3):
        effects = rng.multivariate_normal(mean, spread)
        named = dict(zip(names, np.split(effects, np.cumsum(sizes)[:-1]), strict=True))
        joint = float(density({**parameters, **named, "mu": named["mu"][0]}))
        deviation = effects - mean
        log_conditional = -0.5 * (
            deviation @ np.linalg.solve(spread, deviation) + np.linalg.slogdet(2.0 * np.pi * spread)[1]
        )
        assert joint - prior - log_conditional == pytest.approx(plain.log_marginal(value, levels, variance), abs=1e-7)
