"""Ranks and joint thresholds, on draws that can be counted by hand."""

import json

import numpy as np
import pytest
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.models import ranking as module
from bayesrg.models.ranking import joint_above, rank_probability, select

CONDITIONS = ["repeatability", "reproducibility", "robustness"]


def draws_of(*features: list[float]) -> xr.DataArray:
    """ICC draws of features a, b, … in two chains."""
    values = np.array(features, dtype=float).T
    return xr.DataArray(
        values.reshape(2, -1, values.shape[1]),
        dims=("chain", "draw", "feature"),
        coords={"feature": [chr(97 + number) for number in range(values.shape[1])]},
    )


def test_ranks_by_hand():
    found = rank_probability(draws_of([0.9, 0.9, 0.9, 0.1], [0.8, 0.8, 0.2, 0.8], [0.7, 0.7, 0.7, 0.7]), best=[1, 2])
    np.testing.assert_allclose(found["mean_rank"], [1.5, 2.0, 2.5])
    np.testing.assert_allclose(found["probability_best"], [0.75, 0.25, 0.0])
    np.testing.assert_allclose(found["probability_among_best"], [[0.75, 0.25, 0.0], [0.75, 0.75, 0.5]])
    assert found["best"].values.tolist() == [1, 2]
    assert all(own.attrs["unit"] == "1" and "doi:" in own.attrs["reference"] for own in found.data_vars.values())


def test_ties_share_their_places():
    found = rank_probability(draws_of([0.9, 0.9], [0.9, 0.8], [0.9, 0.8], [0.1, 0.8]), best=2)
    # First draw: three share places 1 to 3; second: three share places 2 to 4.
    np.testing.assert_allclose(found["mean_rank"], [1.5, 2.5, 2.5, 3.5])
    np.testing.assert_allclose(found["probability_best"], [(1 / 3 + 1) / 2, 1 / 6, 1 / 6, 0.0])
    among = [(2 / 3 + 1) / 2, (2 / 3 + 1 / 3) / 2, (2 / 3 + 1 / 3) / 2, (0 + 1 / 3) / 2]
    np.testing.assert_allclose(found["probability_among_best"].sel(best=2), among)


def test_probabilities_of_places_add_up_whatever_ties():
    rng = np.random.default_rng(1)
    icc = draws_of(*np.round(rng.uniform(size=(12, 400)), 1))
    found = rank_probability(icc, best=[1, 3, 12])
    np.testing.assert_allclose(found["probability_among_best"].sum("feature"), [1, 3, 12])
    assert float(found["mean_rank"].mean()) == pytest.approx(6.5)
    assert bool((found["lower_rank"] <= found["mean_rank"]).all() & (found["mean_rank"] <= found["upper_rank"]).all())


def test_interval_of_ranks():
    first = np.linspace(0, 1, 1000)
    found = rank_probability(draws_of(first, first[::-1], np.full(1000, -1.0)), best=1, ci_prob=0.9)
    assert found["lower_rank"].values.tolist() == [1, 1, 3]
    assert found["upper_rank"].values.tolist() == [2, 2, 3]
    few = rank_probability(draws_of([1.0] * 97 + [0.0] * 3, [0.5] * 100), best=1)
    assert (few["upper_rank"].values.tolist(), few["lower_rank"].values.tolist()) == ([2, 2], [1, 1])
    fewer = rank_probability(draws_of([1.0] * 98 + [0.0] * 2, [0.5] * 100), best=1)
    assert (fewer["upper_rank"].values.tolist(), fewer["lower_rank"].values.tolist()) == ([1, 2], [1, 2])


@pytest.mark.parametrize("block", [1, 25, 10**7])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, block: int):
    icc = draws_of(*np.random.default_rng(2).uniform(size=(5, 60)))
    whole = rank_probability(icc, best=[2, 4])
    monkeypatch.setattr(module, "BLOCK", block)
    xr.testing.assert_allclose(rank_probability(icc, best=[2, 4]), whole)


@pytest.mark.parametrize("best", [0, 4, [1, 9], 1.5, []])
def test_places_that_are_not_there(best: object):
    with pytest.raises(FitError, match="whole numbers from 1 to the number of features, 3"):
        rank_probability(draws_of([0.1, 0.2], [0.3, 0.4], [0.5, 0.6]), best=best)  # type: ignore[arg-type]


def test_draws_that_have_no_rank():
    with pytest.raises(FitError, match="draws of b are not finite"):
        rank_probability(draws_of([0.1, 0.2], [np.nan, 0.4]), best=1)
    with pytest.raises(FitError, match="select one condition"):
        rank_probability(draws_of([0.1, 0.2]).expand_dims(condition=2), best=1)


# Joint thresholds


def conditions_of(**features: list[list[float]]) -> xr.DataArray:
    """ICC by feature, draw and condition."""
    values = np.array(list(features.values()), dtype=float)
    icc = xr.DataArray(values[None], dims=("chain", "feature", "draw", "condition"), coords={"condition": CONDITIONS})
    return icc.assign_coords(feature=list(features)).transpose("chain", "draw", "feature", "condition")


ICC = conditions_of(
    weak=[[0.95, 0.5, 0.9], [0.95, 0.9, 0.5], [0.5, 0.9, 0.9], [0.95, 0.9, 0.9]],
    good=[[0.95, 0.9, 0.9]] * 4,
    fair=[[0.95, 0.9, 0.9]] * 3 + [[0.95, 0.9, 0.75]],
)
THRESHOLDS = {"repeatability": 0.9, "reproducibility": 0.75, "robustness": 0.75}


def test_joint_probability_is_not_the_product():
    joint = joint_above(ICC, THRESHOLDS)
    assert joint["all"].dtype == bool
    np.testing.assert_allclose(joint["above"].mean(("chain", "draw")).sel(feature="weak"), [0.75, 0.75, 0.75])
    # Equal to the threshold is not above it.
    np.testing.assert_allclose(joint["all"].mean(("chain", "draw")), [0.25, 1.0, 0.75])
    assert json.loads(joint.attrs["thresholds"]) == THRESHOLDS


def test_selection_says_its_rule():
    table = select(joint_above(ICC, THRESHOLDS), probability=0.75)
    assert table.index.tolist() == ["good", "fair", "weak"]
    assert table["kept"].tolist() == [True, True, False]
    assert table["probability"].tolist() == [1.0, 0.75, 0.25]
    assert table["weakest"].tolist()[1] == "robustness"
    assert table["probability_robustness"].tolist() == [1.0, 0.75, 0.75]
    rule = "P(ICC repeatability > 0.9 and ICC reproducibility > 0.75 and ICC robustness > 0.75 | data) ≥ 0.75"
    assert set(table["rule"]) == {rule}
    assert table.attrs == {"rule": rule, "kept": 2, "removed": 1}
    assert select(joint_above(ICC, THRESHOLDS), probability=0.76)["kept"].tolist() == [True, False, False]


def test_selection_at_exactly_the_probability():
    values = np.where(np.arange(1000) < 800, 0.95, 0.5)
    icc = xr.DataArray(values[None, :, None], dims=("chain", "draw", "condition"), coords={"condition": ["overall"]})
    table = select(joint_above(icc, {"overall": 0.9}), probability=0.8)
    assert table["kept"].tolist() == [True]
    assert table.index.tolist() == ["feature"]


def test_some_conditions_in_any_order():
    joint = joint_above(ICC, {"robustness": 0.8, "repeatability": 0.9})
    assert joint["above"]["condition"].values.tolist() == ["robustness", "repeatability"]
    np.testing.assert_allclose(joint["all"].mean(("chain", "draw")), [0.5, 1.0, 0.75])


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"overall": 0.9}, "no ICC for overall: this fit's design has repeatability"),
        ({}, "at least one condition"),
        ({"robustness": 1.2}, "between 0 and 1"),
        ({"robustness": 0.0}, "between 0 and 1"),
    ],
)
def test_rules_that_cannot_be(thresholds: dict[str, float], message: str):
    with pytest.raises(FitError, match=message):
        joint_above(ICC, thresholds)


def test_icc_that_is_not_there_is_not_a_low_one():
    with pytest.raises(FitError, match="NaN"):
        joint_above(ICC.where(ICC < 0.93), THRESHOLDS)


@pytest.mark.parametrize("probability", [0.0, 1.1, -0.5])
def test_probability_that_cannot_be(probability: float):
    with pytest.raises(FitError, match="above 0 and at most 1"):
        select(joint_above(ICC, THRESHOLDS), probability=probability)
