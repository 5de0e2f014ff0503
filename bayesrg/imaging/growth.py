"""Growth and shrinkage of a region by less than a voxel.

A binary mask knows its contour only to about half a voxel, so moving the contour by a given distance and asking which
voxel centres lie inside again gives steps: nothing happens for a while, then a whole layer of voxels changes at once.
Here the volume is what is moved. The mask is smoothed a little to find where its contour most plausibly runs, every
voxel gets its distance to that contour, the volume of a layer of the wanted thickness follows from those distances, and
that many voxels change, nearest to the contour first. Along an axis of one voxel there is no contour: the region of a
single slice changes within the slice.
"""

import math
from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from bayesrg.errors import RegionError

# Standard deviation in voxels of the smoothing that turns the mask's steps into a contour: less leaves the steps,
# more rounds off thin parts.
_SMOOTHING = 0.7

# Standard deviations after which a normal distribution function counts as 0 or 1.
_REACH = 4.0

Spacing = tuple[float, float, float]


def grow(region: NDArray[np.bool_], spacing: Spacing, distance: float) -> NDArray[np.bool_]:
    """Return the region with its contour moved outwards by a distance; inwards where the distance is negative.

    The volume changes by that of the layer between the two contours: the radius of a ball of cubic voxels, 3 voxels
    or more, by the distance, within a tenth of a voxel for distances up to a voxel. What would grow beyond the array is
    cut off.

    Parameters
    ----------
    region
        Mask [z, y, x] with at least one voxel.
    spacing
        Voxel spacing along x, y and z in mm.
    distance
        In mm.

    Raises
    ------
    RegionError
        Where no voxel of the region would be left, or the region has none.
    """
    flat, steps = _drop_flat_axes(region, spacing)
    width = 1.4 * float(np.prod(steps)) ** (1 / steps.size)
    reach = max(distance, 0.0) + _REACH * width
    padding = [(extra, extra) for extra in np.ceil(reach / steps).astype(int) + 1]
    padded = np.pad(flat, padding)
    depth = _signed_distance(padded, steps, abs(distance) + _REACH * width)
    layer = _count_softly((distance - depth) / width) - _count_softly(-depth / width)
    deepest = -float(depth.min())
    if distance <= -deepest:
        raise RegionError(
            f"moving the contour by {distance:g} mm would leave nothing of the region, whose voxels lie at most "
            f"{deepest:.3g} mm from the contour; shrink it by less."
        )
    change = max(round(layer), 0) if distance > 0 else min(max(round(layer), 1 - _count(region)), 0)
    grown = _change_volume(padded, depth, change)
    inner = tuple(slice(before, before + size) for (before, _), size in zip(padding, flat.shape, strict=True))
    return grown[inner].reshape(region.shape)


def scale_volume(
    region: NDArray[np.bool_],
    spacing: Spacing,
    fraction: float,
    *,
    within: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Return the region grown by a fraction of its volume, in a layer of even thickness; shrunk where it is negative.

    The volume is met to the nearest voxel.

    Parameters
    ----------
    region
        Mask [z, y, x] with at least one voxel.
    spacing
        Voxel spacing along x, y and z in mm.
    fraction
        0.1 adds a tenth of the volume, −0.1 takes a tenth away.
    within
        Mask [z, y, x] of the voxels that the region may grow into; everywhere unless given.

    Raises
    ------
    RegionError
        Where no voxel of the region would be left, the array has no room, or the region has no voxel.

    Sources
    -------
    Volume adaptation of Zwanenburg et al. 2019 (doi:10.1038/s41598-018-36938-4), who dilate in whole voxels and draw
    the last layer at random; here the last layer follows the distance to the contour.
    """
    count = _count(region)
    change = round(fraction * count)
    if count + change < 1:
        raise RegionError(
            f"changing the volume by {fraction:+.3g} would leave nothing of the region's {count} voxels; "
            "shrink it by less."
        )
    flat, steps = _drop_flat_axes(region, spacing)
    # Of all shapes of one volume the ball needs the thickest layer (Brunn and Minkowski).
    thickness = abs(ball_radius(count + change, steps) - ball_radius(count, steps))
    padding = np.ceil(_REACH * _SMOOTHING) + 1
    padded = np.pad(flat, int(padding))
    inner = tuple(slice(int(padding), int(padding) + size) for size in flat.shape)
    depth = _signed_distance(padded, steps, thickness + 3 * float(steps.max()))[inner].reshape(region.shape)
    free = ~region if within is None else ~region & within
    if change > np.count_nonzero(free):
        raise RegionError(
            f"the region of {count} voxels cannot grow by {change}: the image has room for "
            f"{np.count_nonzero(free)}; grow it by less."
        )
    return _change_volume(region, np.where(region | free, depth, np.inf), change)


def ball_radius(count: int, spacing: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the radius in mm of the ball with the volume of so many voxels; of the disc with their area in 2D."""
    axes = len(spacing)
    unit = math.pi ** (axes / 2) / math.gamma(axes / 2 + 1)
    return (count * math.prod(spacing) / unit) ** (1 / axes)


def _drop_flat_axes(region: NDArray[np.bool_], spacing: Spacing) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return the region without the axes of one voxel, and its spacing along the others, z before y before x."""
    kept = [axis for axis in range(3) if region.shape[axis] > 1] or [0]
    return region.reshape([region.shape[axis] for axis in kept]), np.array(spacing[::-1])[kept]


def _signed_distance(region: NDArray[np.bool_], steps: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Return each voxel's distance in mm to the contour, negative inside, infinite beyond the reach.

    The contour is the level of the smoothed mask that keeps the number of voxels, so that smoothing neither shrinks
    the region nor loses its thin parts altogether. It is held as the points where the contour crosses the grid's lines.
    """
    count = _count(region)
    smooth = scipy.ndimage.gaussian_filter(region.astype(np.float64), _SMOOTHING, mode="constant", truncate=_REACH)
    ordered = np.partition(smooth, (smooth.size - count - 1, smooth.size - count), axis=None)
    height = smooth - (ordered[smooth.size - count - 1] + ordered[smooth.size - count]) / 2
    contour = scipy.spatial.KDTree(_find_crossings(height) * steps)
    inside = height > 0
    to_other_side = [
        np.asarray(scipy.ndimage.distance_transform_edt(side, sampling=steps)) for side in (inside, ~inside)
    ]
    near = np.argwhere(np.maximum(*to_other_side) <= reach + steps.max())
    distance = np.full(region.shape, np.inf)
    distance[tuple(near.T)] = contour.query(near * steps)[0]
    return np.where(inside, -distance, distance)


def _count(region: NDArray[np.bool_]) -> int:
    count = int(np.count_nonzero(region))
    if count == 0:
        raise RegionError("the region has no voxels; give a mask that marks at least one.")
    return count


def _find_crossings(height: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points (point, axis), in voxels, where the height changes sign between neighbours along an axis."""
    points = []
    for axis in range(height.ndim):
        before, after = np.moveaxis(height, axis, 0)[:-1], np.moveaxis(height, axis, 0)[1:]
        crossing = (before > 0) != (after > 0)
        index = np.argwhere(crossing).astype(np.float64)
        index[:, 0] += before[crossing] / (before[crossing] - after[crossing])
        points.append(np.insert(index[:, 1:], axis, index[:, 0], axis=1))
    return np.concatenate(points)


def _change_volume(region: NDArray[np.bool_], depth: NDArray[np.float64], change: int) -> NDArray[np.bool_]:
    """Add the voxels nearest to the contour from outside, or for a negative change remove them from inside."""
    changed = region.copy()
    candidates = np.flatnonzero(~region if change > 0 else region)
    order = np.argsort(np.abs(depth.ravel()[candidates]), kind="stable")
    changed.ravel()[candidates[order[: abs(change)]]] = change > 0
    return changed


def _count_softly(height: NDArray[np.float64]) -> float:
    """Return about how many heights are positive, each counted in part near zero.

    This averages over where the voxel centres happen to lie. The distribution function is that of a kernel of fourth
    order, whose blur leaves a volume that is cubic in the distance (as the volumes of parallel bodies are) unbiased.
    """
    near = height[np.abs(height) < _REACH]
    density = np.exp(-(near**2) / 2) / math.sqrt(2 * math.pi)
    return float(np.count_nonzero(height >= _REACH) + (scipy.special.ndtr(near) + near * density / 2).sum())
