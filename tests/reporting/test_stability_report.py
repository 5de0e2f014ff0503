"""What the report of a stability fit says, against the fit it is about."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference import fit, summary
from bayesrg.models import Stability
from bayesrg.reporting import report
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.rounding import equation, probability, significant
from bayesrg.reporting.stability.study import Study
from bayesrg.reporting.writing import PAGES

SIX_LINES = {
    "subject",
    "session",
    "scanner",
    "preprocessing",
    "subject × scanner",
    "subject × preprocessing",
    "residual",
}


def cells(page, table: str) -> pd.DataFrame:
    """A table of the page as text, indexed by its first column."""
    rows = page.one("div", id=f"table-{table}").all("tr")
    texts = [[cell.words for cell in row.children] for row in rows]
    return pd.DataFrame(texts[1:], columns=texts[0]).set_index(texts[0][0])


def csv(written: dict[str, Path], name: str, table: str, **options) -> pd.DataFrame:
    return pd.read_csv(written[name].parent / f"{name}_files" / f"{table}.csv", index_col=0, **options)


@pytest.mark.parametrize(("name", "line"), [("full", "✓ Converged."), ("log", "✓ Converged.")])
def test_the_first_line_is_the_verdict(pages, name, line):
    assert pages[name].one("body").one("header").children[0].words == line


def test_the_answer_is_the_fits_own(pages, full, hostile):
    icc = full["estimands"]["icc"].sel(condition="overall").values.ravel()
    low, high = np.quantile(icc, [0.025, 0.975])
    chance = equation(probability((icc > 0.75).mean(), icc.size)).replace("\u00a0", " ")
    answer = pages["full"].one("span", class_="answer").words
    expected = f"overall ICC {icc.mean():.2f} (95 % interval {low:.2f}–{high:.2f}); P(ICC > 0.75) {chance};"
    assert answer.startswith(f"{hostile['feature']}: {expected}")


def test_a_fit_that_failed_says_so_everywhere(pages, written):
    page = pages["failed"]
    assert page.one("head").one("title").words.startswith("NOT CONVERGED")
    assert page.one("header").children[0].words.startswith("✕ NOT CONVERGED: ")
    assert page.one("h1").words.startswith("NOT CONVERGED")
    assert page.one("section", id="verdict").all("p")[0].words.startswith("NOT CONVERGED: ")
    assert page.one("blockquote").words.startswith("NOT CONVERGED: ")
    assert "FAILED" in set(cells(page, "diagnostics")["Outcome"])
    for figure in page.all("figure"):
        drawn = " ".join(text.words for text in figure.one("svg").all("text"))
        assert "NOT CONVERGED" in drawn
        assert figure.one("svg").one("title").words.startswith("NOT CONVERGED")
        assert "NOT CONVERGED" in figure.one("figcaption").words
    for file in (written["failed"].parent / "failed_files").glob("*.svg"):
        assert "NOT CONVERGED" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["full", "log", "rank_normal"])
def test_a_fit_that_converged_never_says_the_opposite(written, name):
    assert "NOT CONVERGED" not in written[name].read_text(encoding="utf-8")


def test_the_summary_table_is_the_summary(written, full):
    expected = summary(full).drop(columns="verdict")
    found = csv(written, "full", "summary", keep_default_na=False, na_values=["", "nan"]).drop(columns="verdict")
    pd.testing.assert_frame_equal(found.fillna({"unit": ""}), expected, check_names=False, rtol=1e-12)


def test_subjects_are_not_named(written, hostile):
    files = [written["full"], *(written["full"].parent / "full_files").iterdir()]
    assert len(files) > 15
    for file in files:
        assert hostile["subject"] not in file.read_text(encoding="utf-8"), file


def test_subjects_are_named_when_asked(full, tmp_path, read, hostile):
    page = read(report(full, tmp_path / "named.html", show_subjects=True))
    labels = full["constant_data"]["subject"].values
    shown = " ".join(cells(page, "patterns")["Labels"])
    written = pd.read_csv(tmp_path / "named_files" / "patterns.csv")["labels"]
    assert {name for row in written for name in row.split(", ")} == set(labels)
    assert hostile["subject"] in shown


def test_a_diagnostic_at_a_subject_does_not_name_it(small_fits):
    spoiled = small_fits["log"].copy(deep=True)
    spoiled["posterior"]["alpha"][0, :, 3] += 100.0
    shown = PAGES[Stability](Fitted(spoiled, Stability()), False)[0]
    named = PAGES[Stability](Fitted(spoiled, Stability()), True)[0]
    assert "at alpha[level 4 of 12]" in shown.verdict
    assert "at alpha[s3]" in named.verdict
    assert set(shown.summary["verdict"]) == {shown.diagnosis.verdict}


def test_the_model_shows_the_components_of_the_fit_and_no_others(pages):
    assert set(cells(pages["full"], "components").index) == SIX_LINES
    assert set(cells(pages["log"], "components").index) == {"subject", "preprocessing", "residual"}
    formula = pages["log"].one("section", id="model").all("div", class_="formula")[0].words
    assert "δ" in formula
    assert "β" not in formula
    assert "γ" not in formula


def test_conditions_are_defined_by_components_that_add_up(full):
    study = Study(Fitted(full, Stability()), False)
    variance = full["posterior"]["variance"]
    for condition, (signal, error) in study.partitions.items():
        parts = [variance.sel(component=names).sum("component") for names in (signal, error)]
        ratio = parts[0] / (parts[0] + parts[1])
        xr.testing.assert_allclose(
            ratio.drop_vars("condition", errors="ignore"),
            full["estimands"]["icc"].sel(condition=condition, drop=True).transpose(*ratio.dims),
        )


def test_design_facts(pages):
    words = pages["full"].one("section", id="data").words
    assert "145 measurements of 14 subjects, 28 sessions, 2 scanners and 3 preprocessings" in words
    assert "3 of 148 rows were left out" in words
    assert "23 of 168 combinations of subject, session, scanner and preprocessing are missing (14 %)" in words
    assert "The design is not balanced." in words
    small = pages["log"].one("section", id="data").words
    assert "No cell is missing: all 24 combinations of subject and preprocessing were measured." in small
    assert "The design is balanced." in small
    assert "cannot tell it from other components: subject × preprocessing" in small


def test_counts_of_cells_and_patterns_account_for_every_measurement(written):
    assert csv(written, "full", "cells").to_numpy().sum() == 145
    patterns = csv(written, "full", "patterns")
    assert patterns["subjects"].sum() == 14
    assert (patterns["subjects"] * patterns["measurements"]).sum() == 145


def test_prior_stands_beside_posterior(pages, written, full):
    found = csv(written, "full", "icc")
    for group in ("prior", "posterior"):
        source = full["prior_estimands" if group == "prior" else "estimands"]["icc_above"]
        for limit in (0.75, 0.9):
            expected = source.sel(threshold=limit).mean(("chain", "draw"))
            np.testing.assert_allclose(found[f"{group} P(ICC > {limit:g})"], expected)
    assert float(cells(pages["full"], "icc").loc["overall", "P(ICC > 0.75) prior"]) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("name", ["full", "log"])
def test_each_prior_has_its_reason(pages, full, name):
    described = json.loads(full["provenance"].attrs["model"])["priors"]["variances"]
    words = pages[name].one("div", id="table-priors").words
    for part in ("total_sd", "signal_share", "error_shares"):
        assert described[part]["why"] in words


def test_coefficients_have_units_and_a_sentence(pages, full, hostile):
    table = cells(pages["full"], "coefficients")
    assert set(table["Unit"]) == {hostile["unit"], "%"}
    assert table.loc["within-subject coefficient of variation (wCV)", "Unit"] == "%"
    rc = float(full["estimands"]["rc"].mean())
    shown = table.loc["repeatability coefficient (RC)", "Estimate"]
    assert float(shown) == pytest.approx(rc, rel=0.05)
    assert f"differ by less than {shown} {hostile['unit']} in 95 % of pairs (RC" in pages["full"].words


def test_absent_estimands_have_their_reason(pages, small_fits):
    log = pages["log"].one("section", id="coefficients").words
    assert "repeatability coefficient (RC)" in log
    assert "no session was named and no cell was measured twice" in log
    assert "population mean :" not in log
    assert "minimal detectable change (MDC), decrease" in log
    ranks = pages["rank_normal"].one("section", id="coefficients").words
    assert "which normal scores have lost" in ranks
    assert not pages["rank_normal"].all("div", id="table-coefficients")
    absent = json.loads(small_fits["rank_normal"]["estimands"].attrs["absent"])
    assert absent["sd"] in pages["rank_normal"].one("section", id="variances").words


def test_log_scale_changes_are_asymmetric_percentages(pages):
    table = cells(pages["log"], "coefficients")
    down = table.loc["minimal detectable change (MDC), decrease"]
    up = table.loc["minimal detectable change (MDC), increase"]
    assert set(down["Unit"]) == set(up["Unit"]) == {"%"}
    assert all(-100 < float(value.replace("−", "-")) < 0 for value in down["Estimate"])
    assert all(float(value) > 0 for value in up["Estimate"])
    assert table.loc["population geometric mean", "Unit"] == "mL"


def test_the_predictive_check_by_level_is_computed_from_the_replicates(full, written):
    table = csv(written, "full", "prediction")
    scale = full["constant_data"].attrs["scale"]
    observed = full["observed_data"]["value"].values
    replicated = full["posterior_predictive"]["value"].values.reshape(-1, observed.size)
    for number, label in enumerate(full["constant_data"]["preprocessing"].values):
        own = full["constant_data"]["preprocessing_index"].values == number
        row = table.loc[f"preprocessing {label}"]
        spread = replicated[:, own].std(axis=1, ddof=1)
        assert row["measurements"] == own.sum()
        assert row["sd_values"] == pytest.approx(scale * observed[own].std(ddof=1))
        assert row["tail_values"] == pytest.approx((spread >= observed[own].std(ddof=1)).mean())
        assert row["replicated_values_upper"] == pytest.approx(scale * np.quantile(spread, 0.975))


def test_a_level_with_more_noise_is_found(small_fits, tmp_path, read):
    noisy = small_fits["log"].copy(deep=True)
    own = noisy["constant_data"]["preprocessing_index"].values == 1
    noisy["observed_data"]["value"][own] += np.random.default_rng(5).normal(scale=2, size=own.sum())
    words = read(report(noisy, tmp_path / "noisy.html")).one("section", id="prediction").words
    sentence = re.search(r"The spread of (.*?) is not what the model reproduces", words)
    assert sentence
    assert "preprocessing 1" in sentence[1]


def test_sensitivity_is_arviz_power_scaling(full, written):
    import arviz as az

    scaled = xr.DataTree.from_dict(
        {
            "posterior": full["estimands"].to_dataset()[["icc"]],
            "log_likelihood": full["log_likelihood"].to_dataset()[["joint"]],
            "log_prior": full["log_prior"].to_dataset(),
        }
    )
    found = csv(written, "full", "sensitivity")
    for group in ("prior", "likelihood"):
        expected = az.psense(scaled, group=group)["icc"]
        for condition in expected["condition"].values:
            value = float(expected.sel(condition=condition))
            assert found.loc[f"icc[{condition}]", group] == pytest.approx(value)


def test_sensitive_estimands_are_named_in_words(pages, written):
    found = csv(written, "full", "sensitivity")
    words = pages["full"].one("section", id="sensitivity").words
    sensitive = found.index[found["prior"] >= 0.05]
    if len(sensitive):
        assert f"{len(sensitive)} of {len(found)} estimands are sensitive to the prior" in words
    else:
        assert "No estimand is sensitive to the prior" in words
    assert all(name in words for name in sensitive)


def test_the_methods_paragraph_states_what_was_done(pages, full, hostile):
    text = pages["full"].one("blockquote").words
    versions = json.loads(full["provenance"].attrs["versions"])
    for stated in (
        hostile["feature"],
        "145 measurements of 14 subjects, 28 sessions, 2 scanners and 3 preprocessings, sessions nested in subjects",
        "3 rows without a value were left out",
        "LogNormal(0, 0.7) on the total standard deviation",
        f"nutpie {versions['nutpie']}, PyMC {versions['pymc']}",
        "4 chains of 1500 draws after 1000 warm-up draws, seed 21",
        "no transitions diverged",
        "95 % equal-tailed credible intervals",
    ):
        assert stated in text, stated
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(", ")}
    assert cited == set(range(1, len(pages["full"].one("ol", class_="references").children) + 1))


def test_the_record_states_versions_seed_and_data(pages, full):
    table = cells(pages["full"], "record")["Value"]
    assert table["Seed"] == "21"
    assert table["SHA-256 of the data"] == full["provenance"].attrs["data_sha256"]
    for name, version in json.loads(full["provenance"].attrs["versions"]).items():
        assert table[f"Version of {name}"] == version


def test_the_prior_predictive_check_is_of_the_prior_predictive(pages, full):
    drawn = full["prior_predictive"]["value"].std("measurement", ddof=1).values.ravel()
    low, high = np.quantile(drawn, [0.025, 0.975]) * full["constant_data"].attrs["scale"]
    words = pages["full"].one("figure", id="figure-prior_predictive").one("desc").words
    assert f"from {significant(low)} to {significant(high)}" in words


def test_the_same_fit_gives_the_same_bytes_and_stays_as_it_was(full, written, tmp_path):
    before = full.copy(deep=True)
    again = report(full, str(tmp_path / "new" / "full.html"), model=Stability())
    assert again.read_bytes() == written["full"].read_bytes()
    assert {path.name for path in again.parent.iterdir()} == {"full.html", "full_files"}
    for file in (again.parent / "full_files").iterdir():
        assert file.read_bytes() == (written["full"].parent / "full_files" / file.name).read_bytes()
    assert full.identical(before)


def test_a_model_without_a_report_is_refused_by_name(full, tmp_path):
    with pytest.raises(TypeError, match="no report for a dict; there is one for Association, MultiRegion, Stability"):
        report(full, tmp_path / "page.html", model={})
    assert list(tmp_path.iterdir()) == []


def test_levels_in_units_of_their_own(tmp_path, read):
    rng = np.random.default_rng(41)
    table = pd.DataFrame(list(np.ndindex(15, 2, 3)), columns=["subject", "session", "processing"])
    table["feature"] = 5 + 2 * rng.normal(size=15)[table["subject"]] + 0.5 * rng.normal(size=len(table))
    table.loc[table["processing"] == 2, "feature"] *= 100
    columns = {"features": "feature", "subject": "subject", "session": "session", "preprocessing": "processing"}
    pooled = Stability()
    data = pooled.prepare(table, **columns)
    caution = json.loads(data.attrs["cautions"])[0]
    page = read(report(fit(pooled, data, seed=42, progress=False), tmp_path / "pooled.html"))
    for section in ("verdict", "data"):
        assert caution[1:] in page.one("section", id=section).one("p", class_="caution").words

    model = Stability(heteroscedastic="preprocessing")
    tree = fit(model, model.prepare(table, **columns), seed=43, progress=False)
    page = read(report(tree, tmp_path / "own.html"))
    assert not page.all("p", class_="caution")
    assert "λ" in page.one("section", id="model").all("div", class_="formula")[0].words
    assert "how consistent subjects are after each preprocessing has been calibrated" in page.words
    shown = cells(page, "coefficients")
    spread = {row["Condition"]: row["Estimate"] for _, row in shown.loc[["sd of single measurements"]].iterrows()}
    for label, mean in tree["estimands"]["level_sd"].mean(("chain", "draw")).to_series().items():
        assert float(spread[f"preprocessing {label}"]) == pytest.approx(mean, rel=0.05)
    residual = np.exp(tree["posterior"]["log_scale"]) * tree["posterior"]["variance"].sel(component="residual") ** 0.5
    found = pd.read_csv(tmp_path / "own_files" / "prediction.csv", index_col=0)
    expected = residual.sel(preprocessing="0").mean()
    assert found.loc["preprocessing 0", "sd_residuals"] == pytest.approx(float(expected), rel=0.1)
