"""The hull of a region's mesh against that of all its vertices; shapes of known size."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from bayesrg.radiomics.kernels.hull import measure_diameter, wrap_region

masks = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=7), elements=st.integers(0, 1)).filter(
    np.any
)
spacings = st.tuples(*[st.sampled_from([0.5, 1.0, 2.0, 3.3])] * 3)


def mesh_vertices(padded, spacing):
    """The midpoints between voxels inside and their neighbours outside, one by one."""
    points = []
    for axis in range(3):
        places = np.argwhere(np.diff(padded.astype(int), axis=axis) != 0).astype(float)
        places[:, axis] += 0.5
        points.append(places * spacing)
    return np.concatenate(points)


def compare(mask, spacing):
    padded = np.pad(mask.astype(np.uint8), 1)
    hull, vertices = wrap_region(padded, spacing), mesh_vertices(padded, spacing)
    plain = ConvexHull(vertices)
    assert hull.volume == pytest.approx(plain.volume, rel=1e-9)
    assert hull.area == pytest.approx(plain.area, rel=1e-9)
    assert measure_diameter(hull.vertices) == pytest.approx(pdist(vertices).max(), rel=1e-12)
    np.testing.assert_allclose(np.ptp(hull.vertices, axis=0), np.ptp(vertices, axis=0))
    return hull


@given(masks, spacings)
def test_hull_and_diameter_are_those_of_all_vertices_of_the_mesh(mask, spacing):
    compare(mask, spacing)


@pytest.mark.parametrize("radius", [3.0, 7.5, 12.3])
def test_a_ball_is_wrapped_whole(radius):
    square = np.sum((np.indices((27,) * 3) - 13) ** 2, axis=0)
    hull = compare(square <= radius**2, (1.0, 1.0, 1.0))
    assert measure_diameter(hull.vertices) == pytest.approx(2 * radius + 1, abs=1.0)


def test_the_centre_is_the_middle_of_the_volume():
    box = wrap_region(np.pad(np.ones((2, 3, 4), np.uint8), 1), (1.0, 2.0, 3.0))
    np.testing.assert_allclose(box.centre, [1.5, 4.0, 7.5])
    corner = np.zeros((9, 9, 9), np.uint8)
    corner[1, 1, 1] = corner[7, 1, 1] = corner[1, 7, 1] = corner[1, 1, 7] = 1
    hull = wrap_region(corner, (1.0, 1.0, 1.0))
    tetrahedra = hull.vertices[hull.triangles]
    shares = np.linalg.det(tetrahedra)
    np.testing.assert_allclose(hull.centre, shares @ tetrahedra.mean(axis=1) * 3 / 4 / shares.sum())


def test_separate_parts_have_one_hull():
    mask = np.zeros((9, 9, 9))
    mask[0, 0, 0] = mask[8, 8, 8] = mask[2, 7, 1] = 1
    compare(mask, (1.0, 2.0, 3.0))


def test_one_voxel_is_an_octahedron():
    hull = wrap_region(np.pad(np.ones((1, 1, 1), np.uint8), 1), (2.0, 3.0, 4.0))
    assert len(hull.vertices) == 6
    assert hull.volume == pytest.approx(4.0)
    assert measure_diameter(hull.vertices) == pytest.approx(4.0)


@given(masks, spacings)
def test_triangles_face_outward_and_close(mask, spacing):
    hull = wrap_region(np.pad(mask, 1), spacing)
    first, second, third = hull.vertices[hull.triangles].swapaxes(0, 1)
    cross = np.cross(second - first, third - first)
    doubled = np.linalg.norm(cross, axis=1)
    np.testing.assert_allclose(cross, hull.normals * doubled[:, np.newaxis], atol=1e-9 * doubled.max())
    assert np.all(doubled > 0)
    heights = hull.vertices @ hull.normals.T
    assert np.all(heights <= np.sum(first * hull.normals, axis=1) + 1e-9)
    # Each side belongs to two triangles, which name each other as neighbours.
    for number, corner in itertools.product(range(len(hull.triangles)), range(3)):
        side = set(np.delete(hull.triangles[number], corner))
        assert side <= set(hull.triangles[hull.neighbours[number, corner]])


@given(masks, spacings)
def test_parallel_faces_have_equal_normals(mask, spacing):
    normals = wrap_region(np.pad(mask, 1), spacing).normals
    cosines = np.abs(normals @ normals.T)
    sides = np.sign(normals @ normals.T)
    for here, there in np.argwhere(cosines > 1 - 1e-14):
        assert np.array_equal(normals[here], sides[here, there] * normals[there])
