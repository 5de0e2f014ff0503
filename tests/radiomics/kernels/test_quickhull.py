"""The exact hull of lattice points against Qhull's, and where points lie in planes, on lines and on one another."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from bayesrg.errors import RegionError
from bayesrg.radiomics.kernels.quickhull import enclose_lattice_points


def measure(points):
    """Area and volume, once every triangle was found to face outward and every side to join two of them."""
    vertices, triangles, neighbours = enclose_lattice_points(points)
    corners = points[vertices]
    first, second, third = corners[triangles].swapaxes(0, 1)
    normals = np.cross(second - first, third - first)
    offsets = np.sum(normals * first, axis=1)
    assert np.all(points @ normals.T <= offsets)
    assert len(triangles) == 2 * len(vertices) - 4
    assert np.unique(triangles).size == len(vertices)
    for number, corner in itertools.product(range(len(triangles)), range(3)):
        other = neighbours[number, corner]
        here, there = triangles[number, (corner + 1) % 3], triangles[number, (corner + 2) % 3]
        assert [there, here] in [[triangles[other, k], triangles[other, (k + 1) % 3]] for k in range(3)]
    return np.linalg.norm(normals, axis=1).sum() / 2, offsets.sum() / 6


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 5, 30, 400_000]), st.integers(5, 80))
def test_area_and_volume_equal_qhull_s(seed, side, count):
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.integers(0, side + 1, (count, 3)), side * np.eye(4, 3, dtype=np.int64)])
    plain = ConvexHull(points.astype(float))
    assert measure(points) == pytest.approx((plain.area, plain.volume), rel=1e-9)


@pytest.mark.parametrize("side", [1, 4])
def test_a_cube_of_points(side):
    points = np.array(list(itertools.product(range(side + 1), repeat=3)))
    assert measure(points) == (6 * side**2, side**3)
    vertices = points[enclose_lattice_points(points)[0]]
    assert set(map(tuple, vertices)) >= set(itertools.product([0, side], repeat=3))


def test_many_points_on_a_sphere():
    points = np.random.default_rng(7).normal(size=(3000, 3))
    points = np.rint(1000 * points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.int64)
    plain = ConvexHull(points.astype(float))
    assert measure(points) == pytest.approx((plain.area, plain.volume), rel=1e-12)


def test_the_order_of_points_does_not_matter():
    rng = np.random.default_rng(3)
    points = rng.integers(-9, 10, (200, 3))
    assert measure(points) == pytest.approx(measure(rng.permutation(np.concatenate([points, points]))), rel=1e-12)


@pytest.mark.parametrize(
    "points",
    [
        [[1, 2, 3]] * 5,
        [[0, 0, 0], [1, 2, 3], [2, 4, 6], [3, 6, 9]],
        [[0, 0, 0], [0, 4, 0], [0, 0, 4], [0, 4, 4], [0, 1, 2]],
        [[0, 0, 3], [0, 3, 0], [3, 0, 0], [1, 1, 1]],
    ],
)
def test_points_in_one_plane_have_no_hull(points):
    with pytest.raises(RegionError, match=f"the {len(points)} points lie in one plane"):
        enclose_lattice_points(np.array(points))
