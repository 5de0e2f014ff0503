"""Ellipsoids (IBSI 3.1): their area and volume, and the smallest one that encloses points.

The smallest ellipsoid is found by Khachiyan's barycentric ascent with the away steps of Todd and Yildirim (2007): each
point has a weight, the weights' moments make an ellipsoid, and weight moves to the point farthest outside or away from
the one farthest inside. It stops when no point is farther than a relative 1e-4, and the ellipsoid is then grown to hold
all points: its volume is within a factor (1 + 1e-4)^2 of the smallest.
"""

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.special import elliprg

TOLERANCE = 1e-4
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
    centre = positions.mean(axis=0)
    scale = np.linalg.cholesky(np.cov(positions - centre, rowvar=False, bias=True))
    centred = np.linalg.solve(scale, (positions - centre).T)
    lifted, start = np.vstack([centred, np.ones(len(positions))]), _choose_start(centred)
    weights = _balance(lifted, start, np.linalg.inv((lifted * start) @ lifted.T), TOLERANCE, MOST_STEPS)
    middle = centred @ weights
    moments = (centred * weights) @ centred.T - np.outer(middle, middle)
    distances = centred - middle[:, np.newaxis]
    farthest = np.einsum("kp,kp->p", distances, np.linalg.solve(moments, distances)).max()
    shape = scale @ (moments * farthest) @ scale.T
    return np.sqrt(np.linalg.eigvalsh(shape)[::-1])


def _choose_start(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal weights on the extremes along an axis, then along two more across what was chosen so far.

    So they do not lie in one plane (Kumar and Yildirim 2005).
    """
    weights, axes = np.zeros(points.shape[1]), np.zeros((0, 3))
    for _ in range(3):
        across = np.eye(3) - axes.T @ axes
        along = across[np.argmax(np.diag(across))] @ points
        first, last = np.argmin(along), np.argmax(along)
        weights[[first, last]] += 1.0
        chord = across @ (points[:, last] - points[:, first])
        axes = np.vstack([axes, chord / np.linalg.norm(chord)])
    return weights / weights.sum()


@njit(cache=True, nogil=True, error_model="numpy")
def _balance(
    lifted: np.ndarray, weights: np.ndarray, inverse: np.ndarray, tolerance: float, most_steps: int
) -> np.ndarray:
    """Weights of points, rows z, y, x and 1, whose moments (``inverse`` is theirs) make the smallest ellipsoid."""
    count = weights.size
    along = np.zeros(4)
    distances = np.zeros(count)
    for point in range(count):
        for row in range(4):
            for column in range(4):
                distances[point] += lifted[row, point] * inverse[row, column] * lifted[column, point]
    for _ in range(most_steps):
        outer, inner = np.argmax(distances), -1
        for point in range(count):
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
    return weights / weights.sum()
