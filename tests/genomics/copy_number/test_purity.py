"""Copies in tumour cells from mixed ratios: the closed form, its inverse, its guards, and sex chromosomes."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.copy_number.encoding import discretise_copy_number
from bayesrg.genomics.copy_number.purity import correct_purity, expect_log2_ratio

SHARES = st.floats(0.1, 1.0)


@given(
    copies=st.lists(st.floats(0.1, 12.0), min_size=1, max_size=8), purity=SHARES, ploidy=st.floats(1.2, 5.0),
    sex=st.sampled_from([None, "female", "male"]),
)  # fmt: skip
def test_mixing_and_correcting_are_inverse(copies, purity, ploidy, sex):
    chromosomes = [["1", "X", "7"][place % 3] for place in range(len(copies))]
    data = xr.Dataset(
        {"copy_number": (("patient", "gene"), [copies])}, {"patient": ["P"], "chromosome": ("gene", chromosomes)}
    )
    mixed = expect_log2_ratio(data, purity, ploidy, sex=sex)
    if "n_raised" not in mixed["log2_ratio"].attrs:
        back = correct_purity(mixed, purity, ploidy, sex=sex)
        np.testing.assert_allclose(back["copy_number"], data["copy_number"], rtol=1e-9, atol=1e-9)


def test_ratio_of_a_mixture_has_its_closed_form():
    data = xr.Dataset({"copy_number": (("patient", "gene"), [[0.0, 1.0, 3.0, 8.0]])}, {"patient": ["P"]})
    found = expect_log2_ratio(data, 0.6, 3.1)["log2_ratio"]
    copies = np.array([0.0, 1.0, 3.0, 8.0])
    np.testing.assert_allclose(np.exp2(found.values[0]), (0.6 * copies + 0.4 * 2) / (0.6 * 3.1 + 0.4 * 2))


def test_purity_by_patient_and_missing_purity():
    data = xr.Dataset(
        {"log2_ratio": (("patient", "gene"), np.log2([[0.75], [0.75], [0.9]]))}, {"patient": ["A", "B", "C"]}
    )
    found = correct_purity(data, {"C": np.nan, "B": 1.0, "A": 0.5, "other": 0.1})["copy_number"]
    np.testing.assert_allclose(found.values[:, 0], [1.0, 1.5, np.nan])
    by_series = correct_purity(data, pd.Series({"A": 0.5, "B": 1.0, "C": np.nan}))["copy_number"]
    xr.testing.assert_equal(found, by_series)
    with pytest.raises(TableError, match="1 of 3 patients have no purity: C"):
        correct_purity(data, {"A": 0.5, "B": 1.0})


@pytest.mark.parametrize("purity", [0.0, -0.1, 80.0])
def test_impossible_purity_is_refused(purity):
    data = xr.Dataset({"log2_ratio": (("patient", "gene"), [[0.0]])}, {"patient": ["A"]})
    with pytest.raises(
        TableError, match=rf"purity are wrong \(patient A: {purity:g}\); expected a share of tumour cells"
    ):
        correct_purity(data, {"A": purity})
    with pytest.raises(TableError, match="ploidy are wrong"):
        correct_purity(data, 0.5, 0.0)
    with pytest.raises(TableError, match="but no 'copy_number'"):
        expect_log2_ratio(data, 0.5)


def test_negative_solutions_are_set_to_zero_and_counted():
    data = xr.Dataset({"log2_ratio": (("patient", "gene"), [[-3.0, 0.0]])}, {"patient": ["A"]})
    with pytest.warns(UserWarning, match=r"1 of 2 solutions for copies were below 0 \(lowest -1\.50\)"):
        found = correct_purity(data, 0.5)["copy_number"]
    np.testing.assert_allclose(found, [[0.0, 2.0]], atol=1e-12)
    assert found.attrs["n_negative"] == 1
    assert found.attrs["most_negative"] == pytest.approx(-1.5)


def test_sex_chromosomes_of_males_and_females():
    data = xr.Dataset(
        {"log2_ratio": (("patient", "gene"), np.zeros((2, 3)))},
        {"patient": ["A", "B"], "gene": ["a", "x", "y"], "chromosome": ("gene", ["1", "X", "Y"])},
    )
    found = correct_purity(data, 0.7, sex={"A": "male", "B": "F"})
    np.testing.assert_allclose(found["copy_number"], [[2, 1, 1], [2, 2, np.nan]])
    classes = discretise_copy_number(found, sex={"A": "male", "B": "F"})["copy_number_class"]
    np.testing.assert_array_equal(classes, [[0, 0, 0], [0, 0, np.nan]])
    gained = found.assign(copy_number=found["copy_number"] + 1)
    assert discretise_copy_number(gained, sex="male")["copy_number_class"].sel(patient="A", gene="x") == 1
    lost = found.assign(copy_number=found["copy_number"] * 0)
    assert discretise_copy_number(lost, sex="male")["copy_number_class"].sel(patient="A", gene="x") == -2
    with pytest.raises(TableError, match=r"neither female nor male .*A: 'unknown'"):
        correct_purity(data, 0.7, sex={"A": "unknown", "B": "F"})
    with pytest.raises(TableError, match="no coordinate 'chromosome'"):
        correct_purity(data.drop_vars("chromosome"), 0.7, sex="male")
    with pytest.raises(SettingsError, match="absolute copies only"):
        discretise_copy_number(data, sex="male")


def test_a_female_has_no_deletion_of_y_and_chr_is_understood():
    copies = xr.Dataset(
        {"copy_number": (("patient", "gene"), [[2.0, 1.0, 0.0], [2.0, 2.0, 0.0]])},
        {"patient": ["A", "B"], "chromosome": ("gene", ["chr1", "chrX", "chrY"])},
    )
    found = discretise_copy_number(copies, sex={"A": "male", "B": "female"})
    np.testing.assert_array_equal(found["copy_number_class"], [[0, 0, -2], [0, 0, np.nan]])
    assert "sex='of 2 units'" in found.attrs["history"]


def test_no_copies_in_a_pure_tumour_come_back_as_none():
    copies = xr.Dataset({"copy_number": (("patient", "gene"), [[0.0, 1.0, 2.0]])}, {"patient": ["A"]})
    back = correct_purity(expect_log2_ratio(copies, 1.0), 1.0)["copy_number"]
    np.testing.assert_allclose(back, [[0.0, 1.0, 2.0]])
    assert back.attrs["n_negative"] == 0


def test_a_purity_that_is_no_number_is_refused_by_its_unit():
    data = xr.Dataset({"log2_ratio": (("patient", "gene"), [[0.0], [0.0]])}, {"patient": ["1", "2"]})
    with pytest.raises(TableError, match=r"1 of 2 values of purity are wrong \(patient 2: 'high'\); expected numbers"):
        correct_purity(data, {"1": "0.5", "2": "high"})
    with pytest.raises(TableError, match="patient 1: 'diploid'"):
        correct_purity(data, 0.5, {"1": "diploid", "2": 2})
    found = correct_purity(data, {"1": 1, "2": None})["copy_number"]
    np.testing.assert_array_equal(found, [[2.0], [np.nan]])
