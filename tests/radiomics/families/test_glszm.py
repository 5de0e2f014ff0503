"""Size zones against a plain flood fill, IBSI's digital phantom, invariances and the edges of the definition."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesrg.radiomics import Settings
from bayesrg.radiomics.families import glszm
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
    chosen = from_dict(Settings, {"glszm": {"aggregation": ["3d", "2p5d", "2d"], **options}})
    return glszm.describe(region_of(levels, mask), chosen)


def assert_same(found, expected):
    for aggregation in ("3d", "2p5d", "2d"):
        for name in glszm.NAMES:
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


def plainly(levels):
    """The features of the zones as they are listed, each zone an entry of its own."""
    found = {}
    for aggregation in ("3d", "2p5d"):
        zones = flood(levels, aggregation == "2p5d")
        level, voxels = zip(*zones, strict=True)
        second = [len(zone) for zone in voxels]
        counted = describe_counts(level, second, np.ones(len(zones)), np.count_nonzero(levels))
        found[aggregation] = dict(zip(glszm.NAMES, counted, strict=False))
    slices = (
        [plainly(levels[z : z + 1])["2p5d"] for z in range(len(levels)) if levels[z].any()] if len(levels) > 1 else []
    )
    found["2d"] = {name: np.mean([one[name] for one in slices]) for name in glszm.NAMES} if slices else found["2p5d"]
    return found


@given(regions)
def test_features_equal_those_of_zones_by_flood_fill(levels):
    assert_same(features_of(levels), plainly(levels))


def test_the_zones_of_the_manuals_example_are_those_found_by_hand():
    """IBSI's 4 x 4 pixels: zones of level 1 of 2, 1 and 1 pixels, of 2 of 5, of 3 of 3 and 1, of 4 of 2 and 1."""
    levels = np.array([[[1, 2, 2, 3], [1, 2, 3, 3], [4, 2, 4, 1], [4, 1, 2, 3]]])
    zones = region_of(levels).zones_by_slice
    expected = [(1, 1), (1, 1), (1, 2), (2, 5), (3, 1), (3, 3), (4, 1), (4, 2)]
    assert sorted(zip(zones.rank.tolist(), zones.size.tolist(), strict=True)) == expected


@pytest.mark.parametrize("levels", [np.full((1, 1, 1), 3), np.full((3, 4, 5), 3)])
def test_one_zone_has_the_features_worked_out_by_hand(levels):
    found, size = features_of(levels)["3d"], levels.size
    assert found["large_zone_emphasis"] == pytest.approx(size**2)
    assert found["high_grey_level_zone_emphasis"] == pytest.approx(9)
    assert found["zone_percentage"] == pytest.approx(1 / size)
    assert found["grey_level_non_uniformity"] == found["normalised_zone_size_non_uniformity"] == 1
    assert found["grey_level_variance"] == found["zone_size_variance"] == found["zone_size_entropy"] == 0


def test_zones_of_one_level_that_do_not_touch_are_counted_apart():
    levels = np.zeros((3, 3, 3), dtype=int)
    levels[0, 0, 0] = levels[2, 2, 2] = levels[1, 0, 2] = 1
    assert features_of(levels)["3d"]["zone_percentage"] == 1
    levels[1, 1, 1] = 1
    assert features_of(levels)["3d"]["zone_percentage"] == 1 / 4


# IBSI's consensus on the digital phantom: 3D, 2.5D, 2D.
PHANTOM = {
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
}


def test_the_digital_phantom_has_the_consensus_values():
    image, mask = (sitk.GetArrayFromImage(volume).astype(np.int32) for volume in digital_phantom())
    found = features_of(image * mask)
    for name, values in PHANTOM.items():
        for aggregation, value in zip(("3d", "2p5d", "2d"), values, strict=True):
            assert float(f"{found[aggregation][name]:.3g}") == value, (name, aggregation)
    assert set(PHANTOM) == set(glszm.NAMES)


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
def test_one_slice_has_the_same_features_in_three_dimensions_and_two(levels):
    found = features_of(levels[:1] + 1)
    assert found["2p5d"] == pytest.approx(found["3d"], rel=1e-12, nan_ok=True)
    assert found["2d"] == pytest.approx(found["3d"], rel=1e-12, nan_ok=True)


def test_levels_beyond_8_bits_keep_their_values():
    levels = np.arange(1, 301).reshape(3, 10, 10)
    levels[levels % 7 == 0] = 300
    assert_same(features_of(levels), plainly(levels))


def test_missing_levels_and_high_ones_keep_their_values():
    levels = np.random.default_rng(0).choice([0, 3, 1_000, 1_000_000], (4, 5, 6))
    assert_same(features_of(levels), plainly(levels))
