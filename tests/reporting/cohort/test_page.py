"""The cohort's page: its first line, its sections and files, and what it must not give away."""

import json
import re

import pandas as pd
import pytest
import xarray as xr

from bayesrg import datasets
from bayesrg.cohort import Source, join, membership, missing_by_patient, missing_by_variable, restrict
from bayesrg.errors import TableError
from bayesrg.genomics import read_maf
from bayesrg.reporting.cohort import report_cohort

SECTIONS = ["flow", "where", "variables", "patients", "identifiers", "record"]
PERSON = re.compile("zacharias-", re.IGNORECASE)


def table_of(page, name: str) -> list[list[str]]:
    """The cells of a table of the page, row by row."""
    body = page.one("div", id=f"table-{name}").one("tbody")
    return [[cell.words for cell in row.children] for row in body.all("tr")]


def test_the_first_line_says_how_many_have_everything(read, written, tangled):
    page = read(written["hidden"])
    who, missing = membership(tangled), missing_by_patient(tangled)
    everywhere = who["why"] == ""
    whole = everywhere & (missing["total"] == 0)
    line = page.one("header").children[0].words
    assert line.startswith(f"{everywhere.sum()} of {len(who)} patients (")
    assert f"have values in all 6 sources; {whole.sum()} of these" in line
    gone = len(json.loads(tangled.attrs["left_out"]))
    assert line.endswith(f"Of the {len(who) + gone} joined, {gone} were left out.")


def test_sections_stand_in_order_and_nothing_is_loaded(read, written):
    for path in written.values():
        page = read(path)
        assert [section.attributes["id"] for section in page.one("main").children] == SECTIONS
        assert not [e for name in ("link", "img", "iframe", "object") for e in page.all(name)]
        assert len(page.all("script")) == 1
        for link in page.all("a"):
            assert link.attributes["href"].startswith(("#", "data:text/csv", f"{path.stem}_files/"))


def test_identifiers_are_only_where_they_were_asked_for(written):
    for path in [written["hidden"], *written["hidden"].with_name("hidden_files").iterdir()]:
        assert not PERSON.search(path.read_text(encoding="utf-8")), path
    page = written["shown"].read_text(encoding="utf-8")
    assert "Zacharias-01" in page
    assert "zacharias-00" in page


def test_tables_and_figures_are_files_too(written, tangled):
    folder = written["hidden"].with_name("hidden_files")
    names = {path.name for path in folder.iterdir()}
    assert {"flow.svg", "combinations.svg", "missing.svg", "missing-variables.csv", "missing-patients.csv"} <= names
    assert not [name for name in names if name.startswith(".")]
    found = pd.read_csv(folder / "missing-variables.csv", index_col="variable")
    pd.testing.assert_frame_equal(found.sort_index(), missing_by_variable(tangled).sort_index(), check_dtype=False)
    totals = pd.read_csv(folder / "missing-patients.csv")["total"]
    assert sorted(totals) == sorted(missing_by_patient(tangled)["total"])


def test_tables_of_the_page_have_the_numbers_of_the_cohort(read, written, tangled):
    page = read(written["shown"])
    who = membership(tangled, left_out=True)
    rows = table_of(page, "who")
    assert [row[0] for row in rows] == list(who.index)
    assert [row[1] for row in rows] == ["yes" if there else "no" for there in who["imaging"]]
    sources = {row[0]: row for row in table_of(page, "sources")}
    assert sources["lesions"][1] == str(int(tangled["present"].sel(source="lesions").sum()))
    assert sources["lesions"][2:] == ["1", "imaging", "tumour", "1", "mL"]
    assert sources["clinical"][6] == "mm & <u>"
    assert table_of(page, "mapped") == [["zacharias-00", "Zacharias-00", "lesions"]]
    assert "1 identifier was mapped" in page.one("section", id="identifiers").words
    groups = {row[0]: int(row[1]) for row in table_of(page, "missing-groups")}
    assert sum(groups.values()) == tangled.sizes["patient"]


def test_hostile_labels_are_text(read, written):
    page = read(written["hidden"])
    assert page.one("head").one("title").words == "Cohort"
    assert "<script>document.title" in page.one("section", id="where").words
    assert "\u202e" not in written["hidden"].read_text(encoding="utf-8")


def test_the_same_cohort_gives_the_same_bytes(tangled, written, tmp_path):
    again = report_cohort(tangled, tmp_path / "hidden.html")
    assert again.read_bytes() == written["hidden"].read_bytes()


@pytest.mark.parametrize(
    ("keep", "line"),
    [
        (["A", "B"], "1 of 2 patients (50 %) has values in both sources; 1 of these has every value."),
        (
            ["A"],
            "1 of 1 patient (100 %) has values in both sources; 1 of these has every value. Of the 2 joined, 1 was",
        ),
        ([], "No patient is left in the cohort."),
    ],
)
def test_one_patient_and_none(read, tmp_path, keep, line):
    first = Source(pd.DataFrame({"patient": ["A", "B"], "volume": [1.0, None]}), "imaging")
    second = Source(pd.DataFrame({"patient": ["A"], "grade": ["II"]}), "clinical")
    cohort = join({"imaging": first, "clinical": second})
    cohort = cohort if len(keep) == 2 else restrict(cohort, patients=keep, reason="Asked for")
    page = read(report_cohort(cohort, tmp_path / "page.html"))
    assert page.one("header").children[0].words.startswith(line)
    assert len(page.all("svg")) == (3 if keep else 1)
    for section, words in (
        ("where", "no combination of"),
        ("variables", "No patient is"),
        ("patients", "No patient is"),
    ):
        assert (words in page.one("section", id=section).words) == (not keep)


@pytest.fixture(scope="module")
def emptied() -> xr.Dataset:
    """Four patients enrolled and one who was not, biopsies of two, of which a restriction leaves one patient's."""
    ages = pd.DataFrame({"patient": ["P1", "P2", "P3", "P4", "X9"], "age": range(5)})
    biopsies = pd.DataFrame({"patient": ["P1", "P1", "P2"], "place": list("aba"), "purity": [0.9, 0.2, 0.1]})
    sources = {"clinic": Source(ages, "clinical"), "biopsies": Source(biopsies, "genome", region="place")}
    cohort = join(sources, patients=["P1", "P2", "P3", "P4"], outside="leave out")
    cohort = restrict(cohort, where=cohort["age"] < 3, reason="Not the last; see SOP 4")
    return restrict(cohort, where=cohort["genome"].sel(gene="purity") > 0.5, reason="Pure")


def test_the_first_line_and_the_flow_agree_on_who_and_what_left(read, tmp_path, emptied):
    page = read(report_cohort(emptied, tmp_path / "page.html"))
    assert page.one("header").children[0].words == (
        "1 of 3 patients (33 %) has values in both sources; 1 of these has every value. Of the 4 joined, 1 was left "
        "out; 1 more was left out of the join. 2 regions left while their patients stayed, and 1 patient has no region "
        "left."
    )
    assert page.one("section", id="flow").all("p")[0].words == (
        "1 patient was left out on the way; a patient who fails several conditions is counted at the first. 2 regions "
        "left while their patients stayed, and 1 patient has no region left. 1 patient more was left out of the join."
    )
    assert [row[3:] for row in table_of(page, "flow-steps")][2:] == [
        ["1", "1 patient: not among the patients enrolled"],
        ["1", "1 patient: not: Not the last; see SOP 4"],
        ["0", "2 regions: not: Pure"],
    ]


def test_regions_that_leave_alone_are_not_nobody(read, tmp_path):
    table = pd.DataFrame({"patient": ["P1", "P1"], "place": list("ab"), "purity": [0.9, 0.2]})
    cohort = join({"biopsies": Source(table, "genome", region="place")})
    path = report_cohort(cohort, tmp_path / "whole.html")
    assert "Nobody was left out on the way." in read(path).one("section", id="flow").words
    pure = restrict(cohort, where=cohort["genome"].sel(gene="purity") > 0.5, reason="Pure")
    page = read(report_cohort(pure, tmp_path / "page.html"))
    said = "No patient was left out on the way. 1 region left while their patients stayed."
    assert said in page.one("section", id="flow").words


def test_a_reason_is_one_row_whatever_stands_in_it(read, tmp_path, emptied):
    page = read(report_cohort(emptied, tmp_path / "page.html"))
    assert sorted(table_of(page, "reasons")) == [
        ["biopsies: in the table, no region left", "1"],
        ["biopsies: not in the table", "1"],
        ["in every source with values", "1"],
        ["left out: Not the last; see SOP 4 (condition not met)", "1"],
        ["left out: not among the patients enrolled", "1"],
    ]


def test_patients_without_parts_are_told_apart_from_those_who_lack_nothing(read, tmp_path):
    ages = pd.DataFrame({"patient": ["P1", "P2", "P3", "P4"], "age": range(4)})
    biopsies = pd.DataFrame({"patient": ["P1", "P1"], "place": list("ab"), "purity": [0.9, 0.2]})
    cohort = join({"clinic": Source(ages, "clinical"), "biopsies": Source(biopsies, "genome", region="place")})
    page = read(report_cohort(cohort, tmp_path / "page.html"))
    told = "3 patients have no region, of which nothing is counted as missing."
    assert told in page.one("section", id="variables").words
    assert f"4 patients lack none; {told}" in page.one("section", id="patients").words
    groups = {row[0]: row[1] for row in table_of(page, "missing-groups")}
    assert groups["nothing"] == "1"
    assert groups["nothing of what they have, but they have no region"] == "3"


def test_history_loses_names_and_keeps_settings(read, tmp_path):
    table = pd.DataFrame({"patient": ["Zoe", "Max"], "age": [1.0, 2.0]})
    cohort = join({"clinical": Source(table, "clinical")})
    cohort.attrs["history"] += "\nread: patients=['Zoe', 'Max'], depth=10"
    page = read(report_cohort(cohort, tmp_path / "page.html"))
    assert table_of(page, "history")[-1][1] == "read: patients=['…', '…'], depth=10"
    shown = read(report_cohort(cohort, tmp_path / "page.html", show_patients=True))
    assert "'Zoe'" in table_of(shown, "history")[-1][1]


def test_what_is_no_cohort_is_refused(tmp_path):
    with pytest.raises(TableError, match="no cohort"):
        report_cohort(xr.Dataset(), tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.data
def test_leukaemia_has_its_oncoplot(read, tmp_path):
    genome = Source(read_maf(datasets.path("laml/tcga_laml.maf.gz"), variants="snv+indel"), "genome")
    table = pd.read_csv(datasets.path("laml/tcga_laml_annot.tsv"), sep="\t")
    clinical = Source(table[["Tumor_Sample_Barcode", "FAB_classification"]], "clinical", patient="Tumor_Sample_Barcode")
    cohort = restrict(join({"sequencing": genome, "clinical": clinical}), sources=["sequencing"], reason="Sequenced")
    path = report_cohort(cohort, tmp_path / "laml.html")
    page = read(path)
    assert "Of the 200 joined, 7 were left out." in page.one("header").words
    assert table_of(page, "oncoplot-genes")[0][:4] == ["FLT3", "52", "193", "27 %"]
    assert "TCGA" not in path.read_text(encoding="utf-8").replace("tcga_laml", "")
