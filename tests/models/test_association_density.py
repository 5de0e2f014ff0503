"""The first question of a model, for every family: is its density that of the plain model?

The shipped model has other coordinates than the plain one in two places, and their Jacobians are below. Effects of
levels are multiples of their sd, group_effect = sd group_offset, so that

    log p(group_offset) = log p(group_effect) + sum over the levels of log sd,

of a nominal outcome K - 1 times, because vectors over K categories that add up to zero have K - 1 dims. Probabilities
are made of scores: part_j = -log Phi(-score_j), probability = part / whole, whole = sum of the parts ~ Gamma(rows + 3).
With dpart_j / dscore_j = phi(score_j) / Phi(-score_j) and dparts = whole^(J-1) dprobability dwhole,

    log p(score) = log p(probability) + log p(whole) - (J - 1) log whole + sum_j log(phi(score_j) / Phi(-score_j)).
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pymc.model.transform.conditioning import remove_value_transforms
from pytensor.compile.mode import Mode
from scipy import stats

from bayesrg.models import Association
from bayesrg.models.families import Ordinal

PATIENTS = 30
# Case -> the model, its outcome, and what `prepare` is told of it alone.
CASES: dict[str, tuple[Association, str, dict[str, Any]]] = {
    "gaussian": (Association("gaussian"), "volume", {}),
    "student_t": (Association("student_t"), "volume", {}),
    "bernoulli": (Association("bernoulli"), "mutated", {}),
    "ordinal": (Association("ordinal"), "grade", {}),
    "ordinal_category_slopes": (Association(Ordinal(proportional=False)), "grade", {}),
    "categorical": (Association("categorical"), "cluster", {}),
    "negative_binomial": (Association("negative_binomial"), "variants", {"exposure": "megabases"}),
    "rank": (Association("rank"), "size", {}),
}
EVERYTHING, ONLY_ONE = "everything", "only one predictor"
COLUMNS: dict[str, dict[str, Any]] = {
    EVERYTHING: {
        "predictor": ["feature", "necrosis", "shape"],
        "formula": "age + male",
        "group": ["site", "batch"],
        "weights": "weight",
    },
    ONLY_ONE: {"predictor": "feature"},
}
SCORED = ("ordinal", "rank")
PERMUTED = ("value", "predictor", "weight", "offset")
Parameters = dict[str, np.ndarray]


def make_table(seed: int = 5) -> pd.DataFrame:
    """Patients with every kind of outcome, predictor and covariate."""
    rng = np.random.default_rng(seed)
    number = np.arange(PATIENTS)
    return pd.DataFrame(
        {
            "feature": rng.normal(30.0, 8.0, PATIENTS),
            "necrosis": number % 2,
            "shape": np.array(["lobed", "round", "spiked"])[rng.permutation(number) % 3],
            "age": rng.normal(50.0, 10.0, PATIENTS),
            "male": rng.permutation(number) % 2,
            "site": np.array(list("ABC"))[rng.permutation(number) % 3],
            "batch": number // 8,
            "weight": rng.uniform(0.5, 2.0, PATIENTS),
            "volume": rng.normal(3.0, 2.0, PATIENTS),
            "mutated": rng.permutation(number) % 2,
            "grade": rng.permutation(number) % 4,
            "cluster": np.array(["R1", "R2", "R3"])[rng.permutation(number) % 3],
            "variants": rng.poisson(rng.gamma(2.0, 4.0, PATIENTS)),
            "megabases": rng.uniform(20.0, 40.0, PATIENTS),
            "size": rng.permutation(number) % 7,
        }
    )


@cache
def prepare(case: str, columns: str) -> xr.Dataset:
    model, outcome, options = CASES[case]
    return model.prepare(make_table(), outcome=outcome, **COLUMNS[columns], **options)


def draw_points(case: str, data: xr.Dataset, points: int, seed: int = 3) -> dict[str, np.ndarray]:
    """Parameters (point, …) from the prior, drawn nearer: the plain model rounds probabilities to 0 and 1."""
    model, rng = CASES[case][0], np.random.default_rng(seed)
    drawn = model.draw_prior(data, rng, points)["parameters"].to_dataset()
    found = {str(name): own.transpose("draw", ...).values for name, own in drawn.data_vars.items()}
    found |= {name: 0.3 * found[name] for name in ("beta", "gamma", "group_effect", "group_offset") if name in found}
    if "probability" in found:  # most draws of a Dirichlet with so small a total have categories of no size
        found["probability"] = rng.dirichlet(np.full(data.sizes["category"], 4.0), points)
        found["alpha"] = model.family.cutpoints(found["probability"])
    return found


def one_of(points: Mapping[str, np.ndarray], number: int) -> Parameters:
    return {name: own[number] for name, own in points.items()}


def plain_arrays(case: str, data: xr.Dataset) -> dict[str, Any]:
    """The data set as the functions of the plain model take it, by the names of their arguments."""
    return {
        "value": data["value"].values,
        "predictor": data["predictor"].values,
        "covariate": data["covariates"].values,
        "groups": data["group_index"].values if data.sizes["grouping"] else None,
        "weight": data["weight"].values,
        "offset": data["offset"].values,
    }


def plain_log_density(plain: ModuleType, case: str, data: xr.Dataset, parameters: Parameters) -> float:
    """Log posterior density of the plain model up to a constant, in its own coordinates, by SciPy."""
    family, arrays = CASES[case][0].family.name, plain_arrays(case, data)
    own = {name: value for name, value in parameters.items() if not (family in SCORED and name == "alpha")}
    likelihood = plain.log_likelihood(family, arrays.pop("value"), parameters=own, **arrays)
    return float(likelihood.sum() + plain.log_prior(family, own, groups=arrays["groups"]))


def log_volume_of_offsets(data: xr.Dataset, parameters: Parameters) -> float:
    """Log of |d group_effect / d group_offset|."""
    if "group_sd" not in parameters:
        return 0.0
    free = data.sizes["category"] - 1 if data.attrs["family"] == "categorical" else 1
    return float(free * np.log(parameters["group_sd"])[data["level_grouping"].values].sum())


def log_hazard(score: np.ndarray) -> np.ndarray:
    """Log of phi / Phi(-), the derivative of a part in its score."""
    return stats.norm.logpdf(score) - stats.norm.logsf(score)


def log_volume_of_scores(score: np.ndarray) -> float:
    """Log of |d (probability, whole) / d score|."""
    whole = -stats.norm.logsf(score).sum()
    return float(log_hazard(score).sum() - (score.size - 1) * np.log(whole))


def test_the_jacobian_written_above_is_right():
    score = np.array([0.3, -1.0, 0.5, -0.4])

    def plain_parameters(point: np.ndarray) -> np.ndarray:
        part = -stats.norm.logsf(point)
        return np.array([*(part[:-1] / part.sum()), part.sum()])

    step = 1e-6
    columns = [
        (plain_parameters(score + step * axis) - plain_parameters(score - step * axis)) / (2.0 * step)
        for axis in np.eye(score.size)
    ]
    assert np.linalg.slogdet(np.array(columns))[1] == pytest.approx(log_volume_of_scores(score), abs=1e-8)


@pytest.fixture(scope="module")
def association(load_script: Callable[..., ModuleType]) -> ModuleType:
    """The plain model."""
    return load_script("plain", "association")


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> str:
    """Every case in turn."""
    return request.param


@pytest.fixture(scope="module", params=list(CASES))
def compiled(request: pytest.FixtureRequest) -> tuple[str, xr.Dataset, Callable[[Parameters], float]]:
    """A case with all that the model can have, and the log density of its PyMC model on the constrained scale."""
    case = request.param
    data = prepare(case, EVERYTHING)
    graph = remove_value_transforms(CASES[case][0].build(data))
    density = graph.compile_logp(jacobian=False, mode="FAST_COMPILE")
    names = [variable.name for variable in graph.value_vars]
    return case, data, lambda point: float(density({name: point[name] for name in names}))


def test_density_differences_are_those_of_the_plain_model(
    association: ModuleType, compiled: tuple[str, xr.Dataset, Callable[[Parameters], float]]
):
    case, data, shipped = compiled
    rng = np.random.default_rng(6)
    differences, densities = [], []
    points = draw_points(case, data, 20)
    for number in range(20):
        parameters = one_of(points, number)
        point, more = dict(parameters), log_volume_of_offsets(data, parameters)
        if "probability" in parameters:
            # As many parts as there are patients: the sum is theirs, wherever the probabilities lie.
            part = parameters["probability"] * rng.gamma(PATIENTS + 3.0)
            point["category_score"] = stats.norm.isf(np.exp(-part))
            more += stats.gamma(PATIENTS + 3.0).logpdf(part.sum()) + log_volume_of_scores(point["category_score"])
        densities.append(plain_log_density(association, case, data, parameters) + more)
        differences.append(shipped(point) - densities[-1])
    assert np.ptp(densities) > 5.0
    # PyTensor takes constants such as the square root of 2 in single precision.
    np.testing.assert_allclose(differences - np.mean(differences), 0.0, atol=1e-5)
    if data.attrs["family"] not in SCORED:  # whose scores have a density up to a constant
        np.testing.assert_allclose(differences, 0.0, atol=1e-5)


def test_the_plain_model_in_pymc_is_the_plain_model_in_scipy(association: ModuleType, case: str):
    data = prepare(case, EVERYTHING)
    family = CASES[case][0].family
    graph = association.build(
        family.name,
        **plain_arrays(case, data),
        n_categories=data.sizes.get("category"),
        proportional=getattr(family, "proportional", True),
    )
    density = association.compile_log_density(graph, mode="FAST_COMPILE")
    points = draw_points(case, data, 3)
    for number in range(3):
        parameters = one_of(points, number)
        expected = plain_log_density(association, case, data, parameters)
        assert density(parameters) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("columns", list(COLUMNS))
def test_density_in_numpy_is_that_of_the_plain_model(association: ModuleType, case: str, columns: str):
    data, model = prepare(case, columns), CASES[case][0]
    points = draw_points(case, data, 8)
    arrays = {str(name): own.values for name, own in data.data_vars.items()}
    for number in range(8):
        parameters = one_of(points, number)
        expected = plain_log_density(association, case, data, parameters) + log_volume_of_offsets(data, parameters)
        assert float(model.log_density(parameters, arrays)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("columns", list(COLUMNS))
def test_pairs_at_once_have_the_density_of_each_alone(case: str, columns: str):
    pairs, model, data = 500, CASES[case][0], prepare(case, columns)
    points, rng = draw_points(case, data, pairs), np.random.default_rng(7)
    arrays = {str(name): own.values for name, own in data.data_vars.items()}
    many = arrays | {name: np.stack([rng.permutation(arrays[name]) for _ in range(pairs)]) for name in PERMUTED}
    together = model.log_density(points, many)
    assert together.shape == (pairs,)
    for pair in range(0, pairs, 25):
        alone = model.log_density(one_of(points, pair), arrays | {name: many[name][pair] for name in PERMUTED})
        assert together[pair] == pytest.approx(float(alone), rel=0.0, abs=1e-9)
    assert np.ptp(together) > 1.0
    # Draws before pairs: the parameters have a dim that the data do not have.
    draws = {name: own.reshape(5, 100, *own.shape[1:]) for name, own in points.items()}
    first = model.log_density(draws, arrays | {name: many[name][:100] for name in PERMUTED})
    np.testing.assert_allclose(first[0], together[:100], rtol=0.0, atol=1e-9)
    assert first.shape == (5, 100)


@pytest.mark.parametrize("permuted", [("value",), ("predictor",), ("value", "predictor")])
def test_one_point_has_its_density_under_many_data_sets(case: str, permuted: tuple[str, ...]):
    model, data = CASES[case][0], prepare(case, EVERYTHING)
    parameters, rng = one_of(draw_points(case, data, 1), 0), np.random.default_rng(8)
    arrays = {str(name): own.values for name, own in data.data_vars.items()}
    many = {name: np.stack([rng.permutation(arrays[name]) for _ in range(3)]) for name in permuted}
    together = model.log_density(parameters, arrays | many)
    for pair in range(3):
        alone = model.log_density(parameters, arrays | {name: own[pair] for name, own in many.items()})
        assert together[pair] == pytest.approx(float(alone), rel=0.0, abs=1e-9)


@pytest.mark.parametrize("columns", list(COLUMNS))
def test_log_likelihood_is_that_of_the_plain_model(association: ModuleType, case: str, columns: str):
    data, model = prepare(case, columns), CASES[case][0]
    points = draw_points(case, data, 6)
    posterior = xr.Dataset(coords={"chain": [0, 1], "draw": [0, 1, 2]})
    for name, own in points.items():
        dims = "chain", "draw", *(f"{name}_{axis}" for axis in range(own.ndim - 1))
        posterior[name] = dims, own.reshape(2, 3, *own.shape[1:])
    found = model.log_likelihood(posterior, data)
    assert found["value"].dims == ("chain", "draw", "patient")
    arrays = plain_arrays(case, data)
    value = arrays.pop("value")
    for number in range(6):
        parameters = one_of(points, number)
        if model.family.name in SCORED:
            del parameters["alpha"]
        expected = association.log_likelihood(model.family.name, value, parameters=parameters, **arrays)
        ours = found["value"].values[divmod(number, 3)]
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-10)
        assert float(found["joint"].values[divmod(number, 3)]) == pytest.approx(ours.sum())


# Far out


def near_and_far(case: str, data: xr.Dataset, sign: float) -> list[Parameters]:
    """Two points: in the second a step of the predictor moves every patient by 60 on the model's scale."""
    near = one_of(draw_points(case, data, 1), 0)
    if "rate_cv" in near:
        near["rate_cv"] = np.array(0.5)
    far = sign * 60.0 * (np.array([[1.0, 0.0, -1.0]]) if case == "categorical" else np.ones(1))
    return [near, near | {"beta": far}]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_densities_are_finite_far_out(case: str, sign: float):
    data, model = prepare(case, ONLY_ONE), CASES[case][0]
    assert data["predictor"].min() < -1.5 < 1.5 < data["predictor"].max()  # linear predictors of 90, on both sides
    arrays = {str(name): own.values for name, own in data.data_vars.items()}
    near, far = (float(model.log_density(point, arrays)) for point in near_and_far(case, data, sign))
    assert -np.inf < far < near - 500.0


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_sampled_density_is_exact_far_out_and_has_a_gradient(case: str, sign: float):
    """As the sampler has it: rewritten for stability."""
    data, model = prepare(case, ONLY_ONE), CASES[case][0]
    arrays = {str(name): own.values for name, own in data.data_vars.items()}
    density, gradient, names = stable(case)
    points = near_and_far(case, data, sign)
    change = np.diff([float(model.log_density(point, arrays)) for point in points])
    found = []
    for point in points:
        if "probability" in point:  # the same scores in both, so that their Jacobian is the same
            point["category_score"] = stats.norm.isf(np.exp(-33.0 * point["probability"]))
        chosen = {name: point[name] for name in names}
        found.append(float(density(chosen)))
        assert np.isfinite(gradient(chosen)).all()
    np.testing.assert_allclose(np.diff(found), change, rtol=1e-6)


@cache
def stable(case: str) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray], list[str]]:
    """Log density and gradient of a case with one predictor, with all rewrites but not compiled."""
    graph = remove_value_transforms(CASES[case][0].build(prepare(case, ONLY_ONE)))
    mode = Mode(linker="py", optimizer="fast_run")
    names = [str(variable.name) for variable in graph.value_vars]
    return graph.compile_logp(jacobian=False, mode=mode), graph.compile_dlogp(jacobian=False, mode=mode), names


@pytest.mark.parametrize("slope", [1.0, 10.0, 100.0, 1000.0])
def test_a_predictor_that_separates_the_outcomes_has_a_finite_density(slope: float):
    table = make_table().assign(mutated=lambda own: (own["feature"] > own["feature"].median()).astype(int))
    model = Association("bernoulli")
    data = model.prepare(table, outcome="mutated", predictor="feature")
    assert any("separate" in caution for caution in json.loads(data.attrs["cautions"]))
    arrays = {name: data[name].values for name in ("value", "predictor", "offset")}
    predictor = arrays["predictor"][:, 0]
    border = 0.5 * (predictor[arrays["value"] == 0].max() + predictor[arrays["value"] == 1].min())
    point = {"alpha": np.array(-slope * border), "beta": np.array([slope])}
    likelihood = model.family.log_likelihood(arrays["value"], slope * predictor, point)
    steeper = model.family.log_likelihood(arrays["value"], 2.0 * slope * predictor, {"alpha": 2.0 * point["alpha"]})
    assert np.isfinite(likelihood).all()
    # The likelihood has no maximum; the prior decides how far the slope goes.
    assert (steeper >= likelihood).all()
    density = float(model.log_density(point, arrays))
    assert density == pytest.approx(
        likelihood.sum() + stats.norm(0.0, 5.0).logpdf(point["alpha"]) + stats.norm(0.0, 2.5).logpdf(slope)
    )
