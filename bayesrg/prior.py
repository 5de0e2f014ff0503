"""Priors that say what they are and why: one object for PyMC, for NumPy simulation and for the report.

A prior is a distribution, its arguments (PyMC's names) and a reason. It draws with NumPy and evaluates its density
with SciPy, so that simulation and prior sensitivity do not depend on the code that samples the posterior.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
        return self._in_scipy().rvs(size=size, random_state=rng)

    def log_density(self, value: Any) -> Any:
        """Log density, elementwise (over the last axis for a Dirichlet)."""
        return self._in_scipy().logpdf(value)

    def to_dict(self) -> dict[str, Any]:
        """The prior as JSON can hold it."""
        return {"distribution": self.distribution, "arguments": dict(self.arguments), "why": self.why}

    def _in_scipy(self) -> Any:
        names, build = DISTRIBUTIONS[self.distribution]
        return build(*(self.arguments[name] for name in names))
