"""The convex hull of a region's mesh (IBSI 3.1): its vertices and triangles, area, volume and diameter.

The vertices of the mesh are the midpoints between voxels inside and their neighbours outside; their hull is that of all
points half a voxel from a voxel of the region along an axis. In half voxels these are whole numbers. Few of them can be
corners of the hull: the first and last of each row along x, and of these, in each plane through x and a line of rows,
the corners of the planar hull. What is left goes to Qhull.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull

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
        Rows of ``vertices``; several triangles may lie in one plane.
    neighbours : int64 array, shape (triangle, 3)
        The triangle across the side opposite each corner.
    normals : float64 array, shape (triangle, 3)
        Outward unit normals.
    area, volume
        In mm^2 and mm^3.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    normals: NDArray[np.float64]
    area: float
    volume: float


def wrap_region(padded: NDArray[np.uint8], spacing: tuple[float, float, float]) -> Hull:
    """Return the convex hull of a region's mesh.

    Parameters
    ----------
    padded : uint8 array, dims [z, y, x]
        1 inside the region and 0 outside; 0 on all six sides of the array.
    spacing
        Of the grid along z, y and x, in mm.
    """
    lowest, highest = _find_row_ends(padded)
    for z, y in LINES:
        _keep_corners(lowest, z, y)
        _keep_corners(highest, z, y)
    low, high = np.nonzero(lowest != ABSENT), np.nonzero(highest != ABSENT)
    points = np.concatenate([np.column_stack([*low, lowest[low]]), np.column_stack([*high, -highest[high]])])
    return enclose_points(points, np.asarray(spacing) / 2)


def enclose_points(points: ArrayLike, unit: ArrayLike = (1.0, 1.0, 1.0)) -> Hull:
    """Return the convex hull of points that do not all lie in one plane.

    Parameters
    ----------
    points : array_like, shape (point, 3)
        Columns z, y, x, in multiples of ``unit``.
    unit : array_like, shape (3,)
        Length of 1 along z, y and x, in mm.
    """
    # Qhull works on the given numbers: coordinates of a lattice are whole, and coplanar to the last bit.
    found = ConvexHull(np.asarray(points, dtype=np.float64))
    scale = np.asarray(unit, dtype=np.float64)
    place = np.zeros(len(found.points), dtype=np.int64)
    place[found.vertices] = np.arange(len(found.vertices))
    vertices, triangles = found.points[found.vertices] * scale, place[found.simplices]
    normals = found.equations[:, :3] / scale
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    first, second, third = vertices[triangles].swapaxes(0, 1)
    areas = np.linalg.norm(np.cross(second - first, third - first), axis=1) / 2
    return Hull(
        vertices,
        triangles,
        found.neighbors.astype(np.int64),
        normals,
        float(areas.sum()),
        float(found.volume * scale.prod()),
    )


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def measure_diameter(vertices: np.ndarray) -> float:
    """Return the largest distance between two of the vertices, float64, shape (vertex, 3)."""
    z, y, x = vertices[:, 0].copy(), vertices[:, 1].copy(), vertices[:, 2].copy()
    farthest = np.zeros(z.size)
    # Maxima of many numbers side by side, because a single one is not taken in vector registers (8 times slower).
    for first in range(z.size):
        for second in range(z.size):
            below, beside, along = z[second] - z[first], y[second] - y[first], x[second] - x[first]
            farthest[second] = max(farthest[second], below * below + beside * beside + along * along)
    return np.sqrt(farthest.max())


@njit(cache=True, nogil=True, error_model="numpy")
def _find_row_ends(padded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest x, and highest x with its sign changed, of the points in each row along x; half voxels, or `ABSENT`."""
    depth, height, width = padded.shape
    lowest = np.full((2 * depth, 2 * height), ABSENT, np.int64)
    highest = np.full((2 * depth, 2 * height), ABSENT, np.int64)
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
    return lowest, highest


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
