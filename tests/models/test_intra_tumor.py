"""Intra-tumour heterogeneity: variances among regions and among tumours, observed and of the superpopulation."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.errors import BayesrgError, DesignError, TableError
from bayesrg.models import intra_tumor
from bayesrg.models.intra_tumor import MEANING, intra_tumor_heterogeneity

DRAWS = ("chain", "draw")


def make_regions(between: float, within: float, tumors: int, regions: int, seed: int = 0) -> pd.DataFrame:
    """Return a table with a row a region and one column of known variances."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(tumors), regions)
    value = rng.normal(0, between**0.5, tumors)[labels] + rng.normal(0, within**0.5, labels.size)
    return pd.DataFrame({"tumor": labels, "entropy": value})


@pytest.fixture(scope="module")
def many() -> tuple[pd.DataFrame, xr.Dataset]:
    table = make_regions(2.0, 0.5, tumors=400, regions=3)
    table["in_cents"] = 100.0 * table["entropy"] + 7.0
    table["ratio"] = np.exp(table["entropy"])
    table["mutated"] = (table["entropy"] > 1.0).astype(int)
    table["truncal"] = (table["tumor"] < 30).astype(int)
    with pytest.warns(UserWarning, match="1 of 5 columns are left out: truncal: it is the same in all regions of each"):
        found = intra_tumor_heterogeneity(
            table,
            ["entropy", "in_cents", "ratio", "mutated", "truncal"],
            tumor="tumor",
            seed=1,
            units={"in_cents": "cent"},
        )
    return table, found


def test_posterior_is_where_the_analysis_of_variance_is(many: tuple[pd.DataFrame, xr.Dataset]):
    # With 400 tumours of three regions each, the restricted likelihood peaks at the mean squares and decides.
    table, found = many
    groups = table.groupby("tumor")["entropy"]
    within, between = groups.var().mean(), groups.mean().var() - groups.var().mean() / 3
    own = found.sel(feature="entropy")
    for name, expected in {
        "variance_within": within,
        "variance_between": between,
        "sd_within": within**0.5,
        "icc": between / (between + within),
    }.items():
        drawn = own[name]
        assert abs(drawn.mean().item() - expected) < 0.3 * drawn.std().item(), name
    assert own["variance_within"].std().item() == pytest.approx(within * (2 / 800) ** 0.5, rel=0.1)
    assert own["prior_overlap"].item() < 0.3  # the posterior lies in two or three of ten bins
    assert own["icc_above"].mean(DRAWS).values.tolist() == pytest.approx([1.0, 1.0, (own["icc"] > 0.75).mean().item()])


def test_observed_variances_are_those_of_the_table(many: tuple[pd.DataFrame, xr.Dataset]):
    table, found = many
    groups = table.groupby("tumor")[["entropy", "ratio", "mutated"]]
    own = found.sel(feature=["entropy", "ratio", "mutated"])
    np.testing.assert_allclose(own["observed_variance"], groups.var(), atol=1e-12)
    np.testing.assert_allclose(own["observed_variance_within"], groups.var().mean())
    np.testing.assert_allclose(own["observed_variance_between"], groups.mean().var())
    assert (own["regions"] == 3).all()
    assert own["tumors_with_several"].values.tolist() == [400, 400, 400]


def test_units_scale_variances_and_leave_shares(many: tuple[pd.DataFrame, xr.Dataset]):
    _, found = many
    one, other = (found.sel(feature=name, drop=True) for name in ("entropy", "in_cents"))
    np.testing.assert_allclose(other["observed_variance"], 1e4 * one["observed_variance"])
    for name, factor in {"variance_within": 1e4, "sd_between": 100.0, "icc": 1.0}.items():
        ratio = other[name].mean().item() / one[name].mean().item()
        # The two are sampled with other random numbers: four standard errors of a ratio of means of 2,000 draws.
        spread = one[name].std().item() / one[name].mean().item()
        assert ratio == pytest.approx(factor, rel=4 * spread * (2 / 1500) ** 0.5), name
    assert found["unit"].sel(feature="in_cents").item() == "cent"


def test_logarithms_and_normal_scores(many: tuple[pd.DataFrame, xr.Dataset]):
    table, found = many
    some = table[table["tumor"] < 40]
    logs = intra_tumor_heterogeneity(some, ["ratio", "mutated"], tumor="tumor", seed=1, scale="log")
    raw = intra_tumor_heterogeneity(some, ["entropy"], tumor="tumor", seed=1)
    np.testing.assert_allclose(
        logs["observed_variance"].sel(feature="ratio"), raw["observed_variance"].sel(feature="entropy")
    )
    np.testing.assert_allclose(logs["sd_within"].sel(feature="ratio"), raw["sd_within"].sel(feature="entropy"))
    assert logs["transformation"].values.tolist() == ["log", "z_score"]
    scores, turned = (
        intra_tumor_heterogeneity(some, [name], tumor="tumor", seed=1, scale="rank_normal").isel(feature=0, drop=True)
        for name in ("ratio", "entropy")
    )
    xr.testing.assert_allclose(scores[["sd_within", "icc"]], turned[["sd_within", "icc"]])
    total = (scores["variance_within"] + scores["variance_between"]).mean().item()
    assert total == pytest.approx(1.0, abs=4 * (2 / 40) ** 0.5)
    assert found["two_valued"].values.tolist() == [False, False, False, True]


def test_what_cannot_be_told_is_said(many: tuple[pd.DataFrame, xr.Dataset]):
    _, found = many
    assert json.loads(found.attrs["left_out"]).keys() == {"truncal"}
    cautions = " ".join(json.loads(found.attrs["cautions"]))
    assert "only repeated measurements of a region tell the two apart" in cautions
    assert "two-valued columns" in cautions
    assert "(mutated)" in cautions
    assert "one region with a value" not in cautions
    few = make_regions(1.0, 1.0, tumors=6, regions=2, seed=3)
    few.loc[[0, 2, 4, 6], "entropy"] = np.nan
    few["other"] = np.arange(12.0) ** 2
    own = intra_tumor_heterogeneity(few, ["entropy", "other"], tumor="tumor", seed=1)
    cautions = " ".join(json.loads(own.attrs["cautions"]))
    assert "up to 4 of 6 tumours have one region with a value" in cautions
    assert "95 % interval of the share between tumours is wider than 0.6" in cautions
    assert own["tumors_with_several"].values.tolist() == [2, 6]
    assert own["regions"].sel(feature="entropy").values.tolist() == [1, 1, 1, 1, 2, 2]
    assert np.isnan(own["observed_variance"].sel(feature="entropy").values).tolist() == [True] * 4 + [False] * 2
    assert own["prior_overlap"].sel(feature="entropy").item() > 0.75


def test_every_variable_says_what_it_is(many: tuple[pd.DataFrame, xr.Dataset]):
    _, found = many
    assert set(MEANING) == set(found.data_vars) - {"verdict"}
    assert all(found[name].attrs["meaning"] for name in MEANING)
    assert set(found["verdict"].values) == {"converged"}
    assert found["icc"].dims == ("chain", "draw", "feature")
    assert found["observed_variance"].dims == ("tumor", "feature")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"tumor": range(6)}, DesignError, r"no tumour of column 'tumor' has two rows.*a row a region"),
        ({"tumor": "a"}, DesignError, r"entropy: it has values in 1 tumour\(s\), in 1 of them"),
        ({"entropy": 1.0}, DesignError, r"entropy: feature 'entropy' has 1 distinct value"),
        ({"entropy": ["a"] * 6}, TableError, r"'a' is not a number"),
        ({"tumor": [0, 0, 1, 1, None, 2]}, TableError, r"column 'tumor' \(tumor\) has 1 missing label"),
    ],
)
def test_hopeless_tables_are_refused(change: dict[str, object], error: type[BayesrgError], message: str):
    table = make_regions(1.0, 1.0, tumors=3, regions=2).assign(**change)
    with pytest.raises(error, match=message):
        intra_tumor.intra_tumor_heterogeneity(table, ["entropy"], tumor="tumor", seed=1)
