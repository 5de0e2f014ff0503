"""Fewer patients: who leaves, why, and where it is written."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.cohort.flattening import to_table
from bayesrg.cohort.flow import Step, read_flow
from bayesrg.cohort.joining import join
from bayesrg.cohort.membership import membership, reasons
from bayesrg.cohort.missingness import missing_by_variable
from bayesrg.cohort.restricting import restrict
from bayesrg.cohort.source import Source
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics import encode_mutations


def cohort() -> xr.Dataset:
    imaging = pd.DataFrame({"patient": ["P1", "P2", "P3"], "volume": [8.1, 4.5, None], "side": ["left", None, "right"]})
    clinical = pd.DataFrame({"patient": ["P1", "P2", "P3", "P4"], "age": [50, None, 61, 47]})
    return join({"imaging": Source(imaging, "imaging"), "clinical": Source(clinical, "clinical")})


def test_each_patient_who_leaves_is_counted_once_at_the_first_condition():
    fewer = restrict(cohort(), sources=["imaging"], variables=["age", "volume"], reason="image and age known")
    assert fewer["patient"].values.tolist() == ["P1"]
    assert read_flow(fewer) == (
        Step("imaging", {"patient": 3}),
        Step("clinical", {"patient": 4}),
        Step("joined", {"patient": 4}),
        Step("image and age known", {"patient": 1}, (("not in imaging", 1), ("age missing", 1), ("volume missing", 1))),
    )
    here = membership(fewer, left_out=True)
    assert here.index.tolist() == ["P1", "P4", "P2", "P3"]
    assert here.loc["P4"].tolist() == [False, True, "left out: image and age known (not in imaging)"]
    assert here.dtypes.tolist()[:2] == [bool, bool]
    assert membership(fewer).index.tolist() == ["P1"]
    assert fewer.attrs["history"].splitlines()[-1].startswith("restrict: reason='image and age known'")


def test_reasons_are_one_by_one_whatever_they_say():
    fewer = restrict(cohort(), patients=["P1", "P4"], reason="consent; see SOP 4")
    assert reasons(fewer, left_out=True) == {
        "P1": (),
        "P4": ("imaging: not in the table",),
        "P2": ("left out: consent; see SOP 4 (not in the list of patients)",),
        "P3": ("left out: consent; see SOP 4 (not in the list of patients)",),
    }
    assert "P2" not in reasons(fewer)


def test_the_cohort_given_is_not_changed():
    whole = cohort()
    before = whole.copy(deep=True)
    restrict(whole, sources=["imaging"], reason="image known")
    restrict(whole, sources=["clinical"], reason="everybody")
    xr.testing.assert_identical(whole, before)


def test_conditions_of_every_kind():
    whole = cohort()
    kept = {
        "list": restrict(whole, patients=["P4", "P1"], reason="consent"),
        "array": restrict(whole, where=whole["age"] > 48, reason="older than 48"),
        "series": restrict(whole, where=to_table(whole)["age"] > 48, reason="older than 48"),
        "text": restrict(whole, variables=["side"], reason="side known"),
        "matrix": restrict(whole, variables=["imaging"], reason="all features"),
    }
    assert {name: own["patient"].values.tolist() for name, own in kept.items()} == {
        "list": ["P1", "P4"],
        "array": ["P1", "P3"],
        "series": ["P1", "P3"],
        "text": ["P1", "P3"],
        "matrix": ["P1", "P2"],
    }


@given(st.lists(st.booleans(), min_size=4, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_two_steps_keep_whom_both_keep(first: list[bool], second: list[bool]):
    whole = cohort()
    conditions = [xr.DataArray(kept, {"patient": whole["patient"].values}, "patient") for kept in (first, second)]
    once = restrict(whole, where=conditions[0], reason="first")
    twice = restrict(once, where=conditions[1].sel(patient=once["patient"].values), reason="second")
    assert twice["patient"].values.tolist() == whole["patient"].values[np.logical_and(first, second)].tolist()
    gone = sum(n for step in read_flow(twice) for _, n in step.left_out)
    assert gone + twice.sizes["patient"] == whole.sizes["patient"]
    assert len(membership(twice, left_out=True)) == whole.sizes["patient"]


def test_complete_is_what_the_source_itself_has():
    mutated = xr.Dataset(
        {"mutated": (("patient", "gene"), [[1.0], [0.0]])}, {"patient": ["P1", "P2"], "gene": ["TP53"]}
    )
    ratios = xr.Dataset({"log2_ratio": (("patient", "gene"), [[0.5]])}, {"patient": ["P1"], "gene": ["EGFR"]})
    both = join({"variants": Source(mutated, "genome"), "ratios": Source(ratios, "genome")})
    assert restrict(both, variables=["mutated"], reason="assayed")["patient"].values.tolist() == ["P1", "P2"]
    assert restrict(both, variables=["log2_ratio"], reason="assayed")["patient"].values.tolist() == ["P1"]


def test_nobody_may_be_left():
    nobody = restrict(cohort(), variables=["side", "volume", "age"], where=cohort()["age"] > 60, reason="very strict")
    assert nobody.sizes["patient"] == 0
    assert membership(nobody).empty
    assert missing_by_variable(nobody)["n"].tolist() == [0, 0, 0]
    assert to_table(nobody).empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "there is no condition"),
        ({"reason": " ", "sources": ["imaging"]}, "the reason is empty"),
        ({"sources": ["mri"]}, "no source 'mri'; it has imaging, clinical"),
        ({"variables": ["weight"]}, "no variable 'weight'"),
        ({"variables": ["present_"]}, "no variable 'present_'"),
        ({"patients": ["P1", "P9"]}, "1 of the patients to keep are not in the cohort: P9"),
        ({"where": pd.Series({"P1": True})}, "where says nothing of 3 units: P2, P3, P4"),
        ({"variables": []}, r"variables is \[\]; expected a list of at least one name"),
        ({"sources": "imaging"}, "sources is 'imaging'; expected a list"),
        ({"patients": "P1"}, "patients is a str; expected a list of labels"),
        ({"where": np.ones(4, dtype=bool)}, "where is a ndarray, which does not say whose"),
        (
            {"where": pd.Series(True, index=["P1", "P2", "P3", "P4", "P4"])},
            "where says something of 1 patients twice: P4",
        ),
        ({"where": pd.Series({"P1": 1.0})}, "where holds float64"),
        ({"where": xr.DataArray([True], dims="gene")}, "where lies along"),
        ({"where": xr.DataArray([True] * 4, dims="patient")}, "no labels along patient"),
    ],
)
def test_conditions_that_mean_nothing_are_refused(options: dict, message: str):
    with pytest.raises((TableError, SettingsError), match=message):
        restrict(cohort(), **{"reason": "a reason", **options})


def test_what_is_no_cohort_is_refused():
    for act in (read_flow, membership, missing_by_variable, to_table):
        with pytest.raises(TableError, match="is no cohort"):
            act(xr.Dataset())


def test_tables_of_chosen_variables():
    assert to_table(cohort(), variables=["age"]).columns.tolist() == ["age"]
    with pytest.raises(TableError, match="no variable 'weight'"):
        to_table(cohort(), variables=["weight"])
    data = xr.Dataset({"mutated": (("patient", "gene"), [[1.0]])}, {"patient": ["P1"], "gene": ["TP53"]})
    table = pd.DataFrame({"patient": ["P1"], "mutated_TP53": [1.0]})
    both = join({"variants": Source(data, "genome"), "panel": Source(table, "clinical")})
    with pytest.raises(TableError, match="1 columns of the table would have the name of another: mutated_TP53"):
        to_table(both)


def test_what_has_values_only_where_a_gene_is_mutated_is_not_missing_elsewhere():
    table = pd.DataFrame(
        {
            "gene": ["TP53"],
            "sample": ["P1"],
            "classification": ["Missense_Mutation"],
            "variant_type": ["SNP"],
            "variant_allele_fraction": [0.4],
        }
    )
    mutations = encode_mutations(table, patients=["P1", "P2"])
    assert np.isnan(mutations["variant_allele_fraction"].sel(patient="P2", gene="TP53"))
    joined = join({"mutations": Source(mutations, "genome")})
    missing = missing_by_variable(joined)
    assert "variant_allele_fraction" not in missing.index
    assert missing["missing"].sum() == 0
    assert membership(joined)["why"].tolist() == ["", ""]
