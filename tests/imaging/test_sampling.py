"""Turned and shifted grids: exact where the answer is known, and every voxel where its physical place says."""

import numpy as np
import pytest
import SimpleITK as sitk

from bayesrg.errors import RegionError
from bayesrg.imaging.process import find_box
from bayesrg.imaging.sampling import lies_inside, make_image, place_grid, sample, sample_mask
from bayesrg.imaging.settings import Interpolation

NO_SHIFT = (0.0, 0.0, 0.0)
KEEP = Interpolation()


def make_volume(shape=(5, 9, 7), *, spacing=(2.0, 2.0, 3.0), seed=0) -> sitk.Image:
    image = sitk.GetImageFromArray(np.random.default_rng(seed).normal(size=shape))
    image.SetSpacing(spacing)
    image.SetOrigin((11.0, -7.0, 40.0))
    # Axes turned about an oblique axis: none of them is parallel to an axis of physical space.
    versor = sitk.VersorTransform((1.0, 2.0, 0.5), 0.7)
    image.SetDirection(versor.GetMatrix())
    return image


def sample_whole(image: sitk.Image, interpolation: Interpolation = KEEP, **moves) -> np.ndarray:
    grid = place_grid(image, interpolation, **{"rotation": 0.0, "translation": NO_SHIFT} | moves)
    return sample(sitk.GetArrayViewFromImage(image), grid, grid.whole, interpolation.image)


@pytest.mark.parametrize("method", ["linear", "cubic_bspline", "nearest"])
@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_quarter_turns_are_exact(turns: int, method):
    image = make_volume()
    turned = sample_whole(image, Interpolation(image=method), rotation=90.0 * turns)
    # From x towards y, which are the last and the middle axis of an array.
    expected = np.rot90(sitk.GetArrayViewFromImage(image), turns, axes=(2, 1))
    np.testing.assert_allclose(turned, expected, atol=1e-12)


def test_positive_angle_turns_from_x_towards_y():
    voxels = np.zeros((1, 9, 9))
    voxels[0, 4, 7] = 1.0
    turned = sample_whole(sitk.GetImageFromArray(voxels), rotation=90.0)
    assert np.argwhere(turned > 0.5).tolist() == [[0, 7, 4]]


@pytest.mark.parametrize("method", ["linear", "cubic_bspline"])
def test_shift_by_whole_voxels_is_exact(method):
    image = make_volume()
    shifted = sample_whole(image, Interpolation(image=method), translation=(2.0, -1.0, 1.0))
    voxels = sitk.GetArrayViewFromImage(image)
    np.testing.assert_allclose(shifted[1:, :-1, 2:], voxels[:-1, 1:, :-2], atol=1e-12)


def test_shift_by_part_of_a_voxel_moves_a_ramp_by_that_part():
    ramp = np.indices((4, 6, 8))[2].astype(float)
    shifted = sample_whole(sitk.GetImageFromArray(ramp), translation=(0.25, 0.0, 0.0))
    np.testing.assert_allclose(shifted[:, :, 1:], ramp[:, :, 1:] - 0.25, atol=1e-12)


def test_shift_counts_in_voxels_of_the_new_grid():
    ramp = 2.0 * np.indices((4, 8, 12))[2]
    image = sitk.GetImageFromArray(ramp)
    finer = Interpolation(spacing=(0.5, 0.5, 0.5))
    shifted, plain = sample_whole(image, finer, translation=(0.5, 0.0, 0.0)), sample_whole(image, finer)
    np.testing.assert_allclose(shifted[:, :, 3:-3], plain[:, :, 3:-3] - 2.0 * 0.5 * 0.5, atol=1e-12)


@pytest.mark.parametrize("spacing", [None, (1.3, 1.7, 2.2), (1.5, 1.5, "keep")])
@pytest.mark.parametrize("rotation", [0.0, 17.0, -90.0, 200.0])
def test_values_belong_to_the_physical_place_of_their_voxel(spacing, rotation: float):
    image = make_volume((9, 16, 12))
    slope = np.array([0.7, -1.1, 0.4])
    places = [image.TransformIndexToPhysicalPoint(tuple(map(int, index[::-1]))) for index in np.ndindex(9, 16, 12)]
    ramp = sitk.GetImageFromArray((np.array(places) @ slope).reshape(9, 16, 12))
    ramp.CopyInformation(image)
    grid = place_grid(ramp, Interpolation(spacing=spacing), rotation=rotation, translation=(0.3, -0.2, 0.1))
    window = grid.surround((slice(4, 5), slice(7, 9), slice(5, 7)), 1.0)
    sampled = make_image(sample(sitk.GetArrayViewFromImage(ramp), grid, window, "linear"), ramp, grid, window)
    values = sitk.GetArrayViewFromImage(sampled)
    for index in np.ndindex(values.shape):
        place = sampled.TransformIndexToPhysicalPoint(tuple(map(int, index[::-1])))
        assert values[index] == pytest.approx(slope @ place, abs=1e-9)


@pytest.mark.parametrize("rotation", [0.0, 30.0])
def test_window_changes_no_value(rotation: float):
    image = make_volume((12, 20, 20))
    interpolation = Interpolation(spacing=(1.5, 1.5, 1.5), image="cubic_bspline")
    grid = place_grid(image, interpolation, rotation=rotation, translation=NO_SHIFT)
    window = (slice(4, 9), slice(10, 13), slice(9, 15))
    voxels = sitk.GetArrayViewFromImage(image)
    whole = sample(voxels, grid, grid.whole, "cubic_bspline")
    np.testing.assert_allclose(sample(voxels, grid, window, "cubic_bspline"), whole[window], atol=1e-12)


def test_turned_mask_keeps_its_volume_and_stays_in_the_window_around_it():
    mask = np.zeros((20, 40, 40), dtype=np.uint8)
    mask[5:15, 8:30, 12:22] = 1
    image = sitk.GetImageFromArray(mask)
    for angle in (6.0, 33.0, 45.0):
        grid = place_grid(image, KEEP, rotation=angle, translation=NO_SHIFT)
        whole = sample_mask(mask, grid, grid.whole, KEEP)
        window = grid.surround(find_box(mask), 0.0)
        assert whole.sum() == pytest.approx(mask.sum(), rel=0.02)
        assert sample_mask(mask, grid, window, KEEP).sum() == whole.sum()


def test_region_at_the_border_does_not_grow_out_of_the_image():
    mask = np.ones((4, 10, 10), dtype=np.uint8)
    grid = place_grid(sitk.GetImageFromArray(mask), KEEP, rotation=30.0, translation=NO_SHIFT)
    region = sample_mask(mask, grid, grid.whole, KEEP)
    assert region.shape == (4, 14, 14)
    np.testing.assert_array_equal(region, lies_inside(grid, grid.whole))
    assert region.sum() == pytest.approx(400, rel=0.05)


def test_nan_spreads_only_as_far_as_its_weight():
    voxels = np.zeros((3, 9, 9))
    voxels[1, 4, 4] = np.nan
    turned = sample_whole(sitk.GetImageFromArray(voxels), rotation=180.0)
    assert np.argwhere(np.isnan(turned)).tolist() == [[1, 4, 4]]
    shifted = sample_whole(sitk.GetImageFromArray(voxels), translation=(0.5, 0.0, 0.0))
    assert np.argwhere(np.isnan(shifted)).tolist() == [[1, 4, 4], [1, 4, 5]]


def test_spline_refuses_nan():
    voxels = np.zeros((3, 9, 9))
    voxels[1, 4, 4] = np.inf
    with pytest.raises(RegionError, match="1 voxels that the cubic B-spline reads"):
        sample_whole(sitk.GetImageFromArray(voxels), Interpolation(image="cubic_bspline"), rotation=5.0)
