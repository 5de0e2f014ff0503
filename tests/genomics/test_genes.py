"""Names of genes are unique, and none of them is what a spreadsheet program made of one."""

import pytest

from bayesrg.errors import TableError
from bayesrg.genomics.genes import check_genes, is_spoilt


@pytest.mark.parametrize(
    "name", ["1-Mar", "2-Sep", "Sep-02", "2002-09-02", "2002-09-02 00:00:00", "01/Dec", "2.31E+13", "Mar-01", "5E+06"]
)
def test_what_a_spreadsheet_made_of_a_gene(name):
    assert is_spoilt(name)
    with pytest.raises(TableError, match=r"counts\.tsv: .* is not a gene but what a spreadsheet program made of one"):
        check_genes(["TP53", name], "counts.tsv")


@pytest.mark.parametrize(
    "name",
    [
        "MARCHF1",
        "MARCH1",
        "SEPTIN2",
        "SEPT2",
        "DEC1",
        "HLA-A",
        "NKX2-1",
        "7157",
        "ENSG00000141510.18",
        "C9orf72",
        "MAP3K7CL",
    ],
)
def test_genes(name):
    assert not is_spoilt(name)
    assert check_genes([name, "TP53"], "here").tolist() == [name, "TP53"]


def test_blanks_around_a_symbol_are_no_part_of_it():
    assert check_genes([" TP53 "], "here").tolist() == ["TP53"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["TP53", None], r"1 name of a gene is empty \(number 2 in the list\)"),
        (["TP53", float("nan"), " "], "2 names of a gene is empty"),
        (["A", "B", "A"], "1 gene more than once: A"),
        (list("ABCDEFABCDEF"), "6 genes more than once: A, B, C, D, E and 1 more"),
    ],
)
def test_empty_and_repeated_names_are_refused(names, message):
    with pytest.raises(TableError, match=message):
        check_genes(names, "here")
