"""Perturbation of an image and its region, reproducible from a seed.

After Zwanenburg et al. 2019, Assessing robustness of radiomic features by image perturbation
(doi:10.1038/s41598-018-36938-4); the levels themselves are in `bayesrg.imaging.perturbation`.
"""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from bayesrg.errors import RegionError
from bayesrg.imaging.geometry import as_volume, check_geometry
from bayesrg.imaging.growth import ball_radius, grow, scale_volume
from bayesrg.imaging.interpolate import Window
from bayesrg.imaging.noise import estimate_noise
from bayesrg.imaging.normalise import normalise
from bayesrg.imaging.perturbation import Perturbation, override
from bayesrg.imaging.process import find_box
from bayesrg.imaging.sampling import SamplingGrid, lies_inside, make_image, place_grid, sample, sample_mask
from bayesrg.imaging.settings import Crop, ProcessingSettings
from bayesrg.imaging.supervoxels import randomise_contour, supervoxel_edge

# How far around the region the image's noise level is estimated, in mm, but by at least so many voxels.
_NOISE_MARGIN = 10.0
_NOISE_VOXELS = 8

# Voxels around the sampled window that get noise too, because interpolators draw on them.
_NOISE_REACH = 12


def perturb[Processing: ProcessingSettings](
    image: sitk.Image,
    mask: sitk.Image,
    perturbation: Perturbation,
    settings: Processing,
    seed: int | np.random.Generator,
    *,
    level: str | None = None,
) -> tuple[sitk.Image, sitk.Image, Processing]:
    """Return image, mask and settings as one level of ``preprocessing`` has them, ready for `bayesrg.imaging.process`.

    Noise is added to the image as it was taken. Then the image is normalised if the settings ask for it, because what
    is returned lacks most of the voxels that mean and standard deviation are taken over. Then image and region are
    interpolated, once: on IBSI's grid, turned and shifted against the image where the level asks for it. Then the
    contour changes, on that grid. What is returned is the part around the region, with settings that normalise and
    interpolate no more; it keeps its place in physical space. A level that changes only settings (``"original"`` too)
    returns image and mask as they are.

    Parameters
    ----------
    image
        Scalar image of three dimensions, or two.
    mask
        On the image's grid; every voxel that is not 0 belongs to the region, and all of them have one label.
    perturbation
        What to change, and by how much.
    settings
        Of the processing that follows; they hold the grid on which image and contour are perturbed.
    seed
        Of noise and contour randomisation. Give every image a seed of its own, or their noise will be the same.
    level
        The level's name, for error messages.

    Returns
    -------
    tuple[sitk.Image, sitk.Image, Processing]
        Image (64-bit float) and mask (0 and 1) of one geometry, and settings of the type given.

    Raises
    ------
    GeometryError
        If image and mask lie on different grids.
    RegionError
        If the region is empty, holds several labels, is lost on the grid, or would be emptied by shrinking it.
    SettingsError
        If the perturbation overrides a setting that does not exist or gives it a value that it cannot have.
    """
    image, mask = as_volume(image), as_volume(mask)
    check_geometry(image, mask)
    settings = override(settings, perturbation.settings)
    if not perturbation.changes_voxels:
        return image, mask, settings
    try:
        changed = _change_voxels(image, mask, perturbation, settings, np.random.default_rng(seed))
    except RegionError as error:
        raise RegionError(f"Preprocessing level {level or perturbation!s}: {error}") from error
    return *changed, override(settings, {"normalisation": {"method": "none"}, "interpolation": {"spacing": None}})


def _change_voxels(
    image: sitk.Image, mask: sitk.Image, change: Perturbation, settings: ProcessingSettings, rng: np.random.Generator
) -> tuple[sitk.Image, sitk.Image]:
    # A stream for each, so that adding noise to a level does not redraw its contour.
    noise_rng, contour_rng = rng.spawn(2)
    voxels, labels = sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(mask)
    box = find_box(labels)
    found = np.unique(labels[box][labels[box] != 0])
    if found.size > 1:
        raise RegionError(f"the mask holds the labels {found.tolist()}; choose one with bayesrg.imaging.select_label.")
    interpolation = settings.interpolation
    grid = place_grid(image, interpolation, rotation=change.rotation, translation=change.translation)
    window = _choose_window(grid, box, change, settings.crop, int(np.count_nonzero(labels[box])), image.GetSpacing())
    if change.noise:
        voxels = _add_noise(voxels, box, grid, window, image.GetSpacing(), change.noise, noise_rng)
    voxels = normalise(voxels, labels, settings.normalisation)
    intensity = sample(voxels, grid, window, interpolation.image)
    region = sample_mask(labels, grid, window, interpolation)
    if not region.any():
        raise RegionError(
            f"no voxel of the grid of {grid.spacing} mm is at least half filled by the region; use a finer spacing."
        )
    within = lies_inside(grid, window)
    if change.growth_mm:
        region = grow(region, grid.spacing, change.growth_mm) & within
    if change.growth_fraction:
        region = scale_volume(region, grid.spacing, change.growth_fraction, within=within)
    if change.supervoxels:
        region = randomise_contour(intensity, region, grid.spacing, contour_rng) & within
    return make_image(intensity, image, grid, window), make_image(region.astype(np.uint8), image, grid, window)


def _choose_window(
    grid: SamplingGrid,
    box: Window,
    change: Perturbation,
    crop: Crop,
    count: int,
    image_spacing: tuple[float, ...],
) -> Window:
    """Return a window that holds the changed region, what is to be returned around it, and what its change looks at."""
    if crop.extent == "image":
        return grid.whole
    margin = crop.margin if crop.unit == "mm" else crop.margin * max(grid.spacing)
    # As in growth, an axis of one voxel has no contour.
    sizes = grid.image_size[::-1]
    spacing = [width for width, size in zip(image_spacing, sizes, strict=True) if size > 1] or image_spacing
    layer = ball_radius(math.ceil(count * (1 + change.growth_fraction)), spacing) - ball_radius(count, spacing)
    margin += max(0.0, change.growth_mm, layer)
    if change.supervoxels:
        margin += 2 * supervoxel_edge(grid.spacing)
    # One voxel more, because growth is met to the nearest voxel.
    return grid.surround(box, margin + max(grid.spacing))


def _add_noise(
    voxels: NDArray,
    box: Window,
    grid: SamplingGrid,
    window: Window,
    spacing: tuple[float, ...],
    level: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the image with noise where the window is sampled from, of ``level`` times its own noise's sd."""
    margins = [max(_NOISE_VOXELS, math.ceil(_NOISE_MARGIN / step)) for step in spacing[::-1]]
    around = tuple(slice(max(0, side.start - m), side.stop + m) for side, m in zip(box, margins, strict=True))
    corners = np.array([[side.start, side.stop - 1] for side in window])
    positions = np.array(grid.matrix) @ np.stack(np.meshgrid(*corners, indexing="ij")).reshape(3, -1)
    positions += np.array(grid.start)[:, None]
    low = np.maximum(0, np.floor(positions.min(axis=1)).astype(int) - _NOISE_REACH)
    high = np.ceil(positions.max(axis=1)).astype(int) + _NOISE_REACH + 1
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    noisy = voxels.astype(np.float64)
    noisy[part] += rng.normal(0.0, level * estimate_noise(voxels[around]), noisy[part].shape)
    return noisy
