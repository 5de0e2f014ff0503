"""The mean and the effects that cross subjects (scanners, preprocessings), drawn back for many features at once."""

from collections.abc import Mapping

import numpy as np

from bayesrg.inference.batched import BatchedElimination
from bayesrg.inference.elimination import SMALLEST_VARIANCE
from bayesrg.inference.strata import Strata, weighted_sum
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
    crossing = {
        name: int(layout.levels(name).max()) + 1 for name in layout.components if "subject" not in layout.facets[name]
    }
    if layout.strata is not None:
        found = _recover_balanced(layout, layout.strata, crossing, value, variance, rng)
    else:
        found = _recover_by_elimination(layout, crossing, value, variance, rng)
    return {EFFECTS[name][0] if name != "mu" else "mu": own for name, own in found.items()}


def _recover_by_elimination(
    layout: Layout, crossing: Mapping[str, int], value: np.ndarray, variance: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    elimination = BatchedElimination(np.ascontiguousarray(value.T), layout.elimination.arrays)
    features, draws, n_variances = variance.shape
    noise = rng.standard_normal((features * draws, layout.elimination.border_variance.size))
    member = np.repeat(np.arange(features), draws)
    # Draws that were resampled more than once stand in a row here: together they cost as much as one.
    order = np.argsort(variance[..., 0], axis=1)
    ordered = np.take_along_axis(variance, order[..., None], axis=1).reshape(-1, n_variances)
    drawn = elimination.recover_border(ordered, member, noise).reshape(features, draws, -1)
    border = np.empty((features, drawn.shape[2], draws)).transpose(0, 2, 1)  # a level's draws lie together
    np.put_along_axis(border, order[..., None], drawn, axis=1)
    found, start = {"mu": border[..., 0]}, 1
    for name, levels in crossing.items():
        found[name] = border[..., start : start + levels]
        start += levels
    return found


def _recover_balanced(
    layout: Layout,
    strata: Strata,
    crossing: Mapping[str, int],
    value: np.ndarray,
    variance: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Of a balanced design, whose level means tell all there is to know about the crossing effects.

    The deviations of a component's level means are one stratum, with eigenvalue lambda, rows n a level and variance v:
    given them the effects' deviations have the mean n v / lambda times theirs and the variance v (1 - n v / lambda).
    What is left, the mean and each component's mean effect, is known from the grand mean alone: prior draws of them
    are moved by their shares of the difference between the grand mean and the one that they predict.
    """
    features, draws, _ = variance.shape
    rows = value.shape[0]
    grand = value.mean(axis=0)[:, None]
    variances = np.moveaxis(variance, -1, 0)
    # Variances of the grand mean, and of its parts: mu, each component's mean effect, and all else.
    of_mean = (weighted_sum(strata.eigenvalue_of(()), variances) + SMALLEST_VARIANCE) / rows
    parts = {"mu": variances[-1]} | {
        name: variances[layout.components.index(name)] / levels for name, levels in crossing.items()
    }
    rest = np.maximum(of_mean - sum(parts.values()), 0.0)
    noise = {name: rng.standard_normal((features, levels, draws)) for name, levels in crossing.items()}
    standard = {"mu": rng.standard_normal((features, draws))} | {
        # A mean of independent normals is independent of their deviations from it, which are used below.
        name: own.sum(axis=1) / np.sqrt(own.shape[1])
        for name, own in noise.items()
    }
    drawn = {name: np.sqrt(part) * standard[name] for name, part in parts.items()}
    surprise = grand - sum(drawn.values()) - np.sqrt(rest) * rng.standard_normal((features, draws))
    surprise /= of_mean
    found = {name: own + parts[name] * surprise for name, own in drawn.items()}
    for name, levels in crossing.items():
        own, column = variances[layout.components.index(name)], layout.levels(name)
        sums = np.zeros((levels, features))
        np.add.at(sums, column, value)
        deviation = (sums * (levels / rows)).T - grand
        eigenvalue = weighted_sum(strata.eigenvalue_of((name,)), variances) + SMALLEST_VARIANCE
        shrinkage = (rows / levels) * own / eigenvalue
        effect = noise[name]
        effect -= effect.mean(axis=1, keepdims=True)
        effect *= np.sqrt(own * np.maximum(1.0 - shrinkage, 0.0))[:, None, :]
        effect += shrinkage[:, None, :] * deviation[:, :, None]
        effect += found[name][:, None, :]
        found[name] = effect.transpose(0, 2, 1)
    return found
