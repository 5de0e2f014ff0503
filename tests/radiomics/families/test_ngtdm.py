"""Tone differences against a plain sum, and IBSI's special cases."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.radiomics.families import ngtdm
from bayesrg.radiomics.region import pack
from bayesrg.radiomics.sections import neighbourhood

from .conftest import assert_same, describe_region, regions

features_of = partial(describe_region, "ngtdm")


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


def matrix_of(levels, distance, norm, weighting, in_slice):
    """n_i and s_i by level, straight from the definition."""
    weigh = {"none": lambda m: 1.0, "inverse": lambda m: 1 / m, "gaussian": lambda m: np.exp(-(m**2))}[weighting]
    matrix = {}
    for place in map(tuple, np.argwhere(levels > 0)):
        around = neighbours(levels, place, distance, norm, in_slice)
        if around:
            weights = [weigh(length) for _, length in around]
            mean = np.average([float(other) for other, _ in around], weights=weights)
            counted, summed = matrix.get(int(levels[place]), (0, 0.0))
            matrix[int(levels[place])] = counted + 1, summed + abs(levels[place] - mean)
    return matrix


def describe_plainly(matrix):
    """The five features as double sums over levels, each from IBSI's formula."""
    if not matrix:
        return dict.fromkeys(ngtdm.ToneFeatures._fields, np.nan)
    i = np.array(list(matrix), dtype=float)
    n, s = np.array(list(matrix.values())).T
    s[s < 1e-12 * i] = 0
    voxels, p, present = n.sum(), n / n.sum(), len(i)
    first, second = np.meshgrid(range(present), range(present))
    several = present > 1
    spread = np.sum(np.abs(i[first] * n[first] - i[second] * n[second])) / voxels
    pairs = p[first] * p[second] * (i[first] - i[second]) ** 2
    busy = np.sum(p * s) / spread if spread > 0 else np.nan
    complexity = np.abs(i[first] - i[second]) * (p[first] * s[first] + p[second] * s[second]) / (p[first] + p[second])
    strength = np.sum((p[first] + p[second]) * (i[first] - i[second]) ** 2)
    return {
        "coarseness": 1 / np.sum(p * s) if np.sum(p * s) > 1e-6 else 1e6,
        "contrast": np.sum(pairs) / (present * (present - 1)) * s.sum() / voxels if several else 0,
        "busyness": busy if several else 0,
        "complexity": np.sum(complexity) / voxels,
        "strength": strength / s.sum() if s.sum() > 0 else 0,
    }


def plainly(levels, distance=1, norm="chebyshev", weighting="none"):
    found = {
        aggregation: describe_plainly(matrix_of(levels, distance, norm, weighting, aggregation == "2p5d"))
        for aggregation in ("3d", "2p5d")
    }
    slices = [describe_plainly(matrix_of(levels[[z]], distance, norm, weighting, True)) for z in range(len(levels))]
    found["2d"] = {}
    for name in ngtdm.ToneFeatures._fields:
        defined = [one[name] for one in slices if not np.isnan(one[name])]
        found["2d"][name] = np.mean(defined) if defined else np.nan
    return found


@given(regions)
def test_features_equal_those_of_plain_sums(levels):
    assert_same(features_of(levels), plainly(levels))


@given(
    regions,
    st.integers(1, 3),
    st.sampled_from(["chebyshev", "euclidean", "manhattan"]),
    st.sampled_from(["none", "inverse", "gaussian"]),
)
def test_any_neighbourhood_and_weighting_equal_plain_sums(levels, distance, norm, weighting):
    found = features_of(levels, distance=distance, norm=norm, weighting=weighting)
    assert_same(found, plainly(levels, distance, norm, weighting))


@given(regions)
def test_both_kernels_sum_the_same(levels):
    packed = pack(levels)
    around = neighbourhood(1, "chebyshev")
    (fast,) = ngtdm.sum_differences(packed, in_slice=False, by_slice=False)
    (general,) = ngtdm.sum_weighted_differences(packed, around, np.ones(26), by_slice=False)
    np.testing.assert_array_equal(fast.voxels, general.voxels)
    np.testing.assert_allclose(fast.differences, general.differences, rtol=1e-12, atol=1e-12)


def test_the_manuals_example_is_summed_as_there():
    """In the inner square of IBSI's example s is 1 for level 2, 0.625 for level 3 and 1.875 for level 4."""
    levels = np.array([[[1, 2, 2, 3], [1, 2, 3, 3], [4, 2, 4, 1], [4, 1, 2, 3]]])
    summed = {2: 0.0, 3: 0.0, 4: 0.0}
    for place in [(0, 1, 1), (0, 1, 2), (0, 2, 1), (0, 2, 2)]:
        around = [other for other, _ in neighbours(levels, place, 1, "chebyshev", True)]
        summed[int(levels[place])] += abs(levels[place] - np.mean(around))
    assert summed == {2: 1.0, 3: 0.625, 4: 1.875}


def test_a_constant_region_has_ibsis_values():
    found = features_of(np.full((3, 3, 3), 7))
    for aggregation in ("3d", "2p5d", "2d"):
        assert found[aggregation] == {"coarseness": 1e6, "contrast": 0, "busyness": 0, "complexity": 0, "strength": 0}


def test_without_neighbours_all_are_nan():
    alone = np.zeros((1, 3, 3), dtype=int)
    alone[0, 0, 0], alone[0, 2, 2] = 1, 2
    for levels in (np.ones((1, 1, 1), dtype=int), alone):
        for values in features_of(levels).values():
            assert np.isnan(list(values.values())).all()


def test_slices_without_neighbours_are_left_out_of_the_average():
    levels = np.zeros((2, 3, 3), dtype=int)
    levels[0] = [[1, 2, 3], [2, 2, 1], [3, 1, 1]]
    levels[1, 1, 1] = 3
    assert features_of(levels)["2d"] == features_of(levels[:1])["2d"]


def test_busyness_is_undefined_where_level_times_probability_is_constant():
    found = features_of([[[1, 1, 2]]])["3d"]
    assert np.isnan(found.pop("busyness"))
    assert not np.isnan(list(found.values())).any()


@given(regions, st.integers(1, 300))
def test_a_shift_of_all_levels_moves_busyness_alone(levels, shift):
    before, after = features_of(levels), features_of(np.where(levels > 0, levels + shift, 0))
    for aggregation in before:
        for values in (before, after):
            del values[aggregation]["busyness"]
        assert after[aggregation] == pytest.approx(before[aggregation], rel=1e-9, abs=1e-9, nan_ok=True)


def test_levels_beyond_8_bits_keep_their_values():
    levels = np.arange(1, 301).reshape(3, 10, 10)
    levels[levels % 7 == 0] = 300
    assert_same(features_of(levels), plainly(levels))


def test_missing_levels_and_high_ones_keep_their_values():
    levels = np.random.default_rng(0).choice([0, 3, 1_000, 1_000_000], (4, 5, 6))
    assert_same(features_of(levels), plainly(levels))
