"""Discretisation: intensities of the region to grey levels 1 … N (IBSI 4R0B)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesrg.errors import RegionError
from bayesrg.imaging.settings import Discretisation


@dataclass(frozen=True)
class GreyLevels:
    """Grey levels of a region.

    Attributes
    ----------
    level
        int32, ``[z, y, x]``: 1 … ``number`` inside the intensity mask, 0 outside.
    number
        Number of grey levels N, empty ones between 1 and N included.
    width
        Bin width in the image's units; 0 where a fixed bin number met constant intensity.
    minimum
        Lower edge of grey level 1 in the image's units.
    """

    level: np.ndarray
    number: int
    width: float
    minimum: float


def discretise(
    intensity: np.ndarray, mask: np.ndarray, discretisation: Discretisation, *, range_minimum: float | None = None
) -> GreyLevels:
    """Return the grey levels of the intensities inside ``mask``.

    Fixed bin number (IBSI K15C): floor(N (X − min) / (max − min)) + 1 with min and max of the region; the maximum
    belongs to level N. A region of constant intensity has one grey level: level 1 of 1, bin width 0.

    Fixed bin size (IBSI Q3RU): floor((X − min) / width) + 1 with min as set, else ``range_minimum``, else the region's
    minimum. N is the highest level that occurs.

    Parameters
    ----------
    intensity
        float, ``[z, y, x]``, finite inside the mask.
    mask
        bool, ``[z, y, x]``, the intensity mask, not empty.
    discretisation
        With a method other than ``"none"``.
    range_minimum
        Lower bound of the re-segmentation range; None or -inf where there is none.

    Raises
    ------
    RegionError
        If an intensity lies below the minimum that was set, or a bin is so narrow that levels exceed 2³¹ − 1.
    """
    values = intensity[mask]
    lowest, highest = float(values.min()), float(values.max())
    if discretisation.method == "fixed_bin_number":
        minimum, number = lowest, discretisation.number
        assert number is not None
        span = highest - lowest
        if span == 0:
            number, width, levels = 1, 0.0, np.ones(values.size)
        else:
            width = span / number
            levels = np.minimum(np.floor(number * (values - lowest) / span) + 1, number)
    else:
        width = discretisation.width
        assert width is not None
        minimum = _minimum(discretisation, range_minimum, lowest)
        levels = np.floor((values - minimum) / width) + 1
        number = int(levels.max())
        if number >= 2**31:
            raise RegionError(
                f"A bin width of {width:g} makes {number} grey levels of the intensities [{lowest:g}, {highest:g}]; "
                "give a larger width in [discretisation]."
            )
    level = np.zeros(mask.shape, dtype=np.int32)
    level[mask] = levels
    return GreyLevels(level, number, width, minimum)


def _minimum(discretisation: Discretisation, range_minimum: float | None, lowest: float) -> float:
    if discretisation.minimum is None:
        return lowest if range_minimum is None or range_minimum == -np.inf else range_minimum
    if lowest < discretisation.minimum:
        raise RegionError(
            f"The region's lowest intensity, {lowest:g}, lies below the lower edge of grey level 1, "
            f"{discretisation.minimum:g}; lower minimum in [discretisation], or exclude such voxels by range in "
            "[resegmentation]."
        )
    return discretisation.minimum
