"""The second question of a model: are its estimands right where they have a closed form?"""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.models import Stability
from bayesrg.models.layout import EFFECTS, Layout

MakeTable = Callable[..., pd.DataFrame]
Prepare = Callable[..., xr.Dataset]
ALL = {"subject": 4, "session": 2, "scanner": 2, "preprocessing": 3}
# Powers of two: every sum of some of them is another number.
SUBJECT, SESSION, SCANNER, PREPROCESSING, SUBJECT_SCANNER, SUBJECT_PREPROCESSING, RESIDUAL = VARIANCE = (
    2.0 ** np.arange(6, -1, -1)
)
COVERAGE = 1.96 * np.sqrt(2.0)


def at(data: xr.Dataset, variance: np.ndarray, mu: float = 0.5, **effects: np.ndarray) -> xr.Dataset:
    """A posterior of one draw: the variances, the mean, and effects (zero where they are not given)."""
    dims = {effect: dim for effect, dim in EFFECTS.values() if dim in data.coords}
    arrays = {effect: np.asarray(effects.get(effect, np.zeros(data.sizes[dim]))) for effect, dim in dims.items()}
    return xr.Dataset(
        {
            "variance": (("chain", "draw", "component"), np.asarray(variance, dtype=float)[None, None]),
            "mu": (("chain", "draw"), [[mu]]),
            **{effect: (("chain", "draw", dims[effect]), array[None, None]) for effect, array in arrays.items()},
        },
        coords={"chain": [0], "draw": [0], "component": data["component"], **{dim: data[dim] for dim in dims.values()}},
    )


def estimate(data: xr.Dataset, variance: np.ndarray = VARIANCE, **given: np.ndarray | float) -> xr.Dataset:
    return Stability().estimands(at(data, variance, **given), data).isel(chain=0, draw=0)


def ratio(signal: float, error: float) -> float:
    return signal / (signal + error)


# ICC by condition, for every way to number sessions

REPEATABILITY = ratio(SUBJECT + SUBJECT_SCANNER + SUBJECT_PREPROCESSING, SESSION + RESIDUAL)
REPRODUCIBILITY = ratio(SUBJECT + SUBJECT_PREPROCESSING, SESSION + SCANNER + SUBJECT_SCANNER + RESIDUAL)
OVERALL = ratio(SUBJECT, VARIANCE.sum() - SUBJECT)
ROBUSTNESS_ERROR = PREPROCESSING + SUBJECT_PREPROCESSING + RESIDUAL


@pytest.mark.parametrize(
    ("session", "robustness"),
    [
        # The session of a subject is in the image that is held fixed, so its effect is signal …
        ("nested", ratio(SUBJECT + SESSION + SUBJECT_SCANNER, ROBUSTNESS_ERROR)),
        ("visit", ratio(SUBJECT + SESSION + SUBJECT_SCANNER, ROBUSTNESS_ERROR)),
        # … but one that all subjects share shifts them alike and drops out.
        ("crossed", ratio(SUBJECT + SUBJECT_SCANNER, ROBUSTNESS_ERROR)),
    ],
)
def test_icc_by_condition(make_table: MakeTable, prepare: Prepare, session: str, robustness: float):
    icc = estimate(prepare(make_table(**ALL), Stability(session=session)))["icc"]
    assert dict(zip(icc["condition"].values, icc.values, strict=True)) == pytest.approx(
        {
            "repeatability": REPEATABILITY,
            "reproducibility": REPRODUCIBILITY,
            "robustness": robustness,
            "overall": OVERALL,
        }
    )


@pytest.mark.parametrize(
    ("fixed", "randomised", "expected"),
    [
        ({"scanner"}, {"session", "preprocessing"}, ratio(SUBJECT + SUBJECT_SCANNER, VARIANCE[1] + VARIANCE[3] + 3.0)),
        ({"session", "scanner", "preprocessing"}, set(), ratio(SUBJECT + SESSION + SUBJECT_SCANNER + 2.0, RESIDUAL)),
        ({"session", "preprocessing"}, {"scanner"}, ratio(SUBJECT + SESSION + 2.0, SCANNER + SUBJECT_SCANNER + 1.0)),
    ],
)
def test_icc_of_any_facets(make_table: MakeTable, prepare: Prepare, fixed: set, randomised: set, expected: float):
    data = prepare(make_table(**ALL))
    icc = Stability().icc(at(data, VARIANCE), data, fixed=fixed, randomised=randomised)
    assert icc.item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("fixed", "randomised"),
    [({"scanner"}, {"scanner", "session", "preprocessing"}), ({"scanner"}, {"session"}), ({"reader"}, {"session"})],
)
def test_facets_are_either_fixed_or_randomised(make_table: MakeTable, prepare: Prepare, fixed: set, randomised: set):
    data = prepare(make_table(**ALL))
    with pytest.raises(TypeError, match="either fixed or randomised"):
        Stability().icc(at(data, VARIANCE), data, fixed=fixed, randomised=randomised)


def test_shrout_and_fleiss(prepare: Prepare):
    """Six targets by four judges (Shrout & Fleiss 1979, table 2): ICC(2,1) = 0.29, ICC(3,1) = 0.71 by mean squares."""
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    table = pd.DataFrame(
        [(target, judge, value) for target, row in enumerate(ratings) for judge, value in enumerate(row)],
        columns=["subject", "scanner", "value"],
    )
    data = prepare(table)
    strata = Layout(data).strata
    assert strata is not None
    squares = strata.sums_of_squares(table["value"].to_numpy(dtype=float))
    pure = strata.weight[:, -1] == 0  # the mean has no mean square of its own
    variance = np.linalg.solve(strata.weight[pure, :-1], squares[pure] / strata.degrees_of_freedom[pure])
    posterior = at(data, variance)
    random_judges = Stability().icc(posterior, data, fixed=set(), randomised={"scanner"})
    fixed_judges = Stability().icc(posterior, data, fixed={"scanner"}, randomised=set())
    assert random_judges.item() == pytest.approx(0.2898, abs=5e-5)
    assert fixed_judges.item() == pytest.approx(0.7148, abs=5e-5)


# Native units


def test_native_units(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    table["value"] = 100.0 + 20.0 * table["value"]  # standardised, so one sd of the model's scale is 20 units
    found = estimate(prepare(table, unit="HU"))
    within, across = 20.0 * np.sqrt(SESSION + RESIDUAL), 20.0 * np.sqrt(SESSION + SCANNER + SUBJECT_SCANNER + RESIDUAL)
    assert float(found["mean"]) == pytest.approx(100.0 + 20.0 * 0.5)
    assert float(found["within_subject_sd"]) == pytest.approx(within)
    assert float(found["wcv"]) == pytest.approx(within / 110.0)
    assert float(found["rc"]) == pytest.approx(COVERAGE * within)
    assert float(found["rdc"]) == pytest.approx(COVERAGE * across)
    np.testing.assert_allclose(found["sd"], 20.0 * np.sqrt(VARIANCE))
    np.testing.assert_allclose(found["share"], VARIANCE / 127.0)
    sem = [within, across, 20.0 * np.sqrt(ROBUSTNESS_ERROR), 20.0 * np.sqrt(VARIANCE.sum() - SUBJECT)]
    np.testing.assert_allclose(found["sem"], sem)
    np.testing.assert_allclose(found["mdc"], COVERAGE * np.array(sem))
    units = {str(name): own.attrs["unit"] for name, own in found.data_vars.items()}
    assert {name for name, unit in units.items() if unit == "HU"} == {
        *("mean", "sd", "finite_sd", "sem", "mdc", "within_subject_sd", "rc", "rdc")
    }
    assert {name for name, unit in units.items() if unit == "1"} == {"icc", "icc_above", "share", "wcv"}


def test_thresholds(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(**ALL))
    found = (
        Stability(thresholds=(0.5, 0.6, 0.99)).estimands(at(data, VARIANCE), data)["icc_above"].isel(chain=0, draw=0)
    )
    assert found.sel(condition="overall").values.tolist() == [True, False, False]  # 64 / 127
    assert found.sel(condition="repeatability").values.tolist() == [True, True, False]


def test_no_coefficient_of_variation_about_a_mean_that_may_be_zero(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    data = prepare(table)
    above, below = at(data, VARIANCE, mu=0.5), at(data, VARIANCE, mu=-0.5).assign_coords(draw=[1])
    found = Stability().estimands(xr.concat([above, below], "draw"), data)
    assert "wcv" not in found
    assert "may be zero" in json.loads(found.attrs["absent"])["wcv"]


# The log scale


def test_log_scale(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    table["value"] = np.exp(2.0 + 0.1 * table["value"])
    found = estimate(prepare(table, scale="log", unit="mm"))
    within, across = 0.1 * np.sqrt(SESSION + RESIDUAL), 0.1 * np.sqrt(SESSION + SCANNER + SUBJECT_SCANNER + RESIDUAL)
    assert float(found["geometric_mean"]) == pytest.approx(np.exp(2.0 + 0.1 * 0.5))
    assert found["geometric_mean"].attrs["unit"] == "mm"
    assert float(found["within_subject_sd"]) == pytest.approx(within)
    assert float(found["wcv"]) == pytest.approx(np.sqrt(np.exp(within**2) - 1.0))
    assert float(found["rc_upper"]) == pytest.approx(100.0 * (np.exp(COVERAGE * within) - 1.0))
    assert float(found["rc_lower"]) == pytest.approx(100.0 * (np.exp(-COVERAGE * within) - 1.0))
    assert float(found["rdc_upper"]) == pytest.approx(100.0 * (np.exp(COVERAGE * across) - 1.0))
    assert float(found["rdc_lower"]) == pytest.approx(100.0 * (np.exp(-COVERAGE * across) - 1.0))
    assert float(found["mdc_upper"].sel(condition="repeatability")) == pytest.approx(float(found["rc_upper"]))
    assert found["rc_upper"].attrs["unit"] == "%"
    assert {"mean", "rc", "rdc", "mdc"} <= json.loads(found.attrs["absent"]).keys()
    np.testing.assert_allclose(found["sd"], 0.1 * np.sqrt(VARIANCE))


# Ranks have no units


def test_ranks_have_no_units(make_table: MakeTable, prepare: Prepare):
    found = estimate(prepare(make_table(**ALL), scale="rank_normal", unit="HU"))
    assert set(found.data_vars) == {"share", "icc", "icc_above"}
    absent = json.loads(found.attrs["absent"])
    assert {"sd", "finite_sd", "mean", "sem", "mdc", "within_subject_sd", "wcv", "rc", "rdc"} <= absent.keys()
    assert "z_score" in absent["rc"]


# What the design does not have


def test_conditions_that_the_design_does_not_have(make_table: MakeTable, prepare: Prepare):
    found = estimate(prepare(make_table(subject=6, preprocessing=4)), np.array([4.0, 2.0, 1.0]))
    assert found["condition"].values.tolist() == ["robustness", "overall"]
    assert float(found["icc"].sel(condition="robustness")) == pytest.approx(4 / 7)
    absent, unavailable = (json.loads(found.attrs[name]) for name in ("absent", "unavailable"))
    assert "no scanner was named" in absent["rdc"]
    assert "no session was named" in absent["rc"]
    assert absent["wcv"] == absent["within_subject_sd"] == unavailable["repeatability"]


def test_replicates_without_sessions_are_repeatability(prepare: Prepare):
    table = pd.DataFrame({"subject": list("aabbccdd"), "value": [1.0, 2, 4, 3, 6, 9, 7, 7.5]})
    found = estimate(prepare(table), np.array([3.0, 1.0]))
    assert float(found["icc"].sel(condition="repeatability")) == pytest.approx(0.75)


# Finite-population sds, by hand


def test_finite_population_sds(make_table: MakeTable, prepare: Prepare):
    table = make_table(subject=3, session=2, scanner=2, preprocessing=2)
    table["value"] = 50.0 + 10.0 * table["value"]
    data = prepare(table)
    alpha = np.array([1.0, 2.0, 6.0])  # mean 3: (4 + 1 + 9) / 2
    beta = np.array([1.0, 3.0, 0.0, 0.0, -1.0, 1.0])  # within subjects: (2 + 0 + 2) / 3
    gamma = np.array([4.0, 6.0])  # 2 / 1
    # Subjects by scanners: rows and columns centred leaves ±d of (1, 0; 0, 1; 1, 1): residuals by hand below.
    alpha_gamma = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    posterior = at(data, np.ones(7), alpha=alpha, beta=beta, gamma=gamma, alpha_gamma=alpha_gamma)
    found = Stability().estimands(posterior, data)["finite_sd"].isel(chain=0, draw=0)
    # Cells (1, 0), (0, 1), (1, 1) less row and column means plus the grand mean: ±1/2, ∓1/2, 0; four quarters over two.
    expected = {"subject": 7.0, "session": 4.0 / 3.0, "scanner": 2.0, "subject:scanner": 0.5, "preprocessing": 0.0}
    for name, variance in expected.items():
        assert float(found.sel(component=name)) == pytest.approx(10.0 * np.sqrt(variance), abs=1e-9)
    fitted = 0.5 + alpha[data["subject_index"]] + beta[data["session_index"]] + gamma[data["scanner_index"]]
    left = data["value"].values - fitted - alpha_gamma[data["subject_scanner_index"]]
    assert float(found.sel(component="residual")) == pytest.approx(10.0 * left.std(ddof=1))


def test_finite_population_sd_of_visits_is_within_subject_and_scanner(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(subject=2, session=2, scanner=2, preprocessing=2), Stability(session="visit"))
    beta = np.array([0.0, 2.0, 5.0, 5.0, 1.0, -1.0, 3.0, 4.0])  # pairs: 2 + 0 + 2 + 1/2 over four
    posterior = at(data, np.ones(data.sizes["component"]), beta=beta)
    found = Stability().estimands(posterior, data)["finite_sd"].sel(component="session")
    assert found.item() == pytest.approx(data.attrs["scale"] * np.sqrt(4.5 / 4.0))
