"""Local intensity against a direct sum over every sphere, at the image's edge too, and what is refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesrg.errors import SettingsError
from bayesrg.radiomics import Settings
from bayesrg.radiomics.families.local_intensity import RADIUS, average_spheres, describe, measure_sphere
from bayesrg.radiomics.region import Region
from bayesrg.settings import from_dict

spacings = st.tuples(*[st.sampled_from([0.9, 1.7, 2.0, 3.1, 5.0, 6.3, 20.0])] * 3)


def make_region(seed, shape, spacing, share=0.3):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < share
    mask.reshape(-1)[rng.integers(mask.size)] = True
    return Region(rng.normal(100, 30, shape), mask, mask, None, spacing)


def average_plainly(region):
    """Mean over all voxels of the array within 6.2 mm, voxel by voxel; NaN and infinity left out."""
    centres = np.stack(np.indices(region.intensity.shape), axis=-1) * region.spacing
    known = np.isfinite(region.intensity)
    return [
        region.intensity[known & (np.sum((centres - centre) ** 2, axis=-1) <= RADIUS**2)].mean()
        for centre in centres[region.intensity_mask]
    ]


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.tuples(*[st.integers(1, 9)] * 3), spacings)
def test_means_equal_the_direct_sums(seed, shape, spacing):
    region = make_region(seed, shape, spacing)
    np.testing.assert_allclose(average_spheres(region), average_plainly(region), rtol=1e-13)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 0.977, 0.977), (0.7, 2.5, 1.3)])
def test_means_equal_the_direct_sums_in_a_large_image(spacing):
    region = make_region(1, (24, 26, 28), spacing, share=0.02)
    np.testing.assert_allclose(average_spheres(region), average_plainly(region), rtol=1e-13)


def test_the_sphere_is_the_one_of_a_cubic_centimetre():
    heights = measure_sphere((1.0, 1.0, 1.0))
    reach = range(-6, 7)
    offsets = [offset for offset in itertools.product(reach, reach, reach) if np.square(offset).sum() <= RADIUS**2]
    assert 4 / 3 * np.pi * RADIUS**3 == pytest.approx(1000)
    assert sum(abs(y) < 7 and abs(x) < 7 and abs(z) <= heights[abs(y), abs(x)] for z, y, x in offsets) == len(offsets)
    assert heights[0, 0] == 6
    np.testing.assert_array_equal(measure_sphere((7.0, 7.0, 7.0)), [[0]])


def test_of_several_brightest_voxels_the_one_with_the_highest_mean_counts():
    image = np.zeros((1, 1, 60))
    image[0, 0, [10, 40]] = 9.0
    image[0, 0, 41] = 8.0
    image[0, 0, 24:28] = 7.0
    mask = image > 8
    region = Region(image, mask, mask, None, (8.0, 8.0, 2.0))
    assert describe(region, Settings())[""] == {"local_peak": 17 / 7, "global_peak": 17 / 7}
    # The highest mean of all is not around a brightest voxel once the region holds the plateau.
    wider = Region(image, mask, mask | (image == 7), None, (8.0, 8.0, 2.0))
    assert describe(wider, Settings())[""] == {"local_peak": 17 / 7, "global_peak": 4.0}


def test_voxels_outside_the_region_count_and_those_beyond_the_image_do_not():
    image = np.arange(1.0, 9.0).reshape(2, 2, 2)
    mask = np.zeros(image.shape, dtype=bool)
    mask[1, 1, 1] = True
    region = Region(image, mask, mask, None, (1.0, 1.0, 1.0))
    assert describe(region, Settings())[""] == {"local_peak": 4.5, "global_peak": 4.5}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_outside_the_region_is_left_out_of_the_mean(value):
    region = make_region(3, (6, 7, 8), (2.0, 2.0, 2.0))
    image = region.intensity.copy()
    image[tuple(np.argwhere(~region.intensity_mask)[::5].T)] = value
    broken = Region(image, region.intensity_mask, region.intensity_mask, None, region.spacing)
    np.testing.assert_allclose(average_spheres(broken), average_plainly(broken), rtol=1e-13)


def test_a_huge_intensity_beyond_the_sphere_changes_no_bit():
    region = make_region(4, (5, 5, 40), (2.0, 2.0, 2.0))
    mask = region.intensity_mask.copy()
    mask[:, :, 20:] = False
    image = region.intensity.copy()
    image[:, :, 30:] = 1e30
    before = average_spheres(Region(region.intensity, mask, mask, None, region.spacing))
    np.testing.assert_array_equal(average_spheres(Region(image, mask, mask, None, region.spacing)), before)


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_quarter_turns_and_reflections_change_nothing(order):
    region = make_region(5, (6, 9, 7), (1.5, 2.5, 3.5))
    turned = Region(
        region.intensity.transpose(order)[::-1],
        *[region.intensity_mask.transpose(order)[::-1]] * 2,
        None,
        tuple(region.spacing[axis] for axis in order),
    )
    expected = describe(region, Settings())[""]
    assert describe(turned, Settings())[""] == pytest.approx(expected, rel=1e-13)


def test_a_margin_narrower_than_the_sphere_is_refused_with_the_mend():
    region = make_region(6, (3, 3, 3), (3.0, 1.0, 1.0))
    narrow = from_dict(Settings, {"crop": {"margin": 2, "unit": "voxel"}})
    with pytest.raises(SettingsError, match=r"margin = 2 voxel .* along y, .*reaches 6; set it to 6.2 mm"):
        describe(region, narrow)
    with pytest.raises(SettingsError, match=r"margin = 5 mm leaves 1\.67 voxels"):
        describe(region, from_dict(Settings, {"crop": {"margin": 5}}))
    whole = from_dict(Settings, {"crop": {"margin": 0, "extent": "image"}})
    assert describe(region, whole) == describe(region, Settings())
