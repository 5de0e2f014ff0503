"""Places of genes from small files in each format, and what becomes of genes in several places."""

import gzip
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.annotation import check_annotation, read_annotation
from bayesrg.genomics.gene_models import unite_exons

GTF = """#!genome-build GRCh37
7\thavana\tgene\t100\t400\t.\t+\t.\tgene_id "ENSG01.2"; gene_name "EZH2"; gene_biotype "protein_coding";
7\thavana\ttranscript\t100\t400\t.\t+\t.\tgene_id "ENSG01.2"; transcript_id "T1"; gene_name "EZH2";
7\thavana\texon\t100\t199\t.\t+\t.\tgene_id "ENSG01.2"; transcript_id "T1"; gene_name "EZH2";
7\thavana\texon\t301\t400\t.\t+\t.\tgene_id "ENSG01.2"; transcript_id "T1"; gene_name "EZH2";
7\thavana\texon\t150\t249\t.\t+\t.\tgene_id "ENSG01.2"; transcript_id "T2"; gene_name "EZH2";
7\thavana\tCDS\t150\t180\t.\t+\t0\tgene_id "ENSG01.2"; transcript_id "T2"; gene_name "EZH2";
2\thavana\tgene\t50\t90\t.\t-\t.\tgene_id "ENSG02";
"""
GFF = """##gff-version 3
7\tx\tgene\t100\t400\t.\t+\t.\tID=gene:ENSG01;Name=EZH2;biotype=protein_coding;gene_id=ENSG01
7\tx\tmRNA\t100\t400\t.\t+\t.\tID=transcript:T1;Parent=gene:ENSG01
7\tx\texon\t100\t199\t.\t+\t.\tParent=transcript:T1;Name=E1
7\tx\texon\t301\t400\t.\t+\t.\tParent=transcript:T1
7\tx\tmRNA\t150\t249\t.\t+\t.\tID=transcript:T2;Parent=gene:ENSG01
7\tx\texon\t150\t249\t.\t+\t.\tParent=transcript:T2
2\tx\tncRNA_gene\t50\t90\t.\t-\t.\tID=gene:ENSG02;Name=A%3BB
##FASTA
>7
ACGT
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text, name):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
        return path

    return write_file


@pytest.mark.parametrize("name", ["genes.gtf", "genes.gtf.gz"])
def test_gtf(write, name):
    table = read_annotation(write(GTF, name))
    assert table.iloc[0, :5].tolist() == ["ENSG02", "2", 50, 90, "-"]
    assert np.isnan(table.loc[0, "length"])
    assert table.iloc[1].tolist() == ["EZH2", "7", 100, 400, "+", 250.0]
    assert read_annotation(write(GTF, name), names="identifier")["gene"].tolist() == ["ENSG02", "ENSG01.2"]


def test_gtf_without_rows_of_genes(write):
    rows = [line for line in GTF.splitlines(keepends=True) if "\tgene\t" not in line]
    table = read_annotation(write("".join(rows), "genes.gtf"))
    assert table.iloc[0].tolist() == ["EZH2", "7", 100, 400, "+", 250.0]


def test_a_gene_with_exons_only_is_kept_beside_rows_of_genes(write):
    row = '3\tx\texon\t{}\t{}\t.\t+\t.\tgene_id "ENSG03"; gene_name "PBRM1";\n'
    table = read_annotation(write(GTF + row.format(10, 19) + row.format(40, 49), "genes.gtf"))
    assert table["gene"].tolist() == ["ENSG02", "PBRM1", "EZH2"]
    assert table.iloc[1].tolist() == ["PBRM1", "3", 10, 49, "+", 20.0]


def test_text_is_utf8_whatever_the_locale(write):
    path = write(GTF.replace("havana", "Universität"), "genes.gtf")
    code = (
        "import sys; from bayesrg.genomics.annotation import read_annotation; print(len(read_annotation(sys.argv[1])))"
    )
    plain = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=plain, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "2"


@pytest.mark.parametrize("name", ["genes.gff3", "genes.gff.gz"])
def test_gff3(write, name):
    table = read_annotation(write(GFF, name))
    assert table["gene"].tolist() == ["A;B", "EZH2"]
    assert table.iloc[1].tolist() == ["EZH2", "7", 100, 400, "+", 250.0]
    assert read_annotation(write(GFF, name), names="identifier")["gene"].tolist() == ["ENSG02", "ENSG01"]


def test_ncbi_gff3(write):
    text = (
        "NC_000017.11\tBestRefSeq\tgene\t10\t99\t.\t-\t.\tID=gene-TP53;Name=TP53;gene=TP53\n"
        "NC_000017.11\tBestRefSeq\tmRNA\t10\t99\t.\t-\t.\tID=rna-NM_1;Parent=gene-TP53\n"
        "NC_000017.11\tBestRefSeq\texon\t10\t19\t.\t-\t.\tID=exon-1;Parent=rna-NM_1\n"
    )
    assert read_annotation(write(text, "n.gff3")).iloc[0].tolist() == ["TP53", "17", 10, 99, "-", 10.0]


def test_a_circle_of_parents_ends(write):
    text = GFF.replace("##FASTA", "7\tx\tmRNA\t1\t2\t.\t+\t.\tID=a;Parent=b\n7\tx\tmRNA\t1\t2\t.\t+\t.\tID=b;Parent=a\n"
                       "7\tx\texon\t1\t2\t.\t+\t.\tParent=a\n##FASTA")  # fmt: skip
    with pytest.warns(UserWarning, match="1 of 4 exons belong to no row of a gene"):
        table = read_annotation(write(text, "genes.gff3"))
    assert table["length"].tolist()[1] == 250.0


def test_bed_counts_from_zero(write):
    text = "track name=x\nchr7\t99\t400\tEZH2\t0\t+\nchr2\t49\t90\tB\n"
    table = read_annotation(write(text, "genes.bed"))
    assert table.iloc[0].tolist() == ["B", "2", 50, 90, ".", 41.0]
    assert table.iloc[1].tolist() == ["EZH2", "7", 100, 400, "+", 301.0]


def test_bed_of_twelve_columns_has_exons(write):
    text = "chr7\t99\t400\tEZH2\t0\t+\t99\t400\t0\t2\t100,50,\t0,251,\n"
    assert read_annotation(write(text, "genes.bed.gz"))["length"].tolist() == [150.0]


@given(st.lists(st.tuples(st.integers(1, 80), st.integers(0, 30)), min_size=1, max_size=12))
def test_united_exons_are_counted_once(exons):
    pairs = np.array([(start, start + more) for start, more in exons])
    bases = {base for start, end in pairs for base in range(start, end + 1)}
    assert unite_exons(pairs) == len(bases)


PAR = "chrX\t9\t100\tCD99\nchrY\t9\t90\tCD99\nchr1\t9\t20\tA\nchr1\t99\t300\tA\nchr2\t9\t20\tB\n"


def test_genes_in_several_places_are_refused(write):
    path = write(PAR, "genes.bed")
    message = (
        r"2 genes are in several places: A, CD99 \(A at 1:10-20 and 1:100-300\).*check_annotation.*several='keep_x'"
    )
    with pytest.raises(TableError, match=message):
        read_annotation(path, several="refuse")
    only = write("chr1\t9\t20\tA\nchr1\t99\t300\tA\n", "only.bed")
    with pytest.raises(TableError, match="several='keep_x' leaves no gene; give several='first' or 'longest'"):
        read_annotation(only)


def test_annotations_as_they_are_released_are_read_by_default(write):
    """A gene of the pseudoautosomal region is one gene; a name that many small RNAs share is none."""
    row = '{}\tx\tgene\t{}\t{}\t.\t+\t.\tgene_id "{}"; gene_name "{}";\n'
    places = [("X", 10, 99, "ENSG1", "CD99"), ("Y", 10, 99, "ENSG1", "CD99"), ("7", 5, 9, "ENSG2", "EZH2")]
    places += [(chromosome, 50, 60, f"ENSG3{chromosome}", "Y_RNA") for chromosome in ("1", "X", "Y")]
    path = write("".join(row.format(*one) for one in places), "genes.gtf")
    message = (
        r"2 genes are in several places: Y_RNA, CD99 .*1 with one place on X and one on Y \(CD99\) were kept on X; "
        r"several='keep_x' left out 4 of 6 rows"
    )
    with pytest.warns(UserWarning, match=message):
        table = read_annotation(path)
    assert table[["gene", "chromosome"]].to_numpy().tolist() == [["EZH2", "7"], ["CD99", "X"]]
    with pytest.warns(UserWarning, match="left out 1 of 6 rows"):
        identifiers = read_annotation(path, names="identifier")
    assert identifiers["gene"].tolist() == ["ENSG31", "ENSG2", "ENSG1", "ENSG3X", "ENSG3Y"]


@pytest.mark.parametrize(
    ("several", "expected", "left_out"),
    [
        ("first", [("A", "1", 10), ("B", "2", 10), ("CD99", "X", 10)], 2),
        ("longest", [("A", "1", 100), ("B", "2", 10), ("CD99", "X", 10)], 2),
        ("leave_out", [("B", "2", 10)], 4),
    ],
)
def test_genes_in_several_places_are_resolved_and_counted(write, several, expected, left_out):
    with pytest.warns(UserWarning, match=f"several='{several}' left out {left_out} of 5 rows"):
        table = read_annotation(write(PAR, "genes.bed"), several=several)
    assert list(table[["gene", "chromosome", "start"]].itertuples(index=False, name=None)) == expected


def test_genes_on_other_contigs_are_left_out_and_counted(write):
    with pytest.warns(UserWarning, match=r"1 of 2 genes are on other contigs \(GL000220\.1\)"):
        table = read_annotation(write("GL000220.1\t1\t9\tA\nchr1\t1\t9\tB\n", "genes.bed"))
    assert table["gene"].tolist() == ["B"]
    with pytest.raises(TableError, match="none of the 1 genes is on a chromosome"):
        read_annotation(write("scaffold\t1\t9\tA\n", "genes.bed"))


def test_wrong_build(write):
    path = write("chr1\t249000000\t249200000\tA\n", "genes.bed")
    assert len(read_annotation(path, build="GRCh37")) == 1
    with pytest.raises(TableError, match=r"gene 'A'.*ends beyond its chromosome in GRCh38"):
        read_annotation(path, build="GRCh38")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.bed", "chr1\t5\t9\n", r"line 1: 3 columns; expected chromosome, start, end and the gene's name"),
        ("a.bed", "chr1\t5\t9\tA\nchr1\tfive\t9\tB\n", r"line 2, column start: 'five' is no whole number"),
        ("a.bed", "chr1\t9\t9\tA\n", r"line 1, column end: 9 is not behind the start 9"),
        ("a.bed", "#\n", "comments only"),
        ("a.bed", "", "is empty"),
        ("a.bed", "chr1\t5\t9\t\n", "gene '' .* has no name"),
        ("a.gtf", "1\tx\tgene\t5\t9\n", r"line 1: 5 columns; expected the nine"),
        (
            "a.gtf",
            '1\tx\tgene\t-5\t9\t.\t+\t.\tgene_id "A";\n',
            r"line 1, column start: '-5' is no whole number from 1",
        ),
        ("a.gtf", '1\tx\tgene\t9\t5\t.\t+\t.\tgene_id "A";\n', r"line 1, column end: 5 is before the start 9"),
        ("a.gtf", "1\tx\tgene\t1\t5\t.\t+\t.\tnothing\n", r"line 1, column 9: 'nothing' names no gene_id"),
        ("a.gtf", '1\tx\tCDS\t1\t5\t.\t+\t.\tgene_id "A";\n', "no row is of a gene or an exon"),
    ],
)
def test_damaged_files_are_refused(write, name, text, message):
    with pytest.raises(TableError, match=message):
        read_annotation(write(text, name))


def test_absent_and_cut_files_and_wrong_options(tmp_path):
    for name in ("a.bed", "a.gtf"):
        with pytest.raises(TableError, match="there is no such annotation"):
            read_annotation(tmp_path / name)
    cut = tmp_path / "cut.gtf.gz"
    cut.write_bytes(gzip.compress(GTF.encode(), mtime=0)[:-9])
    with pytest.raises(TableError, match="could not be read"):
        read_annotation(cut)
    with pytest.raises(SettingsError, match=r"expected an annotation in .bed"):
        read_annotation(tmp_path / "a.xlsx")
    with pytest.raises(SettingsError, match="names is 'alias'"):
        read_annotation(tmp_path / "a.bed", names="alias")
    with pytest.raises(SettingsError, match="several is 'last'"):
        check_annotation(pd.DataFrame(), several="last")


def test_tables_that_are_wrong():
    good = pd.DataFrame({"gene": ["A"], "chromosome": ["1"], "start": [5], "end": [9]})
    for changed, message in (
        ({"start": [0]}, "row 1, gene 'A'.*has a start that is no whole number from 1 on"),
        ({"end": [4]}, "ends before it starts"),
        ({"chromosome": ["1p"]}, "is on no chromosome"),
    ):
        with pytest.raises(TableError, match=message):
            check_annotation(good.assign(**changed))
    with pytest.raises(TableError, match="but no gene"):
        check_annotation(good.drop(columns="gene"))
    with pytest.raises(TableError, match="has no gene"):
        check_annotation(good.iloc[:0])
