"""Centres and covariance of the voxels of a region (IBSI 3.1, 4KW8), by voxel and by intensity."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Moments(NamedTuple):
    """How the voxel centres of a region are distributed.

    Attributes
    ----------
    voxels
        Their number.
    centre : float64 array, shape (3,)
        Mean position z, y, x in voxels of the array.
    covariance : float64 array, shape (3, 3)
        Of the positions z, y, x in mm, with their number less one as divisor; 0 of a single voxel.
    """

    voxels: int
    centre: NDArray[np.float64]
    covariance: NDArray[np.float64]


class Weights(NamedTuple):
    """Intensities of a region.

    Attributes
    ----------
    voxels
        Their number.
    mean
        Of the intensities.
    shift : float64 array, shape (3,)
        Sum over voxels of the intensity times the position from the origin, in voxels, columns z, y, x.
    """

    voxels: int
    mean: float
    shift: NDArray[np.float64]


def measure_moments(padded: NDArray[np.uint8], spacing: tuple[float, float, float]) -> Moments:
    """Return count, centre and covariance of the voxels of a region.

    Parameters
    ----------
    padded : uint8 array, dims [z, y, x]
        1 inside the region, at least at one voxel, and 0 outside.
    spacing
        Of the grid along z, y and x, in mm.
    """
    # Whole numbers, and Python's have no limit: the difference of large products is exact.
    count, *sums = _sum_powers(padded).tolist()
    first, second = sums[:3], np.array([[sums[k] for k in row] for row in ((3, 4, 5), (4, 6, 7), (5, 7, 8))], object)
    scatter = (count * second - np.outer(np.array(first, object), first)).astype(np.float64)
    covariance = scatter / (count * max(count - 1, 1)) * np.outer(spacing, spacing)
    return Moments(count, np.array(first) / count, covariance)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _sum_powers(padded: np.ndarray) -> np.ndarray:
    """Sums over voxels of 1, z, y, x, zz, zy, zx, yy, yx, xx."""
    sums = np.zeros(10, np.int64)
    # Sums of a row, below 2^53 for rows of up to 200,000 voxels, are exact, and vector registers add them faster.
    places, powers = np.empty(padded.shape[2]), np.empty(padded.shape[2])
    for x in range(padded.shape[2]):
        places[x], powers[x] = x, x * x
    for z in range(padded.shape[0]):
        for y in range(padded.shape[1]):
            here, along, spread = 0.0, 0.0, 0.0
            for x in range(padded.shape[2]):
                inside = padded[z, y, x] != 0
                here += 1.0 if inside else 0.0
                along += places[x] if inside else 0.0
                spread += powers[x] if inside else 0.0
            count, first, second = int(here), int(along), int(spread)
            sums[0] += count
            sums[1] += z * count
            sums[2] += y * count
            sums[3] += first
            sums[4] += z * z * count
            sums[5] += z * y * count
            sums[6] += z * first
            sums[7] += y * y * count
            sums[8] += y * first
            sums[9] += second
    return sums


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def weigh_voxels(intensity: np.ndarray, mask: np.ndarray, origin: np.ndarray) -> Weights:
    """Return the mean intensity of a region, and where the intensities lie.

    Parameters
    ----------
    intensity : float64 array, dims [z, y, x]
        Finite inside the mask.
    mask : bool array of the same shape
        At least one voxel is True.
    origin : float64 array, shape (3,)
        Position z, y, x from which positions count, in voxels.
    """
    count, total = 0, 0.0
    shift = np.zeros(3)
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            here, row, along = 0, 0.0, 0.0
            for x in range(mask.shape[2]):
                value = intensity[z, y, x] if mask[z, y, x] else 0.0
                here += mask[z, y, x]
                row += value
                along += value * x
            count += here
            total += row
            shift[0] += row * (z - origin[0])
            shift[1] += row * (y - origin[1])
            shift[2] += along - row * origin[2]
    return Weights(count, total / count, shift)
