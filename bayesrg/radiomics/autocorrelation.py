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

PAIR, PRODUCT, START = 0.25, 0.02, 150_000.0
"""Nanoseconds that the sums take for a pair of voxels, the transforms for a step of their products, and to begin."""

SLAB = 250_000
"""Coefficients of one of three fields that are made together; few, so that they stay in the cache."""


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
    # Each axis doubles the coefficients: the longest comes first, the shortest last.
    order = np.argsort(mask.shape)
    depth, height, width = (mask.shape[axis] for axis in order)
    spectrum = _transform_weights((depth, height, width), [spacing[axis] for axis in order])
    waves_z, waves_y, waves_x = (_make_waves(extent) for extent in (depth, height, width))
    rows = _fold_rows(*(np.ascontiguousarray(values.transpose(order)) for values in (deviations, mask)))
    sums = np.zeros(3)
    # Whole vector registers.
    slab = max(16, SLAB // (depth * height) // 8 * 8)
    for start in range(0, width, slab):
        weights = np.ascontiguousarray(spectrum[:, :, start : start + slab]).ravel()
        for half, waves in zip(rows, waves_x, strict=True):
            lines = half @ np.ascontiguousarray(waves[start : start + slab].T)
            for parts, across_y in zip(_fold(lines.reshape(3 * depth, height, -1)), waves_y, strict=True):
                planes = across_y @ parts
                for halves, across_z in zip(_fold(planes.reshape(3, depth, -1)), waves_z, strict=True):
                    _weigh_spectra((across_z @ halves).reshape(3, -1), weights, sums)
    return float(sums[0]), float(sums[1]), float(sums[2])


@njit(cache=True, nogil=True, error_model="numpy")
def _fold_rows(deviations: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The even and the odd part of the rows of m, u and u^2, shape (2, 3 x row, half)."""
    depth, height, width = mask.shape
    half, count = (width + 1) // 2, depth * height
    folded = np.empty((2, 3 * count, half))
    for row in range(count):
        z, y = row // height, row % height
        inside, deviation = mask[z, y], deviations[z, y]
        for field in range(3):
            even, odd = folded[0, field * count + row], folded[1, field * count + row]
            for x in range(half):
                other = width - 1 - x
                if field == 0:
                    here, there = np.float64(inside[x]), np.float64(inside[other])
                elif field == 1:
                    here, there = deviation[x], deviation[other]
                else:
                    here, there = deviation[x] * deviation[x], deviation[other] * deviation[other]
                even[x] = here + there
                odd[x] = here - there
    return folded


@njit(cache=True, nogil=True, error_model="numpy")
def _fold(values: np.ndarray) -> np.ndarray:
    """The even and the odd part of values about the middle of the second of three axes, its first half of each."""
    outer, extent, inner = values.shape
    half = (extent + 1) // 2
    folded = np.empty((2, outer, half, inner))
    for block in range(outer):
        for place in range(half):
            here, there = values[block, place], values[block, extent - 1 - place]
            even, odd = folded[0, block, place], folded[1, block, place]
            for k in range(inner):
                even[k] = here[k] + there[k]
                odd[k] = here[k] - there[k]
    return folded


def _make_waves(extent: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosines and sines, of length 1 on the ring, by frequency and place from the middle; for parts as `_fold` gives."""
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
    """What the inverse distance on the ring multiplies each frequency by."""
    z, y, x = (np.square(step * np.arange(extent)) for step, extent in zip(spacing, shape, strict=True))
    squares = z[:, np.newaxis, np.newaxis] + y[:, np.newaxis] + x
    squares[0, 0, 0] = np.inf
    weights = 1.0 / np.sqrt(squares)
    across_z, across_y, across_x = (_transform_ring(extent) for extent in shape)
    weights = across_y @ (weights @ across_x.T)
    return (across_z @ weights.reshape(shape[0], -1)).reshape(shape)


def _transform_ring(extent: int) -> NDArray[np.float64]:
    """The transform, by frequency and distance, of values that are the same either way round the ring."""
    places = np.arange(extent)
    # Angles by whole numbers round the ring, so that those of large frequencies are as exact as the others.
    cosines = 2.0 * np.cos(np.outer(places, places) % (2 * extent - 1) * (2.0 * np.pi / (2 * extent - 1)))
    cosines[:, 0] = 1.0
    return cosines


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def _weigh_spectra(blocks: np.ndarray, weights: np.ndarray, sums: np.ndarray) -> None:
    """Add coefficients of m, u and u^2 to S0, M and G."""
    mask, deviation, square = blocks[0], blocks[1], blocks[2]
    inside, moran, geary = 0.0, 0.0, 0.0
    for k in range(weights.size):
        weighted = weights[k] * mask[k]
        inside += weighted * mask[k]
        geary += weighted * square[k]
        moran += weights[k] * (deviation[k] * deviation[k])
    sums[0] += inside
    sums[1] += moran
    sums[2] += geary
