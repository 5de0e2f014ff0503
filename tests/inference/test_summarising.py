"""`summary` gives every estimand its interval, its Monte Carlo error and the verdict."""

import arviz as az
import numpy as np
import pytest
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.inference import Sampler, fit, summary
from bayesrg.models import Stability


def test_rows_are_the_draws_moments(tree: xr.DataTree):
    table = summary(tree)
    icc = tree["estimands"]["icc"].sel(condition="reproducibility")
    row = table.loc["icc[reproducibility]"]
    assert row["mean"] == pytest.approx(float(icc.mean()))
    assert row["sd"] == pytest.approx(float(icc.std(ddof=1)))
    assert [row["lower"], row["upper"]] == pytest.approx(list(np.quantile(icc, [0.025, 0.975])), abs=1e-3)
    assert row["mcse_mean"] == pytest.approx(float(az.mcse(icc, method="mean").item()))
    assert row["verdict"] == "converged"
    assert table.loc["rdc", "unit"] == "HU"
    assert (table["r_hat"].dropna() < 1.01).all()


def test_every_estimand_has_its_rows(tree: xr.DataTree):
    estimands = tree["estimands"].to_dataset()
    expected = sum(own.isel(chain=0, draw=0).size for own in estimands.data_vars.values())
    assert len(summary(tree)) == expected
    assert "finite_sd[residual]" in summary(tree).index


def test_probabilities_have_no_interval(tree: xr.DataTree):
    row = summary(tree, ["icc_above"]).loc["icc_above[overall, 0.75]"]
    assert row["mean"] == float((tree["estimands"]["icc"].sel(condition="overall") > 0.75).mean())
    assert np.isnan(row["lower"])
    assert np.isnan(row["upper"])


def test_the_interval_can_be_chosen(tree: xr.DataTree):
    table = summary(tree, ["mean"], ci_prob=0.5)
    assert table.attrs["ci_prob"] == 0.5
    expected = np.quantile(tree["estimands"]["mean"], [0.25, 0.75])
    np.testing.assert_allclose(table.loc["mean", ["lower", "upper"]].to_numpy(dtype=float), expected, rtol=1e-3)


def test_unknown_and_absent_estimands_say_why(tree: xr.DataTree):
    with pytest.raises(FitError, match="no estimand 'dice'; it has"):
        summary(tree, ["dice"])
    ranks = tree.copy()
    ranks["estimands"] = tree["estimands"].to_dataset().drop_vars("rc").assign_attrs(absent='{"rc": "no units here"}')
    with pytest.raises(FitError, match="no units here"):
        summary(ranks, ["rc"])


def test_every_row_of_a_failed_fit_says_so(data: xr.Dataset, sampler: Sampler):
    failed = fit(Stability(), data, seed=1, draws=20, tune=5, chains=2, sampler=sampler, progress=False)
    assert summary(failed)["verdict"].str.startswith("NOT CONVERGED").all()
