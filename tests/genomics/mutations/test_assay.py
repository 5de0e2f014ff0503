"""Who was assayed for what: one list, lists by patient, panels."""

import numpy as np
import pandas as pd
import pytest

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations.assay import plan_assay

WHO = (["s1", "s2", "s3"], ["P1", "P1", "P2"])


def table_of(assay):
    return pd.DataFrame(assay.covers[assay.panel_of], columns=assay.genes)


def test_without_a_statement_every_gene_seen_is_assumed():
    assay = plan_assay(*WHO, ["TP53", "IDH1", "TP53"])
    assert assay.assumed
    assert assay.genes.tolist() == ["IDH1", "TP53"]
    assert table_of(assay).to_numpy().all()


def test_a_list_keeps_its_order_and_holds_for_everybody():
    assay = plan_assay(*WHO, ["TP53"], ["TP53", "ATRX"])
    assert not assay.assumed
    assert assay.genes.tolist() == ["TP53", "ATRX"]
    assert table_of(assay).to_numpy().all()


@pytest.mark.parametrize(
    "assayed",
    [
        {"P1": ["TP53"], "P2": ["TP53", "ATRX"]},
        {"s1": ["TP53"], "s2": ["TP53"], "P2": ["ATRX", "TP53"]},
        pd.DataFrame({"patient": ["P1", "P2", "P2"], "gene": ["TP53", "TP53", "ATRX"]}),
    ],
)
def test_genes_by_patient_or_sample(assayed):
    assay = plan_assay(*WHO, ["TP53"], assayed)
    assert table_of(assay)["ATRX"].tolist() == [False, False, True]
    assert table_of(assay)["TP53"].all()
    assert len(assay.panels) == 2


@pytest.mark.parametrize(
    "panels", [{"P1": "small", "P2": "large"}, pd.DataFrame({"patient": ["P1", "P2"], "panel": ["small", "large"]})]
)
@pytest.mark.parametrize(
    "assayed",
    [
        {"small": ["TP53"], "large": ["TP53", "ATRX"], "unused": ["IDH1"]},
        pd.DataFrame({"panel": ["small", "large", "large"], "gene": ["TP53", "TP53", "ATRX"]}),
    ],
)
def test_genes_by_panel(assayed, panels):
    assay = plan_assay(*WHO, [], assayed, panels)
    assert assay.genes.tolist() == ["ATRX", "TP53"]
    assert assay.panels == ("small", "large")
    assert table_of(assay)["ATRX"].tolist() == [False, False, True]


def test_a_samples_own_panel_comes_before_its_patients():
    assay = plan_assay(*WHO, [], {"a": ["TP53"], "b": ["ATRX"]}, {"P1": "a", "P2": "a", "s2": "b"})
    assert table_of(assay)["ATRX"].tolist() == [False, True, False]


def test_panels_of_the_same_genes_stay_apart():
    assay = plan_assay(*WHO, [], {"a": ["TP53"], "b": ["TP53"]}, {"P1": "a", "P2": "b"})
    assert assay.panels == ("a", "b")


def test_covered_by_places():
    assay = plan_assay(*WHO, [], {"P1": ["TP53"], "P2": ["ATRX"]})
    assert assay.covered(np.array([0, 2, 2, 1]), np.array([1, 1, 0, -1])).tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("assayed", "panels", "message"),
    [
        ({"P1": ["TP53"]}, None, "no gene is named for 1 patients: P2"),
        ({"a": ["TP53"]}, {"P1": "a"}, "1 patients have no panel: P2"),
        ({"a": ["TP53"]}, {"P1": "a", "P2": "b"}, "no gene is named for 1 panels: b"),
        ({"P1": ["TP53", "TP53"], "P2": ["TP53"]}, None, "assayed, P1"),
        (["TP53", "2-Sep"], None, "spreadsheet"),
        (pd.DataFrame({"who": ["P1"], "gene": ["TP53"]}), None, "has the columns who, gene"),
        ({"a": ["TP53"]}, pd.DataFrame({"patient": ["P1", "P1"], "panel": ["a", "b"]}), "several rows for P1"),
        ({"a": ["TP53"]}, pd.DataFrame({"patient": ["P1"]}), "expected patient or sample, and"),
    ],
)
def test_gaps_are_named(assayed, panels, message):
    with pytest.raises(TableError, match=message):
        plan_assay(*WHO, ["TP53"], assayed, panels)


@pytest.mark.parametrize(
    ("assayed", "panels", "message"),
    [(None, {"P1": "a"}, "give both"), (["TP53"], {"P1": "a"}, "genes of each"), ([], None, "names no gene")],
)
def test_half_statements(assayed, panels, message):
    with pytest.raises(SettingsError, match=message):
        plan_assay(*WHO, ["TP53"], assayed, panels)
