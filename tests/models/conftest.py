"""What the tests of models share: scripts in models/, tables of measurement designs, and compiled models."""

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference import Sampler
from bayesrg.models import Association, Stability

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = {"subject": "subject", "session": "session", "scanner": "scanner", "preprocessing": "preprocessing"}


@pytest.fixture(scope="session")
def load_script() -> Callable[..., ModuleType]:
    """Load a script of a model's folder in models/ by its name."""

    def load(name: str, model: str = "stability") -> ModuleType:
        spec = spec_from_file_location(f"{model}_{name}", ROOT / "models" / model / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules.pop("plain", None)  # every model's folder has a plain.py, which its scripts import by that name
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="module")
def script(request: pytest.FixtureRequest, load_script: Callable[..., ModuleType]) -> ModuleType:
    """The script that made the reference of the model that a file of tests names as its ``MODEL``."""
    return load_script("make_reference", request.module.MODEL)


@pytest.fixture(scope="module")
def designs(request: pytest.FixtureRequest, load_script: Callable[..., ModuleType]) -> ModuleType:
    """The script that makes the full calibration of that model."""
    return load_script("make_calibration", request.module.MODEL)


@pytest.fixture(scope="session")
def distances() -> Callable[[xr.Dataset, pd.DataFrame], pd.Series]:
    """Distances of a posterior's means and sds from those of a reference, in Monte Carlo standard errors of both."""

    def as_series(dataset: xr.Dataset) -> pd.Series:
        return pd.Series({str(name): own.item() for name, own in dataset.data_vars.items()})

    def measure(found: xr.Dataset, expected: pd.DataFrame) -> pd.Series:
        moments = {"mean": found.mean(("chain", "draw")), "sd": found.std(("chain", "draw"), ddof=1)}
        error = {name: np.hypot(expected[f"mcse_{name}"], as_series(az.mcse(found, method=name))) for name in moments}
        return pd.concat(
            {name: ((as_series(own) - expected[name]) / error[name]).abs() for name, own in moments.items()}
        )

    return measure


@pytest.fixture(scope="session")
def plain(load_script: Callable[..., ModuleType]) -> ModuleType:
    return load_script("plain")


@pytest.fixture(scope="session")
def make_table() -> Callable[..., pd.DataFrame]:
    """Make a factorial table with standardised random values and, if asked for, rows missing at random."""

    def make(missing: float = 0.0, seed: int = 0, **sizes: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        table = pd.DataFrame(list(np.ndindex(*sizes.values())), columns=list(sizes))
        table = table.iloc[np.sort(rng.permutation(len(table))[round(missing * len(table)) :])].reset_index(drop=True)
        value = rng.standard_normal(len(table)) + rng.standard_normal(sizes["subject"])[table["subject"]]
        table["value"] = (value - value.mean()) / value.std(ddof=1)
        return table

    return make


@pytest.fixture(scope="session")
def prepare() -> Callable[..., xr.Dataset]:
    """Prepare a table whose columns are named as their roles."""

    def prepare(table: pd.DataFrame, model: Stability | None = None, **options: str) -> xr.Dataset:
        columns = {role: column for role, column in COLUMNS.items() if column in table}
        return (model or Stability()).prepare(table, features="value", **columns, **options)

    return prepare


@pytest.fixture(scope="session")
def draw_weighted() -> Callable[..., tuple[xr.Dataset, np.ndarray]]:
    """Draw parameters of an association from its prior, with the log likelihood of each: no sampler is needed."""

    def draw(model: Association, data: xr.Dataset, seed: int, draws: int) -> tuple[xr.Dataset, np.ndarray]:
        drawn = model.draw_prior(data, np.random.default_rng(seed), draws)["parameters"].to_dataset()
        parameters = drawn.expand_dims("chain").assign_coords(chain=[0], draw=np.arange(draws))
        return parameters, model.log_likelihood(parameters, data)["joint"].values.ravel()

    return draw


@pytest.fixture(scope="session")
def resample() -> Callable[..., xr.Dataset]:
    """Take independent posterior draws, in four chains, from weighted draws of the prior."""

    def take(parameters: xr.Dataset, log_likelihood: np.ndarray, seed: int, draws: int = 4000) -> xr.Dataset:
        weight = np.exp(log_likelihood - log_likelihood.max())
        chosen = np.random.default_rng(seed).choice(weight.size, draws, p=weight / weight.sum())
        flat = parameters.isel(chain=0, draw=chosen)
        parts = [flat.isel(draw=slice(k, None, 4)).assign_coords(draw=np.arange(draws // 4)) for k in range(4)]
        return xr.concat(parts, dim="chain").assign_coords(chain=np.arange(4))

    return take


@pytest.fixture(scope="session")
def balanced(make_table: Callable[..., pd.DataFrame], prepare: Callable[..., xr.Dataset]) -> xr.Dataset:
    return prepare(make_table(subject=8, session=2, scanner=2, preprocessing=2))


@pytest.fixture(scope="session")
def unbalanced(make_table: Callable[..., pd.DataFrame], prepare: Callable[..., xr.Dataset]) -> xr.Dataset:
    return prepare(make_table(missing=0.2, subject=8, session=2, scanner=2, preprocessing=2))


@pytest.fixture(scope="session")
def balanced_sampler(balanced: xr.Dataset) -> Sampler:
    """A compiled model for every balanced design with all seven components."""
    return Sampler(Stability(), balanced)


@pytest.fixture(scope="session")
def unbalanced_sampler(unbalanced: xr.Dataset) -> Sampler:
    """A compiled model for every unbalanced design with all seven components."""
    return Sampler(Stability(), unbalanced)
