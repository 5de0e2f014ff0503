"""Zones and depths against scipy's labelling and distances, and the code of partners."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from bayesrg.radiomics.kernels.zones import NOBODY, choose_partners, find_zones, measure_depths
from bayesrg.radiomics.region import pack

regions = hnp.arrays(np.int32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 3)).filter(
    np.any
)


def label_plainly(levels, mask, in_slice):
    """Zones as a sorted list of (level, size, depth), by scipy."""
    structure = np.ones((3, 3, 3), dtype=bool)
    if in_slice:
        structure[[0, 2]] = False
    # A slice on its own has nothing outside above and below, which padding would put there.
    volumes = [mask[[z]] for z in range(len(mask))] if in_slice else [mask]
    width = ((0, 0), (1, 1), (1, 1)) if in_slice else 1
    depths = np.concatenate([measure_plainly(np.pad(volume, width), in_slice) for volume in volumes])
    depths = depths[:, 1:-1, 1:-1] if in_slice else depths[1:-1, 1:-1, 1:-1]
    zones = []
    for level in np.unique(levels[levels > 0]):
        labelled, count = ndimage.label(levels == level, structure)
        zones += [(level, np.count_nonzero(labelled == k), depths[labelled == k].min()) for k in range(1, count + 1)]
    return sorted(zones)


def measure_plainly(mask, in_slice):
    if in_slice:
        return ndimage.distance_transform_cdt(mask[0], "taxicab")[None]
    return ndimage.distance_transform_cdt(mask, "taxicab")


def list_zones(levels, mask, in_slice):
    packed = pack(levels)
    zones = find_zones(packed.ranks, packed.corner, mask, in_slice=in_slice)
    assert zones.starts[-1] == zones.rank.size
    found = zip(packed.levels[zones.rank - 1], zones.size, zones.depth, strict=True)
    return sorted((int(level), int(size), int(depth)) for level, size, depth in found)


@given(regions, st.booleans())
def test_zones_equal_scipys(levels, in_slice):
    assert list_zones(levels, levels > 0, in_slice) == label_plainly(levels, levels > 0, in_slice)


@given(regions, st.booleans(), st.integers(0, 2**32 - 1))
def test_depths_are_those_of_a_larger_mask(levels, in_slice, seed):
    larger = np.pad(levels, 2)
    mask = (larger > 0) | (np.random.default_rng(seed).random(larger.shape) < 0.8)
    assert list_zones(larger, mask, in_slice) == label_plainly(larger, mask, in_slice)


@pytest.mark.parametrize("levels", [2, 5, 300])
@pytest.mark.parametrize("in_slice", [False, True])
def test_larger_regions_smooth_and_rough(levels, in_slice):
    rng = np.random.default_rng(levels)
    smooth = ndimage.gaussian_filter(rng.normal(size=(20, 24, 28)), 1.5)
    ramp = 1 + np.floor((levels - 1) * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.int32)
    for volume in (ramp, rng.integers(0, levels + 1, ramp.shape, dtype=np.int32)):
        assert list_zones(volume, volume > 0, in_slice) == label_plainly(volume, volume > 0, in_slice)


def test_zones_by_slice_are_listed_slice_by_slice():
    levels = np.zeros((3, 2, 3), dtype=np.int32)
    levels[0], levels[2, 0] = [[1, 0, 1], [1, 0, 2]], [1, 1, 2]
    packed = pack(levels)
    zones = find_zones(packed.ranks, packed.corner, levels > 0, in_slice=True)
    np.testing.assert_array_equal(zones.starts, [0, 3, 3, 5])
    np.testing.assert_array_equal(zones.rank, [1, 1, 2, 1, 2])
    np.testing.assert_array_equal(zones.size, [2, 1, 1, 2, 1])


def test_a_spiral_is_one_zone():
    """Labels that are found to be one only at its end."""
    spiral = np.zeros((1, 9, 9), dtype=np.int32)
    for ring in (0, 2, 4):
        spiral[0, ring : 9 - ring, ring : 9 - ring] = 1
        spiral[0, ring + 1 : 8 - ring, ring + 1 : 8 - ring] = 0
    spiral[0, 1, 0], spiral[0, 2, 1], spiral[0, 3, 2], spiral[0, 4, 3] = 0, 1, 0, 1
    mask = np.ones(spiral.shape, dtype=bool)
    assert list_zones(spiral, mask, False) == label_plainly(spiral, mask, False)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, max_side=7)).filter(np.any))
def test_depths_equal_scipys_taxicab_distance(mask):
    depths, corner = measure_depths(mask)
    expected = ndimage.distance_transform_cdt(np.pad(mask, 1), "taxicab")[1:-1, 1:-1, 1:-1]
    box = tuple(slice(first, None) for first in corner)
    inner = depths[1:-1, 1:-1]
    np.testing.assert_array_equal(inner, expected[box][tuple(map(slice, inner.shape))])


def test_partners_are_one_of_each_connected_part_the_voxel_before_first():
    rows = ((-1, -1), (-1, 0), (-1, 1), (0, -1))
    places = [(z + 1, y + 1, x + 1) for z, y in rows for x in (-1, 0, 1)] + [(1, 1, 0)]
    for members, code in enumerate(choose_partners().tolist()):
        chosen = [(code >> shift) & 15 for shift in (0, 4, 8, 12)]
        partners = [bit for bit in chosen if bit != NOBODY]
        assert chosen[: len(partners)] == partners
        volume = np.zeros((2, 3, 3), dtype=bool)
        for bit in range(13):
            volume[places[bit]] = members >> bit & 1
        labelled, parts = ndimage.label(volume, np.ones((3, 3, 3)))
        assert sorted(labelled[places[partner]] for partner in partners) == list(range(1, parts + 1))
        assert not members >> 12 & 1 or partners[0] == 12
