"""The first question of a model, for every spatial form and both residuals: is its density that of the plain model?

Correlations of residuals are sampled as partial correlations p_ij = 2 b_ij - 1 of a C-vine; the plain model has a
density of the correlations themselves. With the first variable as root of the vine, and so on, columns j = 0 ... n - 2,

    log |dR / dp| = sum over i > j of 1/2 (n - 2 - j) log(1 - p_ij²).

Sds of single links are sampled as multiples of what they share: tumor_sd = tumor_sd_unit heterogeneity_sd
sqrt(1 - within_share), and space_sd likewise with within_share. Of the sds themselves the plain model has the density.
"""

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pymc.model.transform.conditioning import remove_value_transforms
from pymc.pytensorf import gradient
from pytensor.compile.mode import Mode
from scipy import stats

from bayesrg.errors import DesignError
from bayesrg.models import MultiRegion
from bayesrg.models.regions.building import name_pairs
from bayesrg.models.regions.correlation import MATERN
from bayesrg.models.regions.parameters import dims_of
from bayesrg.simulation.regions import neighbours_of, simulate_regions

FEATURES, GENES = ["f1", "f2", "f3"], ["TP53", "EGFR"]
POINTS = 10
# Each density is evaluated at few points: it is not worth compiling.
PYTHON = Mode(linker="py", optimizer="fast_compile")
EVERYTHING = {"patient": "patient", "formula": "purity + C(compartment)", "batch": "batch"}
# Case -> the model, what else `prepare` is told, tumours of a patient, and whether measurement errors are known.
CASES: dict[str, tuple[MultiRegion, dict[str, Any], int, bool]] = {
    "matern32": (MultiRegion("matern32"), EVERYTHING, 3, True),
    "graph": (MultiRegion("graph"), {"patient": "patient"}, 2, False),
    "exchangeable": (MultiRegion("exchangeable", contextual=False), {"formula": "purity"}, 1, False),
    "correlated": (MultiRegion("matern52", "correlated", contextual=False), {"batch": "batch"}, 1, False),
    "correlated_graph": (MultiRegion("graph", "correlated"), {"patient": "patient"}, 2, False),
}
# These are not compiled: NumPy's form of the density is compared with SciPy's alone.
NUMPY_ONLY = {
    "matern12": (MultiRegion("matern12", contextual=False), {"batch": "batch"}, 1, False),
    "correlated_exchangeable": (MultiRegion("exchangeable", "correlated"), {"formula": "purity"}, 1, False),
}
ALL = CASES | NUMPY_ONLY
SLOW = ("matern32", "graph", "correlated", "correlated_graph")
Parameters = dict[str, np.ndarray]


@cache
def prepare(case: str) -> xr.Dataset:
    """Seven tumours of one to four regions; an eighth of the values is missing where one may."""
    model, options, tumors, known = ALL[case]
    kinds = {"TP53": "mutation", "EGFR": "log2_ratio"}
    table = simulate_regions(7, (1, 4), genes=kinds, seed=11, tumors_per_patient=(1, tumors))
    rng = np.random.default_rng(4)
    table["batch"] = np.where(np.arange(len(table)) % 3 == 0, "first", "second")
    for name in FEATURES:
        table[name] = rng.standard_normal(len(table))
        if model.residual == "independent":
            table.loc[rng.random(len(table)) < 0.125, name] = np.nan
    if model.spatial == "graph":
        options = {**options, "neighbours": neighbours_of(table, 1)}
    data = model.prepare(table, features=FEATURES, genes=GENES, coordinates=["x", "y", "z"], **options)
    if known:
        pattern = 0.2 * (data["pair_row"] == data["pair_column"]) + 0.1 * data["pair_in_tumor"]
        data["measurement_covariance"] = pattern * xr.DataArray([1.0, 0.5, 2.0], dims="feature")
    return data


def matrix(data: xr.Dataset, pairs: np.ndarray) -> np.ndarray:
    """Symmetric matrix (region, region) of an array over pairs."""
    found = np.zeros((data.sizes["region"],) * 2)
    found[data["pair_row"], data["pair_column"]] = found[data["pair_column"], data["pair_row"]] = pairs
    return found


def plain_arrays(case: str) -> tuple[tuple[np.ndarray, ...], dict[str, Any]]:
    """The data set as the functions of the plain model take it: by their place, and by their name."""
    data, model = prepare(case), ALL[case][0]
    options: dict[str, Any] = {
        "spatial": model.spatial,
        "residual": model.residual,
        "contextual": model.contextual,
        "distance": np.linalg.norm(data["position"].values[:, None] - data["position"].values, axis=2),
    }
    if data.sizes["covariate"]:
        options["covariate"] = data["covariates"].values
    if data.sizes["level"]:
        options["batch"] = data["batch_index"].values
    if model.spatial == "graph":
        names = data["region"].values
        table = pd.DataFrame(data["position"].values, columns=["x", "y", "z"]).assign(
            region=names, tumor=data["tumor_index"]
        )
        pairs = neighbours_of(table, 1)
        assert (names[:-1] < names[1:]).all()
        options["adjacency"] = np.zeros((names.size, names.size))
        options["adjacency"][tuple(np.searchsorted(names, pairs[name]) for name in ("region", "neighbour"))] = 1.0
    if "measurement_covariance" in data:
        options["known"] = np.stack([matrix(data, own) for own in data["measurement_covariance"].values.T])
    arrays = tuple(data[name].values for name in ("value", "genome", "tumor_index", "patient_index"))
    return arrays, options


def draw_points(case: str) -> Parameters:
    """Parameters (point, …) from the prior, and the partial correlations of the residuals."""
    model, data = ALL[case][0], prepare(case)
    drawn = model.draw_prior(data, np.random.default_rng(3), POINTS)["parameters"].to_dataset()
    found = {str(name): drawn[name].transpose("draw", ...).values for name in drawn.data_vars if name in dims_of(model)}
    if model.residual == "correlated":
        found["partial_correlation"] = partial_correlations(found["residual_covariance"])
    return found


def partial_correlations(covariance: np.ndarray) -> np.ndarray:
    """Correlation of i and j given all before j, from 0 to 1, (point, pair), in the order of `name_pairs`."""
    pairs = []
    for row, column in zip(*np.tril_indices(covariance.shape[-1], -1), strict=True):
        pair, before = np.array([column, row]), np.arange(column)
        own = covariance[:, pair[:, None], pair]
        cross = covariance[:, pair[:, None], before]
        rest = own - cross @ np.linalg.inv(covariance[:, before[:, None], before]) @ cross.swapaxes(1, 2)
        pairs.append(rest[:, 0, 1] / np.sqrt(rest[:, 0, 0] * rest[:, 1, 1]))
    return 0.5 * (np.stack(pairs, axis=1) + 1.0)


def log_volume(partial: np.ndarray) -> float:
    """Log of |dR / dp| at partial correlations from 0 to 1, up to a constant."""
    n = len(FEATURES)
    _, column = np.tril_indices(n, -1)
    return float((0.5 * (n - 2 - column) * np.log(4.0 * partial * (1.0 - partial))).sum())


@pytest.fixture(scope="module")
def plain_model(load_script: Callable[..., ModuleType]) -> ModuleType:
    """The plain model."""
    return load_script("plain", "multi_region")


def log_scale_of_links(point: Parameters) -> float:
    """Log of |d sd / d unit| of all links' sds."""
    tumor, space = np.log(point["heterogeneity_sd"]) + 0.5 * np.log(
        [1.0 - point["within_share"], point["within_share"]]
    )
    return float(tumor * point["tumor_sd"].size + space * point["space_sd"].size)


def in_units(point: Parameters) -> Parameters:
    """The point with the links' sds as multiples of what they share."""
    scale = point["heterogeneity_sd"] * np.sqrt([1.0 - point["within_share"], point["within_share"]])
    return point | {"tumor_sd_unit": point["tumor_sd"] / scale[0], "space_sd_unit": point["space_sd"] / scale[1]}


@pytest.mark.parametrize("case", list(CASES))
def test_sampled_density_is_that_of_the_plain_model(plain_model: ModuleType, case: str):
    data, model = prepare(case), CASES[case][0]
    arrays, options = plain_arrays(case)
    graph = remove_value_transforms(model.build(data))
    density = graph.compile_logp(jacobian=False, mode=PYTHON)
    names = [variable.name for variable in graph.value_vars]
    points = draw_points(case)
    prior = {name: options[name] for name in ("spatial", "residual", "distance")} | {"tumor": arrays[2]}
    expected, found = [], []
    for number in range(POINTS):
        point = {name: own[number] for name, own in points.items()}
        log_density = plain_model.log_marginal(point, *arrays, **options) + plain_model.log_prior(point, **prior)
        if "tumor_sd_unit" in names:
            log_density += log_scale_of_links(point)
        if model.residual == "correlated":
            log_density += log_volume(point["partial_correlation"])
        expected.append(log_density)
        given = in_units(point)
        found.append(float(density({name: given[name] for name in names})))
    assert np.ptp(expected) > 5.0
    difference = np.array(found) - expected
    np.testing.assert_allclose(difference - difference[0], 0.0, atol=1e-5)
    if model.residual == "independent":  # of the correlation's density the plain one leaves a constant out
        np.testing.assert_allclose(difference, 0.0, atol=1e-5)


@pytest.mark.parametrize("case", list(ALL))
def test_what_conditions_on_the_data_has_the_density_of_the_plain_model(plain_model: ModuleType, case: str):
    data, model = prepare(case), ALL[case][0]
    arrays, options = plain_arrays(case)
    points, dims = draw_points(case), dims_of(model)
    expected = [
        plain_model.log_marginal({name: own[number] for name, own in points.items()}, *arrays, **options)
        for number in range(POINTS)
    ]
    posterior = xr.Dataset(
        {name: (("chain", "draw", *dims[name]), points[name][None]) for name in points if name in dims}
    )
    found = model.log_likelihood(posterior, data)["joint"].values[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("case", list(ALL))
def test_stated_priors_and_what_links_share_make_the_prior_of_the_plain_model(plain_model: ModuleType, case: str):
    data, model = prepare(case), ALL[case][0]
    arrays, options = plain_arrays(case)
    points, dims = draw_points(case), dims_of(model)
    prior = {name: options[name] for name in ("spatial", "residual", "distance")} | {"tumor": arrays[2]}
    posterior = xr.Dataset(
        {name: (("chain", "draw", *dims[name]), points[name][None]) for name in points if name in dims}
    )
    found = model.log_prior(posterior, data)
    assert ("length_scale" in found) == (model.spatial in MATERN)
    total = found.to_array().sum("variable").values[0]
    for number in range(POINTS):
        point = {name: own[number] for name, own in points.items()}
        units = in_units(point)
        links = sum(stats.halfnorm.logpdf(units[f"{name}_unit"]).sum() for name in ("tumor_sd", "space_sd"))
        total[number] += links - log_scale_of_links(point) - plain_model.log_prior(point, **prior)
    np.testing.assert_allclose(total, 0.0, atol=1e-9)


def test_known_errors_and_single_missing_features_are_refused_where_residuals_are_correlated():
    model, data = ALL["correlated"][0], prepare("correlated")
    zeros = xr.zeros_like(data["pair_in_tumor"]) * xr.DataArray(np.zeros(len(FEATURES)), dims="feature")
    known, missing = data.assign(measurement_covariance=zeros), data.copy(deep=True)
    missing["value"][0, 0] = np.nan
    for some, message in ((known, "measurement_covariance"), (missing, "1 region.s. lack some features")):
        with pytest.raises(DesignError, match=f"{message}.*residual='independent'"):
            model.build(some)
        with pytest.raises(DesignError, match=message):
            model.simulate(some, np.random.default_rng(1))
    missing["value"][0] = np.nan
    assert model.simulate(missing, np.random.default_rng(1))["data"]["value"].isnull().sum() == len(FEATURES)


@pytest.mark.parametrize("case", [pytest.param(case, marks=[pytest.mark.slow] * (case in SLOW)) for case in CASES])
def test_the_dense_marginal_is_the_integral_of_the_model_with_every_effect(plain_model: ModuleType, case: str):
    """Given the sds the log density is a parabola in all effects and coefficients, whose integral is known exactly."""
    arrays, options = plain_arrays(case)
    graph = remove_value_transforms(plain_model.build(*arrays, **options))
    units = [variable for variable in graph.free_RVs if variable.name.endswith("_unit")]
    density = graph.logp([*units, *graph.observed_RVs], jacobian=False)
    slope = gradient(density, [graph.rvs_to_values[unit] for unit in units])
    evaluate = graph.compile_fn([density, slope], inputs=graph.value_vars, mode=PYTHON, on_unused_input="ignore")
    shapes = {unit.name: unit.type.shape for unit in units}
    n = sum(int(np.prod(shape)) for shape in shapes.values())
    point = {name: own[0] for name, own in draw_points(case).items()}

    def at(effects: np.ndarray) -> tuple[float, np.ndarray]:
        parts = np.split(effects, np.cumsum([int(np.prod(shape)) for shape in shapes.values()])[:-1])
        own = {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        if "residual_covariance" in point:
            root = np.linalg.cholesky(point["residual_covariance"])
            own["residual"] = root[np.tril_indices(len(root))]
        found, found_slope = evaluate(
            {variable.name: own.get(variable.name, point.get(variable.name)) for variable in graph.value_vars}
        )
        return float(found), np.asarray(found_slope)

    height, start = at(np.zeros(n))
    curvature = np.stack([start - at(axis)[1] for axis in np.eye(n)])
    integral = height + 0.5 * start @ np.linalg.solve(curvature, start) - 0.5 * np.linalg.slogdet(curvature)[1]
    integral += 0.5 * n * np.log(2.0 * np.pi)
    assert integral == pytest.approx(plain_model.log_marginal(point, *arrays, **options), abs=1e-5)


def test_the_jacobian_written_above_is_right():
    n = len(FEATURES)
    row, column = np.tril_indices(n, -1)

    def correlate(partial: np.ndarray) -> np.ndarray:
        given = np.zeros((n, n))
        given[row, column] = 2.0 * partial - 1.0
        factor = np.zeros((n, n))
        for one in range(n):
            left = 1.0
            for other in range(one):
                factor[one, other] = given[one, other] * np.sqrt(left)
                left -= factor[one, other] ** 2
            factor[one, one] = np.sqrt(left)
        return factor @ factor.T

    points, step = np.random.default_rng(1).uniform(0.1, 0.9, (4, row.size)), 1e-6
    volumes = []
    for point in points:
        np.testing.assert_allclose(partial_correlations(correlate(point)[None])[0], point, atol=1e-12)
        slopes = [
            (correlate(point + step * axis) - correlate(point - step * axis))[row, column] for axis in np.eye(row.size)
        ]
        volumes.append(np.linalg.slogdet(np.array(slopes) / (2.0 * step))[1] - log_volume(point))
    np.testing.assert_allclose(volumes, volumes[0], atol=1e-7)
    assert len(name_pairs(np.array(FEATURES))) == row.size
