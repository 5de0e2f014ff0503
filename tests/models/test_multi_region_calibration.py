"""The third and fourth questions of a model, for every kind of space: the posterior right, and calibrated?

The suite compiles one form, compares it with its reference, and calibrates it a little with the same compiled sampler;
`--runslow` compares all and runs a middle-sized calibration of every design; `models/multi_region/make_calibration.py`
the full one, whose result `tests/test_evidence.py` checks.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference import Sampler
from bayesrg.models import MultiRegion
from bayesrg.simulation import calibrate, calibration, plot_calibration

MODEL = "multi_region"
REFERENCE = json.loads(
    Path(__file__).resolve().parents[2].joinpath("models", MODEL, "reference.json").read_text(encoding="utf-8")
)
QUICK = "exchangeable"
# A calibrated model fails a calibration once in a hundred seeds; the seed is fixed.
FALSE_ALARM = 0.01


def model_of(script: ModuleType, name: str) -> MultiRegion:
    case = script.CASES[name]
    return MultiRegion(case.spatial, case.residual, contextual=case.contextual)


def prepare(script: ModuleType, name: str) -> xr.Dataset:
    table, case = script.simulate(name), script.CASES[name]
    options: dict[str, Any] = {"neighbours": script.neighbours(table)} if case.spatial == "graph" else {}
    features = [column for column in table if column.startswith("feature")]
    return model_of(script, name).prepare(table, features=features, genes=["gene"], coordinates=["x", "y"], **options)


@pytest.fixture(scope="module")
def compiled(script: ModuleType) -> Callable[[str], Sampler]:
    """The compiled model of a case of the reference, compiled when it is first asked for."""
    return cache(lambda name: Sampler(model_of(script, name), prepare(script, name)))


# The reference


def test_every_kind_of_space_and_of_residual_has_a_reference(script: ModuleType):
    assert set(REFERENCE["datasets"]) == set(script.CASES)
    assert {case.residual for case in script.CASES.values()} == {"independent", "correlated"}
    assert {case.spatial.rstrip("0123456789") for case in script.CASES.values()} == {"matern", "graph", "exchangeable"}


@pytest.mark.parametrize("name", list(REFERENCE["datasets"]))
def test_data_are_laid_out_as_the_script_lays_them_out(script: ModuleType, name: str):
    data, arrays = prepare(script, name), script.arrange(name)
    assert data.sizes["region"] == REFERENCE["datasets"][name]["rows"]
    for ours, argument in (("value", "value"), ("genome", "genome"), ("tumor_index", "tumor")):
        np.testing.assert_allclose(data[ours], arrays[argument], rtol=0.0, atol=1e-12)
    if "distance" in arrays:
        within = data["pair_in_tumor"].values > 0
        row, column = data["pair_row"].values[within], data["pair_column"].values[within]
        np.testing.assert_allclose(data["pair_distance"].values[within], arrays["distance"][row, column])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name != QUICK)) for name in REFERENCE["datasets"]]
)
def test_posterior_is_the_reference(
    script: ModuleType,
    compiled: Callable[[str], Sampler],
    distances: Callable[[xr.Dataset, pd.DataFrame], pd.Series],
    name: str,
):
    model, data = model_of(script, name), prepare(script, name)
    sampled, statistics = compiled(name).sample(model, data, seed=1, draws=1000, tune=500, chains=4)
    assert int(statistics["diverging"].sum()) == 0
    recovered = model.recover_local(sampled, data, np.random.default_rng(2), local=False)
    found = script.quantities(sampled.merge(recovered))
    expected = pd.DataFrame(REFERENCE["datasets"][name]["posterior"]).T
    assert set(expected.index) <= set(map(str, found.data_vars))
    distance = distances(found[list(expected.index)], expected)
    assert distance.max() < 4.0, distance[distance >= 4.0].to_dict()


# The calibration


def test_small_calibration(script: ModuleType, compiled: Callable[[str], Sampler], monkeypatch: pytest.MonkeyPatch):
    sampler = compiled(QUICK)
    monkeypatch.setattr(calibration, "Sampler", lambda model, data: sampler)  # compiled already
    monkeypatch.setattr(calibration, "_SAMPLERS", {})
    design, model = prepare(script, QUICK), model_of(script, QUICK)
    result = calibrate(model, design, 15, seed=20261123, draws=200, tune=250, progress=False)
    assert result.ranks.shape[0] == 15
    kinds = {str(quantity).partition("[")[0] for quantity in result.ranks}
    assert {"total_sd", "share", "tumor_sd", "space_sd", "B_0", "local_share", "log_likelihood"} <= kinds
    assert (result.diagnostics["min_ess"] >= result.draws).all()
    checked = result.check(FALSE_ALARM)
    assert checked["inside"].all(), checked[~checked["inside"]].to_string()


def test_every_kind_of_space_and_of_residual_is_calibrated(designs: ModuleType):
    models = [designs.model_of(name) for name in designs.DESIGNS]
    assert {model.residual for model in models} == {"independent", "correlated"}
    assert {model.spatial.rstrip("0123456789") for model in models} == {"matern", "graph", "exchangeable"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["matern", "graph", "exchangeable", "correlated"])
def test_middle_sized_calibration(designs: ModuleType, tmp_path: Path, name: str):
    model = designs.model_of(name)
    design = designs.prepare(name, model)
    result = calibrate(
        model, design, 100, seed=1, draws=300, tune=300, out=tmp_path / "calibration.json", progress=False
    )
    checked = result.check(FALSE_ALARM)
    plot_calibration(result, FALSE_ALARM).savefig(tmp_path / "calibration.svg")
    assert checked["inside"].all(), checked[~checked["inside"]].to_string()
