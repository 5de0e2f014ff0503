"""An outcome that is one of several kinds, such as a tumour's subtype: softmax regression."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from scipy.special import log_softmax, softmax

from bayesrg.models.families.family import Arrays, require_zero_mean, zero_sum_draw, zero_sum_log_density
from bayesrg.prior import Prior


@dataclass(frozen=True)
class Categorical:
    """One of several kinds: value ~ softmax(alpha_k + eta_k), where all coefficients add up to zero over the kinds.

    Each prior is that of the log odds between any two kinds, so that no kind has a place of its own and two kinds are
    as `Bernoulli` has them.
    """

    alpha: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 5.0},
        "log odds between any two kinds in an average patient: 1 in 1,000 lies within 1.4 sds of even",
    )
    beta: Prior = Prior(
        "Normal",
        {"mu": 0.0, "sigma": 2.5},
        "an sd of the predictor multiplies the odds between any two kinds by less than 134 (95 %)",
    )
    gamma: Prior = Prior("Normal", {"mu": 0.0, "sigma": 2.5}, "covariates are scaled as the predictor is")
    group_sd: Prior = Prior(
        "HalfNormal", {"sigma": 1.0}, "odds between two kinds differ by less than a factor of 50 in most groups"
    )
    name: ClassVar[str] = "categorical"
    nominal: ClassVar[bool] = True
    ordered: ClassVar[bool] = False
    rope: ClassVar[float] = 0.18
    ratio: ClassVar[str] = "odds_ratio"

    def __post_init__(self) -> None:
        """Refuse priors that kinds which add up to zero cannot have."""
        for name in ("alpha", "beta", "gamma"):
            require_zero_mean(name, getattr(self, name), "coefficients add up to zero over the categories")

    def own_dims(self, data: xr.Dataset) -> dict[str, tuple[str, ...]]:
        """Intercepts of the kinds."""
        return {"alpha": ("category",)}

    def add_priors(self, data: xr.Dataset) -> dict[str, Any]:
        """Intercepts of the kinds, in PyMC."""
        import pymc as pm

        sigma = self.alpha.arguments["sigma"] / np.sqrt(2.0)
        return {"alpha": pm.ZeroSumNormal("alpha", sigma=sigma, dims="category")}

    def log_density(self, value: Any, eta: Any, own: Mapping[str, Any]) -> Any:
        """Log probability of each row's kind, in PyTensor."""
        import pytensor.tensor as pt
        from pytensor.tensor.special import log_softmax

        chances: Any = log_softmax(own["alpha"] + eta, axis=-1)
        return chances[pt.arange(value.shape[0]), value.astype(int)]

    def draw_prior(self, data: xr.Dataset, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Intercepts from the prior."""
        return {"alpha": zero_sum_draw(self.alpha, rng, (draws, data.sizes["category"]))}

    def log_prior(self, own: Arrays) -> dict[str, np.ndarray]:
        """Log prior density of the intercepts."""
        return {"alpha": zero_sum_log_density(self.alpha, own["alpha"])}

    def draw(self, eta: np.ndarray, own: Arrays, rng: np.random.Generator) -> np.ndarray:
        """Numbers of kinds, by the largest of log probabilities with Gumbel noise."""
        chances = own["alpha"][..., None, :] + eta
        return (chances + rng.gumbel(size=chances.shape)).argmax(axis=-1).astype(float)

    def log_likelihood(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Log probability of each row's kind."""
        chances = log_softmax(own["alpha"][..., None, :] + eta, axis=-1)
        rows = np.broadcast_shapes(value.shape, chances.shape[:-1])
        chances, places = np.broadcast_to(chances, (*rows, chances.shape[-1])), np.broadcast_to(value.astype(int), rows)
        return np.take_along_axis(chances, places[..., None], axis=-1)[..., 0]

    def cumulative(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Kinds have no order.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError("kinds of an outcome have no order, so there is no probability of at most one of them")

    def expected(self, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Probability of each kind, shape (..., patient, category)."""
        return softmax(own["alpha"][..., None, :] + eta, axis=-1)
