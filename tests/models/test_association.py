"""The model object: its options, data that it simulates, what it predicts, and a fit that is a file and no more.

Draws from the prior stand for a posterior wherever the sampler is not what is asked about.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.inference import data_of, load, save
from bayesrg.inference.provenance import describe, rebuild
from bayesrg.models import CLASSES, Association, model_of
from bayesrg.models.families import (
    FAMILIES,
    Bernoulli,
    Categorical,
    Gaussian,
    NegativeBinomial,
    Ordinal,
    Rank,
    StudentT,
)
from bayesrg.prior import Prior

ROWS = 30
CYCLE = np.arange(ROWS)
OUTCOMES = {
    "gaussian": "volume",
    "student_t": "volume",
    "bernoulli": "mutated",
    "ordinal": "grade",
    "ordinal_category_slopes": "grade",
    "categorical": "cluster",
    "negative_binomial": "variants",
    "rank": "size",
}
CATEGORIES = {"ordinal": 4, "ordinal_category_slopes": 4, "categorical": 3, "rank": 6}


def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "x": rng.normal(size=ROWS),
            "side": np.array(["left", "right", "both"])[rng.permutation(CYCLE) % 3],
            "age": rng.normal(55.0, 9.0, ROWS),
            "site": np.array(list("STU"))[rng.permutation(CYCLE) % 3],
            "batch": rng.permutation(CYCLE) % 4,
            "volume": rng.gamma(3.0, 1e4, ROWS),
            "mutated": rng.permutation(CYCLE) % 2,
            "grade": rng.permutation(CYCLE) % 4,
            "cluster": np.array(["R1", "R2", "R3"])[rng.permutation(CYCLE) % 3],
            "variants": rng.poisson(5.0, ROWS),
            "size": rng.permutation(CYCLE) % 6,
        },
        index=[f"P{n}" for n in CYCLE],
    )


def model_named(name: str) -> Association:
    return Association(Ordinal(proportional=False) if name == "ordinal_category_slopes" else name)


@cache
def prepared(name: str) -> tuple[Association, xr.Dataset]:
    model = model_named(name)
    return model, model.prepare(
        table(), outcome=OUTCOMES[name], predictor=["x", "side"], formula="age", group=["site", "batch"]
    )


def posterior_of(name: str, draws: int = 20) -> xr.Dataset:
    """Draws from the prior as if they were two chains of a posterior."""
    model, data = prepared(name)
    drawn = model.draw_prior(data, np.random.default_rng(7), 2 * draws)["parameters"].to_dataset()
    index = pd.MultiIndex.from_product([range(2), range(draws)], names=["chain", "draw"])
    stacked = drawn.rename(draw="sample").assign_coords(xr.Coordinates.from_pandas_multiindex(index, "sample"))
    return stacked.unstack("sample").transpose("chain", "draw", ...)


@pytest.mark.parametrize(
    "options",
    [
        {"family": "logistic"},
        {"family": Gaussian},
        {"family": Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "no family")},
        {"family": None},
        {"rope": 0.0},
        {"rope": -0.1},
        {"rope": float("nan")},
        {"scale": "log"},
    ],
)
def test_what_is_no_option_is_a_mistake_of_the_call(options):
    with pytest.raises(TypeError):
        Association(**options)


def test_prepare_takes_no_option_that_it_does_not_know():
    with pytest.raises(TypeError, match="predictors"):
        Association().prepare(table(), outcome="mutated", predictors="x")  # pyright: ignore[reportCallIssue]


def test_a_family_is_the_same_by_its_name_and_as_an_object():
    for name, family in FAMILIES.items():
        assert Association(name) == Association(family())
        assert Association(name).family.name == name
    assert Association() == Association("bernoulli")
    assert Association("gaussian") != Association("student_t")
    assert Association("ordinal") != Association(Ordinal(proportional=False))


WIDE = Prior("Normal", {"mu": 0.0, "sigma": 4.0}, "a test")
MODELS = [
    *(Association(name) for name in FAMILIES),
    Association(Ordinal(proportional=False), rope=0.25),
    *(Association(family(beta=WIDE)) for family in (Gaussian, StudentT, Bernoulli, Ordinal, Categorical, Rank)),
    Association(NegativeBinomial(rate_cv=Prior("HalfNormal", {"sigma": 2.0}, "a test"), beta=WIDE)),
]


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_rebuilt_from_its_description_in_a_file(model):
    assert rebuild(json.loads(json.dumps(describe(model))), CLASSES) == model


def test_a_description_of_something_else_is_refused():
    told = describe(Association("gaussian"))
    with pytest.raises(FitError, match="does not know"):
        rebuild({**told, "family": {"is": "Poisson"}}, CLASSES)
    with pytest.raises(FitError, match="another version's Association"):
        rebuild({**told, "family": "poisson"}, CLASSES)
    with pytest.raises(FitError, match="another version's Gaussian"):
        rebuild({**told, "family": {"is": "Gaussian", "tau": 1.0}}, CLASSES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_simulated_outcomes_are_those_of_their_family_and_of_their_seed(name):
    model, data = prepared(name)
    simulated, again = (model.simulate(data, np.random.default_rng(11)) for _ in range(2))
    xr.testing.assert_identical(simulated, again)
    value = simulated["data"]["value"]
    assert value.dims == ("patient",)
    assert np.isfinite(value).all()
    if name in CATEGORIES or name == "bernoulli":
        assert set(np.unique(value)) <= set(range(CATEGORIES.get(name, 2)))
    if name == "negative_binomial":
        np.testing.assert_array_equal(value, np.floor(value))
        assert value.min() >= 0
    xr.testing.assert_equal(simulated["data"].to_dataset().drop_vars("value"), data.drop_vars("value"))
    # All that a posterior has is there, and simulates again.
    own = simulated["parameters"].to_dataset()
    assert {"alpha", "beta", "gamma", "group_sd", "group_offset", "group_effect"} <= set(own.data_vars)
    assert model.simulate(data, np.random.default_rng(12), own)["data"]["value"].shape == (ROWS,)


@pytest.mark.parametrize("name", OUTCOMES)
def test_what_is_predicted_is_expected_on_average(name):
    """Values of 2,000 copies of one draw, against `expected`; of categories their shares."""
    model, data = prepared(name)
    posterior = posterior_of(name).isel(chain=[1], draw=[3])
    if name == "student_t":
        posterior = posterior.assign(nu=posterior["nu"] * 0 + 8.0)  # so that a mean has a variance
    if name == "negative_binomial":
        posterior = posterior.assign(rate_cv=posterior["rate_cv"] * 0 + 0.5)
    copies = posterior.isel(draw=np.zeros(2000, dtype=int)).assign_coords(draw=np.arange(2000))
    predicted = model.predict(copies, data, data, np.random.default_rng(5))
    value, expected = predicted["value"].isel(chain=0), predicted["expected"].isel(chain=0, draw=0)
    if name in CATEGORIES:
        assert predicted["expected"].dims == ("chain", "draw", "patient", "category")
        np.testing.assert_allclose(expected.sum("category"), 1.0)
        value = xr.concat([(value == code).astype(float) for code in range(CATEGORIES[name])], "category")
        value = value.transpose("draw", "patient", "category")
    chances = name in CATEGORIES or name == "bernoulli"
    sd = np.sqrt(expected * (1.0 - expected)) if chances else value.std("draw")
    slack = 2.0 / 2000 if chances else 0.0  # two events more or less, where hardly one is expected
    assert (np.abs(value.mean("draw") - expected).values <= 4.5 * sd.values / np.sqrt(2000) + slack).all()


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_patients_of_the_fit_are_predicted_alike_as_new_ones(name):
    model, data = prepared(name)
    posterior = posterior_of(name)
    new = model.prepare_new(table(), data)
    own, fresh = (model.predict(posterior, data, rows, np.random.default_rng(1)) for rows in (data, new))
    xr.testing.assert_allclose(own, fresh, rtol=1e-12)
    assert own["patient"].values.tolist() == [f"P{n}" for n in CYCLE]


def test_log_likelihood_is_that_of_each_patient_times_its_weight():
    model, data = prepared("bernoulli")
    posterior = posterior_of("bernoulli")
    chance = model.predict(posterior, data, data, np.random.default_rng(0))["expected"]
    plain = np.log(np.where(data["value"] == 1, chance, 1 - chance))
    weight = np.linspace(0.5, 1.5, ROWS)
    found = model.log_likelihood(posterior, data.assign(weight=("patient", weight)))
    np.testing.assert_allclose(found["value"], weight * plain, atol=1e-9)
    np.testing.assert_allclose(found["joint"], (weight * plain).sum(axis=-1))


@pytest.mark.parametrize("name", ["gaussian", "ordinal_category_slopes", "categorical", "rank"])
def test_a_fit_is_its_file(tmp_path: Path, name):
    """From the file alone: the model, its data, its estimands, and the outcomes of new patients."""
    model, data = prepared(name)
    posterior = posterior_of(name)
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "estimands": model.estimands(posterior, data),
            "constant_data": data.drop_vars("value"),
            "observed_data": data[["value"]],
            "provenance": xr.Dataset(attrs={"model": json.dumps(describe(model))}),
        }
    )
    loaded = load(save(tree, tmp_path / "fit.zarr.zip"))
    own, stored, kept = model_of(loaded), data_of(loaded), loaded["posterior"].to_dataset()
    assert own == model
    # Sums over arrays that lie otherwise in memory differ by rounding, and central differences by 1e4 times as much.
    again, estimands = own.estimands(kept, stored), loaded["estimands"].to_dataset()
    xr.testing.assert_allclose(again, estimands, rtol=1e-10, atol=1e-10)
    assert {str(name): one.attrs for name, one in again.items()} == {
        str(name): one.attrs for name, one in estimands.items()
    }
    strangers = table().iloc[:3].assign(site=["S", "Z", "T"], batch=[9, 0, 9]).set_axis(["N1", "N2", "N3"])
    expected = model.predict(posterior, data, model.prepare_new(strangers, data), np.random.default_rng(2))
    found = own.predict(kept, stored, own.prepare_new(strangers, stored), np.random.default_rng(2))
    xr.testing.assert_allclose(found, expected, rtol=1e-10)


SMALL: dict[str, dict[str, Any]] = {
    "two ranks": {"family": "rank", "outcome": "mutated"},
    "an empty category": {"family": "ordinal", "outcome": "grade", "categories": [0, 1, 2, 3, 4]},
    "tiny units": {"family": "gaussian", "outcome": "volume", "predictor": "tiny", "scale": "log"},
}


@pytest.mark.parametrize("case", SMALL)
def test_odd_designs_have_finite_estimands(case):
    options = {"predictor": "x"} | SMALL[case]
    model = Association(options.pop("family"))
    data = model.prepare(table().assign(tiny=table()["x"] * 1e-9), **options)
    drawn = model.draw_prior(data, np.random.default_rng(3), 50)["parameters"].to_dataset().expand_dims(chain=[0])
    estimands = model.estimands(drawn.assign_coords(draw=np.arange(50)), data)
    assert estimands.data_vars
    for own in estimands.data_vars.values():
        assert np.isfinite(own).all()
    assert np.isfinite(model.log_likelihood(drawn, data)["joint"]).all()
