"""Moran's I and Geary's C (IBSI 3.1, N365 and NPT7): whether voxels near one another have similar intensities.

Both sum over all pairs of voxels with the inverse of their distance in mm as weight; with deviations u from the mean
and the mask m (1 inside, 0 outside),

    S0 = sum w_ij m_i m_j,   M = sum w_ij u_i u_j,   G = sum w_ij u_i^2 m_j,

Moran's I is (N / S0) M / sum u^2, and since (u_i - u_j)^2 = u_i^2 + u_j^2 - 2 u_i u_j, Geary's C is
((N - 1) / S0) (G - M) / sum u^2. No pair is left out and nothing is sampled. The sums of few voxels are taken pair by
pair. Those of many are, by Parseval's theorem, sums over the Fourier coefficients of u, m and u^2, in a box of at least
twice the region's extent so that no pair is counted round its edge; the two ways agree to rounding (1e-12).
"""

import math
from typing import NamedTuple, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import fft

PAIR, POINT, START = 1.0, 25.0, 500_000.0
"""Nanoseconds that the sums take for a pair of voxels, and the transforms for a point of their box and to begin."""


SLAB = 16
"""Frequencies along x that are transformed along y and z together; few, so that they stay in the cache."""


class Autocorrelation(NamedTuple):
    """Spatial autocorrelation of the intensities of a region; NaN where the intensities are all equal."""

    morans_i_index: float
    gearys_c_measure: float


def correlate_voxels(
    intensity: NDArray[np.float64], mask: NDArray[np.bool_], spacing: tuple[float, float, float], mean: float
) -> Autocorrelation:
    """Return Moran's I and Geary's C of the voxels of a region.

    Parameters
    ----------
    intensity : float64 array, dims [z, y, x]
        Finite inside the mask. Its box should be the mask's, or time is lost.
    mask : bool array of the same shape
    spacing
        Of the grid along z, y and x, in mm.
    mean
        Of the intensities inside the mask.
    """
    deviations, squares, count, varied = _deviate(intensity, mask, mean)
    if not varied:
        return Autocorrelation(np.nan, np.nan)
    extents = [2 * cast("int", fft.next_fast_len(extent, real=True)) for extent in mask.shape]
    if PAIR * count**2 <= POINT * math.prod(extents) + START:
        positions = np.array(np.nonzero(mask), dtype=np.float64) * np.array(spacing)[:, np.newaxis]
        weights, moran, geary = _sum_pairs(positions, deviations[mask])
    else:
        weights, moran, geary = _sum_spectra(deviations, mask, extents, spacing)
    return Autocorrelation(count / weights * moran / squares, (count - 1) / weights * (geary - moran) / squares)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "nnan"})
def _deviate(intensity: np.ndarray, mask: np.ndarray, mean: float) -> tuple[np.ndarray, float, int, bool]:
    """Deviations from the mean (0 outside the mask), their squares' sum, their number, and whether they differ."""
    deviations = np.zeros(mask.shape)
    squares, count, low, high = 0.0, 0, np.inf, -np.inf
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            for x in range(mask.shape[2]):
                inside = mask[z, y, x]
                deviation = intensity[z, y, x] - mean if inside else 0.0
                deviations[z, y, x] = deviation
                squares += deviation * deviation
                count += inside
                low = min(low, deviation if inside else np.inf)
                high = max(high, deviation if inside else -np.inf)
    return deviations, squares, count, low < high


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _sum_pairs(positions: np.ndarray, deviations: np.ndarray) -> tuple[float, float, float]:
    """S0, M and G, each over two, of voxels at positions in mm, shape (3, voxel)."""
    weights, moran, geary = 0.0, 0.0, 0.0
    for first in range(deviations.size):
        here, product, square = 0.0, 0.0, 0.0
        for second in range(first):
            z = positions[0, first] - positions[0, second]
            y = positions[1, first] - positions[1, second]
            x = positions[2, first] - positions[2, second]
            weight = 1.0 / np.sqrt(z * z + y * y + x * x)
            here += weight
            product += weight * deviations[second]
            square += weight * (deviations[second] * deviations[second])
        weights += here
        moran += product * deviations[first]
        geary += 0.5 * (square + here * deviations[first] * deviations[first])
    return weights, moran, geary


def _sum_spectra(
    deviations: NDArray[np.float64],
    mask: NDArray[np.bool_],
    extents: list[int],
    spacing: tuple[float, float, float],
) -> tuple[float, float, float]:
    """S0, M and G, all three times one factor; ``extents`` are those of the transforms, even."""
    # Axis by axis from the last, each padded when its turn comes: rows of zeros are never transformed.
    lines = [
        np.asarray(fft.rfft(values, extents[2], axis=2))
        for values in (mask.astype(np.float64), deviations, deviations**2)
    ]
    weights = _transform_weights(extents, spacing)
    # Of a coefficient and its conjugate at the opposite frequency only one is kept.
    weights[:, :, 1:-1] *= 2.0
    sums = np.zeros(3)
    for start in range(0, extents[2] // 2 + 1, SLAB):
        here = slice(start, start + SLAB)
        inside, deviation, square = (_transform_slab(line[:, :, here], extents) for line in lines)
        _weigh_spectra(inside, deviation, square, np.repeat(weights[:, :, here], 2, axis=2), sums)
    return float(sums[0]), float(sums[1]), float(sums[2])


def _transform_slab(lines: NDArray[np.complex128], extents: list[int]) -> NDArray[np.float64]:
    """Fourier coefficients along z and y, real and imaginary parts side by side."""
    rows = fft.fft(lines, extents[1], axis=1)
    return np.asarray(fft.fft(rows, extents[0], axis=0, overwrite_x=True)).view(np.float64)


def _transform_weights(extents: list[int], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    """Fourier coefficients of the inverse distance, up to half of each even extent; they are real and symmetric."""
    z, y, x = (np.square(step * np.arange(extent // 2 + 1.0)) for step, extent in zip(spacing, extents, strict=True))
    squares = z[:, np.newaxis, np.newaxis] + y[:, np.newaxis] + x
    squares[0, 0, 0] = np.inf
    np.sqrt(squares, out=squares)
    return np.asarray(fft.dctn(np.reciprocal(squares, out=squares), type=1, overwrite_x=True))


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _weigh_spectra(
    mask: np.ndarray, deviation: np.ndarray, square: np.ndarray, weights: np.ndarray, sums: np.ndarray
) -> None:
    """Add a slab of coefficients, real and imaginary parts side by side as in ``weights``, to S0, M and G."""
    depth, height, width = mask.shape
    inside, moran, geary = 0.0, 0.0, 0.0
    for z in range(depth):
        for y in range(height):
            row = weights[min(z, depth - z), min(y, height - y)]
            for x in range(width):
                weighted = row[x] * mask[z, y, x]
                inside += weighted * mask[z, y, x]
                geary += weighted * square[z, y, x]
                moran += row[x] * (deviation[z, y, x] * deviation[z, y, x])
    sums[0] += inside
    sums[1] += moran
    sums[2] += geary
