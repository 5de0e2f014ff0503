"""Growing and shrinking: a ball's radius changes by the millimetres asked for, a volume by the fraction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from bayesrg.errors import RegionError
from bayesrg.imaging.growth import ball_radius, grow, scale_volume

CUBIC = [((1.0, 1.0, 1.0), 10.0), ((2.0, 2.0, 2.0), 12.0), ((2.0, 2.0, 2.0), 6.0), ((4.0, 4.0, 4.0), 20.0)]
FLAT = [((2.0, 2.0, 3.0), 15.0), ((1.0, 1.0, 3.0), 12.0)]


def make_ball(spacing: tuple[float, float, float], radius: float, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a ball [z, y, x], its centre at random between voxels, and each voxel's distance to the centre in mm."""
    rng = np.random.default_rng(seed)
    steps = spacing[::-1]
    axes = [np.arange(-radius - 4 * step, radius + 4 * step, step) + rng.uniform(-0.5, 0.5) * step for step in steps]
    distance = np.sqrt(sum(part**2 for part in np.meshgrid(*axes, indexing="ij")))
    return distance <= radius, distance


@pytest.mark.parametrize(("spacing", "radius"), CUBIC + FLAT)
@pytest.mark.parametrize("part", [-1.0, -0.5, -0.2, 0.2, 0.5, 1.0])
def test_radius_of_a_ball_changes_by_the_distance(spacing, radius, part):
    step = np.prod(spacing) ** (1 / 3)
    changes = []
    for seed in range(3):
        ball, distance = make_ball(spacing, radius, seed=seed)
        grown = grow(ball, spacing, part * step)
        changes.append(ball_radius(grown.sum(), spacing) - ball_radius(ball.sum(), spacing))
        # The right voxels changed: they agree with the true ball of the new radius as well as digitisation lets them.
        truth = distance <= radius + part * step
        assert 2 * (grown & truth).sum() / (grown.sum() + truth.sum()) > 0.85
    assert np.mean(changes) == pytest.approx(part * step, abs=0.1 * step)


@pytest.mark.parametrize("distance", [-3.0, -1.0, -0.1, 0.1, 1.0, 3.0])
def test_regions_of_growing_distance_are_nested(distance):
    ball, _ = make_ball((2.0, 2.0, 3.0), 12.0)
    grown = grow(ball, (2.0, 2.0, 3.0), distance)
    smaller, larger = (ball, grown) if distance > 0 else (grown, ball)
    assert not (smaller & ~larger).any()


def test_distance_of_zero_changes_nothing():
    ball, _ = make_ball((1.0, 1.0, 1.0), 6.0)
    np.testing.assert_array_equal(grow(ball, (1.0, 1.0, 1.0), 0.0), ball)


def test_cube_grows_into_the_body_parallel_to_it():
    # Steiner: a³ + 6a²d + 3πad² + 4πd³/3.
    cube = np.zeros((40, 40, 40), dtype=bool)
    cube[10:30, 10:30, 10:30] = True
    grown = grow(cube, (1.0, 1.0, 1.0), 2.0)
    assert grown.sum() == pytest.approx(8000 + 6 * 400 * 2 + 3 * np.pi * 20 * 4 + 4 * np.pi * 8 / 3, rel=0.01)


def test_growth_stops_at_the_array():
    np.testing.assert_array_equal(grow(np.ones((4, 5, 6), dtype=bool), (1.0, 1.0, 1.0), 2.0), True)


def test_shrinking_that_empties_is_an_error():
    ball, _ = make_ball((2.0, 2.0, 2.0), 6.0)
    with pytest.raises(RegionError, match=r"-7 mm would leave nothing .* shrink it by less"):
        grow(ball, (2.0, 2.0, 2.0), -7.0)
    with pytest.raises(RegionError, match=r"-0\.99 would leave nothing of the region's 8 voxels"):
        scale_volume(np.ones((2, 2, 2), dtype=bool), (1.0, 1.0, 1.0), -0.99)


@pytest.mark.parametrize("change", [grow, scale_volume])
def test_empty_region_is_an_error(change):
    with pytest.raises(RegionError, match="no voxels"):
        change(np.zeros((5, 5, 5), dtype=bool), (1.0, 1.0, 1.0), 0.1)


def test_one_voxel_grows_and_does_not_vanish_unasked():
    voxel = np.zeros((7, 7, 7), dtype=bool)
    voxel[3, 3, 3] = True
    assert grow(voxel, (1.0, 1.0, 1.0), 0.5).sum() > 1
    np.testing.assert_array_equal(grow(voxel, (1.0, 1.0, 1.0), -0.2), voxel)


@given(seed=st.integers(0, 2**32 - 1), fraction=st.floats(-0.6, 0.6))
def test_volume_changes_by_the_fraction_to_the_nearest_voxel(seed: int, fraction: float):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(12, 18, 18)), 2)
    region = field > np.quantile(field, 0.85)
    scaled = scale_volume(region, (2.0, 2.0, 3.0), fraction)
    assert scaled.sum() == region.sum() + round(fraction * region.sum())
    assert not (region & ~scaled).any() or not (scaled & ~region).any()


def test_scaled_ball_is_the_ball_of_that_volume():
    ball, distance = make_ball((1.0, 1.0, 1.0), 10.0)
    for fraction in (-0.3, -0.1, 0.1, 0.3):
        scaled = scale_volume(ball, (1.0, 1.0, 1.0), fraction)
        truth = distance <= 10.0 * (1 + fraction) ** (1 / 3)
        assert 2 * (scaled & truth).sum() / (scaled.sum() + truth.sum()) > 0.97


def test_growth_keeps_within_the_mask_given():
    region = np.zeros((8, 8, 8), dtype=bool)
    region[2:6, 2:6, 2:4] = True
    within = np.zeros_like(region)
    within[:, :, :5] = True
    scaled = scale_volume(region, (1.0, 1.0, 1.0), 1.0, within=within)
    assert scaled.sum() == 64
    assert not (scaled & ~within).any()
    with pytest.raises(RegionError, match="image has room for"):
        scale_volume(region, (1.0, 1.0, 1.0), 1.0, within=region)


def make_disc(*, radius: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """Return a disc [1, y, x] of spacing 1 mm, and each voxel's distance to its centre."""
    y, x = np.indices((48, 50)) - 24.3
    distance = np.hypot(y, x)[np.newaxis]
    return distance <= radius, distance


@pytest.mark.parametrize("thickness", [0.5, 1.0, 5.0])
@pytest.mark.parametrize("change", [-3.0, -1.0, -0.3, 0.3, 1.0, 3.0])
def test_the_disc_of_a_single_slice_changes_within_the_slice(change: float, thickness: float):
    disc, distance = make_disc()
    spacing = (1.0, 1.0, thickness)
    grown = grow(disc, spacing, change)
    assert np.sqrt(grown.sum() / np.pi) - np.sqrt(disc.sum() / np.pi) == pytest.approx(change, abs=0.1)
    np.testing.assert_array_equal(grow(disc, (1.0, 1.0, 1.0), change), grown)
    scaled = scale_volume(disc, spacing, change / 10)
    assert scaled.sum() == disc.sum() + round(change / 10 * disc.sum())
    truth = distance <= 12.0 * (1 + change / 10) ** 0.5
    assert 2 * (scaled & truth).sum() / (scaled.sum() + truth.sum()) > 0.98


def test_a_single_row_and_a_single_voxel_of_image():
    row = np.zeros((1, 1, 20), dtype=bool)
    row[0, 0, 8:12] = True
    assert np.flatnonzero(grow(row, (1.0, 1.0, 1.0), 2.0)).tolist() == list(range(6, 14))
    assert scale_volume(row, (1.0, 1.0, 1.0), -0.5).sum() == 2
    np.testing.assert_array_equal(grow(np.ones((1, 1, 1), dtype=bool), (1.0, 1.0, 1.0), 2.0), True)
    assert ball_radius(10, (2.0,)) == pytest.approx(10.0)
    assert ball_radius(10, (2.0, 3.0)) == pytest.approx(np.sqrt(60 / np.pi))
