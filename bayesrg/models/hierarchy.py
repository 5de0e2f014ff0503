"""The coordinates in which features of a family are alike, and how the sampler moves through them.

A feature has a total, a signal (logit of the signal's share) and log ratios of its error components to the residual.
The map from the logarithms of its variances to these preserves volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesrg.inference.newton import find_modes
from bayesrg.models.feature_batch import FeatureBatch


def name_coordinates(components: Sequence[str]) -> list[str]:
    """Names of the coordinates: total, signal, and the error components that are compared with the residual."""
    return ["total", "signal", *components[1:-1]]


def coordinates_of(log_variance: Any, library: Any = np) -> Any:
    """Coordinates of log variances, both over the last axis, the residual last.

    Parameters
    ----------
    library : the library of the array, ``numpy`` or ``pytensor.tensor``
    """
    signal, error = log_variance[..., 0], library.log(library.exp(log_variance[..., 1:]).sum(axis=-1))
    total, ratio = library.logaddexp(signal, error), log_variance[..., 1:-1] - log_variance[..., -1][..., None]
    return library.concatenate([total[..., None], (signal - error)[..., None], ratio], axis=-1)


def log_variances(coordinates: np.ndarray) -> np.ndarray:
    """Log variances of coordinates, both over the last axis."""
    total, signal = coordinates[..., :1], coordinates[..., 1:2]
    ratio = np.concatenate([coordinates[..., 2:], np.zeros_like(total)], axis=-1)
    parts = ratio - np.logaddexp.reduce(ratio, axis=-1, keepdims=True)
    return np.concatenate([total - np.logaddexp(0.0, -signal), total - np.logaddexp(0.0, signal) + parts], axis=-1)


def slopes_of(log_variance: np.ndarray) -> np.ndarray:
    """Derivatives (…, coordinate, component) of the coordinates in the log variances; their determinant is ±1."""
    n = log_variance.shape[-1]
    error = np.logaddexp.reduce(log_variance[..., 1:], axis=-1, keepdims=True)
    slopes = np.zeros((*log_variance.shape, n))
    slopes[..., 0, :] = np.exp(log_variance - np.logaddexp(log_variance[..., :1], error))
    slopes[..., 1, 0] = 1.0
    slopes[..., 1, 1:] = -np.exp(log_variance[..., 1:] - error)
    slopes[..., 2:, 1:-1] = np.eye(n - 2)
    slopes[..., 2:, -1] = -1.0
    return slopes


@dataclass(frozen=True)
class Anchors:
    """What each feature says alone: the mode of its posterior without pooling, and the curvature there.

    Attributes
    ----------
    log_variance, coordinates : ndarray, shapes (feature, component) and (feature, coordinate)
        The mode.
    inverse : ndarray, shape (feature, component, coordinate)
        Derivatives of the log variances in the coordinates.
    precision : ndarray, shape (feature, coordinate, coordinate)
    """

    log_variance: np.ndarray
    coordinates: np.ndarray
    inverse: np.ndarray
    precision: np.ndarray


def anchor_features(batches: Sequence[FeatureBatch], features: Sequence[str]) -> Anchors:
    """Anchors of the features, in their order."""
    found = {}
    for batch in batches:
        modes = find_modes(batch.log_density, batch.start)
        inverse = np.linalg.inv(slopes_of(modes.point))
        half = np.sqrt(modes.curvature)[:, :, None] * (modes.axes.transpose(0, 2, 1) @ inverse)
        own = modes.point, coordinates_of(modes.point), inverse, half.transpose(0, 2, 1) @ half
        found |= dict(zip(batch.data["feature"].values, zip(*own, strict=True), strict=True))
    return Anchors(*(np.array(own) for own in zip(*(found[feature] for feature in features), strict=True)))


def place_features(z: Any, centre: Any, spread: Any, *anchors: Any) -> tuple[Any, Any]:
    """Log variances of features at the sampler's z, and the log volume by which each is stretched (PyTensor).

    Near the anchor the coordinates are linear in the log variances, and the likelihood is about normal in these; with
    both, z is standard normal (`bayesrg.inference.conditioning`). That the map is linear keeps its volume exact.
    """
    from bayesrg.inference.conditioning import place

    log_variance, coordinates, inverse, precision = anchors
    linear, log_volume = place(z, centre, spread, coordinates, precision)
    return log_variance + (inverse * (linear - coordinates)[:, None, :]).sum(axis=-1), log_volume


def log_density(z: Any, centre: Any, spread: Any, *anchors: Any) -> Any:
    """Log density of all z, given that the coordinates of the features are Normal(centre, spread²) (PyTensor)."""
    import pymc as pm
    import pytensor.tensor as pt

    log_variance, log_volume = place_features(z, centre, spread, *anchors)
    coordinates = coordinates_of(log_variance, pt)
    density: Any = pm.logp(pm.Normal.dist(centre, spread), coordinates)
    return density.sum() + log_volume.sum()


def draw(
    centre: np.ndarray, spread: np.ndarray, *anchors: np.ndarray, rng: np.random.Generator, size: Any
) -> np.ndarray:
    """Draw z, given that the coordinates are Normal(centre, spread²), with NumPy."""
    log_variance, coordinates, inverse, precision = anchors
    prior = spread**-2.0
    total = precision + prior[:, :, None] * np.eye(centre.shape[1])
    said = prior[:, :, None] * centre[:, :, None] + precision @ coordinates[:, :, None]
    away = log_variances(rng.normal(centre, spread)) - log_variance
    linear = coordinates[:, :, None] + np.linalg.solve(inverse, away[:, :, None])
    return (np.linalg.cholesky(total).transpose(0, 2, 1) @ (linear - np.linalg.solve(total, said)))[:, :, 0]
