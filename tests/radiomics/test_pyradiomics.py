"""Features by pyradiomics' definitions, against the values of pyradiomics itself."""

import math
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bayesrg.errors import SettingsError
from bayesrg.imaging import ProcessingSettings, process
from bayesrg.radiomics.pyradiomics import (
    NAMES,
    PyradiomicsOptions,
    bin_intensities,
    extract_as_pyradiomics,
)
from bayesrg.settings import from_dict

FOLDER = Path(__file__).parent / "differential"
REGIONS = runpy.run_path(str(FOLDER / "regions.py"))["make_regions"]()
THEIRS = pd.read_csv(FOLDER / "pyradiomics.csv", index_col="feature")


def make_image(voxels, spacing=(1.0, 1.0, 1.0)):
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing[::-1])
    return image


def extract(region, voxels, **options):
    mask = make_image(region.morphological_mask.astype(np.uint8), region.spacing)
    return extract_as_pyradiomics(make_image(voxels, region.spacing), mask, PyradiomicsOptions(**options))


def differences(found, prefix, names, region):
    expected = {name: THEIRS.loc[f"{prefix}original_{name}", region] for name in names}
    wrong = {name: (found[f"original_{name}"], value) for name, value in expected.items()}
    return {name: pair for name, pair in wrong.items() if not math.isclose(*pair, rel_tol=1e-6, abs_tol=1e-12)}


def of(*classes):
    return [name for name in NAMES if name.startswith(classes)]


@pytest.mark.parametrize("region", THEIRS.columns)
class TestValues:
    def test_shape_and_first_order(self, region):
        found = extract(REGIONS[region], REGIONS[region].intensity)
        discretised = {"firstorder_Entropy", "firstorder_Uniformity"}
        names = [name for name in of("shape_", "firstorder_") if name not in discretised]
        assert differences(found, "", names, region) == {}

    def test_textures(self, region):
        found = extract(REGIONS[region], REGIONS[region].level.astype(np.float64), bin_width=1.0)
        names = [*of("glcm", "glrlm", "glszm", "gldm", "ngtdm"), "firstorder_Entropy", "firstorder_Uniformity"]
        assert differences(found, "", names, region) == {}

    def test_textures_by_slice(self, region):
        found = extract(REGIONS[region], REGIONS[region].level.astype(np.float64), bin_width=1.0, force_2d=True)
        assert differences(found, "2D_", of("glcm", "glrlm", "glszm", "gldm", "ngtdm"), region) == {}


def test_names_are_those_that_pyradiomics_gives():
    theirs = {name.removeprefix("original_") for name in THEIRS.index if not name.startswith("2D_")}
    assert set(NAMES) == theirs
    found = extract(REGIONS["gaps"], REGIONS["gaps"].intensity)
    assert list(found) == [f"original_{name}" for name in NAMES]


def test_bins_of_a_width_begin_at_its_multiples():
    levels = bin_intensities(np.array([-30.0, -26.0, -25.0, 0.0, 24.9, 25.0]), PyradiomicsOptions())
    assert levels.tolist() == [1, 1, 2, 3, 3, 4]


def test_a_number_of_bins_reaches_from_the_least_to_the_greatest():
    levels = bin_intensities(np.array([0.0, 0.9, 1.0, 3.0, 4.0]), PyradiomicsOptions(bin_count=4))
    assert levels.tolist() == [1, 1, 2, 4, 4]


def test_a_shift_enters_energy_and_root_mean_square_only():
    region = REGIONS["gaps"]
    plain, shifted = (extract(region, region.intensity, voxel_array_shift=shift) for shift in (0.0, 2000.0))
    changed = {name for name in plain if not math.isclose(plain[name], shifted[name])}
    expected = ("Energy", "RootMeanSquared", "TotalEnergy")
    assert changed == {f"original_firstorder_{name}" for name in expected}
    energy = float(np.square(region.intensity[region.intensity_mask] + 2000.0).sum())
    assert shifted["original_firstorder_Energy"] == pytest.approx(energy, rel=1e-12)


def test_the_dependence_of_grey_levels_can_be_widened():
    region = REGIONS["gaps"]
    exact, wide = (extract(region, region.intensity, gldm_a=a) for a in (0, 1000))
    assert wide["original_gldm_LargeDependenceEmphasis"] > exact["original_gldm_LargeDependenceEmphasis"]


def test_constant_intensities_give_what_pyradiomics_gives():
    region = REGIONS["anisotropic"]
    found = extract(region, np.full(region.intensity.shape, 7.0))
    expected = {
        "firstorder_Kurtosis": 0.0,
        "firstorder_Skewness": 0.0,
        "glcm_Correlation": 1.0,
        "glcm_Imc1": 0.0,
        "glcm_Imc2": 0.0,
        "glcm_MCC": 1.0,
        "ngtdm_Coarseness": 1e6,
        "ngtdm_Busyness": 0.0,
        "ngtdm_Contrast": 0.0,
        "ngtdm_Strength": 0.0,
    }
    assert {name: found[f"original_{name}"] for name in expected} == expected
    assert not any(math.isnan(value) for value in found.values())


def test_a_region_of_one_slice_has_no_runs_across_it():
    mask = np.zeros((5, 9, 9), dtype=np.uint8)
    mask[2, 2:7, 2:7] = 1
    rows = np.broadcast_to(np.arange(9.0)[None, :, None], mask.shape)
    found = extract_as_pyradiomics(make_image(rows), make_image(mask), PyradiomicsOptions(bin_width=1.0))
    # Along x runs of 5, along the other three directions of 1: emphasis (25 + 3) / 4.
    assert found["original_glrlm_LongRunEmphasis"] == pytest.approx(7.0)


def test_directions_with_two_voxels_on_a_line_count_even_if_they_are_apart():
    mask = np.zeros((5, 5, 9), dtype=np.uint8)
    mask[2, 2, [2, 3, 6]] = mask[2, 4, 4] = 1
    found = extract_as_pyradiomics(make_image(np.ones(mask.shape)), make_image(mask))
    # Along x the runs 2, 1, 1; three other directions of the slice hold runs of 1 only, and along y none shares a line.
    assert found["original_glrlm_RunPercentage"] == pytest.approx((3 / 4 + 1 + 1) / 3)


def test_one_voxel_has_no_texture_but_zones():
    mask = np.zeros((5, 5, 5), dtype=np.uint8)
    mask[2, 2, 2] = 1
    found = extract_as_pyradiomics(make_image(np.ones(mask.shape)), make_image(mask))
    undefined = {name for name, value in found.items() if math.isnan(value)}
    assert {name for name in undefined if "glszm" in name or "gldm" in name or "firstorder" in name} == set()
    assert {name for name in found if "glrlm" in name} <= undefined


def test_the_region_may_be_processed_first():
    region = REGIONS["anisotropic"]
    image = make_image(region.intensity, region.spacing)
    mask = make_image(region.morphological_mask.astype(np.uint8), region.spacing)
    processing = from_dict(ProcessingSettings, {"interpolation": {"spacing": [1.5, 1.5, 1.5]}})
    found = extract_as_pyradiomics(image, mask, processing=processing)
    inside = process(image, mask, processing)["morphological_mask"].values
    assert found["original_shape_VoxelVolume"] == pytest.approx(1.5**3 * inside.sum())


@pytest.mark.parametrize(
    ("options", "named"),
    [({"bin_width": 0.0}, "bin_width"), ({"bin_count": 0}, "bin_count"), ({"gldm_a": -1}, "gldm_a")],
)
def test_unfit_options_are_refused(options, named):
    with pytest.raises(SettingsError, match=named):
        PyradiomicsOptions(**options)
