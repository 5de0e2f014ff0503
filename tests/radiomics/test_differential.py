"""Our values against those of MIRP and pyradiomics, stored for four small regions with the script that made them.

Every feature of theirs that is one of ours by ``mirp.tsv`` and ``pyradiomics.tsv`` must agree to a millionth, or stand
in `DIFFERENT` with the reason; what stands there must differ.
"""

import re
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.radiomics import FAMILIES, FEATURES, Settings, features_from_mirp, features_from_pyradiomics
from bayesrg.radiomics.extraction import measure
from bayesrg.settings import from_dict

FOLDER = Path(__file__).parent / "differential"
REGIONS = runpy.run_path(str(FOLDER / "regions.py"))["make_regions"]()
TOLERANCE = 1e-6
SINGLE_PRECISION = 2e-6
DIRECTIONAL = ["3d_merged", "3d_averaged", "2p5d_merged", "2p5d_direction_merged", "2d_slice_merged", "2d_averaged"]
UNDIRECTED = ["3d", "2p5d", "2d"]
SETTINGS = from_dict(
    Settings,
    {
        **{family: {"aggregation": DIRECTIONAL} for family in ("glcm", "glrlm")},
        **{family: {"aggregation": UNDIRECTED} for family in ("glszm", "gldzm", "ngtdm", "ngldm")},
    },
)

DIFFERENT = {
    "mirp": {
        "morphology_.*_oriented_minimum_bounding_box": "not the smallest box; the area density repeats the volume's",
        "morphology_.*_minimum_volume_enclosing_ellipsoid": "stops before the volume is the smallest",
        "morphology_area_density_approximate_enclosing_ellipsoid": "the series for the area ends after 20 terms",
        "morphology_asphericity": "from a mesh in single precision, of which 1 is subtracted",
        "(statistics|histogram)_skewness": "moments in single precision; the skewness is near zero",
        "statistics_excess_kurtosis": "moments in single precision",
        "glcm_inverse_variance_2d_(averaged|slice_merged)": "slices of one grey level, where it is 0, are left out",
        "glcm_(correlation|information_correlation_1)_2d_.*": "1 in slices of one level, not 0/0",
    },
    "pyradiomics": {
        "morphology_(major|minor|least)_axis_length": "the covariance is divided by N, not by N - 1",
        "ngtdm_.*": "voxels without a neighbour count as voxels of their grey level, with difference 0",
    },
    "pyradiomics, 2D": {
        "ngtdm_.*": "voxels without a neighbour count as voxels of their grey level, with difference 0",
    },
}
"""Features that do not agree to the tolerance in some region, as patterns, and why."""

COUNTS = {"mirp": 495, "pyradiomics": 102, "pyradiomics, 2D": 74}
"""Features in common with each tool: nothing is left out unnoticed."""


@pytest.fixture(scope="module")
def ours():
    """Our values, a row per region."""
    return pd.DataFrame({name: measure(as_processed(region), SETTINGS) for name, region in REGIONS.items()}).T


def as_processed(region):
    dims = ("z", "y", "x")
    names = ("intensity", "morphological_mask", "intensity_mask", "level")
    attributes = {"spacing": region.spacing[::-1], "n_levels": int(region.level.max()), "bin_width": 1.0}
    return xr.Dataset(
        {name: (dims, getattr(region, name)) for name in names},
        attrs={**attributes, "discretisation": "fixed_bin_number"},
    )


def read(tool):
    """The stored values of a tool under our names, a row per region."""
    table = pd.read_csv(FOLDER / f"{tool.partition(',')[0]}.csv", index_col="feature").T
    if tool == "mirp":
        return features_from_mirp(table)
    by_slice = "2D" in tool
    chosen = [name for name in table if name.startswith("2D_") == by_slice]
    return features_from_pyradiomics(
        table[chosen].rename(columns=lambda name: name.removeprefix("2D_")), force_2d=by_slice
    )


def differences(ours, theirs):
    """The largest relative difference over the regions, for each feature in common."""
    shared = [name for name in theirs if name in FEATURES]
    a, b = ours.loc[theirs.index, shared].to_numpy(dtype=float), theirs[shared].to_numpy(dtype=float)
    assert not np.isnan(a).any()
    assert not np.isnan(b).any()
    return dict(zip(shared, (np.abs(a - b) / np.maximum(np.abs(b), 1e-12)).max(axis=0).tolist(), strict=True))


@pytest.mark.parametrize("tool", COUNTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_values_agree_where_definitions_do(ours, tool, family):
    listed = "|".join(DIFFERENT[tool])
    found = {name: value for name, value in differences(ours, read(tool)).items() if FEATURES[name].family == family}
    unexpected = {name: value for name, value in found.items() if value > TOLERANCE and not re.fullmatch(listed, name)}
    assert unexpected == {}


@pytest.mark.parametrize("tool", COUNTS)
def test_all_features_in_common_are_compared(ours, tool):
    assert len(differences(ours, read(tool))) == COUNTS[tool]


@pytest.mark.parametrize(
    ("tool", "pattern"), [(tool, pattern) for tool, listed in DIFFERENT.items() for pattern in listed]
)
def test_what_is_listed_as_different_differs(ours, tool, pattern):
    found = {name: value for name, value in differences(ours, read(tool)).items() if re.fullmatch(pattern, name)}
    assert max(found.values()) > TOLERANCE


def test_single_precision_explains_what_it_is_said_to(ours):
    theirs = read("mirp")
    reasons = [pattern for pattern, reason in DIFFERENT["mirp"].items() if "single precision" in reason]
    names = [name for name in theirs if re.fullmatch("|".join(reasons), name)]
    assert len(names) == 4
    np.testing.assert_allclose(ours.loc[theirs.index, names], theirs[names], rtol=0, atol=SINGLE_PRECISION)


def test_axis_lengths_of_pyradiomics_are_ours_with_the_other_divisor(ours):
    theirs = read("pyradiomics")
    names = [f"morphology_{axis}_axis_length" for axis in ("major", "minor", "least")]
    n_voxels = np.array([[REGIONS[name].morphological_mask.sum()] for name in theirs.index])
    expected = theirs[names] * np.sqrt(n_voxels / (n_voxels - 1))
    np.testing.assert_allclose(ours.loc[theirs.index, names], expected, rtol=1e-12)
