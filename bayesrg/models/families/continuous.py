"""Continuous outcomes: normal errors, and errors with heavy tails."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from scipy import stats

from bayesrg.models.families.family import NESTED, Arrays, require_zero_mean
from bayesrg.prior import Prior

ALPHA = Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "the outcome is centred, and so are the predictors")
BETA = Prior(
    "Normal",
    {"mu": 0.0, "sigma": 1.0},
    "outcome and predictor have sd 1, so a slope of 1 explains all of the outcome's variance",
)
GAMMA = Prior("Normal", {"mu": 0.0, "sigma": 1.0}, "covariates are scaled as the predictor is")
SIGMA = Prior("HalfNormal", {"sigma": 1.0}, "the outcome has sd 1, and the residual sd is hardly larger")
GROUP_SD = Prior("HalfNormal", {"sigma": 0.5}, "groups seldom differ by more than the outcome's own sd")


@dataclass(frozen=True)
class Gaussian:
    """A continuous outcome with normal errors: value ~ Normal(alpha + eta, sigma)."""

    alpha: Prior = ALPHA
    beta: Prior = BETA
    gamma: Prior = GAMMA
    sigma: Prior = SIGMA
    group_sd: Prior = GROUP_SD
    name: ClassVar[str] = "gaussian"
    nominal: ClassVar[bool] = False
    ordered: ClassVar[bool] = False
    rope: ClassVar[float] = 0.1
    ratio: ClassVar[str] = ""

    def __post_init__(self) -> None:
        """Refuse a prior on slopes that cannot be compared with none."""
        require_zero_mean("beta", self.beta, NESTED)

    def own_dims(self, data: xr.Dataset) -> dict[str, tuple[str, ...]]:
        """Intercept and residual sd."""
        return {"alpha": (), "sigma": ()}

    def add_priors(self, data: xr.Dataset) -> dict[str, Any]:
        """Intercept and residual sd, in PyMC."""
        return {"alpha": self.alpha.in_pymc("alpha"), "sigma": self.sigma.in_pymc("sigma")}

    def log_density(self, value: Any, eta: Any, own: Mapping[str, Any]) -> Any:
        """Normal log density of each row, in PyTensor."""
        import pymc as pm

        return pm.logp(pm.Normal.dist(own["alpha"] + eta, own["sigma"]), value)

    def draw_prior(self, data: xr.Dataset, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Intercepts and residual sds from the prior."""
        return {"alpha": self.alpha.draw(rng, draws), "sigma": self.sigma.draw(rng, draws)}

    def log_prior(self, own: Arrays) -> dict[str, np.ndarray]:
        """Log prior densities of both."""
        return {name: getattr(self, name).log_density(own[name]) for name in ("alpha", "sigma")}

    def draw(self, eta: np.ndarray, own: Arrays, rng: np.random.Generator) -> np.ndarray:
        """Normal outcomes."""
        mean, _, sigma = self._place(eta, own)
        return mean + sigma * rng.standard_normal(mean.shape)

    def log_likelihood(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Normal log density of each row."""
        mean, _, sigma = self._place(eta, own)
        return stats.norm.logpdf(value, mean, sigma)

    def cumulative(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Normal distribution function, twice: no value has a probability of its own."""
        mean, _, sigma = self._place(eta, own)
        below = stats.norm.cdf(value, mean, sigma)
        return below, below

    def expected(self, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """The mean on the model's scale."""
        return self._place(eta, own)[0]

    @staticmethod
    def _place(eta: np.ndarray, own: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean (..., patient), and the others with an axis for the patients."""
        return own["alpha"][..., None] + eta, own.get("nu", own["sigma"])[..., None], own["sigma"][..., None]


@dataclass(frozen=True)
class StudentT(Gaussian):
    """A continuous outcome with outliers: value ~ StudentT(nu, alpha + eta, sigma)."""

    nu: Prior = Prior(
        "Gamma",
        {"alpha": 2.0, "beta": 0.1},
        "from nearly Cauchy to nearly normal errors, with mode 10 (Juárez and Steel 2010)",
    )
    name: ClassVar[str] = "student_t"

    def own_dims(self, data: xr.Dataset) -> dict[str, tuple[str, ...]]:
        """Intercept, scale and degrees of freedom."""
        return {**super().own_dims(data), "nu": ()}

    def add_priors(self, data: xr.Dataset) -> dict[str, Any]:
        """Intercept, scale and degrees of freedom, in PyMC."""
        return {**super().add_priors(data), "nu": self.nu.in_pymc("nu")}

    def log_density(self, value: Any, eta: Any, own: Mapping[str, Any]) -> Any:
        """Student's log density of each row, in PyTensor."""
        import pymc as pm

        return pm.logp(pm.StudentT.dist(nu=own["nu"], mu=own["alpha"] + eta, sigma=own["sigma"]), value)

    def draw_prior(self, data: xr.Dataset, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Intercepts, scales and degrees of freedom from the prior."""
        return {**super().draw_prior(data, rng, draws), "nu": self.nu.draw(rng, draws)}

    def log_prior(self, own: Arrays) -> dict[str, np.ndarray]:
        """Log prior densities of all three."""
        return {**super().log_prior(own), "nu": self.nu.log_density(own["nu"])}

    def draw(self, eta: np.ndarray, own: Arrays, rng: np.random.Generator) -> np.ndarray:
        """Outcomes with heavy tails."""
        middle, nu, sigma = self._place(eta, own)
        return middle + sigma * rng.standard_t(np.broadcast_to(nu, middle.shape))

    def log_likelihood(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Student's log density of each row."""
        middle, nu, sigma = self._place(eta, own)
        return stats.t.logpdf(value, nu, middle, sigma)

    def cumulative(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Student's distribution function, twice."""
        middle, nu, sigma = self._place(eta, own)
        below = stats.t.cdf(value, nu, middle, sigma)
        return below, below
