"""The second question of a model: are its estimands what they are said to be? By closed forms and by brute force."""

from collections.abc import Callable, Iterator
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
from bayesrg.models.regions.layout import RegionLayout
from bayesrg.models.regions.neighbourhood import scaled_icar
from bayesrg.models.regions.parameters import dims_of
from bayesrg.models.regions.simulating import simulate_values
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


def pair_covariance(covariance: np.ndarray, tumor: np.ndarray) -> float:
    """Mean covariance of two regions of a tumour, averaged over tumours with two or more."""
    found = []
    for number in np.unique(tumor):
        own = covariance[np.ix_(tumor == number, tumor == number)]
        if len(own) > 1:
            found.append((own.sum() - np.trace(own)) / (len(own) * (len(own) - 1)))
    return float(np.mean(found))


def place_variance(covariance: np.ndarray, tumor: np.ndarray) -> float:
    """Mean variance of the regions of a tumour, averaged over tumours with two or more."""
    variance = np.diag(covariance)
    groups = [variance[tumor == number] for number in np.unique(tumor)]
    return float(np.mean([own.mean() for own in groups if len(own) > 1]))


def draws_of(name: str) -> Iterator[tuple[int, dict[str, np.ndarray], xr.Dataset]]:
    """The number of each draw, its parameters, and its estimands."""
    posterior, found = draw(name)
    for number in range(DRAWS):
        own = posterior.isel(chain=0, draw=number)
        yield number, {str(key): one.values for key, one in own.data_vars.items()}, found.isel(chain=0, draw=number)


def variances_of_a(model: MultiRegion, own: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Variance of each component of a and of epsilon, (feature,)."""
    if model.residual == "correlated":
        shares = {"tumor": own["share"][0], "space": own["share"][1]}
        variances = {key: np.full(2, own["a_sd"] ** 2 * share) for key, share in shares.items()}
        return {"patient": np.zeros(2), "residual": np.diag(own["residual_covariance"]), **variances}
    names = ["tumor", "space", "residual"] if model.spatial != "exchangeable" else ["tumor", "residual"]
    if own["share"].shape[1] > len(names):
        names = ["patient", *names]
    found = dict.fromkeys(("patient", "space"), np.zeros(2))
    return found | {key: own["total_sd"] ** 2 * own["share"][:, place] for place, key in enumerate(names)}


# What a coefficient varies by


def test_variances_are_those_expected_among_a_tumours_regions(plain_model: ModuleType, name: str):
    tumor = prepare(name)["tumor_index"].values
    for number, own, found in draws_of(name):
        tumor_sd, space_sd = (np.broadcast_to(own[key], (2, 2)) for key in ("tumor_sd", "space_sd"))
        of_b = correlation_of(plain_model, name, 1, number)
        within = space_sd**2 * expected_variance(of_b, tumor)
        between = tumor_sd**2 + space_sd**2 * max(pair_covariance(of_b, tumor), 0.0)
        total = tumor_sd**2 + space_sd**2 * place_variance(of_b, tumor)
        expected = {
            "variance_within": within,
            "variance_between": between,
            "local_share": 1.0 - between / total,
            "link_tumor_sd": tumor_sd,
            "link_space_sd": space_sd,
        }
        for key, one in expected.items():
            np.testing.assert_allclose(found[key], one, rtol=1e-8, err_msg=key)


def test_regions_of_a_pair_in_a_graph_are_opposites():
    pairs = pd.DataFrame({"tumor": ["1", "2"], "region": ["a", "a"], "neighbour": ["b", "b"]})
    table = pd.DataFrame(
        {"tumor": [1, 1, 2, 2], "region": ["a", "b"] * 2, "f": [1.0, 2, 4, 3], "g": [0.1, 0.5, 0.2, 1]}
    )
    data = MultiRegion("graph").prepare(table, features="f", genes="g", neighbours=pairs)
    found = RegionLayout(data, contextual=False).compare_pairs(data["pair_neighbourhood"].values)
    assert found == pytest.approx((1.0, -1.0))


def test_finite_variances_are_those_of_the_coefficients_themselves(name: str):
    posterior, data = draw(name)[0], prepare(name)
    own = MODELS[name].recover_local(posterior, data, np.random.default_rng(24))
    coefficient, tumor = own["B"].transpose("chain", "draw", "region", "feature", "gene").values, data["tumor_index"]
    groups = [coefficient[:, :, tumor.values == number] for number in range(data.sizes["tumor"])]
    expected = {
        "B_variance": coefficient.var(axis=2, ddof=1),
        "B_variance_within": np.mean([one.var(axis=2, ddof=1) for one in groups if one.shape[2] > 1], axis=0),
        "B_variance_between": np.var([one.mean(axis=2) for one in groups], axis=0, ddof=1),
    }
    estimands = MODELS[name].estimands(posterior.drop_vars(list(own.data_vars), errors="ignore").merge(own), data)
    for key, one in expected.items():
        np.testing.assert_allclose(own[key], one, rtol=1e-8, err_msg=key)
        np.testing.assert_allclose(estimands[key], one, rtol=1e-8, err_msg=key)


# How features follow genes


def test_slopes_have_the_units_of_feature_and_gene(name: str):
    table, two_valued = make_table(), prepare(name)["two_valued"]
    assert two_valued.sel(gene="TP53")
    assert not two_valued.sel(gene="EGFR")
    for _, own, found in draws_of(name):
        np.testing.assert_array_equal(found["B_0"], own["B_0"])
        np.testing.assert_array_equal(found["above_zero"], own["B_0"] > 0)
        for row, feature in enumerate(FEATURES):
            # A two-valued gene is not divided by its sd: its slope is per step.
            for column, step in enumerate([1.0, table["EGFR"].std(ddof=1)]):
                expected = own["B_0"][row, column] * table[feature].std(ddof=1) / step
                assert found["slope"].values[row, column] == pytest.approx(expected, rel=1e-9)
        assert ("slope_between" in found) == MODELS[name].contextual
        if MODELS[name].contextual:
            np.testing.assert_array_equal(found["contextual"], own["contextual"])
            np.testing.assert_allclose(found["slope_between"], own["B_0"] + own["contextual"], rtol=1e-12)


def test_there_is_no_slope_in_units_of_ranks():
    data = MODELS["exchangeable"].prepare(make_table(), features=FEATURES, genes=GENES, scale="rank_normal")
    assert "slope" not in MODELS["exchangeable"].estimands(draw("exchangeable")[0], data)


def test_links_are_judged_by_their_distribution_over_places(plain_model: ModuleType, name: str):
    model = MODELS[name]
    for number, own, found in draws_of(name):
        of_b, tumor = correlation_of(plain_model, name, 1, number), prepare(name)["tumor_index"].values
        parts = (np.broadcast_to(own[key] ** 2, (2, 2)) for key in ("tumor_sd", "space_sd"))
        sd = np.sqrt(next(parts) + next(parts) * place_variance(of_b, tumor))
        inner = np.sqrt(found["variance_within"].values)
        for place in np.ndindex(2, 2):
            slope = own["B_0"][place]
            places = stats.norm(slope, sd[place])
            expected = places.sf(0.0) if slope > 0 else places.cdf(0.0)
            assert found["same_sign"].values[place] == pytest.approx(expected, rel=1e-9)
            assert bool(found["universal"].values[place]) == (abs(slope) > max(model.rope, 2.0 * sd[place]))
            assert bool(found["local"].values[place]) == (inner[place] > max(model.rope, 0.5 * abs(slope)))


def test_variance_shares_are_those_of_every_source(plain_model: ModuleType, name: str):
    data, model = prepare(name), MODELS[name]
    tumor, genome = data["tumor_index"].values, data["genome"].values
    for number, own, found in draws_of(name):
        explained, others = genome @ own["B_0"].T, np.zeros((len(tumor), 2))
        if "contextual" in own:
            means = np.stack([genome[tumor == one].mean(axis=0) for one in tumor])
            explained += means @ own["contextual"].T
        if "gamma" in own:
            others += data["covariates"].values @ own["gamma"].T
            others += own["batch_effect"].T[data["batch_index"].values]
        of_a, variance = correlation_of(plain_model, name, 0, number), variances_of_a(model, own)
        square = (genome**2).mean(axis=0)
        of_b = correlation_of(plain_model, name, 1, number)
        tumor_sd, space_sd = (np.broadcast_to(own[key], (2, 2)) for key in ("tumor_sd", "space_sd"))
        shared = tumor_sd**2 + space_sd**2 * max(pair_covariance(of_b, tumor), 0.0)
        everywhere = tumor_sd**2 + space_sd**2 * place_variance(of_b, tumor)
        by_genes = {"between": shared * square, "within": (everywhere - shared) * square}
        of_pairs = pair_covariance(of_a, tumor)
        common = variance["patient"] + variance["tumor"] + variance["space"] * max(of_pairs, 0.0)
        smooth = variance["space"] * (place_variance(of_a, tumor) - max(of_pairs, 0.0))
        joint = np.stack([np.cov(explained[:, row], others[:, row], ddof=0) for row in range(2)])
        parts = {
            "genes": joint[:, 0].sum(axis=1),
            "covariates": joint[:, 1].sum(axis=1),
            "B_between": by_genes["between"].sum(axis=1),
            "B_within": by_genes["within"].sum(axis=1),
            "a_between": common,
            "a_within": smooth,
            "residual": variance["residual"],
        }
        total = np.sum(list(parts.values()), axis=0)
        shares = found["variance_share"]
        absent = parts.keys() - set(shares["source_of_variance"].values)
        assert absent == {key for key, one in parts.items() if not one.any()}
        for key in shares["source_of_variance"].values:
            np.testing.assert_allclose(shares.sel(source_of_variance=key), parts[key] / total, rtol=1e-7, err_msg=key)
        np.testing.assert_allclose(shares.sum("source_of_variance"), 1.0, rtol=1e-12)
        share = (by_genes["between"] + by_genes["within"]) / total[:, None]
        np.testing.assert_allclose(found["heterogeneity"], share, rtol=1e-7)
        np.testing.assert_array_equal(found["heterogeneity_above"], share > model.delta)
        inner = variance["space"] * expected_variance(of_a, tumor) + variance["residual"]
        np.testing.assert_allclose(found["a_variance_within"], inner, rtol=1e-7)
        of_two = variance["patient"] + variance["tumor"] + variance["space"] * of_pairs
        np.testing.assert_allclose(found["a_icc"], of_two / (common + smooth + variance["residual"]), rtol=1e-7)


def test_estimands_of_a_graph_are_those_of_simulated_places():
    """Three neighbours of each other have equal variances, and so the estimands have no averages in them."""
    table = simulate_regions(20, 3, genes={"EGFR": "expression"}, seed=28)
    table["f"] = np.random.default_rng(29).standard_normal(len(table))
    model = MultiRegion("graph", contextual=False)
    data = model.prepare(table, features="f", genes="EGFR", neighbours=neighbours_of(table, 2))
    own = model.draw_prior(data, np.random.default_rng(30), 1)["parameters"].to_dataset().drop_vars("B_variance_within")
    for key, one in {"B_0": 0.5, "mu": 0.0, "tumor_sd": 0.1, "space_sd": 0.5, "mixing": 0.9, "total_sd": 1.0}.items():
        own[key][...] = one
    own["share"][...] = [0.2, 0.6, 0.2]
    found = {
        str(key): float(one.squeeze())
        for key, one in model.estimands(own.expand_dims("chain"), data).items()
        if one.size == 1
    }
    rng, layout = np.random.default_rng(31), RegionLayout(data, contextual=False)
    many = {key: own[key].values.repeat(4000, axis=0) for key in (*dims_of(model), "B_0", "mu") if key in own}
    drawn = simulate_values(model, layout, many, rng, local=True)
    coefficient = drawn["parameters"]["B"].values[..., 0, 0]
    gene = layout.genome[:, 0]
    value = drawn["data"]["value"].transpose("draw", "region", "feature").values[..., 0]
    rest = (value - coefficient * gene).reshape(len(value), -1, 3)  # regions of a tumour stand together
    by_tumor = coefficient.reshape(rest.shape)
    total = 0.25 * gene.var() + ((coefficient - 0.5) * gene).var() + rest.var()
    covariance = np.einsum("dtr,dts->rs", rest, rest) / rest[..., 0].size
    expected = {
        "same_sign": (coefficient > 0).mean(),
        "heterogeneity": ((coefficient - 0.5) * gene).var() / total,
        "variance_within": by_tumor.var(axis=2, ddof=1).mean(),
        "a_variance_within": rest.var(axis=2, ddof=1).mean(),
        "a_icc": (covariance.sum() - np.trace(covariance)) / (2.0 * np.trace(covariance)),
        "local_share": 1.0 - 0.1**2 / coefficient.var(),
    }
    for key, one in expected.items():
        assert found[key] == pytest.approx(one, rel=0.02, abs=0.004), key


def test_distances_are_where_the_correlation_has_fallen(plain_model: ModuleType, name: str):
    posterior, found = draw(name)
    assert ("correlation_length" in found) == name.startswith("matern")
    if name.startswith("matern"):
        for key, correlation in (("correlation_length", np.exp(-1.0)), ("practical_range", 0.05)):
            fallen = plain_model.matern(name, found[key].values, posterior["length_scale"].values)
            np.testing.assert_allclose(fallen, correlation, rtol=1e-8)
            assert found[key].attrs["unit"] == "mm"


def test_every_estimand_has_a_unit_and_a_meaning():
    found = {str(key): one for name in MODELS for key, one in draw(name)[1].data_vars.items()}
    assert set(found) == set(MEANING)
    assert all(one.attrs["meaning"] == MEANING[key] and "unit" in one.attrs for key, one in found.items())


# New measurements


def repeat(name: str, draws: int) -> tuple[xr.Dataset, dict[str, np.ndarray]]:
    """One draw of the parameters, again and again, and that draw."""
    one = draw(name)[0].isel(chain=0, draw=0)
    many = one.expand_dims(chain=[0], draw=np.arange(draws))
    return many, {str(key): own.values for key, own in one.data_vars.items()}


@pytest.mark.parametrize("name", ["matern32", "matern52"])
def test_predictions_are_new_measurements_of_the_same_regions(name: str):
    model, data = MODELS[name], prepare(name)
    correlated = model.residual == "correlated"
    if not correlated:
        pattern = 0.3 * (data["pair_row"] == data["pair_column"]) + 0.2 * data["pair_in_tumor"]
        data = data.assign(measurement_covariance=pattern * xr.DataArray([1.0, 2.0], dims="feature"))
    many, own = repeat(name, 1000)
    found = model.predict(many, data, data, np.random.default_rng(25)).isel(chain=0)
    local = model.recover_local(many, data, np.random.default_rng(25)).isel(chain=0)
    expected = local["mu"] + local["a"] + (local["B"] * data["genome"]).sum("gene")
    if not correlated:
        expected = expected + (local["contextual"] * data["context"]).sum("gene")
        expected = expected + (local["gamma"] * data["covariates"]).sum("covariate")
        expected = expected + local["batch_effect"].isel(level=data["batch_index"])
    np.testing.assert_allclose(found["expected"], expected.transpose("draw", "region", "feature"), atol=1e-10)
    noise = (found["value"] - found["expected"]).values
    n = data.sizes["region"]
    same_tumor = data["tumor_index"].values[:, None] == data["tumor_index"].values
    for row in range(2):
        if correlated:
            covariance = np.kron(np.eye(n), own["residual_covariance"])
            sample = noise.reshape(len(noise), -1)
        else:
            known = (1.0, 2.0)[row] * (0.3 * np.eye(n) + 0.2 * same_tumor)
            covariance = known + variances_of_a(model, own)["residual"][row] * np.eye(n)
            sample = noise[:, :, row]
        variance = np.diag(covariance)
        error = np.sqrt((np.outer(variance, variance) + covariance**2) / len(sample))
        assert (np.abs(np.cov(sample.T) - covariance) < 5.0 * error).all()


# What these are made of


def test_scaled_icar_is_that_of_the_plain_model(plain_model: ModuleType):
    rng = np.random.default_rng(26)
    adjacency = np.triu(rng.random((9, 9)) < 0.2, 1)
    adjacency[8] = adjacency[:, 8] = False  # a region without neighbours
    adjacency = (adjacency | adjacency.T).astype(float)
    found = scaled_icar(adjacency)
    np.testing.assert_allclose(found, plain_model.scaled_autoregression(adjacency), atol=1e-10)
    assert found[8, 8] == 1.0
    # A path of three: the middle has 1/4 of the ends' variance, and the geometric mean is 1.
    path = scaled_icar(np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    np.testing.assert_allclose(path.sum(axis=0), 0.0, atol=1e-12)
    assert np.diag(path) == pytest.approx(np.array([5.0, 2.0, 5.0]) / 50.0 ** (1.0 / 3.0))


@pytest.mark.parametrize(("smallest", "largest"), [(1.0, 60.0), (8.0, 24.0)])
def test_length_scales_lie_between_the_distances(smallest: float, largest: float):
    shape, rate = length_scale_prior(smallest, largest)
    prior = stats.invgamma(shape, scale=rate)
    assert prior.cdf(smallest) == pytest.approx(0.01, rel=1e-6)
    assert prior.sf(largest) == pytest.approx(0.01, rel=1e-6)


@pytest.mark.parametrize("kind", ["matern12", "matern32", "matern52"])
def test_reach_is_where_the_correlation_is_as_given(plain_model: ModuleType, kind: str):
    for correlation in (0.9, np.exp(-1.0), 0.05):
        assert plain_model.matern(kind, reach(kind, correlation), 1.0) == pytest.approx(correlation, rel=1e-8)
    assert reach("matern12", 0.05) == pytest.approx(np.log(20.0))


def test_correlations_have_the_marginal_distribution_of_lkj():
    n, shape, draws = 4, 2.0, 4000
    drawn = draw_correlations(n, shape, draws, np.random.default_rng(27))
    np.testing.assert_allclose(np.diagonal(drawn, axis1=1, axis2=2), 1.0, atol=1e-12)
    marginal = stats.beta(shape - 1.0 + 0.5 * n, shape - 1.0 + 0.5 * n, loc=-1.0, scale=2.0)
    for row, column in zip(*np.tril_indices(n, -1), strict=True):
        assert stats.kstest(drawn[:, row, column], marginal.cdf).pvalue > 1e-3
    # E det R of LKJ: the product of the means of 1 - p² over the partial correlations p of a vine.
    levels = np.repeat(np.arange(n - 1), np.arange(n - 1, 0, -1))
    half = shape + 0.5 * (n - 2 - levels)
    expected = np.prod(2.0 * half / (2.0 * half + 1.0))
    determinant = np.linalg.det(drawn)
    assert abs(determinant.mean() - expected) < 4.0 * determinant.std() / np.sqrt(draws)
