"""Redundancy: groups that are known, limits with a closed form, calibration, and a prefilter that loses nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import kstest
from zarr.storage import LocalStore

from bayesrg.errors import FitError
from bayesrg.inference.batches import sample_members
from bayesrg.inference.variances import IndependentSds, Shares
from bayesrg.models import Stability
from bayesrg.models.redundant_features import could_exceed, describe_groups, group_features, redundancy
from bayesrg.models.stability import Priors
from bayesrg.models.subject_correlation import estimate_correlations, sample_correlations, weigh_draws

MODEL = Stability(interactions=())
ROLES = {"subject": "subject", "session": "session", "scanner": "scanner"}


def make_design(subjects: int) -> pd.DataFrame:
    return pd.DataFrame(list(np.ndindex(subjects, 2, 2)), columns=list(ROLES))


def prepare(table: pd.DataFrame, model: Stability = MODEL) -> xr.Dataset:
    names = [str(name) for name in table.columns if name not in ROLES]
    return model.prepare(table, features=names, **ROLES)


def sample(data: xr.Dataset, model: Stability = MODEL) -> xr.Dataset:
    posterior, _ = sample_members(model, data, seed=2, draws=250, tune=500, chains=4, executor=None, progress=False)
    return posterior


def analyse(table: pd.DataFrame, model: Stability = MODEL, **options: float) -> xr.Dataset:
    data = prepare(table, model)
    return redundancy(model, data, sample(data, model), seed=1, progress=False, **options)


@pytest.fixture(scope="module")
def known_groups() -> xr.Dataset:
    """Three features of one quantity (one upside down), two of another, two that stand alone; noise differs."""
    rng = np.random.default_rng(11)
    table = make_design(30)
    quantities = rng.standard_normal((4, 30))[:, table["subject"]]
    for name, (quantity, scale, noise) in {
        "glcm_a": (0, 1.0, 0.4),
        "glcm_b": (0, 7.0, 0.2),
        "glcm_c": (0, -0.3, 0.3),
        "glcm_d": (1, 2.0, 0.3),
        "glcm_e": (1, 2.0, 0.1),
        "glcm_f": (2, 1.0, 0.2),
        "glcm_g": (3, 1.0, 0.2),
    }.items():
        table[name] = scale * (quantities[quantity] + noise * rng.standard_normal(len(table))) + 3.0
    return analyse(table)


@pytest.fixture(scope="module")
def thirty() -> tuple[xr.Dataset, xr.Dataset]:
    """Thirty features of 15 subjects, correlated in their subjects and in their noise, and their posterior."""
    rng = np.random.default_rng(5)
    table = make_design(15)
    quantities = rng.standard_normal((15, 6))
    shared = rng.standard_normal((len(table), 6))
    values = {}
    for number in range(30):
        own, alike = number % 6, (0.5, 0.8, 0.95, 0.99, 1.0)[number // 6]
        subject = alike * quantities[:, own] + np.sqrt(1.0 - alike**2) * rng.standard_normal(15)
        noise = 0.7 * shared[:, own] + 0.7 * rng.standard_normal(len(table))
        values[f"glcm_{number}"] = subject[table["subject"]] + rng.uniform(0.2, 0.7) * noise
    data = prepare(table.assign(**values))
    return data, sample(data)


def pair(result: xr.Dataset, one: str, other: str) -> xr.Dataset:
    return result.isel(pair=np.flatnonzero((result["feature_a"] == one) & (result["feature_b"] == other))[0])


def test_features_of_one_quantity_form_a_group(known_groups: xr.Dataset):
    group = known_groups["group"].to_series()
    assert group["glcm_a"] == group["glcm_b"] == group["glcm_c"] == 1
    assert group["glcm_d"] == group["glcm_e"] == 2
    assert {group["glcm_f"], group["glcm_g"]} == {3, 4}


def test_the_negative_of_a_feature_measures_the_same(known_groups: xr.Dataset):
    upside_down = pair(known_groups, "glcm_a", "glcm_c")
    assert upside_down["upper"] < -0.9
    assert upside_down["probability"] > 0.9
    assert known_groups["sign"].to_series().to_dict() == {f"glcm_{k}": -1 if k == "c" else 1 for k in "abcdefg"}


def test_the_member_with_the_highest_icc_represents_its_group(known_groups: xr.Dataset):
    representative = known_groups["representative"].to_series()
    assert set(representative[["glcm_a", "glcm_b", "glcm_c"]]) == {"glcm_b"}
    assert set(representative[["glcm_d", "glcm_e"]]) == {"glcm_e"}
    assert representative["glcm_f"] == "glcm_f"


def test_groups_are_described(known_groups: xr.Dataset):
    table = describe_groups(known_groups)
    assert list(table.index) == [1, 2]
    assert list(table["members"]) == ["glcm_b, glcm_a, -glcm_c", "glcm_e, glcm_d"]
    assert table["smallest_probability"].min() >= 0.5
    assert table.attrs["redundant"] == 3


def test_pairs_that_were_not_sampled_keep_their_estimate(known_groups: xr.Dataset):
    sampled = known_groups["sampled"]
    assert known_groups.sizes["pair"] == int(sampled.sum()) // 2 < known_groups.attrs["pairs"]
    assert not sampled.sel(feature="glcm_f", other_feature="glcm_g")
    assert bool(known_groups["estimate"].notnull().all())
    assert float(abs(known_groups["estimate"].sel(feature="glcm_f", other_feature="glcm_g"))) < 0.6


def test_a_result_survives_being_saved(known_groups: xr.Dataset, tmp_path: Path):
    tree = xr.DataTree.from_dict({"redundancy": known_groups})
    tree.to_zarr(LocalStore(tmp_path / "fit"), consolidated=False, zarr_format=3)
    store = cast(str, LocalStore(tmp_path / "fit"))
    loaded = xr.open_datatree(store, engine="zarr", consolidated=False).load()
    xr.testing.assert_identical(loaded["redundancy"].to_dataset(), known_groups)


def test_multiples_of_a_feature_need_no_sampling():
    rng = np.random.default_rng(4)
    table = make_design(8)
    value = rng.standard_normal(8)[table["subject"]] + 0.5 * rng.standard_normal(len(table))
    result = analyse(table.assign(glcm_a=value, glcm_b=5.0 - 2.0 * value, glcm_c=3.0 * value))
    assert list(result["method"].values) == ["exact"] * 3
    assert list(result["correlation"].values) == pytest.approx([-1.0, 1.0, -1.0])
    assert list(result["sd"].values) == pytest.approx([0.0, 0.0, 0.0])
    assert list(result["probability"].values) == pytest.approx([1.0, 1.0, 1.0])
    assert list(result["group"].values) == [1, 1, 1]


def test_shared_noise_alone_makes_nothing_redundant():
    rng = np.random.default_rng(8)
    table = make_design(40)
    noise = rng.standard_normal(len(table))
    for name in ("glcm_a", "glcm_b"):
        own = rng.standard_normal(40)[table["subject"]] + 0.2 * rng.standard_normal(len(table))
        table[name] = own + 4.0 * noise
    assert table["glcm_a"].corr(table["glcm_b"]) > 0.9
    result = analyse(table, prefilter=False)
    assert result["probability"].item() < 0.2
    assert result["lower"].item() < 0.0 < result["upper"].item()


@pytest.mark.parametrize("model", [MODEL, Stability(interactions=(), priors=Priors(variances=IndependentSds()))])
def test_posteriors_are_calibrated_over_the_prior(model: Stability):
    """Correlations drawn from the prior, subjects' and residuals' alike unknown: their ranks are uniform."""
    rng = np.random.default_rng(22)
    pairs, subjects = 80, 15
    rho = rng.uniform(-1.0, 1.0, pairs)
    table = make_design(subjects)
    values = {}
    for number, own in enumerate(rho):
        subject = rng.multivariate_normal([0.0, 0.0], [[1.0, own], [own, 1.0]], subjects)
        noise = rng.multivariate_normal([0.0, 0.0], [[0.3, 0.25], [0.25, 0.6]], len(table))
        for place in range(2):
            values[f"glcm_{number}_{place}"] = subject[table["subject"], place] + noise[:, place]
    data = prepare(pd.concat([table, pd.DataFrame(values)], axis=1), model)
    sd = (sample(data, model)["variance"].sel(component="subject") ** 0.5).mean(("chain", "draw")).values
    first = np.arange(0, 2 * pairs, 2)
    drawn = xr.concat(list(sample_correlations(model, data, sd, first, first + 1, seed=3)), "pair")
    below = (drawn["weight"].values * (drawn["correlation"].values < rho[:, None])).sum(axis=1)
    assert kstest(below, "uniform").pvalue > 0.01
    assert np.mean((below > 0.025) & (below < 0.975)) >= 0.88  # three Monte Carlo errors below 0.95
    assert bool((drawn["pareto_k"] <= 0.7).all())


def test_weights_turn_the_prior_of_two_fits_into_the_stated_one():
    """Given the totals of sum and difference, the same as drawing uniform correlations that have these totals."""
    rng = np.random.default_rng(9)
    raw = 0.6
    share, rho, other = rng.uniform(size=4_000_000), *rng.uniform(-1.0, 1.0, (2, 4_000_000))
    alike = np.abs(share * rho + (1.0 - share) * other - raw) < 0.01
    total = 2.0 * np.array([1.0 + raw, 1.0 - raw])[:, None, None]
    signal = total * rng.uniform(size=(2, 1, 400_000))
    weight = weigh_draws(Shares(), signal, np.broadcast_to(total, signal.shape), total)[0]
    found = ((signal[0] - signal[1]) / signal.sum(axis=0))[0]
    for limit in (-0.5, 0.0, 0.5, 0.7, 0.9):
        assert (weight * (found > limit)).sum() == pytest.approx(np.mean(rho[alike] > limit), abs=0.012)


def test_estimates_by_moments_are_those_of_the_analysis_of_variance():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(list(np.ndindex(12, 3)), columns=["subject", "replicate"])
    values = 2.0 * rng.standard_normal((12, 2))[table["subject"]] + rng.standard_normal((36, 2))
    table[["glcm_a", "glcm_b"]] = values
    data = MODEL.prepare(table, features=["glcm_a", "glcm_b"], subject="subject")
    value = data["value"].values
    means = value.reshape(12, 3, 2).mean(axis=1)
    within = value - means[table["subject"]]
    between = 3.0 * means.T @ means
    covariance = (between - within.T @ within / 2.0) / 36.0
    estimate, standard_error = estimate_correlations(data, np.full(2, 1e-6))
    assert estimate[0, 1] == pytest.approx(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
    assert np.diag(estimate) == pytest.approx([1.0, 1.0])
    assert np.diag(standard_error) == pytest.approx([0.0, 0.0], abs=1e-12)


def test_standard_errors_of_estimates_are_those_of_replication():
    rng = np.random.default_rng(2)
    table = make_design(60)
    values = {}
    for number in range(150):
        subject = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.6], [0.6, 1.0]], 60)
        noise = rng.multivariate_normal([0.0, 0.0], [[0.5, 0.3], [0.3, 0.5]], len(table))
        for place in range(2):
            values[f"glcm_{number}_{place}"] = subject[table["subject"], place] + noise[:, place]
    data = prepare(pd.concat([table, pd.DataFrame(values)], axis=1))
    estimate, standard_error = estimate_correlations(data, np.full(300, 0.8))
    first = np.arange(0, 300, 2)
    own = estimate[first, first + 1]
    assert own.mean() == pytest.approx(0.6, abs=4.0 * own.std() / np.sqrt(150))
    assert np.median(standard_error[first, first + 1]) == pytest.approx(own.std(), rel=0.2)


def test_the_prefilter_loses_no_redundant_pair(thirty: tuple[xr.Dataset, xr.Dataset]):
    data, posterior = thirty
    every = redundancy(MODEL, data, posterior, seed=1, prefilter=False, progress=False)
    some = redundancy(MODEL, data, posterior, seed=1, progress=False)
    assert every.sizes["pair"] == 435
    assert 0 < some.sizes["pair"] < 200
    names = zip(every["feature_a"].values, every["feature_b"].values, strict=True)
    left_out = [not some["sampled"].sel(feature=one, other_feature=other) for one, other in names]
    assert int((every["probability"] >= 0.5).sum()) > 5
    assert float(every["probability"].values[left_out].max()) < 0.25
    assert dict(every["group"].to_series().value_counts().value_counts()) != {1: 30}


def test_every_two_members_of_a_group_are_redundant(thirty: tuple[xr.Dataset, xr.Dataset]):
    data, posterior = thirty
    result = redundancy(MODEL, data, posterior, seed=1, probability=0.8, progress=False)
    assert describe_groups(result)["smallest_probability"].min() >= 0.8


def test_the_same_seed_gives_the_same_result(thirty: tuple[xr.Dataset, xr.Dataset]):
    data, posterior = (own.isel(feature=slice(18, 26)) for own in thirty)
    one, again = (redundancy(MODEL, data, posterior, seed=5, progress=False) for _ in range(2))
    xr.testing.assert_identical(one, again)
    other = redundancy(MODEL, data, posterior, seed=6, progress=False)
    assert not np.array_equal(one["correlation"].values, other["correlation"].values)


def test_another_icc_chooses_another_representative(thirty: tuple[xr.Dataset, xr.Dataset]):
    data, posterior = thirty
    icc = xr.DataArray(np.arange(30.0), dims="feature", coords={"feature": data["feature"]})
    result = redundancy(MODEL, data, posterior, seed=1, icc=icc, progress=False)
    last = result["group"].to_series().groupby(result["group"].to_series()).apply(lambda own: own.index[-1])
    assert list(result["representative"].values) == [last[group] for group in result["group"].values]


def test_groups_do_not_chain():
    similarity = np.eye(4)
    similarity[[0, 1], [1, 0]] = 0.9
    similarity[[1, 2], [2, 1]] = 0.8
    assert list(group_features(similarity, 0.5)) == [1, 1, 2, 3]
    assert list(group_features(np.ones((1, 1)), 0.5)) == [1]


def test_a_pair_of_which_nothing_is_known_could_exceed():
    estimate = np.array([np.nan, 0.2, 0.75, 1.3, -0.95])
    error = np.array([np.nan, 0.1, 0.1, 0.1, 0.1])
    assert list(could_exceed(estimate, error, 40, 0.9, 0.5)) == [True, False, True, True, True]


@pytest.mark.filterwarnings("ignore:.*features are left out")
def test_pairs_use_the_rows_that_both_features_have():
    rng = np.random.default_rng(3)
    table = make_design(24)
    quantity = rng.standard_normal(24)[table["subject"]]
    for name in ("glcm_a", "glcm_b", "glcm_c", "glcm_d"):
        table[name] = quantity + 0.2 * rng.standard_normal(len(table))
    table.loc[rng.permutation(len(table))[:10], "glcm_b"] = np.nan
    table.loc[table["subject"] >= 12, "glcm_c"] = np.nan
    table.loc[table["subject"] < 12, "glcm_d"] = np.nan
    result = analyse(table)
    assert pair(result, "glcm_a", "glcm_b")["method"] == "importance sampling"
    assert pair(result, "glcm_a", "glcm_b")["probability"] > 0.9
    disjoint = pair(result, "glcm_c", "glcm_d")
    assert disjoint["method"] == "not comparable"
    assert bool(disjoint["probability"].isnull())
    group = result["group"].to_series()
    assert group["glcm_a"] == group["glcm_b"]
    assert group["glcm_c"] != group["glcm_d"]


def test_levels_with_scales_of_their_own_are_taken_as_standardised():
    rng = np.random.default_rng(6)
    table = make_design(20)
    quantity = rng.standard_normal(20)[table["subject"]]
    for name in ("glcm_a", "glcm_b"):
        table[name] = (1.0 + 99.0 * table["scanner"]) * (quantity + 0.2 * rng.standard_normal(len(table)))
    model = Stability(interactions=(), heteroscedastic="scanner")
    data = prepare(table, model)
    posterior = xr.Dataset(
        {"variance": (("chain", "draw", "feature", "component"), np.ones((1, 4, 2, data.sizes["component"])))},
        coords={"feature": data["feature"], "component": data["component"]},
    )
    result = redundancy(model, data, posterior, seed=1, progress=False)
    assert result["probability"].item() > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data, posterior: (data, posterior, {"threshold": 1.0}), "threshold=1.0"),
        (lambda data, posterior: (data, posterior, {"probability": 0.0}), "probability=0.0"),
        (lambda data, posterior: (data, posterior.isel(feature=slice(28)), {}), "no feature glcm_28, glcm_29"),
        (lambda data, posterior: (data, posterior.isel(feature=0), {}), "several at once"),
    ],
)
def test_what_cannot_be_answered_is_refused(thirty: tuple[xr.Dataset, xr.Dataset], change: Callable, message: str):
    data, posterior, options = change(*thirty)
    with pytest.raises(FitError, match=message):
        redundancy(MODEL, data, posterior, seed=1, progress=False, **options)
