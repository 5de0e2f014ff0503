"""A binary outcome, such as a mutation: logistic regression."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from scipy.special import expit, log_expit

from bayesrg.models.families.family import NESTED, Arrays, require_zero_mean
from bayesrg.prior import Prior


@dataclass(frozen=True)
class Bernoulli:
    """A binary outcome: logit P(value = 1) = alpha + eta."""

    alpha: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 5.0},
        "predictors are centred, so this is the log odds of an average patient: 1 in 1,000 lies within 1.4 sds of even",
    )
    beta: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 2.5},
        "an sd, or the step of a two-valued predictor, multiplies the odds by less than 134 (95 %), also where the "
        "predictor separates the outcomes and the likelihood has no maximum",
    )
    gamma: Prior = Prior("Normal", {"mu": 0.0, "sigma": 2.5}, "covariates are scaled as the predictor is")
    group_sd: Prior = Prior("HalfNormal", {"sigma": 1.0}, "odds in most groups differ by less than a factor of 50")
    name: ClassVar[str] = "bernoulli"
    nominal: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    rope: ClassVar[float] = 0.18
    ratio: ClassVar[str] = "odds_ratio"

    def __post_init__(self) -> None:
        """Refuse a prior on slopes that cannot be compared with none."""
        require_zero_mean("beta", self.beta, NESTED)

    def own_dims(self, data: xr.Dataset) -> dict[str, tuple[str, ...]]:
        """The intercept."""
        return {"alpha": ()}

    def add_priors(self, data: xr.Dataset) -> dict[str, Any]:
        """The intercept, in PyMC."""
        return {"alpha": self.alpha.in_pymc("alpha")}

    def log_density(self, value: Any, eta: Any, own: Mapping[str, Any]) -> Any:
        """Log probability of each row's outcome, in PyTensor."""
        import pymc as pm

        return pm.logp(pm.Bernoulli.dist(logit_p=own["alpha"] + eta), value)

    def draw_prior(self, data: xr.Dataset, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Intercepts from the prior."""
        return {"alpha": self.alpha.draw(rng, draws)}

    def log_prior(self, own: Arrays) -> dict[str, np.ndarray]:
        """Log prior density of the intercept."""
        return {"alpha": self.alpha.log_density(own["alpha"])}

    def draw(self, eta: np.ndarray, own: Arrays, rng: np.random.Generator) -> np.ndarray:
        """Zeros and ones."""
        chance = self.expected(eta, own)
        return (rng.random(chance.shape) < chance).astype(float)

    def log_likelihood(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Log probability of each row's outcome."""
        return log_expit((2.0 * value - 1.0) * (own["alpha"][..., None] + eta))

    def cumulative(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Probability of less than each value, and of at most it."""
        none = 1.0 - self.expected(eta, own)
        return np.where(value > 0, none, 0.0), np.where(value > 0, 1.0, none)

    def expected(self, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Probability of the event."""
        return expit(own["alpha"][..., None] + eta)
