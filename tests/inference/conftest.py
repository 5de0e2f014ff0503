"""What the tests of inference share: one small model, compiled once, and one fit of it."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference import Sampler, fit
from bayesrg.models import Stability


def make_data(seed: int) -> xr.Dataset:
    """Ten subjects on three scanners, twice each."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(list(np.ndindex(10, 3, 2)), columns=["subject", "scanner", "session"])
    table["value"] = (
        40.0
        + 5.0 * rng.standard_normal(10)[table["subject"]]
        + 2.0 * rng.standard_normal(3)[table["scanner"]]
        + 2.0 * rng.standard_normal(len(table))
    )
    return Stability().prepare(table, features="value", subject="subject", scanner="scanner", unit="HU")


@pytest.fixture(scope="session")
def data() -> xr.Dataset:
    return make_data(1)


@pytest.fixture(scope="session")
def other_data() -> xr.Dataset:
    return make_data(2)


@pytest.fixture(scope="session")
def sampler(data: xr.Dataset) -> Sampler:
    return Sampler(Stability(), data)


@pytest.fixture(scope="session")
def tree(data: xr.Dataset, sampler: Sampler) -> xr.DataTree:
    return fit(Stability(), data, seed=1, sampler=sampler, progress=False)
