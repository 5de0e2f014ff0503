"""Moran's I and Geary's C (IBSI 3.1, N365 and NPT7): whether voxels near one another have similar intensities.

Both sum over all pairs of voxels with the inverse of their distance in mm as weight; with deviations u from the mean
and the mask m (1 inside, 0 outside),

    S0 = sum w_ij m_i m_j,   M = sum w_ij u_i u_j,   G = sum w_ij u_i^2 m_j,

Moran's I is (N / S0) M / sum u^2, and since (u_i - u_j)^2 = u_i^2 + u_j^2 - 2 u_i u_j, Geary's C is
((N - 1) / S0) (G - M) / sum u^2. No pair is left out and nothing is sampled. The sums of few voxels are taken pair by
pair. Those of many are taken over frequencies: counted round a ring of 2 L - 1 places, L the region's extent, no two
voxels have any distance but their own, and on a ring cosines and sines diagonalise any weights that depend on nothing
but the distance; so do their products in three dimensions. The two ways agree to rounding (1e-12).

The transforms are products with the matrices of cosines and sines. About the middle of the region one is even and the
other odd, and half of each matrix is enough. Up to some 400 voxels along each axis this takes less time than fast
Fourier transforms, because matrix products use the processor's vector registers to the full.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

PAIR, PRODUCT, START = 0.85, 0.06, 150_000.0
"""Nanoseconds that the sums take for a pair of voxels, the transforms for a step of their products, and to begin."""

SLAB = 40_000
"""Coefficients of each field that are made together; few, so that they stay in the cache."""


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
    depth, height, width = sorted(mask.shape)
    if PAIR * count**2 <= PRODUCT * mask.size * (24 * depth + 12 * height + 6 * width) + START:
        positions = np.array(np.nonzero(mask), dtype=np.float64) * np.array(spacing)[:, np.newaxis]
        weights, moran, geary = _sum_pairs(positions, deviations[mask])
    else:
        weights, moran, geary = _sum_spectra(deviations, mask, spacing)
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
    deviations: NDArray[np.float64], mask: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> tuple[float, float, float]:
    """S0, M and G."""
    # Along each axis the coefficients double, in the order z, x, y: the longest comes first, the shortest last.
    order = np.argsort(mask.shape)[[2, 0, 1]]
    depth, height, width = (mask.shape[axis] for axis in order)
    weights = _transform_weights((depth, height, width), [spacing[axis] for axis in order])
    parts = _fold(*(np.ascontiguousarray(values.transpose(order)) for values in (deviations, mask)))
    waves_z, waves_y, waves_x = (_make_waves(extent) for extent in (depth, height, width))
    sums = np.zeros(3)
    slab = max(1, SLAB // (height * width))
    for odd_z, odd_y, odd_x in np.ndindex(2, 2, 2):
        part = parts[odd_z, odd_y, odd_x]
        planes = (waves_z[odd_z] @ part.reshape(len(part), -1)).reshape(depth, *part.shape[1:])
        for start in range(0, depth, slab):
            rows = planes[start : start + slab].reshape(-1, planes.shape[3]) @ waves_x[odd_x].T
            blocks = waves_y[odd_y] @ rows.reshape(-1, planes.shape[2], width)
            _weigh_spectra(blocks.reshape(-1, 3, height * width), weights[start : start + slab], sums)
    return float(sums[0]), float(sums[1]), float(sums[2])


@njit(cache=True, nogil=True, error_model="numpy")
def _fold(deviations: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The parts of m, u and u^2 that are even (0) or odd (1) about the middle of each axis, the first half of each.

    Dims are parity along z, y and x, place along z, field, place along y and x.
    """
    depth, height, width = mask.shape
    halves = (depth + 1) // 2, (height + 1) // 2, (width + 1) // 2
    parts = np.empty((8, halves[0], 3, halves[1], halves[2]))
    corners = np.empty((3, 8))
    for z in range(halves[0]):
        for y in range(halves[1]):
            for x in range(halves[2]):
                for corner in range(8):
                    here = (
                        depth - 1 - z if corner & 4 else z,
                        height - 1 - y if corner & 2 else y,
                        width - 1 - x if corner & 1 else x,
                    )
                    corners[0, corner], corners[1, corner] = mask[here], deviations[here]
                    corners[2, corner] = deviations[here] * deviations[here]
                for field in range(3):
                    values = corners[field]
                    for bit in (1, 2, 4):
                        for corner in range(8):
                            if corner & bit == 0:
                                low, high = values[corner], values[corner | bit]
                                values[corner], values[corner | bit] = low + high, low - high
                    for part in range(8):
                        parts[part, z, field, y, x] = values[part]
    return parts.reshape((2, 2, 2, halves[0], 3, halves[1], halves[2]))


def _make_waves(extent: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosines and sines, of length 1 on the ring, by frequency and place from the middle, for what `_fold` gives."""
    ring = 2 * extent - 1
    places = np.arange((extent + 1) // 2) - (extent - 1) / 2
    angles = np.outer(np.arange(extent), places) * (2.0 * np.pi / ring)
    scale = np.full((extent, 1), math.sqrt(2.0 / ring))
    scale[0] = math.sqrt(1.0 / ring)
    cosines, sines = scale * np.cos(angles), scale * np.sin(angles)
    if extent % 2:
        # The middle is folded on itself and counts twice.
        cosines[:, -1] /= 2.0
    return cosines, sines


def _transform_weights(shape: tuple[int, int, int], spacing: list[float]) -> NDArray[np.float64]:
    """What the inverse distance on the ring multiplies each frequency by, dims [z, y and x]."""
    z, y, x = (np.square(step * np.arange(extent)) for step, extent in zip(spacing, shape, strict=True))
    squares = z[:, np.newaxis, np.newaxis] + y[:, np.newaxis] + x
    squares[0, 0, 0] = np.inf
    weights = 1.0 / np.sqrt(squares)
    across_z, across_y, across_x = (_transform_ring(extent) for extent in shape)
    weights = across_y @ (weights @ across_x.T)
    return across_z @ weights.reshape(shape[0], -1)


def _transform_ring(extent: int) -> NDArray[np.float64]:
    """The transform, by frequency and distance, of values that are the same either way round the ring."""
    places = np.arange(extent)
    # Angles by whole numbers round the ring, so that those of large frequencies are as exact as the others.
    cosines = 2.0 * np.cos(np.outer(places, places) % (2 * extent - 1) * (2.0 * np.pi / (2 * extent - 1)))
    cosines[:, 0] = 1.0
    return cosines


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _weigh_spectra(blocks: np.ndarray, weights: np.ndarray, sums: np.ndarray) -> None:
    """Add coefficients of m, u and u^2, dims [plane, field, coefficient], to S0, M and G."""
    for plane in range(len(blocks)):
        mask, deviation, square = blocks[plane, 0], blocks[plane, 1], blocks[plane, 2]
        scale = weights[plane]
        inside, moran, geary = 0.0, 0.0, 0.0
        for k in range(scale.size):
            weighted = scale[k] * mask[k]
            inside += weighted * mask[k]
            geary += weighted * square[k]
            moran += scale[k] * (deviation[k] * deviation[k])
        sums[0] += inside
        sums[1] += moran
        sums[2] += geary
