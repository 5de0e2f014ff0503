"""Who was sequenced: several samples of a patient, normal samples, names that look alike, people not listed."""

import pytest

from bayesrg.errors import TableError
from bayesrg.genomics.mutations.encoding import encode_mutations


def as_lists(encoded, name="mutated"):
    return encoded[name].values.tolist()


def test_any_sample_of_a_patient_suffices(several, whose):
    encoded = encode_mutations(several, samples=whose, exome_size=2.0)
    assert as_lists(encoded) == [[1, 1, 1], [0, 1, 0]]
    assert as_lists(encoded, "variant_count") == [[2, 1, 1], [0, 1, 0]]
    assert encoded["tumor_mutational_burden"].values.tolist() == [2.0, 0.5]
    assert encoded["variants"].values.tolist() == [4, 1]


def test_all_samples_must_be_mutated_and_share_the_variants_that_count(several, whose):
    encoded = encode_mutations(several, samples=whose, several="all", exome_size=2.0)
    # ATRX is hit in both samples of A, by a variant of its own in each; b2 has no variant at all.
    assert as_lists(encoded) == [[1, 0, 1], [0, 0, 0]]
    assert as_lists(encoded, "variant_count") == [[0, 0, 1], [0, 0, 0]]
    assert encoded["tumor_mutational_burden"].values.tolist() == [0.5, 0.0]


def test_all_means_all_samples_that_were_assayed_for_the_gene(several, whose):
    on = {"tp": ["TP53", "ATRX"], "all": ["TP53", "ATRX", "IDH1"]}
    panels = {"a1": "all", "a2": "tp", "b1": "all", "b2": "all"}
    encoded = encode_mutations(several, samples=whose, several="all", assayed=on, panels=panels)
    assert encoded["mutated"].sel(gene="IDH1").values.tolist() == [1, 0]


def test_a_variant_of_all_samples_is_one_of_all_that_were_assayed_for_its_gene(several, whose):
    on = {"tp": ["TP53", "ATRX"], "all": ["TP53", "ATRX", "IDH1"]}
    panels = {"a1": "all", "a2": "tp", "b1": "all", "b2": "all"}
    encoded = encode_mutations(
        several, samples=whose, several="all", assayed=on, panels=panels, exome_size=1.0, burden="coding"
    )
    assert encoded["variant_count"].sum("gene").values.tolist() == [2, 0]
    assert encoded["variants"].values.tolist() == [2, 0]
    assert encoded["tumor_mutational_burden"].values.tolist() == [2.0, 0.0]


def test_what_nobody_was_assayed_for_is_shared_where_all_samples_have_it(variants, whose):
    rows = [("a1", "EGFR", "Silent", "SNP", 9), ("a2", "EGFR", "Silent", "SNP", 9)]
    rows += [("a1", None, "IGR", "SNP", 20), ("a2", None, "IGR", "SNP", 20), ("a1", None, "IGR", "SNP", 21)]
    encoded = encode_mutations(variants(*rows), samples=whose, several="all", assayed=["TP53"])
    assert encoded["variants"].values.tolist() == [2, 0]


def test_separate_samples_are_regions(several, whose):
    encoded = encode_mutations(several, samples=whose, several="separate")
    assert encoded["mutated"].dims == ("region", "gene")
    assert encoded["region"].values.tolist() == ["A/r1", "A/r2", "B/r1", "B/r2"]
    assert encoded["region_patient"].values.tolist() == ["A", "A", "B", "B"]
    assert as_lists(encoded) == [[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_separate_samples_of_barcodes(variants):
    table = variants(("TCGA-AB-2802-03A-01D", "TP53"), ("TCGA-AB-2802-04A-01D", "IDH1"))
    encoded = encode_mutations(table, several="separate")
    assert encoded["region"].values.tolist() == ["TCGA-AB-2802/TCGA-AB-2802-03A", "TCGA-AB-2802/TCGA-AB-2802-04A"]
    assert encode_mutations(table)["patient"].values.tolist() == ["TCGA-AB-2802"]
    with pytest.raises(TableError, match="no sample is known of 1 patients without variants: TCGA-AB-2803"):
        encode_mutations(table, several="separate", patients=["TCGA-AB-2802", "TCGA-AB-2803"])


def test_normal_samples_are_refused(variants):
    with pytest.raises(TableError, match=r"1 of 2 samples are normal tissue.*TCGA-AB-2802-11A"):
        encode_mutations(variants(("TCGA-AB-2802-11A", "TP53"), ("TCGA-AB-2802-03A", "TP53")))


@pytest.mark.parametrize(
    ("label", "why"), [("TCGA-Ht-7467", "upper and lower case"), ("TCGA-HT-7467A", "one letter at the end")]
)
def test_near_misses_are_refused_and_mapped_by_a_table(variants, label, why):
    table = variants((label, "TP53"))
    for unlisted in ("refuse", "leave_out"):
        with pytest.raises(TableError, match=rf"'{label}' and 'TCGA-HT-7467' \({why}\).*samples"):
            encode_mutations(table, patients=["TCGA-HT-7467", "TCGA-CS-4938"], unlisted=unlisted)
    mapped = encode_mutations(table, patients=["TCGA-HT-7467", "TCGA-CS-4938"], samples={label: "TCGA-HT-7467"})
    assert as_lists(mapped) == [[1], [0]]


def test_barcodes_of_samples_are_no_patients(variants):
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


def test_blanks_around_names(variants):
    table = variants(("A1", "TP53"), ("B2", "TP53 "))
    assert encode_mutations(table)["gene"].values.tolist() == ["TP53"]
    assert table["gene"].tolist() == ["TP53", "TP53 "]
    with pytest.raises(TableError, match=r"column sample: row 1 has ' B2 '; expected a name without blanks"):
        encode_mutations(variants(("A1", "TP53"), (" B2 ", "TP53")))


def test_near_misses_within_the_file(variants):
    with pytest.raises(TableError, match="1 pairs of patients look alike: 'P 1' and 'P-1'"):
        encode_mutations(variants(("P 1", "TP53"), ("P-1", "TP53")))
    with pytest.warns(UserWarning, match="P1 and P1a"):
        assert encode_mutations(variants(("P1", "TP53"), ("P1a", "TP53"))).sizes["patient"] == 2


def test_patients_who_are_not_listed(variants):
    table = variants(("A1", "TP53"), ("B2", "IDH1"))
    with pytest.raises(TableError, match="1 patients of the variants are not in patients: B2"):
        encode_mutations(table, patients=["A1"])
    with pytest.warns(UserWarning, match="1 patients with variants are left out"):
        encoded = encode_mutations(table, patients=["A1"], unlisted="leave_out")
    # What was looked for in somebody left out was, by the assumption, looked for in the others too.
    assert as_lists(encoded) == [[0, 1]]
    assert encoded.attrs["rows_of_unlisted_patients"] == 1
