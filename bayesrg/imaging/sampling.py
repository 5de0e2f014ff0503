"""Interpolation grids that are turned and shifted against the image.

Turning an image first and interpolating it afterwards blurs it twice. Instead the grid on which IBSI's chain would
interpolate is turned the other way and shifted, and the image is interpolated on it once. The anatomy stays where it
is in physical space: the grid's origin and direction tell where its voxels lie.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
import SimpleITK as sitk
from numpy.typing import NDArray

from bayesrg.errors import RegionError
from bayesrg.imaging.interpolate import (
    HEADER_PRECISION,
    PARTIAL_VOLUME_PRECISION,
    Axis,
    Method,
    Window,
    align_axis,
    interpolate,
    interpolate_mask,
)
from bayesrg.imaging.settings import Interpolation

_ORDERS: dict[Method, int] = {"nearest": 0, "linear": 1, "cubic_bspline": 3}

_REACH = 32
"""Image voxels read around the sampled ones: a cubic B-spline's filter has decayed to 5e-19 by then."""


@dataclass(frozen=True)
class SamplingGrid:
    """Where the voxels of a grid lie in an image: position = matrix @ index + start, in voxels [z, y, x] of the image.

    Attributes
    ----------
    image_size, size
        Voxels of the image and of the grid, [z, y, x].
    spacing
        Of the grid, x, y, z in mm.
    matrix, start
        Nested tuples of shape (3, 3) and (3,).
    axes
        IBSI's own grid, where this one is neither turned nor shifted; None where it is.
    """

    image_size: tuple[int, int, int]
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    matrix: tuple[tuple[float, float, float], ...]
    start: tuple[float, float, float]
    axes: tuple[Axis, Axis, Axis] | None

    def place(self, window: Window) -> NDArray[np.float64]:
        """Return the position (3, z, y, x) in the image, in voxels, of every grid voxel in the window."""
        index = np.meshgrid(*[np.arange(side.start, side.stop) for side in window], indexing="ij", sparse=True)
        rows = [sum(row[axis] * index[axis] for axis in range(3)) for row in self.matrix]
        return np.stack([row + start for row, start in zip(rows, self.start, strict=True)])

    def surround(self, box: Window, margin: float) -> Window:
        """Return the window that holds a box of the image's voxels and a margin in mm, as far as the grid reaches."""
        # A voxel of linearly interpolated mask reaches to the centres of its neighbours.
        corners = np.stack(np.meshgrid(*[(side.start - 1, side.stop) for side in box], indexing="ij"), -1).reshape(
            -1, 3
        )
        index = np.linalg.solve(np.array(self.matrix), (corners - np.array(self.start)).T).T
        extra = [math.ceil(margin / step) for step in self.spacing[::-1]]
        first = np.floor(index.min(axis=0) + HEADER_PRECISION).astype(int) - extra
        last = np.ceil(index.max(axis=0) - HEADER_PRECISION).astype(int) + extra
        sides = [slice(max(0, a), min(size, b + 1)) for a, b, size in zip(first, last, self.size, strict=True)]
        return sides[0], sides[1], sides[2]

    @property
    def whole(self) -> Window:
        """The window that holds the whole grid."""
        return slice(0, self.size[0]), slice(0, self.size[1]), slice(0, self.size[2])


def place_grid(
    image: sitk.Image, interpolation: Interpolation, *, rotation: float, translation: tuple[float, float, float]
) -> SamplingGrid:
    """Return IBSI's centred grid (3WE3), moved so that the image appears turned and then shifted on it.

    Parameters
    ----------
    image
        3-D image.
    interpolation
        Its ``spacing`` is that of the grid; without one the grid has the image's own spacing.
    rotation
        Angle in degrees by which the image turns about its third axis, through its centre, from the x axis towards y.
        The grid is made large enough to hold the turned image.
    translation
        Shift of the image along the grid's x, y and z, in voxels of the grid.
    """
    asked = interpolation.spacing or ("keep", "keep", "keep")
    axes = tuple(align_axis(*axis) for axis in zip(image.GetSize(), image.GetSpacing(), asked, strict=True))
    new = np.array([axis.spacing for axis in axes])
    old = np.array(image.GetSpacing())
    image_size = np.array(image.GetSize())
    angle = math.radians(rotation)
    turn = np.array([[math.cos(angle), math.sin(angle), 0], [-math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    if rotation:
        extent = np.abs(turn) @ (image_size * old)
        size = np.maximum(1, np.ceil(extent / new * (1 - HEADER_PRECISION))).astype(int)
    else:
        size = np.array([axis.size for axis in axes])
    # `turn` maps grid directions to image directions: it turns the grid by −angle, so that the image appears at +angle.
    # Where nothing is interpolated along an axis, header rounding must not make its step differ from one voxel.
    matrix = turn / old[:, None] * new
    if not rotation:
        matrix = np.diag([axis.step for axis in axes])
    start = (image_size - 1) / 2 - matrix @ ((size - 1) / 2 + np.array(translation))
    moved = bool(rotation) or any(translation)
    return SamplingGrid(
        image_size=(int(image_size[2]), int(image_size[1]), int(image_size[0])),
        size=(int(size[2]), int(size[1]), int(size[0])),
        spacing=(float(new[0]), float(new[1]), float(new[2])),
        matrix=tuple((float(row[2]), float(row[1]), float(row[0])) for row in matrix[::-1]),
        start=(float(start[2]), float(start[1]), float(start[0])),
        axes=None if moved else (axes[2], axes[1], axes[0]),
    )


def sample(voxels: NDArray, grid: SamplingGrid, window: Window, method: Method) -> NDArray[np.float64]:
    """Return the intensities at the grid voxels of the window; outside, the image goes on with its border value.

    NaN where a value that has weight was NaN or infinite, as `bayesrg.imaging.process` has it.

    Raises
    ------
    RegionError
        If a cubic B-spline would read NaN or infinite voxels.
    """
    if grid.axes is not None:
        return interpolate(voxels, grid.axes, window, method)
    source, positions = _read(voxels, grid, window)
    source = source.astype(np.float64)
    broken = ~np.isfinite(source)
    if method == "cubic_bspline" and broken.any():
        raise RegionError(
            f"{int(broken.sum())} voxels that the cubic B-spline reads around the region are NaN or infinite; a spline "
            'would spread them. Give them finite values first, or use image = "linear" in [interpolation].'
        )
    source[broken] = 0.0
    result = _map(source, positions, method)
    if broken.any():
        # Rounding gives voxels that should have no weight about 1e-16 of it.
        result[_map(broken.astype(np.float64), positions, method) > HEADER_PRECISION] = np.nan
    return result


def sample_mask(voxels: NDArray, grid: SamplingGrid, window: Window, interpolation: Interpolation) -> NDArray[np.bool_]:
    """Return the region at the grid voxels of the window: partial volume of at least one half, inside the image."""
    if grid.axes is not None:
        return interpolate_mask(voxels, grid.axes, window, interpolation.mask)
    source, positions = _read(voxels, grid, window)
    part = _map((source != 0).astype(np.float32), positions, interpolation.mask)
    return (part >= 0.5 - PARTIAL_VOLUME_PRECISION) & lies_inside(grid, window)


def lies_inside(grid: SamplingGrid, window: Window) -> NDArray[np.bool_]:
    """Return which grid voxels of the window have their centre in the image (in one of its voxels)."""
    size = np.array(grid.image_size).reshape(3, 1, 1, 1)
    positions = grid.place(window)
    return np.all((positions >= -0.5 - HEADER_PRECISION) & (positions <= size - 0.5 + HEADER_PRECISION), axis=0)


def make_image(voxels: NDArray, image: sitk.Image, grid: SamplingGrid, window: Window) -> sitk.Image:
    """Return an array [z, y, x] over a window as an image that lies where the window lies in physical space."""
    matrix = np.array(grid.matrix)
    corner = matrix @ [side.start for side in window] + np.array(grid.start)
    steps = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing()) @ matrix[::-1, ::-1]
    made = sitk.GetImageFromArray(voxels)
    made.SetSpacing(grid.spacing)
    made.SetOrigin(image.TransformContinuousIndexToPhysicalPoint([float(index) for index in corner[::-1]]))
    # Of unit length again, because kept axes take their step from the image's header and not from the spacing.
    made.SetDirection((steps / np.linalg.norm(steps, axis=0)).ravel().tolist())
    return made


def _read(voxels: NDArray, grid: SamplingGrid, window: Window) -> tuple[NDArray, NDArray[np.float64]]:
    """Return the part of the image that the window needs, and the grid voxels' positions in that part."""
    last = np.array(grid.image_size).reshape(3, 1, 1, 1) - 1
    positions = np.clip(grid.place(window), 0, last)
    low = np.maximum(0, np.floor(positions.min(axis=(1, 2, 3))).astype(int) - _REACH)
    high = np.minimum(grid.image_size, np.ceil(positions.max(axis=(1, 2, 3))).astype(int) + _REACH + 1)
    part = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return voxels[part], positions - low.reshape(3, 1, 1, 1)


def _map(source: NDArray, positions: NDArray[np.float64], method: Method) -> NDArray:
    return scipy.ndimage.map_coordinates(source, positions, order=_ORDERS[method], mode="mirror")
