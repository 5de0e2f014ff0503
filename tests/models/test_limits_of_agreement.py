"""Bland & Altman's limits: exact on closed forms, and with the pairs that a plot of them shows."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.errors import DesignError, FitError, TableError
from bayesrg.models import Stability
from bayesrg.models.layout import EFFECTS
from bayesrg.models.limits_of_agreement import bland_altman, observed_pairs

MakeTable = Callable[..., pd.DataFrame]
Prepare = Callable[..., xr.Dataset]
ALL = {"subject": 4, "session": 2, "scanner": 2, "preprocessing": 3}
SUBJECT, SESSION, SCANNER, PREPROCESSING, SUBJECT_SCANNER, SUBJECT_PREPROCESSING, RESIDUAL = VARIANCE = (
    2.0 ** np.arange(6, -1, -1)
)
DELTA = np.array([1.0, 2.0, 6.0])


def at(data: xr.Dataset, variance: np.ndarray = VARIANCE, **effects: np.ndarray) -> xr.Dataset:
    """A posterior of one draw with all effects; those that are not given are zero."""
    dims = {effect: dim for effect, dim in EFFECTS.values() if dim in data.coords}
    arrays = {effect: np.asarray(effects.get(effect, np.zeros(data.sizes[dim]))) for effect, dim in dims.items()}
    return xr.Dataset(
        {
            "variance": (("chain", "draw", "component"), np.asarray(variance, dtype=float)[None, None]),
            "mu": (("chain", "draw"), [[0.5]]),
            **{effect: (("chain", "draw", dims[effect]), array[None, None]) for effect, array in arrays.items()},
        },
        coords={"chain": [0], "draw": [0], "component": data["component"], **{d: data[d] for d in dims.values()}},
    )


@pytest.fixture(scope="module")
def in_units(make_table: MakeTable, prepare: Prepare) -> xr.Dataset:
    """A feature whose model scale is 20 HU."""
    table = make_table(**ALL)
    return prepare(table.assign(value=100.0 + 20.0 * table["value"]), unit="HU")


def test_levels_of_a_crossed_facet(in_units: xr.Dataset):
    found = bland_altman(at(in_units, delta=DELTA), in_units, "preprocessing")
    assert found["pair"].values.tolist() == ["0 − 1", "0 − 2", "1 − 2"]
    bias = np.array([-20.0, -100.0, -80.0])
    spread = 20.0 * np.sqrt(2 * (SUBJECT_PREPROCESSING + RESIDUAL))
    np.testing.assert_allclose(found["bias"].squeeze(), bias)
    np.testing.assert_allclose(found["sd"].squeeze(), np.full(3, spread))
    np.testing.assert_allclose(found["lower"].squeeze(), bias - 1.96 * spread)
    np.testing.assert_allclose(found["upper"].squeeze(), bias + 1.96 * spread)
    assert all(own.attrs["unit"] == "HU" for own in found.data_vars.values())
    assert all("doi:" in own.attrs["reference"] for own in found.data_vars.values())
    assert found.attrs["comparison"].endswith("differ in preprocessing, subject:preprocessing, residual")


def test_chosen_levels(in_units: xr.Dataset):
    found = bland_altman(at(in_units, delta=DELTA), in_units, "preprocessing", levels=["2", "0"])
    assert (found["first"].values.tolist(), found["second"].values.tolist()) == (["2"], ["0"])
    assert found["bias"].item() == pytest.approx(100.0)


def test_sessions_of_a_subject_have_the_repeatability_coefficient_as_limits(in_units: xr.Dataset):
    posterior = at(in_units)
    found = bland_altman(posterior, in_units, "session")
    rc = Stability().estimands(posterior, in_units)["rc"].item()
    assert found["bias"].item() == 0.0
    assert found["upper"].item() == pytest.approx(rc)
    assert found["lower"].item() == pytest.approx(-rc)
    assert found["pair"].values.tolist() == ["a session − another session"]


@pytest.mark.parametrize(
    ("session", "another", "error"),
    [
        ("nested", False, SUBJECT_SCANNER + RESIDUAL),
        ("nested", True, SUBJECT_SCANNER + SESSION + RESIDUAL),
        ("crossed", False, SUBJECT_SCANNER + RESIDUAL),
        ("crossed", True, SUBJECT_SCANNER + SESSION + RESIDUAL),
        # Each scan is a visit of its own, so the session is another one whatever is asked for.
        ("visit", False, SUBJECT_SCANNER + SESSION + RESIDUAL),
        ("visit", True, SUBJECT_SCANNER + SESSION + RESIDUAL),
    ],
)
def test_session_is_the_same_or_another(
    make_table: MakeTable, prepare: Prepare, session: str, another: bool, error: float
):
    data = prepare(make_table(**ALL), Stability(session=session))
    found = bland_altman(at(data, gamma=[0.0, 0.5]), data, "scanner", another_session=another)
    assert found["sd"].item() == pytest.approx(data.attrs["scale"] * np.sqrt(2 * error))
    assert found["bias"].item() == pytest.approx(-0.5 * data.attrs["scale"])
    assert ("session" in found.attrs["components"]) == (error > SUBJECT_SCANNER + RESIDUAL)


def test_crossed_sessions_have_a_bias(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(**ALL), Stability(session="crossed"))
    found = bland_altman(at(data, beta=[0.0, 0.25]), data, "session")
    assert found["bias"].item() == pytest.approx(-0.25 * data.attrs["scale"])
    assert found["sd"].item() == pytest.approx(data.attrs["scale"] * np.sqrt(2 * RESIDUAL))


def test_log_scale_gives_percentages(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    data = prepare(table.assign(value=np.exp(0.1 * table["value"])), scale="log")
    found = bland_altman(at(data, delta=DELTA), data, "preprocessing", levels=["1", "0"])
    spread = 0.1 * np.sqrt(2 * (SUBJECT_PREPROCESSING + RESIDUAL))
    assert found["bias"].item() == pytest.approx(100 * (np.exp(0.1) - 1))
    assert found["upper"].item() == pytest.approx(100 * (np.exp(0.1 + 1.96 * spread) - 1))
    assert found["lower"].item() == pytest.approx(100 * (np.exp(0.1 - 1.96 * spread) - 1))
    assert found["sd"].item() == pytest.approx(spread)
    assert [found[name].attrs["unit"] for name in ("bias", "sd", "lower", "upper")] == ["%", "log", "%", "%"]


def test_many_features_each_in_its_own_units(make_table: MakeTable):
    table = make_table(**ALL)
    table["other"] = 1000.0 * np.random.default_rng(5).standard_normal(len(table))
    table.loc[table["preprocessing"] == 2, "other"] = np.nan
    columns = {role: role for role in ALL}
    data = Stability().prepare(table, features=["value", "other"], unit={"value": "mm"}, **columns)
    one = at(data, delta=DELTA)
    posterior = xr.concat([one, one], xr.IndexVariable("feature", ["value", "other"]))
    found = bland_altman(posterior, data, "preprocessing")
    assert found["bias"].dims == ("chain", "draw", "feature", "pair")
    alone = Stability().select(data, "value")
    xr.testing.assert_allclose(
        found["upper"].sel(feature="value").drop_vars(["feature", "unit", "family", "location", "scale"]),
        bland_altman(one, alone, "preprocessing")["upper"],
    )
    scale = float(data["scale"].sel(feature="other"))
    np.testing.assert_allclose(found["bias"].sel(feature="other").squeeze(), [-scale, np.nan, np.nan])
    np.testing.assert_array_equal(found["sd"].sel(feature="other").isnull().squeeze(), [False, True, True])
    assert found["unit"].sel(feature="value").item() == "mm"
    within = bland_altman(posterior, data, "session")["upper"].squeeze()
    np.testing.assert_allclose(within, 1.96 * np.sqrt(2 * (SESSION + RESIDUAL)) * data["scale"])

    pairs = observed_pairs(data, "preprocessing", levels=["0", "2"])
    assert pairs["difference"].sizes == {"measured_pair": 16, "feature": 2}
    assert pairs["difference"].sel(feature="other").isnull().all()
    assert pairs["difference"].sel(feature="value").notnull().all()


# What cannot be


def test_normal_scores_have_no_units(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(**ALL), scale="rank_normal")
    with pytest.raises(FitError, match="normal scores have lost"):
        bland_altman(at(data), data, "scanner")
    with pytest.raises(FitError, match="normal scores have lost"):
        observed_pairs(data, "scanner")


@pytest.mark.parametrize("levels", [["0", "9"], ["0"], ["0", "0"]])
def test_levels_that_cannot_be_compared(in_units: xr.Dataset, levels: list[str]):
    with pytest.raises(TableError, match="two or more of 0, 1, 2"):
        bland_altman(at(in_units), in_units, "preprocessing", levels=levels)


def test_facets_that_are_not_there(make_table: MakeTable, prepare: Prepare, in_units: xr.Dataset):
    data = prepare(make_table(subject=4, scanner=3))
    with pytest.raises(DesignError, match="no levels of 'preprocessing' to compare; it has scanner"):
        bland_altman(at(data, np.ones(3)), data, "preprocessing")
    with pytest.raises(DesignError, match="needs sessions"):
        bland_altman(at(data, np.ones(3)), data, "scanner", another_session=True)
    with pytest.raises(DesignError, match="leave levels out"):
        bland_altman(at(in_units), in_units, "session", levels=["0", "1"])
    with pytest.raises(DesignError, match="leave levels out"):
        observed_pairs(in_units, "session", levels=["0", "1"])
    with pytest.raises(TableError, match="name two levels of preprocessing"):
        observed_pairs(in_units, "preprocessing")


# Observed pairs


def rows(text: str) -> pd.DataFrame:
    lines = [line.split() for line in text.strip().splitlines()]
    table = pd.DataFrame(lines, columns=["subject", "session", "scanner", "value"])
    return table.assign(value=table["value"].astype(float))


CELLS = """
    a 1 x 10
    a 1 y 13
    a 2 x 11
    a 2 y 15
    b 1 x 20
    b 1 x 24
    b 1 y 30
    b 2 y 31
    c 1 x 40
    c 1 y 47
    c 2 x 44
    c 2 y 52
"""


def pairs_of(data: xr.Dataset, facet: str) -> list[tuple[str, float, float]]:
    found = observed_pairs(data, facet)
    return sorted(
        zip(
            found["subject"].values.tolist(),
            np.round(found["difference"].values, 9).tolist(),
            np.round(found["mean"].values, 9).tolist(),
            strict=True,
        )
    )


def test_pairs_share_all_but_the_facet(prepare: Prepare):
    data = prepare(rows(CELLS))
    assert pairs_of(data, "scanner") == [
        ("a", -4.0, 13.0),
        ("a", -3.0, 11.5),
        ("b", -10.0, 25.0),  # the first replicate alone has a partner
        ("c", -8.0, 48.0),
        ("c", -7.0, 43.5),
    ]
    assert pairs_of(data, "session") == [
        ("a", -2.0, 14.0),
        ("a", -1.0, 10.5),
        ("b", -1.0, 30.5),
        ("c", -5.0, 49.5),
        ("c", -4.0, 42.0),
    ]
    assert pairs_of(data, "replicate") == [("b", -4.0, 22.0)]


def test_visits_are_paired_in_their_order(prepare: Prepare):
    table = rows(
        """
        a 1 x 10
        a 3 x 11
        a 2 y 13
        a 4 y 15
        b 1 x 20
        b 2 x 21
        b 7 y 30
        b 9 y 33
        """
    )
    table = pd.concat([table.assign(preprocessing="p"), table.assign(preprocessing="q", value=table["value"] ** 1.1)])
    data = prepare(table, Stability(session="visit", interactions=()))
    found = observed_pairs(data, "scanner")
    first = found["difference"].values[np.isclose(found["mean"].values, [[11.5], [13.0], [25.0], [27.0]]).any(axis=0)]
    assert sorted(np.round(first, 9).tolist()) == [-12.0, -10.0, -4.0, -3.0]
    assert found.sizes["measured_pair"] == 8


def test_next_session_of_three(prepare: Prepare):
    table = rows("a 1 x 1\na 1 x 1.5\na 2 x 3\na 9 x 7\nb 4 x 1\nb 5 x 2\nb 5 x 2.25\nc 1 x 9\nc 2 x 7").drop(
        columns="scanner"
    )
    assert pairs_of(prepare(table), "session") == [
        ("a", -4.0, 5.0),
        ("a", -2.0, 2.0),
        ("b", -1.0, 1.5),
        ("c", 2.0, 8.0),
    ]


def test_log_pairs_are_ratios_and_geometric_means(prepare: Prepare):
    table = pd.DataFrame({"subject": list("aabbcc"), "scanner": list("xyxyxy"), "value": [1.0, 4, 9, 4, 5, 5]})
    found = observed_pairs(prepare(table, scale="log", unit="mm"), "scanner")
    np.testing.assert_allclose(found["difference"], [-75.0, 125.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(found["mean"], [2.0, 6.0, 5.0])
    assert (found["difference"].attrs["unit"], found["mean"].attrs["unit"]) == ("%", "mm")


def test_limits_hold_95_percent_of_simulated_pairs(make_table: MakeTable, prepare: Prepare):
    design = prepare(make_table(subject=1500, session=2, scanner=2))
    variance = xr.DataArray([1.0, 0.3, 0.2, 0.15, 0.25], coords={"component": design["component"]})
    tree = Stability().simulate(design, np.random.default_rng(2), xr.Dataset({"variance": variance, "mu": 0.0}))
    data = tree["data"].to_dataset()
    gamma = tree["parameters"]["gamma"].values
    for facet in ("scanner", "session"):
        limits = bland_altman(at(data, variance.values, gamma=gamma), data, facet).squeeze()
        differences = observed_pairs(data, facet)["difference"]
        inside = ((differences > limits["lower"].item()) & (differences < limits["upper"].item())).mean()
        assert float(inside) == pytest.approx(0.95, abs=0.012)
