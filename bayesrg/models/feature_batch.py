"""A batch of features that share a complete design, as importance sampling takes it: density, start and recovery."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from bayesrg.inference.batched import BatchedElimination, BatchedStrata
from bayesrg.inference.variances import VariancePrior
from bayesrg.models.crossing import recover_crossing
from bayesrg.models.layout import EFFECTS, Layout

SMALLEST_START = 0.01  # share of the variance; an estimate may be negative


@dataclass(frozen=True)
class FeatureBatch:
    """Features of one complete design; a point is the vector of their log variances.

    Parameters
    ----------
    data : Dataset with `value` (measurement, feature) without missing values
    layout : of its design, which other batches share, so that it is worked out once
    prior : of the variances
    mean_variance : prior variance of the population mean, on the model's scale
    """

    data: xr.Dataset
    layout: Layout
    prior: VariancePrior
    mean_variance: float

    @cached_property
    def values(self) -> np.ndarray:
        """Values, shape (measurement, feature)."""
        return np.ascontiguousarray(self.data["value"].transpose("measurement", "feature").values)

    @cached_property
    def likelihood(self) -> BatchedStrata | BatchedElimination:
        """The collapsed likelihood: sums of squares where the design is balanced, elimination where it is not."""
        strata = self.layout.strata
        if strata is None:
            return BatchedElimination(np.ascontiguousarray(self.values.T), self.layout.elimination.arrays)
        sums = np.ascontiguousarray(strata.sums_of_squares(self.values).T)
        return BatchedStrata(sums, strata.degrees_of_freedom, strata.weight)

    @property
    def start(self) -> np.ndarray:
        """Where the search for the mode begins, shape (feature, component).

        Of a balanced design the estimates of the analysis of variance; of any other, half of the variance is signal.
        """
        likelihood = self.likelihood
        if not isinstance(likelihood, BatchedStrata):
            n = self.data.sizes["component"]
            share = np.array([0.5, *[0.5 / (n - 1)] * (n - 1)])
            return np.tile(np.log(share), (self.data.sizes["feature"], 1))
        mean_square = likelihood.sums_of_squares / likelihood.degrees_of_freedom
        of_mean = likelihood.weight[:, -1] > 0  # one degree of freedom, of which the mean takes most
        estimate = mean_square[:, ~of_mean] @ np.linalg.pinv(likelihood.weight[~of_mean, :-1]).T
        return np.log(np.maximum(estimate, SMALLEST_START * np.abs(estimate).sum(axis=1, keepdims=True)))

    def log_density(
        self, point: np.ndarray, member: np.ndarray, gradient: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Log posterior density of log variances (point, component) of the features `member` (point,), and gradient."""
        with np.errstate(over="ignore"):  # far out the variance overflows and the prior density is zero
            variance = self._with_mean(point, np.exp)
        density, slope = self.likelihood.evaluate(variance, member, gradient)
        prior, prior_slope = self.prior.log_density_with_gradient(point, gradient=gradient)
        if slope is None or prior_slope is None:
            return density + prior, None
        return density + prior, slope[:, :-1] * variance[:, :-1] + prior_slope

    def log_likelihood(self, variance: np.ndarray) -> np.ndarray:
        """Log density of each feature's data at draws of its variances (feature, draw, component)."""
        flat = self._with_mean(variance).reshape(-1, variance.shape[-1] + 1)
        member = np.repeat(np.arange(variance.shape[0]), variance.shape[1])
        return self.likelihood.evaluate(flat, member, gradient=False)[0].reshape(variance.shape[:2])

    def recover(self, point: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
        """Variances, mean and crossing effects for draws of log variances, shape (feature, draw, component)."""
        variance = np.exp(point)  # in memory a variable's draws lie together, as they will be read
        effects = recover_crossing(self.layout, self.values, self._with_mean(variance), rng)
        dims = {effect: dim for effect, dim in EFFECTS.values() if effect in effects}
        found = {
            name: (("feature", "draw", *([dims[name]] if name in dims else [])), own) for name, own in effects.items()
        }
        return xr.Dataset(
            {"variance": (("feature", "draw", "component"), variance), **found},
            coords={dim: self.data[dim].values for dim in ("feature", "component", *dims.values())},
        )

    def _with_mean(self, variance: np.ndarray, transform: np.ufunc = np.positive) -> np.ndarray:
        """Transformed numbers with the prior variance of the mean last; in memory, one variance's lie together."""
        extended = np.empty((variance.shape[-1] + 1, *variance.shape[:-1]))
        transform(np.moveaxis(variance, -1, 0), out=extended[:-1])
        extended[-1] = self.mean_variance
        return np.moveaxis(extended, 0, -1)
