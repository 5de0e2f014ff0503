"""Calibration of the batched path: calibrated where the model is, and not where it is spoilt."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from bayesrg.inference.variances import Shares
from bayesrg.models import Priors, Stability
from bayesrg.prior import Prior
from bayesrg.simulation.batch_calibration import calibrate_batch

N = 150


@pytest.fixture(scope="module")
def design():
    table = pd.DataFrame(list(np.ndindex(10, 2, 2)), columns=["subject", "session", "scanner"])
    table["value"] = np.random.default_rng(0).standard_normal(len(table))
    table["value"] = (table["value"] - table["value"].mean()) / table["value"].std(ddof=1)
    columns = {name: name for name in ("subject", "session", "scanner")}
    return Stability(interactions=()).prepare(table, features="value", **columns)


def test_ranks_are_uniform(design, tmp_path):
    result = calibrate_batch(
        Stability(interactions=()), design, N, seed=1, out=tmp_path / "calibration.json", progress=False
    )
    checked = result.check(false_alarm=0.01)
    assert checked["inside"].all(), checked[~checked["inside"]]
    assert {"variance[subject]", "share[subject]", "mu", "gamma[0]", "log_likelihood"} <= set(checked.index)
    assert result.ranks.shape[0] == N
    assert result.ranks.to_numpy().max() <= result.draws
    assert (result.diagnostics["pareto_k"].dropna().astype(float) <= 0.7).all()
    assert (tmp_path / "calibration.json").stat().st_size > 0


@dataclass(frozen=True)
class Overconfident(Stability):
    """Fits with another prior than it simulates with."""

    def draw_prior(self, design, rng, draws):
        large = Shares(total_sd=Prior("LogNormal", {"mu": 2.0, "sigma": 0.7}, "seven times what the fit believes"))
        return Stability(interactions=(), priors=Priors(variances=large)).draw_prior(design, rng, draws)


def test_a_wrong_prior_is_found(design):
    result = calibrate_batch(Overconfident(interactions=()), design, N, seed=1, progress=False)
    checked = result.check(false_alarm=0.01)
    assert not checked["inside"].all()


def test_draws_that_cannot_be_thinned_evenly_are_refused(design):
    with pytest.raises(ValueError, match="kept=300 must divide the 2000 draws"):
        calibrate_batch(Stability(interactions=()), design, 2, seed=1, kept=300)
