"""Effects of regions drawn from their distribution: a, the coefficients' deviations, and the residual."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bayesrg.models.regions.components import Components
from bayesrg.models.regions.layout import RegionLayout

# Added to a correlation's diagonal before it is factored: kernels of equal places, and of graphs, are singular.
JITTER = 1e-10


@dataclass(frozen=True)
class BlockEffects:
    """Effects in a block's regions; of correlated residuals those of the rotated features.

    Parameters
    ----------
    a : ndarray (draw, feature, n)
    deviation : ndarray (draw, feature, n, gene), B_tr - B_0
    residual : ndarray (draw, feature, n)
    """

    a: np.ndarray
    deviation: np.ndarray
    residual: np.ndarray

    def total(self, genome: np.ndarray) -> np.ndarray:
        """What the effects add to the values, (draw, feature, n)."""
        return self.a + np.einsum("dfng,ng->dfn", self.deviation, genome) + self.residual


def draw_block(components: Components, layout: RegionLayout, block: int, rng: np.random.Generator) -> BlockEffects:
    """Effects of a block's regions from their distribution, component by component."""
    own = layout.blocks[block]
    draws, features = components.residual.shape
    n_genes, size = layout.genome.shape[1], own.stop - own.start
    tumors, of = np.unique(layout.tumor[own], return_inverse=True)
    root = {
        name: np.linalg.cholesky(layout.square(pairs, block) + JITTER * np.eye(size))
        for name, pairs in (("a", components.correlation_a), ("B", components.correlation_B))
    }
    in_space = np.einsum("dij,dfj->dfi", root["a"], rng.standard_normal((draws, features, size)))
    a = (
        np.sqrt(components.patient)[..., None] * rng.standard_normal((draws, features, 1))
        + np.sqrt(components.tumor)[..., None] * rng.standard_normal((draws, features, tumors.size))[..., of]
        + np.sqrt(components.space)[..., None] * in_space
    )
    between = rng.standard_normal((draws, features, tumors.size, n_genes))[:, :, of]
    within = np.einsum("dij,dfjg->dfig", root["B"], rng.standard_normal((draws, features, size, n_genes)))
    deviation = (
        np.sqrt(components.gene_tumor)[:, :, None] * between + np.sqrt(components.gene_space)[:, :, None] * within
    )
    residual = np.sqrt(components.residual)[..., None] * rng.standard_normal((draws, features, size))
    return BlockEffects(a, deviation, residual + draw_known_error(layout, block, draws, rng))


def draw_known_error(layout: RegionLayout, block: int, draws: int, rng: np.random.Generator) -> np.ndarray | float:
    """Measurement error of known covariance in a block's regions, (draw, feature, n); 0 where none is known."""
    if layout.known_covariance is None:
        return 0.0
    known = layout.square(layout.known_covariance.T, block)
    root = np.linalg.cholesky(known + JITTER * np.eye(known.shape[-1]))
    return np.einsum("fij,dfj->dfi", root, rng.standard_normal((draws, *known.shape[:2])))


class FiniteVariances:
    """Variances of B_tr among the observed regions (finite population), gathered tumour by tumour, per draw.

    Given each block's coefficients in turn, `result` has `B_variance` (all regions), `B_variance_within` (mean over
    tumours with two regions or more of the variance among their regions) and `B_variance_between` (variance of the
    tumours' means), each (draw, feature, gene), with n - 1 as divisor.
    """

    def __init__(self) -> None:
        self.count = 0
        self.means: list[np.ndarray] = []
        self.inner: list[np.ndarray] = []
        self.total: np.ndarray | float = 0.0
        self.squares: np.ndarray | float = 0.0

    def add(self, deviation: np.ndarray, tumors: np.ndarray) -> None:
        """A block's coefficients (draw, feature, n, gene), B_0 left out or in, and the tumour of each region."""
        self.count += tumors.size
        self.total = self.total + deviation.sum(axis=2)
        self.squares = self.squares + (deviation**2).sum(axis=2)
        for tumor in np.unique(tumors):
            own = deviation[:, :, tumors == tumor]
            self.means.append(own.mean(axis=2))
            if own.shape[2] > 1:
                self.inner.append(own.var(axis=2, ddof=1))

    @property
    def result(self) -> dict[str, np.ndarray]:
        """The variances by name."""
        found = {"B_variance": (self.squares - np.square(self.total) / self.count) / (self.count - 1)}
        if len(self.means) > 1:
            found["B_variance_between"] = np.var(np.stack(self.means), axis=0, ddof=1)
        if self.inner:
            found["B_variance_within"] = np.mean(np.stack(self.inner), axis=0)
        return {name: np.asarray(own) for name, own in found.items()}


def draw_correlations(n: int, shape: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Correlation matrices (draw, n, n) of the LKJ distribution, by the onion method (Lewandowski et al. 2009).

    Each row of the Cholesky factor is a point of a sphere, whose radius is beta distributed
    (doi:10.1016/j.jmva.2009.04.008, section 3.2).
    """
    factor = np.zeros((draws, n, n))
    factor[:, 0, 0] = 1.0
    for row in range(1, n):
        square = rng.beta(0.5 * row, shape + 0.5 * (n - 1 - row), draws)
        direction = rng.standard_normal((draws, row))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        factor[:, row, :row] = np.sqrt(square)[:, None] * direction
        factor[:, row, row] = np.sqrt(1.0 - square)
    return factor @ factor.swapaxes(1, 2)


def draw_marginal(
    covariance: np.ndarray, prior: np.ndarray, columns: np.ndarray, start: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Values (region, feature) of one draw, from the blocks' packed covariances (region_pair, feature)."""
    n_features = covariance.shape[1]
    value = columns @ (np.sqrt(prior)[:, None] * rng.standard_normal((prior.size, n_features)))
    first = 0
    for begin, end in pairwise(start):
        size = int(end - begin)
        row, column = np.tril_indices(size)
        block = np.zeros((n_features, size, size))
        block[:, row, column] = block[:, column, row] = covariance[first : first + row.size].T
        root = np.linalg.cholesky(block)
        value[begin:end] += np.einsum("fij,fj->if", root, rng.standard_normal((n_features, size)))
        first += row.size
    return value
