"""What the stability model prepares, simulates, recovers, predicts and scores, against dense algebra and by hand."""

import json
from collections.abc import Callable
from types import ModuleType

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

from bayesrg.errors import DesignError, TableError
from bayesrg.inference import Sampler
from bayesrg.models import IndependentSds, Priors, Stability
from bayesrg.models.layout import EFFECTS, Layout
from bayesrg.prior import Prior

MakeTable = Callable[..., pd.DataFrame]
Prepare = Callable[..., xr.Dataset]
ALL = {"subject": 4, "session": 2, "scanner": 2, "preprocessing": 3}
VARIANCE = np.array([0.8, 0.2, 0.3, 0.15, 0.1, 0.2, 0.4])


class Stated:
    """Stands where a generator is asked for, and gives the noise it was told to."""

    def __init__(self, noise: np.ndarray) -> None:
        self.noise = noise

    def standard_normal(self, shape: tuple[int, ...]) -> np.ndarray:
        assert shape == self.noise.shape
        return self.noise


def repeat(data: xr.Dataset, variance: np.ndarray, draws: int = 1) -> xr.Dataset:
    """A posterior whose every draw has the same variances."""
    return xr.Dataset(
        {"variance": (("chain", "draw", "component"), np.broadcast_to(variance, (1, draws, len(variance))))},
        coords={"chain": [0], "draw": np.arange(draws), "component": data["component"]},
    )


def lay_out(plain: ModuleType, table: pd.DataFrame, data: xr.Dataset) -> dict[str, np.ndarray]:
    factors = [table[role].to_numpy() if role in table else None for role in ALL]
    interactions = [name for name in data["component"].values if ":" in name]
    return plain.lay_out(*factors, session_design=data.attrs["session_design"], interactions=interactions)


# Components


def components(data: xr.Dataset) -> list[str]:
    return [str(name) for name in data["component"].values]


def test_interactions_are_on_when_the_design_identifies_them(make_table: MakeTable, prepare: Prepare):
    assert components(prepare(make_table(**ALL))) == [*EFFECTS, "residual"]


def test_interactions_are_off_when_they_are_the_residual(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(subject=6, scanner=3))
    assert components(data) == ["subject", "scanner", "residual"]
    assert json.loads(data.attrs["not_identified"]) == ["subject:scanner"]


def test_interactions_can_be_switched_off(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(**ALL), Stability(interactions=()))
    assert components(data) == ["subject", "session", "scanner", "preprocessing", "residual"]
    data = prepare(make_table(**ALL), Stability(interactions=("subject:preprocessing",)))
    assert components(data)[4:] == ["subject:preprocessing", "residual"]


def test_interaction_that_cannot_be_known_is_refused_when_asked_for(make_table: MakeTable, prepare: Prepare):
    with pytest.raises(DesignError, match="subject:scanner and residual"):
        prepare(make_table(subject=6, scanner=3), Stability(interactions=("subject:scanner",)))


def test_nested_sessions_belong_to_their_subject_and_crossed_ones_to_all(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    assert prepare(table).sizes["session"] == 4 * 2
    assert prepare(table, Stability(session="crossed")).sizes["session"] == 2
    assert prepare(table, Stability(session="visit")).sizes["session"] == 4 * 2 * 2


# Designs that cannot tell components apart


def rows(text: str) -> pd.DataFrame:
    """Table from lines of "subject session scanner"; the values are noise."""
    table = pd.DataFrame(
        [line.split() for line in text.strip().splitlines()], columns=["subject", "session", "scanner"]
    )
    return table.assign(value=np.random.default_rng(1).standard_normal(len(table)))


def test_one_session_a_scanner_is_refused_by_name(prepare: Prepare):
    table = pd.DataFrame(list(np.ndindex(5, 2, 2)), columns=["subject", "session", "replicate"])
    table["scanner"] = table["session"]
    table["value"] = np.random.default_rng(1).standard_normal(len(table))
    with pytest.raises(DesignError, match="session and scanner") as caught:
        prepare(table, Stability(session="crossed"))
    assert "2 levels, scanner: 2 levels" in str(caught.value)
    assert "Leave one of them out" in str(caught.value)


def test_each_subject_on_one_scanner_is_refused_by_name(prepare: Prepare):
    table = pd.DataFrame({"subject": list("aabbcc"), "scanner": list("xxyyzz"), "value": [1.0, 2, 3, 4, 5, 7]})
    with pytest.raises(DesignError, match="subject and scanner"):
        prepare(table)


def test_one_session_a_subject_is_refused_by_name(prepare: Prepare):
    table = pd.DataFrame({"subject": list("aabbcc"), "session": list("111111"), "value": [1.0, 2, 3, 4, 5, 7]})
    with pytest.raises(DesignError, match="subject and session"):
        prepare(table)


def test_one_measurement_a_session_is_refused_by_name(prepare: Prepare):
    table = pd.DataFrame({"subject": list("aabbcc"), "session": list("121212"), "value": [1.0, 2, 3, 4, 5, 7]})
    with pytest.raises(DesignError, match="session and residual"):
        prepare(table)


def test_one_scanner_is_refused_by_name(prepare: Prepare):
    table = pd.DataFrame({"subject": list("aabbcc"), "scanner": list("xxxxxx"), "value": [1.0, 2, 3, 4, 5, 7]})
    with pytest.raises(DesignError, match=r"^scanner.*one level only"):
        prepare(table)


# Tables that hold what they must not


def test_visit_needs_a_scanner(make_table: MakeTable, prepare: Prepare):
    with pytest.raises(TableError, match=r"name .*scanner"):
        prepare(make_table(subject=3, session=2, preprocessing=2), Stability(session="visit"))


def test_text_among_numbers_is_named_by_row_and_column(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    table["value"] = table["value"].astype(object)
    table.loc[7, "value"] = "n/a?"
    with pytest.raises(TableError, match=r"'value', row 7: 'n/a\?' is not a number"):
        prepare(table)


def test_missing_label_is_named_by_row_and_column(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL).astype({"scanner": object})
    table.loc[[3, 5], "scanner"] = None
    with pytest.raises(TableError, match=r"'scanner' \(scanner\) has 2 missing label\(s\), at row\(s\) 3, 5"):
        prepare(table)


def test_missing_values_are_left_out_and_counted(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    table.loc[[0, 10], "value"] = np.nan
    data = prepare(table)
    assert data.sizes["measurement"] == len(table) - 2
    assert json.loads(data.attrs["dropped"]) == {"value is missing": 2}


@pytest.mark.parametrize("options", [{"session": "weekly"}, {"interactions": ("scanner:preprocessing",)}])
def test_unknown_options_are_type_errors(options: dict):
    with pytest.raises(TypeError, match="unknown"):
        Stability(**options)


def test_a_mean_that_cannot_be_integrated_out_is_refused():
    with pytest.raises(TypeError, match="Normal prior with mean 0"):
        Priors(mu=Prior("StudentT", {"nu": 3.0, "mu": 0.0, "sigma": 1.0}, "heavy tails"))


# Balance


def test_a_missing_row_is_the_only_difference_between_the_two_forms(balanced: xr.Dataset, unbalanced: xr.Dataset):
    assert Layout(balanced).strata is not None
    assert Layout(unbalanced).strata is None
    assert Layout(balanced.isel(measurement=slice(1, None))).strata is None


# Simulation


@pytest.mark.parametrize("session", ["nested", "crossed", "visit"])
def test_simulated_data_have_the_covariance_of_the_plain_model(
    plain: ModuleType, make_table: MakeTable, prepare: Prepare, session: str
):
    table = make_table(missing=0.2, **ALL)
    data = prepare(table, Stability(session=session))
    draws = 20_000
    many = Stability()._simulate(data, np.random.default_rng(2), np.broadcast_to(VARIANCE, (draws, 7)))
    expected = plain.covariance(lay_out(plain, table, data), VARIANCE)
    values = many["data"]["value"].values
    # A sample covariance of normals has this standard error; five of it, for about 700 different entries.
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / draws)
    assert (np.abs(values.T @ values / draws - expected) < 5.0 * error).all()
    np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=5.0 * np.sqrt(expected[0, 0] / draws))


def test_simulation_at_stated_parameters(balanced: xr.Dataset):
    parameters = xr.Dataset(
        {"variance": ("component", [0, 0, 0, 0, 0, 0, 1e-12])}, {"component": balanced["component"]}
    )
    tree = Stability().simulate(balanced, np.random.default_rng(1), parameters.assign(mu=3.0))
    np.testing.assert_allclose(tree["data"]["value"], 3.0, atol=1e-5)
    assert tree["parameters"]["alpha"].dims == ("subject",)


def test_simulation_is_the_same_for_the_same_seed(balanced: xr.Dataset):
    first, again = (Stability().simulate(balanced, np.random.default_rng(5)) for _ in range(2))
    assert first.identical(again)


# Recovery of effects, exactly: effects = mean + L noise is linear in the noise, so the mean and L L' can be read off.


@pytest.mark.parametrize("session", ["nested", "crossed", "visit"])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_recovered_effects_have_the_dense_conditional_moments(
    plain: ModuleType, make_table: MakeTable, prepare: Prepare, session: str, missing: float
):
    table = make_table(missing=missing, **ALL)
    data = prepare(table, Stability(session=session))
    levels = lay_out(plain, table, data)
    mean, spread = plain.effects_given_data(table["value"].to_numpy(), levels, VARIANCE)

    size = len(mean)
    noise = np.concatenate([np.zeros((1, size)), np.eye(size)])
    drawn = Stability().recover(repeat(data, VARIANCE, size + 1), data, Stated(noise))
    assert drawn["alpha"].dims == ("chain", "draw", "subject")
    columns = [drawn["mu"].values[0][:, None]]
    for name in levels:
        # The two number their levels each in their own way: measurements say which is which.
        own, theirs = Layout(data).levels(name), levels[name]
        columns.append(drawn[EFFECTS[name][0]].values[0][:, [own[theirs == k][0] for k in range(theirs.max() + 1)]])
    effects = np.concatenate(columns, axis=1)
    factor = (effects[1:] - effects[0]).T
    np.testing.assert_allclose(effects[0], mean, atol=1e-10)
    np.testing.assert_allclose(factor @ factor.T, spread, atol=1e-10)


# Pointwise log-likelihood


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_leave_one_out_densities_are_those_of_the_dense_normal(
    plain: ModuleType, make_table: MakeTable, prepare: Prepare, missing: float
):
    table = make_table(missing=missing, **ALL)
    data = prepare(table)
    found = Stability().log_likelihood(repeat(data, VARIANCE, 2), data)
    levels, value = lay_out(plain, table, data), table["value"].to_numpy()
    joint = plain.log_marginal(value, levels, VARIANCE)
    np.testing.assert_allclose(found["joint"], joint, atol=1e-8)
    for left_out in range(0, len(value), 5):
        others = np.arange(len(value)) != left_out
        rest = plain.log_marginal(value[others], {name: level[others] for name, level in levels.items()}, VARIANCE)
        assert float(found["value"][0, 0, left_out]) == pytest.approx(joint - rest, abs=1e-8)


def test_log_prior_is_each_prior_on_the_scale_it_is_stated_on(balanced: xr.Dataset):
    posterior = repeat(balanced, VARIANCE, 3).assign(mu=(("chain", "draw"), np.full((1, 3), 0.5)))
    found = Stability().log_prior(posterior, balanced)
    total = VARIANCE.sum()
    np.testing.assert_allclose(found["total_sd"], stats.lognorm(0.7).logpdf(np.sqrt(total)))
    np.testing.assert_allclose(found["signal_share"], 0.0, atol=1e-12)  # uniform: scaling it changes nothing
    errors = VARIANCE[1:] / VARIANCE[1:].sum()
    concentration = np.full(len(errors), 2.0 / len(errors))
    np.testing.assert_allclose(found["error_shares"], stats.dirichlet(concentration).logpdf(errors))
    np.testing.assert_allclose(found["mu"], stats.norm.logpdf(0.5))


# Prediction


def test_predictions_keep_known_levels_and_draw_new_ones(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    data = prepare(table)
    draws = 40_000
    model, rng = Stability(), np.random.default_rng(3)
    posterior = repeat(data, VARIANCE, draws)
    one = model.recover(posterior.isel(draw=[0]), data, rng)
    posterior = posterior.merge(one.isel(draw=np.zeros(draws, dtype=int)).assign_coords(draw=posterior["draw"]))
    # Subject 0 was measured before, the others were not; scanner 1 was, scanner 9 was not.
    new_table = make_table(seed=1, **ALL)
    new_table["subject"] = new_table["subject"].replace({1: 11, 2: 12, 3: 13})
    new_table["scanner"] = new_table["scanner"].replace({0: 9})
    new = prepare(new_table)
    predicted = model.predict(posterior, data, new, rng)["value"].isel(chain=0).values
    named = dict(zip(components(data), VARIANCE, strict=True))
    one = one.isel(chain=0, draw=0)
    effect = {name: one[effect] for name, (effect, _) in EFFECTS.items()}
    for row, labels in enumerate(new_table[list(ALL)].astype(str).itertuples(index=False)):
        subject, session, scanner, preprocessing = labels
        parts = {
            "subject": subject,
            "session": f"{subject} / {session}",
            "scanner": scanner,
            "preprocessing": preprocessing,
            "subject:scanner": f"{subject} / {scanner}",
            "subject:preprocessing": f"{subject} / {preprocessing}",
        }
        mean, variance = float(one["mu"]), named["residual"]
        for name, label in parts.items():
            if label in effect[name][EFFECTS[name][1]].values:
                mean += float(effect[name].sel({EFFECTS[name][1]: label}))
            else:
                variance += named[name]
        assert predicted[:, row].mean() == pytest.approx(mean, abs=5.0 * np.sqrt(variance / draws))
        assert predicted[:, row].var() == pytest.approx(variance, rel=5.0 * np.sqrt(2.0 / draws))


def test_pymc_predicts_sums_of_squares_of_a_balanced_design(balanced: xr.Dataset):
    posterior = repeat(balanced, VARIANCE, 4000)
    posterior["log_variance"] = np.log(posterior["variance"])
    with Stability().build(balanced):
        predicted = pm.sample_posterior_predictive(
            xr.DataTree.from_dict({"posterior": posterior}),
            progressbar=False,
            random_seed=1,
            compile_kwargs={"mode": "FAST_COMPILE"},
        )
    squares = predicted["posterior_predictive"]["sum_of_squares"].values[0]
    strata = Layout(balanced).strata
    assert strata is not None
    eigenvalue = strata.weight @ np.append(VARIANCE, 1.0)
    freedom = strata.degrees_of_freedom
    # A chi-square with d degrees of freedom has mean d and variance 2 d.
    np.testing.assert_array_less(
        np.abs(squares.mean(axis=0) / eigenvalue - freedom), 5.0 * np.sqrt(2.0 * freedom / len(squares))
    )


def test_pymc_predicts_values_of_an_unbalanced_design(
    plain: ModuleType, make_table: MakeTable, prepare: Prepare, unbalanced: xr.Dataset
):
    posterior = repeat(unbalanced, VARIANCE, 3000)
    posterior["log_variance"] = np.log(posterior["variance"])
    with Stability().build(unbalanced):
        predicted = pm.sample_posterior_predictive(
            xr.DataTree.from_dict({"posterior": posterior}),
            progressbar=False,
            random_seed=1,
            compile_kwargs={"mode": "FAST_COMPILE"},
        )
    values = predicted["posterior_predictive"]["value"].values[0]
    table = make_table(missing=0.2, subject=8, session=2, scanner=2, preprocessing=2)
    expected = plain.covariance(lay_out(plain, table, unbalanced), VARIANCE)
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / len(values))
    assert (np.abs(values.T @ values / len(values) - expected) < 5.0 * error).all()


# Sampling where it is hard


def share_of(data: xr.Dataset, zero: str) -> np.ndarray:
    return np.where(data["component"].values == zero, 0.0, [0.6, 0.1, 0.1, 0.1, 0.05, 0.05, 0.2])


@pytest.mark.parametrize("form", ["balanced", "unbalanced"])
@pytest.mark.parametrize(
    ("zero", "seed"), [("scanner", 1), ("scanner", 2), ("subject:scanner", 3), ("subject", 4), ("session", 5)]
)
def test_two_levels_and_a_variance_of_zero_sample_without_divergences(
    request: pytest.FixtureRequest, form: str, zero: str, seed: int
):
    design: xr.Dataset = request.getfixturevalue(form)
    sampler: Sampler = request.getfixturevalue(f"{form}_sampler")
    truth = xr.Dataset({"variance": ("component", share_of(design, zero))}, {"component": design["component"]})
    data = Stability().simulate(design, np.random.default_rng(seed), truth)["data"].to_dataset()
    posterior, statistics = sampler.sample(Stability(), data, seed=seed, draws=500, tune=700, chains=4)
    assert int(statistics["diverging"].sum()) == 0
    assert float(az.rhat(posterior)["log_variance"].max()) < 1.02
    assert float(az.ess(posterior)["log_variance"].min()) > 300


def test_psis_loo_works_on_the_pointwise_log_likelihood(unbalanced: xr.Dataset, unbalanced_sampler: Sampler):
    posterior, _ = unbalanced_sampler.sample(Stability(), unbalanced, seed=1, draws=500, tune=500, chains=4)
    likelihood = Stability().log_likelihood(posterior, unbalanced)
    tree = xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": likelihood})
    found = az.loo(tree, var_name="value", pointwise=True)
    assert float(found.pareto_k.max()) < 0.7
    # Importance weights hardly differ from one here, so a plain harmonic mean is close to it.
    flat = likelihood["value"].values.reshape(-1, unbalanced.sizes["measurement"])
    assert found.elpd == pytest.approx(-np.log(np.exp(-flat).mean(axis=0)).sum(), abs=0.5)


# Priors


@pytest.mark.parametrize("sizes", [{"subject": 6, "scanner": 4}, ALL])
def test_prior_icc_does_not_depend_on_the_number_of_facets(make_table: MakeTable, prepare: Prepare, sizes: dict):
    data = prepare(make_table(**sizes))
    draws = 40_000
    prior = Stability().draw_prior(data, np.random.default_rng(1), draws)["parameters"].to_dataset()
    prior = prior.expand_dims("chain").assign_coords(draw=np.arange(draws))
    icc = Stability().icc(prior, data, fixed=set(), randomised={"session", "scanner", "preprocessing"})
    assert float((icc > 0.75).mean()) == pytest.approx(0.25, abs=5.0 * np.sqrt(0.25 * 0.75 / draws))


def test_independent_sds_let_the_number_of_facets_decide():
    drawn = {n: IndependentSds().draw(np.random.default_rng(1), n, 200_000) for n in (2, 8)}
    above = {n: float((variance[:, 0] / variance.sum(axis=1) > 0.75).mean()) for n, variance in drawn.items()}
    assert above == pytest.approx({2: 1 / 3, 8: 0.003}, abs=0.002)


# Designs in which a factor stands for an interaction


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(f"s{i}", k, "AB"[k], p) for i in range(8) for k in (0, 1) for p in "uvw"], "session from subject:scanner"),
        (
            [(f"s{i}", k, "AB"[i % 2], p) for i in range(8) for k in (1, 2) for p in "uvw"],
            "subject from subject:scanner",
        ),
    ],
    ids=["one session a scanner", "each subject on one scanner"],
)
def test_a_factor_that_stands_for_an_interaction_is_refused_by_name(rows: list[tuple], message: str):
    columns = {name: name for name in ("subject", "session", "scanner", "preprocessing")}
    table = pd.DataFrame(rows, columns=list(columns))
    table["value"] = np.random.default_rng(1).standard_normal(len(table))
    with pytest.raises(DesignError, match=message):
        Stability().prepare(table, features="value", **columns)
    assert "scanner" in Stability(interactions=()).prepare(table, features="value", **columns)["component"].values


@pytest.mark.parametrize("thresholds", [0.75, (75,), [0.75]])
def test_thresholds_that_are_no_iccs_are_a_type_error(thresholds: object):
    with pytest.raises(TypeError, match="between 0 and 1"):
        Stability(thresholds=thresholds)  # pyright: ignore[reportArgumentType]
