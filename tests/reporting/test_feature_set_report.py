"""What the report of a fit of many features says, against the fit it is about."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg.inference import fit, summary
from bayesrg.inference.fitting import data_of
from bayesrg.models import Stability
from bayesrg.models.averaging import decision_study
from bayesrg.models.limits_of_agreement import bland_altman
from bayesrg.models.ranking import rank_probability
from bayesrg.models.reliability import FORMS, concordance, reliability_forms
from bayesrg.reporting import SelectionRule, report
from bayesrg.reporting.feature_set.checklists import ITEMS
from bayesrg.reporting.feature_set.items import ANSWERS, NOT_HERE
from bayesrg.reporting.feature_set.limits import OWN_LEVELS, UNSEEN
from bayesrg.reporting.page import LARGEST_INSIDE

SECTIONS = [
    "verdict",
    "question",
    "data",
    "model",
    "icc",
    "ranks",
    "shares",
    "probabilities",
    "decision",
    "coefficients",
    "agreement",
    "selection",
    "priors",
    "diagnostics",
    "methods",
    "items",
    "record",
]
RULE = ("repeatability", "reproducibility", "robustness")
NAMES = ("many", "alone", "spoiled")
DRAWS = ("chain", "draw")


def cells(page, table: str) -> pd.DataFrame:
    """A table of the page as text, indexed by its first column."""
    rows = page.one("div", id=f"table-{table}").all("tr")
    texts = [[cell.words for cell in row.children] for row in rows]
    return pd.DataFrame(texts[1:], columns=texts[0]).set_index(texts[0][0])


def folder_of(page: Path) -> Path:
    return page.parent / f"{page.stem}_files"


def csv(written: dict[str, Path], name: str, table: str) -> pd.DataFrame:
    return pd.read_csv(folder_of(written[name]) / f"{table}.csv", index_col=0)


def kept_by(tree: xr.DataTree, limit: float, required: float, conditions=RULE) -> pd.Series:
    icc = tree["estimands"]["icc"].sel(condition=list(conditions))
    joint = (icc > limit).all("condition").mean(DRAWS)
    return joint.to_series() >= required


@pytest.mark.parametrize("name", NAMES)
def test_every_section_is_there_in_order_and_linked(many_pages, name):
    page = many_pages[name]
    assert [section.attributes["id"] for section in page.one("main").children] == SECTIONS
    assert [link.attributes["href"] for link in page.one("nav").all("a")] == [f"#{name}" for name in SECTIONS]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_refers_to_is_there(many_pages, many_written, name):
    elements = many_pages[name].all("a") + many_pages[name].all("use") + many_pages[name].all("image")
    ids = set(re.findall(r'\sid="([^"]+)"', many_written[name].read_text(encoding="utf-8")))
    for element in elements:
        address = element.attributes.get("href") or element.attributes.get("xlink:href") or ""
        if address.startswith("#"):
            assert address[1:] in ids
        elif element.name == "image":
            assert address.startswith("data:image/png;base64,")
        elif element.attributes.get("class") == "download":
            file = folder_of(many_written[name]) / element.attributes["download"]
            kind, _, text = address.partition(",")
            assert kind in {"data:text/csv;charset=utf-8", "data:application/json;charset=utf-8"}
            assert unquote(text) == file.read_text(encoding="utf-8")
        else:
            assert address.startswith("https://")


def test_a_long_tables_file_stands_beside_the_page(many_fits, tmp_path, read, monkeypatch):
    monkeypatch.setattr("bayesrg.reporting.page.LARGEST_INSIDE", 2000)
    page = read(report(many_fits["many"], tmp_path / "page & more.html"))
    links = [link for link in page.all("a", class_="download") if not link.attributes["href"].startswith("data:")]
    assert LARGEST_INSIDE > 2000
    assert links
    for link in links:
        assert (tmp_path / unquote(link.attributes["href"])).is_file()


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_says_what_it_shows_in_words_with_numbers(many_pages, name):
    figures = many_pages[name].all("figure")
    assert len(figures) >= 6
    for figure in figures:
        description = figure.one("svg").one("desc")
        assert len(re.findall(r"\d", description.text)) >= 2, description.text
        assert len(description.words) > 60
        assert figure.one("svg").all("text")


def test_the_answer_counts_what_the_rule_keeps(many_pages, many_fits):
    kept = kept_by(many_fits["many"], 0.75, 0.8)
    answer = many_pages["many"].one("span", class_="answer").words
    assert answer.startswith(f"{kept.sum()} of {len(kept)} features are repeatable, reproducible and robust")
    assert 0 < kept.sum() < len(kept)


def test_counts_by_condition_are_posteriors_of_counts(many_written, many_fits):
    table = csv(many_written, "many", "counts")
    icc = many_fits["many"]["estimands"]["icc"]
    for name in ("repeatability", "overall"):
        above = icc.sel(condition=name) > 0.75
        number = above.sum("feature").values
        assert table.loc[name, "surely"] == (above.mean(DRAWS) >= 0.8).sum()
        assert table.loc[name, "expected"] == pytest.approx(number.mean())
        assert table.loc[name, "lower"] == pytest.approx(np.quantile(number, 0.025))
    assert (table[["surely", "undecided", "surely_not"]].sum(axis=1) == icc.sizes["feature"]).all()


def test_iccs_are_the_summarys_and_ranked(many_written, many_fits):
    table = csv(many_written, "many", "icc")
    expected = summary(many_fits["many"], ["icc"])
    for feature, row in table.iterrows():
        for condition in ("overall", "robustness"):
            own = expected.loc[f"icc[{feature}, {condition}]"]
            for part in ("mean", "lower", "upper"):
                assert row[f"{condition}_{part}"] == pytest.approx(own[part], rel=1e-9)
    assert table["overall_mean"].is_monotonic_decreasing
    assert list(table["rank"]) == list(range(1, len(table) + 1))


def test_ranks_are_posteriors_of_ranks(many_written, many_fits):
    table = csv(many_written, "many", "ranks")
    expected = rank_probability(many_fits["many"]["estimands"]["icc"].sel(condition="overall"), best=[1])
    for name in ("mean_rank", "lower_rank", "upper_rank"):
        np.testing.assert_allclose(table[name], expected[name].to_series()[table.index])
    np.testing.assert_allclose(table["probability_among_best_1"].sum(), 1.0)


def test_a_ranking_of_one_is_not_made(many_pages):
    assert "A ranking of 1 feature says nothing" in many_pages["alone"].one("section", id="ranks").words
    assert not many_pages["alone"].all("figure", id="figure-ranks")


def test_probabilities_are_shares_of_draws_and_shaded(many_pages, many_written, many_fits):
    table = csv(many_written, "many", "probabilities")
    icc = many_fits["many"]["estimands"]["icc"]
    for column in table.columns[1:-1]:
        condition, limit = column.split(" > ")
        expected = (icc.sel(condition=condition) > float(limit)).mean(DRAWS).to_series()
        np.testing.assert_allclose(table[column], expected[table.index])
    assert (kept_by(many_fits["many"], 0.75, 0.8)[table.index] == (table["rule"] >= 0.8)).all()
    shaded = many_pages["many"].one("div", id="table-probabilities").all("tr")[1:]
    for row, value in zip(shaded, table["rule"], strict=True):
        shade = int(row.all("span")[0].attributes["class"].removeprefix("shade-"))
        assert shade == np.searchsorted([0.05, 0.2, 0.5, 0.8, 0.95], value, side="right")


def test_shares_of_each_feature_add_up_and_medians_are_theirs(many_pages, many_written, many_fits):
    table = csv(many_written, "many", "shares")
    means = table.filter(like="_mean")
    np.testing.assert_allclose(means.sum(axis=1), 1.0)
    shown = cells(many_pages["many"], "shares")
    glcm = table[table["family"] == "glcm"]
    assert float(shown.loc[f"glcm ({len(glcm)})", "subject"]) == pytest.approx(
        glcm["subject_mean"].median(), abs=0.005001
    )


def test_designs_count_the_features_that_reach_the_target(many_written, many_fits):
    tree = many_fits["many"]
    data = tree["constant_data"].to_dataset().assign(value=tree["observed_data"]["value"])
    numbers = {"sessions": [2], "scanners": [3], "preprocessings": [1]}
    found = decision_study(tree["posterior"].to_dataset(), data, **numbers)
    table = csv(many_written, "many", "designs")
    row = table[(table["n_session"] == 2) & (table["n_scanner"] == 3) & (table["n_preprocessing"] == 1)].iloc[0]
    for name in ("generalisability", "dependability"):
        # A quantile between two draws may lie on the other side of the target than the share of draws does.
        chance = (found[name] > 0.75).mean(DRAWS).values.ravel()
        assert (chance >= 0.801).sum() <= row[name] <= (chance >= 0.799).sum()
    assert row["measurements"] == 6


def test_coefficients_are_in_each_features_unit(many_pages, many_written, many_fits, hostile):
    table = csv(many_written, "many", "coefficients")
    expected = many_fits["many"]["estimands"]["rc"].mean(DRAWS).to_series()
    np.testing.assert_allclose(table["rc_mean"], expected[table.index])
    shown = cells(many_pages["many"], "coefficients")
    units = {name.split(" ")[0]: unit for name, unit in shown.iloc[:, 0].items()}
    assert units[hostile["feature"]] == hostile["unit"]
    assert units["histogram_mean"] == "grey level"


def drawn(tree: xr.DataTree) -> tuple[xr.Dataset, xr.Dataset]:
    """What the functions of `bayesrg.models` ask for: posterior and data."""
    return tree["posterior"].to_dataset(), data_of(tree)


def middle_and_ends(values: xr.DataArray) -> dict[str, pd.Series]:
    """By part: the median and the bounds of the 95 % interval of each feature."""
    draws, names = values.transpose(*DRAWS, "feature").values, values["feature"].values
    limits = {"median": 0.5, "lower": 0.025, "upper": 0.975}
    return {part: pd.Series(np.quantile(draws, limit, axis=(0, 1)), names) for part, limit in limits.items()}


def test_indices_of_every_feature_are_those_of_the_functions(many_written, many_fits):
    table = csv(many_written, "many", "agreement_by_feature")
    posterior, data = drawn(many_fits["many"])
    forms, ccc = reliability_forms(posterior, data), concordance(posterior, data)["ccc"]
    assert list(table.index) == list(csv(many_written, "many", "icc").index)
    compared = 0
    for facet in ("session", "scanner", "preprocessing"):
        np.testing.assert_allclose(table[f"{facet}_k"], forms["k"].sel(facet=facet).to_series()[table.index])
        for form in FORMS:
            expected = middle_and_ends(forms["reliability"].sel(facet=facet, form=form, drop=True))
            for part, own in expected.items():
                if own.isna().all():  # two-way forms of sessions that are the subjects' own
                    assert f"{facet}_{form}_{part}" not in table
                else:
                    np.testing.assert_allclose(table[f"{facet}_{form}_{part}"], own[table.index], rtol=1e-9)
                    compared += 1
    assert compared == 3 * (2 + 6 + 6)
    for facet in ("scanner", "preprocessing"):
        for part, own in middle_and_ends(ccc.sel(facet=facet, drop=True)).items():
            np.testing.assert_allclose(table[f"{facet}_CCC_{part}"], own[table.index], rtol=1e-9)


def test_indices_are_shown_of_the_first_the_middle_and_the_last_feature(many_pages, many_written, hostile):
    ranked = csv(many_written, "many", "icc").index
    table = csv(many_written, "many", "agreement_by_feature")
    rows = many_pages["many"].one("div", id="table-agreement_indices").all("tr")
    heads = [cell.words for cell in rows[0].children]
    assert heads[:3] == ["Raters", "Index", "McGraw & Wong"]
    for head, place in zip(heads[3:], (1, 4, 8), strict=True):
        assert head.startswith(ranked[place - 1])
        assert head.endswith(f"rank {place} of 8")
    seen = [[cell.words for cell in row.children] for row in rows[1:]]
    assert [row[:2] for row in seen[:3]] == [["session", "ICC(1,1)"], ["session", "ICC(1,k)"], ["scanner", "ICC(1,1)"]]
    assert [row[1] for row in seen if row[0] == "scanner"] == [*FORMS, "CCC"]
    for facet, index, name, *shown in seen:
        assert name == FORMS.get(index, "–")
        for text, place in zip(shown, (1, 4, 8), strict=True):
            numbers = re.findall(r"[\d.]+", text)
            assert text == "{} ({}–{})".format(*numbers)
            own = table.loc[ranked[place - 1]]
            for number, part in zip(numbers, ("median", "lower", "upper"), strict=True):
                tolerance = 0.501 * 10.0 ** -len(number.partition(".")[2])
                assert float(number) == pytest.approx(own[f"{facet}_{index}_{part}"], abs=tolerance)
    searched = cells(many_pages["many"], "agreement_by_feature")
    assert [name.removesuffix(" ↕") for name in searched.columns] == [
        "Session ICC(1,1)",
        *(f"{facet} {index}" for facet in ("Scanner", "Preprocessing") for index in ("ICC(2,1)", "ICC(3,1)", "CCC")),
    ]
    assert hostile["feature"] in searched.index


def test_limits_of_agreement_are_in_each_features_unit(many_pages, many_written, many_fits, hostile):
    table = csv(many_written, "many", "limits_of_agreement")
    for facet in ("session", "scanner", "preprocessing"):
        expected = bland_altman(*drawn(many_fits["many"]), facet).squeeze("pair")
        own = table[table["facet"] == facet]
        assert len(own) == 8
        assert set(own["first"]) == {str(expected["first"].values)}
        assert set(own["second"]) == {str(expected["second"].values)}
        for name in ("bias", "lower", "upper"):
            for part, values in middle_and_ends(expected[name].drop_vars(["pair", "first", "second"])).items():
                np.testing.assert_allclose(own[f"{name}_{part}"], values[own.index], rtol=1e-9)
    assert set(table.loc[hostile["feature"], "unit"]) == {hostile["unit"]}
    sessions = table[table["facet"] == "session"]
    assert (sessions["bias_median"] == 0).all()
    rc = many_fits["many"]["estimands"]["rc"].median(DRAWS).to_series()
    np.testing.assert_allclose(sessions["upper_median"], rc[sessions.index], rtol=1e-3)  # 1.96 is a rounded quantile
    place = many_pages["many"].one("div", id="table-limits_of_agreement")
    assert [cell.words for cell in place.all("tr")[1].children][1:4:2] == ["two sessions of a subject", "0"]
    assert "scanner: $x_1$ − GE & Söhne" in place.words
    assert place.one("p", class_="notes").words == f"{OWN_LEVELS}The CSV file has every feature."


def test_features_are_summarised_in_parts_as_at_once(many_fits, many_written, tmp_path, monkeypatch):
    monkeypatch.setattr("bayesrg.reporting.feature_set.derived.FEATURES_AT_ONCE", 3)
    folder = folder_of(report(many_fits["many"], tmp_path / "page.html"))
    for name in ("agreement_by_feature.csv", "limits_of_agreement.csv"):
        assert (folder / name).read_text() == (folder_of(many_written["many"]) / name).read_text()


def measured(**sizes: int) -> pd.DataFrame:
    """Three features measured in every cell of a design."""
    rng = np.random.default_rng(7)
    table = pd.DataFrame(list(np.ndindex(*sizes.values())), columns=list(sizes))
    for number in range(3):
        value = 20 + 0.4 * rng.normal(size=len(table))
        for facet, sd in zip(sizes, (2.0, 0.5, 0.4), strict=False):
            value += sd * rng.normal(size=sizes[facet])[table[facet]]
        table[f"histogram_{number}"] = value
    return table


def agreement_of(model: Stability, table: pd.DataFrame, folder: Path, read, **options: str):
    """The section on agreement of a fit to `measured` data, and the page."""
    facets = {name: name for name in table.columns if not name.startswith("histogram_")}
    features = [name for name in table.columns if name not in facets]
    data = model.prepare(table, features=features, **facets, **options)
    page = read(report(fit(model, data, seed=8, progress=False), folder / "page.html"))
    return page.one("section", id="agreement"), page


def test_what_a_design_cannot_give_is_named_with_the_reason(many_pages, tmp_path, read):
    words = many_pages["many"].one("section", id="agreement").words
    assert "ICC(2,1), ICC(2,k), ICC(3,1) and ICC(3,k) of the session: each subject has its own levels" in words
    assert "CCC of the session: concordance is of levels that all subjects share" in words
    section, page = agreement_of(Stability(), measured(subject=10, scanner=4), tmp_path, read)
    assert "All indices of the session: no session was named." in section.words
    assert "Limits of agreement of the scanner: its 4 levels make 6 pairs" in section.words
    assert "CCC of" not in section.words
    assert not page.all("div", id="table-limits_of_agreement")


def test_normal_scores_have_indices_and_no_limits(tmp_path, read):
    section, page = agreement_of(Stability(), measured(subject=10, scanner=2), tmp_path, read, scale="rank_normal")
    assert page.all("div", id="table-agreement_indices")
    assert "Limits of agreement: limits of agreement are in the feature's units, which normal scores" in section.words


def test_levels_with_scales_of_their_own_agree_in_nothing(tmp_path, read):
    model = Stability(heteroscedastic="scanner")
    section, _ = agreement_of(model, measured(subject=12, scanner=2), tmp_path, read)
    assert (
        "no facet with levels that could agree (every scanner has a location and a scale of its own)" in section.words
    )
    assert not section.all("table")


def test_levels_at_which_a_feature_was_not_measured_have_no_limits(tmp_path, read):
    table = measured(subject=12, scanner=3)
    table.loc[table["scanner"] == 2, "histogram_0"] = np.nan
    section, _ = agreement_of(Stability(), table, tmp_path, read)
    rows = [
        [cell.words for cell in row.children] for row in section.one("div", id="table-limits_of_agreement").all("tr")
    ]
    lacking = [row[1] for row in rows if row[2:] == ["–"] * 3 and row[0] == "histogram_0"]
    assert lacking == ["scanner: 0 − 2", "scanner: 1 − 2"]
    assert sum("–" in row[2] and len(row[2]) == 1 for row in rows) == 2
    assert UNSEEN.strip() in section.words


def test_the_lists_name_every_feature_once_with_its_probability(many_pages, many_written, many_fits):
    text = many_pages["many"].one("blockquote", id="selection-text").words
    table = csv(many_written, "many", "selection")
    kept = kept_by(many_fits["many"], 0.75, 0.8)
    assert (table["kept"] == kept[table.index]).all()
    first, second = text.split("Removed:")
    for name, row in table.iterrows():
        assert f"{name} (" in (first if row["kept"] else second)
        assert f"{name} (" not in (second if row["kept"] else first)
    assert "ICC repeatability > 0.75 and ICC reproducibility > 0.75 and ICC robustness > 0.75" in table["rule"].iloc[0]


def test_another_rule_keeps_other_features(many_fits, tmp_path, read):
    rule = SelectionRule(threshold=0.6, probability=0.95, conditions=("overall",))
    page = read(report(many_fits["many"], tmp_path / "page.html", rule=rule))
    kept = kept_by(many_fits["many"], 0.6, 0.95, ["overall"])
    assert page.one("span", class_="answer").words.startswith(f"{kept.sum()} of {len(kept)} features")
    assert "the ICC of overall exceeds 0.6 with a posterior probability of at least 0.95" in page.words
    assert "Overall > 0.6" in page.one("div", id="table-probabilities").words


@pytest.mark.parametrize(
    "options", [{"probability": 0.0}, {"probability": 1.1}, {"threshold": 1.0}, {"conditions": ["overall"]}]
)
def test_an_impossible_rule_is_refused(options):
    with pytest.raises(TypeError):
        SelectionRule(**options)


def test_a_rule_for_one_feature_is_refused(small_fits, tmp_path):
    with pytest.raises(TypeError, match="this fit has one"):
        report(small_fits["log"], tmp_path / "page.html", rule=SelectionRule())


def test_what_is_missing_and_left_out_is_reported(many_pages, many_written, many_fits, many):
    assert cells(many_pages["many"], "missing").loc[many.patchy, "Missing"] == "7"
    left_out = cells(many_pages["many"], "left_out")
    assert list(left_out.index) == [many.lost]
    reasons = json.loads(many_fits["many"]["constant_data"].attrs["left_out"])
    assert left_out.loc[many.lost, "Reason"] == reasons[many.lost]
    assert "No feature was left out." in many_pages["alone"].one("section", id="data").words


def test_cautions_stand_in_the_verdict_and_in_the_data(many_pages, many):
    for section in ("verdict", "data"):
        box = many_pages["many"].one("section", id=section).one("p", class_="caution")
        assert many.caution[1:] in box.words
    assert not many_pages["alone"].all("p", class_="caution")


def test_what_comes_from_data_is_escaped_everywhere(many_written, many_pages, many, hostile):
    html = many_written["many"].read_text(encoding="utf-8")
    for word in (hostile["script"], hostile["feature"], hostile["unit"], many.family, many.caution):
        assert word not in html
        assert word.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") not in ("", word)
    assert html.count("<script>") == 1
    assert "&amp;amp;" not in html
    assert "&amp;lt;" not in html
    assert hostile["feature"] in many_pages["many"].one("div", id="table-icc").words
    assert many.family in many_pages["many"].one("div", id="table-selection").words


def test_subjects_are_not_named_unless_asked(many_written, many_fits, tmp_path, hostile):
    files = [many_written["many"], *folder_of(many_written["many"]).iterdir()]
    assert len(files) > 30
    for file in files:
        assert hostile["subject"] not in file.read_text(encoding="utf-8"), file
    named = report(many_fits["many"], tmp_path / "named.html", show_subjects=True)
    assert hostile["subject"] in named.read_text(encoding="utf-8")


def test_features_that_failed_are_named_loudly(many_pages, many_written, many_fits):
    page, names = many_pages["spoiled"], many_fits["spoiled"]["estimands"]["feature"].values
    assert page.one("header").children[0].words.startswith("✕ NOT CONVERGED: Pareto k")
    assert page.one("blockquote", id="methods-text").words.startswith("NOT CONVERGED")
    for figure in page.all("figure"):
        assert "NOT CONVERGED" in " ".join(text.words for text in figure.one("svg").all("text"))
    marked = [name for name in cells(page, "icc").index if name.endswith("NOT CONVERGED")]
    assert {name.removesuffix(" NOT CONVERGED") for name in marked} == set(names[1:3])
    table = csv(many_written, "spoiled", "selection")
    assert set(table.index[~table["converged"]]) == set(names[1:3])
    assert list(cells(page, "sampling")["Outcome"])[:3] == ["FAILED", "FAILED", "passed"]
    assert page.one("blockquote", id="selection-text").words.count("; NOT CONVERGED)") == 2
    assert "NOT CONVERGED" not in many_written["many"].read_text(encoding="utf-8")


def test_prior_and_posterior_stand_side_by_side(many_written, many_fits):
    table = csv(many_written, "many", "prior_posterior")
    for kind, group in (("prior", "prior_estimands"), ("posterior", "estimands")):
        expected = float((many_fits["many"][group]["icc"].sel(condition="overall") > 0.9).mean())
        assert table.loc["overall", f"{kind} P(ICC > 0.9)"] == pytest.approx(expected)


def test_the_methods_paragraph_states_what_was_done(many_pages, many_fits):
    text = many_pages["many"].one("blockquote", id="methods-text").words
    statistics = many_fits["many"]["sample_stats"]
    for stated in (
        "8 radiomic features",
        "96 measurements of 12 subjects, 24 sessions, 2 scanners and 2 preprocessings, sessions nested in subjects",
        "1 feature lacked a value in some rows and was fitted to the others",
        "1 feature that could not be modelled",
        "LogNormal(0, 0.7) on the total standard deviation",
        f"Pareto k at most {float(statistics['pareto_k'].max()):.2f}",
        "2,000 draws, seed 31",
    ):
        assert stated in text, stated
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(", ")}
    references = many_pages["many"].one("blockquote", id="methods-text").one("ol").children
    assert cited == set(range(1, len(references) + 1))


def test_every_item_is_answered_and_points_to_a_section(many_pages, many_written):
    found = json.loads((folder_of(many_written["many"]) / "items.json").read_text(encoding="utf-8"))
    assert {(one["guideline"], one["item"]) for one in found["items"]} == set(ANSWERS)
    assert {(item.guideline, item.number) for item in ITEMS} == set(ANSWERS)
    for one in found["items"]:
        assert one["answer"]
        assert (one["section"] in SECTIONS) == (one["status"] != NOT_HERE)
        assert one["asks"] in many_pages["many"].one("div", id="table-items").words
    assert found["guidelines"]["METRICS"]["doi"] == "10.1186/s13244-023-01572-w"
    assert len(csv(many_written, "many", "items")) == len(ITEMS)


def test_the_section_on_redundancy_appears_with_its_group(many_fits, tmp_path, read):
    tree = many_fits["many"].copy(deep=True)
    names = tree["estimands"]["feature"].values
    group = np.arange(1, len(names) + 1)
    group[1] = group[0]
    tree["redundancy"] = xr.Dataset(
        {
            "group": ("feature", group),
            "representative": ("feature", np.where(group == group[0], names[0], names)),
            "sign": ("feature", np.where(np.arange(len(names)) == 1, -1, 1)),
        },
        coords={"feature": names},
        attrs={"rule": "P(|rho| > 0.9 | data) ≥ 0.5"},
    )
    page = read(report(tree, tmp_path / "page.html"))
    section = page.one("section", id="redundancy")
    assert "P(|rho| > 0.9 | data) ≥ 0.5" in section.words
    assert "2 features form 1 groups of two or more, 6 stand alone" in section.words
    row = section.one("div", id="table-redundancy").all("tr")[1]
    assert [cell.words for cell in row.children][::3] == [names[0], f"−{names[1]}"]
    assert "Groups of features that measure the same are listed." in page.one("section", id="items").words


def test_the_same_fit_gives_the_same_bytes(many_fits, many_written, tmp_path):
    again = report(many_fits["many"], tmp_path / "many.html")
    assert again.read_bytes() == many_written["many"].read_bytes()
    for file in folder_of(again).iterdir():
        assert file.read_bytes() == (folder_of(many_written["many"]) / file.name).read_bytes()


def test_a_log_scale_has_pairs_of_percentages(tmp_path, read):
    rng = np.random.default_rng(5)
    table = pd.DataFrame(list(np.ndindex(12, 2, 2)), columns=["subject", "session", "repeat"])
    for name in ("statistics_mean", "statistics_range", "histogram_mean"):
        table[name] = np.exp(3 + 0.5 * np.repeat(rng.normal(size=12), 4) + 0.1 * rng.normal(size=48))
    model = Stability()
    data = model.prepare(table, features=list(table.columns[3:]), subject="subject", session="session", scale="log")
    page = read(report(fit(model, data, seed=6, progress=False), tmp_path / "page.html"))
    shown = cells(page, "coefficients")
    assert {"RC, decrease (%)", "RC, increase (%)"} <= set(shown.columns)
    limits = pd.read_csv(tmp_path / "page_files" / "limits_of_agreement.csv", index_col=0)
    assert set(limits["unit"]) == {"%"}
    assert (limits["lower_median"] < 0).all()
    assert (limits["upper_median"] > -limits["lower_median"]).all()
    words = page.one("section", id="coefficients").words
    assert "no scanner was named" in words
    assert "the ICC of repeatability exceeds 0.75" in page.words
