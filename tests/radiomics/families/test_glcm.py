"""GLCM kernels against a plain reference, for any offset, and invariances; test_ibsi_values has IBSI's own values."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesrg.errors import RegionError, SettingsError
from bayesrg.radiomics import Settings
from bayesrg.radiomics.families.glcm import (
    CooccurrenceFeatures,
    average_cooccurrences,
    count_cooccurrences,
    describe,
    merge_cooccurrences,
)
from bayesrg.radiomics.kernels.pairs import form_triangles
from bayesrg.radiomics.region import Region
from bayesrg.radiomics.sections import Glcm, directions, weigh
from bayesrg.settings import from_dict

thirteen = Glcm().offset_array
DIRECTIONAL = ["3d_merged", "3d_averaged", "2p5d_merged", "2p5d_direction_merged", "2d_slice_merged", "2d_averaged"]
regions = hnp.arrays(np.int32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.integers(0, 6)).filter(
    np.any
)
offsets = st.tuples(*[st.integers(-4, 4)] * 3).filter(any)


def count_plainly(levels, offset):
    """Symmetric counts by level, straight from the definition: every ordered pair of voxels in the box."""
    counts = np.zeros((levels.max() + 1,) * 2, dtype=int)
    for place in itertools.product(*map(range, levels.shape)):
        other = tuple(np.add(place, offset))
        if all(0 <= index < extent for index, extent in zip(other, levels.shape, strict=True)):
            first, second = levels[place], levels[other]
            if first > 0 and second > 0:
                counts[first, second] += 1
                counts[second, first] += 1
    return counts


def describe_plainly(counts):
    """The 25 features as dense sums over i and j, each from IBSI's formula with no use of symmetry."""
    p = counts / counts.sum()
    i, j = np.indices(p.shape)
    n = p.shape[0] - 1
    diff = np.array([p[abs(i - j) == k].sum() for k in range(n + 1)])
    summed = np.array([p[i + j == k].sum() for k in range(2 * n + 1)])
    kd, ks = np.arange(n + 1), np.arange(2 * n + 1)
    row, column = p.sum(axis=1), p.sum(axis=0)
    level = np.arange(n + 1)
    mu_i, mu_j = level @ row, level @ column
    sigma_i, sigma_j = np.sqrt((level - mu_i) ** 2 @ row), np.sqrt((level - mu_j) ** 2 @ column)

    def entropy(q, weight=None):
        weight = q if weight is None else weight
        return -np.sum(weight[q > 0] * np.log2(q[q > 0]))

    product = np.outer(row, column)
    hxy, hx, hxy1, hxy2 = entropy(p), entropy(row), entropy(product, p), entropy(product)
    mu = np.sum(i * p)
    flat = np.count_nonzero(row) == 1
    return CooccurrenceFeatures(
        joint_maximum=p.max(),
        joint_average=mu,
        joint_variance=np.sum((i - mu) ** 2 * p),
        joint_entropy=hxy,
        difference_average=kd @ diff,
        difference_variance=(kd - kd @ diff) ** 2 @ diff,
        difference_entropy=entropy(diff),
        sum_average=ks @ summed,
        sum_variance=(ks - ks @ summed) ** 2 @ summed,
        sum_entropy=entropy(summed),
        angular_second_moment=np.sum(p**2),
        contrast=np.sum((i - j) ** 2 * p),
        dissimilarity=np.sum(abs(i - j) * p),
        inverse_difference=np.sum(p / (1 + abs(i - j))),
        normalised_inverse_difference=np.sum(p / (1 + abs(i - j) / n)),
        inverse_difference_moment=np.sum(p / (1 + (i - j) ** 2)),
        normalised_inverse_difference_moment=np.sum(p / (1 + (i - j) ** 2 / n**2)),
        inverse_variance=2 * np.sum(p[i < j] / (i - j)[i < j] ** 2),
        correlation=np.nan if flat else np.sum((i - mu_i) * (j - mu_j) * p) / (sigma_i * sigma_j),
        autocorrelation=np.sum(i * j * p),
        cluster_tendency=np.sum((i + j - mu_i - mu_j) ** 2 * p),
        cluster_shade=np.sum((i + j - mu_i - mu_j) ** 3 * p),
        cluster_prominence=np.sum((i + j - mu_i - mu_j) ** 4 * p),
        information_correlation_1=np.nan if flat else (hxy - hxy1) / hx,
        information_correlation_2=np.sqrt(max(0.0, 1 - np.exp(-2 * (hxy2 - hxy)))),
    )


def region_of(levels):
    mask = levels > 0
    return Region(levels.astype(float), mask, mask, levels.astype(np.int32), (1.0, 1.0, 1.0))


def average_plainly(matrices):
    """The mean of the features of the matrices that have pairs, of each feature where it is defined."""
    columns = np.array([describe_plainly(counts) for counts in matrices if counts.any()]).reshape(-1, 25).T
    defined = [column[~np.isnan(column)] for column in columns]
    return [column.mean() if column.size else np.nan for column in defined]


def aggregate_plainly(levels, steps, weights):
    """The features of all aggregations, from the matrix of each slice and direction."""
    flat = [k for k, step in enumerate(steps) if step[0] == 0]

    def count(place, step):
        # Matrices of slices are as large as the region's: N_g is that of the region.
        size = levels.max() + 1
        counts = count_plainly(levels[place : place + 1], step)
        return np.pad(counts, (0, size - len(counts)))

    volume = [count_plainly(levels, step) for step in steps]
    slices = [[count(place, steps[k]) for k in flat] for place in range(len(levels)) if levels[place].any()]
    few = weights[flat]
    planar = np.sum(slices, axis=0)
    return {
        "3d_merged": average_plainly([np.tensordot(weights, volume, 1)]),
        "3d_averaged": average_plainly(volume),
        "2p5d_merged": average_plainly([np.tensordot(few, planar, 1)]),
        "2p5d_direction_merged": average_plainly(planar),
        "2d_slice_merged": average_plainly([np.tensordot(few, one, 1) for one in slices]),
        "2d_averaged": average_plainly([counts for one in slices for counts in one]),
    }


def expand(counted, index, size):
    """One matrix of the kernel's, whose rows are the levels present, as a matrix indexed by level."""
    full = np.zeros((size, size), dtype=int)
    full[np.ix_(counted.levels, counted.levels)] = counted.matrices[index]
    return full


def features_of(levels, offsets=thirteen):
    counted = count_cooccurrences(levels, offsets)
    return np.array([merge_cooccurrences(counted), average_cooccurrences(counted)])


@given(regions, st.lists(offsets, min_size=1, max_size=3))
def test_counts_equal_the_plain_count_for_any_offsets(levels, chosen):
    counted = count_cooccurrences(levels, chosen)
    for index, offset in enumerate(chosen):
        np.testing.assert_array_equal(expand(counted, index, levels.max() + 1), count_plainly(levels, offset))


@given(regions)
def test_features_equal_the_plain_formulas(levels):
    plain = [count_plainly(levels, offset) for offset in thirteen]
    merged = merge_cooccurrences(count_cooccurrences(levels, thirteen))
    total = np.sum(plain, axis=0)
    if not total.any():
        assert np.isnan(merged).all()
        return
    # Information correlation 2 is a square root, which turns a rounding error of 1e-16 near 0 into 1e-8.
    np.testing.assert_allclose(merged, describe_plainly(total), rtol=1e-9, atol=1e-7)
    averaged = average_cooccurrences(count_cooccurrences(levels, thirteen))
    np.testing.assert_allclose(averaged, average_plainly(plain), rtol=1e-9, atol=1e-7)


@settings(max_examples=40)
@given(
    regions,
    st.sampled_from(["none", "inverse", "gaussian"]),
    st.sampled_from(["euclidean", "manhattan"]),
    st.integers(1, 3),
)
def test_every_aggregation_equals_the_plain_formulas(levels, weighting, norm, distance):
    options = {"aggregation": DIRECTIONAL, "weighting": weighting, "norm": norm, "distance": distance}
    described = describe(region_of(levels), from_dict(Settings, {"glcm": options}))
    steps = distance * directions()
    for name, expected in aggregate_plainly(levels, steps, weigh(steps, weighting, norm)).items():
        found = list(described[name].values())
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-7, err_msg=name)


def test_slices_of_many_levels_have_matrices_of_their_own_levels():
    levels = np.random.default_rng(5).integers(0, 90, (3, 6, 7))
    levels[1, :, :] = 0
    options = {"aggregation": ["2d_averaged", "2d_slice_merged"], "weighting": "inverse", "norm": "euclidean"}
    described = describe(region_of(levels), from_dict(Settings, {"glcm": options}))
    expected = aggregate_plainly(levels, directions(), weigh(directions(), "inverse", "euclidean"))
    for name, features in described.items():
        np.testing.assert_allclose(list(features.values()), expected[name], rtol=1e-9, atol=1e-7, err_msg=name)


def test_twelve_of_the_thirteen_directions_form_triangles():
    steps = directions()
    triangles = form_triangles(tuple(map(tuple, steps.tolist())))
    assert len(triangles) == 4
    assert len({k for triangle in triangles for k in triangle[:3]}) == 12
    for p, q, r, sign in triangles:
        third = steps[q] - sign * steps[p]
        assert (third == steps[r]).all() or (third == -steps[r]).all()
    assert form_triangles(((0, 0, 1), (0, 1, 0), (2, 0, 0))) == ()


@pytest.mark.parametrize("chosen", [directions(), 2 * directions(), [(0, 0, 2), (1, -3, 0), (1, -3, 2), (0, 2, 2)]])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_counts_by_triangles_equal_the_plain_count(chosen, share):
    """Few levels in a box large enough that pairs are counted by triangles; voxels lone, scattered, and with holes."""
    rng = np.random.default_rng(6)
    levels = np.where(rng.random((7, 11, 9)) < share, rng.integers(1, 4, (7, 11, 9)), 0)
    levels[0, 0, 0] = 3
    counted = count_cooccurrences(levels, chosen)
    for index, offset in enumerate(chosen):
        np.testing.assert_array_equal(expand(counted, index, 4), count_plainly(levels, offset))


def test_aggregations_by_slice_need_an_offset_within_it():
    with pytest.raises(SettingsError, match=r"2d_averaged counts pairs within a slice.*add an offset"):
        Glcm(offsets=((1, 0, 0),), aggregation=("3d_merged", "2d_averaged"))


def test_one_pair_has_the_features_worked_out_by_hand():
    levels = np.array([[[1, 3]]])
    merged = merge_cooccurrences(count_cooccurrences(levels, [(0, 0, 1)]))
    by_hand = CooccurrenceFeatures(
        joint_maximum=0.5,
        joint_average=2,
        joint_variance=1,
        joint_entropy=1,
        difference_average=2,
        difference_variance=0,
        difference_entropy=0,
        sum_average=4,
        sum_variance=0,
        sum_entropy=0,
        angular_second_moment=0.5,
        contrast=4,
        dissimilarity=2,
        inverse_difference=1 / 3,
        normalised_inverse_difference=1 / (1 + 2 / 3),
        inverse_difference_moment=1 / 5,
        normalised_inverse_difference_moment=1 / (1 + 4 / 9),
        inverse_variance=1 / 4,
        correlation=-1,
        autocorrelation=3,
        cluster_tendency=0,
        cluster_shade=0,
        cluster_prominence=0,
        information_correlation_1=-1,
        information_correlation_2=np.sqrt(1 - np.exp(-2)),
    )
    np.testing.assert_allclose(merged, by_hand, rtol=1e-15, atol=1e-15)


def test_one_matrix_merges_and_averages_to_itself():
    levels = np.random.default_rng(3).integers(0, 5, (4, 5, 6))
    merged, averaged = features_of(levels, [(1, -2, 3)])
    np.testing.assert_array_equal(merged, averaged)


@given(regions, st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_thirteen_directions_do_not_see_quarter_turns_and_reflections(levels, order, mirrored):
    turned = levels.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)]
    np.testing.assert_allclose(features_of(turned), features_of(levels), rtol=1e-12, atol=1e-12)


@given(regions, st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_features_do_not_see_where_the_region_lies(levels, room):
    padded = np.pad(levels, np.reshape(room, (3, 2)))
    np.testing.assert_array_equal(features_of(padded), features_of(levels))


@given(regions, st.integers(1, 300))
def test_a_shift_of_all_levels_moves_only_what_depends_on_the_level(levels, shift):
    moved = np.where(levels > 0, levels + shift, 0)
    before, after = features_of(levels), features_of(moved)
    names = list(CooccurrenceFeatures._fields)
    shifted = {"joint_average": shift, "sum_average": 2 * shift}
    # Autocorrelation and the two features normalised by the highest level are the only others that may change.
    free = {"autocorrelation", "normalised_inverse_difference", "normalised_inverse_difference_moment"}
    for position, name in enumerate(names):
        if name not in free:
            expected = before[:, position] + shifted.get(name, 0)
            np.testing.assert_allclose(after[:, position], expected, rtol=1e-9, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("count", [255, 256, 300])
def test_levels_are_packed_in_the_smallest_integers_that_hold_them(count):
    """Ranks 1 to 255 fit into 8 bits; from 256 on the 16-bit kernel counts."""
    row = np.arange(1, count + 1)
    levels = np.concatenate([row, row[::-1]]).reshape(1, 1, -1)
    counted = count_cooccurrences(levels, [(0, 0, 1)])
    assert counted.matrices.shape == (1, count, count)
    np.testing.assert_array_equal(expand(counted, 0, count + 1), count_plainly(levels, (0, 0, 1)))


def test_sparse_levels_keep_their_values():
    levels = np.array([[[7, 100_000, 7]]])
    counted = count_cooccurrences(levels, [(0, 0, 1), (0, 0, 2)])
    np.testing.assert_array_equal(counted.levels, [7, 100_000])
    np.testing.assert_array_equal(counted.matrices, [[[0, 2], [2, 0]], [[2, 0], [0, 0]]])


def test_offsets_longer_than_the_region_count_nothing():
    levels = np.ones((2, 3, 4), dtype=int)
    counted = count_cooccurrences(levels, [(2, 0, 0), (0, 3, 0), (0, 0, -4), (10**9, 0, 0), (1, 2, -3)])
    np.testing.assert_array_equal(counted.matrices.ravel(), [0, 0, 0, 0, 2])


def test_a_direction_without_pairs_is_left_out_of_the_average():
    row = np.array([[[1, 2, 2, 1, 3]]])
    along = features_of(row, [(0, 0, 1)])
    np.testing.assert_array_equal(features_of(row, thirteen), along)


def test_too_many_levels_are_refused_with_the_mend():
    levels = np.arange(1, 5001).reshape(10, 20, 25)
    with pytest.raises(SettingsError, match=r"5000 different grey levels.*fewer or wider bins"):
        count_cooccurrences(levels, thirteen)


def test_an_empty_region_is_an_error():
    with pytest.raises(RegionError, match="empty"):
        count_cooccurrences(np.zeros((2, 2, 2), dtype=int), thirteen)
