"""The noise estimate finds the noise that was put in, and nothing where there is none."""

import numpy as np
import pytest

from bayesrg.imaging.noise import estimate_noise

SHAPE = (12, 48, 48)


def smooth_lesion() -> np.ndarray:
    z, y, x = np.indices(SHAPE)
    return 100 * np.exp(-((x - 24) ** 2 + (y - 20) ** 2 + 4 * (z - 6) ** 2) / 150) + 0.5 * x - 0.3 * y


@pytest.mark.parametrize("sd", [0.5, 4.0, 25.0])
def test_true_sd_is_recovered_within_monte_carlo_error(sd: float):
    rng = np.random.default_rng(2)
    estimates = [estimate_noise(smooth_lesion() + rng.normal(0, sd, SHAPE)) for _ in range(40)]
    error = np.std(estimates, ddof=1) / np.sqrt(40)
    # The lesion itself leaves 0.0002 of detail.
    assert abs(np.mean(estimates) - sd) < 4 * error + 0.001
    assert np.std(estimates) < 0.02 * sd


def test_estimate_follows_gain_and_ignores_offset_and_slope():
    noise = np.random.default_rng(3).normal(0, 2, SHAPE)
    x = np.indices(SHAPE)[2]
    assert estimate_noise(10 * noise + 7 * x - 1000) == pytest.approx(10 * estimate_noise(noise), rel=1e-6)


@pytest.mark.parametrize("value", [0.0, -1000.3])
def test_constant_image_has_no_noise(value: float):
    assert estimate_noise(np.full(SHAPE, value)) == 0


def test_padding_and_nan_are_left_out():
    image = np.random.default_rng(4).normal(10, 2, (6, 64, 160))
    whole = estimate_noise(image)
    image[:, :, :80] = 0
    image[3, 20, 140] = np.nan
    # Only the five columns in which the filter straddles the edge are off.
    assert estimate_noise(image) == pytest.approx(whole, rel=0.08)
    assert estimate_noise(np.full(SHAPE, np.nan)) == 0


def test_patch_of_few_voxels_still_has_an_estimate():
    assert 0 < estimate_noise(np.random.default_rng(5).normal(size=(1, 4, 4))) < 3
