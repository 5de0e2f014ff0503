"""Size zones against a plain flood fill, and the edges of the definition."""

import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import given

from bayesrg.radiomics.families import glszm
from bayesrg.radiomics.kernels.counts import describe_counts

from .conftest import assert_same, describe_region, region_of, regions

features_of = partial(describe_region, "glszm")


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


def test_levels_beyond_8_bits_keep_their_values():
    levels = np.arange(1, 301).reshape(3, 10, 10)
    levels[levels % 7 == 0] = 300
    assert_same(features_of(levels), plainly(levels))


def test_missing_levels_and_high_ones_keep_their_values():
    levels = np.random.default_rng(0).choice([0, 3, 1_000, 1_000_000], (4, 5, 6))
    assert_same(features_of(levels), plainly(levels))
