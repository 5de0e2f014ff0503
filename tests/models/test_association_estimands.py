"""The second question of a model, for every family: are its estimands right, by closed forms or by brute force?"""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special, stats

from bayesrg.models import Association
from bayesrg.models.association import MEANING
from bayesrg.models.families import Ordinal

PATIENTS, DRAWS = 40, 6
BY_CUTPOINT = Association(Ordinal(proportional=False))
# Case -> the model, its outcome, and what `prepare` is told of it.
CASES: dict[str, tuple[Association, str, dict[str, Any]]] = {
    "gaussian": (Association("gaussian"), "volume_ml", {}),
    "student_t": (Association("student_t"), "volume_ml", {}),
    "bernoulli": (Association("bernoulli"), "mutated", {}),
    "ordinal": (Association("ordinal"), "grade", {}),
    "ordinal_category_slopes": (BY_CUTPOINT, "grade", {}),
    "categorical": (Association("categorical"), "cluster", {"reference": {"cluster": "R2"}}),
    "negative_binomial": (Association("negative_binomial"), "variants", {"exposure": "megabases"}),
    "rank": (Association("rank"), "size", {}),
}
ADJUSTED = {"formula": "age + male", "group": "site"}


@pytest.fixture(scope="module")
def association(load_script: Callable[..., ModuleType]) -> ModuleType:
    """The plain model, with its estimands the slow way."""
    return load_script("plain", "association")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Patients with every kind of outcome and predictor; what outcomes hold matters for their scale alone."""
    rng, number = np.random.default_rng(2), np.arange(PATIENTS)
    return pd.DataFrame(
        {
            "feature": rng.normal(30.0, 8.0, PATIENTS),
            "copies": np.where(number % 3 == 0, 4.0, 2.0),
            "shape": np.array(["lobed", "round", "spiked"])[rng.permutation(number) % 3],
            "age": rng.normal(50.0, 10.0, PATIENTS),
            "male": rng.permutation(number) % 2,
            "site": np.array(list("ABC"))[rng.permutation(number) % 3],
            "volume_ml": np.exp(rng.normal(3.0, 0.8, PATIENTS)),
            "mutated": rng.permutation(number) % 2,
            "grade": rng.permutation(number) % 4,
            "cluster": np.array(["R1", "R2", "R3"])[rng.permutation(number) % 3],
            "variants": rng.poisson(rng.gamma(2.0, 4.0, PATIENTS)),
            "megabases": rng.uniform(20.0, 40.0, PATIENTS),
            "size": rng.permutation(number) % 7,
        }
    )


def lay_out(table: pd.DataFrame, case: str, predictor: str | list[str], **more: Any) -> xr.Dataset:
    model, outcome, options = CASES[case]
    return model.prepare(table, outcome=outcome, predictor=predictor, **options, **more)


def draw_posterior(model: Association, data: xr.Dataset) -> xr.Dataset:
    """Draws of the prior in the shape of a posterior of two chains; large effects are drawn nearer."""
    drawn = model.draw_prior(data, np.random.default_rng(3), DRAWS)["parameters"].to_dataset()
    near = {name: 0.5 * drawn[name] for name in ("beta", "gamma", "group_effect") if name in drawn}
    index = pd.MultiIndex.from_product([[0, 1], range(DRAWS // 2)], names=["chain", "draw"])
    coords = xr.Coordinates.from_pandas_multiindex(index, "both")
    return drawn.assign(near).rename(draw="both").assign_coords(coords).unstack("both").transpose("chain", "draw", ...)


def at_draw(dataset: xr.Dataset, number: int) -> dict[str, np.ndarray]:
    chain, draw = divmod(number, DRAWS // 2)
    return {str(name): own.values for name, own in dataset.isel(chain=chain, draw=draw).data_vars.items()}


def plain_arrays(data: xr.Dataset) -> dict[str, Any]:
    return {
        "predictor": data["predictor"].values,
        "covariate": data["covariates"].values,
        "groups": data["group_index"].values if data.sizes["grouping"] else None,
    }


def of_plain(model: Association, parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters as the plain model has them: cutpoints are made of probabilities there."""
    return {name: own for name, own in parameters.items() if name != "alpha" or not model.family.ordered}


# Every estimand is known, and says what it is


@pytest.mark.parametrize("case", list(CASES))
def test_estimands_have_their_dims_meaning_and_coordinates(table: pd.DataFrame, case: str):
    model = CASES[case][0]
    data = lay_out(table, case, ["feature", "copies"], **ADJUSTED)
    posterior = draw_posterior(model, data)
    found = model.estimands(posterior, data)
    assert set(map(str, found.data_vars)) <= set(MEANING)
    for name, own in found.data_vars.items():
        assert own.dims[:2] == ("chain", "draw")
        assert own.attrs["meaning"] == MEANING[str(name)]
        assert np.isfinite(own).all()
        assert own.dtype.kind == ("b" if name in ("above_zero", "inside_rope") else "f")
    for dim in set(found.dims):
        assert dim in found.coords
    assert set(json.loads(found.attrs["absent"])).isdisjoint(map(str, found.data_vars))


def test_every_estimand_belongs_to_some_family(table: pd.DataFrame):
    found = {"geometric_mean_ratio"}  # of an outcome on the log scale, see below
    for case, (model, _, _) in CASES.items():
        data = lay_out(table, case, "feature")
        found |= set(map(str, model.estimands(draw_posterior(model, data), data).data_vars))
    assert found == set(MEANING)


@pytest.mark.parametrize("case", list(CASES))
def test_draws_do_not_depend_on_each_other(table: pd.DataFrame, case: str):
    model, data = CASES[case][0], lay_out(table, case, ["feature", "copies"], **ADJUSTED)
    posterior = draw_posterior(model, data)
    one = posterior.isel(chain=[1], draw=[2])
    xr.testing.assert_allclose(
        model.estimands(posterior, data).isel(chain=[1], draw=[2]), model.estimands(one, data), rtol=1e-9
    )


# Effects and ratios


@pytest.mark.parametrize("case", ["gaussian", "student_t"])
def test_effects_on_a_continuous_outcome_are_in_its_units(table: pd.DataFrame, case: str):
    model = CASES[case][0]
    data = lay_out(table, case, ["feature", "copies"], units={"volume_ml": "mL"}, **ADJUSTED)
    posterior = draw_posterior(model, data)
    found, beta = model.estimands(posterior, data), posterior["beta"]
    outcome_sd, feature_sd = table["volume_ml"].std(), table["feature"].std()
    effect = found["effect"]
    assert effect.attrs["unit"] == "mL"
    np.testing.assert_allclose(effect.sel(term="feature", step="sd"), beta.sel(term="feature") * outcome_sd)
    np.testing.assert_allclose(
        effect.sel(term="feature", step="unit"), beta.sel(term="feature") * outcome_sd / feature_sd
    )
    # Two values, 2 and 4: the step is from one to the other.
    np.testing.assert_allclose(effect.sel(term="copies", step="unit"), beta.sel(term="copies") * outcome_sd)
    sd_in_steps = table["copies"].std() / 2.0
    np.testing.assert_allclose(effect.sel(term="copies", step="sd"), beta.sel(term="copies") * outcome_sd * sd_in_steps)
    np.testing.assert_allclose(found["standardised_effect"].sel(term="feature"), beta.sel(term="feature"))
    np.testing.assert_allclose(found["standardised_effect"].sel(term="copies"), beta.sel(term="copies") * sd_in_steps)


def test_effects_recover_a_line_in_the_units_of_the_table(table: pd.DataFrame):
    """A line without noise: least squares on the model's scale, taken back to units, is the line itself."""
    exact = table.assign(volume_ml=lambda own: 5.0 + 0.7 * own["feature"] - 3.0 * own["copies"])
    model, data = CASES["gaussian"][0], lay_out(exact, "gaussian", ["feature", "copies"])
    beta = np.linalg.lstsq(data["predictor"].values, data["value"].values)[0]
    posterior = draw_posterior(model, data)
    posterior["beta"] = beta + 0.0 * posterior["beta"]
    effect = model.estimands(posterior, data)["effect"].sel(step="unit")
    np.testing.assert_allclose(effect.sel(term="feature"), 0.7)
    np.testing.assert_allclose(effect.sel(term="copies"), -6.0)


def test_on_the_log_scale_effects_are_ratios_of_geometric_means(table: pd.DataFrame):
    exact = table.assign(volume_ml=lambda own: 20.0 * 1.05 ** own["feature"] * 1.5 ** (0.5 * own["copies"]))
    model, data = (
        CASES["gaussian"][0],
        lay_out(exact, "gaussian", ["feature", "copies"], scale="log", units={"volume_ml": "mL"}),
    )
    posterior = draw_posterior(model, data)
    posterior["beta"] = np.linalg.lstsq(data["predictor"].values, data["value"].values)[0] + 0.0 * posterior["beta"]
    found = model.estimands(posterior, data)
    ratio = found["geometric_mean_ratio"]
    np.testing.assert_allclose(ratio.sel(term="feature", step="unit"), 1.05)
    np.testing.assert_allclose(ratio.sel(term="feature", step="sd"), 1.05 ** table["feature"].std())
    np.testing.assert_allclose(ratio.sel(term="copies", step="unit"), 1.5)
    np.testing.assert_allclose(np.log(ratio), found["effect"])
    assert found["effect"].attrs["unit"] == ""


def test_normal_scores_have_no_units_and_no_ratio(table: pd.DataFrame):
    model, data = CASES["gaussian"][0], lay_out(table, "gaussian", "feature", scale="rank_normal")
    posterior = draw_posterior(model, data)
    found = model.estimands(posterior, data)
    assert "geometric_mean_ratio" not in found
    assert found["effect"].attrs["unit"] == ""
    np.testing.assert_allclose(found["effect"].sel(step="sd"), posterior["beta"] * data.attrs["scale"])


@pytest.mark.parametrize(
    ("case", "ratio"), [("bernoulli", "odds_ratio"), ("ordinal", "odds_ratio"), ("negative_binomial", "rate_ratio")]
)
def test_ratios_are_those_of_odds_and_of_rates(table: pd.DataFrame, case: str, ratio: str):
    model, data = CASES[case][0], lay_out(table, case, ["feature", "copies"])
    posterior = draw_posterior(model, data)
    found, beta = model.estimands(posterior, data), posterior["beta"]
    np.testing.assert_allclose(found[ratio].sel(term="feature", step="sd"), np.exp(beta.sel(term="feature")))
    per_unit = np.exp(beta.sel(term="feature") / table["feature"].std())
    np.testing.assert_allclose(found[ratio].sel(term="feature", step="unit"), per_unit)
    np.testing.assert_allclose(found[ratio].sel(term="copies", step="unit"), np.exp(beta.sel(term="copies")))
    # What they are ratios of, in the first patient moved by one sd:
    moved = table.assign(feature=table["feature"] + table["feature"].std())
    low, high = (
        model.predict(posterior, data, model.prepare_new(own, data), np.random.default_rng(1))["expected"].isel(
            patient=0
        )
        for own in (table, moved)
    )
    if case == "ordinal":
        low, high = (own.isel(category=slice(2, None)).sum("category") for own in (low, high))
    low, high = (low, high) if case == "negative_binomial" else (low / (1.0 - low), high / (1.0 - high))
    np.testing.assert_allclose(found[ratio].sel(term="feature", step="sd"), high / low, rtol=1e-6)


def test_a_ratio_per_unit_of_a_tiny_scale_stays_finite(table: pd.DataFrame):
    tiny = table.assign(feature=table["feature"] * 1e-9)
    model, data = CASES["bernoulli"][0], lay_out(tiny, "bernoulli", "feature")
    ratio = model.estimands(draw_posterior(model, data), data)["odds_ratio"].sel(step="unit")
    assert np.isfinite(ratio).all()
    assert ratio.max() > 1e300


def test_a_rank_has_a_shift_of_the_probit_and_no_ratio(table: pd.DataFrame):
    model, data = CASES["rank"][0], lay_out(table, "rank", "feature")
    posterior = draw_posterior(model, data)
    found = model.estimands(posterior, data)
    assert not {"odds_ratio", "rate_ratio", "geometric_mean_ratio", "average_marginal_effect"} & set(found)
    np.testing.assert_allclose(found["effect"].sel(step="sd"), posterior["beta"])


def test_kinds_are_compared_with_the_reference_that_was_named(table: pd.DataFrame):
    model, data = CASES["categorical"][0], lay_out(table, "categorical", ["feature", "copies"])
    posterior = draw_posterior(model, data)
    found, beta = model.estimands(posterior, data), posterior["beta"]
    assert list(found["contrast"].values) == ["R1 / R2", "R3 / R2"]
    for contrast in ("R1 / R2", "R3 / R2"):
        kind, base = contrast.split(" / ")
        slope = beta.sel(category=kind) - beta.sel(category=base)
        np.testing.assert_allclose(
            found["effect"].sel(step="sd", contrast=contrast, term="feature"), slope.sel(term="feature")
        )
        np.testing.assert_allclose(
            found["odds_ratio"].sel(step="unit", contrast=contrast, term="copies"), np.exp(slope.sel(term="copies"))
        )
        np.testing.assert_array_equal(found["above_zero"].sel(contrast=contrast), slope > 0.0)
        np.testing.assert_array_equal(found["inside_rope"].sel(contrast=contrast), np.abs(slope) < 0.18)
    first = lay_out(table, "categorical", "feature").assign_attrs(reference="{}")
    assert list(model.estimands(draw_posterior(model, first), first)["contrast"].values) == ["R2 / R1", "R3 / R1"]


@pytest.mark.parametrize(
    ("case", "half"), [("gaussian", 0.1), ("bernoulli", 0.18), ("rank", 0.1), ("negative_binomial", 0.1)]
)
def test_signs_and_the_region_of_practical_equivalence_are_those_of_beta(table: pd.DataFrame, case: str, half: float):
    model, data = CASES[case][0], lay_out(table, case, "feature")
    posterior = draw_posterior(model, data)
    posterior["beta"] = posterior["beta"].dims, half * np.array([-2.0, -1.01, -0.99, 0.01, 0.99, 1.01]).reshape(2, 3, 1)
    found = model.estimands(posterior, data)
    assert found["above_zero"].values.ravel().tolist() == [False, False, False, True, True, True]
    assert found["inside_rope"].values.ravel().tolist() == [False, False, True, True, True, False]
    wider = Association(model.family, rope=1.5 * half).estimands(posterior, data)
    assert wider["inside_rope"].values.ravel().tolist() == [False, True, True, True, True, True]


# What is averaged over the patients


@pytest.mark.parametrize("adjusted", [False, True], ids=["alone", "with covariates and sites"])
@pytest.mark.parametrize(
    "case", ["bernoulli", "ordinal", "ordinal_category_slopes", "categorical", "negative_binomial"]
)
def test_marginal_effects_and_risk_differences_are_those_by_brute_force(
    association: ModuleType, table: pd.DataFrame, case: str, adjusted: bool
):
    model, data = CASES[case][0], lay_out(table, case, ["feature", "copies"], **(ADJUSTED if adjusted else {}))
    posterior = draw_posterior(model, data)
    found, family, arrays = model.estimands(posterior, data), model.family.name, plain_arrays(data)
    if case == "negative_binomial":
        assert "risk_difference" not in found
        arrays["offset"] = data["offset"].values
    centred = [np.quantile(table["feature"], (0.25, 0.75)), np.array([2.0, 4.0])]
    ends = [
        (centred[0] - table["feature"].mean()) / table["feature"].std(),
        (centred[1] - table["copies"].mean()) / 2.0,
    ]
    for number in range(DRAWS):
        ours, parameters = at_draw(found, number), of_plain(model, at_draw(posterior, number))
        differences = [
            association.risk_difference(family, parameters=parameters, term=term, low=low, high=high, **arrays)
            for term, (low, high) in enumerate(ends)
        ]
        slope = association.average_marginal_effect(family, parameters=parameters, term=0, **arrays)
        marginal = ours["average_marginal_effect"]  # (term, step[, category])
        np.testing.assert_allclose(marginal[0, 0], slope, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(marginal[0, 1], slope / table["feature"].std(), rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(marginal[1, 1], differences[1], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(marginal[1, 0], differences[1] * table["copies"].std() / 2.0, rtol=1e-9, atol=1e-12)
        if case != "negative_binomial":
            np.testing.assert_allclose(ours["risk_difference"], differences, rtol=1e-9, atol=1e-12)


def test_risks_of_one_two_valued_predictor_have_a_closed_form(table: pd.DataFrame):
    model, data = CASES["bernoulli"][0], lay_out(table, "bernoulli", "copies")
    posterior = draw_posterior(model, data)
    alpha, beta = posterior["alpha"], posterior["beta"].isel(term=0)
    low, high = (np.array([2.0, 4.0]) - table["copies"].mean()) / 2.0
    expected = special.expit(alpha + beta * high) - special.expit(alpha + beta * low)
    np.testing.assert_allclose(model.estimands(posterior, data)["risk_difference"].isel(term=0), expected)


def test_marginal_effect_of_a_rate_is_the_slope_times_the_mean_count(table: pd.DataFrame):
    model, data = CASES["negative_binomial"][0], lay_out(table, "negative_binomial", "feature", **ADJUSTED)
    posterior = draw_posterior(model, data)
    mean = model.predict(posterior, data, data, np.random.default_rng(1))["expected"].mean("patient")
    found = model.estimands(posterior, data)["average_marginal_effect"]
    assert found.attrs["unit"] == "count"
    np.testing.assert_allclose(found.sel(step="sd").isel(term=0), posterior["beta"].isel(term=0) * mean, rtol=1e-5)


@pytest.mark.parametrize("case", ["bernoulli", "ordinal", "ordinal_category_slopes", "categorical"])
def test_levels_of_a_factor_are_compared_with_its_reference(association: ModuleType, table: pd.DataFrame, case: str):
    """All patients get the level, or the reference; no patient has two levels at once."""
    given = {"reference": {**CASES[case][2].get("reference", {}), "shape": "round"}}
    model = CASES[case][0]
    data = model.prepare(table, outcome=CASES[case][1], predictor=["shape", "feature"], **ADJUSTED, **given)
    assert list(data["term"].values) == ["shape[lobed]", "shape[spiked]", "feature"]
    posterior = draw_posterior(model, data)
    found, arrays = model.estimands(posterior, data), plain_arrays(data)
    indicators = np.stack([table["shape"] == level for level in ("lobed", "spiked")], axis=1).astype(float)
    reference = arrays["predictor"].copy()
    reference[:, :2] = -indicators.mean(axis=0)
    ordered = model.family.ordered
    for number in range(DRAWS):
        ours, parameters = at_draw(found, number), of_plain(model, at_draw(posterior, number))
        for term in (0, 1):
            low, high = -indicators[:, term].mean(), 1.0 - indicators[:, term].mean()
            question = {
                **arrays,
                "predictor": reference,
                "parameters": parameters,
                "term": term,
                "low": low,
                "high": high,
            }
            expected = association.risk_difference(model.family.name, **question)
            np.testing.assert_allclose(ours["risk_difference"][term], expected, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(ours["average_marginal_effect"][term, 1], expected, rtol=1e-9, atol=1e-12)
            if ordered:
                superiority = association.probability_of_superiority(model.family.name, **question)
                assert ours["probability_of_superiority"][term] == pytest.approx(superiority, abs=1e-9)


def test_probabilities_of_all_categories_change_by_nothing_in_sum(table: pd.DataFrame):
    for case in ("ordinal", "ordinal_category_slopes", "categorical"):
        model, data = CASES[case][0], lay_out(table, case, ["feature", "shape"], **ADJUSTED)
        found = model.estimands(draw_posterior(model, data), data)
        for name in ("average_marginal_effect", "risk_difference"):
            np.testing.assert_allclose(found[name].sum("category"), 0.0, atol=1e-9)
            assert np.abs(found[name]).max() > 0.01


# Superiority


@pytest.mark.parametrize("adjusted", [False, True], ids=["alone", "with covariates and sites"])
@pytest.mark.parametrize("case", ["ordinal", "ordinal_category_slopes", "rank"])
def test_superiority_is_that_of_all_pairs_of_categories(
    association: ModuleType, table: pd.DataFrame, case: str, adjusted: bool
):
    model, data = CASES[case][0], lay_out(table, case, ["feature", "copies"], **(ADJUSTED if adjusted else {}))
    posterior = draw_posterior(model, data)
    found, arrays = model.estimands(posterior, data)["probability_of_superiority"], plain_arrays(data)
    quartiles = np.quantile(table["feature"], (0.25, 0.75))
    ends = [
        (quartiles - table["feature"].mean()) / table["feature"].std(),
        np.array([2.0, 4.0]) / 2.0 - table["copies"].mean() / 2.0,
    ]
    for number in range(DRAWS):
        parameters = of_plain(model, at_draw(posterior, number))
        for term, (low, high) in enumerate(ends):
            expected = association.probability_of_superiority(
                model.family.name, parameters=parameters, term=term, low=low, high=high, **arrays
            )
            assert float(found.isel(term=term).values[divmod(number, DRAWS // 2)]) == pytest.approx(expected, abs=1e-9)


def test_superiority_of_many_ranks_is_that_of_two_normals():
    """P(Y1 > Y0) = Phi(distance / sqrt 2) for normals; 400 categories of equal size differ from it by 1 / 400."""
    number = np.arange(400)
    table = pd.DataFrame({"size": np.random.default_rng(1).permutation(number), "feature": number % 2})
    model = CASES["rank"][0]
    data = model.prepare(table, outcome="size", predictor="feature")
    alpha = special.ndtri(np.arange(1, 400) / 400)
    beta = np.array([-1.5, -0.2, 0.0, 0.4, 1.0, 2.0])
    posterior = xr.Dataset(
        {
            "beta": (("chain", "draw", "term"), beta.reshape(1, 6, 1)),
            "alpha": (("chain", "draw", "cutpoint"), np.broadcast_to(alpha, (1, 6, 399))),
        },
        coords={"chain": [0], "draw": range(6)},
    )
    found = model.estimands(posterior, data)["probability_of_superiority"].values.ravel()
    np.testing.assert_allclose(found, special.ndtr(beta / np.sqrt(2.0)), atol=1.0 / 400)
    assert found[2] == pytest.approx(0.5)


def test_superiority_is_not_changed_by_an_increasing_transformation(table: pd.DataFrame):
    model = CASES["rank"][0]
    data = lay_out(table, "rank", "feature")
    other = lay_out(table.assign(size=np.exp(table["size"])), "rank", "feature")
    posterior = draw_posterior(model, data)
    first, second = (model.estimands(posterior, own)["probability_of_superiority"] for own in (data, other))
    np.testing.assert_array_equal(first, second)


def test_quartiles_that_coincide_give_way_to_extremes(table: pd.DataFrame):
    counts = table.assign(feature=np.where(np.arange(PATIENTS) < 34, 0.0, np.arange(PATIENTS) - 33.0))
    data = lay_out(counts, "bernoulli", "feature")
    assert (float(data["predictor_low"].item()), float(data["predictor_high"].item())) == (0.0, 6.0)
    model, posterior = CASES["bernoulli"][0], draw_posterior(CASES["bernoulli"][0], data)
    low, high = ((np.array([0.0, 6.0]) - counts["feature"].mean()) / counts["feature"].std()).tolist()
    beta = posterior["beta"].isel(term=0)
    expected = special.expit(posterior["alpha"] + beta * high) - special.expit(posterior["alpha"] + beta * low)
    np.testing.assert_allclose(model.estimands(posterior, data)["risk_difference"].isel(term=0), expected)


# Slopes by cutpoint, and explained variance


def test_slopes_by_cutpoint_are_derivatives_of_log_odds_or_differences_between_two_values(
    association: ModuleType, table: pd.DataFrame
):
    data = lay_out(table, "ordinal_category_slopes", ["feature", "copies"], **ADJUSTED)
    posterior = draw_posterior(BY_CUTPOINT, data)
    found = BY_CUTPOINT.estimands(posterior, data)
    assert list(found["cutpoint"].values) == ["0|1", "1|2", "2|3"]
    for number in range(DRAWS):
        parameters = {
            name: own for name, own in at_draw(posterior, number).items() if name in ("alpha", "beta", "delta")
        }
        slopes = found["category_slope"].values[divmod(number, DRAWS // 2)]
        for term, ends in ((0, {}), (1, dict(zip(("low", "high"), np.unique(data["predictor"][:, 1]), strict=True)))):
            expected = association.category_slopes("ordinal", parameters, term, **ends)
            np.testing.assert_allclose(slopes[term], expected, rtol=1e-5, atol=1e-5)
        difference = found["slope_difference"].values[divmod(number, DRAWS // 2)]
        np.testing.assert_allclose(difference, slopes[:, -1] - slopes[:, 0])
    assert set(json.loads(found.attrs["absent"])) == {"effect", "odds_ratio"}
    np.testing.assert_array_equal(found["above_zero"], found["category_slope"] > 0.0)


def test_cutpoints_without_stretch_have_proportional_odds(table: pd.DataFrame):
    data = lay_out(table, "ordinal", ["feature", "copies"], **ADJUSTED)
    proportional = CASES["ordinal"][0]
    posterior = draw_posterior(proportional, data)
    none = posterior.assign(delta=0.0 * posterior["beta"] * xr.ones_like(data["gap"], dtype=float))
    expected, found = proportional.estimands(posterior, data), BY_CUTPOINT.estimands(none, data)
    for name in ("average_marginal_effect", "risk_difference", "probability_of_superiority"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-9)
    np.testing.assert_allclose(found["slope_difference"], 0.0, atol=1e-12)
    np.testing.assert_allclose(
        found["category_slope"].isel(cutpoint=2),
        expected["effect"].sel(step="sd").isel(term=[0, 1]) / [1.0, float(table["copies"].std()) / 2.0],
    )


def test_explained_variance_is_that_of_the_linear_predictor(table: pd.DataFrame):
    model, data = CASES["gaussian"][0], lay_out(table, "gaussian", "feature")
    posterior = draw_posterior(model, data)
    signal = posterior["beta"].isel(term=0) ** 2 * (PATIENTS - 1) / PATIENTS  # the predictor has sd 1, with n - 1
    np.testing.assert_allclose(
        model.estimands(posterior, data)["r_squared"], signal / (signal + posterior["sigma"] ** 2)
    )
    adjusted = lay_out(table, "gaussian", "feature", **ADJUSTED)
    more = draw_posterior(model, adjusted)
    eta = (more["beta"] * adjusted["predictor"]).sum("term") + (more["gamma"] * adjusted["covariates"]).sum("covariate")
    effects = more["group_effect"].isel(level=adjusted["group_index"].isel(grouping=0))
    signal = (eta + effects).var("patient")
    np.testing.assert_allclose(model.estimands(more, adjusted)["r_squared"], signal / (signal + more["sigma"] ** 2))


def test_the_region_that_a_normal_slope_lies_in_has_the_probability_of_its_draws(table: pd.DataFrame):
    """The means of the indicators are the probabilities that they are read as."""
    model, data = CASES["bernoulli"][0], lay_out(table, "bernoulli", "feature")
    draws = 20_000
    beta = np.random.default_rng(5).normal(0.1, 0.2, draws)
    posterior = xr.Dataset(
        {
            "beta": (("chain", "draw", "term"), beta.reshape(1, draws, 1)),
            "alpha": (("chain", "draw"), np.zeros((1, draws))),
        },
        coords={"chain": [0], "draw": range(draws)},
    )
    found, exact = model.estimands(posterior, data), stats.norm(0.1, 0.2)
    error = 4.0 * 0.5 / np.sqrt(draws)  # four Monte Carlo errors at most
    assert float(found["above_zero"].mean()) == pytest.approx(exact.sf(0.0), abs=error)
    assert float(found["inside_rope"].mean()) == pytest.approx(exact.cdf(0.18) - exact.cdf(-0.18), abs=error)
