"""Grey levels: IBSI's two formulas on hand-worked values, their properties, and the decided edge cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bayesrg.errors import RegionError
from bayesrg.imaging import Discretisation, discretise

# Whole multiples of 1/8 are exact in binary, so that shifting and scaling them rounds nothing.
INTENSITIES = arrays(np.float64, st.integers(1, 40), elements=st.integers(-8000, 8000).map(lambda k: k / 8))


def levels_of(values, settings: Discretisation, **options):
    values = np.asarray(values, dtype=float).reshape(1, 1, -1)
    return discretise(values, np.ones(values.shape, dtype=bool), settings, **options)


def fixed_number(number: int) -> Discretisation:
    return Discretisation(method="fixed_bin_number", number=number)


def fixed_size(width: float, minimum: float | None = None) -> Discretisation:
    return Discretisation(method="fixed_bin_size", width=width, minimum=minimum)


@pytest.mark.parametrize(
    ("values", "settings", "options", "expected", "number", "width", "minimum"),
    [
        ([0, 1, 2, 3, 4], fixed_number(4), {}, [1, 2, 3, 4, 4], 4, 1.0, 0.0),
        ([0, 0.99, 1, 10], fixed_number(10), {}, [1, 1, 2, 10], 10, 1.0, 0.0),
        ([5, 5, 5], fixed_number(8), {}, [1, 1, 1], 1, 0.0, 5.0),
        ([3, 9], fixed_number(1), {}, [1, 1], 1, 6.0, 3.0),
        ([0, 24, 25, 49, 50], fixed_size(25), {}, [1, 1, 2, 2, 3], 3, 25.0, 0.0),
        ([-400, 400], fixed_size(25), {"range_minimum": -500.0}, [5, 37], 37, 25.0, -500.0),
        ([-400, 400], fixed_size(25), {"range_minimum": -np.inf}, [1, 33], 33, 25.0, -400.0),
        ([-400, 400], fixed_size(25, -450), {"range_minimum": -500.0}, [3, 35], 35, 25.0, -450.0),
        ([7, 7], fixed_size(2), {}, [1, 1], 1, 2.0, 7.0),
        ([7, 7], fixed_size(2, 0), {}, [4, 4], 4, 2.0, 0.0),
    ],
)
def test_hand_worked_values(values, settings, options, expected, number, width, minimum):
    grey = levels_of(values, settings, **options)
    assert list(grey.level.ravel()) == expected
    assert (grey.number, grey.width, grey.minimum) == (number, width, minimum)
    assert grey.level.dtype == np.int32


@given(INTENSITIES, st.integers(1, 64))
def test_fixed_bin_number(values, number):
    grey = levels_of(values, fixed_number(number))
    level = grey.level.ravel()
    assert level.min() == 1
    assert level.max() == grey.number
    assert grey.number == (number if np.ptp(values) > 0 else 1)
    order = np.argsort(values, kind="stable")
    assert (np.diff(level[order]) >= 0).all()
    assert (level[values == values.max()] == grey.number).all()
    # Every intensity lies in the bin that its level names, but for the rounding of its edges.
    lower = grey.minimum + (level - 1) * grey.width
    slack = 1e-9 * max(1.0, np.abs(values).max())
    assert (values >= lower - slack).all()
    assert (values <= lower + grey.width + slack).all()


@given(INTENSITIES, st.integers(1, 64), st.integers(-800, 800), st.sampled_from([0.5, 2.0, 4.0]))
def test_fixed_bin_number_ignores_shift_and_scale(values, number, shift, scale):
    moved = levels_of(values * scale + shift / 8, fixed_number(number))
    np.testing.assert_array_equal(moved.level, levels_of(values, fixed_number(number)).level)


@given(INTENSITIES, st.sampled_from([0.125, 0.5, 3.0, 25.0]), st.integers(0, 500))
def test_fixed_bin_size(values, width, below):
    minimum = float(values.min() - below)
    grey = levels_of(values, fixed_size(width, minimum))
    level = grey.level.ravel()
    lower = minimum + (level - 1) * width
    assert (lower <= values).all()
    assert (values < lower + width).all()
    assert grey.number == level.max()
    assert (level >= 1).all()


@given(INTENSITIES, st.sampled_from([0.125, 0.5, 2.0, 32.0]), st.integers(-20, 20))
def test_fixed_bin_size_counts_whole_bins(values, width, bins):
    reference = levels_of(values, fixed_size(width, -2048.0)).level
    moved = levels_of(values + bins * width, fixed_size(width, -4096.0)).level
    np.testing.assert_array_equal(moved - reference, 2048 / width + bins)


def test_only_the_mask_counts():
    intensity = np.array([[[np.nan, 0.0, 1.0, 1e9, -np.inf]]])
    mask = np.array([[[False, True, True, False, False]]])
    assert list(discretise(intensity, mask, fixed_number(2)).level.ravel()) == [0, 1, 2, 0, 0]


def test_an_intensity_below_level_one_is_refused():
    with pytest.raises(RegionError, match=r"lowest intensity, -3, lies below the lower edge of grey level 1, 0;"):
        levels_of([-3, 5], fixed_size(1, 0))


def test_more_levels_than_fit_are_refused():
    with pytest.raises(RegionError, match=r"A bin width of 1e-09 makes \d+ grey levels"):
        levels_of([0, 100], fixed_size(1e-9))
