"""Normalisation: intensities of arbitrary units to standard deviations from a mean of the same image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesrg.errors import RegionError
from bayesrg.imaging.settings import Normalisation


def normalise(image: np.ndarray, mask: np.ndarray, normalisation: Normalisation) -> np.ndarray:
    """Return the image's intensities, normalised: scale x clip((X - mean) / sd, -limit, limit).

    IBSI-1 defines no normalisation (it names it among the steps before its chain), so the choices are: population
    standard deviation, as in IBSI's features (pyradiomics divides by N - 1, a relative difference of 1 / 2N); mean and
    standard deviation of finite voxels only, before any limit is set; NaN stays NaN, and infinity is set to the limit
    where there is one. The z-score is linear, so without a limit it commutes with interpolation; with one, voxels of
    metal or flowing blood are bounded before an interpolator spreads them.

    Parameters
    ----------
    image
        The whole image, real numbers, ``[z, y, x]``, in its own units.
    mask
        ``[z, y, x]``; every voxel that is not 0 belongs to the region.
    normalisation
        What to do.

    Returns
    -------
    np.ndarray
        float64, ``[z, y, x]``, in standard deviations times ``scale``; with method ``"none"`` the image itself.

    Raises
    ------
    RegionError
        If the voxels that mean and standard deviation are taken over are constant, none of them is finite, or they are
        too large to be squared.
    """
    if normalisation.method == "none":
        return image
    mean, deviation = _measure(_choose_voxels(image, mask, normalisation.reference), normalisation.reference)
    result = np.subtract(image, mean, dtype=np.float64)
    result /= deviation
    if normalisation.outlier_sigma is not None:
        np.clip(result, -normalisation.outlier_sigma, normalisation.outlier_sigma, out=result)
    result *= normalisation.scale
    return result


def _choose_voxels(image: np.ndarray, mask: np.ndarray, reference: str) -> NDArray:
    values = image[mask != 0] if reference == "region" else image.ravel()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        values = values[np.isfinite(values)]
    if reference == "foreground" and values.size:
        # A threshold at the mean needs no number from the user, and single bright voxels hardly move it.
        values = values[values >= values.mean(dtype=np.float64)]
    return values


def _measure(values: NDArray, reference: str) -> tuple[float, float]:
    if values.size == 0:
        raise RegionError(
            f"Normalisation over the {reference} found no finite intensity there. Give the image finite values, or set "
            'method = "none" in [normalisation].'
        )
    if values.min() == values.max():
        raise RegionError(
            f"Normalisation over the {reference} divides by a standard deviation, and the {values.size} intensities "
            f'there are all {values.min():g}. Choose another reference in [normalisation], or set method = "none".'
        )
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    if not (np.isfinite(mean) and 0 < deviation < np.inf):
        raise RegionError(
            f"Normalisation over the {reference} found intensities from {values.min():g} to {values.max():g}, whose "
            "standard deviation cannot be computed in 64 bits. Check the image's units, or mask such voxels out."
        )
    return mean, deviation
