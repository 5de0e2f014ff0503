"""Ellipsoids (IBSI 3.1): their area and volume, and the smallest one that encloses points.

The smallest ellipsoid is found by Khachiyan's barycentric ascent with the away steps of Todd and Yildirim (2007): each
point has a weight, the weights' moments make an ellipsoid, and weight moves to the point farthest outside or away from
the one farthest inside. It stops when no point is farther than a relative 1e-5, and the ellipsoid is then grown to hold
all points: its volume is within a factor (1 + 1e-5)^2 of the smallest.
"""

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.special import elliprg

TOLERANCE = 1e-5
MOST_STEPS = 100_000
"""Far more than any region needs; after these the ellipsoid still encloses all points, but may be larger."""


def ellipsoid_area(semi_axes: ArrayLike) -> float:
    """Return the area that IBSI gives an ellipsoid, in the square of its semi-axes' unit.

    IBSI's series of Legendre polynomials sums to 4 pi b R_G(a^2, b^2, c^2) with Carlson's elliptic integral and
    semi-axes a >= b >= c; this is the limit, which the 20 terms that IBSI suggests reach for all but flat ellipsoids.
    It is the area of a sphere, but not quite that of other ellipsoids (4 pi R_G(a^2 b^2, a^2 c^2, b^2 c^2)), because
    IBSI takes both eccentricities relative to the longest axis; its reference values were computed so.
    """
    c, b, a = np.sort(np.asarray(semi_axes, dtype=np.float64))
    return float(4.0 * np.pi * b * elliprg(a * a, b * b, c * c))


def ellipsoid_volume(semi_axes: ArrayLike) -> float:
    """Return the volume of an ellipsoid, in the cube of its semi-axes' unit."""
    return float(4.0 / 3.0 * np.pi * np.prod(np.asarray(semi_axes, dtype=np.float64)))


def enclose_in_ellipsoid(points: ArrayLike) -> NDArray[np.float64]:
    """Return the semi-axes of the smallest ellipsoid that encloses points, longest first, in their unit.

    Parameters
    ----------
    points : array_like, shape (point, 3)
        Not all in one plane; the corners of their convex hull are enough.
    """
    positions = np.asarray(points, dtype=np.float64)
    # The problem is the same for any affine image of the points; centred and scaled it is well conditioned.
    centred = (positions - positions.mean(axis=0)).T
    scale = np.linalg.cholesky(centred @ centred.T / len(positions))
    lifted = np.ones((4, len(positions)))
    lifted[:3] = np.linalg.solve(scale, centred)
    chosen = _choose_start(lifted)
    start = lifted[:, chosen]
    inverse = np.linalg.inv(start @ start.T / chosen.size)
    farthest = _enclose(lifted, chosen, inverse, TOLERANCE, MOST_STEPS)
    # Of moments about the origin the first block of the inverse is that of the moments about the mean, the covariance,
    # and the distances by either differ by 1.
    shape = scale @ np.linalg.inv(inverse[:3, :3]) @ scale.T * (farthest - 1.0)
    return np.sqrt(np.linalg.eigvalsh(shape)[::-1])


def _choose_start(lifted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Four points that do not lie in one plane, each as far as can be from what holds those before."""
    chosen, rest = np.zeros(4, dtype=np.int64), lifted
    for k in range(4):
        chosen[k] = np.einsum("kp,kp->p", rest, rest).argmax()
        way = rest[:, chosen[k]]
        rest = rest - (way / (way @ way))[:, np.newaxis] * (way @ rest)
    return chosen


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def _enclose(lifted: np.ndarray, chosen: np.ndarray, inverse: np.ndarray, tolerance: float, most_steps: int) -> float:
    """Turn ``inverse`` into that of the moments that make the smallest ellipsoid, and return the farthest distance.

    Points are columns with rows z, y, x and 1; ``inverse`` is that of the moments of those chosen, in equal parts. The
    ellipsoid is found for them first; while any are outside, those farthest out in each octant join them.
    """
    count = lifted.shape[1]
    members, weights = np.zeros((4, count + chosen.size)), np.zeros(count + chosen.size)
    joined, distances, worst = np.zeros(count, np.bool_), np.zeros(count), np.zeros(8, np.int64)
    size = chosen.size
    for k in range(size):
        weights[k] = 1.0 / size
        joined[chosen[k]] = True
        for row in range(4):
            members[row, k] = lifted[row, chosen[k]]
    while True:
        most_steps = _balance(members, weights, size, inverse, tolerance, most_steps)
        _measure_distances(lifted, count, inverse, distances)
        for octant in range(8):
            worst[octant] = -1
        for point in range(count):
            if distances[point] > 4.0 * (1.0 + tolerance) and not joined[point]:
                octant = (
                    (4 if lifted[0, point] > 0.0 else 0)
                    + (2 if lifted[1, point] > 0.0 else 0)
                    + (1 if lifted[2, point] > 0.0 else 0)
                )
                if worst[octant] < 0 or distances[point] > distances[worst[octant]]:
                    worst[octant] = point
        before = size
        for octant in range(8):
            point = worst[octant]
            if point >= 0:
                joined[point] = True
                for row in range(4):
                    members[row, size] = lifted[row, point]
                size += 1
        if size == before or most_steps == 0:
            break
    farthest = 0.0
    for point in range(count):
        farthest = max(farthest, distances[point])
    return farthest


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def _measure_distances(lifted: np.ndarray, count: int, inverse: np.ndarray, distances: np.ndarray) -> None:
    """Squared Mahalanobis distances of the first points by the inverse of their moments."""
    for point in range(count):
        z, y, x = lifted[0, point], lifted[1, point], lifted[2, point]
        distances[point] = (
            z * (inverse[0, 0] * z + 2.0 * (inverse[0, 1] * y + inverse[0, 2] * x + inverse[0, 3]))
            + y * (inverse[1, 1] * y + 2.0 * (inverse[1, 2] * x + inverse[1, 3]))
            + x * (inverse[2, 2] * x + 2.0 * inverse[2, 3])
            + inverse[3, 3]
        )


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def _balance(
    lifted: np.ndarray,
    weights: np.ndarray,
    count: int,
    inverse: np.ndarray,
    tolerance: float,
    most_steps: int,
) -> int:
    """Change the weights of points, and the inverse of their moments, to those of their smallest ellipsoid.

    Returns how many of the steps are left.
    """
    along, distances = np.zeros(4), np.zeros(count)
    _measure_distances(lifted, count, inverse, distances)
    while most_steps:
        most_steps -= 1
        outer, inner = 0, -1
        for point in range(count):
            if distances[point] > distances[outer]:
                outer = point
            if weights[point] > 0.0 and (inner < 0 or distances[point] < distances[inner]):
                inner = point
        excess, lack = distances[outer] / 4.0 - 1.0, 1.0 - distances[inner] / 4.0
        if max(excess, lack) <= tolerance:
            break
        chosen = outer if excess > lack else inner
        distance = distances[chosen]
        step = (distance - 4.0) / (4.0 * (distance - 1.0))
        if chosen == inner and excess <= lack:
            step = max(step, -weights[inner] / (1.0 - weights[inner]))
        for row in range(4):
            along[row] = 0.0
            for column in range(4):
                along[row] += inverse[row, column] * lifted[column, chosen]
        change = step / (1.0 - step + step * distance)
        for row in range(4):
            for column in range(4):
                inverse[row, column] = (inverse[row, column] - change * along[row] * along[column]) / (1.0 - step)
        for point in range(count):
            product = along[0] * lifted[0, point] + along[1] * lifted[1, point] + along[2] * lifted[2, point] + along[3]
            distances[point] = (distances[point] - change * product * product) / (1.0 - step)
            weights[point] *= 1.0 - step
        weights[chosen] = max(0.0, weights[chosen] + step)
    return most_steps
