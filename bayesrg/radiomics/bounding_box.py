"""The smallest box, at any orientation, that encloses a convex polyhedron (IBSI 3.1, OMBB).

Of all boxes with one side flush with a face of the polyhedron the smallest is found exactly: for each face, of the
rectangles round the polyhedron's shadow on it, one with a side flush with the shadow's outline (Freeman and Shapira
1975). The smallest of all boxes has, by O'Rourke (1985), two neighbouring sides that each hold an edge; where neither
holds a face, as can be for a tetrahedron, it is smaller than the one found. For a polyhedron whose smallest box shares
a face with it, above all for a box however turned, the answer is exact.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesrg.radiomics.hull import Hull

LEVEL = 1e-9
"""Angle up to which a side is parallel to another."""


def enclose_in_box(hull: Hull) -> NDArray[np.float64]:
    """Return the side lengths, in mm, longest first, of the smallest box with a side flush with a face of the hull."""
    directions = np.ascontiguousarray(_distinct_directions(hull.normals).T)
    starts, others = _list_neighbours(hull.triangles, hull.neighbours, len(hull.vertices))
    vertices = hull.vertices - hull.vertices.mean(axis=0)
    heights = _measure_heights(np.ascontiguousarray(vertices.T), directions)
    return np.sort(_fit_box(vertices, starts, others, directions, heights))[::-1]


def _distinct_directions(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normals without repetitions, of which an opposite is one."""
    leading = np.argmax(np.abs(normals) > 1e-9, axis=1)
    signs = np.sign(normals[np.arange(len(normals)), leading])
    oriented = normals * signs[:, np.newaxis]
    # Equal to rounding; what is kept twice for falling on either side of it costs only time.
    order = np.lexsort(np.round(oriented, 9).T)
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = np.any(np.abs(np.diff(oriented[order], axis=0)) > 1e-9, axis=1)
    return oriented[order[new]]


@njit(cache=True, nogil=True, error_model="numpy")
def _list_neighbours(triangles: np.ndarray, neighbours: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The neighbours of vertex k, ``others[starts[k]:starts[k + 1]]``; of two triangles the first lists their side."""
    starts, others = np.zeros(count + 1, np.int64), np.zeros(3 * len(triangles), np.int64)
    for counting in (True, False):
        for triangle in range(len(triangles)):
            for corner in range(3):
                if neighbours[triangle, corner] > triangle:
                    here, there = triangles[triangle, (corner + 1) % 3], triangles[triangle, (corner + 2) % 3]
                    if not counting:
                        others[starts[here] - 1], others[starts[there] - 1] = there, here
                    step = 1 if counting else -1
                    starts[here] += step
                    starts[there] += step
        if counting:
            starts = np.cumsum(starts)
    return starts, others


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def _measure_heights(vertices: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Extent along each direction; vertices and directions as columns."""
    low, high = np.full(directions.shape[1], np.inf), np.full(directions.shape[1], -np.inf)
    z, y, x = directions[0], directions[1], directions[2]
    # Directions inside, because only maxima of many numbers at once are taken in vector registers.
    for k in range(vertices.shape[1]):
        for d in range(low.size):
            along = z[d] * vertices[0, k] + y[d] * vertices[1, k] + x[d] * vertices[2, k]
            low[d] = min(low[d], along)
            high[d] = max(high[d], along)
    return high - low


@njit(cache=True, nogil=True, error_model="numpy")
def _fit_box(
    vertices: np.ndarray, starts: np.ndarray, others: np.ndarray, directions: np.ndarray, heights: np.ndarray
) -> np.ndarray:
    """Side lengths of the smallest box with a side across one of the directions."""
    smallest, sides, lowest = np.inf, np.zeros(3), 0
    u, v = np.zeros(3), np.zeros(3)
    outline = np.zeros((4, 2 * starts.size))
    for number in range(heights.size):
        # Two axes across the direction.
        z, y, x = directions[0, number], directions[1, number], directions[2, number]
        if abs(z) < 0.6:
            length = np.sqrt(y * y + x * x)
            u[0], u[1], u[2] = 0.0, x / length, -y / length
        else:
            length = np.sqrt(z * z + x * x)
            u[0], u[1], u[2] = x / length, 0.0, -z / length
        v[0], v[1], v[2] = y * u[2] - x * u[1], x * u[0] - z * u[2], z * u[1] - y * u[0]
        lowest = _descend(vertices, starts, others, u, v, lowest)
        size = _walk_outline(vertices, starts, others, u, v, lowest, outline)
        first, second = _fit_rectangle(outline, size)
        volume = heights[number] * first * second
        if volume < smallest:
            smallest = volume
            sides[0], sides[1], sides[2] = heights[number], first, second
    return sides


@njit(cache=True, nogil=True, error_model="numpy")
def _descend(
    vertices: np.ndarray, starts: np.ndarray, others: np.ndarray, u: np.ndarray, v: np.ndarray, vertex: int
) -> int:
    """The lowest vertex along v, of several the first along u; on a convex polyhedron the way down ends there."""
    moving = True
    while moving:
        moving = False
        for k in range(starts[vertex], starts[vertex + 1]):
            other = others[k]
            z = vertices[other, 0] - vertices[vertex, 0]
            y = vertices[other, 1] - vertices[vertex, 1]
            x = vertices[other, 2] - vertices[vertex, 2]
            along_u, along_v = z * u[0] + y * u[1] + x * u[2], z * v[0] + y * v[1] + x * v[2]
            # Straight above or below along the direction itself: the same shadow.
            if along_u * along_u + along_v * along_v <= 1e-18 * (z * z + y * y + x * x):
                continue
            level = abs(along_v) <= LEVEL * abs(along_u)
            if (along_u if level else along_v) < 0.0:
                vertex, moving = other, True
                break
    return vertex


@njit(cache=True, nogil=True, error_model="numpy")
def _walk_outline(
    vertices: np.ndarray,
    starts: np.ndarray,
    others: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    lowest: int,
    outline: np.ndarray,
) -> int:
    """Write the corners of the shadow on the plane of u and v, and the directions to the next, as columns; their count.

    From the lowest vertex on, the next corner is the neighbour farthest to the right of all, seen along the last side.
    """
    vertex, size = lowest, 0
    turned, c, s = 0.0, 1.0, 0.0
    while 2 * size < outline.shape[1]:
        here, best, best_u, best_v = vertex, -1, 0.0, 0.0
        # A neighbour straight above or below casts the same shadow, and its neighbours count too.
        through, hidden = vertex, -1
        while through >= 0:
            for k in range(starts[through], starts[through + 1]):
                other = others[k]
                z = vertices[other, 0] - vertices[here, 0]
                y = vertices[other, 1] - vertices[here, 1]
                x = vertices[other, 2] - vertices[here, 2]
                along_u, along_v = z * u[0] + y * u[1] + x * u[2], z * v[0] + y * v[1] + x * v[2]
                square = along_u * along_u + along_v * along_v
                if square <= 1e-18 * (z * z + y * y + x * x):
                    hidden = other if through == here and other != here else hidden
                    continue
                ahead, aside = c * along_u + s * along_v, c * along_v - s * along_u
                # Straight back, along the side just walked.
                if ahead < 0.0 and aside * aside <= 1e-18 * square:
                    continue
                if best < 0 or best_u * along_v - best_v * along_u < 0.0:
                    best, best_u, best_v = other, along_u, along_v
            through = hidden if through == here else -1
        length = np.sqrt(best_u * best_u + best_v * best_v)
        next_c, next_s = best_u / length, best_v / length
        turned += np.arctan2(c * next_s - s * next_c, c * next_c + s * next_s)
        # Round once: the side is the first again.
        if turned > 2.0 * np.pi - LEVEL:
            break
        c, s = next_c, next_s
        z, y, x = vertices[here, 0], vertices[here, 1], vertices[here, 2]
        outline[0, size], outline[1, size] = z * u[0] + y * u[1] + x * u[2], z * v[0] + y * v[1] + x * v[2]
        outline[2, size], outline[3, size] = c, s
        size += 1
        vertex = best
    return size


@njit(cache=True, nogil=True, error_model="numpy")
def _fit_rectangle(outline: np.ndarray, size: int) -> tuple[float, float]:
    """Sides of the smallest rectangle round an outline with a side along one of its own, by rotating callipers."""
    for k in range(size):
        for row in range(4):
            outline[row, size + k] = outline[row, k]
    p, q, c, s = outline[0], outline[1], outline[2], outline[3]
    best, first, second = np.inf, 0.0, 0.0
    # As the side turns, so do the corners that lie farthest ahead, across and behind: each begins a side that turns
    # away by more than one, two and three right angles.
    ahead, across, behind = 0, 0, 0
    for side in range(size):
        ahead = max(ahead, side + 1)
        while ahead < side + size and c[side] * c[ahead] + s[side] * s[ahead] > 0.0:
            ahead += 1
        across = max(across, ahead)
        while across < side + size and c[side] * s[across] - s[side] * c[across] > 0.0:
            across += 1
        behind = max(behind, across)
        while behind < side + size and c[side] * c[behind] + s[side] * s[behind] < 0.0:
            behind += 1
        length = c[side] * (p[ahead] - p[behind]) + s[side] * (q[ahead] - q[behind])
        width = c[side] * (q[across] - q[side]) - s[side] * (p[across] - p[side])
        if length * width < best:
            best, first, second = length * width, length, width
    return first, second
