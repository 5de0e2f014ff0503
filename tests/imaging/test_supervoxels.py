"""A contour redrawn from supervoxels keeps to the region, follows edges of the image, and repeats with its seed."""

import numpy as np
import pytest

from bayesrg.imaging.supervoxels import randomise_contour, supervoxel_edge

SPACINGS = [(2.0, 2.0, 2.0), (1.0, 1.0, 5.0), (2.0, 2.0, 3.0)]


def make_lesion(spacing: tuple[float, float, float], *, contrast: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a noisy image [z, y, x] with a ball of radius 20 mm of the given contrast, and the ball."""
    steps = spacing[::-1]
    axes = [np.arange(-40, 40 + step / 2, step) for step in steps]
    ball = sum(part**2 for part in np.meshgrid(*axes, indexing="ij")) <= 20**2
    noise = np.random.default_rng(1).normal(size=ball.shape)
    return contrast * ball + noise, ball


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * (first & second).sum() / (first.sum() + second.sum())


@pytest.mark.parametrize("spacing", SPACINGS)
def test_volume_is_about_kept_and_the_contour_moves_by_no_more_than_a_supervoxel(spacing):
    image, ball = make_lesion(spacing, contrast=0)
    redrawn = [randomise_contour(image, ball, spacing, np.random.default_rng(seed)) for seed in range(5)]
    assert np.mean([mask.sum() for mask in redrawn]) == pytest.approx(ball.sum(), rel=0.1)
    steps = spacing[::-1]
    reach = 20 + np.sqrt(3) * (supervoxel_edge(spacing) + max(spacing))
    for mask in redrawn:
        assert overlap(mask, ball) > 0.75
        assert not np.array_equal(mask, ball)
        places = (np.argwhere(mask) - (np.array(ball.shape) - 1) / 2) * steps
        assert np.sqrt((places**2).sum(axis=1)).max() < reach


def test_contour_stays_where_the_image_has_an_edge():
    spacing = (2.0, 2.0, 2.0)
    blurred, ball = make_lesion(spacing, contrast=0)
    sharp, _ = make_lesion(spacing, contrast=20)
    rng = np.random.default_rng
    without = [overlap(randomise_contour(blurred, ball, spacing, rng(seed)), ball) for seed in range(3)]
    along = [overlap(randomise_contour(sharp, ball, spacing, rng(seed)), ball) for seed in range(3)]
    assert min(along) > max(without)


def test_image_that_is_constant_in_the_region_still_shows_its_edge():
    spacing = (2.0, 2.0, 2.0)
    _, ball = make_lesion(spacing, contrast=0)
    assert overlap(randomise_contour(ball.astype(float), ball, spacing, np.random.default_rng(0)), ball) > 0.9


def test_same_seed_same_contour_other_seed_other_contour():
    spacing = (2.0, 2.0, 3.0)
    image, ball = make_lesion(spacing, contrast=1)
    first, again, other = (randomise_contour(image, ball, spacing, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_one_voxel_in_an_image_without_contrast_is_not_lost(fill: float):
    region = np.zeros((9, 9, 9), dtype=bool)
    region[4, 4, 4] = True
    redrawn = randomise_contour(np.full(region.shape, fill), region, (2.0, 2.0, 2.0), np.random.default_rng(0))
    assert redrawn.any()


def test_nan_outside_the_region_is_no_obstacle():
    spacing = (2.0, 2.0, 2.0)
    image, ball = make_lesion(spacing, contrast=20)
    image[:, :, :5] = np.nan
    assert overlap(randomise_contour(image, ball, spacing, np.random.default_rng(0)), ball) > 0.9


def test_supervoxels_are_8_mm_wide_unless_that_is_less_than_20_voxels():
    assert supervoxel_edge((1.0, 1.0, 1.0)) == pytest.approx(500 ** (1 / 3))
    assert supervoxel_edge((5.0, 5.0, 5.0)) == pytest.approx(2500 ** (1 / 3))


@pytest.mark.parametrize("shape", [(1, 20, 23), (2, 3, 30), (1, 1, 9), (1, 1, 1)])
def test_a_region_thinner_than_a_supervoxel_is_redrawn(shape):
    # In a loop, because memory overwritten shows itself now and then only.
    rng = np.random.default_rng(8)
    for _ in range(30):
        redrawn = randomise_contour(rng.random(shape), np.ones(shape, bool), (1.0, 1.0, 1.0), rng)
        assert redrawn.shape == shape
        assert redrawn.any()
