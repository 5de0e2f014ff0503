"""Every IBSI-1 consensus value of all families, by the whole chain from file to feature, within its tolerance."""

import numpy as np
import pytest
import SimpleITK as sitk

from bayesrg import datasets
from bayesrg.radiomics import ibsi

COUNTS = {
    "digital_phantom": 482,
    "ct_phantom_A": 346,
    "ct_phantom_B": 346,
    "ct_phantom_C": 210,
    "ct_phantom_D": 210,
    "ct_phantom_E": 210,
}


@pytest.fixture(scope="module")
def checked():
    return ibsi.check_compliance()


@pytest.mark.data
@pytest.mark.parametrize("configuration", ibsi.CONFIGURATIONS)
def test_every_consensus_value_is_met(checked, configuration):
    rows = checked[checked["configuration"] == configuration]
    missed = rows.loc[~rows["within"], ["feature", "found", "expected", "tolerance"]]
    assert missed.to_dict("records") == []
    assert len(rows) == COUNTS[configuration]


@pytest.mark.data
def test_the_verdict_counts_all_values(checked):
    assert ibsi.summarise_compliance(checked) == "1804/1804 IBSI-1 values within tolerance"
    table = ibsi.tabulate_compliance(checked)
    assert (table.loc["morphology", "ct_phantom_A"], len(table)) == ("25/25", 11)


@pytest.mark.data
def test_a_value_beyond_its_tolerance_is_counted_as_missed(monkeypatch):
    reference = datasets.ibsi_reference_values()
    reference = reference[reference["configuration"] == "digital_phantom"].copy()
    reference.loc[reference["tag"] == "stat_mean", "value"] += 0.02
    monkeypatch.setattr(datasets, "ibsi_reference_values", lambda: reference)
    monkeypatch.setattr(ibsi, "CONFIGURATIONS", ("digital_phantom",))
    checked = ibsi.check_compliance()
    assert list(checked.loc[~checked["within"], "feature"]) == ["statistics_mean"]
    assert ibsi.summarise_compliance(checked) == f"{len(reference) - 1}/{len(reference)} IBSI-1 values within tolerance"


@pytest.mark.data
def test_the_digital_phantom_in_the_code_is_ibsis():
    for image, name in zip(ibsi.digital_phantom(), ("image", "mask"), strict=True):
        origin = sitk.ReadImage(str(datasets.path(f"ibsi1/ibsi1_digital_phantom/{name}.nii.gz")))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(origin))
        assert (image.GetSpacing(), image.GetDirection()) == (origin.GetSpacing(), origin.GetDirection())
