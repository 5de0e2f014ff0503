"""Dependences against a plain count, IBSI's digital phantom, invariances and the edges of the definition."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesrg.radiomics import Settings
from bayesrg.radiomics.families import ngldm
from bayesrg.radiomics.ibsi import digital_phantom
from bayesrg.radiomics.kernels.counts import describe_counts, describe_groups
from bayesrg.radiomics.region import Region, pack
from bayesrg.radiomics.sections import neighbourhood
from bayesrg.settings import from_dict

regions = hnp.arrays(np.int32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.integers(0, 4)).filter(
    np.any
)


def region_of(levels, mask=None):
    levels = np.asarray(levels, dtype=np.int32)
    inside = levels > 0 if mask is None else mask
    return Region(levels.astype(float), inside, levels > 0, levels, (1.0, 1.0, 1.0))


def features_of(levels, mask=None, **options):
    chosen = from_dict(Settings, {"ngldm": {"aggregation": ["3d", "2p5d", "2d"], **options}})
    return ngldm.describe(region_of(levels, mask), chosen)


def assert_same(found, expected):
    for aggregation in ("3d", "2p5d", "2d"):
        for name in ngldm.NAMES:
            near = pytest.approx(expected[aggregation][name], rel=1e-9, abs=1e-9, nan_ok=True)
            assert found[aggregation][name] == near, (aggregation, name)


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


# IBSI's consensus on the digital phantom: 3D, 2.5D, 2D.
PHANTOM = {
    "low_dependence_emphasis": (0.045, 0.159, 0.158),
    "high_dependence_emphasis": (109, 18.8, 19.2),
    "low_grey_level_count_emphasis": (0.693, 0.693, 0.702),
    "high_grey_level_count_emphasis": (7.66, 7.66, 7.49),
    "low_dependence_low_grey_level_emphasis": (0.00963, 0.0477, 0.0473),
    "low_dependence_high_grey_level_emphasis": (0.736, 3.07, 3.06),
    "high_dependence_low_grey_level_emphasis": (102, 17.2, 17.6),
    "high_dependence_high_grey_level_emphasis": (235, 50.8, 49.5),
    "grey_level_non_uniformity": (37.9, 37.9, 10.2),
    "normalised_grey_level_non_uniformity": (0.512, 0.512, 0.562),
    "dependence_count_non_uniformity": (4.86, 12.4, 3.96),
    "normalised_dependence_count_non_uniformity": (0.0657, 0.167, 0.212),
    "dependence_count_percentage": (1, 1, 1),
    "grey_level_variance": (3.05, 3.05, 2.7),
    "dependence_count_variance": (22.1, 3.27, 2.73),
    "dependence_count_entropy": (4.4, 3.36, 2.71),
    "dependence_count_energy": (0.0533, 0.122, 0.17),
}


def test_the_digital_phantom_has_the_consensus_values():
    image, mask = (sitk.GetArrayFromImage(volume).astype(np.int32) for volume in digital_phantom())
    found = features_of(image * mask)
    for name, values in PHANTOM.items():
        for aggregation, value in zip(("3d", "2p5d", "2d"), values, strict=True):
            assert float(f"{found[aggregation][name]:.3g}") == value, (name, aggregation)
    assert set(PHANTOM) == set(ngldm.NAMES)


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
