"""The chain as a whole: what it returns, where that lies in space, and the regions it refuses."""

import numpy as np
import pytest
import SimpleITK as sitk

from bayesrg.errors import RegionError
from bayesrg.imaging import Crop, Discretisation, Interpolation, ProcessingSettings, Resegmentation, Rounding, process

OBLIQUE = tuple(np.linalg.qr(np.array([[1.0, 0.2, 0.1], [-0.3, 1.0, 0.2], [0.1, -0.2, 1.0]]))[0].ravel())
UNCROPPED = Crop(extent="image")


def make_pair(intensity, region, spacing=(1.0, 1.0, 1.0), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)):
    image, mask = (
        sitk.GetImageFromArray(np.asarray(intensity)),
        sitk.GetImageFromArray(np.asarray(region).astype(np.uint8)),
    )
    for one in (image, mask):
        one.SetSpacing(spacing)
        one.SetOrigin((-3.0, 4.0, 50.0))
        one.SetDirection(direction)
    return image, mask


def make_ball(size=24, radius=7.0):
    z, y, x = np.ogrid[:size, :size, :size]
    region = (z - 12) ** 2 + (y - 11) ** 2 + (x - 10) ** 2 <= radius**2
    return np.random.default_rng(7).normal(50.0, 20.0, size=(size, size, size)), region


def test_the_contract():
    result = process(*make_pair(*make_ball()))
    assert {name: (array.dims, array.dtype.name) for name, array in result.items()} == {
        "intensity": (("z", "y", "x"), "float64"),
        "morphological_mask": (("z", "y", "x"), "bool"),
        "intensity_mask": (("z", "y", "x"), "bool"),
        "level": (("z", "y", "x"), "int32"),
    }
    assert set(result.attrs) == {
        "spacing", "origin", "direction", "discretisation", "n_levels", "bin_width", "bin_minimum",
    }  # fmt: skip
    assert (result.attrs["n_levels"], result.attrs["discretisation"]) == (32, "fixed_bin_number")
    assert set(np.unique(result.level)) <= set(range(33))


def test_without_discretisation_there_are_no_levels():
    result = process(*make_pair(*make_ball()), ProcessingSettings(discretisation=Discretisation(method="none")))
    assert "level" not in result
    assert set(result.attrs) == {"spacing", "origin", "direction", "discretisation"}


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int32, np.float32, np.float64])
def test_without_steps_intensities_are_the_images_own(dtype):
    intensity, region = make_ball()
    intensity = np.clip(intensity, 0, 255).astype(dtype)
    image, mask = make_pair(intensity, region)
    before = sitk.GetArrayFromImage(image)
    result = process(image, mask, ProcessingSettings(crop=UNCROPPED))
    np.testing.assert_array_equal(result.intensity, intensity)
    np.testing.assert_array_equal(result.intensity_mask, region)
    result.intensity.values[:] = -1
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), before)


@pytest.mark.parametrize(
    ("crop", "shape"),
    [
        (Crop(margin=0), (15, 15, 15)),
        (Crop(margin=2, unit="voxel"), (19, 19, 19)),
        (Crop(margin=2.5), (21, 21, 21)),
        (Crop(margin=6), (24, 24, 24)),
        (UNCROPPED, (24, 24, 24)),
    ],
)
def test_the_margin_reaches_as_far_as_the_image(crop, shape):
    result = process(*make_pair(*make_ball()), ProcessingSettings(crop=crop))
    assert result.intensity.shape == shape
    assert int(result.morphological_mask.sum()) == int(make_ball()[1].sum())


@pytest.mark.parametrize("spacing", [None, (1.3, 0.8, 2.0), (2.0, 2.0, "keep")])
def test_voxels_stay_where_they_are_in_space(spacing):
    # The image is its own physical x coordinate, which trilinear interpolation reproduces on any grid.
    _, region = make_ball()
    z, y, x = np.meshgrid(*[np.arange(24.0)] * 3, indexing="ij")
    steps = np.stack([0.9 * x, 1.2 * y, 1.7 * z], axis=-1)
    place = steps @ np.reshape(OBLIQUE, (3, 3)).T + (-3.0, 4.0, 50.0)
    coordinate, mask = make_pair(place[..., 0], region, spacing=(0.9, 1.2, 1.7), direction=OBLIQUE)
    settings = ProcessingSettings(crop=Crop(margin=0), interpolation=Interpolation(spacing=spacing))
    result = process(coordinate, mask, settings)
    k, j, i = np.meshgrid(*[np.arange(size) for size in result.intensity.shape], indexing="ij")
    steps = np.stack([i, j, k], axis=-1) * result.attrs["spacing"]
    expected = steps @ np.reshape(result.attrs["direction"], (3, 3)).T + result.attrs["origin"]
    np.testing.assert_allclose(result.intensity, expected[..., 0], atol=1e-9)


def test_rounding_comes_before_resegmentation_and_range_gives_the_lowest_edge():
    intensity = np.array([[[0.4, 0.6, 3.4, 4.6]]])
    settings = ProcessingSettings(
        rounding=Rounding(intensity=True),
        resegmentation=Resegmentation(range=(0.5, 4.5)),
        discretisation=Discretisation(method="fixed_bin_size", width=1.0),
    )
    result = process(*make_pair(intensity, np.ones(intensity.shape)), settings)
    assert list(result.intensity.values.ravel()) == [0.0, 1.0, 3.0, 5.0]
    assert list(result.intensity_mask.values.ravel()) == [False, True, True, False]
    assert list(result.morphological_mask.values.ravel()) == [True] * 4
    assert list(result.level.values.ravel()) == [0, 1, 3, 0]
    assert (result.attrs["bin_minimum"], result.attrs["n_levels"]) == (0.5, 3)


def test_one_voxel_of_constant_intensity():
    region = np.zeros((5, 5, 5))
    region[2, 2, 2] = 1
    result = process(*make_pair(np.full(region.shape, 7.0), region), ProcessingSettings(crop=Crop(margin=0)))
    assert result.intensity.shape == (1, 1, 1)
    assert (result.level.item(), result.attrs["n_levels"]) == (1, 1)


def test_a_region_at_the_border_of_the_image():
    region = np.zeros((6, 6, 6))
    region[0, 0, :] = 1
    settings = ProcessingSettings(interpolation=Interpolation(spacing=(0.7, 0.7, 0.7)))
    result = process(*make_pair(np.full(region.shape, 3.0), region), settings)
    assert result.morphological_mask.values[0, 0].all()
    np.testing.assert_allclose(result.intensity, 3.0, rtol=1e-12)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("image_method", [None, "linear", "nearest", "cubic_bspline"])
def test_holes_inside_the_region_are_an_error(hole, image_method):
    intensity, region = make_ball()
    intensity[12, 11, 10] = intensity[12, 11, 12] = hole
    interpolation = Interpolation(spacing=(2, 2, 2), image=image_method) if image_method else Interpolation()
    with pytest.raises(RegionError, match=r"holds 2 NaN or infinite intensities in \d+ voxels.*\[12, 11, 10\]"):
        process(*make_pair(intensity, region), ProcessingSettings(interpolation=interpolation))


def test_holes_outside_the_region_do_no_harm_without_interpolation():
    intensity, region = make_ball()
    holes = np.where(region, intensity, np.nan)
    result = process(*make_pair(holes, region), ProcessingSettings(crop=UNCROPPED))
    np.testing.assert_array_equal(result.intensity, holes)
    np.testing.assert_array_equal(
        result.level, process(*make_pair(intensity, region), ProcessingSettings(crop=UNCROPPED)).level
    )


def test_holes_away_from_the_region_do_no_harm_to_linear_interpolation():
    intensity, region = make_ball()
    holes = intensity.copy()
    holes[:, :, 20:] = np.nan
    settings = ProcessingSettings(crop=UNCROPPED, interpolation=Interpolation(spacing=(1.5, 1.5, 1.5)))
    result, reference = (process(*make_pair(one, region), settings) for one in (holes, intensity))
    np.testing.assert_array_equal(result.level, reference.level)
    finite = np.isfinite(result.intensity.values)
    np.testing.assert_array_equal(result.intensity.values[finite], reference.intensity.values[finite])
    assert 0 < (~finite).sum() < finite.sum()


def test_holes_beside_the_region_do_not_leak_into_it():
    intensity, region = make_ball()
    holes = np.where(region, intensity, np.nan)
    settings = ProcessingSettings(interpolation=Interpolation(spacing=(1.5, 1.5, 1.5)))
    with pytest.raises(RegionError, match=r"The interpolated region holds \d+ NaN or infinite intensities"):
        process(*make_pair(holes, region), settings)
    spline = ProcessingSettings(interpolation=Interpolation(spacing=(1.5, 1.5, 1.5), image="cubic_bspline"))
    with pytest.raises(RegionError, match=r"cubic B-spline reads around the region are NaN"):
        process(*make_pair(holes, region), spline)


@pytest.mark.parametrize(
    ("region", "settings", "message"),
    [
        (np.zeros((4, 4, 4)), ProcessingSettings(), r"The mask is empty: none of its 64 voxels is labelled"),
        (np.arange(64).reshape(4, 4, 4) % 3, ProcessingSettings(), r"several labels, from 1 to 2; choose one with"),
        (
            np.arange(64).reshape(4, 4, 4) == 0,
            ProcessingSettings(interpolation=Interpolation(spacing=(4, 4, 4))),
            r"The region's 1 voxels vanish on the interpolated grid of \[4\.0, 4\.0, 4\.0\] mm",
        ),
        (
            np.ones((4, 4, 4)),
            ProcessingSettings(resegmentation=Resegmentation(range=(100, 200))),
            r"\[100, 200\] leaves none of the region's 64 voxels.*\[0, 63\]",
        ),
    ],
)
def test_regions_that_are_none(region, settings, message):
    with pytest.raises(RegionError, match=message):
        process(*make_pair(np.arange(64.0).reshape(4, 4, 4), region), settings)
