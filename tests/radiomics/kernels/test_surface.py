"""The mesh: closed for any mask, equal to sums over its triangles, and known where geometry says what it must be."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayesrg.radiomics.kernels.surface import derive_patches, measure_surface, trace_polygons

masks = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 1)).filter(
    np.any
)
spacings = st.tuples(*[st.sampled_from([0.5, 1.0, 2.0, 3.3])] * 3)


def measure(mask, spacing=(1.0, 1.0, 1.0)):
    return measure_surface(np.pad(np.asarray(mask, dtype=np.uint8), 1), spacing)


def polygons_of(padded):
    """All polygons of a mask, in half voxels."""
    for cell in np.ndindex(*np.subtract(padded.shape, 1)):
        z, y, x = cell
        corners = padded[z : z + 2, y : y + 2, x : x + 2]
        configuration = sum(int(corners[k]) << (k[1] + 2 * k[0] + 4 * k[2]) for k in np.ndindex(2, 2, 2))
        for polygon in trace_polygons(configuration):
            yield configuration, [tuple(np.add(point, np.multiply(cell, 2)).tolist()) for point in polygon]


@given(masks)
def test_every_edge_between_polygons_is_run_through_once_each_way(mask):
    edges = Counter(
        (here, there)
        for _, polygon in polygons_of(np.pad(mask, 1))
        for here, there in zip(polygon, [*polygon[1:], polygon[0]], strict=True)
    )
    assert set(edges.values()) == {1}
    assert all((there, here) in edges for here, there in edges)


@given(masks, spacings)
def test_area_and_volume_are_sums_over_triangles(mask, spacing):
    """Triangulations are chosen anew from all fans; the volume is by tetrahedra from a far origin."""
    scale = np.array(spacing) / 2
    low_area, high_area, low, high = 0.0, 0.0, 0.0, 0.0
    for _, polygon in polygons_of(np.pad(mask, 1)):
        areas, volumes, unit_areas = [], [], []
        for start in range(len(polygon)):
            corners = np.array(polygon[start:] + polygon[:start], dtype=float)
            fan = [corners[[0, k, k + 1]] for k in range(1, len(corners) - 1)]
            unit_areas.append(sum(np.linalg.norm(np.cross(c - a, b - a)) for a, b, c in fan))
            areas.append(sum(np.linalg.norm(np.cross((c - a) * scale, (b - a) * scale)) / 2 for a, b, c in fan))
            volumes.append(sum(np.linalg.det(np.array(triangle) * scale) / 6 for triangle in fan))
        low_area, high_area = low_area + min(areas), high_area + max(areas)
        low, high = low + min(volumes), high + max(volumes)
    area, volume = measure(mask, spacing)
    # Polygons of up to five corners have no other triangulations than fans, those of six and seven hardly differ.
    slack = 1e-9 + 0.01 * abs(high)
    assert low_area * 0.99 - 1e-9 <= area <= high_area * 1.01 + 1e-9
    assert abs(low) - slack <= abs(volume) <= abs(high) + slack or abs(high) - slack <= abs(volume) <= abs(low) + slack


def test_a_voxel_is_an_octahedron():
    spacing = 2.0, 3.0, 4.0
    area, volume = measure(np.ones((1, 1, 1)), spacing)
    assert volume == pytest.approx(np.prod(spacing) / 6)
    half = np.array(spacing) / 2
    assert area == pytest.approx(8 * np.linalg.norm(np.cross([-half[0], half[1], 0], [-half[0], 0, half[2]])) / 2)


def test_a_box_is_a_box_with_bevelled_edges():
    """Along an edge a prism is cut off, at a corner a piece of the octahedron is left."""
    n, m, k = 5, 7, 9
    area, volume = measure(np.ones((n, m, k)))
    inner = [extent - 1 for extent in (n, m, k)]
    faces = 2 * (inner[0] * inner[1] + inner[1] * inner[2] + inner[2] * inner[0])
    edges = 4 * sum(inner)
    assert area == pytest.approx(faces + edges * np.sqrt(0.5) + 8 * np.sqrt(3) / 8)
    assert volume == pytest.approx(np.prod(inner) + faces / 2 + edges / 8 + 1 / 6)


def test_a_ball_has_the_volume_of_a_ball_and_a_hole_is_taken_off():
    square = np.sum((np.indices((41,) * 3) - 20) ** 2, axis=0)
    ball = square <= 19**2
    assert measure(ball).volume == pytest.approx(ball.sum(), rel=2e-3)
    hollow = measure(ball & (square > 10**2))
    hole = measure(square <= 10**2)
    # A hole's mesh is the ball's of the same voxels but for diagonal neighbours, which are cut apart on either side.
    assert hollow.area == pytest.approx(measure(ball).area + hole.area, rel=1e-2)
    assert hollow.volume == pytest.approx(measure(ball).volume - hole.volume, rel=1e-2)


def test_distant_parts_add_up():
    first, second = np.random.default_rng(2).random((2, 4, 5, 3)) < 0.5
    both = np.concatenate([first, np.zeros((1, 5, 3)), second])
    np.testing.assert_allclose(measure(both), np.add(measure(first), measure(second)))


@given(masks, spacings, st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3))
def test_turning_and_mirroring_change_nothing(mask, spacing, order, mirrored):
    turned = mask.transpose(order)[tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)]
    np.testing.assert_allclose(measure(turned, [spacing[axis] for axis in order]), measure(mask, spacing), rtol=1e-12)


@given(masks, st.lists(st.integers(0, 9), min_size=6, max_size=6))
def test_room_around_the_region_changes_nothing(mask, room):
    np.testing.assert_allclose(measure(np.pad(mask, np.reshape(room, (3, 2)))), measure(mask), rtol=1e-13)


@given(masks)
def test_lengths_scale(mask):
    area, volume = measure(mask)
    np.testing.assert_allclose(measure(mask, (3.0, 3.0, 3.0)), (9 * area, 27 * volume), rtol=1e-12)


def test_the_share_inside_of_a_configuration_lies_between_none_and_all():
    volumes = derive_patches().volumes
    assert volumes[0] == 0.0
    assert volumes[255] == 1.0
    assert np.all((volumes[1:255] > 0.0) & (volumes[1:255] < 1.0))
    # The surface of a region has its normals outward: more corners inside, more of the cell.
    for bit in range(8):
        without = [configuration for configuration in range(256) if not configuration >> bit & 1]
        assert all(volumes[configuration | 1 << bit] > volumes[configuration] for configuration in without)
