"""Laying out: the same design however a table stores it, everybody left out counted, and what confounds an effect."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.cohort import Source, join
from bayesrg.errors import DesignError, SettingsError, TableError
from bayesrg.inference.provenance import hash_dataset
from bayesrg.models import Association

ROWS = 60
CYCLE = np.arange(ROWS)
SITE = np.random.default_rng(1).permutation(CYCLE % 4)


def table(**more: Any) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    columns = {
        "y": rng.normal(size=ROWS),
        "mutated": rng.permutation(CYCLE % 2),
        "variants": rng.poisson(4.0, ROWS),
        "x": rng.normal(size=ROWS),
        "z": rng.normal(size=ROWS),
        "class": rng.permutation(CYCLE % 3) + 1,
        "site": np.array(list("STUV"))[SITE],
        "batch": np.array(["b1", "b2", "b3"])[rng.permutation(CYCLE % 3)],
        "age": rng.normal(55.0, 9.0, ROWS),
        "w": rng.uniform(0.5, 1.5, ROWS),
    }
    return pd.DataFrame(columns | more)


def prepare(given: pd.DataFrame | None = None, family: str = "gaussian", **options: Any) -> xr.Dataset:
    options = {"outcome": "y", "predictor": "x"} | options
    return Association(family).prepare(table() if given is None else given, **options)


def cautions(data: xr.Dataset) -> list[str]:
    return json.loads(data.attrs["cautions"])


STORED = {
    "objects": lambda own: own.astype(object),
    "nullable": lambda own: own.convert_dtypes(),
    "Arrow's": lambda own: own.convert_dtypes(dtype_backend="pyarrow"),
    "floats where there were integers": lambda own: own.assign(
        mutated=own["mutated"].astype(float), **{"class": own["class"].astype(float)}
    ),
    "categories of text": lambda own: own.assign(
        site=own["site"].astype("category"), batch=pd.Categorical(own["batch"])
    ),
    "a row that is left out": lambda own: pd.concat(
        [own, own.iloc[:1].assign(x=None, mutated=None, site=None)]
    ).set_axis(pd.RangeIndex(len(own) + 1)),
}


@pytest.mark.parametrize("how", STORED)
def test_a_design_is_the_same_however_its_table_is_stored(how):
    options = {
        "outcome": "mutated",
        "predictor": ["x", "class"],
        "formula": "age + batch",
        "group": "site",
        "weights": "w",
    }
    plain, other = (prepare(own, "bernoulli", **options) for own in (table(), STORED[how](table())))
    assert hash_dataset(plain) == hash_dataset(other)
    differ = {name for name in plain.attrs if plain.attrs[name] != other.attrs[name]}
    assert differ <= {"dropped", "sources"}  # the latter tells categories from text


@pytest.mark.parametrize(
    ("levels", "names"),
    [
        (["G2", "G3", "G4"], ["G2", "G3", "G4"]),
        (pd.Series([2.0, 3.0, 4.0], dtype="category"), ["2", "3", "4"]),
        (pd.Series([2, 3, 4], dtype="category"), ["2", "3", "4"]),
    ],
)
def test_a_categorical_predictor_is_one_step_for_each_level_but_the_reference(levels, names):
    grade = pd.Series(levels).iloc[CYCLE % 3].reset_index(drop=True)
    data = prepare(table(grade=grade), predictor=["x", "grade"], reference={"grade": grade.iloc[2]})
    assert data["term"].values.tolist() == ["x", f"grade[{names[0]}]", f"grade[{names[1]}]"]
    assert data["two_valued"].values.tolist() == [False, True, True]
    np.testing.assert_allclose(data["predictor"].values[:, 1], (CYCLE % 3 == 0) - 1 / 3)
    assert json.loads(data.attrs["coding"])["grade"] == {
        "levels": names, "reference": names[2], "contrast": "treatment"
    }  # fmt: skip
    assert json.loads(data.attrs["reference"]) == {"grade": names[2]}


def test_unused_levels_of_a_predictor_are_no_terms_and_its_order_is_kept():
    grade = pd.Categorical(
        np.array(["low", "high", "mid"])[CYCLE % 3], categories=["none", "low", "mid", "high"], ordered=True
    )
    assert prepare(table(grade=grade), predictor="grade")["term"].values.tolist() == ["grade[mid]", "grade[high]"]


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e5])
def test_predictors_of_any_unit_are_standardised_and_remember_it(unit):
    own = table()
    data = prepare(own.assign(x=(own["x"] + 3.0) * unit))
    np.testing.assert_allclose(data["predictor"].values.std(ddof=1), 1.0)
    back = data["predictor_location"] + data["predictor_scale"] * data["predictor"].isel(term=0)
    np.testing.assert_allclose(back.values.ravel(), (own["x"] + 3.0) * unit)
    quartiles = [data["predictor_low"].values[0], data["predictor_high"].values[0]]
    np.testing.assert_allclose(quartiles, np.quantile((own["x"] + 3.0) * unit, [0.25, 0.75]))


def test_truth_values_are_one_step_and_quartiles_that_coincide_give_way_to_extremes():
    mostly = np.where(CYCLE < 50, 0.0, CYCLE - 49.0)
    data = prepare(table(rim=CYCLE % 3 == 0, nodules=mostly), predictor=["rim", "nodules"])
    assert data["two_valued"].values.tolist() == [True, False]
    assert data["predictor_low"].values.tolist() == [0.0, 0.0]
    assert data["predictor_high"].values.tolist() == [1.0, 10.0]
    np.testing.assert_allclose(np.unique(data["predictor"].values[:, 0]), [-1 / 3, 2 / 3])


def test_rows_left_out_are_counted_once_by_the_first_column_that_lacks_them():
    own = table()
    own.loc[[0, 1], "y"] = None
    own.loc[[1, 2], "x"] = np.nan
    own["site"] = own["site"].astype(object).where(CYCLE != 3, None)
    own["w"] = pd.Series(own["w"].round(3), dtype="Float64").where(CYCLE != 4, pd.NA).where(CYCLE != 5, 0.0)
    own.loc[6, "age"] = np.inf  # of a row that is left out for its batch
    own["batch"] = own["batch"].where(CYCLE != 6, None)
    data = prepare(own, formula="age + batch", group="site", weights="w")
    assert json.loads(data.attrs["dropped"]) == {
        "y is missing": 2, "x is missing": 1, "batch is missing": 1, "site is missing": 1,
        "w is missing": 1, "w is zero": 1,
    }  # fmt: skip
    assert data["patient"].values.tolist() == [str(number) for number in range(8, 61)]
    assert prepare(table(unused=np.nan)).sizes["patient"] == ROWS


def test_rows_are_labelled_by_a_column_by_the_index_or_by_number():
    names = [f"P{n}" for n in CYCLE]
    assert prepare()["patient"].values[:2].tolist() == ["1", "2"]
    assert prepare(table(p=names), patient="p")["patient"].values[:2].tolist() == ["P0", "P1"]
    assert prepare(table(p=CYCLE.astype(float)), patient="p")["patient"].values[:2].tolist() == ["0", "1"]
    assert prepare(table().set_axis(names))["patient"].values[:2].tolist() == ["P0", "P1"]
    assert prepare(table().set_axis(pd.Index(names, name="id")), patient="id")["patient"].values[0] == "P0"
    assert prepare(table().set_index([CYCLE, "site"]))["patient"].values[0] == f"0 / {'STUV'[SITE[0]]}"


def test_columns_named_by_numbers_are_named_by_their_text():
    data = prepare(table().rename(columns={"x": 0, "age": 7}), predictor="0", formula="`7`")
    assert (data["term"].values.tolist(), data["covariate"].values.tolist()) == (["0"], ["7"])


def test_odd_names_are_kept():
    data = prepare(table(**{"a[b]": CYCLE % 5, "c|d": CYCLE % 7}), predictor=["a[b]", "c|d"])
    assert data["term"].values.tolist() == ["a[b]", "c|d"]


def test_groups_have_their_levels_one_grouping_after_the_other():
    own = table(scanner=pd.array(CYCLE % 2, dtype="Int64"))
    data = prepare(own, group=["scanner", "site"])
    assert data["level"].values.tolist() == ["scanner: 0", "scanner: 1", *(f"site: {name}" for name in "STUV")]
    assert data["level_grouping"].values.tolist() == [0, 0, 1, 1, 1, 1]
    np.testing.assert_array_equal(data["group_index"].values, np.column_stack([CYCLE % 2, 2 + SITE]))


def test_counts_have_an_offset_by_their_exposure():
    own = table()
    data = prepare(own, "negative_binomial", outcome="variants", exposure="w")
    np.testing.assert_allclose(np.exp(data["offset"].values).sum(), own["variants"].sum())
    np.testing.assert_allclose(np.exp(data["offset"].values) / own["w"], own["variants"].sum() / own["w"].sum())


def test_a_predictor_that_groups_or_covariates_decide_is_a_caution():
    own, rng = table(), np.random.default_rng(9)
    noise = rng.normal(size=ROWS)
    assert cautions(prepare(own, group=["site", "batch"], formula="age")) == []
    (wholly,) = cautions(prepare(own.assign(x=SITE * 1.0), group=["batch", "site"]))
    assert wholly.startswith("x does not vary where site is the same")
    (partly,) = cautions(prepare(own.assign(x=SITE + 0.2 * noise), group="site"))
    share = 1 - np.var(0.2 * (noise - pd.Series(noise).groupby(SITE).transform("mean"))) / np.var(SITE + 0.2 * noise)
    assert partly.startswith(f"{100 * share:.0f} % of the variance of x goes with site")
    assert f"only the other {100 * (1 - share):.0f} % tells" in partly
    batch = own["batch"].map({"b1": 0.0, "b2": 1.0, "b3": 3.0})
    (together,) = cautions(prepare(own.assign(x=SITE + batch), group=["site", "batch"]))
    assert together.startswith("site and batch together explain over 99 % of the variance of x")
    (inflated,) = cautions(prepare(own.assign(x=own["age"] + noise), formula="age"))
    factor = 1 / (1 - np.corrcoef(own["age"], own["age"] + noise)[0, 1] ** 2)
    assert f"variance inflation {factor:.3g}" in inflated
    (beside,) = cautions(prepare(own.assign(x=SITE + own["age"]), group="site", formula="age"))[-1:]
    assert "of the variance of x" in beside


def test_levels_of_one_predictor_are_not_held_against_each_other():
    rare = np.array(["G2", *["G3"] * 29, *["G4"] * 30])
    assert cautions(prepare(table(grade=rare), predictor="grade", reference={"grade": "G2"})) == []


COHORT_PATIENTS = [f"TCGA-{n:02d}" for n in range(40)]


def cohort() -> xr.Dataset:
    rng = np.random.default_rng(8)
    shape = pd.DataFrame(
        {"patient": COHORT_PATIENTS, "volume": rng.gamma(3.0, 1e4, 40), "sphericity": rng.uniform(size=40)}
    )
    clinical = pd.DataFrame(
        {"patient": COHORT_PATIENTS, "age": rng.normal(50.0, 9.0, 40), "rim": np.arange(40) % 2 == 0}
    )
    expression = pd.DataFrame({"patient": COHORT_PATIENTS, "EGFR": rng.normal(size=40)})
    mutated = xr.Dataset(
        {"mutated": (("patient", "gene"), rng.permuted((np.arange(80) // 2 % 2).reshape(40, 2), axis=0) * 1.0)},
        {"patient": COHORT_PATIENTS, "gene": ["IDH1", "TP53"]},
    )
    return join(
        {
            "shape": Source(shape, "imaging", units={"volume": "mm3"}),
            "clinical": Source(clinical, "clinical", units={"age": "years"}),
            "expression": Source(expression, "genome", units={"EGFR": "log2 TPM"}),
            "mutations": Source(mutated, "genome"),
        }
    )


def test_a_cohort_knows_direction_and_units():
    own = cohort()
    data = prepare(own, "bernoulli", outcome="mutated_IDH1", predictor=["volume", "sphericity"], formula="age + rim")
    assert data.attrs["direction"] == "genome on image"
    assert json.loads(data.attrs["predictor_units"])["volume"] == "mm3"
    assert data["patient"].values.tolist() == COHORT_PATIENTS
    assert data["covariate"].values.tolist() == ["age", "rim[T.True]"]
    back = prepare(own, outcome="volume", predictor="EGFR", scale="log", patient="patient")
    assert (back.attrs["direction"], back.attrs["unit"]) == ("image on genome", "mm3")
    assert json.loads(back.attrs["predictor_units"]) == {"EGFR": "log2 TPM"}
    assert prepare(own, outcome="volume", predictor="age").attrs["direction"] == ""
    assert prepare(own, outcome="volume", predictor="age", units={"volume": "mL"}).attrs["unit"] == "mL"
    assert prepare(own, outcome="volume", predictor="age", direction="image on genome").attrs["direction"] != ""
    with pytest.raises(TableError, match="which is 'image on genome'"):
        prepare(own, outcome="volume", predictor="EGFR", direction="genome on image")


def test_regions_of_a_patient_are_a_caution_unless_the_patient_is_a_group():
    own = table(patient=[f"P{n // 2}" for n in CYCLE]).set_axis(pd.Index([f"R{n}" for n in CYCLE], name="region"))
    (caution,) = cautions(prepare(own))
    assert caution.startswith("the 60 rows of the cohort are regions of 30 patients")
    assert cautions(prepare(own, group="patient")) == []


def test_no_label_of_a_patient_stands_in_what_a_report_shows():
    own = table().set_axis([f"SECRET-{n}" for n in CYCLE])
    own.iloc[3, own.columns.get_loc("x")] = np.nan
    own["x"] = SITE + 0.1 * own["x"]
    data = prepare(own, "negative_binomial", outcome="variants", group="site", formula="age", weights="w", exposure="w")
    assert cautions(data)
    assert "SECRET" not in json.dumps(data.attrs)


TWICE = pd.concat([table(), table()[["x"]]], axis=1)
DATES = pd.date_range("2020-01-01", periods=ROWS)
REFUSED: dict[str, tuple[type[Exception], str, dict[str, Any], dict[str, Any]]] = {
    "an absent column": (TableError, "no column 'xx' in the table: did you mean x", {}, {"predictor": "xx"}),
    "an absent column of labels": (TableError, "no column 'patient'", {}, {"patient": "patient"}),
    "no predictor": (TypeError, "at least one predictor", {}, {"predictor": []}),
    "an outcome of itself": (TableError, "'y' is named twice", {}, {"predictor": "y"}),
    "a predictor twice": (TableError, "'x' is named twice", {}, {"predictor": ["x", "x"]}),
    "a group twice": (TableError, "'site' is named twice", {}, {"group": ["site", "site"]}),
    "a predictor that is a group": (TableError, "'site' is named twice", {}, {"group": "site", "predictor": "site"}),
    "an outcome that is a weight": (TableError, "'y' is named twice", {}, {"weights": "y"}),
    "a group in the formula": (DesignError, "two effects each", {}, {"group": "site", "formula": "C(site) + age"}),
    "an outcome in the formula": (TableError, "is the model's outcome already", {}, {"formula": "age + y"}),
    "code in the formula": (SettingsError, "formula", {}, {"formula": "__import__('os')"}),
    "a constant": (TableError, "'x' is 2 in all 60 rows that are complete", {"x": 2.0}, {}),
    "constant where others are complete": (
        TableError,
        "'x' is 2 in all 30 rows",
        {"x": np.where(CYCLE < 30, 2.0, CYCLE), "z": np.where(CYCLE < 30, CYCLE, np.nan)},
        {"formula": "z"},
    ),
    "constant but for rounding": (TableError, "but for rounding", {"x": np.where(CYCLE % 2, 0.3, 0.1 + 0.2)}, {}),
    "text that is constant": (TableError, "'x' is T2 in all 60 rows", {"x": "T2"}, {}),
    "squares beyond a computer's": (TableError, "give it in other units", {"x": CYCLE * 1e-200}, {}),
    "an infinite value": (TableError, "row 4: inf is infinite", {"x": np.where(CYCLE == 3, np.inf, CYCLE)}, {}),
    "complex numbers": (TableError, "holds complex numbers", {"x": CYCLE + 1j}, {}),
    "dates": (TableError, "holds dates", {"x": DATES}, {}),
    "measurements as text": (TableError, "all of it numbers", {"x": [f"{n}.5" for n in CYCLE]}, {}),
    "measurements among text": (TableError, "60 levels", {"x": ["1,5", *(f"{n}.5" for n in CYCLE[1:])]}, {}),
    "two complete rows": (TableError, "2 of 60 rows are complete: x is", {"x": np.where(CYCLE < 2, 1.0, np.nan)}, {}),
    "a missing label": (TableError, "'p' has no label in 1 row", {"p": [None, *map(str, CYCLE[1:])]}, {"patient": "p"}),
    "a patient twice": (
        TableError,
        "1 label of column 'p' stands .*: P7",
        {"p": ["P7", "P7", *map(str, CYCLE[2:])]},
        {"patient": "p"},
    ),
    "a negative weight": (TableError, "row 3: -1 .* positive", {"w": np.where(CYCLE == 2, -1, 1)}, {"weights": "w"}),
    "weights in words": (TableError, "'much' is not a number", {"w": "much"}, {"weights": "w"}),
    "an exposure of measurements": (TypeError, "only counts", {}, {"exposure": "w"}),
    "a group of one level": (DesignError, "'g' has one level, 1", {"g": 1.0}, {"group": "g"}),
    "a group of single rows": (DesignError, "a level for every row", {"g": CYCLE}, {"group": "g"}),
    "two groups that are one": (DesignError, "divide the rows alike", {"g": SITE}, {"group": ["site", "g"]}),
    "collinear predictors": (
        DesignError,
        "'u' is a linear combination of 'x'",
        {"u": 3 - 2 * table()["x"]},
        {"predictor": ["x", "u"]},
    ),
    "a predictor that is a covariate": (
        DesignError,
        "linear combination of the covariates 'age'",
        {"x": 2 * table()["age"] + 1e-11 * table()["y"]},
        {"formula": "age"},
    ),
    "two terms of one name": (
        TableError,
        r"the term 'a\[S\]'",
        {"a": table()["site"], "a[S]": CYCLE},
        {"predictor": ["a", "a[S]"]},
    ),
    "an unknown direction": (TypeError, "'genome on image' or", {}, {"direction": "genes on images"}),
    "units of nothing": (TableError, "no such column", {}, {"units": {"volum": "mL"}}),
    "a reference of nothing": (TypeError, "neither the outcome nor", {}, {"reference": {"z": 1}}),
    "a reference of an outcome with an order": (TypeError, "categories=", {}, {"reference": {"y": 1}}),
    "a reference of numbers": (TypeError, "column of numbers", {}, {"reference": {"x": 1}}),
    "a reference that is no level": (
        TableError,
        "none of its levels: S, T",
        {},
        {"predictor": "site", "reference": {"site": "Q"}},
    ),
    "an unknown scale": (TypeError, "unknown transformation", {}, {"scale": "zscore"}),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_laid_out_is_refused_with_the_mend(what):
    kind, message, columns, options = REFUSED[what]
    with pytest.raises(kind, match=message):
        prepare(table(**columns), **options)


def test_more_columns_than_rows_are_refused():
    own = table(**{f"f{n}": np.random.default_rng(n).normal(size=ROWS) for n in range(12)}).iloc[:10]
    with pytest.raises(DesignError, match="10 rows cannot tell apart 12 columns of predictors"):
        prepare(own, predictor=[f"f{n}" for n in range(12)])
    with pytest.raises(DesignError, match="9 columns of predictors and 1 of covariates"):
        prepare(own, predictor=[f"f{n}" for n in range(9)], formula="age")


def test_columns_and_labels_that_stand_twice_are_refused_only_where_they_are_needed():
    with pytest.raises(TableError, match="2 columns named 'x'"):
        prepare(TWICE)
    assert prepare(TWICE, predictor="z").sizes["patient"] == ROWS
    with pytest.raises(TableError, match=r"30 labels of the table's index stand .*reset_index"):
        prepare(table().set_axis([f"P{n // 2}" for n in CYCLE]))


def test_a_reference_kind_of_a_categorical_outcome_is_found_by_its_label():
    data = prepare(None, "categorical", outcome="class", reference={"class": 2.0})
    assert json.loads(data.attrs["reference"]) == {"class": "2"}
    with pytest.raises(TableError, match="none of its categories: 1, 2, 3"):
        prepare(None, "categorical", outcome="class", reference={"class": "4"})


def test_borders_and_gaps_are_named_by_their_categories():
    data = prepare(None, "ordinal", outcome="class")
    assert (data["cutpoint"].values.tolist(), data["gap"].values.tolist()) == (["1|2", "2|3"], ["2"])
    two = prepare(None, "rank", outcome="mutated")
    assert (two.sizes["category"], two.sizes["cutpoint"], two.sizes["gap"]) == (2, 1, 0)
