"""Tumours and regions: where they are in the cohort, whose they are, and tables that disagree about them."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg import datasets
from bayesrg.cohort.flattening import to_table
from bayesrg.cohort.flow import read_flow
from bayesrg.cohort.joining import join
from bayesrg.cohort.membership import membership, reasons
from bayesrg.cohort.missingness import missing_by_patient, missing_by_variable
from bayesrg.cohort.restricting import restrict
from bayesrg.cohort.source import Source
from bayesrg.errors import SettingsError, TableError

CLINICAL = pd.DataFrame({"patient": ["P1", "P2", "P3"], "age": [50, 61, 47]})
LESIONS = pd.DataFrame({"patient": ["P2", "P1", "P1"], "lesion": ["a", "b", "a"], "volume": [3.0, 2.0, 1.0]})
BIOPSIES = pd.DataFrame(
    {"patient": ["P1", "P1", "P2"], "lesion": ["a", "b", "a"], "site": ["v1", "v1", "v1"], "purity": [0.8, None, 0.6]}
)


def study() -> dict[str, Source]:
    return {
        "clinical": Source(CLINICAL, "clinical"),
        "lesions": Source(LESIONS, "imaging", tumor="lesion"),
        "biopsies": Source(BIOPSIES, "genome", tumor="lesion", region="site"),
    }


def test_each_level_has_its_dim_and_says_whose_it_is():
    cohort = join(study())
    assert cohort["tumor"].values.tolist() == ["P1/a", "P1/b", "P2/a"]
    assert cohort["tumor_patient"].values.tolist() == ["P1", "P1", "P2"]
    assert cohort["tumor_label"].values.tolist() == ["a", "b", "a"]
    assert cohort["region"].values.tolist() == ["P1/a/v1", "P1/b/v1", "P2/a/v1"]
    assert cohort["region_tumor"].values.tolist() == ["a", "b", "a"]
    assert cohort["region_label"].values.tolist() == ["v1"] * 3
    assert cohort["imaging"].dims == ("tumor", "feature")
    assert cohort["imaging"].values.ravel().tolist() == [1, 2, 3]
    assert cohort["genome"].dims == ("region", "gene")
    assert cohort["age"].dims == ("patient",)
    assert cohort["present"].sel(patient="P3").values.tolist() == [True, False, False]


def test_only_levels_that_a_source_has_are_there():
    sources = study()
    del sources["lesions"]
    assert "tumor" not in join(sources).dims


def test_matrices_of_one_role_at_two_levels_have_two_names():
    whole = pd.DataFrame({"patient": ["P1"], "edema": [9.0]})
    cohort = join({**study(), "whole": Source(whole, "imaging")})
    assert cohort["imaging_patient"].dims == ("patient", "feature")
    assert cohort["imaging_tumor"].dims == ("tumor", "feature")
    assert cohort["imaging_patient"].sel(feature="edema").values.tolist()[0] == 9.0
    counted = missing_by_variable(cohort)
    assert counted.loc[["edema", "volume"], ["level", "n", "missing"]].to_numpy().tolist() == [
        ["patient", 3, 2],
        ["tumor", 3, 0],
    ]
    with pytest.warns(UserWarning, match="have no region"):
        assert to_table(cohort)["edema"].tolist()[:2] == [9.0, 9.0]


def test_values_of_parts_are_counted_as_the_patients():
    cohort = join(study())
    assert missing_by_patient(cohort)["biopsies"].to_dict() == {"P1": 1, "P2": 0, "P3": 0}
    assert membership(cohort)["why"].to_dict() == {
        "P1": "",
        "P2": "",
        "P3": "lesions: not in the table; biopsies: not in the table",
    }


def test_to_table_repeats_the_whole_for_its_parts():
    with pytest.warns(UserWarning, match="1 of 3 patients have no region"):
        table = to_table(join(study()))
    assert table.index.tolist() == ["P1/a/v1", "P1/b/v1", "P2/a/v1"]
    assert table.columns.tolist() == ["patient", "tumor", "region_label", "volume", "purity", "age"]
    assert table["age"].tolist() == [50, 50, 61]
    assert table["volume"].tolist() == [1, 2, 3]
    with pytest.warns(UserWarning, match="2 variables do not lie along patient"):
        table = to_table(join(study()), "patient")
    assert table["age"].tolist() == [50, 61, 47]
    with pytest.raises(SettingsError, match="level is 'region'; the cohort has patient"):
        to_table(join({"clinical": study()["clinical"]}), "region")


def test_parts_leave_with_their_patient():
    cohort = restrict(join(study()), variables=["purity"], reason="purity of every region known")
    assert cohort["patient"].values.tolist() == ["P2"]
    assert cohort["region"].values.tolist() == ["P2/a/v1"]
    step = read_flow(cohort)[-1]
    assert step.counts == {"patient": 1, "tumor": 1, "region": 1}
    assert step.left_out == (("purity missing", 2),)


def test_regions_may_leave_while_their_patients_stay():
    cohort = join(study())
    fewer = restrict(cohort, where=cohort["tumor_label"] == "a", reason="largest lesion")
    assert fewer["patient"].values.tolist() == ["P1", "P2", "P3"]
    assert fewer["region"].values.tolist() == ["P1/a/v1", "P2/a/v1"]
    assert read_flow(fewer)[-1].counts == {"patient": 3, "tumor": 2, "region": 2}
    assert read_flow(fewer)[-1].left_out == (("1 tumour: condition not met", 0), ("1 region: their tumour left", 0))
    fewer = restrict(cohort, where=cohort["genome"].sel(gene="purity", drop=True) > 0.7, reason="pure")
    assert fewer["region"].values.tolist() == ["P1/a/v1"]


def test_patients_whose_last_region_left_are_told():
    cohort = join(study())
    fewer = restrict(cohort, where=cohort["region_patient"] != "P1", reason="read by two")
    assert read_flow(fewer)[-1].left_out == (("2 regions: condition not met", 0),)
    here = membership(fewer)
    assert here.loc["P1"].tolist() == [True, True, True, "biopsies: in the table, no region left"]
    assert here.loc["P2", "why"] == ""
    assert reasons(fewer)["P1"] == ("biopsies: in the table, no region left",)
    nobody = restrict(fewer, where=fewer["region_patient"] == "P1", reason="none at all")
    assert reasons(nobody)["P2"] == ("biopsies: in the table, no region left",)
    assert reasons(nobody)["P3"] == ("lesions: not in the table", "biopsies: not in the table")


def test_patients_taken_without_their_parts_are_refused():
    cohort = join(study())
    for act in (to_table, missing_by_patient, missing_by_variable, membership, read_flow):
        with pytest.raises(TableError, match=r"tumors of 1 patients that are not in it: P1; .*restrict"):
            act(cohort.isel(patient=[1, 2]))
        with pytest.raises(TableError, match=r"regions of 1 tumors that are not in it: P1/a; .*restrict"):
            act(cohort.isel(tumor=[1, 2]))
    with pytest.raises(TableError, match="that are not in it"):
        restrict(cohort.isel(patient=0), sources=["lesions"], reason="lesions outlined")
    assert len(to_table(cohort.isel(region=[0]).isel(tumor=[0]).isel(patient=[0]))) == 1


def test_a_tumour_that_the_other_table_lacks_is_refused_or_kept():
    sources = study() | {"lesions": Source(LESIONS.iloc[[0, 2]], "imaging", tumor="lesion")}
    with pytest.raises(
        TableError, match=r"1 tumours of source 'biopsies' are not in source 'lesions'.*: P1/b; row '1'"
    ):
        join(sources)
    cohort = join(sources, unmatched_tumors="keep")
    assert cohort["tumor"].values.tolist() == ["P1/a", "P1/b", "P2/a"]
    np.testing.assert_array_equal(cohort["imaging"].values.ravel(), [1, np.nan, 3])


def test_tumours_spelt_in_two_ways_are_refused():
    sources = study() | {"lesions": Source(LESIONS.assign(lesion=["a", "B", "a"]), "imaging", tumor="lesion")}
    with pytest.raises(TableError, match="the tumor 'b' of 'P1' in 'biopsies' is called 'B' in 'lesions'"):
        join(sources)


@pytest.mark.parametrize("other", ["v01", "v-1", "V1", "v\u00a01"])
@pytest.mark.parametrize("level", ["region", "tumor"])
def test_regions_and_tumours_that_look_alike_are_refused(level: str, other: str):
    rows = {"first": "v1", "second": other}
    sources = {
        name: Source(pd.DataFrame({"patient": ["P1"], "site": [label], name: [1.0]}), "imaging", **{level: "site"})
        for name, label in rows.items()
    }
    with pytest.raises(TableError, match=rf"the {level} '.*' of 'P1' in 'second' is called 'v1' in 'first'"):
        join(sources, unmatched_tumors="keep")


def test_regions_may_end_in_a_letter():
    table = pd.DataFrame({"patient": ["P1"] * 3, "site": ["v1", "v1a", "v1b"], "purity": [0.1, 0.2, 0.3]})
    assert join({"biopsies": Source(table, "genome", region="site")}).sizes["region"] == 3


def test_regions_that_never_meet_are_pointed_out():
    def source(column: str, labels: list[str]) -> Source:
        rows = {"patient": ["P1", "P1", "P2"], "site": labels, column: [0.1, 0.2, 0.3]}
        return Source(pd.DataFrame(rows), "genome", region="site")

    first = source("purity", ["v1", "v2", "v1"])
    with pytest.warns(UserWarning, match=r"1 of 2 patients with regions in both .*: P2; P2 has P2/v1 and P2/edge"):
        join({"biopsies": first, "habitats": source("cells", ["v1", "core", "edge"])})
    assert join({"biopsies": first, "habitats": source("cells", ["v1", "core", "v1"])}).sizes["region"] == 4


def test_regions_with_and_without_their_tumour_are_refused():
    flat = Source(
        BIOPSIES.drop(columns="lesion").drop(index=1).assign(cells=1)[["patient", "site", "cells"]],
        "genome",
        region="site",
    )
    with pytest.raises(TableError, match="'biopsies' says of which tumour a region is, and source 'counts' does not"):
        join({**study(), "counts": flat})


def test_encoded_regions_join_those_of_tables():
    data = xr.Dataset(
        {"tumor_mutational_burden": ("region", [4.0])},
        {
            "region": ["P2/a/v1"],
            "region_patient": ("region", ["P2"]),
            "region_tumor": ("region", ["a"]),
            "region_label": ("region", ["v1"]),
        },
    )
    cohort = join({**study(), "burden": Source(data, "genome")})
    np.testing.assert_array_equal(cohort["tumor_mutational_burden"], [np.nan, np.nan, 4.0])
    assert cohort["present"].sel(source="burden").values.tolist() == [False, True, False]


@pytest.mark.data
def test_biopsies_of_real_gliomas_join_their_tumours():
    biopsies = pd.read_csv(datasets.path("glioma3d/samples.csv"))
    whole = ["Tumor", "Histology", "IDH_Mut", "X1p19q", "X7gain10loss", "TERT", "Grade", "Treatment", "Resection"]
    sources = {
        "tumors": Source(datasets.path("glioma3d/tumors.csv"), "clinical", patient="Patient"),
        "biopsies": Source(
            biopsies, "genome", patient="Patient", region="SampleName", exclude=whole, roles={"SFNumber": "batch"}
        ),
    }
    cohort = join(sources)
    assert dict(cohort.sizes) == {"region": 266, "gene": cohort.sizes["gene"], "patient": 26, "source": 2}
    assert cohort["region_patient"].to_series().nunique() == 26
    assert read_flow(cohort)[1].counts == {"patient": 26, "region": 266}
    first = cohort.sel(region="P303/v1")
    assert first["genome"].sel(gene="IDH1_VAF") == 0.29
    counted = missing_by_variable(cohort)
    assert counted.loc["log2cpm_EGFR", "missing"] == 161
    assert counted.loc["sample_type", "missing"] == 3
    table = to_table(cohort)
    assert len(table) == 266
    merged = biopsies.merge(pd.read_csv(datasets.path("glioma3d/tumors.csv")), on="Patient", suffixes=("", "_whole"))
    merged.index = pd.Index(merged["Patient"] + "/" + merged["SampleName"])
    assert (table["Grade"] == merged["Grade_whole"].reindex(table.index)).all()
