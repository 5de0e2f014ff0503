"""What must not change a feature, and what must change it in a known way: on random small regions, for all families."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesrg.radiomics import FEATURES, Settings, extract
from bayesrg.settings import from_dict

from .conftest import make_image

BINS = from_dict(Settings, {"intensity_volume_histogram": {"method": "fixed_bin_number", "number": 20}})
SPACING = (1.0, 1.5, 2.5)  # x, y, z
# Sums in another order, and for morphology other mesh cells: rounding only.
CLOSE = {"rel": 1e-7, "abs": 1e-9}


@st.composite
def regions(draw):
    """Intensities (whole numbers) and a mask with at least four voxels, dims [z, y, x]."""
    shape = draw(hnp.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=5))
    intensity = draw(hnp.arrays(np.int64, shape, elements=st.integers(-20, 20)))
    mask = draw(hnp.arrays(np.bool_, shape).filter(lambda found: found.sum() >= 4))
    return intensity.astype(float), mask


def measure(intensity, mask, *, spacing=SPACING, chosen=BINS):
    image, region = make_image(intensity, spacing=spacing), make_image(mask.astype(np.uint8), spacing=spacing)
    described = extract(image, region, chosen)
    return dict(zip(described.feature.values.tolist(), described["value"].values.tolist(), strict=True))


def assert_same(found, expected, names=None):
    for name in names or expected:
        # The smallest ellipsoid is found to 2 parts in 100,000 of its volume; near it the area changes much faster.
        close = {"rel": 1e-3} if "minimum_volume_enclosing_ellipsoid" in name else CLOSE
        assert found[name] == pytest.approx(expected[name], nan_ok=True, **close), name


@settings(max_examples=25, deadline=None)
@given(regions(), st.tuples(*[st.integers(0, 4)] * 3))
def test_a_translation_changes_nothing(region, shift):
    # Local intensity sees the voxels around the region, so both images are as large as each other, and 0 elsewhere.
    moved = []
    for corner in ((4, 4, 4), tuple(4 + step for step in shift)):
        intensity, mask = np.zeros((20, 20, 20)), np.zeros((20, 20, 20), bool)
        place = tuple(slice(start, start + extent) for start, extent in zip(corner, region[0].shape, strict=True))
        intensity[place], mask[place] = region
        moved.append(measure(np.pad(intensity, 8), np.pad(mask, 8)))
    assert_same(moved[1], moved[0])


@settings(max_examples=25, deadline=None)
@given(regions(), st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))
def test_turning_or_mirroring_image_and_spacing_changes_nothing_in_3d(region, axes, mirrored):
    expected = measure(*region)
    flipped = [axis for axis in range(3) if mirrored[axis]]
    turned = [np.flip(array.transpose(axes), flipped) for array in region]
    zyx = SPACING[::-1]
    spacing = tuple(zyx[axis] for axis in axes)[::-1]
    assert_same(measure(*turned, spacing=spacing), expected)


# With a fixed number of bins only these see where the zero of intensity lies.
SHIFTED = {
    "statistics_mean", "statistics_median", "statistics_minimum", "statistics_maximum", "statistics_percentile_10",
    "statistics_percentile_90", "local_intensity_local_peak", "local_intensity_global_peak",
}  # fmt: skip
NOT_INVARIANT = {
    "statistics_energy", "statistics_root_mean_square", "statistics_coefficient_of_variation",
    "statistics_quartile_coefficient_of_dispersion", "morphology_integrated_intensity",
    "morphology_centre_of_mass_shift",
}  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(regions(), st.integers(-512, 512))
def test_a_shift_of_the_intensities_moves_locations_and_nothing_else(region, shift):
    intensity, mask = region
    before, after = measure(intensity, mask), measure(intensity + shift, mask)
    assert_same(after, {name: before[name] + shift for name in SHIFTED})
    assert_same(after, before, set(before) - SHIFTED - NOT_INVARIANT)


@settings(max_examples=25, deadline=None)
@given(regions(), st.sampled_from([0.25, 0.5, 2.0, 8.0, 1024.0]))
def test_a_scaling_of_the_intensities_scales_each_feature_as_its_unit_says(region, scale):
    intensity, mask = region
    before, after = measure(intensity, mask), measure(intensity * scale, mask)
    powers = {"intensity": 1, "intensity^2": 2, "intensity mm^3": 1}
    # With a fixed number of bins, intensities of the volume histogram are bins.
    in_bins = {name for name in before if FEATURES[name].family == "intensity_volume_histogram"}
    scaled = {
        name: value * scale ** (0 if name in in_bins else powers.get(FEATURES[name].unit, 0))
        for name, value in before.items()
    }
    assert_same(after, scaled)


@settings(max_examples=25, deadline=None)
@given(regions(), st.randoms(use_true_random=False))
def test_permuting_the_voxels_changes_no_feature_of_the_distribution(region, random):
    intensity, mask = region
    before = measure(intensity, mask)
    values = intensity[mask].tolist()
    random.shuffle(values)
    shuffled = intensity.copy()
    shuffled[mask] = values
    families = {"statistics", "histogram", "intensity_volume_histogram"}
    assert_same(measure(shuffled, mask), before, {name for name in before if FEATURES[name].family in families})
