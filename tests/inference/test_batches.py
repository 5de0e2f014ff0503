"""Features sampled in batches: the posterior of NUTS, faithful records of the method, and a fall-back that works."""

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference import Sampler, batches, diagnose, fit, load, save, summary
from bayesrg.models import Stability, tabulate_features

FACTORS = ("subject", "session", "scanner")


def make(missing: bool = False) -> xr.Dataset:
    rng = np.random.default_rng(7)
    table = pd.DataFrame(list(np.ndindex(12, 2, 2)), columns=list(FACTORS))
    for number in range(5):
        subject, scanner = rng.standard_normal(12), 0.4 * rng.standard_normal(2)
        table[f"glcm_{number}"] = (
            subject[table["subject"]] + scanner[table["scanner"]] + 0.5 * rng.standard_normal(len(table))
        )
    if missing:
        table.loc[[3, 17, 30], "glcm_1"] = np.nan
        table.loc[table["subject"] == 4, ["glcm_2", "glcm_3"]] = np.nan
    names = [f"glcm_{k}" for k in range(5)]
    columns = {name: name for name in FACTORS}
    return Stability().prepare(table, features=names, **columns, family=dict.fromkeys(names, "glcm"))


@pytest.fixture(scope="module")
def tree() -> xr.DataTree:
    return fit(Stability(), make(missing=True), seed=3, progress=False)


def test_posterior_is_that_of_nuts(tree: xr.DataTree):
    data = make(missing=True)
    posterior = tree["posterior"].to_dataset()
    for name in ("glcm_0", "glcm_1"):
        one = Stability().select(data, name)
        long, _ = Sampler(Stability(), one).sample(Stability(), one, seed=1, draws=4000, tune=1000, chains=4)
        ours, theirs = (own["variance"] ** 0.5 for own in (posterior.sel(feature=name), long))
        sd = theirs.std(("chain", "draw"))
        assert float((abs(ours.mean(("chain", "draw")) - theirs.mean(("chain", "draw"))) / sd).max()) < 0.1
        for level in (0.05, 0.95):
            gap = ours.quantile(level, ("chain", "draw")) - theirs.quantile(level, ("chain", "draw"))
            assert float((abs(gap) / sd).max()) < 0.25


def test_every_feature_has_its_method_and_its_checks(tree: xr.DataTree):
    statistics = tree["sample_stats"].to_dataset()
    assert set(statistics["method"].values) <= {"importance sampling", "NUTS"}
    assert bool((statistics["pareto_k"] <= 0.7).all())
    assert bool((statistics["importance_ess"] >= 400).all())
    assert bool(statistics["r_hat"].isnull().all())
    diagnosis = diagnose(tree)
    assert diagnosis.verdict == "converged"
    assert {check.name for check in diagnosis.checks} >= {"Pareto k", "importance ESS"}
    assert "importance sampling" in json.loads(tree["provenance"].attrs["sampler"])["method"]


def test_dims_are_those_of_the_contract(tree: xr.DataTree):
    posterior = tree["posterior"].to_dataset()
    assert posterior["variance"].dims == ("chain", "draw", "feature", "component")
    assert posterior["gamma"].dims == ("chain", "draw", "feature", "scanner")
    assert posterior.sizes["chain"] == 4
    assert posterior.sizes["draw"] == 500
    assert posterior["feature"].values.tolist() == [f"glcm_{k}" for k in range(5)]
    assert not posterior.isnull().any().to_array().any()


def test_summary_has_a_row_for_each_feature_and_says_what_does_not_apply(tree: xr.DataTree):
    table = summary(tree, ["icc", "icc_above", "mean"])
    row = table.loc["icc[glcm_2, overall]"]
    assert row["family"] == "glcm"
    assert np.isnan(row["r_hat"])
    assert 400 <= row["ess_bulk"] <= 2000
    draws = tree["estimands"]["icc"].sel(feature="glcm_2", condition="overall").values
    assert row["mean"] == pytest.approx(draws.mean())
    assert [row["lower"], row["upper"]] == pytest.approx(np.quantile(draws, [0.025, 0.975]).tolist())
    assert np.isnan(table.loc["icc_above[glcm_2, overall, 0.75]", "lower"])
    assert "mean[glcm_4]" in table.index


def test_same_seed_same_answer_whoever_does_the_work(tree: xr.DataTree):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        again = fit(Stability(), make(missing=True), seed=3, executor=executor, progress=False)
    xr.testing.assert_identical(again["posterior"].to_dataset(), tree["posterior"].to_dataset())
    other = fit(Stability(), make(missing=True), seed=4, progress=False)
    assert not np.array_equal(other["posterior"]["variance"], tree["posterior"]["variance"])


def test_round_trip_through_a_file(tree: xr.DataTree, tmp_path):
    back = load(save(tree, tmp_path / "fit.zarr.zip"))
    for name in tree.children:
        xr.testing.assert_identical(back[name].to_dataset(), tree[name].to_dataset())


def test_features_that_importance_sampling_fails_are_sampled_by_nuts(tree: xr.DataTree, monkeypatch):
    monkeypatch.setattr(batches, "PARETO_K", float(np.sort(tree["sample_stats"]["pareto_k"].values)[2]))
    mixed = fit(Stability(), make(missing=True), seed=3, progress=False)
    statistics = mixed["sample_stats"].to_dataset()
    failed = statistics["feature"].values[(statistics["method"] == "NUTS").values]
    assert len(failed) == 2
    assert bool(statistics["r_hat"].sel(feature=failed).notnull().all())
    assert bool(statistics["pareto_k"].sel(feature=failed).isnull().all())
    assert mixed["posterior"]["feature"].values.tolist() == tree["posterior"]["feature"].values.tolist()
    for name in failed:
        by_nuts, by_weights = (
            np.log(own["posterior"]["variance"].sel(feature=name)).mean(("chain", "draw")) for own in (mixed, tree)
        )
        sd = np.log(tree["posterior"]["variance"].sel(feature=name)).std(("chain", "draw"))
        assert float((abs(by_nuts - by_weights) / sd).max()) < 0.2
    assert "R-hat" in {check.name for check in diagnose(mixed).checks}


def test_a_feature_that_no_method_sampled_well_is_named():
    tree = fit(Stability(), make(), seed=3, draws=500, progress=False)
    tree["sample_stats"]["pareto_k"].loc[{"feature": "glcm_3"}] = 0.9
    tree["sample_stats"]["pareto_k"].loc[{"feature": "glcm_1"}] = 0.8
    diagnosis = diagnose(tree)
    assert diagnosis.verdict == (
        "NOT CONVERGED for 2 of 5 features, the others can be used: "
        "Pareto k 0.9 at glcm_3 and 1 other features (required <= 0.7)"
    )
    assert diagnosis.failed == ("glcm_1", "glcm_3")
    verdicts = summary(tree, ["icc"])["verdict"]
    for name in map(str, tree["posterior"]["feature"].values):
        own = verdicts[[label.startswith(f"icc[{name},") for label in verdicts.index]]
        assert own.size
        assert (own.str.startswith("NOT CONVERGED") == (name in diagnosis.failed)).all()
    ranked = tabulate_features(tree)
    assert set(ranked.index[~ranked["converged"]]) == {"glcm_1", "glcm_3"}


def test_a_feature_by_nuts_has_an_effective_sample_size(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "PARETO_K", -np.inf)
    data = make()
    tree = fit(Stability(), data.isel(feature=slice(2)), seed=4, draws=250, progress=False)
    assert set(tree["sample_stats"]["method"].values) == {"NUTS"}
    assert (tree["sample_stats"]["nuts_ess"] > 100).all()
    table = summary(tree, ["icc"])
    assert table["ess_bulk"].notna().all()
    assert table["mcse_mean"].notna().all()
