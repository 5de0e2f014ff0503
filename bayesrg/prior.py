"""Priors that say what they are and why: one object for PyMC, for NumPy simulation and for the report.

A prior is a distribution, its arguments (PyMC's names) and a reason. It draws with NumPy and evaluates its density
with SciPy, so that simulation and prior sensitivity do not depend on the code that samples the posterior.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import gammaln


class _SymmetricDirichlet:
    """Dirichlet of as many equal parts as the last axis asks for, their concentrations adding up to `total`."""

    def __init__(self, total: float) -> None:
        self.total = total

    def rvs(self, size: tuple[int, ...], random_state: np.random.Generator) -> np.ndarray:
        parts = random_state.standard_gamma(self.total / size[-1], size)
        return parts / parts.sum(axis=-1, keepdims=True)

    def logpdf(self, value: np.ndarray) -> np.ndarray:
        n = value.shape[-1]
        each = self.total / n
        return gammaln(self.total) - n * gammaln(each) + ((each - 1.0) * np.log(value)).sum(axis=-1)


# Distribution of a positive quantity -> its log density and the slope of that in the logarithm of the quantity, both as
# functions of that logarithm and of the arguments: exact where the quantity itself underflows.
IN_LOGARITHMS: Mapping[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = MappingProxyType(
    {
        "HalfNormal": lambda log, sigma: _power(
            log, 0.0, -0.5 / sigma**2, 2.0, 0.5 * np.log(2.0 / np.pi) - np.log(sigma)
        ),
        "LogNormal": lambda log, mu, sigma: (
            -log - 0.5 * ((log - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2.0 * np.pi)),
            -1.0 - (log - mu) / sigma**2,
        ),
        "Gamma": lambda log, alpha, beta: _power(log, alpha - 1.0, -beta, 1.0, alpha * np.log(beta) - gammaln(alpha)),
        "InverseGamma": lambda log, alpha, beta: _power(
            log, -alpha - 1.0, -beta, -1.0, alpha * np.log(beta) - gammaln(alpha)
        ),
        "Exponential": lambda log, lam: _power(log, 0.0, -lam, 1.0, np.log(lam)),
    }
)


def _power(
    log: np.ndarray, linear: float, factor: float, power: float, constant: float
) -> tuple[np.ndarray, np.ndarray]:
    """Value and slope in `log` of constant + linear * log + factor * exp(power * log)."""
    with np.errstate(over="ignore"):  # infinitely improbable, which the density -inf says
        term = factor * np.exp(power * log)
    return constant + linear * log + term, linear + power * term


# Distribution -> (argument names in PyMC's order, the same distribution in SciPy).
DISTRIBUTIONS: Mapping[str, tuple[tuple[str, ...], Any]] = MappingProxyType(
    {
        "Normal": (("mu", "sigma"), lambda mu, sigma: stats.norm(mu, sigma)),
        "HalfNormal": (("sigma",), lambda sigma: stats.halfnorm(0, sigma)),
        "LogNormal": (("mu", "sigma"), lambda mu, sigma: stats.lognorm(sigma, 0, np.exp(mu))),
        "Beta": (("alpha", "beta"), stats.beta),
        "Gamma": (("alpha", "beta"), lambda alpha, beta: stats.gamma(alpha, 0, 1 / np.asarray(beta))),
        "InverseGamma": (("alpha", "beta"), lambda alpha, beta: stats.invgamma(alpha, 0, beta)),
        "Exponential": (("lam",), lambda lam: stats.expon(0, 1 / np.asarray(lam))),
        "Dirichlet": (("total",), _SymmetricDirichlet),
        "StudentT": (("nu", "mu", "sigma"), stats.t),
    }
)


@dataclass(frozen=True)
class Prior:
    """A prior distribution with its reason.

    Parameters
    ----------
    distribution : one of `DISTRIBUTIONS`
    arguments : mapping of PyMC's argument names to numbers; every argument must be given. A Dirichlet is symmetric, of
        as many parts as its place needs, and takes the `total` of their concentrations
    why : the reason, as it will stand in the report

    Raises
    ------
    TypeError
        For an unknown distribution or argument, or a missing one.
    """

    distribution: str
    arguments: Mapping[str, float] = field(hash=False)
    why: str

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise TypeError(f"unknown prior distribution {self.distribution!r}; known are {', '.join(DISTRIBUTIONS)}")
        names = DISTRIBUTIONS[self.distribution][0]
        if set(self.arguments) != set(names):
            raise TypeError(f"{self.distribution} takes the arguments {names}, got {tuple(self.arguments)}")
        for name, value in self.arguments.items():
            if not np.isfinite(value) or (name != "mu" and value <= 0):
                raise TypeError(
                    f"{self.distribution}: {name} must be finite{'' if name == 'mu' else ' and positive'}, got {value}"
                )
        object.__setattr__(self, "arguments", MappingProxyType(dict(self.arguments)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Prior, (self.distribution, dict(self.arguments), self.why)  # a read-only mapping does not pickle

    def __str__(self) -> str:
        return f"{self.distribution}({', '.join(f'{name}={value:g}' for name, value in self.arguments.items())})"

    def in_pymc(self, name: str, **where: Any) -> Any:
        """Add the prior to the PyMC model in context, under `name`; `where` takes PyMC's ``dims`` or ``shape``."""
        import pymc as pm

        return getattr(pm, self.distribution)(name, **self.arguments, **where)

    def of_pymc(self, value: Any) -> Any:
        """Log density of a PyTensor expression."""
        import pymc as pm

        return pm.logp(getattr(pm, self.distribution).dist(**self.arguments), value)

    def draw(self, rng: np.random.Generator, size: int | tuple[int, ...] | None = None) -> Any:
        """Independent draws with NumPy, of the given size (a Dirichlet has its parts along the last axis)."""
        return self._in_scipy.rvs(size=size, random_state=rng)

    def log_density(self, value: Any) -> Any:
        """Log density, elementwise (over the last axis for a Dirichlet)."""
        return self._in_scipy.logpdf(value)

    def log_density_of_logarithm(self, log_value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log density at ``exp(log_value)``, elementwise, and its slope in `log_value`, with NumPy alone.

        For densities that are evaluated millions of times, of quantities that may underflow. It is the density of the
        value, not of its logarithm.

        Raises
        ------
        TypeError
            For a distribution that is not one of a positive quantity.
        """
        if self.distribution not in IN_LOGARITHMS:
            raise TypeError(f"{self} has no logarithm: it must be one of {', '.join(IN_LOGARITHMS)}")
        return IN_LOGARITHMS[self.distribution](log_value, **self.arguments)

    def to_dict(self) -> dict[str, Any]:
        """The prior as JSON can hold it."""
        return {"distribution": self.distribution, "arguments": dict(self.arguments), "why": self.why}

    # SciPy takes milliseconds to freeze a distribution, and densities are asked for thousands of times.
    @cached_property
    def _in_scipy(self) -> Any:
        names, build = DISTRIBUTIONS[self.distribution]
        return build(*(self.arguments[name] for name in names))
