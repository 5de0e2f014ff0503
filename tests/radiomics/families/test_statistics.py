"""Intensity statistics against NumPy and SciPy, their invariances, and the edges of their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from bayesrg.errors import RegionError
from bayesrg.radiomics.families.statistics import IntensityStatistics, compute_statistics

intensities = hnp.arrays(
    np.float64, st.integers(2, 60), elements=st.floats(-1000, 1000, width=32).map(lambda value: round(value, 2))
).filter(lambda values: np.ptp(values) > 0)


def describe_plainly(x):
    p10, p25, p75, p90 = np.percentile(x, [10, 25, 75, 90])
    inner = x[(x >= p10) & (x <= p90)]
    mean = x.mean()
    kurtosis = stats.kurtosis(x, fisher=False)
    return IntensityStatistics(
        mean=mean,
        variance=x.var(),
        skewness=stats.skew(x),
        excess_kurtosis=kurtosis - 3,
        median=np.median(x),
        minimum=x.min(),
        percentile_10=p10,
        percentile_90=p90,
        maximum=x.max(),
        interquartile_range=p75 - p25,
        range=np.ptp(x),
        mean_absolute_deviation=np.abs(x - mean).mean(),
        robust_mean_absolute_deviation=np.abs(inner - inner.mean()).mean() if inner.size else np.nan,
        median_absolute_deviation=np.abs(x - np.median(x)).mean(),
        coefficient_of_variation=x.std() / mean,
        quartile_coefficient_of_dispersion=(p75 - p25) / (p75 + p25),
        energy=np.sum(x**2),
        root_mean_square=np.sqrt(np.mean(x**2)),
        kurtosis=kurtosis,
    )


# Lengths around the widths of vector registers, where a loop's remainder begins.
@pytest.mark.parametrize("count", [2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 1000, 4099])
def test_values_equal_numpy_and_scipy(count):
    x = np.random.default_rng(count).gamma(2.0, 50.0, count)
    np.testing.assert_allclose(compute_statistics(x), describe_plainly(x), rtol=1e-11, atol=1e-12)


def test_ties_at_the_percentiles_belong_to_the_robust_deviation():
    x = np.repeat([1.0, 2.0, 3.0, 9.0], [10, 40, 40, 10])
    np.testing.assert_allclose(compute_statistics(x), describe_plainly(x), rtol=1e-12)


@given(intensities, st.randoms(use_true_random=False))
def test_the_order_of_voxels_does_not_matter_in_any_bit(x, random):
    shuffled = x.copy()
    random.shuffle(shuffled)
    np.testing.assert_array_equal(compute_statistics(shuffled), compute_statistics(x))


@given(intensities, st.floats(-500, 500))
def test_a_shift_moves_locations_and_leaves_spread_and_shape(x, shift):
    before, after = compute_statistics(x)._asdict(), compute_statistics(x + shift)._asdict()
    locations = {"mean", "median", "minimum", "percentile_10", "percentile_90", "maximum"}
    relative_to_zero = {
        "coefficient_of_variation",
        "quartile_coefficient_of_dispersion",
        "energy",
        "root_mean_square",
    }
    # The robust deviation counts voxels equal to a percentile, which rounding may move to the other side.
    for name in before.keys() - relative_to_zero - {"robust_mean_absolute_deviation"}:
        expected = before[name] + (shift if name in locations else 0)
        assert after[name] == pytest.approx(expected, rel=1e-6, abs=1e-6), name


@given(intensities, st.sampled_from([0.25, 2.0, 64.0]))
def test_a_change_of_unit_scales_each_feature_by_its_power(x, factor):
    before, after = compute_statistics(x)._asdict(), compute_statistics(x * factor)._asdict()
    powers = dict.fromkeys(before, 1) | {
        "variance": 2,
        "energy": 2,
        "skewness": 0,
        "excess_kurtosis": 0,
        "kurtosis": 0,
        "coefficient_of_variation": 0,
        "quartile_coefficient_of_dispersion": 0,
    }
    for name, value in before.items():
        assert after[name] == pytest.approx(value * factor ** powers[name], rel=1e-9, nan_ok=True), name


@pytest.mark.parametrize("value", [0.1, -1024.0, 1e-300, 1e100])
@pytest.mark.parametrize("count", [1, 2, 1000])
def test_constant_intensity_has_ibsi_values_and_no_rounding_noise(value, count):
    described = compute_statistics(np.full(count, value))
    spread = [
        described.variance,
        described.skewness,
        described.excess_kurtosis,
        described.interquartile_range,
        described.range,
        described.mean_absolute_deviation,
        described.robust_mean_absolute_deviation,
        described.median_absolute_deviation,
        described.coefficient_of_variation,
        described.quartile_coefficient_of_dispersion,
    ]
    assert spread == [0.0] * 10
    assert described.mean == described.median == described.percentile_10 == value
    assert np.isnan(described.kurtosis)


def test_ratios_to_zero_are_undefined():
    described = compute_statistics([-2.0, -1.0, 1.0, 2.0])
    assert np.isnan(described.coefficient_of_variation)
    assert np.isnan(described.quartile_coefficient_of_dispersion)


def test_a_mean_that_is_zero_to_rounding_is_zero():
    x = np.random.default_rng(1).normal(size=1000)
    assert np.isnan(compute_statistics(np.concatenate([x, -x]) / 3).coefficient_of_variation)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "at least one voxel"),
        ([1.0, np.nan], "1 of 2 intensities are NaN or infinite"),
        ([1.0, np.inf, 3.0], "1 of 3 intensities are NaN or infinite"),
        ([-np.inf, np.nan, 3.0], "2 of 3 intensities are NaN or infinite"),
        ([1e200, 3.0], "too large"),
    ],
)
def test_what_has_no_statistics_is_refused(values, message):
    with pytest.raises(RegionError, match=message):
        compute_statistics(np.array(values))
