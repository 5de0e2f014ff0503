"""Whether an image and its mask lie on the same voxel grid, and nearest-neighbour resampling for when they do not."""

from __future__ import annotations

import itertools

import numpy as np
import SimpleITK as sitk

from bayesrg.errors import GeometryError, RegionError

GEOMETRY_TOLERANCE = 0.01
"""Greatest distance, in units of the smallest voxel edge, between the same corner of two grids that count as equal."""


SHEAR_TOLERANCE = 1e-3
"""Greatest cosine of the angle between two axes, and greatest error of an axis's unit length, of a rectangular grid."""


def as_volume(image: sitk.Image) -> sitk.Image:
    """Return a 2-D image as a volume of one slice, 1 mm thick, at 0 along z; any other image as it is."""
    return sitk.JoinSeries(image) if image.GetDimension() == 2 else image


def check_geometry(image: sitk.Image, mask: sitk.Image) -> None:
    """Make sure that image and mask have the same size, and spacing, origin and direction that agree.

    Spacing, origin and direction agree when no corner of the two grids (outer faces of the corner voxels) lies farther
    apart than 1 % of the image's smallest voxel edge. Single-precision headers pass; half a voxel does not. The axes
    must be at right angles (to 0.06°), because distances, volumes and neighbourhoods are those of a rectangular grid.

    Raises
    ------
    GeometryError
        With both geometries side by side and the mend; also if either is no scalar volume, or its axes are sheared.
    """
    for name, given in (("image", image), ("mask", mask)):
        if given.GetDimension() != 3 or given.GetNumberOfComponentsPerPixel() != 1:
            raise GeometryError(
                f"The {name} has {given.GetDimension()} dimensions and {given.GetNumberOfComponentsPerPixel()} "
                "components per voxel; expected 3 and 1. Read it with bayesrg.imaging.read_image."
            )
        _check_right_angles(given, name)
    if image.GetSize() == mask.GetSize():
        gap = np.abs(_corners(image) - _corners(mask)).max()
        if gap <= GEOMETRY_TOLERANCE * min(image.GetSpacing()):
            return
        found = f"up to {gap:.4g} mm apart"
    else:
        found = "of different sizes"
    raise GeometryError(
        f"The mask does not lie on the image's grid ({found}):\n{_side_by_side(image, mask)}\n"
        "If both lie in the same physical space, ask for the mask to be resampled onto the image: "
        "resample_mask=True, --resample-mask, or bayesrg.imaging.resample_mask(mask, image). "
        "Otherwise give the mask that was drawn on this image."
    )


def resample_mask(mask: sitk.Image, image: sitk.Image) -> sitk.Image:
    """Return the mask on the image's grid: each voxel gets the label of the nearest mask voxel, 0 outside the mask.

    Raises
    ------
    RegionError
        If the mask had labelled voxels and none is left on the image's grid.
    """
    mask, image = as_volume(mask), as_volume(image)
    resampled = sitk.Resample(mask, image, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor, 0)
    if not sitk.GetArrayViewFromImage(resampled).any() and sitk.GetArrayViewFromImage(mask).any():
        raise RegionError(
            "No voxel of the mask is left on the image's grid: the two do not overlap, or the region is smaller than "
            f"a voxel.\n{_side_by_side(image, mask)}\nGive the mask that belongs to this image."
        )
    return resampled


def _check_right_angles(image: sitk.Image, name: str) -> None:
    cosines = np.reshape(image.GetDirection(), (3, 3))
    if np.abs(cosines.T @ cosines - np.eye(3)).max() > SHEAR_TOLERANCE:
        raise GeometryError(
            f"The {name}'s axes are not at right angles: its direction is {_text(image.GetDirection())} (sheared, as "
            "by a gantry tilt or an affine registration). Resample image and mask to a rectangular grid first."
        )


def _corners(image: sitk.Image) -> np.ndarray:
    faces = [(-0.5, size - 0.5) for size in image.GetSize()]
    return np.array([image.TransformContinuousIndexToPhysicalPoint(corner) for corner in itertools.product(*faces)])


def _side_by_side(image: sitk.Image, mask: sitk.Image) -> str:
    rows = [
        ("size", _text(image.GetSize()), _text(mask.GetSize())),
        ("spacing", _text(image.GetSpacing()), _text(mask.GetSpacing())),
        ("origin", _text(image.GetOrigin()), _text(mask.GetOrigin())),
        ("direction", _text(image.GetDirection()), _text(mask.GetDirection())),
    ]
    width = max(len(left) for _, left, _ in rows)
    lines = [f"  {'':9}  {'image':{width}}  mask"]
    for name, left, right in rows:
        note = "" if left == right else "   <- differs"
        lines.append(f"  {name:9}  {left:{width}}  {right}{note}")
    return "\n".join(lines)


def _text(numbers: tuple[float, ...]) -> str:
    return " ".join(f"{number + 0.0:.7g}" for number in numbers)  # + 0.0 turns -0.0 into 0.0
