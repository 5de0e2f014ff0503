"""The surface mesh of a region (IBSI 3.1, WRJH): its area and the volume it encloses, by marching cubes.

The isosurface at 0.5 of a mask crosses every edge between neighbouring voxels at its midpoint, so that what a cell of
2 x 2 x 2 voxel centres contributes depends on nothing but which of its eight corners are inside: counting the cells of
each of the 256 configurations is all there is to do with the mask.

The configurations are derived here. On each face of the cell a segment leads from each crossing to the next; where
two diagonal corners of a face are inside, each is cut off on its own, on both sides of that face, so that the mesh is
closed. The segments chain up to polygons; of a polygon's triangulations the one of greatest area (in cubic cells) is
taken, which keeps corners of the polygon that lie in one plane together as the usual tables do, and where several share
it, their mean: area and volume are the same for a region turned or mirrored.
"""

from functools import cache
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Point = tuple[int, int, int]
"""Position in a cell in half edges, [z, y, x] from 0 to 2: corners are even in all, crossings odd in one."""

FACE_AREAS = (0.0, 1 / 8, 1 / 2, 7 / 8, 1.0)
"""Share of a cell's face inside, by how many of its corners are (two of them neighbours)."""


class Surface(NamedTuple):
    """What the mesh of a region measures: ``area`` in mm^2, ``volume`` in mm^3."""

    area: float
    volume: float


class Patches(NamedTuple):
    """The surface in cells of each configuration, for cells of unit size.

    Attributes
    ----------
    volumes : float64 array, shape (256,)
        Share of a cell that is inside.
    configurations : int64 array, shape (triangle,)
        The configuration that each triangle belongs to.
    normals : float64 array, shape (triangle, 3)
        Squared components z, y, x of each triangle's normal, as long as twice its area.
    weights : float64 array, shape (triangle,)
        1, or for a triangle of one of k equally good triangulations 1/k for each that has it.
    """

    volumes: NDArray[np.float64]
    configurations: NDArray[np.int64]
    normals: NDArray[np.float64]
    weights: NDArray[np.float64]


def measure_surface(padded: NDArray[np.uint8], spacing: tuple[float, float, float]) -> Surface:
    """Return the area of a region's mesh and the volume it encloses.

    Parameters
    ----------
    padded : uint8 array, dims [z, y, x], C-contiguous
        1 inside the region and 0 outside; 0 on all six sides of the array.
    spacing
        Of the grid along z, y and x, in mm.
    """
    patches = derive_patches()
    counts = _count_configurations(padded)
    z, y, x = spacing
    doubled = np.sqrt(patches.normals @ np.square([y * x, z * x, z * y]))
    area = 0.5 * float(doubled @ (patches.weights * counts[patches.configurations]))
    return Surface(area, float(counts @ patches.volumes) * z * y * x)


@njit(cache=True, nogil=True, error_model="numpy")
def _count_configurations(padded: np.ndarray) -> np.ndarray:
    """Count the cells of each configuration, but for those all outside; corner [z, y, x] is bit y + 2 z + 4 x."""
    depth, height, width = padded.shape
    counts = np.zeros(256, np.int64)
    columns = np.zeros(width + 1, np.uint8)
    # In words of 8 cells, so that the many words wholly inside or outside are passed over at once.
    words = np.zeros((width + 7) // 8, np.uint64)
    cells = words.view(np.uint8)
    for z in range(depth - 1):
        for y in range(height - 1):
            for x in range(width):
                columns[x] = (
                    padded[z, y, x]
                    | (padded[z, y + 1, x] << 1)
                    | (padded[z + 1, y, x] << 2)
                    | (padded[z + 1, y + 1, x] << 3)
                )
            for x in range(width):
                cells[x] = columns[x] | (columns[x + 1] << 4)
            for word in range(words.size):
                if words[word] == np.uint64(0):
                    continue
                if words[word] == np.uint64(0xFFFFFFFFFFFFFFFF):
                    counts[255] += 8
                    continue
                for x in range(8 * word, 8 * word + 8):
                    counts[cells[x]] += 1
    counts[0] = 0
    return counts


@cache
def derive_patches() -> Patches:
    """Return the surface in cells of each of the 256 configurations."""
    volumes = np.zeros(256)
    configurations, corners, weights = [], [], []
    for configuration in range(256):
        volumes[configuration] = _inside_faces(configuration) / 6
        for polygon in trace_polygons(configuration):
            best = _best_triangulations(polygon)
            for triangles in best:
                for triangle in triangles:
                    configurations.append(configuration)
                    corners.append(triangle)
                    weights.append(1 / len(best))
    owners, shares = np.array(configurations), np.array(weights)
    # From half edges to edges, about the centre of the cell.
    first, second, third = (np.array(corners, dtype=np.float64).swapaxes(0, 1) - 1) / 2
    normals = np.cross(second - first, third - first)
    flux = np.einsum("tk,tk->t", first, np.cross(second, third)) / 6
    volumes += np.bincount(owners, flux * shares, 256)
    return Patches(volumes, owners, normals**2, shares)


def trace_polygons(configuration: int) -> list[list[Point]]:
    """Return the polygons in which the surface cuts a cell, seen from outside the region counterclockwise.

    Parameters
    ----------
    configuration
        Bit y + 2 z + 4 x says whether the corner [z, y, x] is inside.
    """
    following: dict[Point, Point] = {}
    for face in _faces():
        crossings = [
            (_middle(here, there), _is_inside(configuration, there))
            for here, there in pairwise([*face, face[0]])
            if _is_inside(configuration, here) != _is_inside(configuration, there)
        ]
        # Round the face, what is between entering the region and leaving it is cut off on its own.
        for place, (crossing, entering) in enumerate(crossings):
            if entering:
                following[crossings[(place + 1) % len(crossings)][0]] = crossing
    polygons = []
    while following:
        start, step = following.popitem()
        polygon = [start]
        while step != start:
            polygon.append(step)
            step = following.pop(step)
        polygons.append(polygon)
    return polygons


def _is_inside(configuration: int, corner: Point) -> bool:
    z, y, x = corner
    return bool(configuration >> (y + 2 * z + 4 * x) // 2 & 1)


def _middle(here: Point, there: Point) -> Point:
    z, y, x = ((a + b) // 2 for a, b in zip(here, there, strict=True))
    return z, y, x


@cache
def _faces() -> list[list[Point]]:
    """The corners of each face of a cell, in the same sense round the outward normal of each."""
    faces = []
    for axis, side in product(range(3), (0, 2)):
        square = [(0, 0), (0, 2), (2, 2), (2, 0)]
        corners = [tuple(np.roll((side, *place), axis).tolist()) for place in square]
        faces.append(corners if side else corners[::-1])
    return faces


def _inside_faces(configuration: int) -> float:
    """Area of the cell's faces that is inside the region."""
    area = 0.0
    for face in _faces():
        inside = [_is_inside(configuration, corner) for corner in face]
        apart = inside[0] == inside[2] and inside[1] == inside[3] and inside[0] != inside[1]
        area += 2 * FACE_AREAS[1] if apart else FACE_AREAS[sum(inside)]
    return area


def _best_triangulations(polygon: list[Point]) -> list[list[tuple[Point, Point, Point]]]:
    """The triangulations of greatest area; more than one where they tie."""
    every = _triangulate(polygon)
    areas = [sum(_doubled_area(*triangle) for triangle in triangles) for triangles in every]
    return [triangles for triangles, area in zip(every, areas, strict=True) if area > max(areas) - 1e-9]


def _triangulate(polygon: list[Point]) -> list[list[tuple[Point, Point, Point]]]:
    """All triangulations of a polygon: each has one triangle on the side from its last corner to its first."""
    if len(polygon) < 3:
        return [[]]
    return [
        [*before, (polygon[0], polygon[apex], polygon[-1]), *behind]
        for apex in range(1, len(polygon) - 1)
        for before in _triangulate(polygon[: apex + 1])
        for behind in _triangulate(polygon[apex:])
    ]


@cache
def _doubled_area(first: Point, second: Point, third: Point) -> float:
    return float(np.linalg.norm(np.cross(np.subtract(second, first), np.subtract(third, first))))
