"""Re-segmentation: closed intervals, outlier limits from the whole region, and nothing left as an error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bayesrg.errors import RegionError
from bayesrg.imaging import Resegmentation, resegment

INTENSITIES = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1000, 1000))


def kept_of(values, **options):
    values = np.asarray(values, dtype=float).reshape(1, 1, -1)
    mask = np.ones(values.shape, dtype=bool)
    kept = resegment(values, mask, Resegmentation(**options)).ravel()
    assert mask.all()
    return kept


def test_the_interval_is_closed():
    assert list(kept_of([-501, -500, 0, 400, 401], range=(-500, 400))) == [False, True, True, True, False]
    assert list(kept_of([-1, 0, 1e9], range=(0, np.inf))) == [False, True, True]


def test_outlier_limits_come_from_the_whole_region():
    # With the -1000 two standard deviations reach from -170 to 250, and 80 stays; among what the range leaves they
    # would reach from 29 to 72 only.
    values = [*[40.0] * 50, *[60.0] * 50, 80.0, -1000.0]
    assert list(kept_of(values, range=(0, 90), outlier_sigma=2)) == [True] * 101 + [False]
    assert list(kept_of(values[:-1], range=(0, 90), outlier_sigma=2)) == [True] * 100 + [False]


@given(INTENSITIES, st.floats(1.0, 5.0))
def test_outliers_are_beyond_sigma(values, sigma):
    kept = kept_of(values, outlier_sigma=sigma)
    distance = np.abs(values - values.mean())
    # At the limit itself rounding decides.
    near = np.isclose(distance, sigma * values.std(), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(kept[~near], (distance <= sigma * values.std())[~near])
    assert kept.any()


@given(st.floats(-1e6, 1e6), st.integers(1, 50))
def test_a_constant_is_no_outlier_of_itself(value, size):
    assert kept_of(np.full(size, value), outlier_sigma=3.0).all()


def test_only_the_mask_counts():
    intensity = np.array([[[np.nan, 1.0, 2.0, 1e9]]])
    mask = np.array([[[False, True, True, False]]])
    kept = resegment(intensity, mask, Resegmentation(range=(2.0, 3.0), outlier_sigma=3.0))
    assert list(kept.ravel()) == [False, False, True, False]


def test_nothing_left_names_the_intensities_and_the_limits():
    with pytest.raises(RegionError, match=r"to \[-500, 400\] leaves none of the region's 3 voxels.*\[1000, 1200\]"):
        kept_of([1000, 1100, 1200], range=(-500, 400))
