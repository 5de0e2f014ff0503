"""New patients: the same columns as those of the fit had, whatever their table stores them as, and nothing invented."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.cohort import Source, join
from bayesrg.errors import TableError
from bayesrg.models import Association
from bayesrg.storage import read_dataset, write_dataset

ROWS = 40
CYCLE = np.arange(ROWS)
MODEL = Association("bernoulli")


def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "mutated": rng.permutation(CYCLE % 2),
            "variants": rng.poisson(4.0, ROWS),
            "megabases": rng.uniform(20.0, 40.0, ROWS),
            "x": rng.normal(size=ROWS),
            "grade": pd.Categorical(np.array(list("423"))[rng.permutation(CYCLE) % 3], categories=list("4132"))
            .rename_categories("G{}".format),
            "stage": pd.Categorical(rng.permutation(CYCLE) % 3 + 1),
            "score": pd.array(rng.permutation(CYCLE) % 4, dtype="Int64"),
            "rim": rng.permutation(CYCLE) % 2 == 0,
            "treated": pd.array(rng.permutation(CYCLE) % 2 == 1, dtype="boolean"),
            "lobe": pd.array(np.array(["left", "right"])[rng.permutation(CYCLE) % 2], dtype="string[pyarrow]"),
            "age": rng.normal(55.0, 9.0, ROWS),
            "size/mm": rng.gamma(3.0, 6.0, ROWS),
            "site": np.array(list("STUV"))[rng.permutation(CYCLE) % 4],
            "batch": pd.array(rng.permutation(CYCLE) % 3, dtype="Int64"),
        },
        index=[f"P{n}" for n in CYCLE],
    )  # fmt: skip


def prepare(model: Association = MODEL, **options: Any) -> xr.Dataset:
    return model.prepare(table(), **({"outcome": "mutated", "predictor": "x"} | options))


DESIGNS = {
    "numbers": ("x", None),
    "a spline": (["score", "treated"], "bs(age, df=4) + lobe"),
    "a natural spline": (["grade", "x"], "cr(age, df=3) + C(score)"),
    "a polynomial": ("rim", "poly(age, 2) + score"),
    "slopes by truth values": ("grade", "rim + treated:age"),
    "both slopes of truth values": ("lobe", "rim:age"),
    "categories of numbers": ("x", "C(rim) + C(stage, contr.sum) + log(`size/mm`)"),
    "a reference of its own": ("stage", "age * C(grade, contr.treatment('G2'))"),
}


@pytest.mark.parametrize("what", DESIGNS)
def test_the_patients_of_the_fit_come_out_as_they_went_in(what):
    predictor, formula = DESIGNS[what]
    data = prepare(predictor=predictor, formula=formula, group=["site", "batch"])
    new = MODEL.prepare_new(table(), data)
    for name in new.variables:
        xr.testing.assert_equal(new[name].variable, data[name].variable)
    # In another order, and with every cell an object.
    mixed = table().astype(object).sample(frac=1.0, random_state=1)
    xr.testing.assert_equal(MODEL.prepare_new(mixed, data).sel(patient=new["patient"]), new)


def test_nothing_is_lost_in_a_file(tmp_path: Path):
    formula = "bs(age, df=4) + treated + rim:score + C(grade) + lobe + C(stage) + log(`size/mm`)"
    data = prepare(predictor=["x"], formula=formula, group="site")
    loaded = read_dataset(write_dataset(data, tmp_path / "data.zarr.zip"))
    new = table().iloc[:4]
    xr.testing.assert_identical(MODEL.prepare_new(new, loaded), MODEL.prepare_new(new, data))


def test_one_new_patient_is_on_the_scale_of_the_fit():
    data = prepare(formula="age + lobe")
    new = MODEL.prepare_new(table().iloc[[5]], data)
    assert new["patient"].values.tolist() == ["P5"]
    np.testing.assert_array_equal(new["predictor"], data["predictor"].sel(patient=["P5"]))
    np.testing.assert_array_equal(new["covariates"], data["covariates"].sel(patient=["P5"]))


def test_new_levels_follow_the_fitted_ones_grouping_by_grouping():
    data = prepare(group=["site", "batch"])
    known = data["level"].values.tolist()
    assert known == ["site: S", "site: T", "site: U", "site: V", "batch: 0", "batch: 1", "batch: 2"]
    new = MODEL.prepare_new(
        pd.DataFrame({"x": [0.0] * 4, "site": ["W", "S", "X", "W"], "batch": [1.0, 7.0, 2.0, 7.0]}), data
    )
    assert new["level"].values.tolist() == [*known, "site: W", "site: X", "batch: 7"]
    assert new["level_grouping"].values.tolist() == [0, 0, 0, 0, 1, 1, 1, 0, 0, 1]
    assert new["group_index"].values.tolist() == [[7, 5], [0, 9], [8, 6], [7, 9]]


def test_groupings_whose_levels_are_called_alike_stay_apart():
    own = table().assign(**{"a": [f"b: {n % 2}" for n in CYCLE], "a: b": (CYCLE // 2) % 2})
    data = MODEL.prepare(own, outcome="mutated", predictor="x", group=["a", "a: b"])
    xr.testing.assert_equal(MODEL.prepare_new(own, data)["group_index"], data["group_index"])


def test_effects_of_new_levels_are_drawn_with_the_sd_of_their_own_grouping():
    data = prepare(group=["site", "batch"])
    new = MODEL.prepare_new(pd.DataFrame({"x": [0.0] * 2, "site": ["W", "S"], "batch": [0, 7]}), data)
    prior = MODEL.draw_prior(data, np.random.default_rng(0), 4000)["parameters"].to_dataset().expand_dims("chain")
    # Nothing but groups, of which the first hardly differ and the second differ by 3 logits.
    still = prior.assign(
        alpha=prior["alpha"] * 0, beta=prior["beta"] * 0, group_effect=prior["group_effect"] * 0,
        group_sd=prior["group_sd"] * 0 + np.array([1e-9, 3.0]),
    )  # fmt: skip
    expected = MODEL.predict(still, data, new, np.random.default_rng(1))["expected"]
    logit = np.log(expected / (1 - expected)).values.reshape(-1, 2)
    assert logit[:, 0].std() < 1e-6
    np.testing.assert_allclose(logit[:, 1].std(), 3.0, rtol=4 / np.sqrt(2 * 4000))


def test_counts_go_by_the_exposure_of_the_new_patients_or_by_the_average():
    model = Association("negative_binomial")
    data = prepare(model, outcome="variants", exposure="megabases")
    twice = table().assign(megabases=2 * table()["megabases"])
    np.testing.assert_allclose(model.prepare_new(twice, data)["offset"], data["offset"] + np.log(2.0))
    average = model.prepare_new(table().drop(columns="megabases"), data)["offset"]
    np.testing.assert_allclose(np.exp(average), np.exp(data["offset"]).mean())
    np.testing.assert_allclose(
        model.prepare_new(table(), prepare(model, outcome="variants"))["offset"], np.log(table()["variants"].mean())
    )
    with pytest.raises(TableError, match=r"'megabases', row P0: 0 .* positive"):
        model.prepare_new(twice.assign(megabases=0.0), data)


def test_new_patients_may_come_from_a_cohort():
    shape = table()[["x"]].rename_axis("patient").reset_index()
    clinical = table()[["mutated", "age", "rim"]].rename_axis("patient").reset_index()
    cohort = join({"shape": Source(shape, "imaging"), "clinical": Source(clinical, "clinical")})
    data = MODEL.prepare(cohort, outcome="mutated", predictor="x", formula="age + rim")
    xr.testing.assert_equal(MODEL.prepare_new(cohort, data)["covariates"], data["covariates"])


REFUSED = {
    "without a predictor": (table().drop(columns="x"), "no column 'x'"),
    "without a covariate": (table().drop(columns="age"), "no column 'age'"),
    "without a group": (table().drop(columns="site"), "no column 'site'"),
    "without a predictor's value": (table().assign(x=np.where(CYCLE == 3, np.nan, 1.0)), r"'x' is missing in 1 .*: P3"),
    "without a level": (table().assign(grade=pd.Series(dtype=object)), r"'grade' is missing in 40 new row\(s\)"),
    "with a level never fitted": (table().assign(grade="G1"), "'grade' has G1, never fitted; known are G4, G3, G2"),
    "with a covariate's level never fitted": (table().assign(lobe="middle"), "'lobe' has the levels 'middle'"),
    "with text among numbers": (table().assign(x="1,5"), "'1,5' is not a number"),
    "with an infinite value": (table().assign(age=np.inf), "infinite"),
    "beyond a spline": (table().assign(age=200.0), "knows values from"),
    "who stand twice": (table().set_axis(["P0"] * 2 + [f"P{n}" for n in CYCLE[2:]]), "1 label .* stands .*: P0"),
    "who are none": (table().iloc[:0], "no rows"),
    "in a column twice": (pd.concat([table(), table()[["x"]]], axis=1), "2 columns named 'x'"),
}


@pytest.mark.parametrize("who", REFUSED)
def test_new_patients_are_refused(who):
    given, message = REFUSED[who]
    data = prepare(predictor=["x", "grade"], formula="bs(age, df=4) + lobe", group="site")
    with pytest.raises(TableError, match=message):
        MODEL.prepare_new(given, data)


def test_labels_of_new_patients_are_those_of_a_column_if_it_is_named():
    data = prepare()
    new = pd.DataFrame({"x": [1.0, 2.0], "id": [7.0, 8.0]})
    assert MODEL.prepare_new(new, data, patient="id")["patient"].values.tolist() == ["7", "8"]
    assert MODEL.prepare_new(new, data)["patient"].values.tolist() == ["1", "2"]
    with pytest.raises(TableError, match="no column 'name'"):
        MODEL.prepare_new(new, data, patient="name")
