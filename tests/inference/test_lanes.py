"""Lanes calculate as NumPy does, lane by lane."""

import numba
import numpy as np

from bayesrg.inference.lanes import LANES, exponent, fill, larger, load, significand, square_root, store


@numba.njit
def calculate(rows, out):
    left, right = load(rows, 0), load(rows, 1)
    store(out, 0, left + right)
    store(out, 1, left - right)
    store(out, 2, left * right)
    store(out, 3, left / right)
    store(out, 4, square_root(left))
    store(out, 5, fill(2.5) * right)
    store(out, 6, significand(left))
    store(out, 7, exponent(left))
    store(out, 8, larger(left, right))


def test_arithmetic_is_that_of_numpy():
    left, right = rows = np.exp(np.random.default_rng(1).normal(0.0, 5.0, (2, LANES)))
    out = np.empty((9, LANES))
    calculate(rows, out)
    for found, expected in zip(
        out, [left + right, left - right, left * right, left / right, np.sqrt(left), 2.5 * right], strict=False
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-15)
    fraction, power = np.frexp(left)
    np.testing.assert_array_equal(out[6], 2.0 * fraction)
    np.testing.assert_array_equal(out[7], power - 1.0)
    np.testing.assert_array_equal(out[8], np.maximum(left, right))


def test_extreme_numbers_come_apart_exactly():
    rows = np.array([[1.0, 2.0, 1e300, 1e-300, np.pi, 0.5, 2.0**1023, np.nextafter(2.0, 1.0)], np.ones(LANES)])
    out = np.empty((9, LANES))
    calculate(rows, out)
    assert ((out[6] >= 1.0) & (out[6] < 2.0)).all()
    np.testing.assert_array_equal(np.ldexp(out[6], out[7].astype(int)), rows[0])


def test_nan_is_not_lost():
    rows = np.ones((2, LANES))
    rows[0, 3] = np.nan
    out = np.empty((9, LANES))
    calculate(rows, out)
    np.testing.assert_array_equal(np.isnan(out[8]), np.arange(LANES) == 3)
