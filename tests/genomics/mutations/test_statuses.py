"""Words for mutated and wild type become indicators; other words are refused with their row and column."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg import datasets
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations.statuses import MUTATED, WILD_TYPE, encode_statuses
from bayesrg.tables import read_table


def test_words_numbers_and_truth_values():
    table = pd.DataFrame(
        {
            "patient": ["P1", "P2", "P3"],
            "TP53": ["Mutant", " wt ", None],
            "IDH1": [1.0, 0.0, np.nan],
            "EGFR": [True, False, True],
        }
    )
    mutated = encode_statuses(table)["mutated"]
    np.testing.assert_array_equal(mutated.values, [[1, 1, 1], [0, 0, 0], [np.nan, np.nan, 1]])
    assert mutated["gene"].values.tolist() == ["TP53", "IDH1", "EGFR"]
    assert mutated.attrs["units"] == "1"


def test_the_index_holds_patients_where_no_column_does():
    table = pd.DataFrame({"TP53": ["wt"]}, index=["P7"])
    assert encode_statuses(table)["patient"].values.tolist() == ["P7"]


@given(st.lists(st.sampled_from([*MUTATED, *WILD_TYPE, "NA", ""]), min_size=1, max_size=8), st.data())
def test_case_does_not_matter_and_rows_are_apart(words, data):
    table = pd.DataFrame({"patient": [f"P{n}" for n in range(len(words))], "TP53": words})
    plain = encode_statuses(table)["mutated"].values
    upper = encode_statuses(table.assign(TP53=table["TP53"].str.upper()))["mutated"].values
    np.testing.assert_array_equal(upper, plain)
    order = list(data.draw(st.permutations(range(len(words)))))
    np.testing.assert_array_equal(encode_statuses(table.iloc[order])["mutated"].values, plain[order])
    assert [value == 1 for value in plain.ravel()] == [word in MUTATED for word in words]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"patient": ["P1"], "TP53": ["maybe"]}, r"row 1 \(patient 'P1'\), column 'TP53' holds 'maybe'"),
        ({"patient": ["P1", "P1"], "TP53": ["wt", "wt"]}, "patient 'P1' has 2 rows"),
        ({"patient": ["P1", " "], "TP53": ["wt", "wt"]}, "row 2 has an empty 'patient'"),
        ({"patient": ["P1"], "1-Mar": ["wt"]}, "what a spreadsheet program made"),
        ({"patient": ["P1"], "IDH1": ["wt"]}, "there is no column 'TP53'; the table has IDH1"),
    ],
)
def test_tables_that_are_refused(table, message):
    with pytest.raises(TableError, match=message):
        encode_statuses(pd.DataFrame(table), genes=["TP53"] if "IDH1" in table else None)


def test_a_word_cannot_mean_two_things():
    with pytest.raises(SettingsError, match="the word 'wt' is to mean two things"):
        encode_statuses(pd.DataFrame({"TP53": ["wt"]}, index=["P1"]), missing=["wt"])


@pytest.mark.data
def test_glioma_statuses():
    with pytest.warns(UserWarning, match="column_10"):
        table = read_table(datasets.path("lgg/clinical.csv"), names="mend")
    genes = ["IDH1", "ATRX", "CIC", "EGFR", "PDGFRA", "TP53", "TERT-Promoter"]
    mutated = encode_statuses(table, genes=genes, patient="Tumor")["mutated"]
    assert mutated.sum("patient").values.tolist() == [137, 73, 26, 12, 3, 95, 5]
    assert mutated.notnull().sum("patient").values.tolist() == [187, 187, 187, 187, 187, 187, 11]


@pytest.mark.data
def test_lung_statuses_with_other_words():
    table = pd.read_csv(datasets.path("nsclc/radiomics_clinical.csv.gz"), low_memory=False)
    genes = ["EGFR mutation status", "KRAS mutation status"]
    with pytest.raises(TableError, match="expected a word for mutated"):
        encode_statuses(table.set_index("Case ID"), genes=genes)
    found = encode_statuses(table.set_index("Case ID"), genes=genes, missing=["Unknown", "Not collected"])["mutated"]
    assert found.sum("patient").values.tolist() == [18, 20]
    assert found.notnull().sum("patient").values.tolist() == [93, 94]
