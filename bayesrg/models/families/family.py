"""What a family of outcomes is: how an outcome is distributed given a linear predictor, in PyMC and in NumPy.

Both forms are written apart, so that each can be held against the other. In NumPy every array may have any leading
dims (draws, pairs of a feature and a gene), which broadcast: one call evaluates all of them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
import xarray as xr

from bayesrg.prior import Prior

Arrays = Mapping[str, np.ndarray]

# Why slopes have priors around zero.
NESTED = "no association is its centre, and Bayes factors are worked out for other scales of it"


class Family(Protocol):
    """A family: a frozen dataclass whose fields are its priors (and its options, if it has any).

    Attributes
    ----------
    name : as `Association` and the command line take it
    nominal : whether every category has a linear predictor of its own (they add up to zero)
    ordered : whether the outcome is one of ordered categories, so that `cumulative` means something
    rope : half-width of the region of practical equivalence, on the scale of beta
    ratio : the estimand that is exp(effect); empty where there is none
    """

    name: ClassVar[str]
    nominal: ClassVar[bool]
    ordered: ClassVar[bool]
    rope: ClassVar[float]
    ratio: ClassVar[str]

    @property
    def beta(self) -> Prior:
        """Prior on slopes of predictors."""
        ...

    @property
    def gamma(self) -> Prior:
        """Prior on slopes of covariates."""
        ...

    @property
    def group_sd(self) -> Prior:
        """Prior on the sd of a group's effects."""
        ...

    def own_dims(self, data: xr.Dataset) -> dict[str, tuple[str, ...]]:
        """The family's own parameters (beta, gamma and the groups' apart) with their dims."""
        ...

    def add_priors(self, data: xr.Dataset) -> dict[str, Any]:
        """Add the own parameters to the PyMC model in context; those that the density takes, as PyTensor variables."""
        ...

    def log_density(self, value: Any, eta: Any, own: Mapping[str, Any]) -> Any:
        """Log density of each row, as a PyTensor expression."""
        ...

    def draw_prior(self, data: xr.Dataset, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
        """Own parameters drawn from the prior with NumPy, each (draw, its dims)."""
        ...

    def log_prior(self, own: Arrays) -> dict[str, np.ndarray]:
        """Log density of each own parameter's prior as it is stated, shape (draw,)."""
        ...

    def draw(self, eta: np.ndarray, own: Arrays, rng: np.random.Generator) -> np.ndarray:
        """Outcomes, shape (..., patient)."""
        ...

    def log_likelihood(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Log density of each row, shape (..., patient)."""
        ...

    def cumulative(self, value: np.ndarray, eta: np.ndarray, own: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Probability of less than each value, and of at most it, each (..., patient); the same where continuous."""
        ...

    def expected(self, eta: np.ndarray, own: Arrays) -> np.ndarray:
        """Mean, or probability of the event (..., patient), or of each category (..., patient, category)."""
        ...


def tensor_functions() -> Any:
    """PyTensor's functions, imported when a model is built; their types say too little to be checked."""
    import pytensor.tensor

    return pytensor.tensor


def observe(family: Any, data: xr.Dataset, eta: Any, own: Mapping[str, Any]) -> None:
    """Add the observed outcomes to the PyMC model in context, each row's log density times its weight."""
    import pymc as pm

    names = list(own)
    dims = ["(n,k)" if family.nominal else "(n)", "(n)", *(_signature(name, own[name]) for name in names)]

    def logp(value: Any, eta: Any, weight: Any, *drawn: Any) -> Any:
        return (weight * family.log_density(value, eta, dict(zip(names, drawn, strict=True)))).sum()

    def random(eta: np.ndarray, _: Any, *drawn: np.ndarray, rng: np.random.Generator, size: Any) -> np.ndarray:
        return family.draw(eta, dict(zip(names, drawn, strict=True)), rng)

    pm.CustomDist(
        "value",
        eta,
        pm.Data("observed_weight", data["weight"].values),
        *own.values(),
        logp=logp,
        random=random,
        signature=f"{','.join(dims)}->(n)",
        observed=pm.Data("observed_value", data["value"].values),
    )


def _signature(name: str, variable: Any) -> str:
    """Core dims of a parameter, under letters that no other parameter has; `stretch` has a row for each patient."""
    if name == "stretch":
        return "(n,g)"
    return f"({','.join(f'{name}{number}' for number in range(variable.ndim))})"


def zero_sum_draw(prior: Prior, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Vectors along the last axis that add up to zero, the difference of any two entries distributed as the prior."""
    drawn = rng.standard_normal(shape) * prior.arguments["sigma"] / np.sqrt(2.0)
    return drawn - drawn.mean(axis=-1, keepdims=True)


def zero_sum_log_density(prior: Prior, value: np.ndarray) -> np.ndarray:
    """Log density of such vectors (last axis) within the plane in which they lie."""
    sigma = prior.arguments["sigma"] / np.sqrt(2.0)
    free = value.shape[-1] - 1
    return -0.5 * (value**2).sum(axis=-1) / sigma**2 - free * (np.log(sigma) + 0.5 * np.log(2.0 * np.pi))


def slopes(name: str, prior: Prior, dim: str, nominal: bool) -> Any:
    """Coefficients along `dim`, of each category (adding up to zero) where the outcome is nominal, in PyMC."""
    import pymc as pm

    if not nominal:
        return prior.in_pymc(name, dims=dim)
    sigma = prior.arguments["sigma"] / np.sqrt(2.0)
    return pm.ZeroSumNormal(name, sigma=sigma, dims=(dim, "category"), n_zerosum_axes=1)


def slopes_draw(prior: Prior, rng: np.random.Generator, shape: tuple[int, ...], nominal: bool) -> np.ndarray:
    """The same coefficients drawn with NumPy."""
    return zero_sum_draw(prior, rng, shape) if nominal else prior.draw(rng, shape)


def slopes_log_density(prior: Prior, value: np.ndarray, nominal: bool) -> np.ndarray:
    """Log density of such coefficients, without the category axis where there is one."""
    return zero_sum_log_density(prior, value) if nominal else prior.log_density(value)


def require_zero_mean(name: str, prior: Prior, why: str) -> None:
    """Refuse a prior that is not Normal with mean zero.

    Raises
    ------
    TypeError
        With the reason.
    """
    if prior.distribution != "Normal" or prior.arguments["mu"] != 0:
        raise TypeError(f"{name} needs a Normal prior with mean 0: {why}; got {prior}")
