"""Whether a multi-region model, its data and parameters belong together: what is put in order, and what is refused."""

from functools import cache

import numpy as np
import pytest
import xarray as xr

from bayesrg.errors import DesignError
from bayesrg.models import MultiRegion
from bayesrg.simulation.regions import neighbours_of, simulate_regions

FEATURES, GENES = ["f1", "f2"], ["EGFR", "MET"]
MODEL = MultiRegion()


@cache
def prepare(spatial: str = "matern32") -> xr.Dataset:
    """Four tumours of two or three regions."""
    table = simulate_regions(4, (2, 3), genes=dict.fromkeys(GENES, "expression"), seed=5)
    table[FEATURES] = np.random.default_rng(6).standard_normal((len(table), 2))
    neighbours = neighbours_of(table, 1) if spatial == "graph" else None
    return MultiRegion(spatial).prepare(
        table, features=FEATURES, genes=GENES, coordinates=["x", "y", "z"], neighbours=neighbours
    )


@cache
def draw() -> xr.Dataset:
    """Two draws of all parameters."""
    return MODEL.draw_prior(prepare(), np.random.default_rng(7), 2)["parameters"].to_dataset()


def simulate(parameters: xr.Dataset) -> xr.DataArray:
    return MODEL.simulate(prepare(), np.random.default_rng(8), parameters)["data"].to_dataset()["value"]


def test_dims_and_labels_of_parameters_are_told_by_name():
    one = draw().isel(draw=0)
    turned = one.transpose("gene", "component", "feature", "process")
    xr.testing.assert_identical(simulate(turned), simulate(one))
    xr.testing.assert_identical(simulate(turned.drop_vars(["feature", "gene", "component"])), simulate(one))
    reversed_ = one.isel({dim: slice(None, None, -1) for dim in ("feature", "gene", "component", "process")})
    xr.testing.assert_identical(simulate(reversed_), simulate(one))
    posterior = draw().expand_dims("chain")
    expected = MODEL.log_likelihood(posterior, prepare())
    xr.testing.assert_identical(MODEL.log_likelihood(posterior.transpose("gene", "feature", ...), prepare()), expected)
    known = (prepare()["pair_row"] == prepare()["pair_column"]) * xr.DataArray([0.1, 0.4], dims="feature")
    found = [
        MODEL.log_likelihood(posterior, prepare().assign(measurement_covariance=own))
        for own in (known, known.transpose())
    ]
    xr.testing.assert_identical(*found)


def test_parameters_that_do_not_fit_the_design_are_refused():
    one = draw().isel(draw=0)
    with pytest.raises(TypeError, match="no parameter is called 'B0'"):
        simulate(one.rename(B_0="B0"))
    with pytest.raises(TypeError, match="slope_sd has the dims"):
        simulate(one.assign(slope_sd=one["total_sd"]))
    with pytest.raises(DesignError, match="says nothing of feature f2; it has f1"):
        simulate(one.isel(feature=[0]))
    with pytest.raises(DesignError, match="has 1 of the dim feature; the design has 2"):
        simulate(one.isel(feature=[0]).drop_vars("feature"))


@pytest.mark.parametrize(
    ("spatial", "of_data"), [("exchangeable", "matern32"), ("graph", "exchangeable"), ("matern12", "matern32")]
)
def test_data_of_another_spatial_form_are_refused(spatial: str, of_data: str):
    for ask in (MultiRegion(spatial).build, lambda data: MultiRegion(spatial).log_prior(xr.Dataset(), data)):
        with pytest.raises(DesignError, match=f"prepared for spatial='{of_data}', and the model has '{spatial}'"):
            ask(prepare(of_data))


def test_no_prediction_knows_its_own_answer():
    data, posterior, rng = prepare(), draw().expand_dims("chain"), np.random.default_rng(9)
    fitted = data.isel(region=slice(-1))
    with pytest.raises(DesignError, match="1 of the new regions were not fitted but have features"):
        MODEL.predict(posterior, fitted, data, rng)
    blank = data.copy(deep=True)
    blank["value"][-1] = np.nan
    assert np.isfinite(MODEL.predict(posterior, fitted, blank, rng)["value"]).all()
    with pytest.raises(DesignError, match="have another value in the new data"):
        MODEL.predict(posterior, data, blank, rng)
    with pytest.raises(DesignError, match="1 of the regions fitted are not among the new ones"):
        MODEL.predict(posterior, data, fitted, rng)
    with pytest.raises(DesignError, match="the new data lack genome"):
        MODEL.predict(posterior, data, data.drop_vars("genome"), rng)
