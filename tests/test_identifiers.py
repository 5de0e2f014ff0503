"""Barcodes are read as TCGA defines them, and names that may mean the same are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg import datasets
from bayesrg.identifiers import SAMPLE_TYPES, explain_near_miss, near_misses, parse_barcode
from bayesrg.tables import read_table


@pytest.mark.parametrize(
    ("text", "patient", "sample", "kind", "normal"),
    [
        ("TCGA-02-0001", "TCGA-02-0001", None, None, False),
        ("TCGA-02-0001-01", "TCGA-02-0001", "TCGA-02-0001-01", "01", False),
        ("TCGA-02-0001-01C-01D-0182-01", "TCGA-02-0001", "TCGA-02-0001-01C", "01", False),
        ("TCGA-AB-2988-11A-01D-0739-09", "TCGA-AB-2988", "TCGA-AB-2988-11A", "11", True),
        ("TCGA-AB-2988-20A", "TCGA-AB-2988", "TCGA-AB-2988-20A", "20", True),
    ],
)
def test_barcodes(text, patient, sample, kind, normal):
    barcode = parse_barcode(text)
    assert barcode is not None
    assert (barcode.patient, barcode.sample, barcode.sample_type, barcode.is_normal) == (patient, sample, kind, normal)
    assert kind is None or kind in SAMPLE_TYPES


@pytest.mark.parametrize(
    "text", ["", "P303", "TCGA-Ht-7467", "TCGA-EZ-7264A", "TCGA-02-0001 ", "tcga-02-0001", "TCGA-02"]
)
def test_what_is_no_barcode(text):
    assert parse_barcode(text) is None


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("TCGA-HT-7467", "TCGA-Ht-7467", "upper and lower case"),
        ("TCGA-EZ-7264", "TCGA-EZ-7264A", "one letter at the end"),
        ("P1", "P1 ", "white space"),
        ("P 1", "P1", "white space"),
        ("P-1", "P_1", "separators"),
        ("P-01", "P1", "leading zeros, separators or case"),
        ("101", "101.0", "separators"),
        ("7", "7.00", "separators"),
        ("TCGAHT7467", "TCGA-HT-7467", "separators"),
        ("P_A1", "PA1", "separators"),
        ("01-002", "01002", "separators"),
        ("\u0420\u04101", "PA1", "letters of another script"),
        ("tcga.ab.2988.01a", "TCGA-AB-2988", "leading zeros, separators or case"),
    ],
)
def test_near_misses_and_what_they_differ_in(one, other, why):
    assert near_misses([one, other]) == [tuple(sorted((one, other)))]
    assert explain_near_miss(one, other) == explain_near_miss(other, one) == why


@pytest.mark.parametrize(
    "labels",
    [
        ("P1", "P2"),
        ("P1a", "P1b"),
        ("?", "!"),
        ("A", "B"),
        ("10", "1"),
        ("1-11", "11-1"),
        ("TCGA-AB-2988-01A", "TCGA-AB-2988-02A"),
    ],
)
def test_labels_that_are_not_alike(labels):
    assert near_misses(labels) == []


def test_letters_at_the_end_join_the_label_without_them():
    assert near_misses(["P1", "P1a", "P1b", "P2"]) == [("P1", "P1a", "P1b")]


@given(st.lists(st.text(alphabet="aAbB12 -_.", max_size=6), max_size=12))
def test_groups_hold_each_label_once_and_do_not_depend_on_the_order(labels):
    groups = near_misses(labels)
    assert groups == near_misses(reversed(labels))
    flat = [label for group in groups for label in group]
    assert len(flat) == len(set(flat))
    assert set(flat) <= set(labels)
    assert all(len(group) > 1 for group in groups)


@pytest.mark.data
def test_glioma_tables_differ_in_42_patients():
    with pytest.warns(UserWarning, match="column 10 is called 'column_10'"):
        clinical = read_table(datasets.path("lgg/clinical.csv"), names="mend")
    with pytest.warns(UserWarning, match="column 1 is called 'column_1'"):
        vasari = read_table(datasets.path("lgg/vasari.csv"), names="mend")
    groups = near_misses([*clinical["Tumor"], *vasari["column_1"]])
    reasons = [explain_near_miss(*group) for group in groups]
    assert len(groups) == 42
    assert reasons.count("upper and lower case") == 41
    assert reasons.count("one letter at the end") == 1
