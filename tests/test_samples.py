"""Samples are placed over the patients, tumours and regions they are of, and nobody is lost on the way."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import SettingsError, TableError
from bayesrg.samples import identify_samples, place_samples, unit_coords, unit_dim

WHO = pd.DataFrame(
    {
        "sample": ["a1", "a2", "b1"],
        "patient": ["A", "A", "B"],
        "tumor": ["left", "left", "left"],
        "region": ["1", "2", "1"],
    }
)


def ratios(samples, values, name="log2_ratio"):
    return xr.DataArray(values, {"sample": samples, "gene": ["EGFR", "TP53"]}, ("sample", "gene")).to_dataset(name=name)


DATA = ratios(["a1", "b1", "a2"], [[1.0, np.nan], [5.0, 6.0], [3.0, np.nan]])


def test_unit_dim():
    assert unit_dim(DATA) == "sample"
    with pytest.raises(TableError, match="expected exactly one of patient, tumor, region, sample"):
        unit_dim(DATA.rename(sample="row"))
    with pytest.raises(TableError, match="patient, sample"):
        unit_dim(xr.DataArray(np.zeros((1, 1)), dims=("patient", "sample")))


def test_samples_without_a_table_are_patients_or_barcodes():
    assert identify_samples(["P1", "P2"])["patient"].tolist() == ["P1", "P2"]
    barcodes = identify_samples(["TCGA-AB-2988-03A-01D-0739-09", "TCGA-AB-2988-03B-01D-0739-09"])
    assert barcodes["patient"].tolist() == ["TCGA-AB-2988"] * 2
    assert barcodes["region"].tolist() == ["TCGA-AB-2988-03A", "TCGA-AB-2988-03B"]
    assert "region" not in identify_samples(["TCGA-AB-2988-03A", "TCGA-AB-2988"]).columns


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (WHO.drop(columns="patient"), "but no 'patient'"),
        (WHO.assign(patient=["A", None, "B"]), "row 2 of the table of samples has an empty 'patient'"),
        (WHO.assign(region=["1", "2", " "]), "row 3 of the table of samples has an empty 'region'"),
        (pd.concat([WHO, WHO.iloc[:1]]), "more than one row for a1"),
        (WHO.iloc[:2], "1 of 3 samples are not in the table of samples: b1"),
    ],
)
def test_tables_of_samples_that_are_refused(table, message):
    with pytest.raises(TableError, match=message):
        identify_samples(["a1", "b1", "a2"], table)


def test_regions_have_composite_labels_and_their_parts():
    coords = unit_coords(identify_samples(["a1", "b1"], WHO), "region")
    assert coords["region"][1].tolist() == ["A/left/1", "B/left/1"]
    assert coords["region_patient"][1].tolist() == ["A", "B"]
    assert coords["region_tumor"][1].tolist() == ["left", "left"]
    assert coords["region_label"][1].tolist() == ["1", "1"]
    tumors = unit_coords(WHO.iloc[1:], "tumor")
    assert tumors["tumor"][1].tolist() == ["A/left", "B/left"]
    assert set(tumors) == {"tumor", "tumor_patient", "tumor_label"}


def test_two_samples_of_one_region_are_refused():
    with pytest.raises(TableError, match="several samples are of the same tumor: A/left"):
        unit_coords(WHO, "tumor")
    with pytest.raises(TableError, match="the region of the samples is not known"):
        unit_coords(WHO.drop(columns="region"), "region")


def test_placing_by_region_keeps_every_sample():
    placed = place_samples(DATA, WHO, level="region")
    assert placed["region"].values.tolist() == ["A/left/1", "B/left/1", "A/left/2"]
    np.testing.assert_array_equal(placed["log2_ratio"].values, DATA["log2_ratio"].values)
    assert placed.attrs["history"] == "place_samples: level='region'"


def test_several_samples_of_one_patient_are_refused_unless_it_is_said_what_becomes_of_them():
    with pytest.raises(TableError, match="1 of 2 patients have several samples, A for one: a1, a2"):
        place_samples(DATA, WHO)
    assert place_samples(DATA, WHO, several="first")["log2_ratio"].values[:, 0].tolist() == [1, 5]
    mean = place_samples(DATA, WHO, several="mean")
    assert mean["log2_ratio"].values[:, 0].tolist() == [2, 5]
    assert np.isnan(mean["log2_ratio"].values[0, 1])
    assert mean["patient"].values.tolist() == ["A", "B"]
    assert "samples=3, units=2" in mean.attrs["history"]
    assert place_samples(DATA, WHO, several="maximum")["log2_ratio"].values[:, 0].tolist() == [3, 5]


def test_what_has_no_samples_and_the_coordinates_of_genes_stay():
    data = DATA.assign(purity=("sample", [0.5, 0.6, 0.7]), length=("gene", [10, 20])).assign_coords(
        chromosome=("gene", ["7", "17"])
    )
    placed = place_samples(data, WHO, several="mean")
    assert placed["purity"].values == pytest.approx([0.6, 0.6])
    assert placed["length"].dims == ("gene",)
    assert placed["chromosome"].values.tolist() == ["7", "17"]


def test_what_cannot_be_placed():
    with pytest.raises(TableError, match=r"1 of 2 samples are of normal tissue.*TCGA-AB-2988-11A"):
        place_samples(ratios(["TCGA-AB-2988-11A", "TCGA-AB-2988-03A"], np.zeros((2, 2))))
    with pytest.raises(TableError, match="holds text, which has no mean"):
        place_samples(DATA.assign(note=("sample", ["x", "y", "z"])), WHO, several="mean")
    with pytest.raises(TableError, match="but no 'sample' to place"):
        place_samples(DATA.rename(sample="patient"))
    with pytest.raises(SettingsError, match="level is 'lesion'"):
        place_samples(DATA, level="lesion")
    with pytest.raises(SettingsError, match="several is 'median'"):
        place_samples(DATA, several="median")


@given(st.permutations(range(6)), st.sampled_from(["mean", "maximum"]))
def test_the_order_of_samples_does_not_matter(order, several):
    samples = [f"s{number}" for number in range(6)]
    who = dict(zip(samples, ["A", "B", "A", "C", "B", "A"], strict=True))
    data = ratios(samples, np.array([[1.0, np.nan], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]))
    straight = place_samples(data, who, several=several)
    turned = place_samples(data.isel(sample=list(order)), who, several=several)
    xr.testing.assert_allclose(turned.sel(patient=straight["patient"]).drop_attrs(), straight.drop_attrs())


def test_coordinates_of_samples_stay_unless_they_differ_within_a_unit():
    data = DATA.assign_coords(
        library=("sample", [10.0, 30.0, 20.0]), site=("sample", ["x", "y", "x"]), plate=("sample", list("123"))
    )
    placed = place_samples(data, WHO, several="mean")
    assert placed["library"].values.tolist() == [15, 30]
    assert placed["site"].values.tolist() == ["x", "y"]
    assert "plate" not in placed.coords
    assert "coordinates_that_differ_within_units=['plate']" in placed.attrs["history"]
    apart = place_samples(data, WHO, level="region")
    assert apart["plate"].values.tolist() == list("123")
    assert apart["plate"].dims == ("region",)


def test_classes_have_no_mean_and_numbers_say_how_they_were_joined():
    classes = ratios(["a1", "a2"], [[-1.0, 0.0], [0.0, 0.0]], "copy_number_class")
    with pytest.raises(TableError, match="'copy_number_class' holds classes, which have no mean"):
        place_samples(classes, WHO, several="mean")
    assert place_samples(classes, WHO, several="maximum")["copy_number_class"].values.tolist() == [[0, 0]]
    assert place_samples(DATA, WHO, several="mean")["log2_ratio"].attrs["cell_methods"] == "sample: mean"
    assert "cell_methods" not in place_samples(DATA, WHO, level="region")["log2_ratio"].attrs
