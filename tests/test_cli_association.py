"""`bayesrg fit association` and `bayesrg predict`: what they answer, what they refuse, and what they leave behind."""

import json
import re
import shlex
from types import SimpleNamespace
from typing import get_args
from unittest.mock import create_autospec

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg import cohort
from bayesrg.cli import association_arguments
from bayesrg.cli.arguments import build_parser
from bayesrg.storage import write_dataset

FIT = (
    "fit association patients.csv --outcome IDH1 --predictor size_mm --family bernoulli --categories wt mutant "
    "--formula age --patient patient --unit size_mm=mm --out fit.zarr.zip --seed 1"
)


def make_patients(*, seed: int = 1) -> pd.DataFrame:
    """Return 60 patients whose tumours are larger where IDH1 is mutated; the size of one is missing."""
    rng = np.random.default_rng(seed)
    mutant = np.arange(60) % 4 == 0
    size = 2.0 * np.round(rng.normal(15, 4, 60) + 5 * mutant)
    size[7] = np.nan
    return pd.DataFrame(
        {
            "patient": [f"{number:03d}" for number in range(60)],
            "IDH1": np.where(mutant, "mutant", "wt"),
            "size_mm": size,
            "age": rng.integers(30, 80, 60),
            "enhancement": rng.integers(1, 4, 60),
            "grade": np.array(["G2", "G3", "G4"])[rng.integers(0, 3, 60)],
            "volume": rng.lognormal(3, 1, 60),
            "site": [f"0{number % 4}" for number in range(60)],
            "weight": rng.uniform(0.5, 2, 60),
            "variants": rng.poisson(20, 60),
            "megabases": rng.uniform(30, 40, 60),
        }
    )


@pytest.fixture(scope="module")
def compiled_once():
    """Let fits of one model in this module share a compilation."""
    from bayesrg.inference import fitting

    compile_anew, samplers = fitting.Sampler, {}

    def find_or_compile(model, data):
        key = repr(model), tuple(data.sizes.items())
        if key not in samplers:
            samplers[key] = compile_anew(model, data)
        return samplers[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fitting, "Sampler", find_or_compile)
        yield


def make_alternatives() -> xr.Dataset:
    """Return alternatives as `fit_alternatives` does, whose own tests fit them."""
    by_term = {"mean": 0.8123, "lower": 0.6871, "upper": 0.9042, "probability_positive": 0.9999}
    columns = ("elpd", "se", "elpd_diff", "dse", "p", "weight", "pareto_k")
    compared = {
        "this fit (Bernoulli)": (-30.0, 4.0, 0.0, 0.0, 3.0, 0.9, 0.31),
        "other": (-31.5, 4, -1.5, 0.7, 4, 0.1, 0.42),
    }
    comparison = {name: dict(zip(columns, row, strict=True)) for name, row in compared.items()}
    return xr.Dataset(
        {
            **{name: (("alternative", "term"), [[value]]) for name, value in by_term.items()},
            "quantity": ("alternative", ["P(Y1 > Y0) + P(Y1 = Y0) / 2"]),
            "null": ("alternative", [0.5]),
            "verdict": ("alternative", ["converged"]),
        },
        coords={"alternative": ["rank, reversed"], "term": ["size_mm"]},
        attrs={"comparison": json.dumps(comparison)},
    )


@pytest.fixture(scope="module")
def fitted(run, tmp_path_factory, compiled_once):
    """A fit made on the command line: the folder, and what was told."""
    from bayesrg import models

    folder = tmp_path_factory.mktemp("fitted")
    make_patients().to_csv(folder / "patients.csv", index=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        # The signature is that of the function itself, so that a call that it would refuse is refused here.
        alternatives = create_autospec(models.fit_alternatives, return_value=make_alternatives())
        patched.setattr(models, "fit_alternatives", alternatives)
        told = run(f"{FIT} --draws 500 --tune 500")
    return SimpleNamespace(folder=folder, path=folder / "fit.zarr.zip", asked=alternatives.call_args, **vars(told))


@pytest.fixture
def place(place):
    """A working directory with the table of patients."""
    make_patients().to_csv("patients.csv", index=False)
    return place


# What it answers


def test_who_is_in_stands_before_the_answer(fitted):
    assert fitted.code == 0, fitted.err
    told = fitted.err.splitlines()
    assert "bayesrg: warning: 1 of 60 rows are left out: size_mm is missing" in told
    assert "IDH1 has the categories wt (44), mutant (15)" in told
    assert any(line.startswith("bayesrg: caution: 15 of 59 patients have IDH1 = mutant, for 2 coeff") for line in told)
    assert "fitting IDH1 by size_mm given age (bernoulli): 59 rows" in told
    assert "asking other models the same: rank, reversed" in told


def test_the_answer_is_that_of_the_fit(fitted):
    from bayesrg.inference import load

    estimands = load(fitted.path)["estimands"].to_dataset()
    ratio = estimands["odds_ratio"].sel(term="size_mm")
    lines = [re.split(r" {2,}", line) for line in fitted.out.splitlines()]
    sd = pd.read_csv(fitted.folder / "patients.csv")["size_mm"].std()
    expected = {
        f"one sd of size_mm ({sd:.3g} mm)": ratio.sel(step="sd"),
        "one mm of size_mm": ratio.sel(step="unit"),
    }
    shown = [line for line in lines if line[0] == "odds ratio of IDH1 = mutant"]
    assert [line[1] for line in shown] == list(expected)
    for line, drawn in zip(shown, expected.values(), strict=True):
        np.testing.assert_allclose([float(cell) for cell in line[2:]], drawn.quantile([0.5, 0.025, 0.975]), rtol=1e-3)
    chance = next(line for line in lines if line[0] == "P(IDH1 = mutant), average change")
    average = estimands["average_marginal_effect"].sel(term="size_mm", step="sd").mean()
    assert float(chance[2]) == pytest.approx(float(average), rel=1e-3)
    direction = next(line for line in lines if line[0] == "size_mm" and line[1] == "positive")
    assert direction[2] == "> 0.999"


def test_bayes_factors_are_those_of_three_priors(fitted):
    from bayesrg.inference import data_of, load
    from bayesrg.models import model_of, savage_dickey

    tree = load(fitted.path)
    found = savage_dickey(model_of(tree), tree["posterior"].to_dataset(), data_of(tree), scales=(0.4, 1.0, 2.5))
    heading, row = fitted.out.split("Bayes factor", 1)[1].splitlines()[1:3]
    assert re.split(r" {2,}", heading)[1:] == [
        "slope ~ Normal(0, 1)",
        "slope ~ Normal(0, 2.5) (the fit)",
        "slope ~ Normal(0, 6.25)",
    ]
    shown = [float(cell) for cell in re.split(r" {2,}", row)[1:4]]
    np.testing.assert_allclose(shown, np.exp(found["log_bayes_factor"].values[0]), rtol=1e-3)


def test_other_models_and_classical_tests_stand_beside(fitted):
    from bayesrg.models import Association

    assert fitted.asked.args[1] == Association("bernoulli")
    assert fitted.asked.kwargs == {"seed": 1, "draws": 500, "progress": False}
    rows = [re.split(r" {2,}", line) for line in fitted.out.splitlines()]
    quantity = "P(Y1 > Y0) + P(Y1 = Y0) / 2"
    assert ["rank, reversed", "size_mm", quantity, "0.8123", "0.6871", "0.9042", "0.5", "> 0.999"] in rows
    assert ["other", "-1.5", "0.7", "0.42", "0.10"] in rows
    assert "Wald test of logistic regression" in fitted.out
    assert "Wilcoxon rank-sum test" in fitted.out
    assert re.search(r"^note: .*ignores", fitted.out, flags=re.MULTILINE)
    assert "bayesrg predict fit.zarr.zip TABLE" in fitted.out


def test_summary(run, fitted, tmp_path):
    told = run(f"summary {fitted.path} --csv {tmp_path / 'summary.csv'}")
    assert told.code == 0
    assert told.out.startswith("IDH1 by size_mm given age (bernoulli): converged\n")
    assert "caution: 15 of 59 patients" in told.out
    assert re.search(r"^rank, reversed +size_mm ", told.out, flags=re.MULTILINE)
    written = pd.read_csv(tmp_path / "summary.csv", index_col="estimand")
    assert {"odds_ratio[size_mm, sd]", "above_zero[size_mm]"} <= set(written.index)


def test_report(run, fitted, tmp_path):
    told = run(f"report {fitted.path} --out {tmp_path / 'report.html'}")
    assert (told.code, told.out) == (0, f"written to {tmp_path / 'report.html'}\n")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "IDH1" in page
    assert "size_mm" in page


def test_new_patients_are_predicted(run, fitted, place):
    from bayesrg.inference import load
    from bayesrg.models import model_of, predict_patients

    new = make_patients(seed=2).drop(columns="IDH1").dropna().head(5)
    new.to_csv("new.csv", index=False)
    told = run(f"predict {fitted.path} new.csv --patient patient --out deeper/predictions.csv --seed 3")
    assert (told.code, told.out) == (0, "5 patients predicted, written to deeper/predictions.csv\n")
    written = pd.read_csv("deeper/predictions.csv", dtype={"patient": str}, index_col="patient")
    tree = load(fitted.path)
    expected = predict_patients(tree, model_of(tree), new, seed=3, patient="patient")
    pd.testing.assert_frame_equal(written, expected, check_names=False)
    assert list(written.index[:2]) == ["000", "001"]


# Fits that go wrong


def test_a_fit_that_did_not_converge_is_saved_and_says_so(run, place, compiled_once, fitted):
    told = run(f"{FIT} --draws 40 --tune 100 --chains 2 --no-alternatives")
    assert told.code == 4
    assert "bayesrg: warning: NOT CONVERGED" in told.err
    assert "saved to fit.zarr.zip" in told.out
    assert "asked of other models" not in told.out
    assert run("summary fit.zarr.zip").out.startswith("IDH1 by size_mm given age (bernoulli): NOT CONVERGED")
    predicted = run("predict fit.zarr.zip patients.csv --out new.csv --seed 1")
    assert predicted.code == 1  # the size of one patient is missing
    make_patients().dropna().to_csv("new.csv", index=False)
    predicted = run("predict fit.zarr.zip new.csv --out predictions.csv --seed 1")
    assert predicted.code == 4
    assert "Do not use these predictions" in predicted.err


def test_an_interruption_leaves_the_old_file(run, place, compiled_once, fitted, monkeypatch):
    from bayesrg import models

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "fit_alternatives", interrupt)
    (place / "fit.zarr.zip").write_bytes(b"old")
    told = run(f"{FIT} --draws 40 --tune 100 --chains 2")
    assert told.code == 130
    assert told.err.endswith("interrupted: nothing was written; run the same command again to start afresh\n")
    assert (place / "fit.zarr.zip").read_bytes() == b"old"
    assert sorted(path.name for path in place.iterdir()) == ["fit.zarr.zip", "patients.csv"]


# What reaches the model


def test_choices_are_those_of_the_model():
    from bayesrg.models import FAMILIES
    from bayesrg.models.patient_rows.laying_out import Direction
    from bayesrg.transformation import Scale

    assert set(association_arguments.FAMILIES) == set(FAMILIES)
    directions = [direction.replace(" ", "-") for direction in get_args(Direction)]
    for option, choices in {"--scale": get_args(Scale), "--direction": directions}.items():
        for choice in choices:
            build_parser().parse_args(shlex.split(f"{FIT} {option} {choice}"))


def test_options_reach_model_and_sampler(run, place, noted):
    from bayesrg.models import Association, Ordinal

    told = run(
        "fit association patients.csv --outcome grade --predictor size_mm enhancement --family ordinal "
        "--categories G4 G3 G2 --category-slopes --formula 'log(volume) + age' --group site --weights weight "
        "--reference enhancement=2 --direction genome-on-image --unit size_mm=mm --rope 0.3 "
        "--out fit.zarr.zip --seed 5 --draws 11 --tune 12 --chains 3"
    )
    assert (told.code, told.err.splitlines()[-1]) == (1, "bayesrg: error: noted")
    assert noted.model == Association(Ordinal(proportional=False), rope=0.3)
    sampling = {name: noted.sampling[name] for name in ("seed", "draws", "tune", "chains")}
    assert sampling == {"seed": 5, "draws": 11, "tune": 12, "chains": 3}
    data = noted.data
    assert list(data["category"].values) == ["G4", "G3", "G2"]
    assert list(data["term"].values) == ["size_mm", "enhancement[1]", "enhancement[3]"]
    assert list(data["covariate"].values) == ["log(volume)", "age"]
    assert list(data["level"].values) == ["site: 00", "site: 01", "site: 02", "site: 03"]
    assert data.attrs["direction"] == "genome on image"
    assert json.loads(data.attrs["predictor_units"])["size_mm"] == "mm"
    assert np.ptp(data["weight"].values) > 0
    assert "enhancement: 1, 3 against the reference 2" in told.err.splitlines()


@pytest.mark.parametrize(
    ("options", "attributes"),
    [
        ("--outcome volume --family student_t --scale log", {"family": "student_t", "transformation": "log"}),
        ("--outcome variants --family negative_binomial --exposure megabases", {"exposure": "megabases"}),
    ],
)
def test_options_of_single_families(run, place, noted, options, attributes):
    told = run(f"fit association patients.csv --predictor age {options} --out fit.zarr.zip --seed 1")
    assert told.err.splitlines()[-1] == "bayesrg: error: noted"
    assert {name: noted.data.attrs[name] for name in attributes} == attributes


def test_a_cohort_knows_patients_units_and_direction(run, place, noted):
    table = make_patients()
    clinical = cohort.Source(table[["patient", "IDH1"]], "genome")
    features = cohort.Source(table[["patient", "size_mm"]], "imaging", units={"size_mm": "mm"})
    write_dataset(cohort.join({"genome": clinical, "features": features}), place / "cohort.zarr.zip")
    told = run(
        "fit association cohort.zarr.zip --outcome IDH1 --predictor size_mm --family bernoulli --categories wt mutant "
        "--out fit.zarr.zip --seed 1"
    )
    assert told.err.splitlines()[-1] == "bayesrg: error: noted"
    assert noted.data.attrs["direction"] == "genome on image"
    assert json.loads(noted.data.attrs["predictor_units"]) == {"size_mm": "mm"}
    assert list(noted.data["patient"].values[:2]) == ["000", "001"]


# What it refuses

USAGE = {
    "fit association patients.csv --predictor age --family rank --out a.zarr.zip --seed 1": "required: --outcome",
    FIT.replace("bernoulli", "binomial"): "--family: invalid choice: 'binomial'",
    f"{FIT} --rope 0": "--rope: expected a number above zero, found '0'",
    f"{FIT} --rope wide": "--rope: expected a number above zero, found 'wide'",
    f"{FIT} --direction both": "--direction: invalid choice: 'both'",
    "predict fit.zarr.zip patients.csv --out a.csv": "required: --seed",
}


@pytest.mark.parametrize("line", USAGE)
def test_what_is_not_understood_exits_2(run, place, line):
    told = run(line)
    assert (told.code, told.out) == (2, "")
    assert USAGE[line] in told.err


ERRORS = {
    FIT.replace("patients.csv", "absent.csv"): "absent.csv: there is no such table",
    FIT.replace("patients.csv", "absent.zarr.zip"): "no file absent.zarr.zip",
    FIT.replace("fit.zarr.zip", "patients.csv"): "patients.csv would be written over while it is read",
    FIT.replace("IDH1", "IDH2"): "no column 'IDH2'",
    FIT.replace("--categories wt mutant", ""): r"outcome 'IDH1' is text .*say the order with",
    FIT.replace("age", "__import__('os')"): "formula",
    FIT.replace("age", "agee"): "agee",
    f"{FIT} --reference size": "--reference 'size' is not understood.*expected COL=LEVEL",
    f"{FIT} --reference grade=G2": "reference names grade, which are neither",
    f"{FIT} --unit age=year age=a": "--unit 'age=a' .*names a column twice; expected COL=UNIT",
    f"{FIT} --category-slopes": "--category-slopes are of --family ordinal, not of bernoulli",
    f"{FIT} --scale log": "an outcome of family 'bernoulli' is modelled as it is",
    f"{FIT} --exposure megabases": "only counts",
    FIT.replace("bernoulli", "gaussian").replace("IDH1", "volume"): "family 'gaussian' has no categories",
    "predict absent.zarr.zip patients.csv --out a.csv --seed 1": "no file absent.zarr.zip",
}


@pytest.mark.parametrize("line", ERRORS)
def test_errors_are_one_line_with_the_mend(run, place, noted, line):
    told = run(line)
    assert (told.code, told.out) == (1, "")
    assert re.search(f"^bayesrg: error: .*{ERRORS[line]}", told.err.splitlines()[-1])
    assert [path.name for path in place.iterdir()] == ["patients.csv"]


def test_only_associations_predict_patients(run, fitted, place):
    from bayesrg.inference import load, save
    from bayesrg.inference.provenance import describe
    from bayesrg.models import Stability

    tree = load(fitted.path)
    tree["provenance"].attrs["model"] = json.dumps(describe(Stability()))
    save(tree, "stability.zarr.zip")
    told = run("predict stability.zarr.zip patients.csv --out a.csv --seed 1")
    assert (told.code, told.out) == (1, "")
    assert "stability.zarr.zip is a fit of Stability; patients are predicted from fits of" in told.err
