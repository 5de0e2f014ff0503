"""What all families without directions share: IBSI's digital phantom, symmetries, and how slices become one value."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.radiomics.ibsi import digital_phantom

from .conftest import assert_same, describe_region, regions

# IBSI's consensus on the digital phantom: 3D, 2.5D, 2D.
PHANTOM = {
    "glszm": {
        "small_zone_emphasis": (0.255, 0.368, 0.363),
        "large_zone_emphasis": (550, 34.2, 43.9),
        "low_grey_level_zone_emphasis": (0.253, 0.368, 0.371),
        "high_grey_level_zone_emphasis": (15.6, 16.2, 16.4),
        "small_zone_low_grey_level_emphasis": (0.0256, 0.0295, 0.0259),
        "small_zone_high_grey_level_emphasis": (2.76, 9.87, 10.3),
        "large_zone_low_grey_level_emphasis": (503, 30.6, 40.4),
        "large_zone_high_grey_level_emphasis": (1490, 107, 113),
        "grey_level_non_uniformity": (1.4, 5.44, 1.41),
        "normalised_grey_level_non_uniformity": (0.28, 0.302, 0.323),
        "zone_size_non_uniformity": (1, 3.44, 1.49),
        "normalised_zone_size_non_uniformity": (0.2, 0.191, 0.333),
        "zone_percentage": (0.0676, 0.243, 0.24),
        "grey_level_variance": (2.64, 3.92, 3.97),
        "zone_size_variance": (331, 17.3, 21),
        "zone_size_entropy": (2.32, 3.08, 1.93),
    },
    "gldzm": {
        "small_distance_emphasis": (1, 0.917, 0.946),
        "large_distance_emphasis": (1, 1.33, 1.21),
        "low_grey_level_zone_emphasis": (0.253, 0.368, 0.371),
        "high_grey_level_zone_emphasis": (15.6, 16.2, 16.4),
        "small_distance_low_grey_level_emphasis": (0.253, 0.362, 0.367),
        "small_distance_high_grey_level_emphasis": (15.6, 14.3, 15.2),
        "large_distance_low_grey_level_emphasis": (0.253, 0.391, 0.386),
        "large_distance_high_grey_level_emphasis": (15.6, 23.7, 21.3),
        "grey_level_non_uniformity": (1.4, 5.44, 1.41),
        "normalised_grey_level_non_uniformity": (0.28, 0.302, 0.323),
        "zone_distance_non_uniformity": (5, 14.4, 3.79),
        "normalised_zone_distance_non_uniformity": (1, 0.802, 0.898),
        "zone_percentage": (0.0676, 0.243, 0.24),
        "grey_level_variance": (2.64, 3.92, 3.97),
        "zone_distance_variance": (0, 0.0988, 0.051),
        "zone_distance_entropy": (1.92, 2, 1.73),
    },
    "ngtdm": {
        "coarseness": (0.0296, 0.0285, 0.121),
        "contrast": (0.584, 0.601, 0.925),
        "busyness": (6.54, 6.8, 2.99),
        "complexity": (13.5, 14.1, 10.4),
        "strength": (0.763, 0.741, 2.88),
    },
    "ngldm": {
        "low_dependence_emphasis": (0.045, 0.159, 0.158),
        "high_dependence_emphasis": (109, 18.8, 19.2),
        "low_grey_level_count_emphasis": (0.693, 0.693, 0.702),
        "high_grey_level_count_emphasis": (7.66, 7.66, 7.49),
        "low_dependence_low_grey_level_emphasis": (0.00963, 0.0477, 0.0473),
        "low_dependence_high_grey_level_emphasis": (0.736, 3.07, 3.06),
        "high_dependence_low_grey_level_emphasis": (102, 17.2, 17.6),
        "high_dependence_high_grey_level_emphasis": (235, 50.8, 49.5),
        "grey_level_non_uniformity": (37.9, 37.9, 10.2),
        "normalised_grey_level_non_uniformity": (0.512, 0.512, 0.562),
        "dependence_count_non_uniformity": (4.86, 12.4, 3.96),
        "normalised_dependence_count_non_uniformity": (0.0657, 0.167, 0.212),
        "dependence_count_percentage": (1, 1, 1),
        "grey_level_variance": (3.05, 3.05, 2.7),
        "dependence_count_variance": (22.1, 3.27, 2.73),
        "dependence_count_entropy": (4.4, 3.36, 2.71),
        "dependence_count_energy": (0.0533, 0.122, 0.17),
    },
}
each_family = pytest.mark.parametrize("family", PHANTOM)


@each_family
def test_the_digital_phantom_has_the_consensus_values(family):
    image, mask = (sitk.GetArrayFromImage(volume).astype(np.int32) for volume in digital_phantom())
    found = describe_region(family, image * mask)
    for name, values in PHANTOM[family].items():
        for aggregation, value in zip(("3d", "2p5d", "2d"), values, strict=True):
            assert float(f"{found[aggregation][name]:.3g}") == value, (name, aggregation)
    assert all(set(PHANTOM[family]) == set(found[aggregation]) for aggregation in found)


@each_family
@given(regions, st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_three_dimensions_do_not_see_quarter_turns_and_reflections(family, levels, order, mirrored):
    turned = levels.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)]
    found, expected = (describe_region(family, array)["3d"] for array in (turned, levels))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@each_family
@given(regions, st.permutations([1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_slices_do_not_see_quarter_turns_and_reflections_within(family, levels, order, mirrored):
    turned = levels.transpose([0, *order])[tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)]
    assert_same(describe_region(family, turned), describe_region(family, levels))


@each_family
@given(regions, st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_features_do_not_see_where_the_region_lies(family, levels, room):
    moved = np.pad(levels, np.reshape(room, (3, 2)))
    assert_same(describe_region(family, moved), describe_region(family, levels))


@each_family
@given(regions)
def test_by_slice_is_the_mean_of_the_slices_alone(family, levels):
    alone = [describe_region(family, one[None])["2p5d"] for one in levels if one.any()]
    for name, value in describe_region(family, levels)["2d"].items():
        defined = [found[name] for found in alone if not np.isnan(found[name])]
        expected = np.mean(defined) if defined else np.nan
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), name


# In 3D every voxel of a slice lies at the border, which distance zones see.
@pytest.mark.parametrize("family", [family for family in PHANTOM if family != "gldzm"])
@given(regions)
def test_one_slice_has_the_same_features_in_three_dimensions_and_two(family, levels):
    found = describe_region(family, levels[:1] + 1)
    assert found["2p5d"] == pytest.approx(found["3d"], rel=1e-12, nan_ok=True)
    assert found["2d"] == pytest.approx(found["3d"], rel=1e-12, nan_ok=True)
