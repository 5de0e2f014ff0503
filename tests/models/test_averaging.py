"""The decision study: divisors by counting, coefficients by hand, and designs that are good enough."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.errors import DesignError, FitError
from bayesrg.models import Stability
from bayesrg.models import averaging as module
from bayesrg.models.averaging import cheapest, decision_study
from bayesrg.models.layout import FACETS, Layout

MakeTable = Callable[..., pd.DataFrame]
Prepare = Callable[..., xr.Dataset]
ALL = {"subject": 4, "session": 2, "scanner": 2, "preprocessing": 3}
SUBJECT, SESSION, SCANNER, PREPROCESSING, SUBJECT_SCANNER, SUBJECT_PREPROCESSING, RESIDUAL = VARIANCE = (
    2.0 ** np.arange(6, -1, -1)
)
MAIN = ("session", "scanner", "preprocessing")


def at(data: xr.Dataset, *variances: np.ndarray) -> xr.Dataset:
    """A posterior with these draws of the variances."""
    return xr.Dataset(
        {"variance": (("chain", "draw", "component"), np.asarray(variances, dtype=float)[None])},
        coords={"chain": [0], "draw": np.arange(len(variances)), "component": data["component"]},
    )


def random_posterior(data: xr.Dataset, features: list[str] | None = None, draws: int = 50) -> xr.Dataset:
    rng = np.random.default_rng(4)
    shape = (2, draws, *([len(features)] if features else []), data.sizes["component"])
    dims = ("chain", "draw", *(["feature"] if features else []), "component")
    coords = {"component": data["component"]} | ({"feature": features} if features else {})
    return xr.Dataset({"variance": (dims, rng.gamma(2.0, size=shape))}, coords=coords)


@pytest.mark.parametrize("session", ["nested", "crossed", "visit"])
def test_divisors_by_counting(make_table: MakeTable, prepare: Prepare, session: str):
    """The variance of a subject's mean is each component's times its sum of squared shares of measurements."""
    model = Stability(session=session)
    averaged = {"session": 3, "scanner": 2, "preprocessing": 4}
    planned = Layout(prepare(make_table(subject=3, **averaged, replicate=2), model))
    one = planned.levels("subject") == 0
    contribution = {"residual": RESIDUAL / one.sum()}
    for name, variance in zip(planned.components, VARIANCE, strict=False):
        share = np.bincount(planned.levels(name)[one]) / one.sum()
        contribution[name] = variance * (share**2).sum()
    crossed = [name for name in MAIN if "subject" not in planned.facets[name]]
    relative = sum(value for name, value in contribution.items() if name != "subject" and name not in crossed)
    absolute = relative + sum(contribution[name] for name in crossed)

    data = prepare(make_table(**ALL), model)
    study = decision_study(at(data, VARIANCE), data, sessions=[1, 3], scanners=[2, 5], preprocessings=[4], replicates=2)
    assert study["generalisability"].dims == ("chain", "draw", "n_session", "n_scanner", "n_preprocessing")
    found = study.sel(n_session=3, n_scanner=2, n_preprocessing=4)
    assert found["generalisability"].item() == pytest.approx(SUBJECT / (SUBJECT + relative))
    assert found["dependability"].item() == pytest.approx(SUBJECT / (SUBJECT + absolute))
    assert all(study[name].attrs["unit"] == "1" for name in ("generalisability", "dependability"))
    assert all("doi:" in study[name].attrs["reference"] for name in ("generalisability", "dependability"))


def test_crossed_design_by_hand(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(**ALL), Stability(session="crossed"))
    found = decision_study(at(data, VARIANCE), data, sessions=[5], scanners=[2], preprocessings=[3]).squeeze()
    relative = SUBJECT_SCANNER / 2 + SUBJECT_PREPROCESSING / 3 + RESIDUAL / 30
    assert float(found["generalisability"]) == pytest.approx(64 / (64 + relative))
    main = SESSION / 5 + SCANNER / 2 + PREPROCESSING / 3
    assert float(found["dependability"]) == pytest.approx(64 / (64 + relative + main))


@pytest.mark.parametrize("session", ["nested", "crossed", "visit"])
@pytest.mark.parametrize("fixed", [(), ("scanner",), ("session", "scanner"), MAIN])
def test_single_measurements_have_the_icc_of_fixed_and_randomised_facets(
    make_table: MakeTable, prepare: Prepare, session: str, fixed: tuple[str, ...]
):
    model = Stability(session=session)
    data = prepare(make_table(**ALL), model)
    posterior = at(data, VARIANCE)
    found = decision_study(posterior, data, sessions=[1], scanners=[1], preprocessings=[1], fixed=fixed)
    icc = model.icc(posterior, data, fixed=fixed, randomised=FACETS - {*fixed})
    assert found["dependability"].item() == pytest.approx(icc.item())
    assert json.loads(found.attrs["fixed"]) == sorted(fixed)


def test_fixed_facet_belongs_to_the_universe_score(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(**ALL))
    found = decision_study(
        at(data, VARIANCE), data, sessions=[2], scanners=[4], preprocessings=[3], fixed=["scanner"]
    ).squeeze()
    universe = SUBJECT + SUBJECT_SCANNER / 4
    relative = SESSION / 2 + SUBJECT_PREPROCESSING / 3 + RESIDUAL / 24
    assert float(found["generalisability"]) == pytest.approx(universe / (universe + relative))
    assert float(found["dependability"]) == pytest.approx(universe / (universe + relative + PREPROCESSING / 3))


def test_infinitely_many_levels_leave_no_error(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(**ALL))
    study = decision_study(
        at(data, VARIANCE), data, sessions=[1, np.inf], scanners=[1, np.inf], preprocessings=[2]
    ).squeeze()
    found = study["generalisability"]
    pipelines = SUBJECT_PREPROCESSING / 2
    assert float(found.sel(n_session=np.inf, n_scanner=1)) == pytest.approx(64 / (64 + SUBJECT_SCANNER + pipelines))
    assert float(found.sel(n_session=np.inf, n_scanner=np.inf)) == pytest.approx(64 / (64 + pipelines))
    assert float(found.sel(n_session=1, n_scanner=np.inf)) == pytest.approx(64 / (64 + SESSION + pipelines))


def test_only_facets_of_the_design(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(subject=5, scanner=3))
    study = decision_study(at(data, [4.0, 2.0, 1.0]), data)
    assert dict(study.sizes) == {"chain": 1, "draw": 1, "n_scanner": 5}
    np.testing.assert_allclose(study["generalisability"].squeeze(), 4 / (4 + 1 / np.arange(1, 6)))
    np.testing.assert_allclose(study["dependability"].squeeze(), 4 / (4 + 3 / np.arange(1, 6)))
    assert json.loads(study.attrs["within_residual"]) == ["subject:scanner"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sessions": [2]}, "the design has no session"),
        ({"scanners": [0]}, "whole numbers of at least 1"),
        ({"scanners": [1.5]}, "whole numbers of at least 1"),
        ({"scanners": [2, 2]}, "each once"),
        ({"scanners": []}, "whole numbers of at least 1"),
        ({"scanners": [np.nan]}, "whole numbers of at least 1"),
        ({"replicates": 0}, "replicates"),
        ({"replicates": np.inf}, "finite"),
        ({"fixed": ["session"]}, "the design's facets are scanner"),
    ],
)
def test_designs_that_cannot_be(make_table: MakeTable, prepare: Prepare, options: dict, message: str):
    data = prepare(make_table(subject=5, scanner=3))
    with pytest.raises(DesignError, match=message):
        decision_study(at(data, np.ones(3)), data, **options)


# Many features


@pytest.mark.parametrize("block", [1, 1000, 10**9])
def test_reduction_is_that_of_the_draws(
    make_table: MakeTable, prepare: Prepare, monkeypatch: pytest.MonkeyPatch, block: int
):
    monkeypatch.setattr(module, "BLOCK", block)
    data = prepare(make_table(**ALL))
    posterior = random_posterior(data, ["a", "b", "c"])
    numbers = {"sessions": [1, 2], "scanners": [1, 3], "preprocessings": [1]}
    whole = decision_study(posterior, data, **numbers)
    mean = decision_study(posterior, data, **numbers, reduce="mean")
    quantiles = decision_study(posterior, data, **numbers, reduce=[0.025, 0.5])
    assert mean["dependability"].dims == ("feature", "n_session", "n_scanner", "n_preprocessing")
    assert quantiles["dependability"].dims == ("quantile", *mean["dependability"].dims)
    xr.testing.assert_allclose(mean, whole.mean(("chain", "draw")))
    xr.testing.assert_allclose(quantiles, whole.quantile([0.025, 0.5], ("chain", "draw")))
    alone = decision_study(posterior.sel(feature="b"), data, **numbers)
    xr.testing.assert_allclose(whole.sel(feature="b"), alone)
    assert mean["dependability"].attrs == whole["dependability"].attrs


# The cheapest design


@pytest.fixture(scope="module")
def crossed_pair(make_table: MakeTable, prepare: Prepare) -> xr.Dataset:
    return prepare(make_table(subject=5, session=2, scanner=3))


def test_cheapest_designs_by_hand(crossed_pair: xr.Dataset):
    # Components: subject, session, scanner, subject:scanner, residual.
    posterior = at(crossed_pair, [4.0, 4.0, 0.0, 4.0, 0.0], [4.0, 1.0, 0.0, 1.0, 0.0])
    study = decision_study(posterior, crossed_pair, sessions=[1, 2, 4], scanners=[1, 2, 4], replicates=3)
    # E rho^2 = 1 / (1 + v (1/a + 1/b)) with v = 1 or 1/4: above 0.55 where 1/a + 1/b < 0.82, or < 3.27.
    certain = cheapest(study, 0.55, 1.0)
    assert certain[["n_session", "n_scanner", "measurements"]].to_numpy().tolist() == [[2, 4, 24], [4, 2, 24]]
    assert certain["probability"].tolist() == [1.0, 1.0]
    likely = cheapest(study, 0.55, 0.5)
    assert likely[["n_session", "n_scanner", "measurements", "probability"]].to_numpy().tolist() == [[1, 1, 3, 0.5]]
    never = cheapest(study, 0.95, 0.5)
    assert never["reached"].tolist() == [False]
    assert never["measurements"].isna().all()
    assert never["probability"].tolist() == [0.0]
    assert never.attrs == {"target": 0.95, "probability": 0.5, "coefficient": "generalisability"}


def test_cheapest_for_absolute_decisions_counts_main_effects(crossed_pair: xr.Dataset):
    study = decision_study(at(crossed_pair, [4.0, 0.0, 4.0, 0.0, 0.0]), crossed_pair, sessions=[1], scanners=[1, 2, 3])
    assert cheapest(study, 0.7, 0.9)["measurements"].tolist() == [1]
    assert cheapest(study, 0.7, 0.9, "dependability")["n_scanner"].tolist() == [3]


def test_infinite_designs_are_not_bought(crossed_pair: xr.Dataset):
    posterior = at(crossed_pair, [4.0, 4.0, 0.0, 0.0, 0.0])
    study = decision_study(posterior, crossed_pair, sessions=[1, 2, np.inf], scanners=[1])
    assert cheapest(study, 0.9, 0.9)["reached"].tolist() == [False]
    assert cheapest(study, 0.6, 0.9)["n_session"].tolist() == [2]
    with pytest.raises(FitError, match="infinitely many"):
        cheapest(study.isel(n_session=[2]), 0.6, 0.9)


def test_cheapest_of_many_features_and_of_a_reduced_study(crossed_pair: xr.Dataset):
    posterior = random_posterior(crossed_pair, ["a", "b", "c", "d"], draws=200)
    numbers = {"sessions": [1, 2, 4, 8], "scanners": [1, 2, 4, 8]}
    study = decision_study(posterior, crossed_pair, **numbers)
    table = cheapest(study, 0.6, 0.8)
    assert set(table["feature"]) == {"a", "b", "c", "d"}
    assert set(table["reached"]) == {True, False}
    for feature, own in table.groupby("feature"):
        alone = cheapest(study.sel(feature=feature), 0.6, 0.8)
        pd.testing.assert_frame_equal(own.drop(columns="feature").reset_index(drop=True), alone)
        assert ((own["probability"] >= 0.8) == own["reached"]).all()
    reduced = decision_study(posterior, crossed_pair, **numbers, reduce=[0.2, 0.5])
    pd.testing.assert_frame_equal(cheapest(reduced, 0.6, 0.8), table.drop(columns="probability"))
    with pytest.raises(FitError, match=r"reduce=\[0.1\]"):
        cheapest(reduced, 0.6, 0.9)
