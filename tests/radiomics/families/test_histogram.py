"""Intensity histogram features against NumPy, IBSI's rules for ties, and the edges of the definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from bayesrg.errors import RegionError
from bayesrg.radiomics.families.histogram import IntensityHistogram, compute_histogram, count_levels

levels = hnp.arrays(np.int32, st.integers(1, 80), elements=st.integers(0, 9)).filter(np.any)


def describe_plainly(levels):
    """IBSI's formulas on the voxels' levels, not on their counts."""
    d = levels[levels > 0].astype(float)
    highest = int(d.max())
    counts = np.array([np.sum(d == level) for level in range(1, highest + 1)])
    p = counts[counts > 0] / d.size
    p10, p25, p75, p90 = np.percentile(d, [10, 25, 75, 90])
    inner = d[(d >= p10) & (d <= p90)]
    modes = np.flatnonzero(counts == counts.max()) + 1
    distances = abs(modes * d.size - int(d.sum()))
    flat = np.ptp(d) == 0
    gradient = np.gradient(counts.astype(float)) if highest > 1 else np.array([np.nan])
    one_bin = np.nan if highest == 1 else 1.0
    kurtosis = np.nan if flat else stats.kurtosis(d, fisher=False)
    return IntensityHistogram(
        mean=d.mean(),
        variance=d.var(),
        skewness=0.0 if flat else stats.skew(d),
        excess_kurtosis=0.0 if flat else kurtosis - 3,
        median=np.median(d),
        minimum=d.min(),
        percentile_10=p10,
        percentile_90=p90,
        maximum=highest,
        mode=modes[np.argmin(distances)],
        interquartile_range=p75 - p25,
        range=np.ptp(d),
        mean_absolute_deviation=np.abs(d - d.mean()).mean(),
        robust_mean_absolute_deviation=np.abs(inner - inner.mean()).mean() if inner.size else np.nan,
        median_absolute_deviation=np.abs(d - np.median(d)).mean(),
        coefficient_of_variation=d.std() / d.mean(),
        quartile_coefficient_of_dispersion=(p75 - p25) / (p75 + p25),
        entropy=-np.sum(p * np.log2(p)),
        uniformity=np.sum(p**2),
        maximum_gradient=gradient.max(),
        maximum_gradient_intensity=(np.argmax(gradient) + 1) * one_bin,
        minimum_gradient=gradient.min(),
        minimum_gradient_intensity=(np.argmin(gradient) + 1) * one_bin,
        kurtosis=kurtosis,
    )


@given(levels)
def test_values_equal_the_plain_formulas(levels):
    np.testing.assert_allclose(compute_histogram(levels), describe_plainly(levels), rtol=1e-9, atol=1e-9)


@given(levels, st.randoms(use_true_random=False))
def test_the_order_of_voxels_does_not_matter_in_any_bit(levels, random):
    shuffled = levels.copy()
    random.shuffle(shuffled)
    np.testing.assert_array_equal(compute_histogram(shuffled), compute_histogram(levels))


@given(levels, st.integers(1, 1000))
def test_a_shift_of_all_levels_moves_locations_and_leaves_spread_and_shape(levels, shift):
    before = compute_histogram(levels)._asdict()
    after = compute_histogram(np.where(levels > 0, levels + shift, 0))._asdict()
    locations = {"mean", "median", "minimum", "percentile_10", "percentile_90", "maximum", "mode"}
    relative = {"coefficient_of_variation", "quartile_coefficient_of_dispersion"}
    # Empty bins below the lowest level belong to the histogram, and so to its gradient.
    for name in before.keys() - relative - {name for name in before if "gradient" in name}:
        expected = before[name] + (shift if name in locations else 0)
        assert after[name] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), name


# The counting loop takes four voxels at a time; these lengths end it at each of its remainders.
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 1001])
def test_every_voxel_is_counted_once(count):
    levels = np.random.default_rng(count).integers(1, 6, count)
    np.testing.assert_array_equal(count_levels(levels), np.bincount(levels))


@pytest.mark.parametrize(
    ("levels", "mode"),
    [
        ([1, 1, 2, 2, 3, 9], 2),  # 1 and 2 are as frequent, the mean is 3
        ([1, 1, 2, 3, 4, 5, 5], 1),  # 1 and 5 are equally far from the mean, 3: the left one
        ([5, 5, 4, 3, 2, 1, 1], 1),
        ([1, 1, 1, 7, 7, 7, 8], 7),  # the mean is 32/7, above the middle of 1 and 7
        ([4], 4),
    ],
)
def test_mode_of_several_frequent_levels_is_the_nearest_to_the_mean_then_the_lower(levels, mode):
    assert compute_histogram(levels).mode == mode


def test_gradient_counts_empty_bins_and_takes_the_lowest_of_equal_extremes():
    # H = 0 2 0 2 0 0 1, so H' = 2 0 0 0 -1 0.5 1.
    described = compute_histogram([2, 2, 4, 4, 7])
    assert described.maximum_gradient == 2
    assert described.maximum_gradient_intensity == 1
    assert described.minimum_gradient == -1
    assert described.minimum_gradient_intensity == 5
    # H = 1 3 1 3 1 and H' = 2 0 0 0 -2; the flat steps between are neither.
    tied = compute_histogram([1, 2, 2, 2, 3, 4, 4, 4, 5])
    assert (tied.maximum_gradient_intensity, tied.minimum_gradient_intensity) == (1, 5)
    # H = 1 1 1: every gradient is 0, and the lowest level has both extremes.
    flat = compute_histogram([1, 2, 3])
    assert (flat.maximum_gradient_intensity, flat.minimum_gradient_intensity) == (1, 1)


def test_one_bin_has_no_gradient():
    described = compute_histogram([1, 1, 1])
    assert np.isnan(
        [
            described.maximum_gradient,
            described.maximum_gradient_intensity,
            described.minimum_gradient,
            described.minimum_gradient_intensity,
        ]
    ).all()
    assert (described.entropy, described.uniformity, described.mode) == (0, 1, 1)


def test_an_empty_region_is_an_error():
    with pytest.raises(RegionError, match="empty"):
        compute_histogram(np.zeros((3, 3), dtype=int))
