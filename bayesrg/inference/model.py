"""What a model must be able to do, and what some models can do besides; no base class.

The four required methods are `prepare` (whose arguments differ by model), `build`, `simulate` and `estimands`.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr


@runtime_checkable
class Model(Protocol):
    """A generative model: a frozen dataclass of options and priors."""

    def build(self, data: xr.Dataset) -> Any:
        """The PyMC model, its data as `pm.Data`."""
        ...

    def simulate(
        self, design: xr.Dataset, rng: np.random.Generator, parameters: xr.Dataset | None = None
    ) -> xr.DataTree:
        """New data of the same design, made without `build`: groups `parameters` and `data`; None is a prior draw."""
        ...

    def estimands(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """The quantities that the field names, draw by draw; the values in `data` may have the draws' dims too."""
        ...


@runtime_checkable
class Recovers(Protocol):
    """A model that integrates effects out and draws them back exactly."""

    def recover(self, posterior: xr.Dataset, data: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Variables to add to the posterior."""
        ...


@runtime_checkable
class Predicts(Protocol):
    """A model that predicts data, new or replicated."""

    def predict(self, posterior: xr.Dataset, data: xr.Dataset, new: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Predictive draws at the rows of `new`."""
        ...


@runtime_checkable
class ScoresPoints(Protocol):
    """A model whose pointwise log-likelihood PyMC cannot give, because its effects are integrated out."""

    def log_likelihood(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Pointwise log-likelihood, and `joint` for the whole data set."""
        ...

    def log_prior(self, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
        """Log density of each prior as it is stated, by draw, for power-scaling sensitivity."""
        ...


@runtime_checkable
class DrawsPrior(Protocol):
    """A model that simulates many prior draws at once, for prior checks of thousands of draws in a moment."""

    def draw_prior(self, design: xr.Dataset, rng: np.random.Generator, draws: int) -> xr.DataTree:
        """Groups `parameters` and `data`, each along the dim draw."""
        ...


@runtime_checkable
class TargetsAcceptance(Protocol):
    """A model whose posterior needs smaller steps than most: NUTS adapts them to this mean acceptance."""

    target_accept: float


class Batch(Protocol):
    """Members (features) whose posteriors are sampled side by side; a point is a vector of numbers for a member."""

    @property
    def start(self) -> np.ndarray:
        """Where the search for each mode begins, shape (member, n)."""
        ...

    def log_density(
        self, point: np.ndarray, member: np.ndarray, gradient: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Log posterior density, and its gradient if asked for, of points (k, n) of the members (k,)."""
        ...

    def recover(self, point: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
        """The posterior's variables over feature, draw, … for points of shape (member, draw, n)."""
        ...


@runtime_checkable
class Batches(Protocol):
    """A model whose many features have independent posteriors of few dimensions, to be sampled in batches."""

    def batches(self, data: xr.Dataset, size: int) -> Sequence[Batch]:
        """All features in batches of at most `size`, each batch of one design."""
        ...

    def select(self, data: xr.Dataset, feature: str) -> xr.Dataset:
        """One feature, as the model is built for it."""
        ...

    def reduce(self, posterior: xr.Dataset) -> xr.Dataset:
        """What is kept of a single feature's posterior beside those of many others."""
        ...

    def recover(self, posterior: xr.Dataset, data: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        """Effects of one feature."""
        ...

    def build(self, data: xr.Dataset) -> Any:
        """The PyMC model of one feature."""
        ...
