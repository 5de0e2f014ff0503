"""The image processing chain of IBSI, from an image and a mask to the arrays that features are computed from."""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk
import xarray as xr

from bayesrg.errors import RegionError
from bayesrg.imaging.discretise import discretise
from bayesrg.imaging.geometry import as_volume, check_geometry
from bayesrg.imaging.interpolate import Axis, Window, align_axis, interpolate, interpolate_mask
from bayesrg.imaging.normalise import normalise
from bayesrg.imaging.resegment import resegment
from bayesrg.imaging.settings import Crop, ProcessingSettings

_DIMS = ("z", "y", "x")

MOST_VOXELS = 2**30
"""Voxels of the grid that are processed at most; their intensities alone take 8 GiB."""

LARGEST_INTENSITY = 1e140
"""Greatest magnitude of an intensity: the squares of `MOST_VOXELS` of them add up to what 64 bits can hold."""


def process(image: sitk.Image, mask: sitk.Image, settings: ProcessingSettings | None = None) -> xr.Dataset:
    """Return the region's interpolated intensities, masks and grey levels, by IBSI's chain in IBSI's order.

    Normalise (IBSI defines no method, see `bayesrg.imaging.normalise`), crop, interpolate image and mask (VTM2, centred
    grid 3WE3), round (68QD), re-segment by range and outliers (IF9H), discretise (4R0B). Cropping changes no value:
    normalisation looks at the whole image, whose grid is the one interpolated, and the interpolators read beyond the
    box what they need.

    A 2-D image is a volume of one slice 1 mm thick, a single DICOM slice as thick as its header says; give
    ``spacing = [2.0, 2.0, "keep"]`` to interpolate it within the slice.

    NaN and infinite intensities are an error inside the region. Outside it they stay where they are when nothing is
    interpolated; trilinear and nearest-neighbour interpolation give NaN exactly where such a voxel has weight, and an
    error if that is inside the interpolated region; the cubic B-spline, whose support has no sharp end, refuses them
    within 24 voxels of the box.

    Parameters
    ----------
    image
        Scalar image of three dimensions, or two.
    mask
        On the image's grid; every voxel that is not 0 belongs to the region, and all of them have one label.
    settings
        What to do; None means the defaults of `ProcessingSettings`.

    Returns
    -------
    xr.Dataset
        Dims ``z, y, x``. ``intensity`` float64 in the image's units; ``morphological_mask`` bool; ``intensity_mask``
        bool, after re-segmentation; ``level`` int32, 1 … ``n_levels`` inside the intensity mask and 0 outside, absent
        with method ``"none"``. Attributes: ``spacing``, ``origin`` (x, y, z in mm, of the first voxel returned),
        ``direction`` (nine cosines, as SimpleITK orders them), ``discretisation`` (the method) and, with grey levels,
        ``n_levels``, ``bin_width`` and ``bin_minimum`` (lower edge of level 1), both in the image's units.

    Raises
    ------
    GeometryError
        If image and mask lie on different grids, or on a sheared one.
    RegionError
        If the region is empty, holds several labels or NaN, infinite or overflowing intensities, is lost by
        interpolation or re-segmentation, lies below the lower edge of grey level 1, or would hold more than
        `MOST_VOXELS`; if normalisation divides by zero.
    """
    settings = settings or ProcessingSettings()
    image, mask = as_volume(image), as_volume(mask)
    check_geometry(image, mask)
    voxels, region = sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(mask)
    box = find_box(region)
    _check_one_label(region[box])
    _check_finite(voxels[box], region[box] != 0, box, "The region")
    voxels = normalise(voxels, region, settings.normalisation)

    axes = _align_axes(image, settings)
    reached = tuple(axis.reached_from(part) for axis, part in zip(axes, box, strict=True))
    _check_size(reached, axes)
    part = interpolate_mask(region, axes, reached, settings.interpolation.mask)
    if not part.any():
        raise RegionError(
            f"The region's {np.count_nonzero(region[box])} voxels vanish on the interpolated grid of "
            f"{[axis.spacing for axis in reversed(axes)]} mm (x, y, z): no new voxel is half filled by it. "
            "Give a finer spacing in [interpolation]."
        )
    window = _grow(find_box(part), reached, axes, settings.crop)
    _check_size(window, axes)
    morphological_mask = np.zeros([side.stop - side.start for side in window], dtype=bool)
    _paste(part, reached, morphological_mask, window)

    intensity = interpolate(voxels, axes, window, settings.interpolation.image)
    _check_finite(intensity, morphological_mask, window, "The interpolated region")
    if voxels.dtype == np.float64:
        # Intensities of the other types cannot be so large.
        _check_magnitude(intensity[morphological_mask])
    if settings.rounding.intensity:
        np.rint(intensity, out=intensity)
    intensity_mask = resegment(intensity, morphological_mask, settings.resegmentation)

    arrays = {"intensity": intensity, "morphological_mask": morphological_mask, "intensity_mask": intensity_mask}
    attributes = {**_describe_grid(image, axes, window), "discretisation": settings.discretisation.method}
    if settings.discretisation.method != "none":
        bounds = settings.resegmentation.range
        grey = discretise(
            intensity, intensity_mask, settings.discretisation, range_minimum=bounds[0] if bounds else None
        )
        arrays["level"] = grey.level
        attributes |= {"n_levels": grey.number, "bin_width": grey.width, "bin_minimum": grey.minimum}
    return xr.Dataset({name: (_DIMS, array) for name, array in arrays.items()}, attrs=attributes)


def find_box(mask: np.ndarray) -> Window:
    """Return the bounding box ``[z, y, x]`` of the voxels of ``mask`` that are not 0.

    Raises
    ------
    RegionError
        If there are none.
    """
    box: list[slice] = []
    for dim in range(3):
        # Each axis is searched only within the box found so far.
        inside = mask[tuple(box)]
        filled = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != dim)))
        if filled.size == 0:
            raise RegionError(
                f"The mask is empty: none of its {mask.size} voxels is labelled. Give a mask with a region, "
                "or see bayesrg.imaging.labels(mask) for what it holds."
            )
        box.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return tuple(box)


def _check_one_label(region: np.ndarray) -> None:
    found = region[region != 0]
    if found.min() != found.max():
        raise RegionError(
            f"The mask holds several labels, from {found.min()} to {found.max()}; choose one with "
            "bayesrg.imaging.select_label(mask, label), or label=, or a label column in the manifest."
        )


def _check_finite(intensity: np.ndarray, mask: np.ndarray, window: Window, what: str) -> None:
    broken = mask & ~np.isfinite(intensity)
    if broken.any():
        place = [int(index + side.start) for index, side in zip(np.argwhere(broken)[0], window, strict=True)]
        raise RegionError(
            f"{what} holds {np.count_nonzero(broken)} NaN or infinite intensities in {np.count_nonzero(mask)} voxels, "
            f"the first at [z, y, x] = {place}. Mask them out, or give them finite values first."
        )


def _check_magnitude(values: np.ndarray) -> None:
    lowest, highest = float(values.min()), float(values.max())
    if max(-lowest, highest) > LARGEST_INTENSITY:
        raise RegionError(
            f"The region's intensities, from {lowest:g} to {highest:g}, are too large: their squares would overflow. "
            "Check the image's units, or mask such voxels out."
        )


def _check_size(window: Window, axes: tuple[Axis, Axis, Axis]) -> None:
    sizes = [side.stop - side.start for side in window]
    if math.prod(sizes) > MOST_VOXELS:
        raise RegionError(
            f"The region and its margin would hold {math.prod(sizes):.3g} voxels ({sizes}, z, y, x) of "
            f"{[axis.spacing for axis in reversed(axes)]} mm (x, y, z), more than the {MOST_VOXELS:.3g} that are "
            "processed; give a coarser spacing in [interpolation] (it is in mm), or a smaller margin in [crop]."
        )


def _align_axes(image: sitk.Image, settings: ProcessingSettings) -> tuple[Axis, Axis, Axis]:
    asked = settings.interpolation.spacing or ("keep", "keep", "keep")
    x, y, z = (align_axis(*axis) for axis in zip(image.GetSize(), image.GetSpacing(), asked, strict=True))
    return z, y, x


def _grow(box: Window, offset: Window, axes: tuple[Axis, Axis, Axis], crop: Crop) -> Window:
    """Return the box (given relative to ``offset``) with its margin, in voxels of the grid and inside it."""
    if crop.extent == "image":
        return tuple(slice(0, axis.size) for axis in axes)
    grown = []
    for side, start, axis in zip(box, offset, axes, strict=True):
        margin = math.ceil(crop.margin / (axis.spacing if crop.unit == "mm" else 1))
        first, last = start.start + side.start - margin, start.start + side.stop + margin
        grown.append(slice(max(0, first), min(axis.size, last)))
    return tuple(grown)


def _paste(part: np.ndarray, place: Window, target: np.ndarray, frame: Window) -> None:
    """Write ``part``, which lies at ``place``, into ``target``, which lies at ``frame``; both windows of one grid."""
    shared = [slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(place, frame, strict=True)]
    into = tuple(slice(s.start - f.start, s.stop - f.start) for s, f in zip(shared, frame, strict=True))
    taken = tuple(slice(s.start - p.start, s.stop - p.start) for s, p in zip(shared, place, strict=True))
    target[into] = part[taken]


def _describe_grid(image: sitk.Image, axes: tuple[Axis, Axis, Axis], window: Window) -> dict[str, object]:
    corner = [axis.start + axis.step * side.start for axis, side in zip(axes, window, strict=True)]
    return {
        "spacing": tuple(float(axis.spacing) for axis in reversed(axes)),
        "origin": image.TransformContinuousIndexToPhysicalPoint(corner[::-1]),
        "direction": image.GetDirection(),
    }
