"""Indicators of mutated genes: what counts, who was looked at."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations.encoding import encode_mutations
from bayesrg.genomics.mutations.recurrence import list_mutated
from bayesrg.genomics.mutations.variant_classes import name_classes

GENES = ["ATRX", "IDH1", "NPM1", "TP53"]
PATIENTS = ["A1", "B2", "C3", "D4", "E5"]


def as_lists(encoded, name="mutated"):
    return encoded[name].values.tolist()


def test_any_nonsynonymous_substitution_makes_a_gene_mutated(variants):
    table = variants(
        ("A1", "TP53"), ("A1", "TP53", "Nonsense_Mutation"), ("A1", "IDH1", "Silent"), ("B2", "NPM1", "Intron")
    )
    encoded = encode_mutations(table)
    assert encoded["mutated"].dims == ("patient", "gene")
    assert encoded["gene"].values.tolist() == ["IDH1", "NPM1", "TP53"]
    assert as_lists(encoded) == [[0, 0, 1], [0, 0, 0]]
    assert as_lists(encoded, "variant_count") == [[0, 0, 2], [0, 0, 0]]
    assert encoded["variants"].values.tolist() == [3, 1]
    assert encoded.attrs["rows_of_other_class_or_type"] == 2
    assert encoded.attrs["assayed"].startswith("assumed")
    assert encoded.attrs["patients"].startswith("assumed")


@pytest.mark.parametrize(
    ("word", "kind", "snv", "indel"),
    [
        ("Missense_Mutation", "SNP", 1, 1),
        ("Missense_Mutation", "DNP", 1, 1),
        ("Splice_Site", "ONP", 1, 1),
        ("Splice_Site", "DEL", 0, 1),
        ("Frame_Shift_Ins", "INS", 0, 1),
        ("In_Frame_Del", "DEL", 0, 1),
        ("Silent", "SNP", 0, 0),
        ("3'UTR", "DEL", 0, 0),
    ],
)
def test_what_counts_under_either_option(variants, word, kind, snv, indel):
    table = variants(("A1", "TP53", word, kind))
    assert as_lists(encode_mutations(table)) == [[snv]]
    assert as_lists(encode_mutations(table, variants="snv+indel")) == [[indel]]


def test_classes_are_adjustable(variants):
    table = variants(("A1", "TP53", "Splice_Site"), ("B2", "TP53", "Silent"))
    assert as_lists(encode_mutations(table, classes=["Silent"])) == [[0], [1]]


def test_patients_without_variants_are_rows_of_zeros_in_the_order_given(variants):
    encoded = encode_mutations(variants(("A1", "TP53")), patients=["C3", "A1", "B2"])
    assert encoded["patient"].values.tolist() == ["C3", "A1", "B2"]
    assert as_lists(encoded) == [[0], [1], [0]]
    assert encoded.attrs["patients"] == "stated"


def test_not_assayed_is_missing_and_not_zero(variants):
    assayed = {"small": ["TP53"], "large": ["TP53", "IDH1"]}
    panels = {"A1": "small", "B2": "large", "C3": "large"}
    encoded = encode_mutations(variants(("A1", "TP53"), ("B2", "IDH1")), assayed=assayed, panels=panels)
    np.testing.assert_array_equal(encoded["mutated"], [[np.nan, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(encoded["variant_count"], [[np.nan, 1], [1, 0], [0, 0]])
    assert encoded.attrs["assayed"] == "stated: 2 panels"


@pytest.mark.parametrize(
    "stated",
    [
        {"assayed": {"C3": ["TP53"], "A1": ["TP53"]}},
        {"assayed": pd.DataFrame({"patient": ["A1", "C3"], "gene": ["TP53", "TP53"]})},
        {"assayed": {"on": ["TP53"]}, "panels": {"A1": "on", "C3": "on"}},
        {"samples": {"A1": "A1", "C3": "C3"}},
    ],
)
def test_whoever_a_statement_names_was_sequenced(variants, stated):
    encoded = encode_mutations(variants(("A1", "TP53")), **stated)
    assert encoded["patient"].values.tolist() == ["A1", "C3"]
    assert as_lists(encoded) == [[1], [0]]
    assert encoded.attrs["patients"] == "stated"


def test_a_list_of_genes_is_the_dimension(variants):
    encoded = encode_mutations(variants(("A1", "TP53")), assayed=["TP53", "EGFR"])
    assert encoded["gene"].values.tolist() == ["TP53", "EGFR"]
    assert as_lists(encoded) == [[1, 0]]


def test_variants_where_nobody_looked(variants):
    table = variants(("A1", "TP53"), ("A1", "EGFR"), ("B2", "EGFR", "Silent"))
    with pytest.raises(TableError, match=r"1 variants lie in genes .*: EGFR of A1 \(row 1\).*unassayed='leave_out'"):
        encode_mutations(table, assayed=["TP53"])
    with pytest.warns(UserWarning, match="1 variants are left out"):
        encoded = encode_mutations(table, assayed=["TP53"], unassayed="leave_out")
    assert as_lists(encoded) == [[1], [0]]
    assert encoded.attrs["rows_not_assayed"] == 1


def test_the_largest_allele_fraction_of_the_counted_variants(variants):
    table = variants(("A1", "TP53"), ("A1", "TP53"), ("A1", "TP53", "Silent"), ("B2", "TP53"), ("B2", "IDH1", "Silent"))
    table["variant_allele_fraction"] = [0.2, 0.4, 0.9, np.nan, 0.5]
    encoded = encode_mutations(table)
    np.testing.assert_array_equal(encoded["variant_allele_fraction"].sel(gene="TP53"), [0.4, np.nan])
    assert np.isnan(encoded["variant_allele_fraction"].sel(gene="IDH1")).all()


def test_minima_leave_out_what_is_below_and_what_has_no_value(variants):
    table = variants(("A1", "TP53"), ("B2", "TP53"), ("C3", "TP53"))
    table["variant_allele_fraction"], table["depth"] = [0.05, 0.3, np.nan], [100.0, 9.0, 50.0]
    with pytest.warns(UserWarning, match="1 of 3 variants do not count, as minimum_vaf .* no variant_allele_fraction"):
        encoded = encode_mutations(table, minimum_vaf=0.05)
    assert as_lists(encoded) == [[1], [1], [0]]
    assert (encoded.attrs["rows_below_minimum_vaf"], encoded.attrs["rows_without_variant_allele_fraction"]) == (0, 1)
    assert as_lists(encode_mutations(table, minimum_depth=10)) == [[1], [0], [1]]
    assert "minimum_depth=10" in encode_mutations(table, minimum_depth=10).attrs["history"]
    with pytest.raises(TableError, match=r"no column 'depth'"):
        encode_mutations(table.drop(columns="depth"), minimum_depth=10)


def test_a_minimum_of_nothing_is_told_too(variants):
    table = variants(("A1", "TP53"), ("B2", "TP53")).assign(variant_allele_fraction=[0.5, pd.NA])
    with pytest.warns(UserWarning, match="1 of 2 variants do not count"):
        encoded = encode_mutations(table, minimum_vaf=0.0)
    assert as_lists(encoded) == [[1], [0]]
    assert "minimum_vaf=0.0" in encoded.attrs["history"]


def test_history_tells_what_became_of_the_others(variants):
    history = encode_mutations(variants(("A1", "TP53")), unassayed="leave_out").attrs["history"]
    assert "unlisted='refuse', unassayed='leave_out'" in history


@pytest.mark.parametrize("kind", [object, "Float64"])
def test_missing_numbers_of_any_type(variants, kind):
    table = variants(("A1", "TP53"), ("B2", "TP53"))
    table["variant_allele_fraction"] = pd.array([0.5, pd.NA], dtype=kind)
    np.testing.assert_array_equal(encode_mutations(table)["variant_allele_fraction"], [[0.5], [np.nan]])


@pytest.mark.parametrize("cell", ["abc", -1, np.inf])
def test_depths_that_are_none(variants, cell):
    table = variants(("A1", "TP53"), ("B2", "TP53"))
    table["depth"] = pd.array([30, cell], dtype=object)
    with pytest.raises(TableError, match=r"column depth: row 1 has .*; expected a number of reads"):
        encode_mutations(table, minimum_depth=10)
    assert as_lists(encode_mutations(table)) == [[1], [1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample": None}, "column sample: row 1 has (None|nan); expected the name of a sample"),
        (
            {"classification": "Missense"},
            "column classification: row 1 has 'Missense'; expected perhaps Missense_Mutation",
        ),
        ({"variant_type": "CNV"}, "column variant_type: row 1 has 'CNV'"),
        ({"gene": "1-Sep"}, "column gene: row 1 has '1-Sep'.*spreadsheet"),
        ({"variant_allele_fraction": 45.0}, "column variant_allele_fraction: row 1 has .*45.0.*; expected a share"),
    ],
)
def test_tables_made_by_hand_are_checked(variants, change, message):
    table = variants(("A1", "TP53"), ("B2", "TP53")).astype(object).assign(variant_allele_fraction=0.5)
    for column, cell in change.items():
        table[column] = [table[column].iloc[0], cell]
    with pytest.raises(TableError, match=message):
        encode_mutations(table)


def test_tables_without_columns_rows_or_genes(variants, several, whose):
    with pytest.raises(TableError, match=r"no column variant_type"):
        encode_mutations(variants(("A1", "TP53")).drop(columns="variant_type"))
    with pytest.raises(TableError, match="has no row"):
        encode_mutations(variants(("A1", "TP53")).iloc[:0])
    with pytest.raises(TableError, match="no row names a gene"):
        encode_mutations(variants(("A1", None, "IGR")))
    with pytest.raises(TableError, match="several='all' needs"):
        encode_mutations(several.drop(columns="start"), samples=whose, several="all")


@pytest.mark.parametrize(
    "options",
    [
        {"variants": "all"},
        {"several": "most"},
        {"minimum_vaf": 5},
        {"minimum_depth": -1},
        {"unassayed": "count"},
        {"unlisted": "drop"},
        {"exome_size": 0},
        {"exome_size": 35_800_000},
        {"exome_size": {"other": 1.0}},
        {"exome_size": 1.0, "burden": "all"},
        {"quantities": ["mutation"]},
        {"quantities": []},
        {"dtype": "int8"},
        {"patients": []},
        {"classes": ["Missense"]},
    ],
)
def test_unknown_options_are_refused(variants, options):
    with pytest.raises(SettingsError, match=r"expected|names no|names nobody|more than a genome|no class"):
        encode_mutations(variants(("A1", "TP53")), **options)


def test_chosen_quantities_in_half_the_memory(variants):
    encoded = encode_mutations(variants(("A1", "TP53")), quantities=["mutated"], dtype="float32")
    assert set(encoded.data_vars) == {"mutated", "variants"}
    assert encoded["mutated"].dtype == np.float32


def test_the_table_stays_as_it_was_and_attributes_can_be_stored(variants):
    table = variants(("A1", "TP53"), ("B2", "IDH1"))
    before = table.copy(deep=True)
    encoded = encode_mutations(table, exome_size=1.0)
    pd.testing.assert_frame_equal(table, before)
    assert all(isinstance(value, str | int | float) for value in encoded.attrs.values())
    assert all({"long_name", "units"} <= variable.attrs.keys() for variable in encoded.data_vars.values())


pairs = st.lists(st.tuples(st.sampled_from(PATIENTS), st.sampled_from(GENES)), min_size=1, max_size=30)


@given(pairs)
def test_what_is_encoded_can_be_listed_again(variants, drawn):
    encoded = encode_mutations(variants(*drawn), patients=PATIENTS, assayed=GENES)
    assert set(map(tuple, list_mutated(encoded).to_numpy())) == set(drawn)
    assert int(encoded["variant_count"].sum()) == len(drawn)


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(variants, drawn, random):
    table = variants(*drawn)
    order = list(range(len(table)))
    random.shuffle(order)
    xr.testing.assert_identical(
        encode_mutations(table.iloc[order], exome_size=2.0), encode_mutations(table, exome_size=2.0)
    )


@given(pairs)
def test_the_same_variants_in_another_sample_change_nothing(variants, several, whose, drawn):
    table = variants(*drawn).assign(sample=lambda t: t["sample"] + "-one")
    again = table.assign(sample=table["sample"].str.replace("one", "two"))
    whose = {f"{patient}-{which}": patient for patient in PATIENTS for which in ("one", "two")}
    once = encode_mutations(table, samples={k: v for k, v in whose.items() if k.endswith("one")}, exome_size=1.0)
    for several in ("any", "all"):
        twice = encode_mutations(pd.concat([table, again]), samples=whose, several=several, exome_size=1.0)
        for name in once.data_vars:
            np.testing.assert_array_equal(twice[name], once[name])


@given(pairs, pairs)
def test_silent_variants_change_nothing(variants, drawn, silent):
    rows = [(*pair, "Silent", "SNP", 1000 + at) for at, pair in enumerate(silent)]
    plain = encode_mutations(variants(*drawn), patients=PATIENTS, assayed=GENES, exome_size=1.0)
    more = encode_mutations(variants(*drawn, *rows), patients=PATIENTS, assayed=GENES, exome_size=1.0)
    for name in ("mutated", "variant_count", "variant_allele_fraction", "tumor_mutational_burden"):
        np.testing.assert_array_equal(more[name], plain[name])


def test_classes_are_flags_and_several_variants_are_a_hit_of_their_own():
    table = pd.DataFrame(
        {
            "gene": ["TP53", "TP53", "IDH1", "ATRX", "ATRX"],
            "sample": ["P1", "P1", "P1", "P2", "P2"],
            "chromosome": ["17", "17", "2", "X", "X"],
            "start": [1, 2, 3, 4, 5],
            "end": [1, 2, 3, 4, 5],
            "reference": list("AAAAA"),
            "alternative": list("CCCCC"),
            "classification": ["Missense_Mutation", "Nonsense_Mutation", "Missense_Mutation", "Splice_Site", "Silent"],
            "variant_type": ["SNP"] * 5,
        }
    )
    found = encode_mutations(table)["variant_class"]
    words = pd.DataFrame(name_classes(found), found["patient"].values, found["gene"].values)
    assert words.loc["P1"].to_dict() == {"ATRX": "", "IDH1": "Missense_Mutation", "TP53": "Multi_Hit"}
    assert words.loc["P2"].to_dict() == {"ATRX": "Splice_Site", "IDH1": "", "TP53": ""}
    assert len(found.attrs["flag_values"]) == len(found.attrs["flag_meanings"].split())
