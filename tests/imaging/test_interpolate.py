"""Interpolation: IBSI's grid, an independent implementation as oracle, exact polynomials, crops, holes in images."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import RegionError
from bayesrg.imaging.interpolate import align_axis, interpolate, interpolate_mask

IMAGE = np.random.default_rng(20).normal(100.0, 30.0, size=(14, 37, 41))
SPACING = (0.8, 1.1, 3.0)
SIMPLEITK = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor, "cubic_bspline": sitk.sitkBSpline}


def align(shape, spacing, new_spacing):
    return [align_axis(*axis) for axis in zip(shape, spacing[::-1], new_spacing[::-1], strict=True)]


def whole(axes):
    return tuple(slice(0, axis.size) for axis in axes)


def resample_with_simpleitk(axes, method):
    image = sitk.GetImageFromArray(IMAGE)
    image.SetSpacing(SPACING)
    origin = [axis.start * width for axis, width in zip(axes[::-1], SPACING, strict=True)]
    size, spacing = [axis.size for axis in axes[::-1]], [axis.spacing for axis in axes[::-1]]
    identity = sitk.Transform(3, sitk.sitkIdentity)
    return sitk.GetArrayFromImage(
        sitk.Resample(image, size, identity, SIMPLEITK[method], origin, spacing, image.GetDirection(), np.nan)
    )


def test_grid_of_ibsi_manual_example():
    axis = align_axis(4, 3.0, 2.0)
    np.testing.assert_allclose(axis.positions(slice(0, axis.size)), [0, 0.5, 3.5 / 3, 5.5 / 3, 2.5, 3])
    assert axis.size == 6
    assert axis.start * 3.0 == pytest.approx(-0.5)


@given(st.integers(1, 600), st.floats(0.1, 10), st.floats(0.1, 10))
def test_grid_is_centred_and_inside_the_outer_faces(size: int, spacing: float, new_spacing: float):
    axis = align_axis(size, spacing, new_spacing)
    last = axis.start + axis.step * (axis.size - 1)
    assert axis.start + last == pytest.approx(size - 1, abs=1e-9 * size)
    assert axis.start >= -0.5 - 1e-5 * size
    assert last <= size - 0.5 + 1e-5 * size
    assert (axis.size - 1) * axis.step < size * (1 + 1e-5)


@pytest.mark.parametrize(
    ("size", "spacing", "new", "expected"), [(60, 3.0, 2.0, 90), (100, 0.1, 1.0, 10), (3, 1, 10, 1)]
)
def test_rounding_errors_add_no_voxel(size: int, spacing: float, new: float, expected: int):
    assert align_axis(size, spacing, new).size == expected
    assert align_axis(size, float(np.float32(spacing)), new).size == expected


def test_an_axis_kept_or_of_equal_spacing_is_left_alone():
    for axis in (align_axis(7, 3.0, "keep"), align_axis(7, 3.0, 3.0), align_axis(7, float(np.float32(3.3)), 3.3)):
        assert axis.kept
        assert (axis.size, axis.start) == (7, 0.0)


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic_bspline"])
@pytest.mark.parametrize("new_spacing", [(2.0, 2.0, 2.0), (0.7, 0.5, 1.3), (1.0, "keep", 4.5)])
def test_values_are_simpleitks_where_it_has_any(method, new_spacing):
    axes = align(IMAGE.shape, SPACING, new_spacing)
    ours, theirs = interpolate(IMAGE, axes, whole(axes), method), resample_with_simpleitk(axes, method)
    # Beyond the outermost voxel centres SimpleITK mirrors splines where IBSI recommends the border value; a voxel just
    # between two others has no nearest one.
    positions = np.meshgrid(*[axis.start + axis.step * np.arange(axis.size) for axis in axes], indexing="ij")
    inside = np.all([(p >= 0) & (p <= n - 1) for p, n in zip(positions, IMAGE.shape, strict=True)], axis=0)
    if method == "nearest":
        inside &= np.all([np.abs(p % 1 - 0.5) > 1e-3 for p in positions], axis=0)
    assert inside.mean() > 0.25
    # SimpleITK ends the spline filter's sums at 1e-10 of an intensity, times its gain of 6 an axis.
    np.testing.assert_allclose(ours[inside], theirs[inside], rtol=0, atol=1e-7 if method == "cubic_bspline" else 1e-9)
    assert np.isfinite(ours).all()


def test_in_plane_interpolation_is_slice_by_slice():
    axes = align(IMAGE.shape, SPACING, (2.0, 2.0, "keep"))
    volume = interpolate(IMAGE, axes, whole(axes), "cubic_bspline")
    for k in (0, 5, 13):
        one = interpolate(
            IMAGE[k : k + 1], [align_axis(1, 3.0, "keep"), *axes[1:]], (slice(0, 1), *whole(axes)[1:]), "cubic_bspline"
        )
        np.testing.assert_allclose(one[0], volume[k], rtol=1e-12)


@pytest.mark.parametrize("method", ["linear", "cubic_bspline"])
def test_polynomials_are_reproduced(method):
    z, y, x = np.meshgrid(*[np.arange(size, dtype=float) for size in (60, 61, 62)], indexing="ij")
    image = (2 * z - y + 3 * x + 5) if method == "linear" else 0.01 * z**3 - 0.1 * y**2 * x + x
    axes = align(image.shape, (1.0, 1.0, 1.0), (0.9, 1.3, 0.77))
    middle = tuple(slice(axis.size // 2 - 4, axis.size // 2 + 4) for axis in axes)
    z, y, x = np.meshgrid(*[axis.positions(part) for axis, part in zip(axes, middle, strict=True)], indexing="ij")
    exact = (2 * z - y + 3 * x + 5) if method == "linear" else 0.01 * z**3 - 0.1 * y**2 * x + x
    # A polynomial is no mirrored function, so the spline feels the border, 24 voxels away, by 0.268 ** 24 of its slope.
    np.testing.assert_allclose(interpolate(image, axes, middle, method), exact, rtol=1e-9)


@given(st.data(), st.sampled_from(["nearest", "linear"]))
def test_a_window_has_the_values_of_the_whole(data, method):
    axes = align(IMAGE.shape, SPACING, (1.3, 0.9, 2.1))
    starts = [data.draw(st.integers(0, axis.size - 1)) for axis in axes]
    window = tuple(slice(a, data.draw(st.integers(a + 1, axis.size))) for a, axis in zip(starts, axes, strict=True))
    np.testing.assert_array_equal(
        interpolate(IMAGE, axes, window, method), interpolate(IMAGE, axes, whole(axes), method)[window]
    )
    mask = IMAGE > 100
    np.testing.assert_array_equal(
        interpolate_mask(mask, axes, window, method), interpolate_mask(mask, axes, whole(axes), method)[window]
    )


def test_a_window_of_a_spline_has_the_values_of_the_whole():
    image = np.random.default_rng(3).normal(0.0, 1000.0, size=(70, 75, 80))
    axes = align(image.shape, (1.0, 1.0, 1.0), (1.3, 0.8, 1.1))
    window = tuple(slice(axis.size // 2, axis.size // 2 + 5) for axis in axes)
    cropped = interpolate(image, axes, window, "cubic_bspline")
    np.testing.assert_allclose(
        cropped, interpolate(image, axes, whole(axes), "cubic_bspline")[window], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("method", ["nearest", "linear", "cubic_bspline"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 6, 2), (2, 3, 1)])
def test_thin_images(method, shape):
    image = np.full(shape, 7.0)
    axes = align(shape, (1.0, 1.0, 1.0), (0.4, 0.3, 0.7))
    np.testing.assert_allclose(interpolate(image, axes, whole(axes), method), 7.0, rtol=1e-12)


def test_a_mask_voxel_half_filled_belongs_to_it_whatever_the_header_rounds():
    mask = np.zeros((1, 1, 8), dtype=np.uint8)
    mask[0, 0, 2:4] = 1
    for spacing in (0.3, float(np.float32(0.3)), 0.3 * (1 - 1e-6), 0.3 * (1 + 1e-6)):
        axes = align(mask.shape, (spacing, 1.0, 1.0), (0.2, 1.0, 1.0))
        # Centres lie at -1/6, 1/2, 7/6, 11/6, 5/2, 19/6, 23/6, ...: the fifth and the edge at 11/6 are inside.
        inside = np.flatnonzero(interpolate_mask(mask, axes, whole(axes), "linear")[0, 0])
        assert axes[2].size == 12
        assert list(inside) == [3, 4, 5]
        shifted = np.roll(mask, 1, axis=2)
        assert list(np.flatnonzero(interpolate_mask(shifted, axes, whole(axes), "linear")[0, 0])) == [4, 5, 6, 7]


def test_linear_interpolation_marks_what_draws_on_holes_and_nothing_else():
    image = np.arange(12.0).reshape(1, 1, 12)
    image[0, 0, 5] = np.nan
    axes = align(image.shape, (1.0, 1.0, 1.0), (0.5, 1.0, 1.0))
    values = interpolate(image, axes, whole(axes), "linear")[0, 0]
    positions = axes[2].positions(slice(0, axes[2].size))
    np.testing.assert_array_equal(np.isnan(values), np.abs(positions - 5) < 1)
    np.testing.assert_allclose(values[~np.isnan(values)], positions[~np.isnan(values)])
    image[0, 0, 5] = np.inf
    np.testing.assert_array_equal(np.isnan(interpolate(image, axes, whole(axes), "linear")[0, 0]), np.isnan(values))


def test_weight_zero_draws_nothing_from_a_hole():
    image = np.array([1.0, np.nan, 3.0, 4.0, 5.0]).reshape(1, 1, 5)
    axes = align(image.shape, (1.0, 1.0, 1.0), (2.0, 1.0, 1.0))
    np.testing.assert_array_equal(interpolate(image, axes, whole(axes), "linear")[0, 0], [1.0, 3.0, 5.0])


def test_a_spline_refuses_holes_within_its_reach_only():
    image = np.zeros((1, 1, 100))
    image[0, 0, 60] = np.inf
    axes = align(image.shape, (1.0, 1.0, 1.0), (0.5, 1.0, 1.0))
    assert np.isfinite(interpolate(image, axes, (slice(0, 1), slice(0, 1), slice(0, 60)), "cubic_bspline")).all()
    with pytest.raises(RegionError, match=r"1 voxels .* NaN or infinite, the first at \[z, y, x\] = \[0, 0, 60\]"):
        interpolate(image, axes, (slice(0, 1), slice(0, 1), slice(0, 80)), "cubic_bspline")


def test_without_interpolation_values_are_copied_as_they_are():
    image = np.array([[[1, 2, 3]]], dtype=np.int16)
    axes = align(image.shape, (1.0, 1.0, 1.0), ("keep", "keep", "keep"))
    result = interpolate(image, axes, (slice(0, 1), slice(0, 1), slice(1, 3)), "cubic_bspline")
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, [[[2, 3]]])
    holes = np.array([[[np.nan, np.inf, 3.0]]])
    copy = interpolate(holes, axes, whole(axes), "linear")
    np.testing.assert_array_equal(copy, holes)
    assert not np.shares_memory(copy, holes)
