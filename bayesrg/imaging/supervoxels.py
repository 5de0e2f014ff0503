"""Randomisation of a contour: the region is redrawn from supervoxels, as another reader might have drawn it.

A supervoxel is a small connected set of voxels of similar intensity. Where supervoxels follow an edge of the image, the
redrawn contour stays on that edge; where the image shows no edge, readers disagree, and the contour moves by up to a
supervoxel.
"""

import math

import numpy as np
import scipy
import SimpleITK as sitk
from numpy.typing import NDArray

from bayesrg.imaging.process import find_box

SUPERVOXEL_VOLUME = 500.0
"""Volume of a supervoxel in mm³ (an edge of 8 mm), unless that is less than 20 voxels."""

_FEWEST_VOXELS = 20

# How much a shift by the distance between two supervoxels weighs against a change over the whole intensity range.
_COMPACTNESS = 0.1

_ITERATIONS = 5

# Overlaps with the region from which a supervoxel always belongs to it, and below which never.
_ALWAYS = 0.9
_NEVER = 0.2


def randomise_contour(
    intensity: NDArray[np.floating],
    region: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Return the union of supervoxels drawn with the probability of their overlap with the region.

    A supervoxel that lies in the region with at least 90 % of its volume is always taken, one with less than 20 %
    never, and the one with the greatest overlap always, so that the result is not empty. The expected volume is close
    to the region's.

    Parameters
    ----------
    intensity, region
        Arrays [z, y, x]; the region has at least one voxel. NaN and infinite intensities count as the region's mean.
    spacing
        Voxel spacing along x, y and z in mm.
    rng
        Draws one uniform number per supervoxel near the region.

    Returns
    -------
    NDArray[np.bool_]
        Mask [z, y, x].

    Sources
    -------
    Contour randomisation of Zwanenburg et al. 2019 (doi:10.1038/s41598-018-36938-4); supervoxels by simple linear
    iterative clustering, Achanta et al. 2012 (doi:10.1109/TPAMI.2012.120).
    """
    edge = supervoxel_edge(spacing)
    box = tuple(
        slice(max(0, side.start - math.ceil(2 * edge / step)), side.stop + math.ceil(2 * edge / step))
        for side, step in zip(find_box(region), spacing[::-1], strict=True)
    )
    inside = region[box]
    labels = _cluster(_normalise(intensity[box], inside, spacing), spacing, edge)
    sizes = np.bincount(labels.ravel())
    overlap = np.bincount(labels[inside], minlength=sizes.size) / np.maximum(sizes, 1)
    probability = np.where(overlap >= _ALWAYS, 1.0, np.where(overlap < _NEVER, 0.0, overlap))
    probability[np.argmax(overlap)] = 1.0
    taken = rng.random(probability.size) < probability
    redrawn = np.zeros_like(region)
    redrawn[box] = taken[labels]
    return redrawn


def supervoxel_edge(spacing: tuple[float, float, float]) -> float:
    """Return the edge in mm of a cube with a supervoxel's volume; a contour moves by no more than about that."""
    return max(SUPERVOXEL_VOLUME, _FEWEST_VOXELS * math.prod(spacing)) ** (1 / 3)


def _normalise(
    intensity: NDArray[np.floating], inside: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Bring the range of the region's intensities, widened by 3 standard deviations each way, to 0 … 1; smooth it.

    Without smoothing, noise breaks the supervoxels up.
    """
    finite = np.isfinite(intensity)
    values = intensity[inside & finite]
    if values.size == 0:
        return np.zeros(intensity.shape)
    filled = np.where(finite, intensity, values.mean())
    widening = 3 * values.std()
    low, high = values.min() - widening, values.max() + widening
    if high == low:
        low, high = filled.min(), filled.max()
    if high == low:
        return np.zeros(intensity.shape)
    scaled = np.clip((filled - low) / (high - low), 0.0, 1.0)
    return scipy.ndimage.gaussian_filter(scaled, [min(spacing) / step for step in spacing[::-1]])


def _cluster(scaled: NDArray[np.float64], spacing: tuple[float, float, float], edge: float) -> NDArray[np.int64]:
    image = sitk.GetImageFromArray(scaled.astype(np.float32))
    slic = sitk.SLICImageFilter()
    # A grid wider than the image has no cluster along that axis, and ITK then writes outside its memory.
    slic.SetSuperGridSize(
        [min(extent, max(1, round(edge / step))) for extent, step in zip(image.GetSize(), spacing, strict=True)]
    )
    slic.SetSpatialProximityWeight(_COMPACTNESS)
    slic.SetMaximumNumberOfIterations(_ITERATIONS)
    # Threads sum in an order that differs from run to run, which could move a voxel from one cluster to the next.
    slic.SetNumberOfThreads(1)
    return sitk.GetArrayFromImage(slic.Execute(image)).astype(np.int64)
