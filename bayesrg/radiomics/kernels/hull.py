"""The convex hull of a region's mesh (IBSI 3.1): its vertices and triangles, area, volume and diameter.

The vertices of the mesh are the midpoints between voxels inside and their neighbours outside; their hull is that of all
points half a voxel from a voxel of the region along an axis. In half voxels these are whole numbers. Few of them can be
corners of the hull: the first and last of each row along x, and of these, in each plane through x and a line of rows,
the corners of the planar hull. What is left goes to `bayesrg.radiomics.kernels.quickhull`, whose answer is exact.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesrg.radiomics.kernels.quickhull import enclose_lattice_points

ABSENT = 2**30
LINES = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Lines of rows, as steps in z and y, along which planar hulls are taken; more would cost more than they save."""


class Hull(NamedTuple):
    """A convex polyhedron.

    Attributes
    ----------
    vertices : float64 array, shape (vertex, 3)
        Corners in mm, columns z, y, x; the origin is arbitrary.
    triangles : int64 array, shape (triangle, 3)
        Rows of ``vertices``, counterclockwise seen from outside; several triangles may lie in one plane.
    neighbours : int64 array, shape (triangle, 3)
        The triangle across the side opposite each corner.
    normals : float64 array, shape (triangle, 3)
        Outward unit normals; of triangles in one plane, or in opposite ones, they are equal to the last bit.
    area, volume
        In mm^2 and mm^3.
    centre : float64 array, shape (3,)
        The middle of the volume, in mm.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    normals: NDArray[np.float64]
    area: float
    volume: float
    centre: NDArray[np.float64]


def wrap_region(padded: NDArray[np.uint8], spacing: tuple[float, float, float]) -> Hull:
    """Return the convex hull of a region's mesh.

    Parameters
    ----------
    padded : uint8 array, dims [z, y, x], C-contiguous
        1 inside the region and 0 outside; 0 on all six sides of the array.
    spacing
        Of the grid along z, y and x, in mm.
    """
    points = _find_candidates(padded)
    corners, triangles, neighbours = enclose_lattice_points(points)
    z, y, x = spacing
    vertices, normals, area, volume, centre = _measure_faces(points[corners], triangles, z / 2.0, y / 2.0, x / 2.0)
    return Hull(vertices, triangles, neighbours, normals, area, volume, centre)


def _find_candidates(padded: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Points of the mesh, in half voxels, among which are all corners of its hull."""
    ends = _find_row_ends(padded)
    for z, y in LINES:
        for lowest in ends:
            _keep_corners(lowest, z, y)
    side, z, y = (ends != ABSENT).nonzero()
    return np.stack([z, y, ends[side, z, y] * (1 - 2 * side)], axis=1)


@njit(cache=True, nogil=True, error_model="numpy")
def _find_row_ends(padded: np.ndarray) -> np.ndarray:
    """Lowest x, and highest x with its sign changed, of the points in each row along x; half voxels, or `ABSENT`."""
    depth, height, width = padded.shape
    ends = np.empty((2, 2 * depth, 2 * height), np.int64)
    lowest, highest = ends[0], ends[1]
    for z in range(2 * depth):
        for y in range(2 * height):
            lowest[z, y] = highest[z, y] = ABSENT
    for z in range(1, depth - 1):
        for y in range(1, height - 1):
            first = 0
            while first < width and padded[z, y, first] == 0:
                first += 1
            if first == width:
                continue
            last = width - 1
            while padded[z, y, last] == 0:
                last -= 1
            lowest[2 * z, 2 * y], highest[2 * z, 2 * y] = 2 * first - 1, -2 * last - 1
            for beside_z, beside_y in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                place = 2 * z + beside_z, 2 * y + beside_y
                lowest[place] = min(lowest[place], 2 * first)
                highest[place] = min(highest[place], -2 * last)
    return ends


@njit(cache=True, nogil=True, error_model="numpy")
def _keep_corners(lowest: np.ndarray, step_z: int, step_y: int) -> None:
    """Along each line of rows, mark as absent the points that are no corners of their lower planar hull."""
    depth, height = lowest.shape
    places, values = np.zeros(depth + height, np.int64), np.zeros(depth + height, np.int64)
    for start_z in range(depth):
        for start_y in range(height):
            if 0 <= start_z - step_z < depth and 0 <= start_y - step_y < height:
                continue
            size, place, z, y = 0, 0, start_z, start_y
            while 0 <= z < depth and 0 <= y < height:
                value = lowest[z, y]
                if value != ABSENT:
                    while size > 1 and (values[size - 1] - values[size - 2]) * (place - places[size - 2]) >= (
                        value - values[size - 2]
                    ) * (places[size - 1] - places[size - 2]):
                        size -= 1
                        lowest[start_z + places[size] * step_z, start_y + places[size] * step_y] = ABSENT
                    places[size], values[size] = place, value
                    size += 1
                z, y, place = z + step_z, y + step_y, place + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _measure_faces(
    corners: np.ndarray, triangles: np.ndarray, unit_z: float, unit_y: float, unit_x: float
) -> tuple[np.ndarray, np.ndarray, float, float, np.ndarray]:
    """Vertices in mm, unit normals, area, volume and centre of lattice points' hull; the lattice's units in mm."""
    vertices, normals = np.zeros(corners.shape), np.zeros(triangles.shape)
    for k in range(len(corners)):
        vertices[k, 0], vertices[k, 1] = corners[k, 0] * unit_z, corners[k, 1] * unit_y
        vertices[k, 2] = corners[k, 2] * unit_x
    area, volume, centre = 0.0, 0, np.zeros(3)
    for k in range(len(triangles)):
        first, second, third = corners[triangles[k, 0]], corners[triangles[k, 1]], corners[triangles[k, 2]]
        az, ay, ax = second[0] - first[0], second[1] - first[1], second[2] - first[2]
        bz, by, bx = third[0] - first[0], third[1] - first[1], third[2] - first[2]
        z, y, x = ay * bx - ax * by, ax * bz - az * bx, az * by - ay * bz
        share = z * first[0] + y * first[1] + x * first[2]
        volume += share
        # Of the tetrahedron on the triangle the fourth corner is 0.
        for axis in range(3):
            centre[axis] += share * (first[axis] + second[axis] + third[axis]) / 4.0
        # Without their common divisor normals that are parallel are equal.
        divisor, rest = abs(z), abs(y)
        while rest:
            divisor, rest = rest, divisor % rest
        rest = abs(x)
        while rest:
            divisor, rest = rest, divisor % rest
        across_z, across_y = z // divisor * (unit_y * unit_x), y // divisor * (unit_z * unit_x)
        across_x = x // divisor * (unit_z * unit_y)
        length = np.sqrt(across_z * across_z + across_y * across_y + across_x * across_x)
        area += length * divisor
        normals[k, 0], normals[k, 1], normals[k, 2] = across_z / length, across_y / length, across_x / length
    centre[0], centre[1], centre[2] = centre[0] * unit_z, centre[1] * unit_y, centre[2] * unit_x
    return vertices, normals, area / 2.0, volume / 6.0 * (unit_z * unit_y * unit_x), centre / volume


def measure_diameter(vertices: NDArray[np.float64]) -> float:
    """Return the largest distance between two of the vertices, shape (vertex, 3)."""
    return math.sqrt(_square_distances(np.ascontiguousarray(vertices.T)).max())


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def _square_distances(vertices: np.ndarray) -> np.ndarray:
    """The largest squared distance of each vertex, a column, from those behind it."""
    farthest = np.zeros(vertices.shape[1])
    # Maxima of many numbers side by side, because a single one is not taken in vector registers (8 times slower).
    for first in range(farthest.size):
        for second in range(first):
            below, beside = vertices[0, second] - vertices[0, first], vertices[1, second] - vertices[1, first]
            along = vertices[2, second] - vertices[2, first]
            farthest[second] = max(farthest[second], below * below + beside * beside + along * along)
    return farthest
