"""The whole chain against IBSI's consensus on the CT phantom, configurations A to E: 300 diagnostics, grey levels."""

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from bayesrg import datasets
from bayesrg.imaging import ProcessingSettings, process
from bayesrg.imaging.process import find_box
from bayesrg.settings import from_dict

pytestmark = pytest.mark.data

ROUNDING = {"rounding": {"intensity": True}}
BIN_NUMBER = {"discretisation": {"method": "fixed_bin_number", "number": 32}}
BIN_SIZE = {"discretisation": {"method": "fixed_bin_size", "width": 25}}
CONFIGURATIONS = {
    "A": {"resegmentation": {"range": [-500, 400]}, **BIN_SIZE},
    "B": {
        "interpolation": {"spacing": [2, 2, "keep"]},
        "resegmentation": {"range": [-500, 400]},
        **ROUNDING,
        **BIN_NUMBER,
    },
    "C": {"interpolation": {"spacing": [2, 2, 2]}, "resegmentation": {"range": [-1000, 400]}, **ROUNDING, **BIN_SIZE},
    "D": {"interpolation": {"spacing": [2, 2, 2]}, "resegmentation": {"outlier_sigma": 3}, **ROUNDING, **BIN_NUMBER},
    "E": {
        "interpolation": {"spacing": [2, 2, 2], "image": "cubic_bspline"},
        "resegmentation": {"range": [-1000, 400], "outlier_sigma": 3},
        **ROUNDING,
        **BIN_NUMBER,
    },
}


@pytest.fixture(scope="module")
def processed(ct_phantom):
    """Return the data set of a configuration for the whole image, each computed once."""
    settings = {
        name: from_dict(ProcessingSettings, {"crop": {"extent": "image"}, **sections})
        for name, sections in CONFIGURATIONS.items()
    }
    return {name: process(*ct_phantom, setting) for name, setting in settings.items()}


def describe_image(stage, intensity, spacing):
    values = [*intensity.shape[::-1], *spacing, intensity.mean(), intensity.min(), intensity.max()]
    names = [
        "img_dim_x",
        "img_dim_y",
        "img_dim_z",
        "vox_dim_x",
        "vox_dim_y",
        "vox_dim_z",
        "mean_int",
        "min_int",
        "max_int",
    ]
    return {f"{name}_{stage}_img": float(value) for name, value in zip(names, values, strict=True)}


def describe_region(stage, intensity, intensity_mask, morphological_mask):
    found = {f"int_mask_dim_{axis}": size for axis, size in zip("zyx", intensity_mask.shape, strict=True)}
    for kind, mask in (("int", intensity_mask), ("morph", morphological_mask)):
        found |= {
            f"{kind}_mask_bb_dim_{axis}": side.stop - side.start
            for axis, side in zip("zyx", find_box(mask), strict=True)
        }
        found[f"{kind}_mask_vox_count"] = mask.sum()
    values = intensity[intensity_mask]
    found |= {"int_mask_mean_int": values.mean(), "int_mask_min_int": values.min(), "int_mask_max_int": values.max()}
    return {f"{name}_{stage}_roi": float(value) for name, value in found.items()}


def diagnose(image, mask, result):
    start = sitk.GetArrayFromImage(image).astype(float)
    region = sitk.GetArrayFromImage(mask) != 0
    intensity, morphological = result.intensity.values, result.morphological_mask.values
    return {
        **describe_image("init", start, image.GetSpacing()),
        **describe_image("interp", intensity, result.attrs["spacing"]),
        **describe_region("init", start, region, region),
        **describe_region("interp", intensity, morphological, morphological),
        **describe_region("reseg", intensity, result.intensity_mask.values, morphological),
    }


def test_all_300_diagnostics(ct_phantom, processed):
    reference = pd.read_csv(datasets.path("ibsi1/ibsi1_ct_diagnostics.csv"))
    checked, wrong = 0, []
    for name, result in processed.items():
        found = diagnose(*ct_phantom, result)
        rows = reference[reference["configuration"] == f"ct_phantom_{name}"]
        assert set(rows["tag"]) == set(found)
        for row in rows.itertuples():
            # Means and voxel sizes are given to three digits, all others in full.
            three_digits = "mean" in row.tag or "vox_dim" in row.tag
            value = float(f"{found[row.tag]:.3g}") if three_digits else found[row.tag]
            checked += 1
            if abs(value - row.value) > row.tolerance:
                wrong.append((name, row.tag, found[row.tag], row.value, row.tolerance))
    assert wrong == []
    assert checked == 300


@pytest.mark.parametrize(
    ("name", "interpolated", "resegmented", "lowest", "highest"),
    [
        ("A", 125256, 114596, -500, 377),
        ("B", 29842, 27359, -500, 391),
        ("C", 45985, 45981, -939, 393),
        ("D", 45985, 44465, -724, 521),
        ("E", 45985, 44484, -743, 345),
    ],
)
def test_voxels_and_intensities_are_the_consensus_to_the_last_digit(
    processed, name, interpolated, resegmented, lowest, highest
):
    result = processed[name]
    kept = result.intensity.values[result.intensity_mask.values]
    assert (int(result.morphological_mask.sum()), kept.size) == (interpolated, resegmented)
    assert (kept.min(), kept.max()) == (lowest, highest)


HISTOGRAM = {
    "ih_mean": np.mean,
    "ih_var": np.var,
    "ih_min": np.min,
    "ih_max": np.max,
    "ih_median": np.median,
    "ih_range": np.ptp,
    "ih_mode": lambda level: np.bincount(level).argmax(),
    "ih_uniformity": lambda level: ((np.bincount(level) / level.size) ** 2).sum(),
}


@pytest.mark.parametrize("name", list(CONFIGURATIONS))
def test_grey_levels(processed, name):
    reference = pd.read_csv(datasets.path("ibsi1/ibsi1_reference_values.csv"))
    reference = reference[reference["configuration"] == f"ct_phantom_{name}"].set_index("tag")
    level = processed[name].level.values[processed[name].intensity_mask.values]
    for tag, measure in HISTOGRAM.items():
        assert abs(float(f"{measure(level):.3g}") - reference.value[tag]) <= reference.tolerance[tag], tag
    assert (processed[name].level.values[~processed[name].intensity_mask.values] == 0).all()


@pytest.mark.parametrize("name", list(CONFIGURATIONS))
@pytest.mark.parametrize("margin", [0.0, 8.0])
def test_cropping_changes_no_value(ct_phantom, processed, name, margin):
    settings = from_dict(ProcessingSettings, {"crop": {"margin": margin}, **CONFIGURATIONS[name]})
    cropped, full = process(*ct_phantom, settings), processed[name]
    places = np.argwhere(full.morphological_mask.values)
    growth = np.ceil(margin / np.array(full.attrs["spacing"][::-1])).astype(int)
    first = np.maximum(places.min(axis=0) - growth, 0)
    last = np.minimum(places.max(axis=0) + growth, np.array(full.intensity.shape) - 1)
    part = full.isel({dim: slice(a, b + 1) for dim, a, b in zip("zyx", first, last, strict=True)})
    assert cropped.intensity.shape == part.intensity.shape
    for variable in ("intensity", "morphological_mask", "intensity_mask", "level"):
        np.testing.assert_array_equal(cropped[variable].values, part[variable].values)
    same = ("n_levels", "bin_width", "bin_minimum", "spacing", "direction", "discretisation")
    assert [cropped.attrs[key] for key in same] == [full.attrs[key] for key in same]
    step = np.array(full.attrs["spacing"]) * first[::-1]
    cosines = np.reshape(full.attrs["direction"], (3, 3))
    np.testing.assert_allclose(cropped.attrs["origin"], full.attrs["origin"] + cosines @ step, atol=1e-9)
