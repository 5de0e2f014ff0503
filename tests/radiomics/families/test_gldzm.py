"""Distance zones against a flood fill and erosions, and edges of the definition."""

import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from bayesrg.radiomics.families import gldzm
from bayesrg.radiomics.kernels.counts import describe_counts

from .conftest import assert_same, describe_region, regions

features_of = partial(describe_region, "gldzm")


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
