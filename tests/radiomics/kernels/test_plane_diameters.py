"""Diameters of regions in planes."""

import math

import numpy as np
import pytest

from bayesrg.radiomics.kernels.plane_diameters import measure_plane_diameters


def test_diameters_in_planes_of_a_box():
    mask = np.zeros((6, 7, 8), dtype=bool)
    mask[1:3, 1:4, 1:6] = True
    found = measure_plane_diameters(mask, (1.0, 1.5, 4.0))
    # Half a voxel beyond the centres, but not in the corners: 5 x 3 voxels of 1 x 1.5 mm reach 5 by 3 or 4 by 4.5 mm.
    assert found == pytest.approx((math.hypot(4.0, 4.5), math.hypot(4.0, 8.0), math.hypot(3.0, 8.0)))


@pytest.mark.parametrize("seed", range(5))
def test_diameters_are_those_of_all_pairs_of_vertices(seed):
    rng = np.random.default_rng(seed)
    mask, spacing = rng.random((4, 5, 6)) < 0.3, (1.0, 1.7, 2.3)
    padded = np.pad(mask, 1)
    vertices = []
    for axis in range(3):
        between = np.argwhere(np.diff(padded, axis=axis)).astype(float)
        between[:, axis] += 0.5
        vertices.extend(between)
    points = np.array(vertices)
    distances = np.sqrt(np.square((points[:, None] - points) * spacing[::-1]).sum(axis=2))
    expected = [distances[points[:, None, axis] == points[:, axis]].max() for axis in range(3)]
    assert measure_plane_diameters(mask, spacing) == pytest.approx(expected)
