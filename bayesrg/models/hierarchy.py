"""The coordinates in which features of a family are alike, and where each feature alone would put them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayesrg.inference.newton import find_modes
from bayesrg.models.feature_batch import FeatureBatch

def name_coordinates(components: Sequence[str]) -> list[str]:
    """Names of the coordinates: total, signal, and the error components that are compared with the residual."""
    return ["total", "signal", *components[1:-1]]


def log_variances(coordinates: Any, library: Any) -> Any:
    """Log variances of the components from their coordinates, both over the last axis.

    Parameters
    ----------
    coordinates : log total variance, logit of the signal's share, log ratio of each other error component to the residual
    library : the library of the array, ``numpy`` or ``pytensor.tensor``
    """
    total, signal = coordinates[..., 0][..., None], coordinates[..., 1][..., None]
    zero = library.zeros_like(total)
    ratio = library.concatenate([coordinates[..., 2:], zero], axis=-1)
    parts = ratio - library.log(library.exp(ratio).sum(axis=-1, keepdims=True))
    error = total - library.logaddexp(zero, signal)
    return library.concatenate([total - library.logaddexp(zero, -signal), error + parts], axis=-1)


def coordinates_of(log_variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (…, n) of log variances (…, n), the residual last, and their Jacobian (…, coordinate, component)."""
    n = log_variance.shape[-1]
    signal, error = log_variance[..., 0], np.logaddexp.reduce(log_variance[..., 1:], axis=-1)
    total = np.logaddexp(signal, error)
    ratio = log_variance[..., 1:-1] - log_variance[..., -1:]
    coordinates = np.concatenate([total[..., None], (signal - error)[..., None], ratio], axis=-1)
    jacobian = np.zeros((*log_variance.shape, n))
    jacobian[..., 0, :] = np.exp(log_variance - total[..., None])
    jacobian[..., 1, 0] = 1.0
    jacobian[..., 1, 1:] = -np.exp(log_variance[..., 1:] - error[..., None])
    jacobian[..., 2:, 1:-1] = np.eye(n - 2)
    jacobian[..., 2:, -1] = -1.0
    return coordinates, jacobian


def anchor_features(batches: Sequence[FeatureBatch], features: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Where each of the features alone would put its coordinates: mode and curvature of its posterior without pooling.

    Returns
    -------
    anchor : ndarray, shape (feature, coordinate)
    precision : ndarray, shape (feature, coordinate, coordinate)
    """
    found = {}
    for batch in batches:
        modes = find_modes(batch.log_density, batch.start)
        anchor, jacobian = coordinates_of(modes.point)
        half = np.sqrt(modes.curvature)[:, :, None] * (modes.axes.transpose(0, 2, 1) @ np.linalg.inv(jacobian))
        precision = half.transpose(0, 2, 1) @ half
        found |= dict(zip(batch.data["feature"].values, zip(anchor, precision, strict=True), strict=True))
    anchors, precisions = zip(*(found[feature] for feature in features), strict=True)
    return np.array(anchors), np.array(precisions)
