"""`fit`: the same seed, the same answer; a compiled model fits other data; the tree holds what a report needs."""

import json

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference import Sampler, data_of, fit
from bayesrg.inference.fitting import PREDICTIVE_DRAWS, PRIOR_DRAWS
from bayesrg.models import IndependentSds, Priors, Stability, model_of


def test_groups(tree: xr.DataTree, data: xr.Dataset):
    assert set(tree.children) == {
        *("posterior", "estimands", "sample_stats", "log_likelihood", "log_prior", "posterior_predictive"),
        *("prior", "prior_estimands", "prior_predictive", "constant_data", "observed_data", "provenance"),
    }
    assert tree["posterior"]["alpha"].dims == ("chain", "draw", "subject")
    assert tree["estimands"]["icc"].dims == ("chain", "draw", "condition")
    assert tree["log_likelihood"]["value"].shape == (4, 1500, data.sizes["measurement"])
    assert tree["posterior_predictive"]["value"].dims == ("chain", "draw", "measurement")
    assert tree["posterior_predictive"]["value"].size == PREDICTIVE_DRAWS * data.sizes["measurement"]
    assert tree["prior_estimands"].sizes["draw"] == PRIOR_DRAWS
    assert data_of(tree).identical(data)


def test_provenance(tree: xr.DataTree):
    attributes = tree["provenance"].attrs
    assert attributes["verdict"] == "converged"
    assert len(attributes["data_sha256"]) == 64
    assert json.loads(attributes["sampler"]) | {"seed": 1, "draws": 1500, "tune": 1000, "chains": 4} == json.loads(
        attributes["sampler"]
    )
    assert {"python", "bayesrg", "pymc", "nutpie"} <= json.loads(attributes["versions"]).keys()
    assert set(json.loads(attributes["seconds"])) == {"compile", "sample", "total"}
    assert model_of(tree) == Stability()


def test_the_same_seed_gives_the_same_answer(tree: xr.DataTree, data: xr.Dataset, sampler: Sampler):
    again = fit(Stability(), data, seed=1, sampler=sampler, progress=False)
    for group in set(tree.children) - {"provenance"}:
        assert again[group].to_dataset().equals(tree[group].to_dataset()), group


def test_another_seed_gives_another_answer(tree: xr.DataTree, data: xr.Dataset, sampler: Sampler):
    other = fit(Stability(), data, seed=2, sampler=sampler, progress=False)
    assert not np.array_equal(other["posterior"]["variance"], tree["posterior"]["variance"])


def test_refit_of_a_compiled_model_is_a_fresh_fit(other_data: xr.Dataset, sampler: Sampler):
    """Compiled for one data set, sampled for another: nothing of the first is left."""
    refitted = fit(Stability(), other_data, seed=3, draws=200, tune=300, sampler=sampler, progress=False)
    fresh = fit(Stability(), other_data, seed=3, draws=200, tune=300, progress=False)
    for group in set(fresh.children) - {"provenance"}:
        assert refitted[group].to_dataset().equals(fresh[group].to_dataset()), group


def test_a_compiled_model_refuses_other_priors_and_other_structures(data: xr.Dataset, sampler: Sampler):
    half_normal = Stability(priors=Priors(variances=IndependentSds()))
    with pytest.raises(ValueError, match="other priors"):
        fit(half_normal, data, seed=1, sampler=sampler, progress=False)
    with pytest.raises(ValueError, match="another structure"):
        fit(Stability(), data.isel(measurement=slice(1, None)), seed=1, sampler=sampler, progress=False)
    table = pd.DataFrame(list(np.ndindex(10, 3, 2)), columns=["subject", "preprocessing", "replicate"])
    table["value"] = data["value"].values
    others = Stability().prepare(table, features="value", subject="subject", preprocessing="preprocessing")
    with pytest.raises(ValueError, match="another structure"):
        fit(Stability(), others, seed=1, sampler=sampler, progress=False)


def test_the_posterior_predictive_is_about_the_data(tree: xr.DataTree):
    predicted = tree["posterior_predictive"]["value"]
    observed = tree["observed_data"]["value"]
    low, high = np.quantile(predicted, [0.025, 0.975], axis=(0, 1))
    covered = float(((observed > low) & (observed < high)).mean())
    assert covered == pytest.approx(0.95, abs=0.08)


def test_leave_one_out_works_on_the_tree(tree: xr.DataTree):
    found = az.loo(tree, var_name="value", pointwise=True)
    assert float(found.pareto_k.max()) < 0.7


def test_a_fit_that_failed_says_so(data: xr.Dataset, sampler: Sampler):
    failed = fit(Stability(), data, seed=1, draws=20, tune=5, chains=2, sampler=sampler, progress=False)
    assert failed["provenance"].attrs["verdict"].startswith("NOT CONVERGED: ")
    assert "bulk ESS" in failed["provenance"].attrs["verdict"]
