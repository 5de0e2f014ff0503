"""The oriented box of solids that are known: boxes however turned, and what bounds any box."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from bayesrg.radiomics.kernels.bounding_box import enclose_in_box
from bayesrg.radiomics.kernels.hull import Hull, wrap_region

CORNERS = np.array(list(itertools.product([-0.5, 0.5], repeat=3)))
sides = st.tuples(*[st.floats(0.5, 30)] * 3)


def enclose_points(points):
    """The hull of points that are on no lattice, as Qhull finds it, with its triangles turned outward."""
    found = ConvexHull(points)
    triangles, neighbours, normals = found.simplices.copy(), found.neighbors.copy(), found.equations[:, :3].copy()
    first, second, third = points[triangles].swapaxes(0, 1)
    inward = np.sum(np.cross(second - first, third - first) * normals, axis=1) < 0
    for sides in (triangles, neighbours):
        sides[inward] = sides[inward][:, [0, 2, 1]]
    sides = triangles.astype(np.int64), neighbours.astype(np.int64), normals
    return Hull(points, *sides, found.area, found.volume, points.mean(axis=0))


def enclose_plainly(points):
    """Every face of the hull, every edge of the hull of the shadow: the definition, with no shortcut."""
    hull = ConvexHull(points)
    best = np.inf, None
    for normal in hull.equations[:, :3]:
        axes = np.linalg.svd(normal[np.newaxis])[2][1:]
        height, shadow = np.ptp(points @ normal), points @ axes.T
        outline = shadow[ConvexHull(shadow).vertices]
        for edge in np.roll(outline, -1, axis=0) - outline:
            along = edge / np.linalg.norm(edge)
            extents = height, np.ptp(outline @ along), np.ptp(outline @ [-along[1], along[0]])
            best = min(best, (np.prod(extents), tuple(sorted(extents, reverse=True))))
    return best


@given(sides, st.integers(0, 2**32 - 1))
def test_a_box_however_turned_is_its_own_box(lengths, seed):
    turned = Rotation.random(rng=np.random.default_rng(seed)).apply(CORNERS * lengths)
    np.testing.assert_allclose(enclose_in_box(enclose_points(turned)), np.sort(lengths)[::-1], rtol=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_points_have_the_smallest_of_all_boxes_flush_with_a_face(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rng.integers(5, 40), 3)) * [1, 2, 5]
    volume, _ = enclose_plainly(points)
    assert np.prod(enclose_in_box(enclose_points(points))) == pytest.approx(volume, rel=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_points_of_a_lattice_too_whose_hull_has_large_faces(seed):
    rng = np.random.default_rng(seed)
    mask = np.pad(rng.random((5, 6, 7)) < 0.3, 1).astype(np.uint8)
    hull = wrap_region(mask, (1.0, 1.5, 2.0))
    volume, _ = enclose_plainly(hull.vertices)
    assert np.prod(enclose_in_box(hull)) == pytest.approx(volume, rel=1e-9)


def test_a_digitised_turned_box_is_found_to_the_resolution_of_the_grid():
    lengths = np.array([40.0, 26.0, 14.0])
    turn = Rotation.from_euler("zyx", [20, 35, 50], degrees=True)
    inside = np.abs(turn.inv().apply((np.indices((51,) * 3) - 25).reshape(3, -1).T)) <= lengths / 2
    hull = wrap_region(np.pad(inside.all(axis=1).reshape((51,) * 3), 1).astype(np.uint8), (1.0, 1.0, 1.0))
    np.testing.assert_allclose(enclose_in_box(hull), lengths, atol=1.0)


@given(st.integers(0, 2**32 - 1))
def test_a_box_is_no_smaller_than_its_content_nor_larger_than_the_one_along_the_axes(seed):
    rng = np.random.default_rng(seed)
    mask = np.pad(rng.random((4, 5, 6)) < 0.4, 1).astype(np.uint8)
    mask[2, 2, 2] = 1
    hull = wrap_region(mask, (1.0, 2.0, 3.0))
    volume = np.prod(enclose_in_box(hull))
    assert hull.volume * (1 - 1e-9) <= volume
    turned = Rotation.random(rng=rng).apply(hull.vertices)
    assert np.prod(enclose_in_box(enclose_points(turned))) == pytest.approx(volume, rel=1e-6)
