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

from bayesrg.radiomics.kernels.hull import Hull

EDGE_ON = 1e-10
"""Cosine, times the share that the nearest face has of its own distance from the middle, at which a face is edge-on."""


def enclose_in_box(hull: Hull) -> NDArray[np.float64]:
    """Return the side lengths, in mm, longest first, of the smallest box with a side flush with a face of the hull."""
    vertices, faces = hull.vertices - hull.centre, _list_faces(hull.normals)
    heights = _measure_heights(vertices, hull.normals, faces)
    order = np.argsort(heights)
    sides = _fit_box(vertices, hull.triangles, hull.neighbours, hull.normals, faces[order], heights[order])
    return np.sort(sides)[::-1]


@njit(cache=True, nogil=True, error_model="numpy")
def _list_faces(normals: np.ndarray) -> np.ndarray:
    """Triangles of which none is parallel to one before it; normals of parallel ones are equal to the last bit."""
    # A table of the triangles listed so far, at a place that depends on the normal or else at the next free one.
    size = 4
    while size < 2 * len(normals):
        size *= 2
    table, faces, count = np.empty(size, np.int64), np.empty(len(normals), np.int64), 0
    for place in range(size):
        table[place] = -1
    for triangle in range(len(normals)):
        normal = normals[triangle]
        place = int(abs(normal[0] * 1e9 + normal[1] * 7e11 + normal[2] * 3e14)) & (size - 1)
        while table[place] >= 0:
            other = normals[table[place]]
            if (normal[0] == other[0] and normal[1] == other[1] and normal[2] == other[2]) or (
                normal[0] == -other[0] and normal[1] == -other[1] and normal[2] == -other[2]
            ):
                break
            place = (place + 1) & (size - 1)
        if table[place] < 0:
            table[place] = faces[count] = triangle
            count += 1
    return faces[:count]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def _measure_heights(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Extent along the normal of each face."""
    low, high = np.full(faces.size, np.inf), np.full(faces.size, -np.inf)
    z, y, x = np.zeros(faces.size), np.zeros(faces.size), np.zeros(faces.size)
    for d in range(faces.size):
        z[d], y[d], x[d] = normals[faces[d], 0], normals[faces[d], 1], normals[faces[d], 2]
    # Directions inside, because only maxima of many numbers at once are taken in vector registers.
    for k in range(len(vertices)):
        below, beside, along = vertices[k, 0], vertices[k, 1], vertices[k, 2]
        for d in range(low.size):
            height = z[d] * below + y[d] * beside + x[d] * along
            low[d] = min(low[d], height)
            high[d] = max(high[d], height)
    return high - low


@njit(cache=True, nogil=True, error_model="numpy")
def _fit_box(
    vertices: np.ndarray,
    triangles: np.ndarray,
    neighbours: np.ndarray,
    normals: np.ndarray,
    faces: np.ndarray,
    heights: np.ndarray,
) -> np.ndarray:
    """Side lengths of the smallest box with a side flush with a face, of which the lowest come first; 0 is inside."""
    # A normal over the face's distance from the middle: of these points' hull, the polar, any half is connected, and
    # so are the faces that a distant eye sees even if those within rounding of edge-on count as unseen.
    polar, nearest = np.zeros((len(triangles), 3)), np.inf
    for k in range(len(triangles)):
        corner = vertices[triangles[k, 0]]
        distance = normals[k, 0] * corner[0] + normals[k, 1] * corner[1] + normals[k, 2] * corner[2]
        nearest = min(nearest, distance)
        for axis in range(3):
            polar[k, axis] = normals[k, axis] / distance
    for k in range(len(triangles)):
        for axis in range(3):
            polar[k, axis] *= nearest
    smallest, sides = np.inf, np.zeros(3)
    u, v = np.zeros(3), np.zeros(3)
    outline, size = np.zeros((len(triangles) + 1, 2), np.int64), 0
    shadow = np.zeros((2 * len(triangles), 4))
    for number in range(faces.size):
        # All sides are at least as long as the widest ball round the middle is thick.
        if heights[number] * (2.0 * nearest) ** 2 > smallest:
            break
        normal = normals[faces[number]]
        # Two axes across the direction.
        z, y, x = normal[0], normal[1], normal[2]
        if abs(z) < 0.6:
            length = np.sqrt(y * y + x * x)
            u[0], u[1], u[2] = 0.0, x / length, -y / length
        else:
            length = np.sqrt(z * z + x * x)
            u[0], u[1], u[2] = x / length, 0.0, -z / length
        v[0], v[1], v[2] = y * u[2] - x * u[1], x * u[0] - z * u[2], z * u[1] - y * u[0]
        size = _walk_outline(triangles, neighbours, polar, normal, outline[:size], outline)
        for k in range(size):
            corner = vertices[triangles[outline[k, 0], (outline[k, 1] + 1) % 3]]
            shadow[k, 0] = corner[0] * u[0] + corner[1] * u[1] + corner[2] * u[2]
            shadow[k, 1] = corner[0] * v[0] + corner[1] * v[1] + corner[2] * v[2]
        first, second = _fit_rectangle(shadow, size)
        volume = heights[number] * first * second
        if volume < smallest:
            smallest = volume
            sides[0], sides[1], sides[2] = heights[number], first, second
    return sides


@njit(cache=True, nogil=True, error_model="numpy")
def _sees(polar: np.ndarray, face: int, normal: np.ndarray) -> bool:
    """Whether a distant eye in the direction of ``normal`` sees the outer side of a face."""
    return polar[face, 0] * normal[0] + polar[face, 1] * normal[1] + polar[face, 2] * normal[2] > EDGE_ON


@njit(cache=True, nogil=True, error_model="numpy")
def _walk_outline(
    triangles: np.ndarray,
    neighbours: np.ndarray,
    polar: np.ndarray,
    normal: np.ndarray,
    known: np.ndarray,
    outline: np.ndarray,
) -> int:
    """Write the sides at which a distant eye sees the last of the polyhedron, counterclockwise, and return their count.

    A side is a triangle and the number of the corner opposite. Those ``known`` are of another direction: two outlines
    always meet, and most often at a side of both.
    """
    face, corner, found = 0, 0, False
    for k in range(len(known)):
        face, corner = int(known[k, 0]), int(known[k, 1])
        other = int(neighbours[face, corner])
        ahead = _sees(polar, face, normal)
        if ahead != _sees(polar, other, normal):
            found = True
            if not ahead:
                back = 0
                while neighbours[other, back] != face:
                    back += 1
                face, corner = other, back
            break
    face = face if found else 0
    while not found:
        if _sees(polar, face, normal):
            corner = 0
            while corner < 3 and _sees(polar, neighbours[face, corner], normal):
                corner += 1
            found = corner < 3
        face += 0 if found else 1
    first_face, first_corner, size = face, corner, 0
    while True:
        outline[size, 0], outline[size, 1] = face, corner
        size += 1
        # Round the vertex at the side's end, from face to face, to the next side behind which nothing is seen.
        corner = (corner + 1) % 3
        other = int(neighbours[face, corner])
        while _sees(polar, other, normal):
            back = 0
            while neighbours[other, back] != face:
                back += 1
            face, corner = other, (back + 1) % 3
            other = int(neighbours[face, corner])
        if (face == first_face and corner == first_corner) or size == len(triangles):
            return size


@njit(cache=True, nogil=True, error_model="numpy")
def _fit_rectangle(shadow: np.ndarray, size: int) -> tuple[float, float]:
    """Sides of the smallest rectangle round an outline with a side along one of its own, by rotating callipers.

    Columns 0 and 1 of ``shadow`` are the outline's corners, counterclockwise; 2 and 3 become the way to the next.
    """
    for k in range(size):
        following = k + 1 if k + 1 < size else 0
        shadow[k, 2], shadow[k, 3] = shadow[following, 0] - shadow[k, 0], shadow[following, 1] - shadow[k, 1]
    for k in range(size):
        for column in range(4):
            shadow[size + k, column] = shadow[k, column]
    best, first, second = np.inf, 0.0, 0.0
    # As the side turns, so do the corners that lie farthest ahead, across and behind: each begins a side that turns
    # away by more than one, two and three right angles.
    ahead, across, behind = 0, 0, 0
    for side in range(size):
        p, q, c, s = shadow[side]
        square = c * c + s * s
        ahead = max(ahead, side + 1)
        while ahead < side + size and c * shadow[ahead, 2] + s * shadow[ahead, 3] > 0.0:
            ahead += 1
        across = max(across, ahead)
        while across < side + size and c * shadow[across, 3] - s * shadow[across, 2] > 0.0:
            across += 1
        behind = max(behind, across)
        while behind < side + size and c * shadow[behind, 2] + s * shadow[behind, 3] < 0.0:
            behind += 1
        length = c * (shadow[ahead, 0] - shadow[behind, 0]) + s * (shadow[ahead, 1] - shadow[behind, 1])
        width = c * (shadow[across, 1] - q) - s * (shadow[across, 0] - p)
        if length * width < best * square:
            best = length * width / square
            first, second = length / np.sqrt(square), width / np.sqrt(square)
    return first, second
