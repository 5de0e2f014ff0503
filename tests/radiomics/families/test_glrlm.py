"""Run length matrices against runs found one by one, IBSI's sums and every aggregation; invariances and edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesrg.radiomics import Settings
from bayesrg.radiomics.families.glrlm import count_runs, describe
from bayesrg.radiomics.region import Region, pack
from bayesrg.radiomics.sections import directions, weigh
from bayesrg.settings import from_dict

DIRECTIONAL = ["3d_merged", "3d_averaged", "2p5d_merged", "2p5d_direction_merged", "2d_slice_merged", "2d_averaged"]
ALL = from_dict(Settings, {"glrlm": {"aggregation": DIRECTIONAL}})
regions = hnp.arrays(np.int32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.integers(0, 3)).filter(
    np.any
)


def region_of(levels):
    mask = levels > 0
    return Region(levels.astype(float), mask, mask, levels.astype(np.int32), (1.0, 1.0, 1.0))


def arrange(runs, direction, shape):
    """R(i, j) of one direction as an array."""
    matrix = np.zeros(shape)
    matrix[runs.level, runs.length] = runs.counts[direction]
    return matrix


def find_runs(levels, direction):
    """R(i, j) as an array, walking every row of the box along the direction from end to end."""
    runs = np.zeros((levels.max() + 1, max(levels.shape) + 1))
    inside = {tuple(place) for place in np.argwhere(np.ones(levels.shape))}
    for start in inside:
        if tuple(np.subtract(start, direction)) in inside:
            continue
        place, length = start, 1
        while place in inside:
            after = tuple(np.add(place, direction))
            if after in inside and levels[after] == levels[place]:
                length += 1
            else:
                runs[levels[place], length] += 1
                length = 1
            place = after
    runs[0] = 0
    return runs


def describe_plainly(runs, voxels):
    """IBSI's 16 sums over i and j, in its order."""
    number = runs.sum()
    p = runs / number
    i, j = np.indices(runs.shape).astype(float)
    i[0], j[:, 0] = np.inf, np.inf
    some = p > 0
    p, i, j = p[some], i[some], j[some]
    return np.array(
        [
            np.sum(p / j**2),
            np.sum(p * j**2),
            np.sum(p / i**2),
            np.sum(p * i**2),
            np.sum(p / i**2 / j**2),
            np.sum(p * i**2 / j**2),
            np.sum(p * j**2 / i**2),
            np.sum(p * i**2 * j**2),
            np.sum(runs.sum(axis=1) ** 2) / number,
            np.sum(runs.sum(axis=1) ** 2) / number**2,
            np.sum(runs.sum(axis=0) ** 2) / number,
            np.sum(runs.sum(axis=0) ** 2) / number**2,
            number / voxels,
            np.sum(p * (i - np.sum(i * p)) ** 2),
            np.sum(p * (j - np.sum(j * p)) ** 2),
            -np.sum(p * np.log2(p)),
        ]
    )


def aggregate_plainly(levels, weights):
    """The features of all aggregations from the runs of every slice and direction."""
    every, flat = directions(), directions(in_slice=True)
    voxels = np.count_nonzero(levels)
    volume = [find_runs(levels, step) for step in every]
    slices = [one[None] for one in levels if one.any()]
    by_slice = [[find_runs(one, step) for step in flat] for one in slices]
    sizes = [np.count_nonzero(one) for one in slices]
    planar = [find_runs(levels, step) for step in flat]
    few = weights[:4]
    return {
        "3d_merged": describe_plainly(np.tensordot(weights, volume, 1), voxels * weights.sum()),
        "3d_averaged": np.mean([describe_plainly(runs, voxels) for runs in volume], axis=0),
        "2p5d_merged": describe_plainly(np.tensordot(few, planar, 1), voxels * few.sum()),
        "2p5d_direction_merged": np.mean([describe_plainly(runs, voxels) for runs in planar], axis=0),
        "2d_slice_merged": np.mean(
            [
                describe_plainly(np.tensordot(few, runs, 1), size * few.sum())
                for runs, size in zip(by_slice, sizes, strict=True)
            ],
            axis=0,
        ),
        "2d_averaged": np.mean(
            [describe_plainly(one, size) for runs, size in zip(by_slice, sizes, strict=True) for one in runs],
            axis=0,
        ),
    }


@given(regions)
def test_runs_equal_those_found_one_by_one(levels):
    runs = count_runs(pack(levels), directions())
    assert runs.voxels == np.count_nonzero(levels)
    for k, step in enumerate(directions()):
        expected = find_runs(levels, step)
        np.testing.assert_array_equal(arrange(runs, k, expected.shape), expected)


@settings(max_examples=40)
@given(regions, st.sampled_from(["none", "inverse", "gaussian"]), st.sampled_from(["euclidean", "manhattan"]))
def test_features_equal_the_plain_sums_in_every_aggregation(levels, weighting, norm):
    chosen = from_dict(Settings, {"glrlm": {"aggregation": DIRECTIONAL, "weighting": weighting, "norm": norm}})
    described = describe(region_of(levels), chosen)
    for name, expected in aggregate_plainly(levels, weigh(directions(), weighting, norm)).items():
        np.testing.assert_allclose(list(described[name].values()), expected, rtol=1e-9, atol=1e-9, err_msg=name)


@given(regions, st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_3d_does_not_see_quarter_turns_and_reflections(levels, order, mirrored):
    turned = levels.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)]
    before, after = describe(region_of(levels), Settings()), describe(region_of(turned), Settings())
    for name, values in before.items():
        assert after[name] == pytest.approx(values, rel=1e-12, abs=1e-12), name


@given(regions, st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_features_do_not_see_where_the_region_lies(levels, room):
    assert describe(region_of(np.pad(levels, np.reshape(room, (3, 2)))), ALL) == describe(region_of(levels), ALL)


def test_a_slice_without_voxels_does_not_count():
    levels = np.random.default_rng(1).integers(1, 4, (3, 4, 5))
    levels[1] = 0
    chosen = from_dict(Settings, {"glrlm": {"aggregation": ["2d_averaged", "2d_slice_merged"]}})
    closed_up = describe(region_of(levels[[0, 2]]), chosen)
    assert describe(region_of(levels), chosen) == closed_up


def test_one_voxel_is_a_run_of_one_in_every_direction():
    described = describe(region_of(np.array([[[3]]])), ALL)
    found = described["3d_averaged"]
    for name, matrices in zip(DIRECTIONAL, [13, 1, 4, 1, 4, 1], strict=True):
        # Non-uniformities that are not normalised grow with the number of runs, one from each matrix that was merged.
        grown = {key: value * matrices for key, value in found.items() if key.endswith("non_uniformity")}
        grown = {key: value for key, value in grown.items() if not key.startswith("normalised")}
        assert described[name] == pytest.approx(found | grown, rel=1e-14)
    assert found["run_percentage"] == found["short_runs_emphasis"] == found["long_runs_emphasis"] == 1
    assert found["high_grey_level_run_emphasis"] == 9
    assert found["run_entropy"] == found["run_length_variance"] == found["grey_level_variance"] == 0


@pytest.mark.parametrize("shape", [(1, 1, 300), (300, 1, 1), (1, 70, 3), (9, 8, 7)])
def test_a_constant_box_has_runs_as_long_as_itself(shape):
    runs = count_runs(pack(np.full(shape, 2)), directions())
    for extent, direction in zip(shape, [(1, 0, 0), (0, 1, 0), (0, 0, 1)], strict=True):
        counts = runs.counts[np.flatnonzero((directions() == direction).all(axis=1))[0]]
        np.testing.assert_array_equal(counts, np.where(runs.length == extent, np.prod(shape) // extent, 0))


@pytest.mark.parametrize("count", [255, 256, 5000])
def test_ranks_of_16_bits_and_blocks_of_any_length(count):
    """5,000 voxels in a row are several blocks of the kernel; from 256 levels on ranks have 16 bits."""
    row = np.repeat(np.arange(1, count + 1), np.arange(count) % 4 + 1)
    runs = count_runs(pack(row.reshape(1, 1, -1)), np.array([[0, 0, 1]]))
    found = runs.counts[0] > 0
    np.testing.assert_array_equal(runs.level[found], np.arange(1, count + 1))
    np.testing.assert_array_equal(runs.length[found], np.arange(count) % 4 + 1)


def test_runs_of_a_large_region_equal_those_found_one_by_one():
    levels = np.random.default_rng(2).integers(0, 3, (13, 17, 31))
    runs = count_runs(pack(levels), directions())
    for k, step in enumerate(directions()):
        expected = find_runs(levels, step)
        np.testing.assert_array_equal(arrange(runs, k, expected.shape), expected)
