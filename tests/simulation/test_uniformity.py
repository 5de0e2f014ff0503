"""Bands hold as often as they say, and nothing leaves them unseen."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesrg.simulation import uniformity
from bayesrg.simulation.uniformity import Calibration, band, plot_calibration, write_json


@pytest.fixture(autouse=True)
def _fewer_simulations(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uniformity, "BAND_SIMULATIONS", 4000)


def make(ranks: dict[str, np.ndarray], draws: int = 100) -> Calibration:
    table = pd.DataFrame(ranks)
    diagnostics = pd.DataFrame({"min_ess": np.full(len(table), 500.0)})
    return Calibration(table, diagnostics, draws, {"seed": 1}, {"numpy": "2"}, "2024-06-01T00:00:00+00:00")


def test_bands_hold_with_their_probability():
    """Of 1,000 samples of uniform ranks, 10 % leave a 90 % band: a binomial with sd 9.5, so within 30."""
    ranks = np.random.default_rng(1).integers(0, 101, size=(200, 1000))
    samples = make({str(k): column for k, column in enumerate(ranks.T)})
    outside = ~samples.check(false_alarm=0.1 * 1000)["inside"]  # Bonferroni undone: each by itself at 0.1
    assert outside.sum() == pytest.approx(100, abs=30)


def test_bands_narrow_with_more_data_sets():
    (lower, upper), (lower_many, upper_many) = band(50, 0.95), band(200, 0.95)
    assert np.max(upper_many - lower_many) == pytest.approx(0.5 * np.max(upper - lower), rel=0.15)


def test_quantities_share_the_false_alarm():
    rng = np.random.default_rng(2)
    one = np.clip(rng.normal(60, 28, 200).round(), 0, 100).astype(int)  # a posterior a little too low
    alone = make({"one": one}).check(0.05)["inside"]
    assert not alone["one"]
    among = make({"one": one, **{str(k): rng.integers(0, 101, 200) for k in range(400)}}).check(0.05)
    assert among["inside"].sum() >= 399


@pytest.mark.parametrize(
    "ranks", [np.full(100, 50), np.tile([0, 100], 50), np.arange(100) // 2, 50 + np.arange(100) // 2]
)
def test_ranks_that_are_not_uniform_leave_the_band(ranks: np.ndarray):
    checked = make({"one": ranks}).check(0.001)
    assert not checked.loc["one", "inside"]
    assert checked.loc["one", "excess"] > 0.05
    assert checked.loc["one", "p_value"] < 0.001


def test_figure_says_which_quantity_failed():
    figure = plot_calibration(make({"good": np.arange(100), "bad": np.arange(100) // 2}))
    assert figure.get_suptitle().startswith("100 data sets: NOT CALIBRATED in 1 of 2 quantities")
    assert [axis.get_title() for axis in figure.axes] == ["good", "bad: OUTSIDE"]
    assert "all 1 quantities calibrated" in plot_calibration(make({"good": np.arange(100)})).get_suptitle()


def test_json_keeps_lists_of_numbers_on_a_line(tmp_path: Path):
    content = {"ranks": {"mu": [1, 2, 3], "icc": [0.5, -1e-9]}, "names": ["a [1, 2]"], "nothing": []}
    target = write_json(content, tmp_path / "result.json")
    text = target.read_text(encoding="utf-8")
    assert '"mu": [1,2,3]' in text
    assert json.loads(text) == content
