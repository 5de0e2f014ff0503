"""Dependences against a plain count, and the edges of the definition."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.radiomics.families import ngldm
from bayesrg.radiomics.kernels.counts import describe_counts, describe_groups
from bayesrg.radiomics.region import pack
from bayesrg.radiomics.sections import neighbourhood

from .conftest import assert_same, describe_region, regions

features_of = partial(describe_region, "ngldm")


def neighbours(levels, place, distance, norm, in_slice):
    """Levels of the neighbours in the region, and their offsets, straight from the definition."""
    order = {"chebyshev": np.inf, "euclidean": 2, "manhattan": 1}[norm]
    found = []
    for other in map(tuple, np.argwhere(levels > 0)):
        offset = np.subtract(other, place)
        length = np.linalg.norm(offset, ord=order)
        if 0 < length <= distance + 1e-9 and not (in_slice and offset[0]):
            found.append((levels[other], length))
    return found


def plainly(levels, distance=1, norm="chebyshev", coarseness=0):
    """The features of every voxel's dependence, each voxel an entry of its own."""
    found = {}
    for aggregation in ("3d", "2p5d"):
        level, second = [], []
        for place in map(tuple, np.argwhere(levels > 0)):
            around = neighbours(levels, place, distance, norm, aggregation == "2p5d")
            level.append(levels[place])
            second.append(1 + sum(abs(other - levels[place]) <= coarseness for other, _ in around))
        counted = describe_counts(level, second, np.ones(len(level)), len(level))
        found[aggregation] = dict(zip(ngldm.NAMES, counted, strict=True))
    slices = (
        [plainly(levels[[z]], distance, norm, coarseness)["2p5d"] for z in range(len(levels)) if levels[z].any()]
        if len(levels) > 1
        else []
    )
    found["2d"] = {name: np.mean([one[name] for one in slices]) for name in ngldm.NAMES} if slices else found["2p5d"]
    return found


@given(regions)
def test_features_equal_those_of_a_plain_count(levels):
    assert_same(features_of(levels), plainly(levels))


@given(regions, st.integers(1, 3), st.sampled_from(["chebyshev", "euclidean", "manhattan"]), st.integers(0, 2))
def test_any_neighbourhood_and_coarseness_equal_a_plain_count(levels, distance, norm, coarseness):
    found = features_of(levels, distance=distance, norm=norm, coarseness=coarseness)
    assert_same(found, plainly(levels, distance, norm, coarseness))


@given(regions)
def test_both_kernels_count_the_same(levels):
    packed = pack(levels)
    for in_slice in (False, True):
        around = neighbourhood(1, "chebyshev", in_slice=in_slice)
        for by_slice in (False, True):
            fast, fast_voxels = ngldm.count_dependences(packed, in_slice=in_slice, by_slice=by_slice)
            general, voxels = ngldm.count_any_dependences(packed, around, 0, by_slice=by_slice)
            np.testing.assert_array_equal(fast_voxels, voxels)
            np.testing.assert_allclose(
                describe_groups(*fast, voxels), describe_groups(*general, voxels), rtol=1e-12, atol=1e-12
            )


def test_the_manuals_example_is_counted_as_there():
    """The four inner pixels of IBSI's example have 3, 2, 2 and 0 dependent neighbours among all sixteen."""
    levels = np.array([[[1, 2, 2, 3], [1, 2, 3, 3], [4, 2, 4, 1], [4, 1, 2, 3]]])
    inner = [(0, 1, 1), (0, 1, 2), (0, 2, 1), (0, 2, 2)]
    dependent = [
        sum(other == levels[place] for other, _ in neighbours(levels, place, 1, "chebyshev", True)) for place in inner
    ]
    assert sorted(dependent) == [0, 2, 2, 3]


def test_one_voxel_depends_on_itself():
    found = features_of(np.full((1, 1, 1), 2))["3d"]
    assert found["low_dependence_emphasis"] == found["dependence_count_energy"] == 1
    assert found["high_grey_level_count_emphasis"] == 4
    assert found["dependence_count_entropy"] == found["dependence_count_variance"] == 0


def test_inside_a_constant_region_all_27_depend():
    levels = np.zeros((5, 5, 5), dtype=int)
    levels[1:4, 1:4, 1:4] = 1
    # 8 corners, 12 edges, 6 faces and the centre of the cube.
    expected = (8 * 8**2 + 12 * 12**2 + 6 * 18**2 + 27**2) / 27
    assert features_of(levels)["3d"]["high_dependence_emphasis"] == pytest.approx(expected)


def test_levels_beyond_8_bits_keep_their_values():
    levels = np.arange(1, 301).reshape(3, 10, 10)
    levels[levels % 7 == 0] = 300
    assert_same(features_of(levels), plainly(levels))


def test_missing_levels_and_high_ones_keep_their_values():
    levels = np.random.default_rng(0).choice([0, 3, 1_000, 1_000_000], (4, 5, 6))
    assert_same(features_of(levels), plainly(levels))
