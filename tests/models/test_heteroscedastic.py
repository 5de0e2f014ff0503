"""Levels with a location and a scale each: density, recovery, estimands and calibration, against dense algebra."""

import json
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from pymc.model.transform.conditioning import remove_value_transforms

from bayesrg.errors import DesignError, TableError
from bayesrg.inference import Sampler, fit
from bayesrg.inference.arrowhead import eliminate
from bayesrg.inference.elimination import elimination_density, scaled_elimination_density
from bayesrg.models import IndependentSds, Priors, Stability
from bayesrg.models.calibrated_levels import draw_log_scale, log_density_of_log_scale
from bayesrg.models.layout import EFFECTS, Layout, select_feature
from bayesrg.prior import Prior
from bayesrg.simulation import calibrate, calibration

MakeTable = Callable[..., pd.DataFrame]
Prepare = Callable[..., xr.Dataset]
ALL = {"subject": 4, "session": 2, "scanner": 2, "preprocessing": 3}
# What is sampled here: subject, session, subject:preprocessing and residual.
SAMPLED = {"subject": 8, "session": 2, "preprocessing": 3}
MODEL = Stability(heteroscedastic="preprocessing")
COVERAGE = 1.96 * np.sqrt(2.0)
FALSE_ALARM = 0.01


@pytest.fixture(scope="module")
def design(make_table: MakeTable, prepare: Prepare) -> xr.Dataset:
    return prepare(make_table(missing=0.1, **SAMPLED), MODEL)


@pytest.fixture(scope="module")
def sampler(design: xr.Dataset) -> Sampler:
    return Sampler(MODEL, design)


def lay_out(
    plain: ModuleType, table: pd.DataFrame, data: xr.Dataset
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Levels of the components, the levels with scales, and the values that the model sees."""
    factors = [table[role].to_numpy() if role in table else None for role in ALL]
    interactions = [name for name in data["component"].values if ":" in name]
    levels = plain.lay_out(*factors, session_design=data.attrs["session_design"], interactions=interactions)
    scaled = levels.pop(data.attrs["heteroscedastic"])
    assert [*levels, "residual"] == list(data["component"].values)
    return levels, scaled, data["value"].values


def draw_point(rng: np.random.Generator, data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Log variances, and log scales that add up to zero."""
    free = rng.normal(0.0, 0.7, data.sizes[data.attrs["heteroscedastic"]])
    return rng.normal(-1.0, 1.5, data.sizes["component"]), free - free.mean()


def at(data: xr.Dataset, variance: np.ndarray, log_scale: np.ndarray, draws: int = 1, **more: np.ndarray) -> xr.Dataset:
    """A posterior whose every draw is the same."""
    facet = data.attrs["heteroscedastic"]
    arrays = {
        "variance": ("component", variance),
        "log_scale": (facet, log_scale),
        **{name: (facet if name == "mu" else EFFECTS_BY_NAME[name], own) for name, own in more.items()},
    }
    return xr.Dataset(
        {
            name: (("chain", "draw", dim), np.broadcast_to(own, (1, draws, len(own))))
            for name, (dim, own) in arrays.items()
        },
        coords={"chain": [0], "draw": np.arange(draws), **{dim: data[dim].values for dim, _ in arrays.values()}},
    )


EFFECTS_BY_NAME = dict(EFFECTS.values())


class Stated:
    """Stands where a generator is asked for, and gives the noise it was told to."""

    def __init__(self, noise: np.ndarray) -> None:
        self.noise = noise

    def standard_normal(self, shape: tuple[int, ...]) -> np.ndarray:
        assert shape == self.noise.shape
        return self.noise


# Preparation


def test_each_level_is_standardised_by_itself(make_table: MakeTable, prepare: Prepare):
    table = make_table(missing=0.2, **ALL)
    factor = np.array([1.0, 30.0, 1000.0])[table["preprocessing"]]
    raw = table.assign(value=factor * (table["value"] + table["preprocessing"]))
    data = prepare(raw, MODEL)
    by_level = raw.groupby("preprocessing")["value"]
    np.testing.assert_allclose(data["level_location"], by_level.mean())
    np.testing.assert_allclose(data["level_scale"], by_level.std())
    np.testing.assert_allclose(data["value"], (raw["value"] - by_level.transform("mean")) / by_level.transform("std"))
    back = Layout(data).transformation
    rows = data["preprocessing_index"]
    np.testing.assert_allclose(data["value"] * back.scale[rows] + back.location[rows], raw["value"])
    assert "preprocessing" not in data["component"].values
    assert "subject:preprocessing" in data["component"].values
    assert "scale" not in data.attrs


def test_ranks_and_logarithms_are_taken_within_levels(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    table["value"] = np.exp(table["value"] + 5.0 * table["preprocessing"])
    log, ranks = (prepare(table, MODEL, scale=scale) for scale in ("log", "rank_normal"))
    np.testing.assert_allclose(
        log["level_location"], np.log(table["value"]).groupby(table["preprocessing"]).mean(), rtol=1e-12
    )
    for level in range(3):
        own = ranks["value"].values[table["preprocessing"] == level]
        assert own.mean() == pytest.approx(0.0, abs=1e-12)
    assert set(MODEL.estimands(at(ranks, np.ones(6), np.zeros(3), mu=np.zeros(3)), ranks)) == {
        "share",
        "icc",
        "icc_above",
    }


def test_one_of_many_features_is_as_if_it_were_alone(make_table: MakeTable):
    table = make_table(**ALL).rename(columns={"value": "first"})
    table["second"] = np.random.default_rng(1).standard_normal(len(table)) * 10.0 ** table["preprocessing"]
    table.loc[[3, 17], "second"] = np.nan
    columns = {role: role for role in ALL}
    many = MODEL.prepare(table, features=["first", "second"], **columns)
    assert many["level_scale"].dims == ("feature", "preprocessing")
    for feature in ("first", "second"):
        xr.testing.assert_identical(select_feature(many, feature), MODEL.prepare(table, features=feature, **columns))
    assert MODEL.batches(many, 64) == []


def test_a_feature_with_a_constant_level_is_left_out_by_name(make_table: MakeTable):
    table = make_table(**ALL)
    table["flat"] = table["value"].mask(table["preprocessing"] == 1, 3.0)
    columns = {role: role for role in ALL}
    with pytest.raises(TableError, match=r"preprocessing '1': feature 'flat' has 1 distinct value.*leave it out"):
        MODEL.prepare(table, features="flat", **columns)
    with pytest.warns(UserWarning, match="1 of 2 features are left out"):
        many = MODEL.prepare(table, features=["value", "flat"], **columns)
    assert "preprocessing '1'" in json.loads(many.attrs["left_out"])["flat"]


def test_the_facet_must_be_named_and_known(make_table: MakeTable, prepare: Prepare):
    with pytest.raises(TableError, match="needs the scanner column"):
        prepare(make_table(**SAMPLED), Stability(heteroscedastic="scanner"))
    with pytest.raises(TypeError, match="'scanner' or 'preprocessing'; got 'session'"):
        Stability(heteroscedastic="session")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="log scales add up to zero"):
        Priors(log_scale=Prior("Normal", {"mu": 1.0, "sigma": 0.5}, "off centre"))


def test_a_scanner_that_is_a_group_of_preprocessings_is_refused_once_those_have_locations(prepare: Prepare):
    table = pd.DataFrame(list(np.ndindex(6, 4, 2)), columns=["subject", "preprocessing", "replicate"])
    table["scanner"] = table["preprocessing"] // 2
    table["value"] = np.random.default_rng(1).standard_normal(len(table))
    model = Stability(interactions=())
    assert "scanner" in prepare(table, model)["component"].values
    with pytest.raises(DesignError, match="cannot tell scanner from the locations"):
        prepare(table, Stability(interactions=(), heteroscedastic="preprocessing"))


# The density is that of the plain model

VARIANTS = [
    ("preprocessing", "nested", 0.0, ALL),
    ("preprocessing", "crossed", 0.25, ALL),
    ("scanner", "nested", 0.25, ALL),
    ("scanner", "visit", 0.0, ALL),
    ("scanner", "nested", 0.0, {"subject": 6, "scanner": 3}),
]


@pytest.mark.parametrize(("facet", "session", "missing", "sizes"), VARIANTS)
def test_density_and_gradient_are_those_of_the_plain_model(
    plain: ModuleType,
    make_table: MakeTable,
    prepare: Prepare,
    facet: str,
    session: str,
    missing: float,
    sizes: dict[str, int],
):
    model = Stability(session=session, heteroscedastic=facet, priors=Priors(variances=IndependentSds()))
    table = make_table(missing=missing, **sizes)
    data = prepare(table, model)
    levels, scaled, value = lay_out(plain, table, data)
    graph = model.build(data)
    stated = remove_value_transforms(graph).compile_logp(mode="FAST_COMPILE")
    rng = np.random.default_rng(3)
    differences = []
    for _ in range(20):
        log_variance, log_scale = draw_point(rng, data)
        variance = np.exp(log_variance)
        expected = plain.log_marginal(value, levels, variance, scaled=scaled, log_scale=log_scale)
        expected += plain.log_prior_of_sds(np.sqrt(variance)) + plain.log_prior_of_log_scale(log_scale)
        differences.append(float(stated({"sd": np.sqrt(variance), "log_scale": log_scale})) - expected)
    np.testing.assert_allclose(differences, 0.0, atol=1e-7)

    density, gradient = graph.compile_logp(mode="FAST_COMPILE"), graph.compile_dlogp(mode="FAST_COMPILE")
    names = [str(variable.name) for variable in graph.value_vars]
    sizes = dict(zip(names, (data.sizes["component"], data.sizes[facet] - 1), strict=True))
    step = 1e-5
    for _ in range(3):
        point = {name: rng.normal(-0.5, 0.7, size) for name, size in sizes.items()}
        numeric = [
            (density(point | {name: own + step * axis}) - density(point | {name: own - step * axis})) / (2.0 * step)
            for name, own in point.items()
            for axis in np.eye(len(own))
        ]
        np.testing.assert_allclose(gradient(point), numeric, rtol=1e-5, atol=1e-5)


def test_the_plain_model_and_its_marginal_are_one(plain: ModuleType, make_table: MakeTable, prepare: Prepare):
    """Bayes: p(values) = p(values, effects) / p(effects | values), for any effects."""
    table = make_table(missing=0.25, **ALL)
    data = prepare(table, MODEL)
    levels, scaled, value = lay_out(plain, table, data)
    log_variance, log_scale = draw_point(np.random.default_rng(6), data)
    variance = np.exp(log_variance)
    stretch = log_scale[scaled]
    mean, spread = plain.effects_given_data(value * np.exp(-stretch), levels, variance, scaled=scaled)
    effects = np.random.default_rng(5).multivariate_normal(mean, spread)
    names = ["mu", *(plain.EFFECTS[name] for name in levels)]
    sizes = [3, *(level.max() + 1 for level in levels.values())]
    named = dict(zip(names, np.split(effects, np.cumsum(sizes)[:-1]), strict=True))
    graph = plain.build(value, levels, variances="half_normal", scaled=scaled)
    density = remove_value_transforms(graph).compile_logp(mode="FAST_COMPILE")
    joint = float(density({"sd": np.sqrt(variance), "log_scale": log_scale, **named}))
    deviation = effects - mean
    log_conditional = -0.5 * (
        deviation @ np.linalg.solve(spread, deviation) + np.linalg.slogdet(2.0 * np.pi * spread)[1]
    )
    prior = plain.log_prior_of_sds(np.sqrt(variance)) + plain.log_prior_of_log_scale(log_scale)
    marginal = plain.log_marginal(value, levels, variance, scaled=scaled, log_scale=log_scale)
    assert joint - prior - log_conditional == pytest.approx(marginal, abs=1e-7)


def test_with_equal_scales_it_is_the_model_whose_facet_has_the_variance_of_a_mean(make_table: MakeTable):
    table = make_table(missing=0.2, **SAMPLED)
    subject, facet = table["subject"].to_numpy(), table["preprocessing"].to_numpy()
    value = table["value"].to_numpy()
    own = eliminate(subject, {0: subject}, {}, 1, facet)
    shared = eliminate(subject, {0: subject}, {1: facet}, 2)
    found, slope = scaled_elimination_density(np.array([0.7, 0.4, 1.0, 0.0, 0.0, 0.0]), value, *own.arrays)
    expected, gradient = elimination_density(np.array([0.7, 1.0, 0.4, 0.0]), value, *shared.arrays)
    assert float(found) == pytest.approx(float(expected), abs=1e-10)
    np.testing.assert_allclose(slope[:3], gradient[[0, 2, 1]], atol=1e-9)


# Simulation, recovery, prediction and scores, exactly


def test_simulated_data_have_the_covariance_of_the_plain_model(
    plain: ModuleType, make_table: MakeTable, prepare: Prepare
):
    table = make_table(missing=0.2, **ALL)
    data = prepare(table, MODEL)
    levels, scaled, _ = lay_out(plain, table, data)
    variance, log_scale = np.array([0.8, 0.2, 0.3, 0.1, 0.2, 0.4]), np.array([-0.8, 0.3, 0.5])
    draws = 20_000
    many = MODEL._simulate(data, np.random.default_rng(2), np.broadcast_to(variance, (draws, 6)), log_scale=log_scale)
    values = many["data"]["value"].values
    expected = plain.covariance(levels, variance, scaled=scaled, log_scale=log_scale)
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / draws)
    assert (np.abs(values.T @ values / draws - expected) < 5.0 * error).all()


def test_the_prior_of_log_scales_is_drawn_and_scored_as_it_is_stated(design: xr.Dataset):
    drawn = MODEL.draw_prior(design, np.random.default_rng(1), 20_000)["parameters"].to_dataset()
    log_scale = drawn["log_scale"].transpose("draw", "preprocessing").values
    np.testing.assert_allclose(log_scale.sum(axis=1), 0.0, atol=1e-12)
    # Independent normals less their mean of three: the variance is two thirds.
    np.testing.assert_allclose(log_scale.var(axis=0), 0.25 * 2.0 / 3.0, rtol=0.05)
    prior = MODEL.priors.log_scale
    expected = pm.logp(pm.ZeroSumNormal.dist(0.5, shape=3), log_scale[0]).eval()
    assert log_density_of_log_scale(prior, log_scale[:1])[0] == pytest.approx(float(expected))
    assert draw_log_scale(prior, np.random.default_rng(1), 5, 4).shape == (5, 4)


def test_simulation_at_stated_parameters(design: xr.Dataset):
    parameters = xr.Dataset(
        {
            "variance": ("component", [0.0, 0.0, 0.0, 1e-12]),
            "mu": ("preprocessing", [1.0, 2.0, 3.0]),
            "log_scale": ("preprocessing", [-1.0, 0.0, 1.0]),
        },
        {"component": design["component"], "preprocessing": design["preprocessing"].values},
    )
    tree = MODEL.simulate(design, np.random.default_rng(1), parameters)
    expected = np.array([1.0, 2.0, 3.0]) * np.exp([-1.0, 0.0, 1.0])
    np.testing.assert_allclose(tree["data"]["value"], expected[design["preprocessing_index"]], atol=1e-5)
    np.testing.assert_allclose(tree["parameters"]["log_scale"], [-1.0, 0.0, 1.0])


def test_recovered_effects_have_the_dense_conditional_moments(
    plain: ModuleType, make_table: MakeTable, prepare: Prepare
):
    table = make_table(missing=0.3, **ALL)
    data = prepare(table, MODEL)
    levels, scaled, value = lay_out(plain, table, data)
    variance, log_scale = np.array([0.8, 0.2, 0.3, 0.1, 0.2, 0.4]), np.array([-0.8, 0.3, 0.5])
    mean, spread = plain.effects_given_data(value * np.exp(-log_scale[scaled]), levels, variance, scaled=scaled)
    size = len(mean)
    noise = np.concatenate([np.zeros((1, size)), np.eye(size)])
    drawn = MODEL.recover(at(data, variance, log_scale, size + 1), data, Stated(noise))
    assert drawn["mu"].dims == ("chain", "draw", "preprocessing")
    columns = [drawn["mu"].values[0]]
    for name in levels:
        own, theirs = Layout(data).levels(name), levels[name]
        columns.append(drawn[EFFECTS[name][0]].values[0][:, [own[theirs == k][0] for k in range(theirs.max() + 1)]])
    effects = np.concatenate(columns, axis=1)
    factor = (effects[1:] - effects[0]).T
    np.testing.assert_allclose(effects[0], mean, atol=1e-10)
    np.testing.assert_allclose(factor @ factor.T, spread, atol=1e-10)


def test_leave_one_out_densities_are_those_of_the_dense_normal(
    plain: ModuleType, make_table: MakeTable, prepare: Prepare
):
    table = make_table(missing=0.3, **ALL)
    data = prepare(table, MODEL)
    levels, scaled, value = lay_out(plain, table, data)
    variance, log_scale = np.array([0.8, 0.2, 0.3, 0.1, 0.2, 0.4]), np.array([-0.8, 0.3, 0.5])
    found = MODEL.log_likelihood(at(data, variance, log_scale, 2), data)
    joint = plain.log_marginal(value, levels, variance, scaled=scaled, log_scale=log_scale)
    np.testing.assert_allclose(found["joint"], joint, atol=1e-8)
    for left_out in range(0, len(value), 5):
        others = np.arange(len(value)) != left_out
        fewer = {name: level[others] for name, level in levels.items()}
        rest = plain.log_marginal(value[others], fewer, variance, scaled=scaled[others], log_scale=log_scale)
        assert float(found["value"][0, 1, left_out]) == pytest.approx(joint - rest, abs=1e-8)


def test_prediction_is_on_the_scale_of_each_level(design: xr.Dataset):
    draws = 20_000
    variance, log_scale, mu = np.array([0.5, 0.2, 0.1, 0.3]), np.array([-1.0, 0.0, 1.0]), np.array([1.0, -1.0, 0.5])
    effects = {
        name: np.linspace(-1.0, 1.0, design.sizes[EFFECTS_BY_NAME[name]]) for name in ("alpha", "beta", "alpha_delta")
    }
    posterior = at(design, variance, log_scale, draws, mu=mu, **effects)
    predicted = MODEL.predict(posterior, design, design, np.random.default_rng(1))["value"].isel(chain=0)
    level = design["preprocessing_index"].values
    expected = mu[level] + sum(
        effects[name][design[f"{EFFECTS_BY_NAME[name]}_index"].values] for name in ("alpha", "beta", "alpha_delta")
    )
    sd = np.sqrt(0.3) * np.exp(log_scale[level])
    np.testing.assert_allclose(
        predicted.mean("draw") / sd, expected * np.exp(log_scale[level]) / sd, atol=5.0 / np.sqrt(draws)
    )
    np.testing.assert_allclose(predicted.std("draw") / sd, 1.0, rtol=5.0 * np.sqrt(0.5 / draws))


def test_an_unknown_level_cannot_be_predicted(design: xr.Dataset):
    posterior = at(design, np.ones(4), np.zeros(3), mu=np.zeros(3))
    new = design.assign_coords(preprocessing=["0", "1", "9"])
    with pytest.raises(TableError, match="preprocessing '9': not among the levels that were fitted"):
        MODEL.predict(posterior, design, new, np.random.default_rng(1))


def test_pymc_predicts_the_values(plain: ModuleType, make_table: MakeTable, design: xr.Dataset):
    variance, log_scale = np.array([0.5, 0.2, 0.1, 0.3]), np.array([-0.8, 0.3, 0.5])
    posterior = at(design, variance, log_scale, 3000)
    posterior["log_variance"] = np.log(posterior["variance"])
    with MODEL.build(design):
        predicted = pm.sample_posterior_predictive(
            xr.DataTree.from_dict({"posterior": posterior}),
            progressbar=False,
            random_seed=1,
            compile_kwargs={"mode": "FAST_COMPILE"},
        )
    values = predicted["posterior_predictive"]["value"].values[0]
    levels, scaled, _ = lay_out(plain, make_table(missing=0.1, **SAMPLED), design)
    expected = plain.covariance(levels, variance, scaled=scaled, log_scale=log_scale)
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / len(values))
    assert (np.abs(values.T @ values / len(values) - expected) < 5.0 * error).all()


# Estimands in closed form


def estimate(
    table: pd.DataFrame, prepare: Prepare, model: Stability, variance: np.ndarray, **options: str
) -> xr.Dataset:
    data = prepare(table, model, **options)
    log_scale = np.log([0.5, 2.0]) if data.attrs["heteroscedastic"] == "scanner" else np.log([0.5, 1.0, 2.0])
    posterior = at(data, variance, log_scale, mu=np.linspace(3.0, 4.0, len(log_scale)))
    return model.estimands(posterior, data).isel(chain=0, draw=0)


# subject, session, scanner, subject:scanner, subject:preprocessing, residual: every sum of some is another number.
VARIANCE = 2.0 ** np.arange(5, -1, -1)


def test_what_has_units_is_by_level(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    table["value"] = 100.0 + 10.0 ** table["preprocessing"] * table["value"]
    found = estimate(table, prepare, MODEL, VARIANCE, unit="HU")
    by_level = table.groupby("preprocessing")["value"]
    scale = np.array([0.5, 1.0, 2.0]) * by_level.std()
    np.testing.assert_allclose(found["mean"], by_level.mean() + scale * [3.0, 3.5, 4.0])
    np.testing.assert_allclose(found["level_sd"], scale * np.sqrt(63.0))
    np.testing.assert_allclose(found["within_subject_sd"], scale * np.sqrt(16.0 + 1.0))
    np.testing.assert_allclose(found["rc"], COVERAGE * scale * np.sqrt(17.0))
    np.testing.assert_allclose(found["rdc"], COVERAGE * scale * np.sqrt(16.0 + 8.0 + 4.0 + 1.0))
    np.testing.assert_allclose(found["share"], VARIANCE / 63.0)
    assert found["rc"].attrs["unit"] == "HU"
    assert found["rc"].attrs["meaning"].endswith("in the units of each preprocessing")
    absent = json.loads(found.attrs["absent"])
    assert absent.keys() == {"sd", "sem", "mdc", "finite_sd"}
    # What the reasons say can be computed, can be.
    np.testing.assert_allclose(found["level_sd"] * found["share"].sel(component="session") ** 0.5, 4.0 * scale)


def test_intraclass_correlations_are_consistencies_after_calibration(make_table: MakeTable, prepare: Prepare):
    found = estimate(make_table(**ALL), prepare, MODEL, VARIANCE)
    icc = dict(zip(found["icc"]["condition"].values, found["icc"].values, strict=True))
    assert icc == pytest.approx(
        {
            "repeatability": (32 + 4 + 2) / (32 + 4 + 2 + 16 + 1),
            "reproducibility": (32 + 2) / 63,
            "robustness": (32 + 16 + 4) / (32 + 16 + 4 + 2 + 1),
            "overall": 32 / 63,
        }
    )
    assert "consistency after each preprocessing is calibrated" in found["icc"].attrs["meaning"]
    data = prepare(make_table(**ALL), MODEL)
    posterior = at(data, VARIANCE, np.zeros(3), mu=np.zeros(3))
    with pytest.raises(TypeError, match="preprocessing"):  # it is a facet still: fixed or randomised
        MODEL.icc(posterior, data, fixed={"scanner"}, randomised={"session"})


def test_agreement_across_scanners_with_scales_is_absent(make_table: MakeTable, prepare: Prepare):
    model = Stability(heteroscedastic="scanner")
    found = estimate(make_table(**ALL), prepare, model, VARIANCE)
    assert "agreement across scanners has no meaning" in json.loads(found.attrs["absent"])["rdc"]
    assert found["rc"].dims == ("scanner",)
    assert "reproducibility" in found["condition"].values


def test_log_scale_by_level(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    table["value"] = np.exp(2.0 + 0.1 * table["value"])
    found = estimate(table, prepare, MODEL, VARIANCE, scale="log", unit="mm")
    by_level = np.log(table["value"]).groupby(table["preprocessing"])
    scale = np.array([0.5, 1.0, 2.0]) * by_level.std()
    np.testing.assert_allclose(found["geometric_mean"], np.exp(by_level.mean() + scale * [3.0, 3.5, 4.0]))
    np.testing.assert_allclose(found["rc_upper"], 100.0 * np.expm1(COVERAGE * scale * np.sqrt(17.0)))
    assert found["level_sd"].attrs["unit"] == "log"
    absent = json.loads(found.attrs["absent"])
    assert "level_sd" in absent["mdc"]
    assert not [name for name in found.data_vars if str(name).startswith(("mdc", "sem"))]


# Sampling


def simulate(design: xr.Dataset, seed: int, scales: np.ndarray) -> pd.DataFrame:
    """A table of the design with twenty subjects, whose preprocessings have the given scales and other locations."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(list(np.ndindex(20, 2, 3)), columns=list(SAMPLED))
    cell = table["subject"] * 3 + table["preprocessing"]
    value = np.sqrt(0.6) * rng.standard_normal(20)[table["subject"]]
    value += np.sqrt(0.1) * rng.standard_normal(40)[table["subject"] * 2 + table["session"]]
    value += np.sqrt(0.1) * rng.standard_normal(60)[cell] + np.sqrt(0.2) * rng.standard_normal(len(table))
    table["value"] = scales[table["preprocessing"]] * (value + np.array([5.0, 0.0, -2.0])[table["preprocessing"]])
    return table


def test_scales_of_1_30_and_1000_are_recovered(prepare: Prepare, design: xr.Dataset, sampler: Sampler):
    scales = np.array([1.0, 30.0, 1000.0])
    data = prepare(simulate(design, 7, scales), MODEL)
    posterior, statistics = sampler.sample(MODEL, data, seed=1, draws=500, tune=500, chains=4)
    assert int(statistics["diverging"].sum()) == 0
    posterior = posterior.merge(MODEL.recover(posterior, data, np.random.default_rng(1)))
    found = MODEL.estimands(posterior, data)
    log = np.log(found["level_sd"])
    for level in (1, 2):
        ratio = log.isel(preprocessing=level) - log.isel(preprocessing=0)
        assert float(ratio.std()) < 0.15
        assert float(ratio.mean()) == pytest.approx(np.log(scales[level]), abs=3.0 * float(ratio.std()))
    mean = found["mean"]
    distance = (mean.mean(("chain", "draw")) - scales * [5.0, 0.0, -2.0]) / mean.std(("chain", "draw"))
    assert (np.abs(distance) < 3.0).all()


def test_alike_levels_give_the_intraclass_correlations_of_one_scale(
    prepare: Prepare, design: xr.Dataset, sampler: Sampler
):
    """Repeatability knows nothing of what the levels share: only sampling noise in three log scales lies between."""
    table = simulate(design, 8, np.ones(3))
    kept = {"seed": 1, "draws": 1000, "tune": 500, "chains": 4}
    data, common = prepare(table, MODEL), prepare(table)
    separate, _ = sampler.sample(MODEL, data, **kept)
    together, _ = Sampler(Stability(), common).sample(Stability(), common, **kept)
    options = {"fixed": {"preprocessing"}, "randomised": {"session"}}
    ours, theirs = MODEL.icc(separate, data, **options), Stability().icc(together, common, **options)
    assert float(ours.mean()) == pytest.approx(float(theirs.mean()), abs=0.25 * float(theirs.std()))
    assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.15)


def test_many_features_are_fitted_by_nuts(make_table: MakeTable):
    table = make_table(subject=6, preprocessing=3).rename(columns={"value": "first"})
    table["second"] = table["first"] * 10.0 ** table["preprocessing"]
    data = MODEL.prepare(table, features=["first", "second"], subject="subject", preprocessing="preprocessing")
    tree = fit(MODEL, data, seed=1, draws=50, tune=200, chains=2, progress=False)
    assert (tree["sample_stats"]["method"] == "NUTS").all()
    assert tree["posterior"]["log_scale"].sizes == {"chain": 2, "draw": 50, "feature": 2, "preprocessing": 3}
    found = tree["estimands"].to_dataset()
    assert set(found) == {"share", "icc", "icc_above"}
    absent = json.loads(found.attrs["absent"])
    assert "fit one feature alone" in absent["mean"]
    assert "no session was named" in absent["rc"]
    # Both features are the same after calibration.
    share = found["share"].mean(("chain", "draw"))
    np.testing.assert_allclose(share.sel(feature="first"), share.sel(feature="second"), atol=0.1)


def test_small_calibration(monkeypatch: pytest.MonkeyPatch, design: xr.Dataset, sampler: Sampler):
    monkeypatch.setattr(calibration, "Sampler", lambda model, data: sampler)  # compiled already
    monkeypatch.setattr(calibration, "_SAMPLERS", {})
    result = calibrate(MODEL, design, 40, seed=20240611, draws=300, tune=400, progress=False)
    quantities = {"log_scale[1]", "mu[0]", "level_sd[2]", "rc[1]", "icc[robustness]", "log_likelihood"}
    assert quantities <= set(result.ranks)
    checked = result.check(FALSE_ALARM)
    assert checked["inside"].all(), checked[~checked["inside"]].to_string()
