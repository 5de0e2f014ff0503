"""Predictions of each patient from all others, curves, comparisons, and the same question asked otherwise."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from bayesrg.errors import FitError
from bayesrg.models import Association
from bayesrg.models.alternatives import REVERSED, alternatives_of, fit_alternatives, recast, reverse
from bayesrg.models.comparison import compare, original_outcome
from bayesrg.models.curve import predicted_curve
from bayesrg.models.families import Gaussian, Ordinal, StudentT
from bayesrg.models.predictive_checks import check_prediction
from bayesrg.prior import Prior

PATIENTS, PRIOR_DRAWS = 24, 30_000
Sampled = Callable[..., tuple[Association, xr.Dataset, xr.DataTree]]


def make_table() -> pd.DataFrame:
    rng = np.random.default_rng(21)
    size = rng.standard_normal(PATIENTS)
    latent = 0.7 * size + rng.standard_normal(PATIENTS)
    return pd.DataFrame(
        {
            "size": 30.0 + 4.0 * size,
            "volume": np.round(np.exp(0.4 * latent + 2.0), 2),
            "mutated": (latent > 0.2).astype(int),
            "grade": np.digitize(latent, [-0.5, 0.7]) + 2,
            "variants": rng.poisson(np.exp(1.0 + 0.4 * size)),
            "age": rng.normal(50.0, 10.0, PATIENTS),
            "half": 0.5,
        },
        index=[f"P{number}" for number in range(PATIENTS)],
    )


@pytest.fixture(scope="module")
def sampled(draw_weighted: Callable[..., Any], resample: Callable[..., xr.Dataset]) -> Sampled:
    """Fit without a sampler: the tree of an association with posterior draws by importance resampling."""
    made: dict[str, tuple[Association, xr.Dataset, xr.DataTree]] = {}

    def make(family: Any, outcome: str, **options: Any) -> tuple[Association, xr.Dataset, xr.DataTree]:
        key = repr((family, outcome, options))
        if key not in made:
            model = Association(family)
            data = model.prepare(make_table(), outcome=outcome, predictor="size", **options)
            posterior = resample(*draw_weighted(model, data, seed=1, draws=PRIOR_DRAWS), seed=2, draws=2000)
            groups = {
                "posterior": posterior,
                "estimands": model.estimands(posterior, data),
                "log_likelihood": model.log_likelihood(posterior, data),
                "constant_data": data.drop_vars("value"),
                "observed_data": data[["value"]],
            }
            made[key] = model, data, xr.DataTree.from_dict(groups)
        return made[key]

    return make


# Each patient predicted from all others


def test_leave_one_out_density_is_that_of_a_fit_without_the_patient(
    sampled: Sampled, draw_weighted: Callable[..., Any], resample: Callable[..., xr.Dataset]
):
    model, data, tree = sampled("gaussian", "volume", scale="log")
    checked = check_prediction(tree, model)
    for number in (0, 7):
        kept = data.isel(patient=np.arange(PATIENTS) != number)
        posterior = resample(*draw_weighted(model, kept, seed=5, draws=PRIOR_DRAWS), seed=6)
        left_out = model.log_likelihood(posterior, data.isel(patient=[number]))["value"].values
        assert checked["elpd"].values[number] == pytest.approx(np.log(np.exp(left_out).mean()), abs=0.12)


def test_pit_of_a_patient_is_where_the_outcome_lies_in_its_prediction(sampled: Sampled):
    model, data, tree = sampled("gaussian", "volume", scale="log")
    checked = check_prediction(tree, model)
    assert stats.kstest(checked["pit"], "uniform").pvalue > 0.05
    assert np.allclose(stats.norm.cdf(checked["residual"]), checked["pit"], atol=1e-6)
    assert np.corrcoef(checked["residual"], data["value"] - checked["expected"])[0, 1] > 0.98


@pytest.mark.parametrize(
    ("family", "outcome"), [("bernoulli", "mutated"), ("ordinal", "grade"), ("negative_binomial", "variants")]
)
def test_pit_of_a_discrete_outcome_is_spread_over_its_probability(sampled: Sampled, family: str, outcome: str):
    model, _, tree = sampled(family, outcome)
    one, other = check_prediction(tree, model, seed=1), check_prediction(tree, model, seed=2)
    assert check_prediction(tree, model, seed=1).identical(one)
    assert not np.allclose(one["pit"], other["pit"])
    assert ((one["pit"] >= 0) & (one["pit"] <= 1)).all()
    pits = np.concatenate([check_prediction(tree, model, seed=k)["pit"].values for k in range(5)])
    assert pits.mean() == pytest.approx(0.5, abs=0.1)


def test_kinds_without_order_have_probabilities_and_no_pit(sampled: Sampled):
    model, data, tree = sampled("categorical", "grade")
    checked = check_prediction(tree, model)
    assert "pit" not in checked
    assert checked["expected"].dims == ("patient", "category")
    assert np.allclose(checked["expected"].sum("category"), 1.0)
    own = checked["expected"].values[np.arange(PATIENTS), data["value"].values.astype(int)]
    assert np.allclose(np.log(own), checked["elpd"], atol=0.02)


def test_an_outlier_moves_the_posterior():
    table = make_table()
    table.loc["P3", ["size", "volume"]] = [60.0, 0.01]
    model = Association("gaussian")
    data = model.prepare(table, outcome="volume", predictor="size")
    rng = np.random.default_rng(1)
    posterior = xr.Dataset(
        {
            "beta": (("chain", "draw", "term"), rng.normal(0.2, 0.2, (4, 500, 1))),
            "alpha": (("chain", "draw"), rng.normal(0.0, 0.2, (4, 500))),
            "sigma": (("chain", "draw"), rng.uniform(0.15, 0.3, (4, 500))),
        }
    ).assign_coords(chain=np.arange(4), draw=np.arange(500))
    groups = {
        "posterior": posterior,
        "log_likelihood": model.log_likelihood(posterior, data),
        "constant_data": data.drop_vars("value"),
        "observed_data": data[["value"]],
    }
    checked = check_prediction(xr.DataTree.from_dict(groups), model)
    assert checked["pareto_k"].sel(patient="P3").item() > 0.7
    assert checked["pareto_k"].idxmax().item() == "P3"


# The curve


def test_curve_of_a_line_is_the_line_in_units(sampled: Sampled):
    model, data, tree = sampled("gaussian", "volume")
    posterior = tree["posterior"].to_dataset()
    curve = predicted_curve(model, posterior, data, "size", points=5)["expected"]
    assert curve["point"].values[[0, -1]] == pytest.approx([make_table()["size"].min(), make_table()["size"].max()])
    slope = (curve.isel(point=-1) - curve.isel(point=0)) / np.ptp(curve["point"].values)
    drawn = posterior["beta"].isel(term=0).sel(draw=curve["draw"])
    expected = drawn * data.attrs["scale"] / data["predictor_scale"].item()
    assert np.allclose(slope, expected.drop_vars("term"), rtol=1e-9)


def test_curve_is_averaged_over_the_covariates(sampled: Sampled):
    model, data, tree = sampled("bernoulli", "mutated", formula="age")
    posterior = tree["posterior"].to_dataset()
    curve = predicted_curve(model, posterior, data, "size", points=2)["expected"]
    draw = posterior.isel(chain=1, draw=4)
    place = (curve["point"].values[0] - data["predictor_location"].item()) / data["predictor_scale"].item()
    eta = draw["alpha"].item() + draw["beta"].item() * place + data["covariates"].values @ draw["gamma"].values
    assert curve.isel(point=0).sel(chain=1, draw=4).item() == pytest.approx(np.mean(1 / (1 + np.exp(-eta))))


def test_curve_of_ranks_is_the_median_value(sampled: Sampled):
    model, data, tree = sampled("rank", "grade")
    curve = predicted_curve(model, tree["posterior"].to_dataset(), data, "size", points=3)["expected"]
    assert set(np.unique(curve)) <= {2.0, 3.0, 4.0}
    assert curve.isel(point=0).mean() < curve.isel(point=-1).mean()


# Comparison


def test_comparison_knows_the_scale_on_which_each_fit_was_made(sampled: Sampled):
    plain, logged = sampled("gaussian", "volume"), sampled("gaussian", "volume", scale="log")
    table = compare({"plain": plain[2], "log": logged[2]})
    assert list(table.index) == ["log", "plain"]
    assert table["weight"].sum() == pytest.approx(1.0)
    elpd = check_prediction(logged[2], logged[0])["elpd"].sum().item()
    scale = logged[1].attrs["scale"]
    expected = elpd - PATIENTS * np.log(scale) - np.log(make_table()["volume"]).sum()
    assert table.loc["log", "elpd"] == pytest.approx(expected, abs=0.05)
    assert (table["elpd_diff"] <= 0).all()
    assert table.loc["log", "pareto_k"] < 0.7


def test_probabilities_of_the_same_categories_are_compared(sampled: Sampled):
    fits = {family: sampled(family, "grade")[2] for family in ("ordinal", "categorical", "rank")}
    assert set(compare(fits).index) == set(fits)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ((("gaussian", "grade"), {}), (("rank", "grade"), {}), "probability of categories"),
        ((("gaussian", "volume"), {}), (("gaussian", "volume"), {"scale": "rank_normal"}), "normal scores"),
        ((("gaussian", "volume"), {}), (("gaussian", "age"), {}), "outcome"),
        ((("bernoulli", "mutated"), {}), (("bernoulli", "mutated"), {"weights": "age"}), "weigh"),
    ],
)
def test_what_is_not_comparable_is_refused(sampled: Sampled, first: Any, second: Any, said: str):
    trees = {name: sampled(*one[0], **one[1])[2] for name, one in (("first", first), ("second", second))}
    with pytest.raises(FitError, match=said):
        compare(trees)


def test_fits_of_other_patients_are_refused(sampled: Sampled):
    tree = sampled("bernoulli", "mutated")[2]
    with pytest.raises(FitError, match=r"other patients \(23 and 24, 23 in both\)"):
        compare({"all": tree, "some": tree.isel(patient=slice(1, None))})
    with pytest.raises(FitError, match="two fits"):
        compare({"one": tree})


# The same question asked otherwise


@pytest.mark.parametrize(
    ("family", "outcome", "names"),
    [
        ("gaussian", "volume", ["student_t", "rank"]),
        ("student_t", "volume", ["gaussian", "rank"]),
        ("rank", "volume", ["gaussian", "student_t"]),
        ("bernoulli", "mutated", [REVERSED]),
        ("ordinal", "grade", ["category slopes", "categorical"]),
        (Ordinal(proportional=False), "grade", ["proportional odds", "categorical"]),
        ("categorical", "grade", []),
        ("negative_binomial", "variants", ["rank"]),
    ],
)
def test_alternatives_suit_the_outcome(family: Any, outcome: str, names: list[str]):
    model = Association(family)
    data = model.prepare(make_table(), outcome=outcome, predictor="size")
    assert list(alternatives_of(model, data)) == names


@pytest.mark.parametrize(
    ("family", "outcome", "other", "options"),
    [
        ("gaussian", "volume", "rank", {}),
        ("gaussian", "volume", "rank", {"scale": "log"}),
        ("gaussian", "volume", "student_t", {}),
        ("rank", "volume", "gaussian", {}),
        ("ordinal", "grade", "categorical", {}),
        ("negative_binomial", "variants", "rank", {}),
    ],
)
def test_recast_data_are_those_that_the_other_family_would_prepare(
    family: str, outcome: str, other: str, options: dict[str, str]
):
    table = make_table()
    recast_data = recast(Association(family).prepare(table, outcome=outcome, predictor="size", **options), other)
    own = Association(other).prepare(table, outcome=outcome, predictor="size")
    assert np.allclose(recast_data["value"], own["value"])
    if "scale" not in options and other != "rank":
        assert list(original_outcome(recast_data)) == pytest.approx(list(original_outcome(own))) or list(
            original_outcome(recast_data)
        ) == list(original_outcome(own))
    for name in ("category", "cutpoint", "gap"):
        assert (name in recast_data.coords) == (name in own.coords)
        if name in own.coords:
            assert recast_data.sizes[name] == own.sizes[name]
    model = Association(other)
    model.draw_prior(recast_data, np.random.default_rng(1), 3)


def test_a_binary_outcome_reversed_asks_for_the_ranks_of_its_predictor():
    table = make_table()
    data = Association("bernoulli").prepare(
        table, outcome="mutated", predictor="size", direction="genome on image", formula="age"
    )
    turned = reverse(data)
    own = Association("rank").prepare(
        table, outcome="size", predictor="mutated", direction="image on genome", formula="age"
    )
    assert turned.attrs["direction"] == "image on genome"
    assert turned.attrs["outcome"] == "size"
    assert np.array_equal(turned["value"], own["value"])
    for name in ("predictor", "predictor_location", "predictor_scale", "predictor_sd", "predictor_low", "two_valued"):
        assert np.allclose(turned[name], own[name]), name
    assert np.allclose(turned["covariates"], own["covariates"])
    assert json.loads(turned.attrs["predictors"]) == ["mutated"]


def test_text_is_no_number_for_a_density():
    table = make_table().assign(
        word=lambda one: pd.Categorical(one["grade"].map({2: "a", 3: "b", 4: "c"}), ordered=True)
    )
    data = Association("rank").prepare(table, outcome="word", predictor="size")
    with pytest.raises(TypeError, match="no density"):
        recast(data, "gaussian")


def test_alternatives_keep_the_priors_and_the_rope():
    beta = Prior("Normal", {"mu": 0.0, "sigma": 0.5}, "small effects")
    table = make_table()
    one = Association(Ordinal(beta=beta), rope=0.3)
    found = alternatives_of(one, one.prepare(table, outcome="grade", predictor="size"))
    assert found["category slopes"] == Association(Ordinal(beta=beta, proportional=False), rope=0.3)
    heavy = Association(StudentT(beta=beta))
    assert alternatives_of(heavy, heavy.prepare(table, outcome="volume", predictor="size"))["gaussian"] == Association(
        Gaussian(beta=beta)
    )


def test_numbers_whose_order_was_given_by_hand_are_no_measurements():
    model = Association("rank")
    data = model.prepare(make_table(), outcome="grade", predictor="size", categories=[4, 3, 2])
    assert alternatives_of(model, data) == {}


@pytest.mark.parametrize("scale", [1e-14, 1e-3, 1e9])
def test_ranks_do_not_depend_on_the_unit(scale: float):
    table = make_table().assign(volume=lambda one: one["volume"] * scale)
    data = Association("gaussian").prepare(table, outcome="volume", predictor="size")
    ranks = recast(data, "rank")
    assert ranks.sizes["category"] == table["volume"].nunique()
    assert np.allclose(ranks["category"], np.unique(table["volume"]), rtol=1e-9, atol=0.0)


def test_a_fit_without_alternatives_has_none(sampled: Sampled):
    model, _, tree = sampled("categorical", "grade")
    found = fit_alternatives(tree, model, seed=1)
    assert found["mean"].shape == (0, 1)
    assert found.attrs["comparison"] == ""


def test_weights_weigh_the_comparison(sampled: Sampled):
    fits = [sampled("gaussian", "volume", weights="half", scale=scale)[2] for scale in ("z_score", "log")]
    found = compare({"plain": fits[0], "log": fits[1]})
    expected = {}
    for name, tree, scale in (("plain", fits[0], "z_score"), ("log", fits[1], "log")):
        model, data, _ = sampled("gaussian", "volume", weights="half", scale=scale)
        stretch = np.log(data.attrs["scale"]) + (np.log(make_table()["volume"]) if scale == "log" else 0.0)
        expected[name] = 0.5 * (check_prediction(tree, model)["elpd"].values - stretch).sum()
    difference = found.loc["log", "elpd"] - found.loc["plain", "elpd"]
    assert difference == pytest.approx(expected["log"] - expected["plain"], rel=0.1)
