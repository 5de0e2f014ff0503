"""The mean and the effects that cross subjects (scanners, preprocessings), drawn back for many features at once.

In a balanced design the analysis of variance gives their posterior in closed form: the contrasts among a component's
levels are a stratum of their own, shrunk by the share of the component in its eigenvalue, and what the levels have in
common is confounded with the grand mean, so it is drawn from the prior and corrected by what the grand mean says
(Searle, Casella & McCulloch, Variance Components, 2006, chapter 7; the correction is Matheron's rule).
"""

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
    crossing = [name for name in layout.components if "subject" not in layout.facets[name]]
    if layout.strata is None:
        return _recover_unbalanced(layout, crossing, value, variance, rng)
    eigenvalue = {
        name: variance @ layout.strata.weight[layout.strata.stratum_of({name})] for name in crossing
    }
    size = value.shape[0]
    of_mean = variance @ layout.strata.weight[layout.strata.stratum_of(set())] / size
    found = {"mu": np.sqrt(variance[..., -1]) * rng.standard_normal(variance.shape[:2])}
    shared = {"mu": variance[..., -1]}  # prior variances of what only the grand mean shows
    for name in crossing:
        number = layout.components.index(name)
        levels = layout.levels(name)
        n_levels = int(levels.max()) + 1
        means = np.stack([value[levels == level].mean(axis=0) for level in range(n_levels)], axis=-1)
        contrast = means - means.mean(axis=-1, keepdims=True)
        own = variance[..., number]
        shrinkage = size / n_levels * own / eigenvalue[name]
        noise = rng.standard_normal((*variance.shape[:2], n_levels))
        average = noise.mean(axis=-1, keepdims=True)
        effect = shrinkage[..., None] * contrast[:, None] + np.sqrt(own * (1.0 - shrinkage))[..., None] * (noise - average)
        found[EFFECTS[name][0]] = effect + np.sqrt(own)[..., None] * average
        shared[EFFECTS[name][0]] = own / n_levels
    common = sum(found[name].mean(axis=-1) for name in shared if name != "mu") + found["mu"]
    rest = of_mean - sum(shared.values())
    surprise = value.mean(axis=0)[:, None] - common - np.sqrt(np.maximum(rest, 0.0)) * rng.standard_normal(common.shape)
    for name, prior in shared.items():
        shift = prior / of_mean * surprise
        found[name] = found[name] + (shift if name == "mu" else shift[..., None])
    return found


def _recover_unbalanced(
    layout: Layout, crossing: list[str], value: np.ndarray, variance: np.ndarray, rng: np.random.Generator
) -> Mapping[str, np.ndarray]:
    density = BatchedElimination(np.ascontiguousarray(value.T), layout.elimination.arrays)
    features, draws = variance.shape[:2]
    noise = rng.standard_normal((features * draws, layout.elimination.border_variance.size))
    member = np.repeat(np.arange(features), draws)
    border = density.recover_border(variance.reshape(features * draws, -1), member, noise)
    border = border.reshape(features, draws, -1)
    found, start = {"mu": border[..., 0]}, 1
    for name in crossing:
        n_levels = int(layout.levels(name).max()) + 1
        found[EFFECTS[name][0]] = border[..., start : start + n_levels]
        start += n_levels
    return found
