"""Morphology of regions whose measures are known, against a plain reference, and at the edges of the definitions."""

import csv
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import ConvexHull

from bayesrg import datasets
from bayesrg.radiomics import Settings, extract
from bayesrg.radiomics.families.morphology import Morphology, describe, measure_morphology
from bayesrg.radiomics.features import FEATURES
from bayesrg.radiomics.region import Region
from bayesrg.settings import from_dict

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)).filter(np.any)
spacings = st.tuples(*[st.sampled_from([0.5, 1.0, 2.0, 3.3])] * 3)
INTENSITY_ONLY = ("centre_of_mass_shift", "integrated_intensity", "morans_i_index", "gearys_c_measure")


def measure(mask, intensity=None, spacing=(1.0, 1.0, 1.0), intensity_mask=None):
    mask = np.asarray(mask, dtype=bool)
    if intensity is None:
        intensity = 1.0 + np.arange(mask.size, dtype=float).reshape(mask.shape)
    return measure_morphology(intensity, mask, mask if intensity_mask is None else intensity_mask, spacing)


def noise_like(mask, seed):
    return np.random.default_rng(seed).gamma(2.0, 10.0, mask.shape)


@given(masks, spacings, st.integers(0, 9))
def test_what_depends_on_voxels_equals_the_plain_formulas(mask, spacing, seed):
    intensity = noise_like(mask, seed)
    found = measure(mask, intensity, spacing)
    positions = np.argwhere(mask) * np.array(spacing)
    assert found.volume_voxel_counting == pytest.approx(len(positions) * np.prod(spacing))
    weighted = intensity[mask] @ positions / intensity[mask].sum()
    assert found.centre_of_mass_shift == pytest.approx(np.linalg.norm(weighted - positions.mean(axis=0)), abs=1e-9)
    assert found.integrated_intensity == pytest.approx(found.volume_mesh * intensity[mask].mean())
    if len(positions) > 1:
        eigenvalues = np.maximum(np.linalg.eigvalsh(np.cov(positions, rowvar=False)), 0)
        axes = [found.least_axis_length, found.minor_axis_length, found.major_axis_length]
        np.testing.assert_allclose(axes, 4 * np.sqrt(eigenvalues), atol=1e-5)
        assert found.elongation == pytest.approx(axes[1] / axes[2])
        assert found.flatness == pytest.approx(axes[0] / axes[2])


@given(masks, spacings)
def test_ratios_are_those_of_area_and_volume(mask, spacing):
    found = measure(mask, spacing=spacing)
    area, volume = found.surface_area_mesh, found.volume_mesh
    assert found.surface_to_volume_ratio == pytest.approx(area / volume)
    assert found.compactness_2 == pytest.approx(36 * np.pi * volume**2 / area**3)
    assert found.compactness_1 == pytest.approx(np.sqrt(found.compactness_2) / (6 * np.pi))
    assert found.sphericity == pytest.approx(np.cbrt(found.compactness_2))
    assert found.spherical_disproportion == pytest.approx(1 / found.sphericity)
    assert found.asphericity == pytest.approx(found.spherical_disproportion - 1)


@given(masks, spacings)
def test_enclosing_solids_are_as_large_as_they_must_be(mask, spacing):
    found = measure(mask, spacing=spacing)
    box = np.ptp(np.argwhere(mask), axis=0) * spacing + np.array(spacing)
    hull = ConvexHull(
        np.concatenate(
            [np.argwhere(mask) * spacing + sign * np.diag(spacing)[k] / 2 for sign in (-1, 1) for k in range(3)]
        )
    )
    assert found.volume_density_axis_aligned_bounding_box == pytest.approx(found.volume_mesh / np.prod(box))
    area = 2 * (box[0] * box[1] + box[1] * box[2] + box[2] * box[0])
    assert found.area_density_axis_aligned_bounding_box == pytest.approx(found.surface_area_mesh / area)
    assert found.volume_density_convex_hull == pytest.approx(found.volume_mesh / hull.volume)
    assert found.area_density_convex_hull == pytest.approx(found.surface_area_mesh / hull.area)
    assert found.volume_density_convex_hull <= 1 + 1e-9
    assert found.volume_density_oriented_minimum_bounding_box <= found.volume_density_convex_hull + 1e-9
    assert found.volume_density_minimum_volume_enclosing_ellipsoid <= found.volume_density_convex_hull + 1e-9
    assert found.maximum_3d_diameter <= np.linalg.norm(box) + 1e-9


def test_an_ellipsoid_has_its_axes_and_densities_near_one():
    spacing = 1.0, 0.8, 0.5
    semi_axes = np.array([24.0, 16.0, 10.0])
    place = (np.indices((55, 65, 75)).T - [27, 32, 37]).T * np.reshape(spacing, (3, 1, 1, 1))
    found = measure(np.sum((place / np.reshape(semi_axes, (3, 1, 1, 1))) ** 2, axis=0) <= 1, spacing=spacing)
    # A full ellipsoid of semi-axis a has variance a^2 / 5, and 4 sqrt(a^2 / 5) is 0.894 times its axis.
    axes = [found.major_axis_length, found.minor_axis_length, found.least_axis_length]
    np.testing.assert_allclose(axes, 4 * semi_axes / np.sqrt(5), rtol=5e-3)
    assert found.volume_mesh == pytest.approx(4 / 3 * np.pi * semi_axes.prod(), rel=5e-3)
    assert found.volume_density_minimum_volume_enclosing_ellipsoid == pytest.approx(1, abs=0.08)
    assert found.volume_density_approximate_enclosing_ellipsoid == pytest.approx((np.sqrt(5) / 2) ** 3, rel=5e-3)
    assert found.volume_density_convex_hull == pytest.approx(1, abs=0.05)
    assert found.volume_density_axis_aligned_bounding_box == pytest.approx(np.pi / 6, rel=0.1)
    assert found.maximum_3d_diameter == pytest.approx(2 * semi_axes[0], abs=1)


def test_one_voxel():
    found = measure(np.ones((1, 1, 1)), spacing=(2.0, 3.0, 4.0))
    assert found.volume_voxel_counting == 24
    assert found.volume_mesh == pytest.approx(4)
    assert found.maximum_3d_diameter == pytest.approx(4)
    assert found.centre_of_mass_shift == 0
    assert (found.major_axis_length, found.minor_axis_length, found.least_axis_length) == (0, 0, 0)
    undefined = {name for name, value in found._asdict().items() if np.isnan(value)}
    assert undefined == {
        "elongation",
        "flatness",
        "volume_density_approximate_enclosing_ellipsoid",
        "area_density_approximate_enclosing_ellipsoid",
        "morans_i_index",
        "gearys_c_measure",
    }
    assert all(FEATURES[f"morphology_{name}"].undefined for name in undefined)


def test_a_slice_has_no_volume_between_its_voxels_and_a_row_no_area():
    plane, row = measure(np.ones((1, 4, 6))), measure(np.ones((1, 1, 6)))
    assert plane.least_axis_length == plane.flatness == 0
    assert np.isnan(plane.volume_density_approximate_enclosing_ellipsoid)
    assert plane.area_density_approximate_enclosing_ellipsoid > 0
    assert row.elongation == 0
    assert np.isnan(row.area_density_approximate_enclosing_ellipsoid)
    assert row.major_axis_length == pytest.approx(4 * np.sqrt(3.5))


def test_an_oblique_plane_is_flat_too():
    oblique = np.indices((7, 7, 7)).sum(axis=0) == 9
    found = measure(oblique)
    assert found.flatness == 0
    assert np.isnan(found.volume_density_approximate_enclosing_ellipsoid)


def test_intensities_that_add_up_to_zero_have_no_centre():
    found = measure(np.ones((1, 1, 2)), np.array([[[-1.0, 1.0]]]))
    assert np.isnan(found.centre_of_mass_shift)
    assert found.integrated_intensity == 0


def test_shape_is_of_the_morphological_mask_and_intensity_of_the_other():
    rng = np.random.default_rng(3)
    mask = np.sum((np.indices((9, 9, 9)) - 4) ** 2, axis=0) <= 14
    intensity = rng.normal(50, 10, mask.shape)
    fewer = mask & (intensity > 45)
    intensity[~fewer] = np.nan
    found, whole, inner = measure(mask, intensity, intensity_mask=fewer), measure(mask), measure(fewer, intensity)
    for name, value in found._asdict().items():
        if name not in INTENSITY_ONLY:
            assert value == getattr(whole, name), name
    assert found.morans_i_index == inner.morans_i_index
    assert found.gearys_c_measure == inner.gearys_c_measure
    assert found.integrated_intensity == pytest.approx(found.volume_mesh * intensity[fewer].mean())
    centres = np.argwhere(mask).mean(axis=0), intensity[fewer] @ np.argwhere(fewer) / intensity[fewer].sum()
    assert found.centre_of_mass_shift == pytest.approx(np.linalg.norm(np.subtract(*centres)))


@given(masks, spacings, st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_turning_and_mirroring_change_nothing(mask, spacing, order, mirrored):
    intensity = noise_like(mask, 4)
    flip = tuple(slice(None, None, -1 if mirror else 1) for mirror in mirrored)
    turned = measure(mask.transpose(order)[flip], intensity.transpose(order)[flip], [spacing[axis] for axis in order])
    # The smallest ellipsoid is found to a relative 2e-4; of two boxes of one volume either may be found.
    expected = measure(mask, intensity, spacing)._asdict()
    for name, value in turned._asdict().items():
        tolerance = 5e-2 if name == "area_density_minimum_volume_enclosing_ellipsoid" else 5e-4
        if name != "area_density_oriented_minimum_bounding_box":
            assert value == pytest.approx(expected[name], rel=tolerance, abs=1e-9, nan_ok=True), name


@given(masks, st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_room_around_the_region_changes_nothing(mask, room):
    intensity, pad = noise_like(mask, 5), np.reshape(room, (3, 2))
    before, after = measure(mask, intensity), measure(np.pad(mask, pad), np.pad(intensity, pad))
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)


@given(masks)
def test_a_larger_grid_scales_lengths_areas_and_volumes(mask):
    intensity = noise_like(mask, 6)
    before, after = measure(mask, intensity)._asdict(), measure(mask, intensity, (2.0, 2.0, 2.0))._asdict()
    powers = {"mm": 2, "mm^2": 4, "mm^3": 8, "mm^-1": 1 / 2, "intensity mm^3": 8, "": 1}
    for name, value in after.items():
        factor = powers[FEATURES[f"morphology_{name}"].unit]
        assert value == pytest.approx(factor * before[name], rel=1e-6, abs=1e-9, nan_ok=True), name


def test_the_table_names_every_feature_in_order_and_says_why_values_are_missing():
    rows = [feature for feature in FEATURES.values() if feature.family == "morphology"]
    assert [row.name for row in rows] == [f"morphology_{name}" for name in Morphology._fields]
    region = Region(np.ones((2, 2, 2)), *[np.ones((2, 2, 2), bool)] * 2, None, (1.0, 1.0, 1.0))
    described = describe(region, Settings())
    assert list(described) == [""]
    assert list(described[""]) == list(Morphology._fields)


def process_settings(configuration):
    resampled = {"interpolation": {"spacing": [2, 2, 2]}, "rounding": {"intensity": True}}
    return {
        "digital_phantom": {},
        "ct_phantom_A": {"resegmentation": {"range": [-500, 400]}},
        "ct_phantom_B": {
            **resampled,
            "interpolation": {"spacing": [2, 2, "keep"]},
            "resegmentation": {"range": [-500, 400]},
        },
        "ct_phantom_C": {**resampled, "resegmentation": {"range": [-1000, 400]}},
        "ct_phantom_D": {**resampled, "resegmentation": {"outlier_sigma": 3}},
        "ct_phantom_E": {
            **resampled,
            "interpolation": {"spacing": [2, 2, 2], "image": "cubic_bspline"},
            "resegmentation": {"range": [-1000, 400], "outlier_sigma": 3},
        },
    }[configuration] | {"discretisation": {"method": "none"}, "features": {"families": ["morphology"]}}


@pytest.mark.data
@pytest.mark.parametrize("configuration", ["digital_phantom", *[f"ct_phantom_{letter}" for letter in "ABCDE"]])
def test_every_consensus_value_is_met(configuration):
    table = datasets.ibsi_reference_values()
    rows = table[(table.configuration == configuration) & table.tag.str.startswith("morph_")]
    phantom = "ibsi1_digital_phantom" if configuration == "digital_phantom" else "ibsi1_ct_phantom"
    image, mask = (datasets.path(f"ibsi1/{phantom}/{name}.nii.gz") for name in ("image", "mask"))
    value = extract(image, mask, from_dict(Settings, process_settings(configuration)))["value"]
    foreign = resources.files("bayesrg.radiomics").joinpath("mirp.tsv").read_text(encoding="utf-8").splitlines()
    names = {row["theirs"]: row["ours"] for row in csv.DictReader(foreign, delimiter="\t")}
    missed = []
    for row in rows.itertuples():
        found = float(f"{value.sel(feature=names[row.tag]).item():.3g}")
        if abs(found - row.value) > row.tolerance + 1e-9 * max(1.0, abs(row.value)):
            missed.append((row.tag, found, row.value, row.tolerance))
    assert missed == []
    assert len(rows) == 25
