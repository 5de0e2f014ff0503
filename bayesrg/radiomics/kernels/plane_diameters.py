"""Largest diameters of a region in planes along the axes, which pyradiomics has beside IBSI's diameter in 3D."""

import math

import numpy as np
from numpy.typing import NDArray


def measure_plane_diameters(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return the largest distances between vertices of the mesh that share z, y, and x, in mm.

    Parameters
    ----------
    mask : bool array, dims [z, y, x]
        The region.
    spacing
        Along x, y and z, in mm.
    """
    padded = np.pad(mask, 1)
    crossings = []
    for axis in range(3):
        # In half edges: crossings lie between two neighbours of which one is inside.
        places = 2 * np.argwhere(np.diff(padded, axis=axis))
        places[:, axis] += 1
        crossings.append(places)
    vertices = np.concatenate(crossings)
    half = np.array(spacing[::-1]) / 2
    z, y, x = (_widest_plane(vertices, half, axis) for axis in range(3))
    return z, y, x


def _widest_plane(vertices: NDArray[np.int64], half: NDArray[np.float64], axis: int) -> float:
    first, second = (other for other in range(3) if other != axis)
    # Of the vertices on one line only the outermost can be farthest from another.
    order = vertices[np.lexsort((vertices[:, second], vertices[:, first], vertices[:, axis]))]
    starts = np.flatnonzero(np.append(True, np.any(np.diff(order[:, [axis, first]], axis=0), axis=1)))
    outermost = order[np.unique(np.append(starts, np.append(starts[1:], len(order)) - 1))]
    planes = np.split(outermost, np.flatnonzero(np.diff(outermost[:, axis])) + 1)
    widest = 0.0
    for plane in planes:
        points = plane[:, [first, second]] * half[[first, second]]
        widest = max(widest, float(np.square(points[:, None] - points).sum(axis=2).max()))
    return math.sqrt(widest)
