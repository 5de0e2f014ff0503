"""Moran's I and Geary's C against the sums over all pairs as IBSI writes them, by either way of summing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesrg.radiomics.kernels import autocorrelation
from bayesrg.radiomics.kernels.autocorrelation import correlate_voxels

images = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
    elements=st.one_of(st.just(np.nan), st.integers(-50, 50).map(lambda number: number / 4)),
).filter(lambda image: np.unique(image[~np.isnan(image)]).size > 1)
spacings = st.tuples(*[st.sampled_from([0.5, 1.0, 2.0, 3.3])] * 3)


def correlate(image, spacing=(1.0, 1.0, 1.0)):
    """The region is where the image is not NaN."""
    mask = ~np.isnan(image)
    return correlate_voxels(image, mask, spacing, float(np.mean(image[mask])))


def correlate_plainly(image, spacing):
    mask = ~np.isnan(image)
    x, r = image[mask], np.argwhere(mask) * np.array(spacing)
    n, mu = x.size, x.mean()
    distance = np.linalg.norm(r[:, np.newaxis] - r, axis=2)
    w = np.divide(1.0, distance, out=np.zeros_like(distance), where=distance > 0)
    moran = n / w.sum() * np.sum(w * np.outer(x - mu, x - mu)) / np.sum((x - mu) ** 2)
    geary = (n - 1) / (2 * w.sum()) * np.sum(w * (x[:, np.newaxis] - x) ** 2) / np.sum((x - mu) ** 2)
    return moran, geary


@pytest.fixture(params=["pairs", "spectra"])
def way(request, monkeypatch):
    """Choose the way of summing, by calling the other one dear."""
    monkeypatch.setattr(autocorrelation, "PAIR" if request.param == "spectra" else "PRODUCT", 1e12)
    monkeypatch.setattr(autocorrelation, "START", 0.0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("seed", range(25))
def test_both_ways_equal_the_plain_sums(seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(1000, 30, rng.integers((1, 1, 2), 10))
    image[rng.random(image.shape) < rng.uniform(0, 0.6)] = np.nan
    image[0, 0, :2] = 990.0, 1010.0
    spacing = rng.uniform(0.5, 4, 3)
    np.testing.assert_allclose(correlate(image, spacing), correlate_plainly(image, spacing), rtol=1e-9, atol=1e-11)


@given(images, spacings)
def test_values_equal_the_plain_sums_for_any_region(image, spacing):
    np.testing.assert_allclose(correlate(image, spacing), correlate_plainly(image, spacing), rtol=1e-9, atol=1e-11)


def test_a_region_of_thousands_of_voxels_is_summed_over_frequencies(monkeypatch):
    rng = np.random.default_rng(8)
    image = rng.normal(size=(18, 21, 22)) + np.arange(22)
    image[np.sum((np.indices(image.shape) - 10) ** 2, axis=0) > 90] = np.nan
    spectra = correlate(image, (2.0, 1.0, 1.0))
    monkeypatch.setattr(autocorrelation, "PAIR", 0.0)
    np.testing.assert_allclose(spectra, correlate(image, (2.0, 1.0, 1.0)), rtol=1e-10)
    assert spectra.morans_i_index > 0.1
    assert spectra.gearys_c_measure < 0.9


def test_a_chess_board_is_negatively_correlated_and_noise_is_not_at_all():
    board = np.indices((8, 8, 8)).sum(axis=0) % 2.0
    assert correlate(board).morans_i_index < 0
    assert correlate(board).gearys_c_measure > 1
    noise = correlate(np.random.default_rng(1).normal(size=(20, 20, 20)))
    assert noise.morans_i_index == pytest.approx(0, abs=2e-3)
    assert noise.gearys_c_measure == pytest.approx(1, abs=2e-2)


def test_two_voxels():
    """The one pair: (x - mu)(y - mu) = -(x - y)^2 / 4, whatever the distance."""
    pair = np.array([[[3.0, np.nan, np.nan, 7.0]]])
    np.testing.assert_allclose(correlate(pair, (1.0, 1.0, 5.0)), (-1.0, 1.0))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 7), (4, 5, 6)])
@pytest.mark.parametrize("intensity", [0.0, 0.1, -1000.0, 1e300])
def test_equal_intensities_have_none(shape, intensity):
    assert np.isnan(correlate(np.full(shape, intensity))).all()


@given(images, st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3), spacings)
def test_turning_and_mirroring_change_nothing(image, order, mirrored, spacing):
    turned = image.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)]
    expected = correlate(image, spacing)
    np.testing.assert_allclose(
        correlate(np.ascontiguousarray(turned), tuple(spacing[axis] for axis in order)), expected, rtol=1e-9, atol=1e-11
    )


@given(images, st.floats(0.1, 100), st.floats(-100, 100), st.floats(0.1, 10))
def test_neither_unit_nor_zero_of_intensity_matter_nor_the_unit_of_length(image, scale, shift, length):
    expected = correlate(image)
    np.testing.assert_allclose(correlate(image * scale + shift, (length,) * 3), expected, rtol=1e-6, atol=1e-8)
