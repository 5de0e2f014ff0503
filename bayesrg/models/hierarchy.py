"""The coordinates in which features of a family are alike, and how the sampler moves through them.

A feature has a total, a signal (logit of the signal's share) and log ratios of its error components to the residual.
The map from the logarithms of its variances to these preserves volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesrg.inference.importance import sample_batch
from bayesrg.models.feature_batch import FeatureBatch

ANCHORING = 1000  # draws that tell the mean and covariance of a feature alone


def name_coordinates(components: Sequence[str]) -> list[str]:
    """Names of the coordinates: total, signal, and the error components that are compared with the residual."""
    return ["total", "signal", *components[1:-1]]


def coordinates_of(log_variance: np.ndarray) -> np.ndarray:
    """Coordinates of log variances, both over the last axis, the residual last."""
    signal, error = log_variance[..., 0], np.logaddexp.reduce(log_variance[..., 1:], axis=-1)
    total, ratio = np.logaddexp(signal, error), log_variance[..., 1:-1] - log_variance[..., -1:]
    return np.concatenate([total[..., None], (signal - error)[..., None], ratio], axis=-1)


def log_variances(coordinates: Any, library: Any = np) -> Any:
    """Log variances of coordinates, both over the last axis.

    Parameters
    ----------
    library : the library of the array, ``numpy`` or ``pytensor.tensor``
    """
    total, signal = coordinates[..., 0][..., None], coordinates[..., 1][..., None]
    ratio = library.concatenate([coordinates[..., 2:], library.zeros_like(total)], axis=-1)
    error = total - library.logaddexp(0.0, signal)
    of_errors = error + ratio - library.log(library.exp(ratio).sum(axis=-1))[..., None]
    return library.concatenate([total - library.logaddexp(0.0, -signal), of_errors], axis=-1)


@dataclass(frozen=True)
class Anchors:
    """What each feature says alone: a normal approximation of its posterior without pooling.

    Attributes
    ----------
    coordinates : ndarray, shape (feature, coordinate)
        Mean.
    precision : ndarray, shape (feature, coordinate, coordinate)
        Inverse covariance.
    """

    coordinates: np.ndarray
    precision: np.ndarray


def anchor_features(batches: Sequence[FeatureBatch], features: Sequence[str]) -> Anchors:
    """Anchors of the features, in their order; the same data always have the same.

    They have the moments of importance-sampling draws, not mode and curvature: a variance that the data bound from
    above only has a posterior much wider than its curvature, and the sampler diverged where the family lay in its tail.
    """
    found = {}
    for batch in batches:
        drawn = sample_batch(batch.log_density, batch.start, seed=0, draws=ANCHORING)
        # However rough an anchor is, the posterior is exact: where no draws can be had, any will do.
        log_variance = np.where(drawn.failed[:, None, None], batch.start[:, None], drawn.draws)
        coordinates = coordinates_of(log_variance)
        mean = coordinates.mean(axis=1)
        deviation = coordinates - mean[:, None]
        covariance = deviation.transpose(0, 2, 1) @ deviation / (ANCHORING - 1)
        covariance[drawn.failed] = np.eye(mean.shape[1])
        own = mean, np.linalg.inv(covariance)
        found |= dict(zip(batch.data["feature"].values, zip(*own, strict=True), strict=True))
    return Anchors(*(np.array(own) for own in zip(*(found[feature] for feature in features), strict=True)))


def log_density(z: Any, centre: Any, spread: Any, *anchors: Any) -> Any:
    """Log density of all z, given that the coordinates of the features are Normal(centre, spread²) (PyTensor)."""
    import pymc as pm

    from bayesrg.inference.conditioning import place

    coordinates, log_volume = place(z, centre, spread, *anchors)
    density: Any = pm.logp(pm.Normal.dist(centre, spread), coordinates)
    return density.sum() + log_volume.sum()


def draw(
    centre: np.ndarray, spread: np.ndarray, *anchors: np.ndarray, rng: np.random.Generator, size: Any
) -> np.ndarray:
    """Draw z, given that the coordinates are Normal(centre, spread²), with NumPy."""
    anchor, precision = anchors
    prior = spread**-2.0
    total = precision + prior[:, :, None] * np.eye(centre.shape[1])
    said = prior[:, :, None] * centre[:, :, None] + precision @ anchor[:, :, None]
    away = rng.normal(centre, spread)[:, :, None] - np.linalg.solve(total, said)
    return (np.linalg.cholesky(total).transpose(0, 2, 1) @ away)[:, :, 0]
