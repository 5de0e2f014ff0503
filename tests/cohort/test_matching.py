"""Identifiers: near misses refused with the list and the mend, mapped by a table, TCGA barcodes read."""

import ast
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg import datasets
from bayesrg.cohort.joining import join
from bayesrg.cohort.matching import suggest_identifiers
from bayesrg.cohort.membership import membership
from bayesrg.cohort.source import Source
from bayesrg.errors import TableError

# What VASARI's readers wrote where an image could not be read.
NO_VALUE = (
    "n/a",
    "?",
    "few pictures",
    "few pictures, only enhanced",
    "只有T2",
    "post surgery, few pictures",
    "only T2",
)


def two(first: list, second: list, **options) -> dict[str, Source]:
    return {
        "clinical": Source(pd.DataFrame({"patient": first, "age": range(len(first))}), "clinical"),
        "imaging": Source(pd.DataFrame({"patient": second, "volume": range(len(second))}), "imaging", **options),
    }


def lgg() -> dict[str, Source]:
    """The glioma tables as published; pandas names the columns without a name, and those that are there twice."""
    clinical = pd.read_csv(datasets.path("lgg/clinical.csv")).rename(
        columns={"IDH/1p19q Subtype": "subtype_code", "IDH/1p19q Subtype.1": "subtype"}
    )
    vasari = pd.read_csv(datasets.path("lgg/vasari.csv"), keep_default_na=False, na_values=["", "NA"])
    return {
        "clinical": Source(clinical, "clinical", patient="Tumor", exclude=["Unnamed: 9"]),
        "vasari": Source(vasari, "imaging", patient="Unnamed: 0", missing=NO_VALUE),
    }


@pytest.mark.data
def test_published_glioma_tables_are_refused_and_mended(tmp_path: Path):
    with pytest.raises(TableError) as refused:
        join(lgg())
    message = str(refused.value)
    assert (
        "42 labels of patients look like another one (41 by upper and lower case, 1 by one letter at the end)"
        in message
    )
    assert "'TCGA-EZ-7264A' in 'vasari', beside 'TCGA-EZ-7264' (one letter at the end)" in message
    assert len(re.findall(r"^  'TCGA", message, flags=re.MULTILINE)) == 42
    pasted = ast.literal_eval(message.rpartition("identifiers=")[2])
    cohort = join(lgg(), identifiers=pasted)
    assert cohort.sizes["patient"] == 188
    assert membership(cohort)[["clinical", "vasari"]].all(axis=None)
    assert len(json.loads(cohort.attrs["identifiers"])) == 42

    suggested = suggest_identifiers(lgg())
    assert suggested["source"].unique().tolist() == ["vasari"]
    suggested.to_csv(tmp_path / "identifiers.csv", index=False)
    xr.testing.assert_identical(cohort, join(lgg(), identifiers=tmp_path / "identifiers.csv"))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ("tcga-ht-7467", "upper and lower case"),
        ("TCGA-HT-7467 ", "white space"),
        ("TCGA_HT_7467", "separators"),
        ("TCGA-HT-7467A", "one letter at the end"),
    ],
)
def test_every_kind_of_near_miss_is_refused_and_mapped(found: str, reason: str):
    sources = two(["TCGA-HT-7467", "TCGA-HT-7468"], [found, "TCGA-HT-7468"])
    with pytest.raises(TableError, match=re.escape(f"{found!r} in 'imaging', beside 'TCGA-HT-7467' ({reason})")):
        join(sources)
    cohort = join(sources, identifiers=suggest_identifiers(sources))
    assert cohort["patient"].values.tolist() == ["TCGA-HT-7467", "TCGA-HT-7468"]
    assert cohort["imaging"].values.ravel().tolist() == [0, 1]
    assert json.loads(cohort.attrs["identifiers"]) == [{"found": found, "meant": "TCGA-HT-7467", "source": "imaging"}]


def test_near_misses_within_one_source_are_refused():
    with pytest.raises(TableError, match=r"'P-1' in 'clinical', beside 'P1' \(separators\)"):
        join(two(["P1", "P-1"], ["P1"]))


def test_two_people_whose_labels_look_alike_are_mapped_to_themselves():
    cohort = join(two(["P1", "P1A"], ["P1A"]), identifiers={"P1": "P1", "P1A": "P1A"})
    assert cohort["patient"].values.tolist() == ["P1", "P1A"]


def test_one_patient_in_two_rows_of_a_source_is_told_with_both_labels():
    with pytest.raises(TableError, match=r"several rows for 1 patients: P1; .*\(P1\).*\(p1\).*identifiers="):
        join(two(["P1", "p1"], ["P1"]), identifiers={"p1": "P1"})


def test_a_label_may_mean_different_patients_in_different_sources():
    table = pd.DataFrame({"found": ["1", "1"], "meant": ["A1", "B1"], "source": ["clinical", "imaging"]})
    cohort = join(two(["1", "B1"], ["1", "A1"]), identifiers=table)
    assert cohort["age"].values.tolist() == [0, 1]
    assert cohort["imaging"].values.ravel().tolist() == [1, 0]


def test_those_enrolled_are_compared_too():
    with pytest.raises(TableError, match="'p2' in 'patients', beside 'P2'"):
        join(two(["P1", "P2"], ["P2"]), patients=["P1", "p2"])
    cohort = join(two(["P1", "P2"], ["P2"]), patients=["P1", "p2"], identifiers={"p2": "P2"})
    assert cohort["patient"].values.tolist() == ["P1", "P2"]


@pytest.mark.parametrize(
    ("identifiers", "message"),
    [
        ({"P7": "P1"}, "1 of 1 identifiers are in no source: 'P7'"),
        ({"P1": ""}, "row 1 of the table of identifiers is empty"),
        ({"P1": "P2", "P2": "P3"}, "takes 'P1' for 'P2', and 'P2' for 'P3'"),
        (pd.DataFrame({"found": ["P1"]}), "there is no 'meant'"),
        (pd.DataFrame({"found": ["P1", "P1"], "meant": ["P2", "P3"]}), "row 2 .* 'P1' means 'P2' above and 'P3' here"),
        (
            pd.DataFrame({"found": ["P1"], "meant": ["P2"], "source": ["mri"]}),
            "is of the source 'mri'; expected one of clinical",
        ),
    ],
)
def test_damaged_tables_of_identifiers_are_refused(identifiers: object, message: str):
    with pytest.raises(TableError, match=message):
        join(two(["P1", "P2"], ["P2"]), identifiers=identifiers)  # type: ignore[arg-type]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=10, unique=True), st.randoms(use_true_random=False))
def test_the_suggested_table_always_mends(numbers: list[int], random):
    spoil = [
        str.lower,
        lambda label: label + "A",
        lambda label: label.replace("-", "_"),
        lambda label: " " + label,
        str,
    ]
    right = [f"TCGA-HT-{7000 + number}" for number in numbers]
    sources = two(right, [random.choice(spoil)(label) for label in right])
    cohort = join(sources, identifiers=suggest_identifiers(sources))
    assert cohort["patient"].values.tolist() == sorted(right)
    assert cohort["present"].values.all()
    assert (cohort["imaging"].values[:, 0] == cohort["age"].values).all()


def test_sample_barcodes_join_their_patients():
    cohort = join(two(["TCGA-HT-7467", "TCGA-HT-7468"], ["TCGA-HT-7468-01A-11D", "TCGA-HT-7467-01A-11D"]))
    assert cohort["patient"].values.tolist() == ["TCGA-HT-7467", "TCGA-HT-7468"]
    assert cohort["imaging"].values.ravel().tolist() == [1, 0]


def test_samples_of_normal_tissue_are_refused():
    with pytest.raises(TableError, match=r"1 of 2 rows are of normal tissue .*row '1': TCGA-HT-7467-10A"):
        join(two(["TCGA-HT-7467"], ["TCGA-HT-7467-01A", "TCGA-HT-7467-10A"]))


def test_two_samples_of_a_patient_are_refused_unless_they_are_regions():
    samples = ["TCGA-HT-7467-01A", "TCGA-HT-7467-02A"]
    with pytest.raises(TableError, match=r"TCGA-HT-7467-01A\) and .*TCGA-HT-7467-02A\).*region="):
        join(two(["TCGA-HT-7467"], samples))
    cohort = join(two(["TCGA-HT-7467"], samples, region="patient"))
    assert cohort["region"].values.tolist() == [f"TCGA-HT-7467/{sample}" for sample in samples]
    assert cohort["region_patient"].values.tolist() == ["TCGA-HT-7467"] * 2


def test_labels_that_are_no_barcodes_beside_sample_barcodes_are_told():
    labels = ["TCGA-HT-7467-01A", "HT-7468"]
    with pytest.raises(TableError, match=r"1 of 2 labels .* are no TCGA barcodes, such as 'HT-7468' in row '1'"):
        join(two(["TCGA-HT-7467"], labels))
    with pytest.raises(TableError, match=r"1 of 2 labels .* are no TCGA barcodes, such as 'HT-7468' in row '0'"):
        join(two(["TCGA-HT-7467"], labels[::-1]))
    with pytest.raises(TableError, match=r"1 of 2 labels .* are no TCGA barcodes"):
        join(two(["TCGA-HT-7467"], ["TCGA-HT-7467", "HT-7468"], barcodes="tcga"))
    alone = {"imaging": two([], labels, barcodes="never")["imaging"]}
    assert join(alone)["patient"].values.tolist() == ["HT-7468", "TCGA-HT-7467-01A"]


def test_whole_numbers_are_labels():
    cohort = join(two([1, 2], ["2", "1"]))
    assert cohort["patient"].values.tolist() == ["1", "2"]
