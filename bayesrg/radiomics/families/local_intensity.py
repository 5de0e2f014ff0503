"""Local intensity features (IBSI 3.2, 9ST6): mean intensities in a sphere of 1 cm^3 around voxels of the region.

A voxel's sphere holds the voxels of the image whose centres lie within (3 / (4 pi))^(1/3) cm = 6.2 mm of its own,
inside the region or not. Each field of `LocalIntensity` is defined by its row in ``local_intensity.tsv``.

Decisions where IBSI is silent: beyond the edge of the image there are no voxels, and a sphere that reaches over it is
averaged over those that exist; so are spheres with NaN or infinite intensities, which outside the region are no error.
Because the sphere reaches beyond the region, a crop to the region must leave that margin.

Sums are of intensities alone, without differences of running sums, so that a sphere's mean has no rounding from
intensities outside it. Spheres along a row share the sums over planes and columns that they have in common.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesrg.errors import SettingsError
from bayesrg.imaging.settings import Crop
from bayesrg.radiomics.region import Region
from bayesrg.radiomics.settings import Settings

RADIUS = 10.0 * (3.0 / (4.0 * math.pi)) ** (1.0 / 3.0)
"""Radius of a sphere of 1 cm^3, in mm."""


class LocalIntensity(NamedTuple):
    """The two features of IBSI 3.2, in the units of the image's intensities."""

    local_peak: float
    global_peak: float


def measure_sphere(spacing: tuple[float, float, float]) -> NDArray[np.int64]:
    """Return how far a sphere of 1 cm^3 reaches along z from its centre, by column.

    Parameters
    ----------
    spacing
        Of the grid along z, y and x, in mm.

    Returns
    -------
    int64 array, dims [y, x]
        Voxels that it reaches up and down, -1 where it does not reach at all; distances in y and x from 0.
    """
    z, y, x = spacing
    across = np.arange(int(RADIUS / y) + 1)[:, None] * y, np.arange(int(RADIUS / x) + 1) * x
    left = RADIUS**2 - across[0] ** 2 - across[1] ** 2
    return np.where(left >= 0.0, np.floor(np.sqrt(np.maximum(left, 0.0)) / z), -1.0).astype(np.int64)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _average_spheres(values: np.ndarray, mask: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return the mean in the sphere around each voxel of the mask, in reading order, of the voxels that exist."""
    depth, width, length = values.shape
    reach_z, reach_y, reach_x = heights[0, 0], heights.shape[0] - 1, heights.shape[1] - 1
    means = np.empty(np.count_nonzero(mask))
    # For one slice: columns[h] are the sums over the slices up to h away, with rows of 0 beyond the array; stacks[dx]
    # the sums over the columns of a sphere that are dx away from its centre along x, and their numbers of voxels.
    columns = np.zeros((reach_z + 1, width + 2 * reach_y, length))
    stacks, numbers = np.zeros((reach_x + 1, length + 2 * reach_x)), np.zeros(reach_x + 1, np.int64)
    totals = np.empty(length)
    spans = np.empty((width, 2), np.int64)
    found = 0
    for z in range(depth):
        top, bottom, left, right = width, -1, length, -1
        for y in range(width):
            inside = mask[z, y]
            begin, end = 0, length - 1
            while begin <= end and not inside[begin]:
                begin += 1
            while end > begin and not inside[end]:
                end -= 1
            spans[y, 0], spans[y, 1] = begin, end
            if begin <= end:
                top, bottom, left, right = min(top, y), y, min(left, begin), max(right, end)
        left, right = max(left - reach_x, 0), min(right + reach_x, length - 1) + 1
        # Loops count from 0 over slices: the compiler must know that no index is negative to use vector registers.
        for y in range(max(top - reach_y, 0), min(bottom + reach_y, width - 1) + 1):
            columns[0, y + reach_y, left:right] = values[z, y, left:right]
            for h in range(1, reach_z + 1):
                fewer, more = columns[h - 1, y + reach_y, left:right], columns[h, y + reach_y, left:right]
                if z >= h and z + h < depth:
                    below, above = values[z - h, y, left:right], values[z + h, y, left:right]
                    for x in range(more.size):
                        more[x] = fewer[x] + (below[x] + above[x])
                elif z >= h or z + h < depth:
                    other = values[z - h, y, left:right] if z >= h else values[z + h, y, left:right]
                    for x in range(more.size):
                        more[x] = fewer[x] + other[x]
                else:
                    more[:] = fewer
        for y in range(top, bottom + 1):
            if spans[y, 0] > spans[y, 1]:
                continue
            begin, end = max(spans[y, 0] - reach_x, 0), min(spans[y, 1] + reach_x, length - 1) + 1
            full = 0
            for dx in range(reach_x + 1):
                stack = stacks[dx, reach_x + begin : reach_x + end]
                stack[:] = columns[heights[0, dx], y + reach_y, begin:end]
                numbers[dx] = _count_column(z, depth, heights[0, dx])
                for dy in range(1, reach_y + 1):
                    height = heights[dy, dx]
                    if height >= 0:
                        before = columns[height, y + reach_y - dy, begin:end]
                        after = columns[height, y + reach_y + dy, begin:end]
                        for x in range(stack.size):
                            stack[x] += before[x] + after[x]
                        both = (1 if y >= dy else 0) + (1 if y + dy < width else 0)
                        numbers[dx] += both * _count_column(z, depth, height)
                full += numbers[dx] if dx == 0 else 2 * numbers[dx]
            begin, end = spans[y, 0], spans[y, 1] + 1
            here = totals[begin:end]
            here[:] = stacks[0, reach_x + begin : reach_x + end]
            for dx in range(1, reach_x + 1):
                before = stacks[dx, reach_x - dx + begin : reach_x - dx + end]
                after = stacks[dx, reach_x + dx + begin : reach_x + dx + end]
                for x in range(here.size):
                    here[x] += before[x] + after[x]
            for x in range(begin, end):
                if mask[z, y, x]:
                    number = full
                    if x < reach_x or x + reach_x >= length:
                        for dx in range(1, reach_x + 1):
                            number -= numbers[dx] * ((1 if x < dx else 0) + (1 if x + dx >= length else 0))
                    means[found] = totals[x] / number
                    found += 1
    return means


@njit(cache=True, nogil=True, error_model="numpy")
def _count_column(z: int, depth: int, height: int) -> int:
    """Count the voxels of a column that reaches ``height`` up and down from slice ``z`` and ends with the array."""
    return min(z, height) + min(depth - 1 - z, height) + 1


def average_spheres(region: Region) -> NDArray[np.float64]:
    """Return the mean intensity in the sphere around each voxel of the intensity mask, in reading order."""
    heights = measure_sphere(region.spacing)
    intensity, mask = np.ascontiguousarray(region.intensity), np.ascontiguousarray(region.intensity_mask)
    means = _average_spheres(intensity, mask, heights)
    if np.isfinite(means).all():
        return means
    finite = np.isfinite(intensity)
    known = _average_spheres(np.where(finite, intensity, 0.0), mask, heights)
    return known / _average_spheres(finite.astype(np.float64), mask, heights)


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under the aggregation ``""``.

    Raises
    ------
    SettingsError
        The image was cropped to less around the region than the sphere reaches.
    """
    _check_margin(region, settings.crop)
    means = average_spheres(region)
    brightest = region.intensities == region.intensities.max()
    peaks = LocalIntensity(local_peak=float(means[brightest].max()), global_peak=float(means.max()))
    return {"": peaks._asdict()}


def _check_margin(region: Region, crop: Crop) -> None:
    if crop.extent == "image":
        return
    for axis, step in zip("zyx", region.spacing, strict=True):
        reach, margin = math.floor(RADIUS / step), crop.margin / (step if crop.unit == "mm" else 1.0)
        if margin < reach:
            raise SettingsError(
                f"[crop] margin = {crop.margin:g} {crop.unit} leaves {margin:.3g} voxels around the region along "
                f"{axis}, but the sphere of local intensity (1 cm^3) reaches {reach}; set it to {RADIUS:.1f} mm or "
                "more, or leave local_intensity out of families in [features]"
            )
