"""A fit as its report reads it: draws, rounded estimates, the verdict, and labels that may be shown."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.inference.diagnosis import Diagnosis, diagnose
from bayesrg.inference.fitting import data_of
from bayesrg.inference.provenance import read_json
from bayesrg.inference.summarising import summary
from bayesrg.reporting.rounding import fineness, interval, probability, rounded

CI_PROB = 0.95
# A reader expects ICCs with two decimals, however many draws there are; near one, what is missing to it.
ICC_FINEST = 0.01


@dataclass(frozen=True)
class Estimate:
    """Posterior mean and equal-tailed interval of one quantity, and how finely it is worth printing."""

    mean: float
    lower: float
    upper: float
    resolution: float
    unit: str

    @property
    def value(self) -> str:
        """The mean, rounded, with its unit."""
        return self.bare + self.suffix

    @property
    def bare(self) -> str:
        """The mean without its unit."""
        return rounded(self.mean, self.resolution)

    @property
    def bounds(self) -> str:
        """The interval without its unit."""
        return interval(self.lower, self.upper, self.resolution)

    @property
    def suffix(self) -> str:
        """The unit after a space; nothing for pure numbers."""
        return "" if self.unit in ("", "1") else f" {self.unit}"

    def __str__(self) -> str:
        return f"{self.value} (95\u00a0% interval {self.bounds})"


def resolution(name: str, mean: float, mcse: float, sd: float) -> float:
    """How finely an estimand's mean and bounds are worth printing."""
    finest = fineness(mcse, sd)
    return max(finest, min(ICC_FINEST, (1.0 - mean) / 5.0)) if name == "icc" else finest


@dataclass(frozen=True)
class Fitted:
    """A fit with its model.

    Parameters
    ----------
    tree : DataTree of `bayesrg.fit`
    model : the model it was made with
    hidden : dims whose labels identify persons and must not be shown
    """

    tree: xr.DataTree
    model: Any
    hidden: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def data(self) -> xr.Dataset:
        """The data that were fitted."""
        return data_of(self.tree)

    @cached_property
    def estimands(self) -> xr.Dataset:
        """Estimands by draw."""
        return self.tree["estimands"].to_dataset()

    @cached_property
    def absent(self) -> dict[str, str]:
        """Estimands that the fit does not have, with the reason."""
        return read_json(self.estimands.attrs, "absent")

    @cached_property
    def sampler(self) -> dict[str, Any]:
        """Method and settings of the sampler."""
        return read_json(self.tree["provenance"].attrs, "sampler")

    @cached_property
    def versions(self) -> dict[str, str]:
        """Versions of the software that made the fit."""
        return read_json(self.tree["provenance"].attrs, "versions")

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """The verdict, with hidden labels replaced by level numbers."""
        checks = self._diagnosis.checks
        return Diagnosis(tuple(replace(check, where=self._anonymous(check.where)) for check in checks))

    @cached_property
    def _diagnosis(self) -> Diagnosis:
        """The verdict with the labels that it has; of a large fit it takes a while."""
        return diagnose(self.tree)

    @property
    def verdict(self) -> str:
        """The verdict as a page prints it."""
        verdict = self.diagnosis.verdict.replace(">=", "≥").replace("<=", "≤")
        return verdict[0].upper() + verdict[1:]

    @property
    def failed(self) -> bool:
        """Whether the fit did not pass its diagnostics."""
        return not self.diagnosis.passed

    @property
    def mark(self) -> str:
        """What stands before every title of a fit that failed; empty for one that passed."""
        return "NOT CONVERGED: " if self.failed else ""

    @cached_property
    def summary(self) -> pd.DataFrame:
        """All estimands, as `bayesrg.summary` gives them, with hidden labels replaced in the verdict."""
        table = summary(self.tree, ci_prob=CI_PROB, diagnosis=self._diagnosis)
        return table.assign(verdict=self.diagnosis.verdict)

    @property
    def n_draws(self) -> int:
        """Draws of all chains."""
        return self.estimands.sizes["chain"] * self.estimands.sizes["draw"]

    def estimate(self, name: str, *labels: object) -> Estimate:
        """The estimate of an estimand; `labels` select one of its levels."""
        key = f"{name}[{', '.join(map(str, labels))}]" if labels else name
        found = self.summary.loc[key]
        finest = resolution(name.partition("[")[0], found["mean"], found["mcse_mean"], found["sd"])
        return Estimate(found["mean"], found["lower"], found["upper"], finest, str(found["unit"]))

    def probability(self, name: str, **where: object) -> str:
        """The share of draws in which a true-or-false estimand is true, as text."""
        drawn = self.estimands[name].sel(where)
        return probability(float(drawn.mean()), drawn.size)

    def prior(self, name: str, **where: object) -> np.ndarray:
        """Prior draws of an estimand, flat."""
        return self.tree["prior_estimands"].to_dataset()[name].sel(where).values.ravel()

    def posterior(self, name: str, **where: object) -> np.ndarray:
        """Posterior draws of an estimand, flat."""
        return self.estimands[name].sel(where).values.ravel()

    def _anonymous(self, where: str) -> str:
        """A place such as ``alpha[Smith]`` without the name of the level, where that dim is hidden."""
        name, bracket, inside = where.partition("[")
        posterior = self.tree["posterior"].to_dataset()
        if not bracket or name not in posterior or not self.hidden & set(posterior[name].dims):
            return where
        dims = [str(dim) for dim in posterior[name].dims if dim not in ("chain", "draw")]
        if len(dims) > 1:
            return f"{name}[level not shown]"
        levels = [str(label) for label in posterior[dims[0]].values]
        return f"{name}[level {levels.index(inside.removesuffix(']')) + 1} of {len(levels)}]"
