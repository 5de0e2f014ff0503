"""Many features are laid out as each would be alone, and those that cannot be modelled are named with the reason."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.errors import TableError
from bayesrg.inference.provenance import hash_dataset
from bayesrg.models import Stability
from bayesrg.models.layout import Layout, select_feature, split_by_rows

COLUMNS = {role: role for role in ("subject", "session", "scanner", "preprocessing")}
LAID_OUT = "features are left out"


@pytest.fixture
def table(make_table) -> pd.DataFrame:
    made = make_table(subject=6, session=2, scanner=2, preprocessing=2)
    rng = np.random.default_rng(1)
    made["glcm_contrast_3d_merged"] = 5.0 + 2.0 * made["value"] + rng.standard_normal(len(made))
    made["statistics_mean"] = 100.0 * rng.lognormal(size=len(made))
    return made.drop(columns="value")


def test_a_feature_of_many_is_laid_out_as_it_would_be_alone(table: pd.DataFrame):
    gaps = table.copy()
    gaps.loc[gaps["subject"] == 2, "statistics_mean"] = np.nan
    names = ["glcm_contrast_3d_merged", "statistics_mean"]
    for scale in ("z_score", "log", "rank_normal"):
        shifted = gaps.assign(glcm_contrast_3d_merged=gaps["glcm_contrast_3d_merged"] + 20.0)
        many = Stability().prepare(shifted, features=names, **COLUMNS, scale=scale)
        for name in names:
            alone = Stability().prepare(shifted, features=name, **COLUMNS, scale=scale)
            chosen = select_feature(many, name)
            xr.testing.assert_identical(chosen, alone.assign_attrs(dropped=chosen.attrs["dropped"]))
            assert hash_dataset(chosen) == hash_dataset(alone)
        assert json.loads(select_feature(many, "statistics_mean").attrs["dropped"]) == {"statistics_mean is missing": 8}


def test_labels_units_and_families_stand_along_the_features(table: pd.DataFrame):
    data = Stability().prepare(
        table,
        features=["glcm_contrast_3d_merged", "statistics_mean"],
        **COLUMNS,
        unit={"statistics_mean": "HU"},
        family={"glcm_contrast_3d_merged": "texture"},
    )
    assert data["value"].dims == ("measurement", "feature")
    assert data["unit"].values.tolist() == ["grey level^2", "HU"]
    assert data["family"].values.tolist() == ["texture", "statistics"]
    assert data["scale"].values == pytest.approx(table[data["feature"].values].std(ddof=1).values)
    assert json.loads(data.attrs["left_out"]) == {}


@pytest.mark.parametrize(
    ("spoil", "scale", "reason"),
    [
        (lambda own: own * 0.0 + 1.0, "z_score", "no variance"),
        (lambda own: own.astype(object).where(own.index > 0, "high"), "z_score", "row 0: 'high' is not a number"),
        (lambda own: own.where(own.index > 0, np.inf), "z_score", "row 0: inf is infinite"),
        (lambda own: own.where(own.index < 2), "z_score", "2 value"),
        (lambda own: own - own.mean(), "log", "a logarithm needs positive values"),
    ],
)
def test_a_feature_that_cannot_be_modelled_is_left_out_with_its_reason(table, spoil, scale, reason):
    table["bad"] = spoil(table["statistics_mean"])
    with pytest.warns(UserWarning, match=rf"1 of 2 {LAID_OUT}: bad: "):
        data = Stability().prepare(table, features=["statistics_mean", "bad"], **COLUMNS, scale=scale)
    assert data["feature"].values.tolist() == ["statistics_mean"]
    assert reason in json.loads(data.attrs["left_out"])["bad"]
    with pytest.raises(TableError, match="no feature 'bad'"):
        select_feature(data, "bad")


def test_a_feature_whose_own_gaps_confound_the_design_is_left_out(table: pd.DataFrame):
    # What remains has one scanner only.
    table["bad"] = table["statistics_mean"].where(table["scanner"] == 0)
    with pytest.warns(UserWarning, match=LAID_OUT):
        data = Stability().prepare(table, features=["statistics_mean", "bad"], **COLUMNS)
    assert "scanner" in json.loads(data.attrs["left_out"])["bad"]


def test_no_feature_at_all_is_an_error(table: pd.DataFrame):
    table["flat"] = 1.0
    with pytest.raises(TableError, match="'flat' has 1 distinct value"):
        Stability().prepare(table, features=["flat"], **COLUMNS)


def test_features_with_the_same_rows_share_a_design(table: pd.DataFrame):
    table["gaps"] = table["statistics_mean"].where(table.index % 5 != 0)
    table["same_gaps"] = 2.0 * table["gaps"]
    table["one_subject_less"] = table["statistics_mean"].where(table["subject"] != 3)
    names = ["gaps", "statistics_mean", "same_gaps", "one_subject_less"]
    data = Stability().prepare(table, features=names, **COLUMNS)
    parts = split_by_rows(data)
    found = {tuple(part["feature"].values): part for part in parts}
    assert set(found) == {("gaps", "same_gaps"), ("statistics_mean",), ("one_subject_less",)}
    assert all(part["value"].notnull().all() for part in parts)
    less = found["one_subject_less",]
    assert less["subject"].values.tolist() == ["0", "1", "2", "4", "5"]
    assert Layout(less).strata is not None
    assert Layout(found["gaps", "same_gaps"]).strata is None
    assert sorted(np.unique(less["subject_index"])) == list(range(5))


def test_a_feature_that_a_facet_does_not_change_is_a_caution(table: pd.DataFrame):
    shape = table.groupby(["subject", "session", "scanner"])["statistics_mean"].transform("mean")
    same = table.assign(morph_volume=shape * (1.0 + 1e-15 * np.arange(len(table))))
    names = ["statistics_mean", "morph_volume"]
    (caution,) = json.loads(Stability().prepare(same, features=names, **COLUMNS).attrs["cautions"])
    assert "1 feature(s) have the same value at every preprocessing" in caution
    assert "(morph_volume)" in caution
    assert "without the preprocessing column" in caution
    # One measurement of each cell says nothing of what the facet changes.
    thin = same[same["preprocessing"] == same["preprocessing"].iloc[0]]
    columns = {role: role for role in ("subject", "session", "scanner")}
    assert json.loads(Stability().prepare(thin, features=names, **columns).attrs["cautions"]) == []


def test_features_are_named_by_text(table: pd.DataFrame):
    with pytest.raises(TableError, match="named by text; got 0"):
        Stability().prepare(table.rename(columns={"statistics_mean": 0}), features=[0], **COLUMNS)
    index = table.columns[table.columns == "statistics_mean"]
    assert Stability().prepare(table, features=index, **COLUMNS).sizes["feature"] == 1
