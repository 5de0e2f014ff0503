"""The convex hull of points of a lattice, exactly: the quickhull algorithm (Barber et al. 1996) in whole numbers.

A point outside the polyhedron found so far, the farthest from one of its triangles, replaces the triangles that it sees
by those between itself and their outline. Whether a point sees a triangle is the sign of a whole number, so nothing is
lost to rounding: a point in the plane of a triangle does not see it, and the triangles never overlap. A few vertices
may lie within a face or an edge; of points equally far the last in reading order is taken, which is mostly a corner.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesrg.errors import RegionError

NONE = -1


def enclose_lattice_points(
    points: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the convex hull of lattice points: its vertices, triangles and their neighbours.

    Parameters
    ----------
    points : int64 array, shape (point, 3)
        Columns z, y, x, at most 500,000 apart, so that volumes fit into 64 bits. Points may repeat.

    Returns
    -------
    vertices : int64 array, shape (vertex,)
        The rows of ``points`` that are corners of triangles; all corners of the hull are.
    triangles : int64 array, shape (triangle, 3)
        Rows of ``vertices``, counterclockwise seen from outside; several triangles may lie in one plane.
    neighbours : int64 array, shape (triangle, 3)
        The triangle across the side opposite each corner.

    Raises
    ------
    RegionError
        The points all lie in one plane.
    """
    tetrahedron = _choose_tetrahedron(points)
    if tetrahedron is None:
        raise RegionError(
            f"the {len(points)} points lie in one plane and have no convex hull with a volume; "
            "give at least four points that do not"
        )
    return _enclose(points, tetrahedron)


@njit(cache=True, nogil=True, error_model="numpy")
def _is_farther(along: int, z: int, y: int, x: int) -> bool:
    """Whether a point, as far ahead of another as given, is the farther one, or as far and later in reading order."""
    if along != 0:
        return along > 0
    if z != 0:
        return z > 0
    return y > 0 if y != 0 else x > 0


@njit(cache=True, nogil=True, error_model="numpy")
def _set_plane(points: np.ndarray, corners: np.ndarray, planes: np.ndarray, row: int) -> None:
    """Write the outward normal of the triangle in a row, and how far along it the plane lies."""
    a, b, c = corners[row, 0], corners[row, 1], corners[row, 2]
    az, ay, ax = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    bz, by, bx = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
    z, y, x = ay * bx - ax * by, ax * bz - az * bx, az * by - ay * bz
    planes[row, 0], planes[row, 1], planes[row, 2] = z, y, x
    planes[row, 3] = z * points[a, 0] + y * points[a, 1] + x * points[a, 2]


@njit(cache=True, nogil=True, error_model="numpy")
def _is_above(points: np.ndarray, point: int, planes: np.ndarray, row: int) -> int:
    """Above 0 where a point is in front of a plane, 0 in it."""
    along = planes[row, 0] * points[point, 0] + planes[row, 1] * points[point, 1] + planes[row, 2] * points[point, 2]
    return along - planes[row, 3]


def _choose_tetrahedron(points: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Four points that do not lie in one plane, the fourth below the others; None if all points lie in one."""
    first = int(points[:, 0].argmin())
    ways = points - points[first]
    # Each as far as can be from what holds those before, to rounding: only whether it is 0 matters, and that is exact.
    second = int(np.abs(ways).sum(axis=1).argmax())
    z, y, x = ways[second].tolist()
    across = ways @ np.array([[0, x, -y], [-x, 0, z], [y, -z, 0]])
    third = int(np.abs(across).sum(axis=1).argmax())
    heights = ways @ across[third]
    fourth = int(np.abs(heights).argmax())
    if heights[fourth] == 0:
        return None
    chosen = [second, first, third, fourth] if heights[fourth] > 0 else [first, second, third, fourth]
    return np.array(chosen)


@njit(cache=True, nogil=True, error_model="numpy")
def _enclose(points: np.ndarray, tetrahedron: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, triangles and neighbours as `enclose_lattice_points` returns them."""
    count = len(points)
    # A hull of n corners has 2 n - 4 triangles; places of replaced ones are taken again.
    most = 2 * count
    triangles, neighbours = np.zeros((most, 3), np.int64), np.zeros((most, 3), np.int64)
    planes = np.zeros((most, 4), np.int64)
    # The points that each triangle has in front of it are chained, the farthest is known.
    chains, farthest, following = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(count, np.int64)
    seen, starting = np.zeros(most, np.int64), np.zeros(count, np.int64)
    vacant, pending = np.zeros(most, np.int64), np.zeros(most, np.int64)
    queued = np.zeros(most, np.int64)
    stack, outline, new = np.zeros(most, np.int64), np.zeros((most, 3), np.int64), np.zeros(most, np.int64)
    created, step, vacancies, waiting, loose = tetrahedron.size, 0, most - tetrahedron.size, 0, NONE
    for place in range(most):
        triangles[place, 0] = chains[place] = farthest[place] = NONE
        vacant[place] = most - 1 - place
    # Triangle k lies opposite corner k, and faces away from it.
    order = ((1, 3, 2), (0, 2, 3), (0, 3, 1), (0, 1, 2))
    for triangle in range(created):
        for corner in range(3):
            triangles[triangle, corner] = tetrahedron[order[triangle][corner]]
            neighbours[triangle, corner] = order[triangle][corner]
        _set_plane(points, triangles, planes, triangle)
        new[triangle] = triangle
    for point in range(count):
        following[point] = loose
        loose = point
    while created:
        # Points that lost their triangle go to a new one that they see, or are inside.
        while loose != NONE:
            point, loose = loose, int(following[loose])
            for k in range(created):
                triangle = new[k]
                above = _is_above(points, point, planes, triangle)
                if above > 0:
                    following[point] = chains[triangle]
                    chains[triangle] = point
                    best = int(farthest[triangle])
                    if best == NONE or _is_farther(
                        above - _is_above(points, best, planes, triangle),
                        points[point, 0] - points[best, 0],
                        points[point, 1] - points[best, 1],
                        points[point, 2] - points[best, 2],
                    ):
                        farthest[triangle] = point
                    break
        for k in range(created):
            if chains[new[k]] != NONE and queued[new[k]] == 0:
                queued[new[k]] = 1
                pending[waiting] = new[k]
                waiting += 1
        created = 0
        while waiting and created == 0:
            waiting -= 1
            start = pending[waiting]
            queued[start] = 0
            if chains[start] == NONE:
                continue
            apex, step = int(farthest[start]), step + 1
            stack[0], size, sides = start, 1, 0
            seen[start] = step
            while size:
                size -= 1
                triangle = stack[size]
                for corner in range(3):
                    other = int(neighbours[triangle, corner])
                    if seen[other] == step:
                        continue
                    if _is_above(points, apex, planes, other) > 0:
                        seen[other] = step
                        stack[size] = other
                        size += 1
                    else:
                        outline[sides, 0] = triangles[triangle, (corner + 1) % 3]
                        outline[sides, 1] = triangles[triangle, (corner + 2) % 3]
                        outline[sides, 2] = other
                        sides += 1
                # No longer part of the hull, but its neighbours are still asked for while others are visited.
                point = int(chains[triangle])
                while point != NONE:
                    after = int(following[point])
                    if point != apex:
                        following[point] = loose
                        loose = point
                    point = after
                chains[triangle] = farthest[triangle] = triangles[triangle, 0] = NONE
                vacant[vacancies] = triangle
                vacancies += 1
            for k in range(sides):
                vacancies -= 1
                triangle, here, there, other = vacant[vacancies], outline[k, 0], outline[k, 1], outline[k, 2]
                triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2] = here, there, apex
                neighbours[triangle, 2] = other
                for corner in range(3):
                    if triangles[other, (corner + 1) % 3] == there and triangles[other, (corner + 2) % 3] == here:
                        neighbours[other, corner] = triangle
                _set_plane(points, triangles, planes, triangle)
                starting[here] = triangle
                new[k] = triangle
            for k in range(sides):
                triangle, after = new[k], starting[outline[k, 1]]
                neighbours[triangle, 0], neighbours[after, 1] = after, triangle
            created = sides
    return _compress(triangles, neighbours, starting)


@njit(cache=True, nogil=True, error_model="numpy")
def _compress(
    triangles: np.ndarray, neighbours: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, triangles and neighbours without the vacant places, numbered anew."""
    moved, vertices = np.zeros(len(triangles), np.int64), np.zeros(places.size, np.int64)
    for point in range(places.size):
        places[point] = NONE
    kept, count = 0, 0
    for triangle in range(len(triangles)):
        if triangles[triangle, 0] != NONE:
            moved[triangle] = kept
            kept += 1
            for corner in range(3):
                vertex = triangles[triangle, corner]
                if places[vertex] == NONE:
                    places[vertex] = count
                    vertices[count] = vertex
                    count += 1
    packed, beside = np.zeros((kept, 3), np.int64), np.zeros((kept, 3), np.int64)
    for triangle in range(len(triangles)):
        if triangles[triangle, 0] != NONE:
            for corner in range(3):
                packed[moved[triangle], corner] = places[triangles[triangle, corner]]
                beside[moved[triangle], corner] = moved[neighbours[triangle, corner]]
    return vertices[:count], packed, beside
