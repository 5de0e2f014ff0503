"""Grey levels as the kernels want them: 32-bit, contiguous, and checked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesrg.errors import RegionError, SettingsError

HIGHEST_LEVEL = 1_000_000
"""Grey level up to which histograms are kept; tables for more would fill the memory and describe nothing."""


def check_levels(levels: ArrayLike) -> tuple[NDArray[np.int32], int]:
    """Return the grey levels as a contiguous int32 array of the same shape, and the highest one.

    Parameters
    ----------
    levels : array_like of int
        1 or more inside the region, 0 outside.

    Raises
    ------
    RegionError
        No level is above 0 (the region is empty), or one is below 0.
    SettingsError
        A level is above 1,000,000.
    TypeError
        The levels are not whole numbers.
    """
    array = np.asarray(levels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"grey levels are whole numbers, but an array of {array.dtype} was given; discretise it first")
    lowest, highest = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if lowest < 0:
        raise RegionError(f"grey levels start at 1 (0 is outside the region), but {lowest} was found")
    if highest == 0:
        raise RegionError("grey levels are 0 everywhere: the region is empty")
    if highest > HIGHEST_LEVEL:
        raise SettingsError(
            f"the region's grey levels reach {highest}, and {HIGHEST_LEVEL} is the most that histogram and GLCM take; "
            "give a larger width, or a number of bins, in [discretisation]"
        )
    return np.ascontiguousarray(array, dtype=np.int32), highest
