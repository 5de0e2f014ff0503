"""Indicators of mutated genes: what counts, who was looked at, several samples of a patient, and real leukaemias."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayesrg import datasets
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations.encoding import encode_mutations
from bayesrg.genomics.mutations.maf import read_maf, read_variants
from bayesrg.genomics.mutations.recurrence import list_mutated, recurrence
from bayesrg.genomics.mutations.variant_classes import name_classes

GENES = ["ATRX", "IDH1", "NPM1", "TP53"]
PATIENTS = ["A1", "B2", "C3", "D4", "E5"]


def variants(*rows):
    """A table of variants from (sample, gene[, classification[, type[, start]]])."""
    whole = [(*row, *("Missense_Mutation", "SNP", number)[len(row) - 2 :]) for number, row in enumerate(rows, start=1)]
    table = pd.DataFrame(whole, columns=["sample", "gene", "classification", "variant_type", "start"])
    return table.assign(chromosome="1", end=table["start"], reference="C", alternative="T")


def as_lists(encoded, name="mutated"):
    return encoded[name].values.tolist()


def test_any_nonsynonymous_substitution_makes_a_gene_mutated():
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
def test_what_counts_under_either_option(word, kind, snv, indel):
    table = variants(("A1", "TP53", word, kind))
    assert as_lists(encode_mutations(table)) == [[snv]]
    assert as_lists(encode_mutations(table, variants="snv+indel")) == [[indel]]


def test_classes_are_adjustable():
    table = variants(("A1", "TP53", "Splice_Site"), ("B2", "TP53", "Silent"))
    assert as_lists(encode_mutations(table, classes=["Silent"])) == [[0], [1]]


def test_patients_without_variants_are_rows_of_zeros_in_the_order_given():
    encoded = encode_mutations(variants(("A1", "TP53")), patients=["C3", "A1", "B2"])
    assert encoded["patient"].values.tolist() == ["C3", "A1", "B2"]
    assert as_lists(encoded) == [[0], [1], [0]]
    assert encoded.attrs["patients"] == "stated"


def test_not_assayed_is_missing_and_not_zero():
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
def test_whoever_a_statement_names_was_sequenced(stated):
    encoded = encode_mutations(variants(("A1", "TP53")), **stated)
    assert encoded["patient"].values.tolist() == ["A1", "C3"]
    assert as_lists(encoded) == [[1], [0]]
    assert encoded.attrs["patients"] == "stated"


def test_a_list_of_genes_is_the_dimension():
    encoded = encode_mutations(variants(("A1", "TP53")), assayed=["TP53", "EGFR"])
    assert encoded["gene"].values.tolist() == ["TP53", "EGFR"]
    assert as_lists(encoded) == [[1, 0]]


def test_variants_where_nobody_looked():
    table = variants(("A1", "TP53"), ("A1", "EGFR"), ("B2", "EGFR", "Silent"))
    with pytest.raises(TableError, match=r"1 variants lie in genes .*: EGFR of A1 \(row 1\).*unassayed='leave_out'"):
        encode_mutations(table, assayed=["TP53"])
    with pytest.warns(UserWarning, match="1 variants are left out"):
        encoded = encode_mutations(table, assayed=["TP53"], unassayed="leave_out")
    assert as_lists(encoded) == [[1], [0]]
    assert encoded.attrs["rows_not_assayed"] == 1


def test_the_largest_allele_fraction_of_the_counted_variants():
    table = variants(("A1", "TP53"), ("A1", "TP53"), ("A1", "TP53", "Silent"), ("B2", "TP53"), ("B2", "IDH1", "Silent"))
    table["variant_allele_fraction"] = [0.2, 0.4, 0.9, np.nan, 0.5]
    encoded = encode_mutations(table)
    np.testing.assert_array_equal(encoded["variant_allele_fraction"].sel(gene="TP53"), [0.4, np.nan])
    assert np.isnan(encoded["variant_allele_fraction"].sel(gene="IDH1")).all()


def test_minima_leave_out_what_is_below_and_what_has_no_value():
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


def test_a_minimum_of_nothing_is_told_too():
    table = variants(("A1", "TP53"), ("B2", "TP53")).assign(variant_allele_fraction=[0.5, pd.NA])
    with pytest.warns(UserWarning, match="1 of 2 variants do not count"):
        encoded = encode_mutations(table, minimum_vaf=0.0)
    assert as_lists(encoded) == [[1], [0]]
    assert "minimum_vaf=0.0" in encoded.attrs["history"]


def test_history_tells_what_became_of_the_others():
    history = encode_mutations(variants(("A1", "TP53")), unassayed="leave_out").attrs["history"]
    assert "unlisted='refuse', unassayed='leave_out'" in history


@pytest.mark.parametrize("kind", [object, "Float64"])
def test_missing_numbers_of_any_type(kind):
    table = variants(("A1", "TP53"), ("B2", "TP53"))
    table["variant_allele_fraction"] = pd.array([0.5, pd.NA], dtype=kind)
    np.testing.assert_array_equal(encode_mutations(table)["variant_allele_fraction"], [[0.5], [np.nan]])


@pytest.mark.parametrize("cell", ["abc", -1, np.inf])
def test_depths_that_are_none(cell):
    table = variants(("A1", "TP53"), ("B2", "TP53"))
    table["depth"] = pd.array([30, cell], dtype=object)
    with pytest.raises(TableError, match=r"column depth: row 1 has .*; expected a number of reads"):
        encode_mutations(table, minimum_depth=10)
    assert as_lists(encode_mutations(table)) == [[1], [1]]


SEVERAL = variants(
    ("a1", "TP53", "Missense_Mutation", "SNP", 7),
    ("a2", "TP53", "Missense_Mutation", "SNP", 7),
    ("a1", "IDH1", "Missense_Mutation", "SNP", 3),
    ("a1", "ATRX", "Missense_Mutation", "SNP", 4),
    ("a2", "ATRX", "Missense_Mutation", "SNP", 5),
    ("b1", "IDH1", "Missense_Mutation", "SNP", 3),
)
WHOSE = pd.DataFrame(
    {"sample": ["a1", "a2", "b1", "b2"], "patient": ["A", "A", "B", "B"], "region": ["r1", "r2", "r1", "r2"]}
)


def test_any_sample_of_a_patient_suffices():
    encoded = encode_mutations(SEVERAL, samples=WHOSE, exome_size=2.0)
    assert as_lists(encoded) == [[1, 1, 1], [0, 1, 0]]
    assert as_lists(encoded, "variant_count") == [[2, 1, 1], [0, 1, 0]]
    assert encoded["tumor_mutational_burden"].values.tolist() == [2.0, 0.5]
    assert encoded["variants"].values.tolist() == [4, 1]


def test_all_samples_must_be_mutated_and_share_the_variants_that_count():
    encoded = encode_mutations(SEVERAL, samples=WHOSE, several="all", exome_size=2.0)
    # ATRX is hit in both samples of A, by a variant of its own in each; b2 has no variant at all.
    assert as_lists(encoded) == [[1, 0, 1], [0, 0, 0]]
    assert as_lists(encoded, "variant_count") == [[0, 0, 1], [0, 0, 0]]
    assert encoded["tumor_mutational_burden"].values.tolist() == [0.5, 0.0]


def test_all_means_all_samples_that_were_assayed_for_the_gene():
    on = {"tp": ["TP53", "ATRX"], "all": ["TP53", "ATRX", "IDH1"]}
    panels = {"a1": "all", "a2": "tp", "b1": "all", "b2": "all"}
    encoded = encode_mutations(SEVERAL, samples=WHOSE, several="all", assayed=on, panels=panels)
    assert encoded["mutated"].sel(gene="IDH1").values.tolist() == [1, 0]


def test_a_variant_of_all_samples_is_one_of_all_that_were_assayed_for_its_gene():
    on = {"tp": ["TP53", "ATRX"], "all": ["TP53", "ATRX", "IDH1"]}
    panels = {"a1": "all", "a2": "tp", "b1": "all", "b2": "all"}
    encoded = encode_mutations(
        SEVERAL, samples=WHOSE, several="all", assayed=on, panels=panels, exome_size=1.0, burden="coding"
    )
    assert encoded["variant_count"].sum("gene").values.tolist() == [2, 0]
    assert encoded["variants"].values.tolist() == [2, 0]
    assert encoded["tumor_mutational_burden"].values.tolist() == [2.0, 0.0]


def test_what_nobody_was_assayed_for_is_shared_where_all_samples_have_it():
    rows = [("a1", "EGFR", "Silent", "SNP", 9), ("a2", "EGFR", "Silent", "SNP", 9)]
    rows += [("a1", None, "IGR", "SNP", 20), ("a2", None, "IGR", "SNP", 20), ("a1", None, "IGR", "SNP", 21)]
    encoded = encode_mutations(variants(*rows), samples=WHOSE, several="all", assayed=["TP53"])
    assert encoded["variants"].values.tolist() == [2, 0]


def test_separate_samples_are_regions():
    encoded = encode_mutations(SEVERAL, samples=WHOSE, several="separate")
    assert encoded["mutated"].dims == ("region", "gene")
    assert encoded["region"].values.tolist() == ["A/r1", "A/r2", "B/r1", "B/r2"]
    assert encoded["region_patient"].values.tolist() == ["A", "A", "B", "B"]
    assert as_lists(encoded) == [[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_separate_samples_of_barcodes():
    table = variants(("TCGA-AB-2802-03A-01D", "TP53"), ("TCGA-AB-2802-04A-01D", "IDH1"))
    encoded = encode_mutations(table, several="separate")
    assert encoded["region"].values.tolist() == ["TCGA-AB-2802/TCGA-AB-2802-03A", "TCGA-AB-2802/TCGA-AB-2802-04A"]
    assert encode_mutations(table)["patient"].values.tolist() == ["TCGA-AB-2802"]
    with pytest.raises(TableError, match="no sample is known of 1 patients without variants: TCGA-AB-2803"):
        encode_mutations(table, several="separate", patients=["TCGA-AB-2802", "TCGA-AB-2803"])


def test_burden_counts_what_it_says_over_the_size_that_is_given():
    table = variants(
        ("A1", "TP53"), ("A1", "TP53", "Silent"), ("A1", "IDH1", "Frame_Shift_Del", "DEL"), ("A1", "IDH1", "Intron")
    )
    assert "tumor_mutational_burden" not in encode_mutations(table)
    rate = encode_mutations(table, exome_size=2.0)["tumor_mutational_burden"]
    assert rate.values.tolist() == [0.5]
    assert rate.attrs["units"] == "1/Mb"
    coding = encode_mutations(table, exome_size=2.0, burden="coding")["tumor_mutational_burden"]
    assert coding.values.tolist() == [1.5]
    assert "silent" in coding.attrs["counted"]


def test_burden_by_the_size_of_each_panel():
    table = variants(("A1", "TP53"), ("B2", "TP53"))
    on, panels = {"a": ["TP53"], "b": ["TP53"]}, {"A1": "a", "B2": "b"}
    encoded = encode_mutations(table, assayed=on, panels=panels, exome_size={"a": 1.0, "b": 4.0})
    assert encoded["tumor_mutational_burden"].values.tolist() == [1.0, 0.25]
    mixed = encode_mutations(
        table, assayed=on, panels=panels, exome_size={"a": 1.0, "b": 4.0}, samples={"A1": "P", "B2": "P"}
    )
    assert np.isnan(mixed["tumor_mutational_burden"]).all()


def test_burden_by_the_size_of_each_patient_or_sample():
    table = variants(("A1", "TP53"), ("B2", "TP53"))
    on = {"A1": ["TP53"], "B2": ["TP53"]}
    for assayed in (on, ["TP53"], None):
        encoded = encode_mutations(table, assayed=assayed, exome_size={"A1": 1.0, "B2": 2.0})
        assert encoded["tumor_mutational_burden"].values.tolist() == [1.0, 0.5]
    both = {"A1": 1.0, "A": 4.0, "B": 2.0}
    encoded = encode_mutations(table, samples={"A1": "A", "B2": "B"}, exome_size=both)
    assert encoded["tumor_mutational_burden"].values.tolist() == [1.0, 0.5]
    with pytest.raises(SettingsError, match="names no size for B2;"):
        encode_mutations(table, assayed=on, exome_size={"A1": 1.0})
    with pytest.warns(UserWarning, match="exome_size: 1 sizes are not used, .*: B3"):
        encode_mutations(table, assayed=on, exome_size={"A1": 1.0, "B2": 2.0, "B3": 2.0})


def test_sizes_of_panels_that_nobody_had_are_no_mistake():
    table = variants(("A1", "TP53"))
    on = {"a": ["TP53"], "b": ["TP53", "IDH1"]}
    encoded = encode_mutations(table, assayed=on, panels={"A1": "a"}, exome_size={"a": 2.0, "b": 3.0})
    assert encoded["tumor_mutational_burden"].values.tolist() == [0.5]


def test_a_variant_in_no_gene_counts_in_the_burden_only():
    table = variants(("A1", "TP53"), ("A1", None))
    encoded = encode_mutations(table, exome_size=1.0)
    assert encoded["gene"].values.tolist() == ["TP53"]
    assert encoded["tumor_mutational_burden"].values.tolist() == [2.0]
    assert encoded.attrs["rows_without_gene"] == 1


def test_normal_samples_are_refused():
    with pytest.raises(TableError, match=r"1 of 2 samples are normal tissue.*TCGA-AB-2802-11A"):
        encode_mutations(variants(("TCGA-AB-2802-11A", "TP53"), ("TCGA-AB-2802-03A", "TP53")))


@pytest.mark.parametrize(
    ("label", "why"), [("TCGA-Ht-7467", "upper and lower case"), ("TCGA-HT-7467A", "one letter at the end")]
)
def test_near_misses_are_refused_and_mapped_by_a_table(label, why):
    table = variants((label, "TP53"))
    for unlisted in ("refuse", "leave_out"):
        with pytest.raises(TableError, match=rf"'{label}' and 'TCGA-HT-7467' \({why}\).*samples"):
            encode_mutations(table, patients=["TCGA-HT-7467", "TCGA-CS-4938"], unlisted=unlisted)
    mapped = encode_mutations(table, patients=["TCGA-HT-7467", "TCGA-CS-4938"], samples={label: "TCGA-HT-7467"})
    assert as_lists(mapped) == [[1], [0]]


def test_barcodes_of_samples_are_no_patients():
    table = variants(("TCGA-AB-2802-03A-01D", "TP53"))
    listed = ["TCGA-AB-2802-03A-01D", "TCGA-AB-2803"]
    with pytest.raises(
        TableError,
        match=r"patients: 1 of 2 are TCGA barcodes of samples.* TCGA-AB-2802-03A-01D \(patient TCGA-AB-2802\)",
    ):
        encode_mutations(table, patients=listed)
    # Whoever calls a patient so by intent may.
    named = encode_mutations(table, patients=listed, samples={listed[0]: listed[0]})
    assert named["patient"].values.tolist() == listed


def test_blanks_around_names():
    table = variants(("A1", "TP53"), ("B2", "TP53 "))
    assert encode_mutations(table)["gene"].values.tolist() == ["TP53"]
    assert table["gene"].tolist() == ["TP53", "TP53 "]
    with pytest.raises(TableError, match=r"column sample: row 1 has ' B2 '; expected a name without blanks"):
        encode_mutations(variants(("A1", "TP53"), (" B2 ", "TP53")))


def test_near_misses_within_the_file():
    with pytest.raises(TableError, match="1 pairs of patients look alike: 'P 1' and 'P-1'"):
        encode_mutations(variants(("P 1", "TP53"), ("P-1", "TP53")))
    with pytest.warns(UserWarning, match="P1 and P1a"):
        assert encode_mutations(variants(("P1", "TP53"), ("P1a", "TP53"))).sizes["patient"] == 2


def test_patients_who_are_not_listed():
    table = variants(("A1", "TP53"), ("B2", "IDH1"))
    with pytest.raises(TableError, match="1 patients of the variants are not in patients: B2"):
        encode_mutations(table, patients=["A1"])
    with pytest.warns(UserWarning, match="1 patients with variants are left out"):
        encoded = encode_mutations(table, patients=["A1"], unlisted="leave_out")
    # What was looked for in somebody left out was, by the assumption, looked for in the others too.
    assert as_lists(encoded) == [[0, 1]]
    assert encoded.attrs["rows_of_unlisted_patients"] == 1


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
def test_tables_made_by_hand_are_checked(change, message):
    table = variants(("A1", "TP53"), ("B2", "TP53")).astype(object).assign(variant_allele_fraction=0.5)
    for column, cell in change.items():
        table[column] = [table[column].iloc[0], cell]
    with pytest.raises(TableError, match=message):
        encode_mutations(table)


def test_tables_without_columns_rows_or_genes():
    with pytest.raises(TableError, match=r"no column variant_type"):
        encode_mutations(variants(("A1", "TP53")).drop(columns="variant_type"))
    with pytest.raises(TableError, match="has no row"):
        encode_mutations(variants(("A1", "TP53")).iloc[:0])
    with pytest.raises(TableError, match="no row names a gene"):
        encode_mutations(variants(("A1", None, "IGR")))
    with pytest.raises(TableError, match="several='all' needs"):
        encode_mutations(SEVERAL.drop(columns="start"), samples=WHOSE, several="all")


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
def test_unknown_options_are_refused(options):
    with pytest.raises(SettingsError, match=r"expected|names no|names nobody|more than a genome|no class"):
        encode_mutations(variants(("A1", "TP53")), **options)


def test_chosen_quantities_in_half_the_memory():
    encoded = encode_mutations(variants(("A1", "TP53")), quantities=["mutated"], dtype="float32")
    assert set(encoded.data_vars) == {"mutated", "variants"}
    assert encoded["mutated"].dtype == np.float32


def test_the_table_stays_as_it_was_and_attributes_can_be_stored():
    table = variants(("A1", "TP53"), ("B2", "IDH1"))
    before = table.copy(deep=True)
    encoded = encode_mutations(table, exome_size=1.0)
    pd.testing.assert_frame_equal(table, before)
    assert all(isinstance(value, str | int | float) for value in encoded.attrs.values())
    assert all({"long_name", "units"} <= variable.attrs.keys() for variable in encoded.data_vars.values())


pairs = st.lists(st.tuples(st.sampled_from(PATIENTS), st.sampled_from(GENES)), min_size=1, max_size=30)


@given(pairs)
def test_what_is_encoded_can_be_listed_again(drawn):
    encoded = encode_mutations(variants(*drawn), patients=PATIENTS, assayed=GENES)
    assert set(map(tuple, list_mutated(encoded).to_numpy())) == set(drawn)
    assert int(encoded["variant_count"].sum()) == len(drawn)


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn, random):
    table = variants(*drawn)
    order = list(range(len(table)))
    random.shuffle(order)
    xr.testing.assert_identical(
        encode_mutations(table.iloc[order], exome_size=2.0), encode_mutations(table, exome_size=2.0)
    )


@given(pairs)
def test_the_same_variants_in_another_sample_change_nothing(drawn):
    table = variants(*drawn).assign(sample=lambda t: t["sample"] + "-one")
    again = table.assign(sample=table["sample"].str.replace("one", "two"))
    whose = {f"{patient}-{which}": patient for patient in PATIENTS for which in ("one", "two")}
    once = encode_mutations(table, samples={k: v for k, v in whose.items() if k.endswith("one")}, exome_size=1.0)
    for several in ("any", "all"):
        twice = encode_mutations(pd.concat([table, again]), samples=whose, several=several, exome_size=1.0)
        for name in once.data_vars:
            np.testing.assert_array_equal(twice[name], once[name])


@given(pairs, pairs)
def test_silent_variants_change_nothing(drawn, silent):
    rows = [(*pair, "Silent", "SNP", 1000 + at) for at, pair in enumerate(silent)]
    plain = encode_mutations(variants(*drawn), patients=PATIENTS, assayed=GENES, exome_size=1.0)
    more = encode_mutations(variants(*drawn, *rows), patients=PATIENTS, assayed=GENES, exome_size=1.0)
    for name in ("mutated", "variant_count", "variant_allele_fraction", "tumor_mutational_burden"):
        np.testing.assert_array_equal(more[name], plain[name])


# Samples with a nonsynonymous variant: the first six as maftools prints them for this file (getGeneSummary,
# https://rdrr.io/pkg/maftools/man/getGeneSummary.html), which also counts 475 silent variants.
PUBLISHED = {
    "FLT3": 52,
    "DNMT3A": 48,
    "NPM1": 33,
    "IDH2": 20,
    "IDH1": 18,
    "TET2": 17,
    "RUNX1": 16,
    "TP53": 15,
    "NRAS": 15,
    "CEBPA": 13,
}


@pytest.fixture(scope="module")
def leukaemias():
    return read_variants(datasets.path("laml/tcga_laml.maf.gz"), build="GRCh37")


@pytest.fixture(scope="module")
def everybody():
    return pd.read_csv(datasets.path("laml/tcga_laml_annot.tsv"), sep="\t")["Tumor_Sample_Barcode"].tolist()


@pytest.mark.data
def test_published_numbers_of_mutated_patients(leukaemias, everybody):
    encoded = encode_mutations(leukaemias, variants="snv+indel", patients=everybody)
    assert dict(encoded.sizes) == {"patient": 200, "gene": 1611}
    often = recurrence(encoded)
    assert often["mutated"].head(10).to_dict() == PUBLISHED
    assert (often["assayed"] == 200).all()
    assert encoded.attrs["rows_counted"] == 1732
    assert (often["mutated"] > 0).sum() == 1241
    # The seven patients of the clinical table without a row in the file are rows of zeros.
    assert int((encoded["variants"] == 0).sum()) == 7


@pytest.mark.data
def test_substitutions_alone_miss_the_insertions_of_npm1(leukaemias, everybody):
    often = recurrence(encode_mutations(leukaemias, patients=everybody))["mutated"]
    assert often["NPM1"] == 1
    assert (often["FLT3"], often["DNMT3A"], often["IDH2"], often["IDH1"]) == (15, 44, 20, 18)


@pytest.mark.data
def test_read_maf_does_both_in_one(leukaemias, everybody):
    path = datasets.path("laml/tcga_laml.maf.gz")
    encoded = read_maf(path, build="GRCh37", variants="snv+indel", patients=everybody, exome_size=35.8)
    expected = encode_mutations(leukaemias, variants="snv+indel", patients=everybody, exome_size=35.8)
    xr.testing.assert_identical(encoded, expected)
    steps = encoded.attrs["history"].splitlines()
    assert [line.split(":")[0] for line in steps] == ["read_variants", "encode_mutations"]
    assert read_maf(path).sizes["patient"] == 193


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
