"""Re-segmentation: which voxels of the region stay in the intensity mask (IBSI IF9H)."""

from __future__ import annotations

import numpy as np

from bayesrg.errors import RegionError
from bayesrg.imaging.settings import Resegmentation


def resegment(intensity: np.ndarray, mask: np.ndarray, resegmentation: Resegmentation) -> np.ndarray:
    """Return the intensity mask: the voxels of ``mask`` whose intensity lies in every interval that was asked for.

    The outlier limits are mean ± ``outlier_sigma`` × standard deviation (population form) of the whole region, before
    any voxel is excluded by range: IBSI intersects the intervals of the methods, none sees the other's result.

    Parameters
    ----------
    intensity
        float, ``[z, y, x]``, finite inside the mask.
    mask
        bool, ``[z, y, x]``, the morphological mask.
    resegmentation
        Range (IBSI USB3) and outlier limit (IBSI 7ACA).

    Returns
    -------
    np.ndarray
        bool, ``[z, y, x]``; a new array.

    Raises
    ------
    RegionError
        If no voxel is left, with the region's intensities and the limits.
    """
    result = mask.copy()
    values = intensity[mask]
    lower, upper = _limits(values, resegmentation)
    if lower == -np.inf and upper == np.inf:
        return result
    kept = (values >= lower) & (values <= upper)
    if not kept.any():
        raise RegionError(
            f"Re-segmentation to [{lower:.6g}, {upper:.6g}] leaves none of the region's {values.size} voxels, whose "
            f"intensities lie in [{values.min():.6g}, {values.max():.6g}]; "
            "widen range or outlier_sigma in [resegmentation], or check the image's units."
        )
    result[mask] = kept
    return result


def _limits(values: np.ndarray, resegmentation: Resegmentation) -> tuple[float, float]:
    lower, upper = resegmentation.range or (-np.inf, np.inf)
    if resegmentation.outlier_sigma is not None:
        # The mean of a constant may miss it by a rounding error; clipped, the constant is no outlier of itself.
        mean = np.clip(values.mean(), values.min(), values.max())
        reach = resegmentation.outlier_sigma * values.std()
        lower, upper = max(lower, mean - reach), min(upper, mean + reach)
    return float(lower), float(upper)
