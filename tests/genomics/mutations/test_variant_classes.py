"""Classes and types of variants: what counts, and what words mean."""

import pytest

from bayesrg.errors import SettingsError
from bayesrg.genomics.mutations.variant_classes import (
    CLASSES,
    CODING,
    NONSYNONYMOUS,
    TYPES,
    choose_classes,
    choose_types,
    find_class,
    find_type,
    nearest_class,
)

# The nine classes that maftools counts by default, and those that it calls silent.
COUNTED_ELSEWHERE = {
    "Frame_Shift_Del",
    "Frame_Shift_Ins",
    "In_Frame_Del",
    "In_Frame_Ins",
    "Missense_Mutation",
    "Nonsense_Mutation",
    "Nonstop_Mutation",
    "Splice_Site",
    "Translation_Start_Site",
}
SILENT_ELSEWHERE = {
    "3'UTR",
    "5'UTR",
    "3'Flank",
    "5'Flank",
    "Silent",
    "Intron",
    "RNA",
    "IGR",
    "Splice_Region",
    "lincRNA",
}


def test_the_nonsynonymous_classes_are_those_of_the_field():
    assert COUNTED_ELSEWHERE <= NONSYNONYMOUS
    assert not SILENT_ELSEWHERE & NONSYNONYMOUS
    assert all("Codon" in name for name in NONSYNONYMOUS - COUNTED_ELSEWHERE)


def test_coding_adds_the_silent_ones_only():
    assert {"Silent"} == CODING - NONSYNONYMOUS
    assert NONSYNONYMOUS < CODING


def test_every_class_finds_itself_in_any_case():
    for name in CLASSES:
        assert find_class(name) == find_class(name.upper()) == find_class(name.lower()) == name


@pytest.mark.parametrize(
    ("word", "near"), [("Misense_Mutation", "Missense_Mutation"), ("splicing_site", "Splice_Site")]
)
def test_nearest_class(word, near):
    assert find_class(word) is None
    assert nearest_class(word) == near


def test_funcotators_words():
    assert find_class("DE_NOVO_START_OUT_FRAME") == "De_novo_Start_OutOfFrame"
    assert find_class("START_CODON_SNP") == "Start_Codon_SNP"


@pytest.mark.parametrize(("word", "known"), [("SNV", "SNP"), ("mnv", "ONP"), ("Insertion", "INS"), ("DNP", "DNP")])
def test_types_of_other_programs(word, known):
    assert find_type(word) == known


def test_types_that_count():
    assert choose_types("snv") == {"SNP", "DNP", "TNP", "ONP"}
    assert choose_types("snv+indel") == set(TYPES)
    with pytest.raises(SettingsError, match="'snv', 'snv\\+indel'"):
        choose_types("indel")


def test_chosen_classes():
    assert choose_classes(None) == NONSYNONYMOUS
    assert choose_classes(["silent"]) == {"Silent"}
    assert choose_classes("Splice_Site") == {"Splice_Site"}
    with pytest.raises(SettingsError, match="did you mean 'Missense_Mutation'"):
        choose_classes(["Missense"])
    with pytest.raises(SettingsError, match="empty"):
        choose_classes([])
