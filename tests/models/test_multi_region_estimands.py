"""The second question of a model: are its estimands what they are said to be? By closed forms, brute force and simulation."""

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from bayesrg.models import MultiRegion
from bayesrg.models.multi_region_estimands import MEANING
from bayesrg.models.regions.correlation import length_scale_prior, reach
from bayesrg.models.regions.effects import draw_correlations
from bayesrg.models.regions.neighbourhood import scaled_icar
from bayesrg.simulation.regions import neighbours_of, simulate_regions

FEATURES, GENES = ["f1", "f2"], ["TP53", "EGFR"]
DRAWS = 6
MODELS = {
    "matern32": MultiRegion("matern32"),
    "matern52": MultiRegion("matern52", "correlated", contextual=False),
    "graph": MultiRegion("graph", contextual=False),
    "exchangeable": MultiRegion("exchangeable"),
}


@cache
def make_table() -> pd.DataFrame:
    """Nine tumours of one to five regions."""
    kinds = {"TP53": "mutation", "EGFR": "log2_ratio"}
    table = simulate_regions(9, (1, 5), genes=kinds, seed=21, tumors_per_patient=(1, 2))
    rng = np.random.default_rng(22)
    return table.assign(
        **{name: rng.normal(50.0, 7.0, len(table)) for name in FEATURES},
        batch=rng.permutation(np.arange(len(table)) % 3),
    )


@cache
def prepare(name: str) -> xr.Dataset:
    options: dict[str, Any] = {"neighbours": neighbours_of(make_table(), 2)} if name == "graph" else {}
    if name == "matern32":
        options = {"patient": "patient", "formula": "purity", "batch": "batch"}
    return MODELS[name].prepare(make_table(), features=FEATURES, genes=GENES, coordinates=["x", "y", "z"], **options)


@cache
def draw(name: str) -> tuple[xr.Dataset, xr.Dataset]:
    """A posterior (of draws from the prior) and its estimands."""
    drawn = MODELS[name].draw_prior(prepare(name), np.random.default_rng(23), DRAWS)["parameters"].to_dataset()
    posterior = drawn.expand_dims("chain").assign_coords(chain=[0], draw=np.arange(DRAWS))
    return posterior, MODELS[name].estimands(posterior, prepare(name))


@pytest.fixture(params=list(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    """Every model in turn."""
    return request.param


@pytest.fixture(scope="module")
def plain_model(load_script: Callable[..., ModuleType]) -> ModuleType:
    """The plain model."""
    return load_script("plain", "multi_region")


def correlation_of(plain_model: ModuleType, name: str, place: int, draw_number: int) -> np.ndarray:
    """M_a (0) or M_B (1) of a draw by the plain model, (region, region)."""
    data, model = prepare(name), MODELS[name]
    own = draw(name)[0].isel(chain=0, draw=draw_number)
    at = {key: own[key].values for key in ("length_scale", "mixing") if key in own}
    position, tumor = data["position"].values, data["tumor_index"].values
    adjacency = None
    if model.spatial == "graph":
        adjacency = np.zeros((len(tumor), len(tumor)))
        where = {label: number for number, label in enumerate(data["region"].values)}
        for pair in neighbours_of(make_table(), 2).itertuples():
            adjacency[where[f"{pair.tumor}:{pair.region}"], where[f"{pair.tumor}:{pair.neighbour}"]] = 1.0
    distance = np.linalg.norm(position[:, None] - position, axis=2)
    return plain_model.correlations_at(at, model.spatial, tumor, distance, adjacency)[place]


def expected_variance(covariance: np.ndarray, tumor: np.ndarray) -> float:
    """Expected sample variance (n - 1) among a tumour's regions, averaged over tumours with two or more."""
    found = []
    for number in np.unique(tumor):
        own = covariance[np.ix_(tumor == number, tumor == number)]
        if len(own) > 1:
            found.append((np.trace(own) - own.sum() / len(own)) / (len(own) - 1))
    return float(np.mean(found))


def test_variance_within_is_the_expected_variance_among_a_tumours_regions(plain_model: ModuleType, name: str):
    posterior, found = draw(name)
    tumor = prepare(name)["tumor_index"].values
    for number in range(DRAWS):
        own = found.isel(chain=0, draw=number)
        space_sd, tumor_sd = (
            np.broadcast_to(posterior[key].isel(chain=0, draw=number).values, (2, 2))
            for key in ("space_sd", "tumor_sd")
        )
        inner = expected_variance(correlation_of(plain_model, name, 1, number), tumor)
        np.testing.assert_allclose(own["variance_within"], space_sd**2 * inner, rtol=1e-9)
        total = own["variance_within"] + own["variance_between"]
        np.testing.assert_allclose(own["local_share"], own["variance_within"] / total, rtol=1e-12)
        np.testing.assert_allclose(total, tumor_sd**2 + space_sd**2, rtol=1e-9)
