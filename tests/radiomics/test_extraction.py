"""`extract` on one region: what it says of itself, and what becomes of regions at the edge of the definitions."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from bayesrg import __version__, variables
from bayesrg.errors import GeometryError, RegionError, SettingsError
from bayesrg.radiomics import FAMILIES, FEATURES, Settings, extract
from bayesrg.radiomics.provenance import hash_image
from bayesrg.settings import from_dict, to_dict

from .conftest import make_image, make_lesion

GLCM = {name for name, feature in FEATURES.items() if feature.family == "glcm"}
CORRELATIONS = {name for name in GLCM if "glcm_correlation" in name or "information_correlation_1" in name}
KURTOSES = {"statistics_kurtosis", "histogram_kurtosis"}
GRADIENTS = {name for name in FEATURES if "gradient" in name}
ROBUST = {"statistics_robust_mean_absolute_deviation", "histogram_robust_mean_absolute_deviation"}


def region(*voxels, shape=(3, 4, 5)):
    """Return an image that is 0 but for the given {place: value}, and the mask of these places."""
    image, mask = np.zeros(shape), np.zeros(shape, dtype=np.uint8)
    for place, value in voxels:
        image[place], mask[place] = value, 1
    return make_image(image), make_image(mask)


EVERY_AGGREGATION = {
    family: {"aggregation": list(about.aggregations)}
    for family, about in FAMILIES.items()
    if len(about.aggregations) > 1
}

# Which features are NaN, and why.
NGTDM = {name for name, feature in FEATURES.items() if feature.family == "ngtdm"}
VOLUMES = {name for name in FEATURES if "volume_at_intensity" in name or "between_intensity" in name}
UNDEFINED = {
    "no axes": {"morphology_elongation", "morphology_flatness"},
    "in one plane": {"morphology_volume_density_approximate_enclosing_ellipsoid"},
    "on one line": {"morphology_area_density_approximate_enclosing_ellipsoid"},
    "all intensities of the region are equal": {"morphology_morans_i_index", "morphology_gearys_c_measure"},
    "intensities add up to zero": {"morphology_centre_of_mass_shift"},
    "variance is zero": KURTOSES,
    "mean intensity is zero": {"statistics_coefficient_of_variation"},
    "percentiles add up to zero": {"statistics_quartile_coefficient_of_dispersion"},
    "neither of the two voxels": ROBUST,
    "single bin": GRADIENTS,
    "single step": VOLUMES,
    "no two voxels": GLCM,
    "same grey level": CORRELATIONS,
    "no voxel of the region has a neighbour": NGTDM,
}
UNCHANGING = ("all intensities of the region are equal", "variance is zero", "single bin", "single step")
LONELY = ("no two voxels", "no voxel of the region has a neighbour")

# Every case of the table in bayesrg.radiomics.extraction that is not an error.
EDGES = {
    "one voxel": (
        region(((1, 1, 1), 7.0)),
        (*UNCHANGING, *LONELY, "no axes", "in one plane", "on one line"),
    ),
    "constant intensity": (
        region(((1, 1, 1), 7.0), ((1, 1, 2), 7.0), ((1, 2, 2), 7.0)),
        (*UNCHANGING, "same grey level", "in one plane"),
    ),
    "no neighbours": (region(((0, 0, 0), 1.0), ((0, 0, 2), 2.0), ((2, 3, 4), 4.0)), (*LONELY, "in one plane")),
    "two voxels": (
        region(((1, 1, 1), 1.0), ((1, 1, 2), 2.0)),
        ("neither of the two voxels", "in one plane", "on one line"),
    ),
    "three voxels": (
        region(((1, 1, 1), 1.0), ((1, 1, 2), 2.0), ((1, 1, 3), 4.0)),
        ("in one plane", "on one line"),
    ),
    "mean zero": (
        region(((1, 1, 1), -1.0), ((1, 1, 2), 0.0), ((1, 1, 3), 1.0)),
        (
            "mean intensity is zero",
            "percentiles add up to zero",
            "intensities add up to zero",
            "in one plane",
            "on one line",
        ),
    ),
    "four voxels in space": (
        region(((1, 1, 1), 1.0), ((1, 1, 2), 2.0), ((1, 2, 1), 4.0), ((2, 1, 1), 5.0)),
        (),
    ),
}


@pytest.mark.parametrize("edge", EDGES)
def test_what_is_undefined_is_nan_and_says_why(edge):
    (image, mask), why = EDGES[edge]
    described = extract(image, mask, from_dict(Settings, EVERY_AGGREGATION))
    expected = {name: reason for reason in why for name in UNDEFINED[reason]}
    nan = {str(name) for name in described.feature.values[np.isnan(described["value"].values)]}
    assert nan == set(expected)
    for name, reason in zip(described.feature.values, described.reason.values, strict=True):
        assert (expected[name] in reason) if name in nan else reason == ""


def test_ibsi_values_of_a_single_voxel():
    image, mask = region(((1, 1, 1), 7.0))
    value = extract(image, mask)["value"]
    for family in ("statistics", "histogram"):
        for name in ("variance", "skewness", "excess_kurtosis", "range", "coefficient_of_variation"):
            assert value.sel(feature=f"{family}_{name}") == 0
    assert value.sel(feature="statistics_mean") == 7
    assert value.sel(feature="histogram_mean") == 1


def test_ibsi_values_of_constant_intensity():
    (image, mask), _ = EDGES["constant intensity"]
    value = extract(image, mask)["value"]
    for aggregation in ("3d_merged", "3d_averaged"):
        assert value.sel(feature=f"glcm_joint_maximum_{aggregation}") == 1
        assert value.sel(feature=f"glcm_contrast_{aggregation}") == 0
        assert value.sel(feature=f"glcm_information_correlation_2_{aggregation}") == 0


def with_voxel(value):
    image, mask = region(((1, 1, 1), 1.0), ((1, 1, 2), 2.0))
    voxels = sitk.GetArrayFromImage(image)
    voxels[1, 1, 1] = value
    return make_image(voxels), mask


ERRORS = {
    "empty mask": ((*region(((0, 0, 0), 1.0))[:1], make_image(np.zeros((3, 4, 5), np.uint8))), {}, None, "empty"),
    "absent label": (region(((0, 0, 0), 1.0)), {}, 3, "Label 3 is not in the mask"),
    "several labels": (make_lesion(0), {}, None, "several labels: 1 .* 2 "),
    "NaN voxel": (with_voxel(np.nan), {}, None, "NaN or infinite"),
    "infinite voxel": (with_voxel(-np.inf), {}, None, "NaN or infinite"),
    "lost by re-segmentation": (
        region(((0, 0, 0), 1.0)),
        {"resegmentation": {"range": [2, 3]}},
        None,
        "leaves none of the region's 1 voxels",
    ),
    "lost by interpolation": (
        region(((1, 1, 1), 1.0)),
        {"interpolation": {"spacing": [3, 3, 3]}},
        None,
        "vanish on the interpolated grid",
    ),
    "overflowing intensity": (with_voxel(1e200), {}, None, "too large"),
}


@pytest.mark.parametrize("edge", ERRORS)
def test_regions_without_features_are_errors(edge):
    (image, mask), changes, label, message = ERRORS[edge]
    with pytest.raises(RegionError, match=message):
        extract(image, mask, from_dict(Settings, changes), label=label)


def test_nan_outside_the_region_is_ignored():
    image, mask = region(((1, 1, 1), 1.0), ((1, 1, 2), 2.0), ((1, 1, 3), 4.0))
    voxels = sitk.GetArrayFromImage(image)
    voxels[0] = np.nan
    without, whole = extract(make_image(voxels), mask)["value"], extract(image, mask)["value"]
    # The spheres of local intensity have fewer voxels where some are not finite.
    same = whole["family"] != "local_intensity"
    np.testing.assert_array_equal(without[same], whole[same])
    assert (without[~same] >= whole[~same]).all()


def test_too_many_grey_levels_are_refused_with_the_mend():
    image, mask = region(((1, 1, 1), 0.0), ((1, 1, 2), 1e6))
    narrow = from_dict(Settings, {"discretisation": {"method": "fixed_bin_size", "width": 0.01}})
    with pytest.raises(SettingsError, match="larger width"):
        extract(image, mask, narrow)


def test_files_and_images_give_the_same_values_and_hashes(lesions):
    image, mask = make_lesion(0)
    from_files = extract(lesions / "0.nii.gz", str(lesions / "0_mask.nrrd"), label=1)
    from_memory = extract(image, mask, label=1)
    assert from_files.drop_attrs().identical(from_memory.drop_attrs())
    assert from_files.attrs.pop("image") == str(lesions / "0.nii.gz")
    assert from_files.attrs.pop("mask") == str(lesions / "0_mask.nrrd")
    assert from_files.attrs == from_memory.attrs


def test_the_dataset_says_how_it_was_made():
    image, mask = make_lesion(1)
    settings = from_dict(Settings, {"interpolation": {"spacing": [2, 2, 2]}, "features": {"families": ["glcm"]}})
    made = extract(image, mask, settings, label=1)
    variables.validate(made, "value", "family", "ibsi_code", "unit", "aggregation")
    assert made.sizes == {"feature": 50}
    attributes = made.attrs
    assert attributes["bayesrg_version"] == __version__
    assert json.loads(attributes["settings"]) == to_dict(settings)
    assert attributes["settings_hash"] == settings.content_hash
    assert attributes["image_hash"] == hash_image(image)
    assert attributes["spacing"] == (2.0, 2.0, 2.0)
    assert attributes["label"] == 1
    assert attributes["n_levels"] == 32
    assert 0 < attributes["n_voxels"] <= attributes["n_voxels_morphological"]


def test_each_label_is_a_region_of_its_own():
    image, mask = make_lesion(2)
    one, two = extract(image, mask, label=1), extract(image, mask, label=2)
    assert one.attrs["n_voxels"] == np.sum(sitk.GetArrayViewFromImage(mask) == 1)
    assert two.attrs["n_voxels"] == np.sum(sitk.GetArrayViewFromImage(mask) == 2)
    assert one.attrs["image_hash"] == two.attrs["image_hash"]
    assert one.attrs["mask_hash"] != two.attrs["mask_hash"]


def test_a_single_offset_is_a_setting():
    image, mask = make_lesion(3)
    settings = from_dict(Settings, {"glcm": {"offsets": [[1, 0, -2]]}, "features": {"families": ["glcm"]}})
    value = extract(image, mask, settings, label=1)["value"]
    np.testing.assert_array_equal(value[:25], value[25:])


def test_another_grid_is_refused_with_both_files_named_and_mended_when_asked(tmp_path):
    image, mask = make_lesion(0)
    mask = sitk.GetImageFromArray(sitk.GetArrayViewFromImage(mask))
    mask.SetOrigin((0.5, 0.0, 0.0))
    sitk.WriteImage(image, tmp_path / "image.nrrd")
    sitk.WriteImage(mask, tmp_path / "mask.nrrd")
    with pytest.raises(GeometryError, match=r"(?s)image\.nrrd: .*mask\.nrrd: .*resample_mask=True"):
        extract(tmp_path / "image.nrrd", tmp_path / "mask.nrrd", label=1)
    moved = extract(tmp_path / "image.nrrd", tmp_path / "mask.nrrd", label=1, resample_mask=True)
    assert moved.attrs["n_voxels"] > 0


@pytest.mark.parametrize(
    "change",
    [
        lambda image: make_image(sitk.GetArrayFromImage(image) + 1),
        lambda image: make_image(sitk.GetArrayFromImage(image), spacing=(1.0, 1.0, 1.1)),
        lambda image: make_image(sitk.GetArrayFromImage(image), origin=(0.0, 1.0, 0.0)),
        lambda image: make_image(sitk.GetArrayFromImage(image).astype(np.float64)),
        lambda image: make_image(sitk.GetArrayFromImage(image).reshape(6, 24, 12)),
    ],
    ids=["voxels", "spacing", "origin", "type", "size"],
)
def test_the_hash_sees_voxels_and_geometry(change):
    image, _ = make_lesion(0)
    assert hash_image(change(image)) != hash_image(image)


def test_the_hash_does_not_see_the_file_format(tmp_path):
    image, _ = make_lesion(0)
    for name in ("a.nii.gz", "a.nrrd", "a.mha"):
        sitk.WriteImage(image, tmp_path / name)
        assert hash_image(sitk.ReadImage(tmp_path / name)) == hash_image(image)


@pytest.mark.parametrize("name", [feature.name for feature in Settings().wanted["morphology"]])
def test_a_feature_alone_is_what_it_is_among_all(name):
    image, mask = make_lesion(4)
    alone = extract(image, mask, from_dict(Settings, {"features": {"names": [name]}}), label=1)["value"]
    assert alone.sizes == {"feature": 1}
    assert alone.item() == extract(image, mask, label=1)["value"].sel(feature=name)
