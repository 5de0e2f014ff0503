"""What `MultiRegion.prepare` makes of a table of regions, and what it refuses."""

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.cohort.joining import join
from bayesrg.cohort.source import Source
from bayesrg.errors import DesignError, TableError
from bayesrg.models import MultiRegion
from bayesrg.models.regions.layout import RegionLayout

PLACES = ["x", "y"]
EXCHANGEABLE = MultiRegion("exchangeable")


def make_table(sizes: tuple[int, ...] = (3, 1, 4, 2)) -> pd.DataFrame:
    """Tumours T0, T1 … of so many regions R0, R1 …, each tumour of a patient of its own, rows shuffled."""
    rng = np.random.default_rng(1)
    tumor = np.repeat(np.arange(len(sizes)), sizes)
    n = tumor.size
    region = np.concatenate([np.arange(size) for size in sizes])
    table = pd.DataFrame(
        {
            "patient": [f"P{one}" for one in tumor],
            "tumor": [f"T{one}" for one in tumor],
            "region": [f"R{one}" for one in region],
            "x": 10.0 * region,
            "y": 0.0,
            "purity": rng.uniform(0.2, 0.9, n),
            "batch": np.where(region % 2 == 0, "first", "second"),
            "EGFR": rng.normal(1.0, 2.0, n),
            "TP53": (np.arange(n) % 3 == 0).astype(float),
            "entropy": rng.normal(5.0, 1.5, n),
            "volume": rng.lognormal(2.0, 0.5, n),
        }
    )
    return table.sample(frac=1.0, random_state=2)


def prepare(table: pd.DataFrame | xr.Dataset, model: MultiRegion = EXCHANGEABLE, **options: Any) -> xr.Dataset:
    return model.prepare(table, **{"features": ["entropy", "volume"], "genes": ["TP53", "EGFR"]} | options)


def dropped(data: xr.Dataset) -> dict[str, int]:
    return json.loads(data.attrs["dropped"])


# Rows


def test_rows_lie_tumour_by_tumour_and_keep_their_values():
    table = make_table()
    data = prepare(table, MultiRegion("matern32"), coordinates=PLACES)
    rows = table.set_index(table["tumor"] + ":" + table["region"]).loc[data["region"].values]
    assert sorted(data["region"].values) == sorted(table["tumor"] + ":" + table["region"])
    assert (np.diff(data["tumor_index"]) >= 0).all()
    assert (data["tumor"].values[data["tumor_index"]] == rows["tumor"]).all()
    for name in ("entropy", "volume"):
        own = data.sel(feature=name)
        np.testing.assert_allclose(own["value"] * own["scale"] + own["location"], rows[name])
        assert float(own["value"].mean()) == pytest.approx(0.0, abs=1e-12)
        assert float(own["value"].std(ddof=1)) == pytest.approx(1.0)
    np.testing.assert_allclose(data["position"], rows[PLACES])
    assert data["axis"].values.tolist() == ["x", "y"]
    means = rows.groupby("tumor")["EGFR"].transform("mean")
    own = data.sel(gene="EGFR")
    np.testing.assert_allclose(own["context"] * own["gene_scale"] + own["gene_location"], means)
    assert dropped(data) == {}


def test_rows_that_lack_what_is_needed_are_dropped_and_counted_once():
    table = make_table().sort_values(["tumor", "region"]).reset_index(drop=True)
    table.loc[0, "EGFR"] = np.nan
    table.loc[[0, 1], "purity"] = np.nan
    table.loc[4, "region"] = None
    table.loc[5, "x"] = np.nan
    table.loc[6, ["entropy", "volume"]] = np.nan
    table.loc[7, "entropy"] = np.nan
    data = prepare(table, MultiRegion("matern12"), coordinates=PLACES, formula="purity")
    assert dropped(data) == {
        "region is missing": 1,
        "EGFR is missing": 1,
        "x is missing": 1,
        "purity is missing": 1,
        "every feature is missing": 1,
    }
    assert data.sizes["region"] == len(table) - 5
    # One feature is missing: the region stays, for the other.
    assert int(data["value"].isnull().sum()) == 1
    assert RegionLayout(data, contextual=True).mask.sum() == 2 * data.sizes["region"] - 1


def test_correlated_residuals_need_all_features():
    table = make_table()
    table.iloc[[0, 3], table.columns.get_loc("entropy")] = np.nan
    data = prepare(table, MultiRegion("exchangeable", "correlated"))
    assert dropped(data) == {"a feature is missing": 2}
    assert not data["value"].isnull().any()


def test_too_few_complete_regions_are_refused_with_the_reasons():
    table = make_table()
    table.iloc[2:, table.columns.get_loc("EGFR")] = np.nan
    with pytest.raises(TableError, match=r"2 of 10 regions are complete: EGFR is missing \(8\)"):
        prepare(table)


def test_a_region_in_two_rows_is_refused():
    table = make_table()
    with pytest.raises(TableError, match=r"1 region\(s\) stand in several rows: .*One row a region"):
        prepare(pd.concat([table, table.iloc[:1]]))


def test_a_label_that_two_patients_share_is_of_two_tumours():
    table = make_table((2, 2, 3)).assign(tumor="T1")
    table.loc[table["patient"] == "P2", "tumor"] = "T2"
    data = prepare(table, patient="patient")
    assert sorted(data["tumor"].values) == ["P0/T1", "P1/T1", "P2/T2"]
    with pytest.raises(TableError, match="stand in several rows"):
        prepare(table)  # without patients T1 is one tumour, with two regions R0


def test_tumours_of_a_patient_share_a_block():
    table = make_table((2, 3, 1)).assign(patient=lambda own: own["tumor"].map({"T0": "A", "T1": "B", "T2": "A"}))
    layout = RegionLayout(prepare(table, patient="patient"), contextual=False)
    assert layout.several_tumors
    assert sorted(np.diff(layout.start)) == [3, 3]
    assert layout.row.size == 2 * 6
    same_tumor = layout.tumor[layout.row] == layout.tumor[layout.column]
    np.testing.assert_array_equal(layout.in_tumor, same_tumor)
    assert EXCHANGEABLE.components_of_a(layout) == ["patient", "tumor", "residual"]


def test_tumours_of_one_region_stay():
    data = prepare(make_table((1, 1, 3)), MultiRegion("matern52"), coordinates=PLACES)
    assert np.bincount(data["tumor_index"]).tolist().count(1) == 2
    only = prepare(make_table((1, 1, 1, 1)))
    assert only.sizes["region_pair"] == 4


# Places


def test_distances_are_those_of_the_places_within_tumours():
    table = make_table((3, 2)).assign(patient="P", y=lambda own: 3.0 * (own["region"] == "R1"))
    data = prepare(table, MultiRegion("matern32"), coordinates=PLACES, patient="patient")
    row, column = data["pair_row"].values, data["pair_column"].values
    place, tumor = data["position"].values, data["tumor_index"].values
    distance = np.where(tumor[row] == tumor[column], np.hypot(*(place[row] - place[column]).T), 0.0)
    np.testing.assert_allclose(data["pair_distance"], distance)
    assert (data["pair_in_tumor"].values == (tumor[row] == tumor[column])).all()
    assert data["pair_distance"].attrs["units"] == "mm"


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (MultiRegion("matern32"), {}, "needs coordinates="),
        (MultiRegion("graph"), {}, "neighbours= belongs to spatial='graph'"),
        (EXCHANGEABLE, {"neighbours": pd.DataFrame()}, "neighbours= belongs to spatial='graph'"),
        (EXCHANGEABLE, {"coordinates": ["x", "y", "x", "y"]}, "one to three columns"),
        (EXCHANGEABLE, {"genes": []}, "at least one feature and one gene"),
    ],
)
def test_places_that_a_form_lacks_or_does_not_use_are_refused(
    model: MultiRegion, options: dict[str, Any], message: str
):
    with pytest.raises(TypeError, match=message):
        prepare(make_table(), model, **options)


def test_no_distance_within_a_tumour_is_refused():
    with pytest.raises(DesignError, match="no tumour has two regions at different places"):
        prepare(make_table().assign(x=1.0), MultiRegion("matern32"), coordinates=PLACES)


def pairs(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["tumor", "region", "neighbour"])


def test_neighbours_make_a_graph_in_each_tumour():
    graph = MultiRegion("graph")
    data = prepare(
        make_table((3, 2)), graph, neighbours=pairs(("T0", "R0", "R1"), ("T1", "R1", "R0"), ("T0", "R9", "R0"))
    )
    layout = RegionLayout(data, contextual=False)
    names = data["region"].values
    found = {
        tuple(sorted((str(names[row]), str(names[column])))): float(own)
        for row, column, own in zip(layout.row, layout.column, data["pair_neighbourhood"].values, strict=True)
        if own != 0
    }
    alone = {(name, name): 1.0 for name in ("T0:R0", "T0:R1", "T0:R2", "T1:R0", "T1:R1")}
    assert found == pytest.approx(alone | {("T0:R0", "T0:R1"): -1.0, ("T1:R0", "T1:R1"): -1.0})


@pytest.mark.parametrize(
    ("neighbours", "message"),
    [
        (pairs(("T0", "R0", "R0")), "neighbours itself"),
        (pairs(("T7", "R0", "R1")), "tumours that the table does not have: T7"),
        (pairs(("T0", "R8", "R9")), "joins no two regions"),
        (pd.DataFrame({"tumor": ["T0"], "region": ["R0"]}), "no column 'neighbour'"),
    ],
)
def test_tables_of_neighbours_that_say_nothing_are_refused(neighbours: pd.DataFrame, message: str):
    with pytest.raises(TableError, match=message):
        prepare(make_table(), MultiRegion("graph"), neighbours=neighbours)


# Columns


def test_two_valued_genes_keep_their_step():
    data = prepare(make_table().replace({"TP53": {1.0: 2.0}}))
    assert data["two_valued"].values.tolist() == [True, False]
    assert np.ptp(data["genome"].sel(gene="TP53").values) == pytest.approx(1.0)
    assert float(data["gene_scale"].sel(gene="TP53")) == pytest.approx(2.0)
    assert float(data["genome"].sel(gene="EGFR").std(ddof=1)) == pytest.approx(1.0)
    np.testing.assert_allclose(data["genome"].mean("region"), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({"EGFR": 1.0}, {}, TableError, "'EGFR' is the same in all 10 complete regions"),
        ({"entropy": 1.0}, {}, TableError, "feature 'entropy' has 1 distinct value"),
        ({"EGFR": "high"}, {}, TableError, "column 'EGFR', row .*'high' is not a number"),
        ({}, {"genes": ["TP53", "KRAS"]}, TableError, "KRAS"),
        ({}, {"genes": ["TP53", "entropy"]}, TableError, "'entropy' is named twice"),
        ({}, {"units": {"KRAS": "log2"}}, TableError, "units are given for 'KRAS'"),
        ({"batch": "only"}, {"batch": "batch"}, DesignError, "one level"),
        ({"volume": -1.0}, {"features": ["entropy"], "formula": "volume"}, DesignError, "same value in all"),
    ],
)
def test_columns_that_say_nothing_are_refused(
    change: dict[str, Any], options: dict[str, Any], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        prepare(make_table().assign(**change), **options)


def test_covariates_and_batches_are_columns_of_the_mean():
    data = prepare(make_table(), formula="purity", batch="batch", features="entropy", genes="EGFR")
    assert data["covariate"].values.tolist() == ["purity"]
    assert float(data["covariates"].std(ddof=1)) == pytest.approx(1.0)
    assert data["level"].values.tolist() == ["first", "second"]
    layout = RegionLayout(data, contextual=True)
    assert list(layout.parts) == ["mu", "B_0", "contextual", "gamma", "batch_effect"]
    np.testing.assert_array_equal(layout.columns[:, layout.parts["batch_effect"]].sum(axis=1), 1.0)
    assert list(RegionLayout(prepare(make_table()), contextual=False).parts) == ["mu", "B_0"]


def test_scales_and_units():
    data = prepare(make_table(), scale="log", units={"volume": "mL", "EGFR": "log2 ratio"}, features=["volume"])
    assert data["unit"].values.tolist() == ["mL"]
    assert data["gene_unit"].values.tolist() == ["", "log2 ratio"]
    rows = make_table().set_index(make_table()["tumor"] + ":" + make_table()["region"]).loc[data["region"].values]
    logarithm = np.log(rows["volume"].to_numpy())
    np.testing.assert_allclose(data["value"][:, 0], (logarithm - logarithm.mean()) / logarithm.std(ddof=1))


def test_unknown_options_are_refused():
    for options in ({"spatial": "gaussian"}, {"residual": "dense"}, {"rope": 0.0}, {"delta": 1.0}, {"priors": 3}):
        with pytest.raises(TypeError):
            MultiRegion(**options)


# What the design cannot tell


def cautions(table: pd.DataFrame, **options: Any) -> list[str]:
    """What the terminal is told; a page that names nobody is told as much, without the labels of `make_table`."""
    found, anonymous = (
        json.loads(prepare(table, **options).attrs[name]) for name in ("cautions", "anonymous_cautions")
    )
    assert len(anonymous) == len(found)
    assert not re.search(r"\b[tTR]\d", " ".join(anonymous))
    return found


def test_cautions_say_what_the_design_cannot_tell():
    assert cautions(make_table((3,) * 8)) == []
    few = cautions(make_table((1, 1, 1, 2)))
    assert len(few) == 2
    assert few[0].startswith("1 of 4 tumours have two regions or more (median 1 regions a tumour)")
    assert few[1].startswith("4 tumours in all")
    flat = make_table((3,) * 8)
    flat["EGFR"] = flat["tumor"].str[1:].astype(float)
    (found,) = cautions(flat)
    assert found.startswith("EGFR hardly varies within tumours")
    confounded = make_table((3,) * 8).assign(batch=lambda own: (own["tumor"] < "T4").map({True: "one", False: "other"}))
    (found,) = cautions(confounded, batch="batch")
    assert found.startswith("every tumour is of one batch")


def test_a_smallest_distance_far_below_the_others_is_told():
    table = make_table((3,) * 8)
    table.loc[(table["tumor"] == "T4") & (table["region"] == "R2"), "x"] = 10.4
    options = {"model": MultiRegion("matern32"), "coordinates": PLACES}
    (found,) = cautions(table, **options)
    assert found.startswith("T4:R2 and T4:R1 are 0.4 mm apart, while regions are 10 mm from the nearest other")
    assert "priors.length_scale" in found
    assert cautions(table, coordinates=PLACES) == []  # no length-scale, no prior of it
    table["x"] = table["x"].replace(10.4, 11.4)
    assert cautions(table, **options) == []


def test_tumours_that_a_graph_passes_over_are_told():
    table = make_table((3,) * 8)
    chain = pairs(*((f"T{own}", f"R{one}", f"R{one + 1}") for own in range(8) for one in range(2)))
    options = {"model": MultiRegion("graph"), "neighbours": chain}
    assert cautions(table, **options) == []
    (found,) = cautions(table, **options | {"neighbours": chain.replace({"tumor": {"T5": "t5"}})})
    assert found.startswith("neighbours joins no regions of 1 of 8 tumours with two regions or more (T5)")
    assert "1 tumour(s) without a row (t5)" in found
    table.loc[(table["tumor"] == "T2") & (table["region"] == "R1"), "EGFR"] = np.nan
    alone, split = cautions(table, **options)
    assert alone.startswith("neighbours joins no regions of 1 of 8 tumours with two regions or more (T2)")
    assert split.startswith("in 1 of 8 tumours with two regions or more (T2) regions are joined only by way of")


def test_labels_of_tumours_that_patients_share_are_counted():
    table = make_table((3,) * 8)
    assert cautions(table, patient="patient") == []
    table.loc[table["tumor"].isin(["T1", "T6"]) & (table["region"] == "R1"), "patient"] = "P9"
    (found,) = [own for own in cautions(table, patient="patient") if "several patients" in own]
    assert found.startswith("2 of 8 labels of tumours stand with several patients (T1, T6)")
    assert "10 tumours in all" in found


# A cohort


def test_a_joined_cohort_is_taken_as_its_table_is():
    table = make_table((3, 2, 3))
    labels = ["patient", "tumor", "region"]
    keys = {"patient": "patient", "tumor": "tumor", "region": "region"}
    cohort = join(
        {
            "imaging": Source(table[[*labels, "entropy", "volume", "x", "y"]], "imaging", **keys),
            "genome": Source(table[[*labels, "TP53", "EGFR"]], "genome", **keys),
        }
    )
    model = MultiRegion("matern32")
    found = prepare(cohort, model, patient="patient", coordinates=PLACES)
    expected = prepare(table.sort_values(labels), model, patient="patient", coordinates=PLACES)
    for name in ("value", "genome", "tumor_index", "position", "pair_distance", "length_scale_beta"):
        np.testing.assert_allclose(found[name], expected[name], err_msg=name)
