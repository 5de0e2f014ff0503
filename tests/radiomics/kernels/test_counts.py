"""Matrices of counts against IBSI's formulas as dense sums, their invariances, and what empty ones give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.radiomics.kernels.counts import CountFeatures, average_groups, describe_counts, describe_groups

entries = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9), st.floats(0.25, 40)), min_size=1, max_size=25)


def describe_plainly(matrix, voxels):
    """The 17 features of a dense matrix (index 0 is level 1 and second 1), each from IBSI's formula (3.7, 3.11)."""
    i, j = np.indices(matrix.shape) + 1.0
    total = matrix.sum()
    p = matrix / total
    by_level, by_second = matrix.sum(axis=1), matrix.sum(axis=0)
    return CountFeatures(
        low_second_emphasis=np.sum(by_second / j[0] ** 2) / total,
        high_second_emphasis=np.sum(by_second * j[0] ** 2) / total,
        low_grey_level_emphasis=np.sum(by_level / i[:, 0] ** 2) / total,
        high_grey_level_emphasis=np.sum(by_level * i[:, 0] ** 2) / total,
        low_second_low_grey_level_emphasis=np.sum(matrix / (i**2 * j**2)) / total,
        low_second_high_grey_level_emphasis=np.sum(matrix * i**2 / j**2) / total,
        high_second_low_grey_level_emphasis=np.sum(matrix * j**2 / i**2) / total,
        high_second_high_grey_level_emphasis=np.sum(matrix * i**2 * j**2) / total,
        grey_level_non_uniformity=np.sum(by_level**2) / total,
        normalised_grey_level_non_uniformity=np.sum(by_level**2) / total**2,
        second_non_uniformity=np.sum(by_second**2) / total,
        normalised_second_non_uniformity=np.sum(by_second**2) / total**2,
        percentage=total / voxels,
        grey_level_variance=np.sum((i - np.sum(i * p)) ** 2 * p),
        second_variance=np.sum((j - np.sum(j * p)) ** 2 * p),
        entropy=-np.sum(p[p > 0] * np.log2(p[p > 0])),
        energy=np.sum(p**2),
    )


def densify(listed):
    matrix = np.zeros((6, 9))
    for level, second, count in listed:
        matrix[level - 1, second - 1] += count
    return matrix


@given(entries, st.floats(1, 1000))
def test_features_equal_the_formulas_even_where_a_cell_has_several_entries(listed, voxels):
    level, second, count = zip(*listed, strict=True)
    found = describe_counts(level, second, count, voxels)
    np.testing.assert_allclose(found, describe_plainly(densify(listed), voxels), rtol=1e-10, atol=1e-10)


@given(st.lists(entries, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_groups_are_described_apart_and_averaged(groups, shuffle):
    listed = [(group, *entry) for group, several in enumerate(groups) for entry in several]
    shuffle.shuffle(listed)
    voxels = 10.0 + np.arange(len(groups))
    columns = list(zip(*listed, strict=True))
    expected = [describe_plainly(densify(several), size) for several, size in zip(groups, voxels, strict=True)]
    np.testing.assert_allclose(describe_groups(*columns, voxels), expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(average_groups(*columns, voxels), np.mean(expected, axis=0), rtol=1e-10, atol=1e-10)


def test_one_entry_has_the_features_worked_out_by_hand():
    by_hand = CountFeatures(1 / 9, 9, 1 / 4, 4, 1 / 36, 4 / 9, 9 / 4, 36, 5, 1, 5, 1, 0.25, 0, 0, 0, 1)
    assert describe_counts([2], [3], [5], 20) == pytest.approx(by_hand, rel=1e-15)


@given(entries)
def test_scaled_counts_change_only_what_is_not_normalised(listed):
    level, second, count = zip(*listed, strict=True)
    once, twice = (describe_counts(level, second, np.multiply(count, factor), 7.0) for factor in (1, 2))
    extensive = {"grey_level_non_uniformity", "second_non_uniformity", "percentage"}
    for name, before, after in zip(CountFeatures._fields, once, twice, strict=True):
        assert after == pytest.approx(before * (2 if name in extensive else 1), rel=1e-12, abs=1e-12), name


def test_the_largest_indices_do_not_overflow():
    found = describe_counts([1_000_000], [10_000_000], [1.0], 10_000_000)
    assert found.high_second_high_grey_level_emphasis == pytest.approx(1e26)
    assert found.low_second_low_grey_level_emphasis == pytest.approx(1e-26)


def test_empty_groups_are_nan_and_left_out_of_the_average():
    described = describe_groups([0, 2], [1, 3], [1, 1], [4.0, 4.0], [4, 5, 8])
    np.testing.assert_array_equal(np.isnan(described).all(axis=1), [False, True, False])
    assert not np.isnan(described[[0, 2]]).any()
    averaged = average_groups([0, 2], [1, 3], [1, 1], [4.0, 4.0], [4, 5, 8])
    assert averaged.percentage == pytest.approx((1 + 0.5) / 2)


def test_no_entries_at_all_are_nan():
    assert np.isnan(average_groups([], [], [], [], [3.0])).all()
    assert np.isnan(describe_counts([], [], [], 3.0)).all()
