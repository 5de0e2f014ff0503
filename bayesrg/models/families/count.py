"""A count, such as a number of mutations: negative binomial regression."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from scipy import special, stats

from bayesrg.models.families.family import NESTED, Arrays, require_zero_mean
from bayesrg.prior import Prior

# Beyond this the gamma mixture is so narrow that differences of log gamma functions lose it: the count is Poisson.
NEARLY_POISSON = 1e8


@dataclass(frozen=True)
class NegativeBinomial:
    """A count: mean mu = exp(offset + alpha + eta), variance mu + (rate_cv mu)^2.

    Poisson counts whose rates vary between patients as a gamma distribution with coefficient of variation `rate_cv`.
    """

    alpha: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.0},
        "rates are relative to that of the whole cohort: an average patient's lies within a factor of 7 of it",
    )
    beta: Prior = Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "an sd of the predictor multiplies the rate by at most 7")
    gamma: Prior = Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "covariates are scaled as the predictor is")
    rate_cv: Prior = Prior(
        "HalfNormal", {"sigma": 1.0}, "from none (Poisson) to rates whose sd is twice their mean, as burdens have"
    )
    group_sd: Prior = Prior("HalfNormal", {"sigma": 0.5}, "rates in most groups differ by less than a factor of 7")
    name: ClassVar[str] = "negative_binomial"
    nominal: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    rope: ClassVar[float] = 0.1
    ratio: ClassVar[str] = "rate_ratio"

    def __post_init__(self) -> None:
        """Refuse a prior on slopes that cannot be compared with none."""
        require_zero_mean("beta", self.beta, NESTED)

    def own_dims(self, data: xr.Dataset) -> dict[str, tuple[str, ...]]:
        """Intercept and coefficient of variation of the rates."""
        return {"alpha": (), "rate_cv": ()}

    def add_priors(self, data: xr.Dataset) -> dict[str, Any]:
        """Intercept and coefficient of variation, in PyMC."""
        return {"alpha": self.alpha.in_pymc("alpha"), "rate_cv": self.rate_cv.in_pymc("rate_cv")}

    def log_density(self, value: Any, eta: Any, own: Mapping[str, Any]) -> Any:
        """Log probability of each row's count, in PyTensor."""
        import pymc as pm
        import pytensor.tensor as pt

        return pm.logp(pm.NegativeBinomial.dist(mu=pt.exp(own["alpha"] + eta), alpha=own["rate_cv"] ** -2.0), value)

    def draw_prior(self, data: xr.Dataset, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Intercepts and coefficients of variation from the prior."""
        return {"alpha": self.alpha.draw(rng, draws), "rate_cv": self.rate_cv.draw(rng, draws)}

    def log_prior(self, own: Arrays) -> dict[str, np.ndarray]:
        """Log prior densities of both."""
        return {name: getattr(self, name).log_density(own[name]) for name in ("alpha", "rate_cv")}

    def draw(self, eta: np.ndarray, own: Arrays, rng: np.random.Generator) -> np.ndarray:
        """Counts, as Poisson draws at gamma rates; rates are held below 1e15, beyond which no count is exact."""
        mean, shape = self.expected(eta, own), own["rate_cv"][..., None] ** -2.0
        rate = mean * rng.gamma(np.broadcast_to(shape, mean.shape)) / shape
        return rng.poisson(np.minimum(rate, 1e15)).astype(float)

    def log_likelihood(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Log probability of each row's count."""
        log_mean, shape = own["alpha"][..., None] + eta, own["rate_cv"][..., None] ** -2.0
        log_odds = log_mean - np.log(shape)
        log_density = (
            special.gammaln(value + shape)
            - special.gammaln(value + 1.0)
            - special.gammaln(shape)
            - shape * np.logaddexp(0.0, log_odds)
            + value * special.log_expit(log_odds)
        )
        poisson = stats.poisson.logpmf(value, np.exp(log_mean))
        return np.where(shape > NEARLY_POISSON, poisson, log_density)

    def cumulative(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Probability of less than each count, and of at most it."""
        mean, shape = self.expected(eta, own), own["rate_cv"][..., None] ** -2.0
        chance = shape / (shape + mean)
        return stats.nbinom.cdf(value - 1.0, shape, chance), stats.nbinom.cdf(value, shape, chance)

    def expected(self, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Expected count."""
        return np.exp(own["alpha"][..., None] + eta)
