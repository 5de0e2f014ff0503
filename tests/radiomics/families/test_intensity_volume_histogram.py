"""The intensity-volume histogram against a plain one, closed forms of its area, and the edges of its definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesrg.errors import SettingsError
from bayesrg.radiomics import Settings
from bayesrg.radiomics.families.intensity_volume_histogram import (
    IntensityVolumeFeatures,
    choose_steps,
    compute_volume_histogram,
    describe,
)
from bayesrg.radiomics.region import Region
from bayesrg.radiomics.sections import IntensityVolumeHistogram
from bayesrg.settings import from_dict

whole = hnp.arrays(np.float64, st.integers(1, 40), elements=st.integers(-20, 20).map(float))
none = IntensityVolumeHistogram()
QUARTER = IntensityVolumeHistogram(method="fixed_bin_size", width=0.25)
DIGITAL = [1.0] * 50 + [3.0] + [4.0] * 16 + [6.0] * 7
"""Intensities of IBSI's digital phantom."""


def measure(intensities, options=none, intensity_range=None):
    ascending = np.sort(np.asarray(intensities, dtype=float))
    return compute_volume_histogram(ascending, choose_steps(ascending[0], ascending[-1], options, intensity_range))


def measure_plainly(discretised, levels):
    """IBSI's sums at every discretised intensity of the range, of which there are two or more."""
    nu = np.array([1 - np.sum(discretised < level) / discretised.size for level in levels])
    gamma = (levels - levels[0]) / (levels[-1] - levels[0])
    beyond = 2 * levels[-1] - levels[-2]
    fractions = (0.1, 0.25, 0.5, 0.75, 0.9)
    volumes = [nu[gamma >= x - 1e-12].max() for x in fractions]
    intensities = [levels[nu <= x + 1e-12].min() if (nu <= x + 1e-12).any() else beyond for x in fractions]
    area = np.trapezoid(nu, gamma) if np.ptp(discretised) > 0 else 0.0
    differences = [pair[0] - pair[1] for v in (volumes, intensities) for pair in ((v[0], v[4]), (v[1], v[3]))]
    return IntensityVolumeFeatures(*volumes, *intensities, *differences, area)


@given(whole, st.integers(0, 5), st.integers(0, 5))
def test_whole_intensities_equal_the_plain_sums(intensities, below, above):
    lower, upper = intensities.min() - below, intensities.max() + above
    if lower < upper:
        expected = measure_plainly(intensities, np.arange(lower, upper + 1))
        np.testing.assert_allclose(measure(intensities, none, (lower, upper)), expected, rtol=1e-12, atol=1e-12)


@given(whole, st.integers(1, 5), st.integers(1, 5))
def test_fixed_bin_size_equals_the_plain_sums_of_bin_centres(intensities, below, above):
    lower, upper = intensities.min() / 8 - below, intensities.max() / 8 + above
    centres = lower + (np.floor((intensities / 8 - lower) / 0.25) + 0.5) * 0.25
    bins = math.ceil((upper - lower) / 0.25)
    expected = measure_plainly(centres, lower + (np.arange(bins) + 0.5) * 0.25)
    np.testing.assert_allclose(measure(intensities / 8, QUARTER, (lower, upper)), expected, rtol=1e-12, atol=1e-12)


@given(whole.filter(lambda values: np.ptp(values) > 0), st.integers(2, 1000))
def test_fixed_bin_number_equals_the_plain_sums_of_bin_numbers(intensities, number):
    span = np.ptp(intensities)
    bins = np.minimum(np.floor(number * (intensities - intensities.min()) / span) + 1, number)
    found = measure(intensities, IntensityVolumeHistogram(method="fixed_bin_number", number=number))
    expected = measure_plainly(bins, np.arange(1.0, number + 1))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_the_digital_phantom_has_its_curve():
    """The table of gamma and nu that IBSI's manual gives: nu = 1, 24/74, 24/74, 23/74, 7/74, 7/74."""
    found = measure(DIGITAL)
    assert found.volume_at_intensity_fraction_10 == 24 / 74
    assert found.volume_at_intensity_fraction_50 == 23 / 74
    assert found.volume_at_intensity_fraction_90 == 7 / 74
    assert (found.intensity_at_volume_fraction_10, found.intensity_at_volume_fraction_90) == (5, 2)
    assert found.area_under_curve == pytest.approx((74 / 2 + 24 + 24 + 23 + 7 + 7 / 2) / 74 / 5, rel=1e-14)


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_area_of_equally_frequent_intensities_has_a_closed_form(steps):
    """nu falls from 1 to 1 / (n + 1) in a straight line, whose trapezoid is exact."""
    area = measure(np.arange(steps + 1.0)).area_under_curve
    assert area == pytest.approx((1 + 1 / (steps + 1)) / 2, rel=1e-14)


@pytest.mark.parametrize("share", [1, 250, 999])
def test_area_of_two_intensities_has_a_closed_form(share):
    """nu is 1 at the lower intensity and the upper one's share at all 50 steps above."""
    intensities = np.repeat([-10.0, 40.0], [1000 - share, share])
    upper = share / 1000
    assert measure(intensities).area_under_curve == pytest.approx(((1 + upper) / 2 + 49 * upper) / 50, rel=1e-13)


def test_area_under_fine_bins_approaches_the_mean():
    x = np.random.default_rng(2).gamma(3.0, 2.0, 20_000)
    area = measure(x, IntensityVolumeHistogram(method="fixed_bin_number", number=100_000)).area_under_curve
    assert area == pytest.approx((x.mean() - x.min()) / np.ptp(x), abs=2e-5)


@given(whole, st.integers(-1000, 1000))
def test_a_shift_moves_intensities_alone(intensities, shift):
    before, after = measure(intensities)._asdict(), measure(intensities + shift)._asdict()
    for name, value in before.items():
        moved = shift if name.startswith("intensity_at") else 0
        assert after[name] == pytest.approx(value + moved, rel=1e-12, abs=1e-12, nan_ok=True), name


@given(whole, st.randoms(use_true_random=False))
def test_the_order_of_voxels_does_not_matter_in_any_bit(intensities, random):
    shuffled = intensities.copy()
    random.shuffle(shuffled)
    np.testing.assert_array_equal(measure(shuffled), measure(intensities))


@pytest.mark.parametrize(
    ("options", "intensity"),
    [(none, 6.0), (QUARTER, 5.375), (IntensityVolumeHistogram(method="fixed_bin_number", number=1000), 2.0)],
)
def test_constant_intensity_has_no_intensity_fractions(options, intensity):
    found = measure([5.0, 5.0, 5.0], options)
    assert np.isnan(found[:5]).all()
    assert found[5:10] == (intensity,) * 5
    assert np.isnan(found[10:12]).all()
    assert found[12:] == (0, 0, 0)


def test_constant_intensity_within_a_range_has_fractions_and_no_area():
    found = measure([5.0, 5.0], none, (0.0, 10.0))
    assert found[:5] == (1, 1, 1, 0, 0)
    assert found.area_under_curve == 0


def test_a_span_below_one_step_is_a_single_intensity():
    assert np.isnan(measure([0.1, 0.4, 0.9]).volume_at_intensity_fraction_10)


def test_a_half_open_range_ends_with_the_region():
    assert measure([0.0, 4.0, 8.0], none, (-math.inf, 8.0)) == measure([0.0, 4.0, 8.0])
    assert measure([0.0, 4.0, 8.0], none, (0.0, math.inf)) == measure([0.0, 4.0, 8.0])


def test_ten_bins_of_a_tenth_are_ten():
    assert choose_steps(0.0, 0.1 * 3, IntensityVolumeHistogram(method="fixed_bin_size", width=0.1)).number == 3


def test_too_many_steps_are_refused_with_the_mend():
    with pytest.raises(SettingsError, match=r"5e\+09 steps of 1 .*number of bins"):
        measure([0.0, 5e9])


def test_a_region_is_described_by_its_own_discretisation_and_range():
    image = np.zeros((1, 2, 40))
    mask = np.zeros(image.shape, dtype=bool)
    image.reshape(-1)[:74] = DIGITAL
    mask.reshape(-1)[:74] = True
    region = Region(image, mask, mask, None, (1.0, 1.0, 1.0))
    settings = from_dict(
        Settings,
        {
            "resegmentation": {"range": [0, 8]},
            "intensity_volume_histogram": {"method": "fixed_bin_size", "width": 2},
        },
    )
    # Bins [0, 2), [2, 4), [4, 6), [6, 8] hold 50, 1, 16 and 7 voxels.
    found = describe(region, settings)[""]
    assert found["volume_at_intensity_fraction_50"] == 23 / 74
    assert found["intensity_at_volume_fraction_10"] == 7
    assert found["intensity_at_volume_fraction_90"] == 3
