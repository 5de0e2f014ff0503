"""Every perturbation does what its name says, on images where that is known, and on a real PET."""

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk
import xarray as xr

from bayesrg import datasets
from bayesrg.errors import GeometryError, RegionError, SettingsError
from bayesrg.imaging import (
    STANDARD_PERTURBATIONS,
    Crop,
    Discretisation,
    Interpolation,
    Perturbation,
    ProcessingSettings,
    Rounding,
    perturb,
    process,
)

SETTINGS = ProcessingSettings(interpolation=Interpolation(spacing=(2.0, 2.0, 2.0)))
SHAPE, SPACING = (24, 40, 40), (2.0, 2.0, 3.0)


def make_images(voxels: np.ndarray, mask: np.ndarray, spacing=SPACING) -> tuple[sitk.Image, sitk.Image]:
    images = sitk.GetImageFromArray(voxels), sitk.GetImageFromArray(mask.astype(np.uint8))
    for image in images:
        image.SetSpacing(spacing)
        image.SetOrigin((-30.0, 12.0, 100.0))
    return images


@pytest.fixture(scope="module")
def lesion() -> tuple[sitk.Image, sitk.Image]:
    """Return a ball of radius 18 mm and mean 50 in noise of standard deviation 4, off the image's centre."""
    z, y, x = np.indices(SHAPE)
    distance = np.sqrt((3 * (z - 12)) ** 2 + (2 * (y - 17)) ** 2 + (2 * (x - 22)) ** 2)
    noise = np.random.default_rng(6).normal(0, 4, SHAPE)
    return make_images(50 / (1 + np.exp((distance - 18) / 2)) + noise, distance <= 18)


@pytest.fixture(scope="module")
def pet() -> tuple[sitk.Image, sitk.Image]:
    image, mask = (sitk.ReadImage(str(datasets.path(f"sts/STS_001_PET_{part}.nii.gz"))) for part in ("image", "mask"))
    return image, mask


def run(images, change: Perturbation, settings: ProcessingSettings = SETTINGS, seed: int = 1) -> xr.Dataset:
    return process(*perturb(*images, change, settings, seed))


def volume(processed: xr.Dataset) -> float:
    """Return the region's volume in mm³."""
    return float(processed["morphological_mask"].sum()) * np.prod(processed.attrs["spacing"])


def test_original_is_what_was_given(lesion):
    image, mask, settings = perturb(*lesion, STANDARD_PERTURBATIONS["original"], SETTINGS, 1)
    assert (image, mask, settings) == (lesion[0], lesion[1], SETTINGS)


@pytest.mark.parametrize("image", ["linear", "cubic_bspline"])
def test_a_contour_that_hardly_changes_leaves_everything_as_process_has_it(lesion, image):
    settings = dataclasses.replace(SETTINGS, interpolation=Interpolation(spacing=(1.5, 1.7, 2.2), image=image))
    xr.testing.assert_equal(run(lesion, Perturbation(growth_fraction=1e-9), settings), process(*lesion, settings))


def test_quarter_turn_is_a_turned_array(lesion):
    plain, turned = run(lesion, Perturbation()), run(lesion, Perturbation(rotation=90.0))
    for name in plain:
        np.testing.assert_allclose(turned[name], np.rot90(plain[name], 1, axes=(2, 1)), atol=1e-9)


def test_shift_by_a_whole_voxel_is_a_shift_of_the_grid(lesion):
    whole = dataclasses.replace(SETTINGS, crop=Crop(extent="image"))
    plain, shifted = run(lesion, Perturbation(), whole), run(lesion, Perturbation(translation=(1.0, 0.0, -2.0)), whole)
    for name in ("intensity", "morphological_mask", "level"):
        np.testing.assert_allclose(shifted[name][:-2, :, 1:], plain[name][2:, :, :-1], atol=1e-9)
    # The anatomy stays in its physical place; the grid moves the other way.
    assert np.array(shifted.attrs["origin"]) - plain.attrs["origin"] == pytest.approx([-2.0, 0.0, 4.0])


def test_interpolating_once_keeps_what_interpolating_twice_blurs(lesion):
    settings = ProcessingSettings(crop=Crop(margin=0.0), interpolation=Interpolation(spacing=(2.0, 2.0, 2.0)))
    image, mask, after = perturb(*lesion, Perturbation(rotation=6.0), settings, 1)
    assert after.interpolation.spacing is None
    assert image.GetSpacing() == mask.GetSpacing() == (2.0, 2.0, 2.0)
    processed = process(image, mask, after)
    np.testing.assert_array_equal(
        processed["intensity"].values[processed["morphological_mask"].values],
        sitk.GetArrayFromImage(image)[sitk.GetArrayFromImage(mask) == 1],
    )
    assert dataclasses.replace(after, interpolation=settings.interpolation) == settings


@pytest.mark.parametrize("angle", [-13.0, 6.0])
def test_turned_region_keeps_volume_and_place(lesion, angle: float):
    image, mask, _ = perturb(*lesion, Perturbation(rotation=angle), SETTINGS, 1)
    ball = 4 / 3 * np.pi * 18**3
    assert np.count_nonzero(sitk.GetArrayViewFromImage(mask)) * 8.0 == pytest.approx(ball, rel=0.03)
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(mask)
    # In physical space nothing has moved: the ball's centre is where it was drawn.
    assert shape.GetCentroid(1) == pytest.approx((-30 + 2 * 22, 12 + 2 * 17, 100 + 3 * 12), abs=0.1)
    assert image.GetDirection() == mask.GetDirection()


def test_noise_is_of_the_image_s_own_level(lesion):
    settings = ProcessingSettings(crop=Crop(extent="image"))
    plain = process(*lesion, settings)["intensity"].values
    for factor in (0.5, 1.0, 2.0):
        added = run(lesion, Perturbation(noise=factor), settings)["intensity"].values - plain
        added = added[added != 0]
        # 4 is the noise put in; its estimate from some 16,000 voxels has a standard error of about 1.2 %.
        assert added.std() == pytest.approx(4 * factor, rel=0.06)
        assert abs(added.mean()) < 4 * added.std() / np.sqrt(added.size)


def test_noise_reaches_every_voxel_around_the_region(lesion):
    settings = dataclasses.replace(SETTINGS, crop=Crop(margin=6.0))
    plain, noisy = run(lesion, Perturbation(), settings), run(lesion, Perturbation(noise=1.0), settings)
    assert (plain["intensity"] != noisy["intensity"]).all()
    xr.testing.assert_equal(plain["morphological_mask"], noisy["morphological_mask"])


def test_noise_free_image_stays_as_it_is():
    images = make_images(np.full(SHAPE, 7.0), np.indices(SHAPE)[2] > 20)
    assert (run(images, Perturbation(noise=1.0), ProcessingSettings())["intensity"] == 7).all()


@pytest.mark.parametrize("distance", [-3.0, -1.0, -0.5, 0.5, 1.0, 3.0])
def test_ball_grows_by_the_stated_distance(lesion, distance: float):
    plain, grown = run(lesion, Perturbation()), run(lesion, Perturbation(growth_mm=distance))
    radii = [(3 * volume(ball) / (4 * np.pi)) ** (1 / 3) for ball in (plain, grown)]
    assert radii[1] - radii[0] == pytest.approx(distance, abs=0.2)


@pytest.mark.parametrize("fraction", [-0.28, -0.1, 0.1, 0.28])
def test_volume_changes_by_the_stated_fraction(lesion, fraction: float):
    plain, grown = run(lesion, Perturbation()), run(lesion, Perturbation(growth_fraction=fraction))
    assert volume(grown) / volume(plain) - 1 == pytest.approx(fraction, abs=0.5 * 8 / volume(plain) + 1e-12)


def test_margin_is_there_around_a_grown_region(lesion):
    settings = dataclasses.replace(SETTINGS, crop=Crop(margin=8.0))
    for change in (Perturbation(growth_mm=5.0), Perturbation(growth_fraction=0.5), Perturbation(supervoxels=True)):
        processed = run(lesion, change, settings)
        inside = processed["morphological_mask"].values
        for axis in range(3):
            filled = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
            assert (filled[0], inside.shape[axis] - 1 - filled[-1]) == (4, 4)


def test_growth_stops_at_the_edge_of_the_image():
    images = make_images(np.random.default_rng(1).normal(size=SHAPE), np.ones(SHAPE))
    plain = run(images, Perturbation(), SETTINGS)
    assert volume(run(images, Perturbation(growth_mm=4.0), SETTINGS)) == volume(plain)
    # Turned, the image is a slanted box on a larger grid: the region may fill the box and no more.
    turned = run(images, Perturbation(rotation=20.0), SETTINGS)
    assert volume(run(images, Perturbation(rotation=20.0, growth_mm=4.0), SETTINGS)) == volume(turned)


def test_redrawn_contour_overlaps_and_about_keeps_the_volume(lesion):
    plain = run(lesion, Perturbation())
    volumes = [volume(run(lesion, Perturbation(supervoxels=True), seed=seed)) for seed in range(5)]
    assert np.mean(volumes) == pytest.approx(volume(plain), rel=0.1)
    assert len(set(volumes)) > 1


def test_other_resampling_and_discretisation_are_settings(lesion):
    change = Perturbation(
        settings={
            "interpolation": {"spacing": [3, 3, 3]},
            "discretisation": {"method": "fixed_bin_number", "number": 16},
        }
    )
    processed = run(lesion, change)
    assert processed.attrs["spacing"] == (3.0, 3.0, 3.0)
    assert processed.attrs["n_levels"] == 16
    both = run(lesion, dataclasses.replace(change, rotation=5.0))
    assert both.attrs["spacing"] == (3.0, 3.0, 3.0)
    with pytest.raises(SettingsError, match="did you mean 'discretisation'"):
        perturb(*lesion, Perturbation(settings={"discretization": {"number": 16}}), SETTINGS, 1)


@pytest.mark.parametrize("name", ["noise", "supervoxels", "rotate_noise_grow_supervoxels"])
def test_seed_repeats_a_level_and_another_seed_does_not(lesion, name: str):
    change = STANDARD_PERTURBATIONS[name]
    first, again, other = (run(lesion, change, seed=seed) for seed in (5, 5, 6))
    xr.testing.assert_identical(first, again)
    assert not first.equals(other)
    xr.testing.assert_identical(first, process(*perturb(*lesion, change, SETTINGS, np.random.default_rng(5))))


def test_noise_does_not_redraw_the_contour_by_itself():
    # A constant image has no noise, so that its supervoxels are the same with noise of its own level as without.
    z, y, x = np.indices(SHAPE)
    images = make_images(np.zeros(SHAPE), (3 * (z - 12)) ** 2 + (2 * (y - 20)) ** 2 + (2 * (x - 20)) ** 2 <= 324)
    plain, noisy = (run(images, Perturbation(noise=noise, supervoxels=True)) for noise in (0.0, 1.0))
    xr.testing.assert_identical(plain, noisy)


def test_shrinking_that_empties_names_the_level(lesion):
    with pytest.raises(RegionError, match=r"level shrink_30_mm: .*would leave nothing of the region"):
        perturb(*lesion, Perturbation(growth_mm=-30.0), SETTINGS, 1, level="shrink_30_mm")
    with pytest.raises(RegionError, match=r"level growth_mm = -30\.0: "):
        perturb(*lesion, Perturbation(growth_mm=-30.0), SETTINGS, 1)


def test_unfit_regions_are_refused(lesion):
    image, mask = lesion
    change = Perturbation(rotation=5.0)
    with pytest.raises(RegionError, match="empty"):
        perturb(image, mask * 0, change, SETTINGS, 1)
    several = sitk.GetArrayFromImage(mask)
    several[12:] *= 3
    with pytest.raises(RegionError, match=r"labels \[1, 3\]"):
        perturb(*make_images(sitk.GetArrayFromImage(image), several), change, SETTINGS, 1)
    with pytest.raises(GeometryError):
        perturb(image, mask[1:], change, SETTINGS, 1)
    speck = np.zeros(SHAPE)
    speck[12, 20, 20] = 1
    coarse = ProcessingSettings(interpolation=Interpolation(spacing=(9.0, 9.0, 9.0)))
    with pytest.raises(RegionError, match="finer spacing"):
        perturb(*make_images(np.zeros(SHAPE), speck), change, coarse, 1)


@pytest.mark.data
def test_every_standard_level_on_a_real_pet(pet):
    settings = dataclasses.replace(SETTINGS, discretisation=Discretisation(number=32))
    plain = run(pet, Perturbation(), settings)
    suv = {}
    for name, change in STANDARD_PERTURBATIONS.items():
        processed = process(*perturb(*pet, change, settings, 7, level=name))
        suv[name] = float(processed["intensity"].values[processed["intensity_mask"].values].mean())
        growth = change.growth_fraction or {"shrink_1_mm": -0.07, "grow_1_mm": 0.07}.get(name, 0.0)
        assert volume(processed) / volume(plain) - 1 == pytest.approx(growth, abs=0.05), name
    # The mean over some 45,000 voxels of a large sarcoma is among the most robust of features.
    assert all(value == pytest.approx(suv["original"], rel=0.02) for value in suv.values())
    assert len({round(value, 9) for name, value in suv.items() if not name.startswith("bins")}) == len(suv) - 2


def test_rounding_comes_after_noise_as_for_a_ct(lesion):
    settings = dataclasses.replace(SETTINGS, rounding=Rounding(intensity=True))
    values = run(lesion, Perturbation(noise=1.0, rotation=4.0), settings)["intensity"].values
    np.testing.assert_array_equal(values, np.rint(values))
