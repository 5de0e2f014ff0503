"""Priors on a vector of variances: a total and its shares, or one standard deviation at a time.

Both are sampled on the log scale of each variance: the data fix the small variances one by one, and in the coordinates
(total, shares) that knowledge is a curved ridge (25 times fewer effective draws per second and divergences, on one
balanced design).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pytensor.tensor as pt
from scipy.special import betaln, gammaln

from bayesrg.prior import Prior

# Distributions of positive quantities.
POSITIVE = ("HalfNormal", "LogNormal", "Gamma", "InverseGamma", "Exponential")


class VariancePrior(Protocol):
    """What a model of variance components needs from its prior."""

    def build(self, dim: str, n: int) -> Any:
        """Add the variances (n,) to the PyMC model in context, as `variance` over `dim`."""
        ...

    def draw(self, rng: np.random.Generator, n: int, draws: int) -> np.ndarray:
        """Variances drawn with NumPy, shape (draws, n)."""
        ...

    def log_density(self, variance: np.ndarray) -> np.ndarray:
        """Log density of variances over the last axis."""
        ...

    def log_density_with_gradient(
        self, log_variance: np.ndarray, *, gradient: bool = True
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Log density of the logarithms of the variances over the last axis, and its gradient in them."""
        ...

    def stated_log_densities(self, variance: np.ndarray) -> dict[str, np.ndarray]:
        """Log density of each prior as it is stated, on the scale that it is stated on (no Jacobian)."""
        ...


@dataclass(frozen=True)
class Shares:
    """One prior on the total sd, and a Dirichlet in two stages on the shares: first the signal's, then the errors'.

    The first component's share is the intraclass correlation when everything else is error, so its prior is the
    prior of that ICC, whatever the number of components. (One symmetric Dirichlet, or an independent prior on each
    sd, would let the number of named factors decide it.)
    """

    total_sd: Prior = Prior(
        "LogNormal",
        {"mu": 0.0, "sigma": 0.7},
        "values have sd 1 on the model's scale; 95 % of the prior lies between 0.25 and 3.9, because the variance of a "
        "factor with two or three levels can be much larger in the population than among the levels seen",
    )
    signal_share: Prior = Prior(
        "Beta",
        {"alpha": 1.0, "beta": 1.0},
        "the ICC over all facets is uniform before the data: P(ICC > 0.75) = 0.25, whatever the design",
    )
    error_shares: Prior = Prior(
        "Dirichlet",
        {"total": 2.0},
        "two error components divide the error uniformly; the total does not grow with their number, because a prior "
        "that favours equal parts the more, the more factors are named, shrinks a large variance of two or three "
        "scanners",
    )

    def __post_init__(self) -> None:
        """Refuse distributions that a total or a share cannot have."""
        _require(self.total_sd, "total_sd", POSITIVE)
        _require(self.signal_share, "signal_share", ("Beta",))
        _require(self.error_shares, "error_shares", ("Dirichlet",))

    def build(self, dim: str, n: int) -> Any:
        """Add `log_variance` and `variance` (n,) to the PyMC model in context."""
        import pymc as pm

        def log_density(value: Any, size: Any) -> Any:
            log: Any = pt.log
            variance: Any = pt.exp(value)
            error: Any = pt.sum(variance[1:])
            parts: Any = value[1:] - log(error)
            total = variance[0] + error
            total_sd: Any = pt.sqrt(total)
            concentration = self.error_shares.arguments["total"] / (n - 1)
            return (
                self.total_sd.of_pymc(total_sd)
                - log(2.0 * total_sd)
                + self.signal_share.of_pymc(variance[0] / total)
                + (concentration - 1.0) * parts.sum()
                + gammaln((n - 1) * concentration)
                - (n - 1) * gammaln(concentration)
                - (n - 1) * log(total)
                - (n - 2) * log(error / total)
                + value.sum()  # d variance / d log variance
            )

        def random(_: Any, rng: np.random.Generator, size: tuple[int, ...] | None) -> np.ndarray:
            drawn = self.draw(rng, n, int(np.prod(size or ())))
            return np.log(drawn).reshape(*(size or ()), n)

        log_variance = pm.CustomDist(
            "log_variance", np.ones(n), logp=log_density, random=random, signature="(k)->(k)", dims=dim
        )
        return pm.Deterministic("variance", pt.exp(log_variance), dims=dim)

    def draw(self, rng: np.random.Generator, n: int, draws: int) -> np.ndarray:
        """Variances drawn with NumPy, shape (draws, n)."""
        signal = self.signal_share.draw(rng, (draws, 1))
        errors = self.error_shares.draw(rng, (draws, n - 1))
        return self.total_sd.draw(rng, (draws, 1)) ** 2 * np.concatenate([signal, (1.0 - signal) * errors], axis=1)

    def log_density(self, variance: np.ndarray) -> np.ndarray:
        """Log density of variances over the last axis."""
        n = variance.shape[-1]
        total = variance.sum(axis=-1)
        error = variance[..., 1:].sum(axis=-1)
        jacobian = -np.log(2.0 * np.sqrt(total)) - (n - 1) * np.log(total) - (n - 2) * np.log(error / total)
        return sum(self.stated_log_densities(variance).values(), start=jacobian)

    def log_density_with_gradient(
        self, log_variance: np.ndarray, *, gradient: bool = True
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Log density of the logarithms of the variances, their Jacobian included, and its gradient, with NumPy alone.

        Parameters
        ----------
        log_variance : ndarray, shape (..., n); it may be so small that the variance itself underflows
        gradient : whether the gradient is wanted

        Returns
        -------
        density, shape (...), and gradient, shape (..., n), or None.

        Notes
        -----
        With x the logarithms, E the sum of the error variances and T the total, the density is linear in x, log E and
        log T, but for that of the total sd.
        """
        n = log_variance.shape[-1]
        alpha, beta = self.signal_share.arguments["alpha"], self.signal_share.arguments["beta"]
        concentration = self.error_shares.arguments["total"] / (n - 1)
        of_error = beta - (n - 1) * concentration
        of_total = 0.5 - alpha - beta
        logs = np.moveaxis(log_variance, -1, 0)
        largest = logs[1:].max(axis=0)
        parts = logs[1:] - largest
        np.exp(parts, out=parts)
        error = parts.sum(axis=0)
        log_error = np.log(error) + largest
        ratio = logs[0] - log_error
        log_total = np.log1p(np.exp(-np.abs(ratio))) + np.maximum(ratio, 0.0) + log_error
        density, slope = self.total_sd.log_density_of_logarithm(0.5 * log_total)
        density = density + alpha * logs[0] + concentration * logs[1:].sum(axis=0)
        density += of_error * log_error
        density += of_total * log_total
        density += gammaln((n - 1) * concentration) - (n - 1) * gammaln(concentration) - betaln(alpha, beta)
        density -= np.log(2.0)
        if not gradient:
            return density, None
        slopes = (of_total + 0.5 * slope) * np.exp(logs - log_total)
        slopes[0] += alpha
        slopes[1:] += of_error * parts / error + concentration
        return density, np.moveaxis(slopes, 0, -1)

    def stated_log_densities(self, variance: np.ndarray) -> dict[str, np.ndarray]:
        """Log densities of `total_sd`, `signal_share` and `error_shares`."""
        total = variance.sum(axis=-1)
        error = variance[..., 1:].sum(axis=-1)
        return {
            "total_sd": self.total_sd.log_density(np.sqrt(total)),
            "signal_share": self.signal_share.log_density(variance[..., 0] / total),
            "error_shares": self.error_shares.log_density(variance[..., 1:] / error[..., None]),
        }


@dataclass(frozen=True)
class IndependentSds:
    """The same prior on each component's sd: beware that the number of components then decides the prior ICC."""

    sd: Prior = Prior(
        "HalfNormal",
        {"sigma": 1.0},
        "values have sd 1 on the model's scale, so no component's sd is likely to exceed 2; the number of components "
        "decides the prior ICC (P(ICC > 0.75) = 0.33 with two, 0.003 with eight)",
    )

    def __post_init__(self) -> None:
        """Refuse distributions that an sd cannot have."""
        _require(self.sd, "sd", POSITIVE)

    def build(self, dim: str, n: int) -> Any:
        """Add `sd` and `variance` (n,) to the PyMC model in context."""
        import pymc as pm

        return pm.Deterministic("variance", self.sd.in_pymc("sd", dims=dim) ** 2, dims=dim)

    def draw(self, rng: np.random.Generator, n: int, draws: int) -> np.ndarray:
        """Variances drawn with NumPy, shape (draws, n)."""
        return self.sd.draw(rng, (draws, n)) ** 2

    def log_density(self, variance: np.ndarray) -> np.ndarray:
        """Log density of variances over the last axis."""
        return self.stated_log_densities(variance)["sd"] - np.log(2.0 * np.sqrt(variance)).sum(axis=-1)

    def log_density_with_gradient(
        self, log_variance: np.ndarray, *, gradient: bool = True
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Log density of the logarithms of the variances, their Jacobian included, and its gradient, with NumPy alone.

        Parameters
        ----------
        log_variance : ndarray, shape (..., n); it may be so small that the variance itself underflows
        gradient : whether the gradient is wanted

        Returns
        -------
        density, shape (...), and gradient, shape (..., n), or None.
        """
        density, slope = self.sd.log_density_of_logarithm(0.5 * log_variance)
        density = (density + 0.5 * log_variance - np.log(2.0)).sum(axis=-1)
        return density, 0.5 * slope + 0.5 if gradient else None

    def stated_log_densities(self, variance: np.ndarray) -> dict[str, np.ndarray]:
        """Log density of all `sd`."""
        return {"sd": self.sd.log_density(np.sqrt(variance)).sum(axis=-1)}


def _require(prior: Prior, name: str, allowed: tuple[str, ...]) -> None:
    if prior.distribution not in allowed:
        raise TypeError(f"{name} takes a prior of the kind {' or '.join(allowed)}; got {prior}")
