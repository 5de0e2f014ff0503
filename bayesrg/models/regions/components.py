"""Components of variance of regions, draw by draw, and the covariance matrices that they add up to."""

from dataclasses import dataclass

import numpy as np

from bayesrg.models.regions.layout import RegionLayout


@dataclass(frozen=True)
class Components:
    """Variances and correlations of many draws, as arrays whose first axis is the draw.

    Parameters
    ----------
    patient, tumor, space : ndarray (draw, feature), variances of a
    residual : ndarray (draw, feature), variances of epsilon; of correlated residuals the eigenvalues of Sigma
    gene_tumor, gene_space : ndarray (draw, feature, gene), variances of U and W
    correlation_a, correlation_B : ndarray (draw, region_pair), correlations in space; zero between tumours
    prior : ndarray (draw, column), prior variances of the mean's coefficients
    rotation : ndarray (draw, feature, feature), eigenvectors of Sigma, to which the features are rotated; None where
        residuals are independent
    """

    patient: np.ndarray
    tumor: np.ndarray
    space: np.ndarray
    residual: np.ndarray
    gene_tumor: np.ndarray
    gene_space: np.ndarray
    correlation_a: np.ndarray
    correlation_B: np.ndarray
    prior: np.ndarray
    rotation: np.ndarray | None = None

    @property
    def n_draws(self) -> int:
        """How many draws there are."""
        return len(self.prior)

    def part(self, draws: slice) -> "Components":
        """Some of the draws."""
        return Components(
            **{name: None if own is None else own[draws] for name, own in vars(self).items()}  # type: ignore[arg-type]
        )

    def a_covariance(self, layout: RegionLayout, block: int) -> np.ndarray:
        """Covariance of a among a block's regions, (draw, feature, n, n)."""
        within = layout.square(layout.in_tumor, block)
        space = layout.square(self.correlation_a, block)[:, None]
        return (
            self.patient[..., None, None] + self.tumor[..., None, None] * within + self.space[..., None, None] * space
        )

    def covariance(self, layout: RegionLayout, block: int) -> np.ndarray:
        """Covariance of a block's values given the mean's coefficients, (draw, feature, n, n)."""
        genome = layout.genome[layout.blocks[block]]
        between = np.einsum("ig,dfg,jg->dfij", genome, self.gene_tumor, genome, optimize=True)
        within = np.einsum("ig,dfg,jg->dfij", genome, self.gene_space, genome, optimize=True)
        total = self.a_covariance(layout, block)
        total += between * layout.square(layout.in_tumor, block)
        total += within * layout.square(self.correlation_B, block)[:, None]
        size = genome.shape[0]
        total[..., np.arange(size), np.arange(size)] += self.residual[..., None]
        if layout.known_covariance is not None:
            total += layout.square(layout.known_covariance.T, block)
        return total

    def rotate(self, value: np.ndarray) -> np.ndarray:
        """Values (…, region, feature) as (draw or 1, feature, region), rotated where residuals are correlated."""
        value = value.reshape(-1, *value.shape[-2:])
        if self.rotation is None:
            return value.transpose(0, 2, 1)
        return np.einsum("drf,dfk->dkr", np.broadcast_to(value, (self.n_draws, *value.shape[1:])), self.rotation)

    def rotate_back(self, effects: np.ndarray) -> np.ndarray:
        """Effects (draw, feature, …) of rotated features as effects of the features themselves."""
        return effects if self.rotation is None else np.einsum("dfk,dk...->df...", self.rotation, effects)
