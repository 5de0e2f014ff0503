"""What the data say of regions given the components of variance: the mean's coefficients, effects, values left out.

Everything is exact Gaussian conditioning, for many draws of the components at once, with NumPy alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bayesrg.models.regions.components import Components
from bayesrg.models.regions.effects import FiniteVariances, draw_block, draw_known_error
from bayesrg.models.regions.layout import RegionLayout

MEMORY = 2.0e8  # bytes that the matrices of the draws in work may take
LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class Conditioned:
    """Draws of the components with what follows from the data; the draws are those of one `split`.

    Parameters
    ----------
    components : the draws
    layout : the regions
    value : ndarray (draw or 1, feature, region), rotated where residuals are correlated
    inverse : of each block, K^-1 (draw, feature, n, n); rows of missing values are zero
    solved : of each block, K^-1 X (draw, feature, n, column)
    mean, covariance : of the mean's coefficients, (draw, feature, column) and (draw, feature, column, column)
    joint : ndarray (draw,), log density of all values
    """

    components: Components
    layout: RegionLayout
    value: np.ndarray
    inverse: list[np.ndarray]
    solved: list[np.ndarray]
    mean: np.ndarray
    covariance: np.ndarray
    joint: np.ndarray

    def left_out(self, rows: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Some regions of a block given all other regions.

        Parameters
        ----------
        rows : places within the block

        Returns
        -------
        density : ndarray (draw,), log density of all their features
        mean, variance : ndarray (draw, feature, row), of each known value; NaN where it is missing. Features are the
            rotated ones where residuals are correlated
        """
        own = self.layout.blocks[block]
        solved = self.solved[block][:, :, rows]
        precision = self.inverse[block][:, :, rows][..., rows] - solved @ self.covariance @ solved.swapaxes(-1, -2)
        rest = self.value[:, :, own] - self.mean @ self.layout.columns[own].T
        alpha = np.einsum("dfij,dfj->dfi", self.inverse[block][:, :, rows], rest)
        known = self.layout.mask[own][rows].T > 0  # (feature, row)
        # A missing value is one of which nothing is asked: a row of the identity.
        precision = precision + np.eye(len(rows)) * ~known[:, :, None]
        variance = np.linalg.inv(precision)
        error = np.einsum("dfij,dfj->dfi", variance, alpha)
        _, log_volume = np.linalg.slogdet(precision)
        density = 0.5 * (log_volume - np.einsum("dfi,dfi->df", alpha, error) - LOG_2PI * known.sum(axis=1))
        scale = np.diagonal(variance, axis1=-2, axis2=-1)
        value = self.value[:, :, own][:, :, rows]
        return density.sum(axis=1), np.where(known, value - error, np.nan), np.where(known, scale, np.nan)


def split(components: Components, layout: RegionLayout) -> Iterator[slice]:
    """Draws in parts whose matrices fit into `MEMORY`."""
    largest = int(np.diff(layout.start).max())
    each = 8 * layout.value.shape[-1] * layout.genome.shape[0] * (layout.columns.shape[1] + 4 * largest)
    step = int(max(1, min(500, MEMORY // each)))
    for begin in range(0, components.n_draws, step):
        yield slice(begin, begin + step)


def condition(components: Components, layout: RegionLayout) -> Conditioned:
    """What the data say given each draw of the components."""
    value = components.rotate(layout.value)
    precision = np.zeros((*components.residual.shape, layout.columns.shape[1], layout.columns.shape[1]))
    precision += np.eye(layout.columns.shape[1]) / components.prior[:, None, :, None]
    target = np.zeros(precision.shape[:-1])
    joint = -0.5 * LOG_2PI * layout.mask.sum() * np.ones(components.n_draws)
    inverses, solved = [], []
    for block, own in enumerate(layout.blocks):
        columns, known = layout.columns[own], layout.mask[own].T  # known: (feature, n)
        both = known[:, :, None] * known[:, None, :]
        covariance = components.covariance(layout, block) * both + np.eye(columns.shape[0]) * (1.0 - known)[:, :, None]
        joint -= 0.5 * np.linalg.slogdet(covariance)[1].sum(axis=1)
        inverse = np.linalg.inv(covariance) * both
        inverses.append(inverse)
        solved.append(inverse @ columns)
        precision += columns.T @ solved[-1]
        weighted = np.einsum("dfij,dfj->dfi", inverse, np.broadcast_to(value[:, :, own], inverse.shape[:-1]))
        target += weighted @ columns
        joint -= 0.5 * np.einsum("dfi,dfi->d", weighted, np.broadcast_to(value[:, :, own], weighted.shape))
    covariance = np.linalg.inv(precision)
    mean = np.einsum("dfij,dfj->dfi", covariance, target)
    joint += 0.5 * np.einsum("dfi,dfi->d", mean, target) - 0.5 * np.linalg.slogdet(precision)[1].sum(axis=1)
    joint -= 0.5 * components.residual.shape[1] * np.log(components.prior).sum(axis=1)
    return Conditioned(components, layout, value, inverses, solved, mean, covariance, joint)


def draw_given_data(
    components: Components, layout: RegionLayout, rng: np.random.Generator, *, local: bool
) -> dict[str, np.ndarray]:
    """Coefficients and effects given the data, exactly: the mean's coefficients, then the effects by Matheron's rule.

    Effects are drawn from their distribution, and moved by what the values drawn with them lack of the values observed
    (conditional simulation; Wilson et al. 2021, arXiv:2011.04026, section 3).

    Parameters
    ----------
    local : whether B and a of every region are kept

    Returns
    -------
    `coefficients` (draw, feature, column), the finite variances of B (draw, feature, gene), and, if asked for, `B`
    (draw, region, feature, gene) and `a` (draw, region, feature).
    """
    parts: list[dict[str, np.ndarray]] = []
    for some in split(components, layout):
        found = condition(components.part(some), layout)
        parts.append(_draw_part(found, rng, local))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def draw_new_values(components: Components, layout: RegionLayout, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """New measurements of the layout's regions given the data: `value` and, without epsilon, `expected`.

    Both are (draw, region, feature). Regions whose values are known keep their own B and a.
    """
    found = draw_given_data(components, layout, rng, local=True)
    mean = np.einsum("rp,dfp->drf", layout.columns, found["coefficients"]) + found["a"]
    slope = found["coefficients"][..., layout.parts["B_0"]]
    expected = mean + np.einsum("rg,drfg->drf", layout.genome, found["B"] - slope[:, None])
    noise = rng.standard_normal(expected.shape) * np.sqrt(components.residual)[:, None]
    if components.rotation is not None:
        noise = np.einsum("drk,dfk->drf", noise, components.rotation)
    for block, rows in enumerate(layout.blocks):
        noise[:, rows] += np.swapaxes(np.atleast_3d(draw_known_error(layout, block, len(noise), rng)), 1, 2)
    return {"value": expected + noise, "expected": expected}


def _draw_part(found: Conditioned, rng: np.random.Generator, local: bool) -> dict[str, np.ndarray]:
    components, layout = found.components, found.layout
    root = np.linalg.cholesky(found.covariance)
    coefficients = found.mean + np.einsum("dfij,dfj->dfi", root, rng.standard_normal(found.mean.shape))
    slope = components.rotate_back(coefficients[..., layout.parts["B_0"]])
    variances = FiniteVariances()
    kept: dict[str, list[np.ndarray]] = {"B": [], "a": []}
    for block, own in enumerate(layout.blocks):
        genome = layout.genome[own]
        effects = draw_block(components, layout, block, rng)
        lacking = found.value[:, :, own] - coefficients @ layout.columns[own].T - effects.total(genome)
        weight = np.einsum("dfij,dfj->dfi", found.inverse[block], lacking)
        a = effects.a + np.einsum("dfij,dfj->dfi", components.a_covariance(layout, block), weight)
        pull = weight[..., None] * genome
        deviation = (
            effects.deviation
            + components.gene_tumor[:, :, None] * (layout.square(layout.in_tumor, block) @ pull)
            + components.gene_space[:, :, None] * (layout.square(components.correlation_B, block)[:, None] @ pull)
        )
        deviation = components.rotate_back(deviation)
        variances.add(deviation, layout.tumor[own])
        if local:
            kept["B"].append((deviation + slope[:, :, None]).swapaxes(1, 2))
            kept["a"].append(components.rotate_back(a).swapaxes(1, 2))
    result = {"coefficients": components.rotate_back(coefficients), **variances.result}
    if local:
        result |= {name: np.concatenate(own, axis=1) for name, own in kept.items()}
    return result
