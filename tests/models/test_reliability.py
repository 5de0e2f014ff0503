"""The classical coefficients: against published tables, their definitions, and a sample of a large study."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.errors import DesignError
from bayesrg.inference import Sampler
from bayesrg.models import Stability
from bayesrg.models.layout import EFFECTS
from bayesrg.models.reliability import concordance, reliability_forms

MakeTable = Callable[..., pd.DataFrame]
Prepare = Callable[..., xr.Dataset]
ALL = {"subject": 4, "session": 2, "scanner": 2, "preprocessing": 3}
# Powers of two: every sum of some of them is another number.
SUBJECT, SESSION, SCANNER, PREPROCESSING, SUBJECT_SCANNER, SUBJECT_PREPROCESSING, RESIDUAL = VARIANCE = (
    2.0 ** np.arange(6, -1, -1)
)
# Six targets by four judges (Shrout & Fleiss 1979, table 2).
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)


def ratings(*, judges: bool) -> pd.DataFrame:
    rows = [(target, judge, value) for target, row in enumerate(RATINGS) for judge, value in enumerate(row)]
    table = pd.DataFrame(rows, columns=["subject", "scanner", "value"])
    return table if judges else table.drop(columns="scanner")


def at(data: xr.Dataset, variance: np.ndarray, **effects: np.ndarray) -> xr.Dataset:
    """A posterior of one draw: the variances, and the effects that are given."""
    dims = {effect: dim for effect, dim in EFFECTS.values() if effect in effects}
    arrays = {effect: np.asarray(effects[effect], dtype=float) for effect in dims}
    return xr.Dataset(
        {
            "variance": (("chain", "draw", "component"), np.asarray(variance, dtype=float)[None, None]),
            **{effect: (("chain", "draw", dims[effect]), array[None, None]) for effect, array in arrays.items()},
        },
        coords={"chain": [0], "draw": [0], "component": data["component"], **{d: data[d] for d in dims.values()}},
    )


def ratio(signal: float, error: float) -> float:
    return signal / (signal + error)


def prepare_many(table: pd.DataFrame, features: list[str]) -> xr.Dataset:
    columns = {role: role for role in ALL if role in table}
    return Stability().prepare(table, features=features, **columns)


def stack(posteriors: dict[str, xr.Dataset]) -> xr.Dataset:
    return xr.concat(posteriors.values(), xr.IndexVariable("feature", list(posteriors)))


# Shrout & Fleiss


def test_published_two_way_forms(prepare: Prepare):
    data = prepare(ratings(judges=True))
    targets, judges = RATINGS.mean(axis=1), RATINGS.mean(axis=0)
    left = RATINGS - targets[:, None] - judges + RATINGS.mean()
    between, judge, error = 4 * targets.var(ddof=1), 6 * judges.var(ddof=1), (left**2).sum() / 15
    assert [between, judge, error] == pytest.approx([11.24, 32.49, 1.02], abs=0.005)  # their table 3
    variance = [(between - error) / 4, (judge - error) / 6, error]
    found = reliability_forms(at(data, variance), data)["reliability"].sel(facet="scanner").squeeze()
    published = {"ICC(2,1)": 0.29, "ICC(3,1)": 0.71, "ICC(2,k)": 0.62, "ICC(3,k)": 0.91}
    for form, value in published.items():
        assert float(found.sel(form=form)) == pytest.approx(value, abs=0.005)
    assert float(found.sel(form="ICC(3,1)")) == pytest.approx((between - error) / (between + 3 * error), abs=1e-12)
    assert float(found.sel(form="ICC(3,k)")) == pytest.approx((between - error) / between, abs=1e-12)
    two_way = (between - error) / (between + 3 * error + 4 * (judge - error) / 6)
    assert float(found.sel(form="ICC(2,1)")) == pytest.approx(two_way, abs=1e-12)
    assert float(found.sel(form="ICC(2,k)")) == pytest.approx(
        (between - error) / (between + (judge - error) / 6), abs=1e-12
    )


def test_published_one_way_forms(prepare: Prepare):
    data = prepare(ratings(judges=False))
    between, within = 4 * RATINGS.mean(axis=1).var(ddof=1), RATINGS.var(axis=1, ddof=1).mean()
    assert [between, within] == pytest.approx([11.24, 6.26], abs=0.005)
    dataset = reliability_forms(at(data, [(between - within) / 4, within]), data)
    found = dataset["reliability"].sel(facet="replicate").squeeze()
    assert dataset["k"].item() == 4
    assert float(found.sel(form="ICC(1,1)")) == pytest.approx(0.166, abs=0.0005)
    assert float(found.sel(form="ICC(1,1)")) == pytest.approx((between - within) / (between + 3 * within), abs=1e-12)
    assert float(found.sel(form="ICC(1,k)")) == pytest.approx((between - within) / between, abs=1e-12)
    assert round(float(found.sel(form="ICC(1,k)")), 2) == 0.44
    assert found.sel(form=["ICC(2,1)", "ICC(2,k)", "ICC(3,1)", "ICC(3,k)"]).isnull().all()
    absent = json.loads(dataset.attrs["absent"])
    assert "own levels of replicate" in absent["replicate, ICC(3,k)"]
    assert absent["scanner"] == "no scanner was named"


# McGraw & Wong's definitions, facet by facet

WITHIN = {"nested": SESSION, "visit": SESSION, "crossed": 0.0}


@pytest.mark.parametrize("session", ["nested", "crossed", "visit"])
def test_forms_of_every_facet(make_table: MakeTable, prepare: Prepare, session: str):
    data = prepare(make_table(**ALL), Stability(session=session))
    dataset = reliability_forms(at(data, VARIANCE), data)
    found = dataset["reliability"].squeeze(("chain", "draw"))
    assert dict(zip(found["form"].values, found["mcgraw_wong"].values, strict=True)) == {
        **{"ICC(1,1)": "ICC(1)", "ICC(1,k)": "ICC(k)", "ICC(2,1)": "ICC(A,1)"},
        **{"ICC(2,k)": "ICC(A,k)", "ICC(3,1)": "ICC(C,1)", "ICC(3,k)": "ICC(C,k)"},
    }
    # A session that only one scanner saw differs between scanners; one that all saw is in the image that is held fixed.
    scanners = {
        "signal": SUBJECT + SUBJECT_PREPROCESSING + (SESSION if session == "nested" else 0),
        "level": SCANNER,
        "error": SUBJECT_SCANNER + RESIDUAL + (SESSION if session == "visit" else 0),
    }
    pipelines = {
        "signal": SUBJECT + SUBJECT_SCANNER + (0 if session == "crossed" else SESSION),
        "level": PREPROCESSING,
        "error": SUBJECT_PREPROCESSING + RESIDUAL,
    }
    sessions = {
        "signal": SUBJECT + SUBJECT_SCANNER + SUBJECT_PREPROCESSING,
        "level": SESSION if session == "crossed" else 0,
        "error": RESIDUAL + (0 if session == "crossed" else SESSION),
    }
    for facet, k, parts in (("scanner", 2, scanners), ("preprocessing", 3, pipelines), ("session", 2, sessions)):
        signal, level, error = parts["signal"], parts["level"], parts["error"]
        agreement = [ratio(signal, level + error), ratio(signal, (level + error) / k)]
        consistency = [ratio(signal, error), ratio(signal, error / k)]
        two_way = [*agreement, *consistency] if level else [np.nan] * 4
        np.testing.assert_allclose(found.sel(facet=facet), [*agreement, *two_way])
        assert float(dataset["k"].sel(facet=facet)) == k
    assert ("session, ICC(2,1)" in json.loads(dataset.attrs["absent"])) == (session != "crossed")


def test_agreement_form_is_the_robustness_of_the_estimands(balanced: xr.Dataset):
    posterior = at(balanced, VARIANCE)
    robustness = Stability().icc(posterior, balanced, fixed={"session", "scanner"}, randomised={"preprocessing"})
    form = reliability_forms(posterior, balanced)["reliability"].sel(facet="preprocessing", form="ICC(2,1)")
    assert form.item() == pytest.approx(robustness.item())


def test_nested_levels_average_by_the_harmonic_mean(prepare: Prepare):
    rows = [
        (subject, session, replicate)
        for subject, n in enumerate([1, 2, 4])
        for session in range(n)
        for replicate in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["subject", "session", "replicate"])
    table["value"] = np.random.default_rng(3).standard_normal(len(table))
    data = prepare(table)
    dataset = reliability_forms(at(data, [4.0, 2.0, 1.0]), data)
    mean = 3 / (1 + 1 / 2 + 1 / 4)
    assert float(dataset["k"].sel(facet="session")) == pytest.approx(mean)
    assert float(dataset["k"].sel(facet="replicate")) == 2
    found = dataset["reliability"].sel(facet="session", form="ICC(1,k)").item()
    # The mean over subjects of the error variance of their own means.
    assert found == pytest.approx(ratio(4.0, np.mean([3.0 / n for n in (1, 2, 4)])))


def test_no_raters_at_all(prepare: Prepare, make_table: MakeTable):
    data = prepare(ratings(judges=False)).assign_attrs(replicated=0)
    with pytest.raises(DesignError, match="no raters"):
        reliability_forms(at(data, [1.0, 1.0]), data)
    with pytest.raises(DesignError, match="no facet crosses the subjects"):
        concordance(at(data, [1.0, 1.0]), data)


def test_many_features_are_each_alone(make_table: MakeTable, prepare: Prepare):
    table = make_table(**ALL)
    table["other"] = np.random.default_rng(5).standard_normal(len(table))
    # The other feature was never measured in one preprocessing.
    table.loc[table["preprocessing"] == 2, "other"] = np.nan
    data = prepare_many(table, ["value", "other"])
    delta = np.array([1.0, 3.0, 100.0])
    gamma = np.array([-1.0, 1.0])
    posteriors = {
        "value": at(data, VARIANCE, gamma=gamma, delta=delta),
        "other": at(data, VARIANCE[::-1], gamma=2 * gamma, delta=delta),
    }
    posterior = stack(posteriors)
    forms, agreement = reliability_forms(posterior, data), concordance(posterior, data)
    assert forms["reliability"].dims == ("chain", "draw", "feature", "facet", "form")
    assert agreement["ccc"].dims == ("chain", "draw", "feature", "facet")
    for feature in ("value", "other"):
        alone = Stability().select(data, feature)
        own = posterior.sel(feature=feature).sel(preprocessing=alone["preprocessing"].values)
        for name, many, one in (("reliability", forms, reliability_forms), ("ccc", agreement, concordance)):
            xr.testing.assert_allclose(
                many[name].sel(feature=feature, drop=True), one(own, alone)[name].drop_vars("feature")
            )
    assert forms["k"].sel(facet="preprocessing").values.tolist() == [3, 2]
    error = VARIANCE[::-1][[5, 6]].sum()
    assert agreement["ccc"].sel(feature="other", facet="preprocessing").item() == pytest.approx(
        ratio(VARIANCE[::-1][[0, 1, 4]].sum(), 2.0 + error)
    )


def test_every_variable_says_what_it_is(balanced: xr.Dataset):
    posterior = at(balanced, VARIANCE, gamma=np.zeros(2), delta=np.zeros(2))
    for dataset in (reliability_forms(posterior, balanced), concordance(posterior, balanced)):
        for own in dataset.data_vars.values():
            assert own.attrs["unit"] == "1"
            assert own.attrs["meaning"]
            assert "doi:" in own.attrs["reference"]


# Concordance


def test_concordance_by_hand(make_table: MakeTable, prepare: Prepare):
    data = prepare(make_table(**ALL))
    gamma, delta = np.array([5.0, 8.0]), np.array([1.0, 2.0, 6.0])
    dataset = concordance(at(data, VARIANCE, gamma=gamma, delta=delta), data)
    # Barnhart et al.: half the mean squared difference of the pairs.
    pairs = np.mean([(1 - 2) ** 2, (1 - 6) ** 2, (2 - 6) ** 2]) / 2
    signal, error = SUBJECT + SESSION + SUBJECT_SCANNER, SUBJECT_PREPROCESSING + RESIDUAL
    found = dataset.sel(facet="preprocessing").squeeze()
    assert float(found["ccc"]) == pytest.approx(ratio(signal, pairs + error))
    assert float(found["precision"]) == pytest.approx(ratio(signal, error))
    assert float(found["precision"] * found["accuracy"]) == pytest.approx(float(found["ccc"]))
    # Lin: 2 s12 / (s1^2 + s2^2 + (m1 - m2)^2), both variances being signal and error.
    signal, error = SUBJECT + SESSION + SUBJECT_PREPROCESSING, SUBJECT_SCANNER + RESIDUAL
    lin = 2 * signal / (2 * (signal + error) + 3.0**2)
    assert dataset["ccc"].sel(facet="scanner").item() == pytest.approx(lin)
    assert "session" in json.loads(dataset.attrs["absent"])


@pytest.fixture(scope="module")
def sampler(make_table: MakeTable, prepare: Prepare) -> Sampler:
    """A compiled model of subjects by scanners."""
    return Sampler(Stability(), prepare(make_table(subject=6, scanner=3)))


@pytest.mark.parametrize("scanners", [2, 4])
def test_concordance_of_a_large_study_is_that_of_its_sample(prepare: Prepare, sampler: Sampler, scanners: int):
    rng = np.random.default_rng(scanners)
    subjects = 400
    values = (
        rng.normal(0, 1, (subjects, 1)) + np.linspace(-0.5, 0.5, scanners) + rng.normal(0, 0.4, (subjects, scanners))
    )
    table = pd.DataFrame(list(np.ndindex(subjects, scanners)), columns=["subject", "scanner"]).assign(
        value=values.ravel()
    )
    data = prepare(table)
    variances, _ = sampler.sample(Stability(), data, seed=1, draws=500, tune=300, chains=2)
    found = concordance(variances.merge(Stability().recover(variances, data, rng)), data)["ccc"]
    covariance, means = np.cov(values.T, ddof=0), values.mean(axis=0)
    one, other = np.triu_indices(scanners, 1)
    differences = ((means[one] - means[other]) ** 2).sum()
    sample = 2 * covariance[one, other].sum() / ((scanners - 1) * np.trace(covariance) + differences)
    assert float(found.mean()) == pytest.approx(sample, abs=0.004)
    assert 0.003 < float(found.std()) < 0.03
