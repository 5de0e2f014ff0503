"""Intensity-volume histogram features (IBSI 3.5, P88C): how much of the region has at least a given intensity.

The histogram has its own discretisation, `bayesrg.radiomics.sections.IntensityVolumeHistogram`. Steps k = 0 ... K - 1
of width w cover the range G; x_k is the voxels' step, nu_k the fraction of voxels with a step of k or more, i_k the
intensity of a step and gamma_k = k / (K - 1) its fraction of the range.

=====================  ======================================  =================================  ===================
method                 range                                   step of an intensity X             i_k
=====================  ======================================  =================================  ===================
``"none"``             re-segmentation range, min and max of   floor(X - lowest)                  lowest + k
                       X where it is open
``"fixed_bin_size"``   the same                                floor((X - lowest) / width)        lowest + (k + 1/2) w
``"fixed_bin_number"`` min and max of X                        floor(number (X - lowest) / span)  k + 1
=====================  ======================================  =================================  ===================

The upper end of the range belongs to the last step, where it does not begin a step of its own (``"none"``). Volumes are
counted at every step of the range, also at those without voxels. Each field of `IntensityVolumeFeatures` is defined by
its row in ``intensity_volume_histogram.tsv``.

Decisions where IBSI is silent. Above the range nu is 0: if more than x % of the voxels have the last step, I_x is the
intensity one step above it. A range of a single step (constant intensity; with ``"none"``, a span below 1) has
no intensity fractions: NaN. With ``"none"``, intensities between two steps count at the lower one, and a range that is
no whole number of steps ends at its last whole one.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bayesrg.errors import SettingsError
from bayesrg.radiomics.region import Region
from bayesrg.radiomics.sections import IntensityVolumeHistogram
from bayesrg.radiomics.settings import Settings

PERCENTS = np.array([10, 25, 50, 75, 90])
"""Of the range of intensities, and of the volume."""

MOST_STEPS = 2**31
"""Steps beyond which they can no longer be told apart reliably in the precision of the intensities."""


class IntensityVolumeFeatures(NamedTuple):
    """The 15 features of IBSI 3.5; volumes are fractions, intensities in the image's units (or bin numbers)."""

    volume_at_intensity_fraction_10: float
    volume_at_intensity_fraction_25: float
    volume_at_intensity_fraction_50: float
    volume_at_intensity_fraction_75: float
    volume_at_intensity_fraction_90: float
    intensity_at_volume_fraction_10: float
    intensity_at_volume_fraction_25: float
    intensity_at_volume_fraction_50: float
    intensity_at_volume_fraction_75: float
    intensity_at_volume_fraction_90: float
    volume_fraction_difference_between_intensity_fractions_10_90: float
    volume_fraction_difference_between_intensity_fractions_25_75: float
    intensity_fraction_difference_between_volume_fractions_10_90: float
    intensity_fraction_difference_between_volume_fractions_25_75: float
    area_under_curve: float


class Steps(NamedTuple):
    """The steps at which volumes are counted.

    Attributes
    ----------
    lowest
        Intensity at which step 0 begins.
    factor, width
        An intensity X has step floor(factor (X - lowest) / width); for a fixed number of bins the factor is that number
        and the width that of all of them, so that whole intensities are divided without rounding.
    number
        Steps in the range, 1 or more.
    first, spacing
        Intensity that stands for step 0, and its difference between steps.
    """

    lowest: float
    factor: float
    width: float
    number: int
    first: float
    spacing: float


def choose_steps(
    minimum: float,
    maximum: float,
    options: IntensityVolumeHistogram,
    intensity_range: tuple[float, float] | None = None,
) -> Steps:
    """Return the steps of the histogram of a region.

    Parameters
    ----------
    minimum, maximum
        Of the region's intensities, in the image's units.
    options
        Method of discretisation.
    intensity_range
        Range of re-segmentation; an infinite bound is open.

    Raises
    ------
    SettingsError
        There would be more than 2,147,483,648 steps.
    """
    if options.method == "fixed_bin_number":
        assert options.number is not None
        if minimum == maximum:
            return Steps(minimum, 1.0, 1.0, 1, 1.0, 1.0)
        return Steps(minimum, float(options.number), maximum - minimum, options.number, 1.0, 1.0)
    lower, upper = intensity_range or (-math.inf, math.inf)
    lowest, highest = (lower if lower > -math.inf else minimum), (upper if upper < math.inf else maximum)
    width = options.width or 1.0
    steps = (highest - lowest) / width
    if not steps < MOST_STEPS:
        raise SettingsError(
            f"intensities from {lowest:g} to {highest:g} make {steps:g} steps of {width:g} in the intensity-volume "
            f"histogram, more than {MOST_STEPS}; give a larger width, or a number of bins, in "
            "[intensity_volume_histogram]"
        )
    if options.method == "none":
        return Steps(lowest, 1.0, 1.0, math.floor(steps) + 1, lowest, 1.0)
    # Ten bins of 0.1 are as wide as 1 but for rounding, which must not add an eleventh.
    number = max(1, math.ceil(steps * (1 - 1e-12)))
    return Steps(lowest, 1.0, width, number, lowest + 0.5 * width, width)


@njit(cache=True, nogil=True, error_model="numpy")
def _step(intensity: float, lowest: float, factor: float, width: float, last: float) -> float:
    return min(np.floor(factor * (intensity - lowest) / width), last)


@njit(cache=True, nogil=True, error_model="numpy")
def _find_volume(ascending: np.ndarray, lowest: float, factor: float, width: float, last: float, step: float) -> float:
    """Return nu at a step: the voxels are in order, so bisection finds where it begins."""
    low, high = 0, ascending.size
    while low < high:
        middle = (low + high) // 2
        if _step(ascending[middle], lowest, factor, width, last) < step:
            low = middle + 1
        else:
            high = middle
    return (ascending.size - low) / ascending.size


# Sums of whole numbers have no rounding below 2^53, so that their order does not matter.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})
def _describe(
    ascending: np.ndarray, lowest: float, factor: float, width: float, last: float, percents: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return nu at intensity fractions, the first steps of at most those volume fractions, and the area."""
    count = ascending.size
    volumes, steps = np.full(percents.size, np.nan), np.empty(percents.size)
    for k in range(percents.size):
        if last > 0.0:
            reached = np.ceil(percents[k] * last / 100.0)
            volumes[k] = _find_volume(ascending, lowest, factor, width, last, reached)
        # At least so many voxels lie below the step, and the highest of them is the one that it has to exceed.
        below = (count * (100 - int(percents[k])) + 99) // 100
        steps[k] = _step(ascending[below - 1], lowest, factor, width, last) + 1.0
    area = 0.0
    if _step(ascending[0], lowest, factor, width, last) < _step(ascending[-1], lowest, factor, width, last):
        # nu summed over all steps is the mean of x_k + 1: a voxel counts at its own step and at those below.
        total = 0.0
        for k in range(count):
            total += min(np.floor(factor * (ascending[k] - lowest) / width), last)
        ends = (1.0 + _find_volume(ascending, lowest, factor, width, last, last)) / 2.0
        area = (total / count + 1.0 - ends) / last
    return volumes, steps, area


def compute_volume_histogram(ascending: NDArray[np.float64], steps: Steps) -> IntensityVolumeFeatures:
    """Return the intensity-volume histogram features (IBSI 3.5) of the intensities of one region.

    Parameters
    ----------
    ascending : float64 array, shape (voxel,)
        Intensities in ascending order, in the image's units; at least one, all finite and none below the first step.
    steps
        As `choose_steps` returns them.
    """
    fractions, exceeded, area = _describe(
        ascending, steps.lowest, steps.factor, steps.width, float(steps.number - 1), PERCENTS
    )
    volumes, intensities = fractions.tolist(), (steps.first + exceeded * steps.spacing).tolist()
    differences = [values[one] - values[other] for values in (volumes, intensities) for one, other in ((0, 4), (1, 3))]
    return IntensityVolumeFeatures(*[*volumes, *intensities, *differences, area])


def describe(region: Region, settings: Settings) -> dict[str, dict[str, float]]:
    """Return the features of a region by name, under the aggregation ``""``."""
    ascending = region.ascending
    steps = choose_steps(
        float(ascending[0]),
        float(ascending[-1]),
        settings.intensity_volume_histogram,
        settings.resegmentation.range,
    )
    return {"": compute_volume_histogram(ascending, steps)._asdict()}
