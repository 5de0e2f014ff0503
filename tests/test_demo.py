"""The demo in small: every stage runs, the truth is held against the posterior, and a second run resumes."""

import json

import numpy as np
import pandas as pd
import pytest

from bayesrg import demo
from bayesrg.inference import fitting, load
from bayesrg.radiomics import FEATURES
from bayesrg.simulation.lesions import simulate_lesions


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs into one folder, with what each said; the second one need not compile again."""
    folder = tmp_path_factory.mktemp("demo") / "deeper"
    compile_anew, samplers = fitting.Sampler, {}

    def find_or_compile(model, data):
        if type(model) not in samplers:
            samplers[type(model)] = compile_anew(model, data)
        return samplers[type(model)]

    said = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fitting, "Sampler", find_or_compile)
        small = {
            "n_subjects": 4,
            "n_tumors": 8,
            "draws": 200,
            "tune": 300,
            "chains": 2,
            "progress": False,
            "say": said.append,
        }
        first = demo.demonstrate(folder, **small)
        kept = {path.name: path.stat().st_mtime_ns for path in (folder / "features.parquet.finished").iterdir()}
        second = demo.demonstrate(folder, **small)
    return first, second, kept, said


def test_everything_is_written_and_told(runs):
    first, _, _, said = runs
    assert [line[:3] for line in said if line[0].isdigit()] == [f"{stage}/7" for stage in range(1, 8)] * 2
    features = pd.read_parquet(first.features)
    assert features.groupby(["subject", "session", "scanner"]).ngroups == 16
    assert list(features["preprocessing"].unique()) == list(demo.LEVELS)
    assert load(first.feature_fit)["constant_data"].attrs["feature"] == demo.FEATURE
    fitted = load(first.fit)
    left_out = json.loads(fitted["constant_data"].attrs["left_out"])
    columns = {name for name in features if name in FEATURES}
    assert {*fitted["posterior"]["feature"].values, *left_out} == columns
    assert len(columns) == 225
    regions = pd.read_csv(first.regions)
    assert regions["tumor"].nunique() == 8
    assert list(load(first.link_fit)["constant_data"]["region"].values) == list(
        regions["tumor"] + ":" + regions["region"]
    )
    for page in (first.report, first.feature_report, first.link_report):
        assert "<html" in page.read_text(encoding="utf-8")


def test_a_second_run_uses_the_features_and_gives_the_same_answer(runs):
    first, second, kept, _ = runs
    finished = second.features.with_name("features.parquet.finished")
    assert len(kept) == 16 * len(demo.LEVELS)
    assert {path.name: path.stat().st_mtime_ns for path in finished.iterdir()} == kept
    pd.testing.assert_frame_equal(first.comparison, second.comparison)
    pd.testing.assert_frame_equal(first.link_comparison, second.link_comparison)


def test_posterior_stands_beside_truth(runs):
    comparison = runs[0].comparison.set_index("quantity")
    truth = comparison["truth"].dropna()
    assert truth.drop("sd of the scanners drawn").round(6).to_dict() == {
        "mean of the population": 60.0,
        "sd of subject": 15.0,
        "sd of session": 5.0,
        "sd of scanner": 5.0,
        "ICC of repeatability": 0.9,
        "ICC of reproducibility": round(225 / 275, 6),
    }
    inside = (comparison["lower"] <= comparison["truth"]) & (comparison["truth"] <= comparison["upper"])
    assert [bool(known) for known in comparison.loc[truth.index, "inside"]] == list(inside[truth.index])
    assert comparison.loc[comparison["truth"].isna(), "inside"].isna().all()


def test_images_hold_what_the_truth_says(runs):
    """The feature without preprocessing is the sum of the effects, but for the interpolation to 2 mm."""
    features = pd.read_parquet(runs[0].features)
    truth = pd.read_csv(runs[0].features.with_name("truth.csv"))
    original = features[features["preprocessing"] == "original"].reset_index(drop=True)
    assert list(original["subject"]) == list(truth["subject"])
    np.testing.assert_allclose(original[demo.FEATURE], truth["region_mean"], atol=1.0)
    assert (truth["residual"] == 0).all()


def test_the_scanners_drawn_are_compared_as_drawn(runs):
    cohort = simulate_lesions(
        n_subjects=4, subject_sd=15.0, session_sd=5.0, scanner_sd=5.0, residual_sd=0.0, seed=demo.SEED
    )
    row = runs[0].comparison.set_index("quantity").loc["sd of the scanners drawn"]
    first, second = cohort.scanners["offset"]
    assert row["truth"] == pytest.approx(abs(first - second) / np.sqrt(2))
    assert row["mean"] == pytest.approx(row["truth"], abs=0.5)


def test_links_stand_beside_truth(runs):
    first = runs[0]
    comparison = first.link_comparison.set_index("quantity")
    scale = pd.read_csv(first.regions)[["statistics_mean", "glcm_joint_entropy_3d_merged"]].std()
    expected = {
        "B_0: statistics_mean by VEGFA": 0.7 * 15 / scale["statistics_mean"],
        "sd of B in space: glcm_joint_entropy_3d_merged by VEGFA": 0.7 * 0.8 / scale["glcm_joint_entropy_3d_merged"],
        "correlation length of B, mm": 12 * 1.239105,  # (1 + sqrt(3) d) exp(-sqrt(3) d) = 1/e at d = 1.239105
    }
    assert comparison["truth"][list(expected)].to_dict() == pytest.approx(expected, rel=1e-3)
    inside = (comparison["lower"] <= comparison["truth"]) & (comparison["truth"] <= comparison["upper"])
    assert list(comparison["inside"]) == list(inside)
    assert len(comparison) == 3 * 4 + 2


def test_the_first_link_is_what_regions_show(runs):
    """Within tumours, the feature rises with its gene: the sign that the posterior must find."""
    first = runs[0]
    regions = pd.read_csv(first.regions)
    own = regions[["statistics_mean", "VEGFA"]] - regions.groupby("tumor")[["statistics_mean", "VEGFA"]].transform(
        "mean"
    )
    slope = (own["statistics_mean"] * own["VEGFA"]).sum() / (own["VEGFA"] ** 2).sum()
    slope *= regions["VEGFA"].std() / regions["statistics_mean"].std()
    found = first.link_comparison.set_index("quantity").loc["B_0: statistics_mean by VEGFA"]
    assert found["lower"] < slope < found["upper"]
    assert found["lower"] > 0
