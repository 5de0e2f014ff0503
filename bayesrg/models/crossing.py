"""The mean and the effects that cross subjects (scanners, preprocessings), drawn back for many features at once."""

from collections.abc import Mapping

import numpy as np

from bayesrg.inference.batched import BatchedElimination
from bayesrg.models.layout import EFFECTS, Layout


def recover_crossing(
    layout: Layout, value: np.ndarray, variance: np.ndarray, rng: np.random.Generator
) -> Mapping[str, np.ndarray]:
    """Draw the mean and the crossing effects from their exact posterior given each draw of the variances.

    Parameters
    ----------
    layout : of a complete data set
    value : ndarray, shape (measurement, feature)
    variance : ndarray, shape (feature, draw, component + 1), the prior variance of the mean last

    Returns
    -------
    mapping of `mu` to shape (feature, draw), and of `gamma`, `delta` (`beta`, where sessions cross subjects) to shape
    (feature, draw, level)
    """
    elimination = BatchedElimination(np.ascontiguousarray(value.T), layout.elimination.arrays)
    features, draws, n_variances = variance.shape
    noise = rng.standard_normal((features * draws, layout.elimination.border_variance.size))
    member = np.repeat(np.arange(features), draws)
    border = elimination.recover_border(variance.reshape(-1, n_variances), member, noise).reshape(features, draws, -1)
    found, start = {"mu": border[..., 0]}, 1
    for name in layout.components:
        if "subject" not in layout.facets[name]:
            end = start + int(layout.levels(name).max()) + 1
            found[EFFECTS[name][0]] = border[..., start:end]
            start = end
    return found
