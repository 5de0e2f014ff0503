"""Distance zones against a flood fill and erosions, IBSI's digital phantom, invariances, edges of the definition."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from bayesrg.radiomics import Settings
from bayesrg.radiomics.families import gldzm
from bayesrg.radiomics.ibsi import digital_phantom
from bayesrg.radiomics.kernels.counts import describe_counts
from bayesrg.radiomics.region import Region
from bayesrg.settings import from_dict

regions = hnp.arrays(np.int32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.integers(0, 4)).filter(
    np.any
)


def region_of(levels, mask=None):
    levels = np.asarray(levels, dtype=np.int32)
    inside = levels > 0 if mask is None else mask
    return Region(levels.astype(float), inside, levels > 0, levels, (1.0, 1.0, 1.0))


def features_of(levels, mask=None, **options):
    chosen = from_dict(Settings, {"gldzm": {"aggregation": ["3d", "2p5d", "2d"], **options}})
    return gldzm.describe(region_of(levels, mask), chosen)


def assert_same(found, expected):
    for aggregation in ("3d", "2p5d", "2d"):
        for name in gldzm.NAMES:
            near = pytest.approx(expected[aggregation][name], rel=1e-9, abs=1e-9, nan_ok=True)
            assert found[aggregation][name] == near, (aggregation, name)


def flood(levels, in_slice):
    """Zones straight from the definition: a list of (level, voxels) by filling from every voxel not yet reached."""
    left, zones = set(map(tuple, np.argwhere(levels > 0))), []
    steps = [step for step in itertools.product((-1, 0, 1), repeat=3) if not in_slice or step[0] == 0]
    while left:
        start = left.pop()
        zone, edge = [start], [start]
        while edge:
            place = edge.pop()
            for step in steps:
                other = tuple(np.add(place, step))
                if other in left and levels[other] == levels[place]:
                    left.remove(other)
                    zone.append(other)
                    edge.append(other)
        zones.append((levels[start], zone))
    return zones


def erode(mask, in_slice):
    """Distances by IBSI's recipe: 1, and 1 more for each erosion that a voxel survives."""
    structure = ndimage.generate_binary_structure(3, 1)
    if in_slice:
        structure[[0, 2]] = False
    distances, left = np.zeros(mask.shape, int), mask
    while left.any():
        distances += left
        left = ndimage.binary_erosion(left, structure)
    return distances


def plainly(levels, mask=None):
    """The features of the zones as they are listed, each zone an entry of its own."""
    found = {}
    for aggregation in ("3d", "2p5d"):
        distances = erode(levels > 0 if mask is None else mask, aggregation == "2p5d")
        zones = flood(levels, aggregation == "2p5d")
        level, voxels = zip(*zones, strict=True)
        second = [min(distances[place] for place in zone) for zone in voxels]
        counted = describe_counts(level, second, np.ones(len(zones)), np.count_nonzero(levels))
        found[aggregation] = dict(zip(gldzm.NAMES, counted, strict=False))
    slices = (
        [
            plainly(levels[z : z + 1], None if mask is None else mask[z : z + 1])["2p5d"]
            for z in range(len(levels))
            if levels[z].any()
        ]
        if len(levels) > 1
        else []
    )
    found["2d"] = {name: np.mean([one[name] for one in slices]) for name in gldzm.NAMES} if slices else found["2p5d"]
    return found


@given(regions)
def test_features_equal_those_of_flood_fill_and_erosion(levels):
    assert_same(features_of(levels), plainly(levels))


@given(regions, st.integers(0, 2**32 - 1))
def test_distances_are_those_of_the_morphological_mask(levels, seed):
    larger = np.pad(levels, 1)
    mask = (larger > 0) | (np.random.default_rng(seed).random(larger.shape) < 0.7)
    assert_same(features_of(larger, mask), plainly(larger, mask))


def test_a_voxel_deep_in_the_mask_has_its_depth():
    levels, mask = np.zeros((7, 7, 7), dtype=int), np.ones((7, 7, 7), dtype=bool)
    levels[3, 3, 2] = 1
    assert features_of(levels, mask)["3d"]["large_distance_emphasis"] == 9
    assert features_of(levels, mask)["2d"]["large_distance_emphasis"] == 9
    levels[0, 3, 2] = 1
    assert features_of(levels, mask)["3d"]["large_distance_emphasis"] == (9 + 1) / 2
    assert features_of(levels, mask)["2d"]["large_distance_emphasis"] == 9


def test_one_voxel_is_a_zone_at_the_border():
    found = features_of(np.full((1, 1, 1), 2))["3d"]
    assert found["small_distance_emphasis"] == found["zone_percentage"] == found["zone_distance_non_uniformity"] == 1
    assert found["low_grey_level_zone_emphasis"] == 1 / 4
    assert found["grey_level_variance"] == found["zone_distance_variance"] == found["zone_distance_entropy"] == 0


# IBSI's consensus on the digital phantom: 3D, 2.5D, 2D.
PHANTOM = {
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
}


def test_the_digital_phantom_has_the_consensus_values():
    image, mask = (sitk.GetArrayFromImage(volume).astype(np.int32) for volume in digital_phantom())
    found = features_of(image * mask)
    for name, values in PHANTOM.items():
        for aggregation, value in zip(("3d", "2p5d", "2d"), values, strict=True):
            assert float(f"{found[aggregation][name]:.3g}") == value, (name, aggregation)
    assert set(PHANTOM) == set(gldzm.NAMES)


@given(regions, st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_three_dimensions_do_not_see_quarter_turns_and_reflections(levels, order, mirrored):
    turned = levels.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)]
    assert features_of(turned)["3d"] == pytest.approx(features_of(levels)["3d"], rel=1e-9, abs=1e-9, nan_ok=True)


@given(regions, st.permutations([1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_slices_do_not_see_quarter_turns_and_reflections_within(levels, order, mirrored):
    turned = levels.transpose([0, *order])[tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)]
    assert_same(features_of(turned), features_of(levels))


@given(regions, st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_features_do_not_see_where_the_region_lies(levels, room):
    assert_same(features_of(np.pad(levels, np.reshape(room, (3, 2)))), features_of(levels))


@given(regions)
def test_by_slice_is_the_mean_of_the_slices_alone(levels):
    alone = [features_of(one[None])["2p5d"] for one in levels if one.any()]
    for name, value in features_of(levels)["2d"].items():
        defined = [found[name] for found in alone if not np.isnan(found[name])]
        expected = np.mean(defined) if defined else np.nan
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), name


@given(regions)
def test_one_slice_has_the_same_features_merged_and_averaged(levels):
    found = features_of(levels[:1] + 1)
    assert found["2d"] == pytest.approx(found["2p5d"], rel=1e-12)
    # In three dimensions every voxel of a single slice lies at the border.
    assert found["3d"]["large_distance_emphasis"] == pytest.approx(1)


def test_levels_beyond_8_bits_keep_their_values():
    levels = np.arange(1, 301).reshape(3, 10, 10)
    levels[levels % 7 == 0] = 300
    assert_same(features_of(levels), plainly(levels))


def test_missing_levels_and_high_ones_keep_their_values():
    levels = np.random.default_rng(0).choice([0, 3, 1_000, 1_000_000], (4, 5, 6))
    assert_same(features_of(levels), plainly(levels))
