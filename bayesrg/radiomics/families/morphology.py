"""Morphological features (IBSI 3.1, HCUG): size and shape of a region, and where in it the intensities lie.

Shape is that of the morphological mask, holes and separate parts included. The mesh with surface area A and volume V
runs half-way between voxels inside and outside (`bayesrg.radiomics.kernels.surface`); its convex hull, the boxes and
the ellipsoids round it are those of its vertices. Axes come from the covariance of the voxels' centres with eigenvalues
lambda_1 >= lambda_2 >= lambda_3. Centre of mass shift, integrated intensity, Moran's I and Geary's C are of the N
intensities X inside the intensity mask. Each field of `Morphology` is defined by its row in ``morphology.tsv``.

Decisions where IBSI is silent: the covariance is divided by the number of voxels less one, as the reference values
are; the area of the approximate enclosing ellipsoid is exact, not the first 20 terms of its series; the oriented
bounding box is the smallest of those with a side flush with a face of the hull. NaN: what divides by the length of an
axis or the volume of an ellipsoid that is zero, because the voxels' centres lie on one point, line or plane; the shift
where the intensities add up to zero; Moran's I and Geary's C of equal intensities, 0/0.
"""

import math
from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesrg.radiomics.kernels.autocorrelation import correlate_voxels
from bayesrg.radiomics.kernels.bounding_box import enclose_in_box
from bayesrg.radiomics.kernels.ellipsoid import ellipsoid_area, ellipsoid_volume, enclose_in_ellipsoid
from bayesrg.radiomics.kernels.hull import measure_diameter, wrap_region
from bayesrg.radiomics.kernels.moments import measure_moments, weigh_voxels
from bayesrg.radiomics.kernels.surface import measure_surface
from bayesrg.radiomics.region import Region
from bayesrg.radiomics.settings import Settings

FLAT = 1e-14
"""Share of the largest eigenvalue up to which another is rounding of zero: the voxels lie in a plane or on a line."""


class Morphology(NamedTuple):
    """The 29 morphological features of IBSI 3.1; lengths in mm."""

    volume_mesh: float
    volume_voxel_counting: float
    surface_area_mesh: float
    surface_to_volume_ratio: float
    compactness_1: float
    compactness_2: float
    spherical_disproportion: float
    sphericity: float
    asphericity: float
    centre_of_mass_shift: float
    maximum_3d_diameter: float
    major_axis_length: float
    minor_axis_length: float
    least_axis_length: float
    elongation: float
    flatness: float
    volume_density_axis_aligned_bounding_box: float
    area_density_axis_aligned_bounding_box: float
    volume_density_oriented_minimum_bounding_box: float
    area_density_oriented_minimum_bounding_box: float
    volume_density_approximate_enclosing_ellipsoid: float
    area_density_approximate_enclosing_ellipsoid: float
    volume_density_minimum_volume_enclosing_ellipsoid: float
    area_density_minimum_volume_enclosing_ellipsoid: float
    volume_density_convex_hull: float
    area_density_convex_hull: float
    integrated_intensity: float
    morans_i_index: float
    gearys_c_measure: float


OF_BOX = frozenset(name for name in Morphology._fields if "oriented_minimum_bounding_box" in name)
OF_ELLIPSOID = frozenset(name for name in Morphology._fields if "minimum_volume_enclosing_ellipsoid" in name)
OF_HULL = OF_BOX | OF_ELLIPSOID | {name for name in Morphology._fields if "hull" in name or "diameter" in name}
OF_PAIRS = frozenset(["morans_i_index", "gearys_c_measure"])
"""Features that cost more than all others together; each group shares what is found for it."""

UNKNOWN = (math.nan, math.nan, math.nan)
NOT_RELATED = dict.fromkeys(OF_PAIRS, math.nan)


def measure_morphology(
    intensity: NDArray[np.float64],
    morphological_mask: NDArray[np.bool_],
    intensity_mask: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    wanted: Collection[str] = Morphology._fields,
) -> Morphology:
    """Return the morphological features of a region.

    Parameters
    ----------
    intensity : float64 array, dims [z, y, x]
        In the image's units, finite inside the intensity mask.
    morphological_mask, intensity_mask : bool arrays of the same shape
        Neither is empty.
    spacing
        Of the grid along z, y and x, in mm.
    wanted
        Features that are needed; others are NaN if they would cost time of their own.
    """
    needed = frozenset(wanted)
    box = _find_box(morphological_mask)
    padded = np.zeros([axis.stop - axis.start + 2 for axis in box], dtype=np.uint8)
    padded[1:-1, 1:-1, 1:-1] = morphological_mask[box]
    surface = measure_surface(padded, spacing)
    moments = measure_moments(padded, spacing)
    hull = wrap_region(padded, spacing) if needed & OF_HULL else None
    area, volume = surface
    roundness = 36.0 * math.pi * volume**2 / area**3

    eigenvalues = np.linalg.eigvalsh(moments.covariance)[::-1]
    eigenvalues = np.where(eigenvalues > FLAT * eigenvalues[0], eigenvalues, 0.0)
    major, minor, least = (4.0 * np.sqrt(eigenvalues)).tolist()
    aligned = [(extent - 2) * step for extent, step in zip(padded.shape, spacing, strict=True)]
    oriented = enclose_in_box(hull) if hull and needed & OF_BOX else UNKNOWN
    approximate = major / 2.0, minor / 2.0, least / 2.0
    smallest = enclose_in_ellipsoid(hull.vertices) if hull and needed & OF_ELLIPSOID else UNKNOWN

    corner = [axis.start for axis in box]
    centre = moments.centre - 1.0 + corner
    inner = _find_box(intensity_mask)
    values, mask = np.ascontiguousarray(intensity[inner]), np.ascontiguousarray(intensity_mask[inner])
    weights = weigh_voxels(values, mask, centre - [axis.start for axis in inner])
    total = weights.mean * weights.voxels
    shift = float(np.linalg.norm(weights.shift * spacing))
    related = correlate_voxels(values, mask, spacing, weights.mean)._asdict() if needed & OF_PAIRS else NOT_RELATED

    return Morphology(
        volume_mesh=volume,
        volume_voxel_counting=moments.voxels * math.prod(spacing),
        surface_area_mesh=area,
        surface_to_volume_ratio=area / volume,
        compactness_1=volume / math.sqrt(math.pi * area**3),
        compactness_2=roundness,
        spherical_disproportion=roundness ** (-1 / 3),
        sphericity=roundness ** (1 / 3),
        asphericity=roundness ** (-1 / 3) - 1.0,
        centre_of_mass_shift=_divide(shift, abs(total)),
        maximum_3d_diameter=measure_diameter(hull.vertices) if hull else math.nan,
        major_axis_length=major,
        minor_axis_length=minor,
        least_axis_length=least,
        elongation=_divide(minor, major),
        flatness=_divide(least, major),
        volume_density_axis_aligned_bounding_box=volume / math.prod(aligned),
        area_density_axis_aligned_bounding_box=area / _box_area(aligned),
        volume_density_oriented_minimum_bounding_box=volume / math.prod(oriented),
        area_density_oriented_minimum_bounding_box=area / _box_area(oriented),
        volume_density_approximate_enclosing_ellipsoid=_divide(volume, ellipsoid_volume(approximate)),
        area_density_approximate_enclosing_ellipsoid=_divide(area, ellipsoid_area(approximate)),
        volume_density_minimum_volume_enclosing_ellipsoid=volume / ellipsoid_volume(smallest),
        area_density_minimum_volume_enclosing_ellipsoid=area / ellipsoid_area(smallest),
        volume_density_convex_hull=volume / hull.volume if hull else math.nan,
        area_density_convex_hull=area / hull.area if hull else math.nan,
        integrated_intensity=volume * weights.mean,
        **related,
    )


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under the aggregation ``""``."""
    wanted = [feature.short_name for feature in settings.wanted["morphology"]]
    masks = region.morphological_mask, region.intensity_mask
    return {"": measure_morphology(region.intensity, *masks, region.spacing, wanted)._asdict()}


def _find_box(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """The box of a mask that is not empty."""
    rows = mask.any(axis=2)
    z, y, x = (inside.nonzero()[0] for inside in (rows.any(axis=1), rows.any(axis=0), mask.any(axis=0).any(axis=0)))
    return slice(int(z[0]), int(z[-1]) + 1), slice(int(y[0]), int(y[-1]) + 1), slice(int(x[0]), int(x[-1]) + 1)


def _box_area(sides: Iterable[float]) -> float:
    first, second, third = sides
    return float(2.0 * (first * second + second * third + third * first))


def _divide(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0.0 else math.nan
