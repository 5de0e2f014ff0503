"""Radiogenomic heterogeneity is found where it is, and not where an image is smooth or noisy by itself."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference.fitting import Sampler
from bayesrg.models import MultiRegion
from bayesrg.simulation import simulate_regions

MODEL = MultiRegion(contextual=False)
Probability = Callable[[xr.Dataset, int], pd.Series]


@pytest.fixture(scope="module")
def design() -> xr.Dataset:
    table = simulate_regions(24, 6, genes={"EGFR": "expression"}, seed=3)
    table["feature"] = np.random.default_rng(1).standard_normal(len(table))
    return MODEL.prepare(table, features=["feature"], genes=["EGFR"], coordinates=["x", "y", "z"])


@pytest.fixture(scope="module")
def asked(design: xr.Dataset) -> Probability:
    """The probabilities of what the only link of a data set may be."""
    sampler = Sampler(MODEL, design)

    def ask(data: xr.Dataset, seed: int) -> pd.Series:
        posterior, statistics = sampler.sample(MODEL, data, seed=seed, draws=250, tune=350, chains=4)
        assert int(statistics["diverging"].sum()) == 0
        recovered = MODEL.recover_local(posterior, data, np.random.default_rng(seed), local=False)
        estimands = MODEL.estimands(posterior.merge(recovered), data)
        names = ["heterogeneity_above", "universal", "local", "above_zero"]
        return pd.Series({name: float(estimands[name].mean()) for name in names})

    return ask


def simulate(design: xr.Dataset, seed: int, *, tumor_sd: float, space_sd: float) -> xr.Dataset:
    """An image that is smooth in space by itself (half of what genes leave of its variance), and a link of 0.5."""
    own = MODEL.draw_prior(design, np.random.default_rng(0), 1)["parameters"].to_dataset().isel(draw=0)
    own["total_sd"][...], own["length_scale"][...] = 0.9, 12.0
    own["share"][...] = [0.2, 0.5, 0.3]
    own["mu"][...], own["B_0"][...] = 0.0, 0.5
    own["tumor_sd"][...], own["space_sd"][...] = tumor_sd, space_sd
    own = own.drop_vars([name for name in own if str(name).startswith("B_variance")])
    return MODEL.simulate(design, np.random.default_rng(seed), own)["data"].to_dataset()


def make_noisy(design: xr.Dataset, seed: int) -> xr.Dataset:
    """A constant link in regions of which one in four is measured three times as badly."""
    data = simulate(design, seed, tumor_sd=0.0, space_sd=0.0)
    rng = np.random.default_rng(seed + 1000)
    worse = rng.random(data["value"].shape) < 0.25
    return data.assign(value=data["value"] + np.where(worse, 1.4, 0.0) * rng.standard_normal(data["value"].shape))


def test_smooth_image_is_no_heterogeneity_of_links(design: xr.Dataset, asked: Probability):
    found = asked(simulate(design, 1, tumor_sd=0.0, space_sd=0.0), 1)
    assert found["heterogeneity_above"] < 0.5
    assert found["local"] < 0.5
    assert found["above_zero"] > 0.99


def test_link_that_varies_in_space_is_found(design: xr.Dataset, asked: Probability):
    found = asked(simulate(design, 1, tumor_sd=0.2, space_sd=0.8), 1)
    assert found["heterogeneity_above"] > 0.95
    assert found["local"] > 0.9


@pytest.mark.slow
def test_false_alarms_and_power_over_many_data_sets(design: xr.Dataset, asked: Probability):
    seeds = range(10, 40)
    null = pd.DataFrame([asked(simulate(design, seed, tumor_sd=0.0, space_sd=0.0), seed) for seed in seeds])
    noisy = pd.DataFrame([asked(make_noisy(design, seed), seed) for seed in seeds])
    power = pd.DataFrame([asked(simulate(design, seed, tumor_sd=0.2, space_sd=0.8), seed) for seed in seeds])
    shares = {
        name: (table["heterogeneity_above"] > 0.95).mean()
        for name, table in (("null", null), ("noisy", noisy), ("power", power))
    }
    print(shares, {"local": [(table["local"] > 0.95).mean() for table in (null, noisy, power)]})
    assert shares["null"] <= 0.1
    assert shares["noisy"] <= 0.2
    assert shares["power"] >= 0.8
