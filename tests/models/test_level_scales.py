"""The check for levels with different scales: where scales are known, and on prostate images, where units change."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayesrg import datasets
from bayesrg.models import Stability
from bayesrg.models.level_scales import ALIKE, DIFFERENT, MEANINGLESS, UNKNOWN, find_cautions, level_spread

Simulate = Callable[..., pd.DataFrame]
COLUMNS = {"subject": "subject", "scanner": "scanner", "preprocessing": "preprocessing"}


@pytest.fixture(scope="module")
def simulate() -> Simulate:
    """Make a table of features `f0`, `f1`, … whose preprocessings have the given scales, with two scanners."""

    def make(
        scales: list[float], features: int = 1, subjects: int = 12, seed: int = 0, skewed: bool = False
    ) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        table = pd.DataFrame(list(np.ndindex(subjects, 2, len(scales))), columns=list(COLUMNS))
        subject = rng.standard_normal((subjects, features))[table["subject"]]
        noise = rng.standard_normal((len(table), features))
        value = np.exp(1.2 * noise) if skewed else subject + 0.5 * noise
        value = 100.0 + np.asarray(scales)[table["preprocessing"]][:, None] * value
        return table.join(pd.DataFrame(value, columns=[f"f{number}" for number in range(features)]))

    return make


def prepare(table: pd.DataFrame, model: Stability | None = None, **options: str):
    features = [name for name in table if name.startswith("f")]
    return (model or Stability()).prepare(table, features=features, **COLUMNS, **options)


def test_locations_and_sds_are_those_of_the_raw_values(simulate: Simulate):
    table = simulate([1.0, 1.5, 2.0], features=2)
    found = level_spread(prepare(table))
    for facet in ("scanner", "preprocessing"):
        by_level = table.groupby(facet)[["f0", "f1"]]
        np.testing.assert_allclose(found[f"{facet}_location"], by_level.mean().to_numpy().T)
        np.testing.assert_allclose(found[f"{facet}_sd"], by_level.std().to_numpy().T)
    sd = table.groupby("preprocessing")["f0"].std()
    own = found.sel(feature="f0", facet="preprocessing")
    assert own["sd_ratio"].item() == pytest.approx(sd.max() / sd.min())
    assert own["widest"].item() == str(sd.idxmax())
    assert own["narrowest"].item() == str(sd.idxmin())


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_the_test_is_brown_and_forsythes_of_subject_means(simulate: Simulate, missing: float):
    table = simulate([1.0, 1.3, 2.0], features=3)
    rng = np.random.default_rng(1)
    for name in ("f0", "f1", "f2"):
        table[name] = table[name].mask(rng.uniform(size=len(table)) < missing)
    found = level_spread(prepare(table, Stability(interactions=())))["brown_forsythe_p"].sel(facet="preprocessing")
    for name in ("f0", "f1", "f2"):
        means = table.groupby(["preprocessing", "subject"])[name].mean().dropna()
        groups = [own.to_numpy() for _, own in means.groupby("preprocessing")]
        expected = stats.levene(*groups, center="median").pvalue
        assert found.sel(feature=name).item() == pytest.approx(expected, rel=1e-9)


def test_features_with_one_scale_are_seldom_flagged(simulate: Simulate):
    data = prepare(simulate([1.0] * 6, features=300))
    found = level_spread(data)
    assert set(np.unique(found["verdict"])) <= {ALIKE, DIFFERENT}
    # The limit and the test each have a false alarm of 1 %: of 600 comparisons 16 would be three sds above that.
    assert int((found["sd_ratio"] > found["ratio_limit"]).sum()) <= 16
    assert int((found["brown_forsythe_p"] < 0.01).sum()) <= 16
    assert find_cautions(data) == []
    assert data.attrs["cautions"] == "[]"


def test_the_limit_is_what_independent_levels_exceed_once_in_a_hundred():
    """Four scanners, each with its own subjects and replicates: the simulation's assumption holds exactly."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame(list(np.ndindex(4, 10, 2)), columns=["scanner", "subject", "replicate"])
    table["subject"] += 10 * table["scanner"]
    features = 2000
    value = rng.standard_normal((40, features))[table["subject"]] + rng.standard_normal((len(table), features))
    table = table.join(pd.DataFrame(value, columns=[f"f{number}" for number in range(features)]))
    names = [name for name in table if name.startswith("f")]
    data = Stability(interactions=()).prepare(table, features=names, subject="subject", scanner="scanner")
    above = float((level_spread(data)["sd_ratio"] > level_spread(data)["ratio_limit"]).mean())
    # 500 simulations place the limit between the 0.2 % and the 2.5 % quantile; the correlation is estimated too.
    assert 0.002 < above < 0.025


def test_a_moderate_difference_is_found_and_the_sentence_is_exact(simulate: Simulate):
    data = prepare(simulate([1.0, 1.0, 5.0]))
    assert level_spread(data)["verdict"].sel(facet="preprocessing").item() == DIFFERENT
    (sentence,) = json.loads(data.attrs["cautions"])
    assert sentence.startswith("preprocessing: f0 has sds that differ by preprocessing more than sampling explains")
    assert "averages over levels" in sentence
    assert "Stability(heteroscedastic='preprocessing')" in sentence


def test_units_that_change_make_the_pool_meaningless(simulate: Simulate):
    table = simulate([1.0, 30.0, 1000.0], features=3)
    data = prepare(table)
    assert (level_spread(data)["verdict"].sel(facet="preprocessing") == MEANINGLESS).all()
    (sentence,) = find_cautions(data)
    assert "3 of 3 features" in sentence
    assert "means nothing" in sentence
    assert "scale='log'" in sentence
    logarithms = prepare(np.exp(table / 500.0).assign(**table[list(COLUMNS)]), scale="log")
    assert (level_spread(logarithms)["verdict"].sel(facet="preprocessing") == MEANINGLESS).all()
    (sentence,) = find_cautions(logarithms)
    assert "scale='log'" not in sentence


def test_calibrated_levels_need_no_caution(simulate: Simulate):
    table = simulate([1.0, 30.0, 1000.0])
    data = prepare(table, Stability(heteroscedastic="preprocessing"))
    assert find_cautions(data) == []
    # The check still says what it would say of the raw values, and looks at scanners after calibration.
    found, raw = level_spread(data), level_spread(prepare(table))
    np.testing.assert_allclose(found["preprocessing_sd"], raw["preprocessing_sd"])
    assert found["verdict"].sel(facet="preprocessing").item() == MEANINGLESS
    assert found["verdict"].sel(facet="scanner").item() == ALIKE
    assert float(found["scanner_sd"].max()) < 1.5


def test_a_skewed_feature_with_one_scale_is_not_accused(simulate: Simulate):
    found = level_spread(prepare(simulate([1.0] * 6, features=100, skewed=True))).sel(facet="preprocessing")
    # Its sds exceed what normal values would give much more often than once in a hundred: the test protects it.
    assert float((found["sd_ratio"] > found["ratio_limit"]).mean()) > 0.1
    assert int((found["verdict"] == DIFFERENT).sum()) <= 3


def test_two_subjects_tell_nothing(simulate: Simulate):
    found = level_spread(prepare(simulate([1.0, 1000.0], subjects=2), Stability(interactions=())))
    assert (found["verdict"] == UNKNOWN).all()
    assert np.isnan(found["sd_ratio"]).all()


def test_a_level_without_spread_is_infinitely_narrow(simulate: Simulate):
    table = simulate([1.0, 1.0, 1.0])
    table.loc[table["preprocessing"] == 1, "f0"] = 7.0
    found = level_spread(prepare(table)).sel(facet="preprocessing")
    assert found["verdict"].item() == MEANINGLESS
    assert np.isinf(found["sd_ratio"].item())
    assert found["narrowest"].item() == "1"


def test_one_feature_alone_is_as_among_many(simulate: Simulate):
    table = simulate([1.0, 4.0], features=3)
    alone = Stability().prepare(table, features="f1", **COLUMNS)
    expected = level_spread(prepare(table)).sel(feature=["f1"])
    found = level_spread(alone)
    for name in ("sd_ratio", "ratio_limit", "brown_forsythe_p", "preprocessing_sd"):
        np.testing.assert_allclose(found[name], expected[name])
    assert (found["verdict"] == expected["verdict"]).all()


def test_a_design_without_facets_has_nothing_to_compare():
    table = pd.DataFrame({"subject": list("aabbccdd"), "value": [1.0, 2, 4, 3, 6, 9, 7, 7.5]})
    data = Stability().prepare(table, features="value", subject="subject")
    assert level_spread(data).sizes["facet"] == 0
    assert data.attrs["cautions"] == "[]"


@pytest.mark.data
def test_prostate_pipelines_are_found_to_be_in_different_units():
    table = pd.read_csv(datasets.path("qin_prostate/qin_prostate_T2_long.csv.gz"))
    table = table[(table["segmentedStructure"] == "WholeGland") & ~table["registered"]]
    features = [name for name in table if name.startswith("original_")]
    columns = {"subject": "patient", "session": "session", "preprocessing": "pipeline"}
    data = Stability().prepare(table, features=features, **columns)
    found = level_spread(data).sel(facet="preprocessing")
    verdict = dict(zip(found["feature"].values, found["verdict"].values, strict=True))
    assert verdict["original_shape_Volume"] == ALIKE  # the mask is the same in every pipeline
    assert verdict["original_glcm_Idm"] == DIFFERENT
    assert verdict["original_firstorder_Energy"] == verdict["original_glcm_Contrast"] == MEANINGLESS
    ratio = found["sd_ratio"].sel(feature="original_glcm_Contrast").item()
    sd = table.groupby("pipeline")["original_glcm_Contrast"].std()
    assert ratio == pytest.approx(sd.max() / sd.min())
    assert ratio > 10_000
    sentence, repeated = json.loads(data.attrs["cautions"])
    assert f"{(found['verdict'] == MEANINGLESS).sum().item()} of 83 features" in sentence
    assert "the same value at every preprocessing" in repeated
    assert "original_shape_" in repeated
    calibrated = Stability(heteroscedastic="preprocessing").prepare(table, features=features, **columns)
    assert json.loads(calibrated.attrs["cautions"]) == [repeated]
    np.testing.assert_allclose(
        calibrated["level_scale"].sel(feature="original_glcm_Contrast"), sd[calibrated["preprocessing"].values]
    )
