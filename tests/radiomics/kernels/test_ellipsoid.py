"""Ellipsoids: IBSI's series for their area, and the smallest round points that are known."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scipy.special import eval_legendre

from bayesrg.radiomics.kernels.ellipsoid import ellipsoid_area, ellipsoid_volume, enclose_in_ellipsoid

lengths = st.floats(0.5, 20)


@given(st.floats(0.3, 0.95), st.floats(0.3, 0.95), lengths)
def test_the_area_is_the_limit_of_ibsi_s_series(elongation, thickness, longest):
    a, b, c = longest, longest * elongation, longest * elongation * thickness
    alpha, beta = np.sqrt(1 - (b / a) ** 2), np.sqrt(1 - (c / a) ** 2)
    degree = np.arange(300)
    terms = (alpha * beta) ** degree / (1 - 4 * degree**2.0)
    series = np.sum(terms * eval_legendre(degree, (alpha**2 + beta**2) / (2 * alpha * beta)))
    assert ellipsoid_area((a, c, b)) == pytest.approx(4 * np.pi * a * b * series, rel=1e-5)


def test_the_area_of_a_sphere_and_of_flat_ellipsoids():
    assert ellipsoid_area((3, 3, 3)) == pytest.approx(36 * np.pi)
    assert ellipsoid_area((3, 3, 0)) > 0
    assert ellipsoid_area((3, 0, 0)) == 0
    assert ellipsoid_volume((1, 2, 3)) == pytest.approx(8 * np.pi)


@given(st.tuples(lengths, lengths, lengths), st.integers(0, 2**32 - 1))
def test_points_on_an_ellipsoid_are_enclosed_by_it(semi_axes, seed):
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(500, 3))
    # With every point its opposite: an ellipsoid touched all round is the smallest.
    sphere = np.concatenate([directions, -directions, 10 * np.eye(3), -10 * np.eye(3)])
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    points = Rotation.random(rng=rng).apply(sphere * semi_axes) + rng.normal(size=3)
    found = enclose_in_ellipsoid(points)
    assert np.prod(found) == pytest.approx(np.prod(semi_axes), rel=3e-4)
    np.testing.assert_allclose(found, np.sort(semi_axes)[::-1], rtol=2e-2)


@given(st.tuples(lengths, lengths, lengths), st.integers(0, 2**32 - 1))
def test_the_ellipsoid_of_a_box_has_its_sides_times_half_the_root_of_three(sides, seed):
    corners = np.array(list(itertools.product([-0.5, 0.5], repeat=3))) * sides
    points = Rotation.random(rng=np.random.default_rng(seed)).apply(corners)
    assert np.prod(enclose_in_ellipsoid(points)) == pytest.approx(np.prod(sides) * np.sqrt(27) / 8, rel=3e-4)


def test_the_ellipsoid_of_a_regular_tetrahedron_is_its_sphere():
    points = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    np.testing.assert_allclose(enclose_in_ellipsoid(points), np.sqrt(3), rtol=1e-4)


@given(st.integers(0, 2**32 - 1))
def test_the_smallest_ellipsoid_does_not_depend_on_an_affine_map(seed):
    rng = np.random.default_rng(seed)
    points, linear = rng.normal(size=(40, 3)), rng.normal(size=(3, 3)) + 3 * np.eye(3)
    mapped = np.prod(enclose_in_ellipsoid(points @ linear.T + 100))
    expected = abs(np.linalg.det(linear)) * np.prod(enclose_in_ellipsoid(points))
    assert mapped == pytest.approx(expected, rel=3e-4)


def test_all_points_are_inside():
    """The box of the ellipsoid along any axis holds the points' extent along it."""
    points = np.random.default_rng(5).normal(size=(100, 3)) * [1, 4, 9]
    found = enclose_in_ellipsoid(points)
    assert found[0] * 2 >= np.ptp(points @ np.linalg.svd(points - points.mean(axis=0))[2][0])
    assert np.prod(found) <= np.prod(np.ptp(points, axis=0)) * np.sqrt(27) / 8 * (1 + 3e-4)
