"""`calibrate` ranks the truth rightly, finds what is wrong, resumes, and reports what fails; so for many designs."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from bayesrg.errors import FitError
from bayesrg.simulation import (
    Calibration,
    CalibrationPlan,
    calibrate,
    calibrate_designs,
    calibration,
    designs,
    plot_calibration,
    uniformity,
)

N_VALUES = 4


@dataclass(frozen=True)
class Mean:
    """value ~ Normal(mu, 1), mu ~ Normal(0, 1): the posterior has a closed form."""

    shift: float = 0.0  # of the posterior from where it should be, in posterior sds
    stretch: float = 1.0  # of its sd

    def build(self, data: xr.Dataset) -> None:
        raise NotImplementedError("the closed form needs no graph")

    def simulate(
        self, design: xr.Dataset, rng: np.random.Generator, parameters: xr.Dataset | None = None
    ) -> xr.DataTree:
        mu = rng.standard_normal()
        value = mu + rng.standard_normal(N_VALUES)
        return xr.DataTree.from_dict(
            {"parameters": xr.Dataset({"mu": mu}), "data": design.assign(value=("measurement", value))}
        )

    def estimands(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        return xr.Dataset(
            {"tripled": 3.0 * posterior["mu"], "squared": posterior["mu"] ** 2, "sign": posterior["mu"] > 0}
        )

    def log_likelihood(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        return xr.Dataset({"joint": -0.5 * ((data["value"] - posterior["mu"]) ** 2).sum("measurement")})

    def log_prior(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        return -0.5 * posterior[["mu"]] ** 2


class ClosedForm:
    """Stands where a compiled model stands."""

    def __init__(self, model: Mean, data: xr.Dataset) -> None:
        self.graph = SimpleNamespace(free_RVs=[SimpleNamespace(name="mu")])

    def sample(
        self, model: Mean, data: xr.Dataset, *, seed: int, draws: int, tune: int, chains: int, cores: int | None
    ) -> tuple[xr.Dataset, xr.Dataset]:
        sd = np.sqrt(1.0 / (N_VALUES + 1.0))
        mean = float(data["value"].sum()) / (N_VALUES + 1.0) + model.shift * sd
        drawn = mean + model.stretch * sd * np.random.default_rng(seed).standard_normal((chains, draws))
        coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
        statistics = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((chains, draws), dtype=bool))})
        return xr.Dataset({"mu": (("chain", "draw"), drawn)}, coords), statistics


@pytest.fixture(autouse=True)
def _closed_form(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(calibration, "Sampler", ClosedForm)
    monkeypatch.setattr(calibration, "_SAMPLERS", {})
    monkeypatch.setattr(uniformity, "BAND_SIMULATIONS", 4000)


@pytest.fixture
def design() -> xr.Dataset:
    return xr.Dataset({"value": ("measurement", np.zeros(N_VALUES))})


def run(design: xr.Dataset, model: Mean = Mean(), n: int = 150, **options) -> Calibration:
    return calibrate(model, design, n, seed=1, draws=100, tune=0, progress=False, **options)


def test_a_calibrated_model_stays_in_its_bands(design: xr.Dataset):
    result = run(design)
    # 3 mu has the ranks of mu, and the sign is not real-valued.
    assert list(result.ranks) == ["mu", "squared", "log_likelihood"]
    assert result.ranks.to_numpy().min() >= 0
    assert result.ranks.to_numpy().max() <= result.draws == 100
    assert result.check(0.01)["inside"].all()


@pytest.mark.parametrize("model", [Mean(shift=0.5), Mean(stretch=0.6), Mean(stretch=1.8)])
def test_a_wrong_posterior_leaves_its_bands(design: xr.Dataset, model: Mean):
    result = run(design, model)
    checked = result.check(0.01)
    assert not checked.loc["mu", "inside"]
    assert checked.loc["mu", "p_value"] < 1e-3
    assert "NOT CALIBRATED" in plot_calibration(result).get_suptitle()


def test_the_joint_likelihood_finds_a_posterior_that_ignored_the_data(
    design: xr.Dataset, monkeypatch: pytest.MonkeyPatch
):
    """The prior in the posterior's place: the parameter's ranks are uniform, the likelihood's are not."""

    def sample_prior(self, model, data, *, seed, draws, tune, chains, cores):
        drawn = np.random.default_rng(seed).standard_normal((chains, draws))
        coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
        statistics = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((chains, draws), dtype=bool))})
        return xr.Dataset({"mu": (("chain", "draw"), drawn)}, coords), statistics

    monkeypatch.setattr(ClosedForm, "sample", sample_prior)
    checked = run(design).check(0.01)
    assert checked.loc["mu", "inside"]
    assert not checked.loc["log_likelihood", "inside"]


def test_the_answer_does_not_depend_on_the_executor(design: xr.Dataset):
    with ThreadPoolExecutor(2) as executor:
        shared = run(design, n=35, executor=executor)
    assert shared.ranks.equals(run(design, n=35).ranks)


def test_result_is_written_and_read(design: xr.Dataset, tmp_path: Path):
    out = tmp_path / "calibration.json"
    result = run(design, n=20, out=out)
    again = Calibration.from_dict(json.loads(out.read_text(encoding="utf-8")))
    assert again.ranks.equals(result.ranks)
    assert again.diagnostics.equals(result.diagnostics)
    assert (again.settings, again.versions, again.created) == (result.settings, result.versions, result.created)
    assert list(tmp_path.iterdir()) == [out]


def test_an_interrupted_run_goes_on_where_it_stopped(
    design: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    expected = run(design, n=12)
    out, done = tmp_path / "calibration.json", []
    rank = calibration.rank_data_set

    def interrupt(model, design, number, sampling, cores):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(number)
        return rank(model, design, number, sampling, cores)

    monkeypatch.setattr(calibration, "rank_data_set", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(design, n=12, out=out)
    partial = tmp_path / "calibration.partial.jsonl"
    assert not out.exists()
    # The last line was cut short as the power failed.
    partial.write_text(partial.read_text(encoding="utf-8")[:-30], encoding="utf-8")

    again = []

    def record(model, design, number, sampling, cores):
        again.append(number)
        return rank(model, design, number, sampling, cores)

    monkeypatch.setattr(calibration, "rank_data_set", record)
    result = run(design, n=12, out=out)
    assert again == list(range(4, 12))
    assert result.ranks.equals(expected.ranks)
    assert not partial.exists()


def test_partial_results_of_other_settings_are_refused(
    design: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "calibration.json"
    monkeypatch.setattr(calibration, "rank_data_set", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(design, n=5, out=out)
    with pytest.raises(FitError, match=r"other settings \(model, n\): finish it with those, or delete it"):
        run(design, Mean(shift=1.0), n=6, out=out)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_set_that_fails_is_reported_with_its_seed(
    design: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
):
    sample = ClosedForm.sample

    def fail(self, model, data, **options):
        if data["value"].values[0] > 2.0:
            raise RuntimeError("the sampler gave up")
        return sample(self, model, data, **options)

    monkeypatch.setattr(ClosedForm, "sample", fail)
    executor = ThreadPoolExecutor(workers) if workers else None
    with pytest.raises(FitError, match="the sampler gave up") as caught:
        run(design, n=60, out=tmp_path / "calibration.json", executor=executor)
    number = int(str(caught.value).split()[2])
    simulated = Mean().simulate(design, np.random.default_rng([1, number]).spawn(3)[0])
    assert float(simulated["data"]["value"][0]) > 2.0
    assert f"np.random.default_rng([1, {number}])" in str(caught.value)
    # What was handed back before is kept: every data set where one works alone.
    kept = (tmp_path / "calibration.partial.jsonl").read_text(encoding="utf-8").splitlines()
    assert workers or len(kept) == 1 + number


def test_draws_that_depend_on_each_other_are_drawn_again_and_longer(
    design: xr.Dataset, monkeypatch: pytest.MonkeyPatch
):
    sample = ClosedForm.sample

    def repeat_each_draw(self, model, data, *, draws, **options):
        posterior, statistics = sample(self, model, data, draws=draws // 20, **options)
        slow = posterior.isel(draw=np.repeat(np.arange(draws // 20), 20)).assign_coords(draw=np.arange(draws))
        return slow, xr.Dataset({"diverging": statistics["diverging"].isel(draw=np.zeros(draws, dtype=int))})

    monkeypatch.setattr(ClosedForm, "sample", repeat_each_draw)
    result = run(design, n=10)
    assert (result.diagnostics["draws"] > 400).all()
    assert (result.diagnostics["min_ess"] > 100).all()


def test_kept_draws_are_equally_spaced(design: xr.Dataset):
    with pytest.raises(ValueError, match="equally spaced"):
        run(design, kept=99)


# Many designs


def run_designs(design: xr.Dataset, out: Path, **options) -> list[str]:
    """Calibrate two designs that differ in their seeds."""
    plans = {
        name: CalibrationPlan(f"the {name}", Mean(), design, {"seed": seed, "draws": 100, "tune": 0})
        for name, seed in (("second", 2), ("first", 1))
    }
    asked = {"n": 12, "command": "make it", "false_alarm": 0.01, "progress": False} | options
    return calibrate_designs(plans, out=out, **asked)


def test_designs_stand_in_one_file_in_their_order(design: xr.Dataset, tmp_path: Path):
    out = tmp_path / "calibration.json"
    assert run_designs(design, out, is_ranked=lambda quantity: quantity != "squared") == []
    assert list(tmp_path.iterdir()) == [out]
    content = json.loads(out.read_text(encoding="utf-8"))
    assert (content["command"], content["false_alarm"]) == ("make it", 0.01)
    told = [(name, own["design"]) for name, own in content["designs"].items()]
    assert told == [("second", "the second"), ("first", "the first")]
    found = {name: Calibration.from_dict(own) for name, own in content["designs"].items()}
    assert found["first"].ranks.equals(run(design, n=12).ranks.drop(columns="squared"))
    assert {name: own.settings["seed"] for name, own in found.items()} == {"second": 2, "first": 1}


def test_interrupted_designs_go_on_where_they_stopped(
    design: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rank, done = calibration.rank_data_set, []

    def interrupt(model, design, number, sampling, cores):
        if len(done) == 15:
            raise KeyboardInterrupt
        done.append((sampling["seed"], number))
        return rank(model, design, number, sampling, cores)

    monkeypatch.setattr(calibration, "rank_data_set", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_designs(design, tmp_path / "calibration.json")
    left = {"calibration.second.json", "calibration.first.partial.jsonl"}
    assert {path.name for path in tmp_path.iterdir()} == left

    def go_on(model, design, number, sampling, cores):
        done.append((sampling["seed"], number))
        return rank(model, design, number, sampling, cores)

    monkeypatch.setattr(calibration, "rank_data_set", go_on)
    assert run_designs(design, tmp_path / "calibration.json") == []
    assert done == [(seed, number) for seed in (2, 1) for number in range(12)]
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]


def test_designs_chosen_apart_add_up(design: xr.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    whole, out = tmp_path / "whole" / "calibration.json", tmp_path / "calibration.json"
    whole.parent.mkdir()
    assert run_designs(design, out, chosen=["first"], progress=True) == ["second"]
    assert "not done yet: second" in capsys.readouterr().out
    assert not out.exists()
    assert run_designs(design, out, chosen=["second"]) == []
    assert run_designs(design, whole) == []
    apart, together = (json.loads(path.read_text(encoding="utf-8"))["designs"] for path in (out, whole))
    assert list(apart) == list(together)
    assert all(apart[name]["ranks"] == together[name]["ranks"] for name in together)


def test_workers_start_afresh_and_change_nothing(design: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    started = []

    def start(workers, mp_context):
        started.append((workers, mp_context.get_start_method()))
        return ThreadPoolExecutor(workers)

    monkeypatch.setattr(designs, "ProcessPoolExecutor", start)
    out = tmp_path / "calibration.json"
    assert run_designs(design, out, workers=2) == []
    assert started == [(2, "spawn")]
    first = json.loads(out.read_text(encoding="utf-8"))["designs"]["first"]
    assert Calibration.from_dict(first).ranks.equals(run(design, n=12).ranks)


def test_a_script_says_on_its_command_line_what_is_done(
    design: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(designs, "ProcessPoolExecutor", lambda workers, mp_context: ThreadPoolExecutor(workers))
    out = tmp_path / "calibration.json"
    parser = designs.calibration_parser(None, out=out, designs=["second", "first"])
    assert run_designs(design, **vars(parser.parse_args(["--data-sets", "3", "--designs", "first"]))) == ["second"]
    assert run_designs(design, **vars(parser.parse_args(["--data-sets", "3", "--workers", "1"]))) == []
    content = json.loads(out.read_text(encoding="utf-8"))
    assert [own["settings"]["n"] for own in content["designs"].values()] == [3, 3]
