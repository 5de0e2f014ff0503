"""Interpolation on IBSI's centred grid, axis by axis, from no more of the image than a window of the grid needs.

The interpolators are tensor products, so each axis is interpolated on its own: a weighted sum of one (nearest), two
(linear) or four (cubic B-spline) slabs. Positions and weights follow from the geometry of the whole image and the
window only selects among them; that is why cropping changes no value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from bayesrg.errors import RegionError
from bayesrg.imaging.settings import Spacing

Method = Literal["nearest", "linear", "cubic_bspline"]
Window = tuple[slice, ...]

HEADER_PRECISION = 1e-6
"""Relative differences of spacing below this are rounding of single-precision headers, not another spacing."""

PARTIAL_VOLUME_PRECISION = 1e-4
"""Partial volumes this close to a tie count as the tie: voxel positions from single-precision headers are no better."""

_SPLINE_REACH = 24
"""Input voxels read around a window for a cubic B-spline: its filter decays by 0.268 a voxel, to 2e-14 over 24."""


@dataclass(frozen=True)
class Axis:
    """How an axis of the interpolation grid lies on an axis of the image (IBSI 026Q, QCY4: grid centres aligned).

    Attributes
    ----------
    image_size, size
        Number of voxels in the image and in the interpolation grid.
    start, step
        Position of the grid's first voxel centre and distance of its centres, in voxels of the image.
    spacing
        Distance of the grid's voxel centres in mm.
    """

    image_size: int
    size: int
    start: float
    step: float
    spacing: float

    @property
    def kept(self) -> bool:
        """Whether the grid has the image's own voxels along this axis, so that there is nothing to interpolate."""
        return self.step == 1.0

    def positions(self, part: slice) -> np.ndarray:
        """Return positions in image voxels; beyond the outermost centres the image continues with its border value."""
        return np.clip(self.start + self.step * np.arange(part.start, part.stop), 0, self.image_size - 1)

    def reached_from(self, part: slice) -> slice:
        """Return the grid voxels that can draw linearly on the image voxels ``part``, those beyond the border too."""
        first = math.floor((part.start - 1 - self.start) / self.step) if part.start > 0 else 0
        last = math.ceil((part.stop - self.start) / self.step) if part.stop < self.image_size else self.size - 1
        return slice(max(first, 0), min(last, self.size - 1) + 1)


def align_axis(image_size: int, spacing: float, new_spacing: Spacing) -> Axis:
    """Return the axis of ``ceil(n s / s_new)`` voxels whose centre is the centre of the image's axis (IBSI 3WE3)."""
    if new_spacing == "keep" or abs(new_spacing / spacing - 1) < HEADER_PRECISION:
        return Axis(image_size, image_size, 0.0, 1.0, spacing)
    step = new_spacing / spacing
    size = max(1, math.ceil(image_size / step * (1 - HEADER_PRECISION)))
    start = (image_size - 1 - step * (size - 1)) / 2
    return Axis(image_size, size, start, step, new_spacing)


def interpolate(image: np.ndarray, axes: Sequence[Axis], window: Window, method: Method) -> np.ndarray:
    """Return the image's values at the voxels ``window`` of the interpolation grid.

    Parameters
    ----------
    image
        Whole image ``[z, y, x]``; only what the window needs is read.
    axes
        The grid's axes in the order z, y, x.
    window
        Voxels of the grid, ``[z, y, x]``.
    method
        ``"nearest"``, ``"linear"`` or ``"cubic_bspline"`` (mirror boundary).

    Returns
    -------
    np.ndarray
        float64, ``[z, y, x]``, a copy. NaN where a value of weight above zero was NaN or infinite; where no axis is
        interpolated, the image's own values.

    Raises
    ------
    RegionError
        If a cubic B-spline would have to read NaN or infinite voxels, because their influence has no sharp end.
    """
    if all(axis.kept for axis in axes):
        return image[window].astype(np.float64)
    reads = [_read_range(axis, part, method) for axis, part in zip(axes, window, strict=True)]
    source = image[tuple(reads)].astype(np.float64)
    broken = ~np.isfinite(source)
    if not broken.any():
        return _apply(source, axes, window, reads, method)
    if method == "cubic_bspline":
        place = [int(index + read.start) for index, read in zip(np.argwhere(broken)[0], reads, strict=True)]
        raise RegionError(
            f"{np.count_nonzero(broken)} voxels that the cubic B-spline reads around the region are NaN or infinite, "
            f"the first at [z, y, x] = {place}; a spline would spread them. Give them finite values first, "
            'or use image = "linear" in [interpolation].'
        )
    source[broken] = 0.0
    result = _apply(source, axes, window, reads, method)
    result[_apply(broken.astype(np.float64), axes, window, reads, method) > 0] = np.nan
    return result


def interpolate_mask(
    mask: np.ndarray, axes: Sequence[Axis], window: Window, method: Literal["nearest", "linear"]
) -> np.ndarray:
    """Return the binary mask ``[z, y, x]`` (bool) at the window: partial volume of at least one half (IBSI E8H9)."""
    if all(axis.kept for axis in axes):
        return mask[window] != 0
    reads = [_read_range(axis, part, method) for axis, part in zip(axes, window, strict=True)]
    source = (mask[tuple(reads)] != 0).astype(np.float32)
    return _apply(source, axes, window, reads, method) >= 0.5 - PARTIAL_VOLUME_PRECISION


def _apply(
    source: np.ndarray, axes: Sequence[Axis], window: Window, reads: Sequence[slice], method: Method
) -> np.ndarray:
    """Interpolate one axis after the other, the one that coarsens most first, so that later passes have less to do."""
    for dim in sorted(range(3), key=lambda dim: -axes[dim].step):
        axis = axes[dim]
        if axis.kept:
            continue
        if method == "cubic_bspline":
            source = scipy.ndimage.spline_filter1d(source, order=3, axis=dim, mode="mirror", output=np.float64)
        first, weights = _weigh(axis.positions(window[dim]), method)
        source = _sum_taps(source, dim, first - reads[dim].start, weights.astype(source.dtype))
    return source


def _read_range(axis: Axis, part: slice, method: Method) -> slice:
    """Return the image voxels to read for the grid voxels ``part``."""
    if axis.kept:
        return part
    positions = axis.positions(part)
    reach = _SPLINE_REACH if method == "cubic_bspline" else 1
    return slice(max(0, math.floor(positions[0]) - reach), min(axis.image_size, math.floor(positions[-1]) + reach + 1))


def _weigh(positions: np.ndarray, method: Method) -> tuple[np.ndarray, np.ndarray]:
    """Return the first image voxel that each position draws on and the weights (positions × taps) from there on."""
    if method == "nearest":
        nearest = np.floor(positions + 0.5 + PARTIAL_VOLUME_PRECISION).astype(np.intp)
        return nearest, np.ones((positions.size, 1))
    below = np.floor(positions).astype(np.intp)
    part = positions - below
    if method == "linear":
        return below, np.stack([1 - part, part], axis=1)
    rest = 1 - part
    weights = [rest**3 / 6, 2 / 3 - part**2 * (2 - part) / 2, 2 / 3 - rest**2 * (2 - rest) / 2, part**3 / 6]
    return below - 1, np.stack(weights, axis=1)


def _sum_taps(source: np.ndarray, dim: int, first: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted sums along ``dim``, slice by slice: slices stay in the processor's cache (3 times faster).

    Indices beyond the source are mirrored at its outermost voxels, as the spline's filter assumes; the other methods
    give such voxels no weight.
    """
    last = source.shape[dim] - 1
    index = np.abs(first[:, np.newaxis] + np.arange(weights.shape[1]))
    index = np.clip(np.where(index > last, 2 * last - index, index), 0, last)
    shape = [*source.shape[:dim], len(first), *source.shape[dim + 1 :]]
    total = np.empty(shape, dtype=source.dtype)
    term = np.empty(shape[1:], dtype=source.dtype)
    if dim == 0:
        for k, plane in enumerate(total):
            np.multiply(source[index[k, 0]], weights[k, 0], out=plane)
            for tap in range(1, weights.shape[1]):
                plane += np.multiply(source[index[k, tap]], weights[k, tap], out=term)
        return total
    columns = weights.T[:, :, np.newaxis] if dim == 1 else weights.T[:, np.newaxis, :]
    for k, plane in enumerate(total):
        # mode="clip" spares NumPy a buffer: no index is out of range.
        np.take(source[k], index[:, 0], axis=dim - 1, out=plane, mode="clip")
        plane *= columns[0]
        for tap in range(1, weights.shape[1]):
            np.take(source[k], index[:, tap], axis=dim - 1, out=term, mode="clip")
            term *= columns[tap]
            plane += term
    return total
