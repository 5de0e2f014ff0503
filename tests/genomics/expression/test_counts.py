"""Files of counts: each program's are known by what is in them, and what describes genes becomes no patient."""

import gzip

import numpy as np
import pytest

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.expression.counts import read_counts
from bayesrg.genomics.expression.encoding import encode_expression

STAR = "N_unmapped\t9\t9\t9\nN_noFeature\t1\t80\t2\nENSG1.2\t20\t1\t19\nENSG2.1\t7\t0\t7\n"
HTSEQ = "ENSG1\t5\nENSG2\t7\n__no_feature\t3\n"
GDC = (
    "# gene-model: GENCODE v36\n"
    "gene_id\tgene_name\tgene_type\tunstranded\tstranded_first\tstranded_second\ttpm_unstranded\n"
    "N_unmapped\t\t\t9\t9\t9\t\nENSG1\tTP53\tprotein_coding\t20\t1\t19\t99.5\n"
)


@pytest.fixture
def write(tmp_path):
    def _write(name, text):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
        return path

    return _write


@pytest.mark.parametrize(("strand", "expected"), [("unstranded", 20), ("forward", 1), ("reverse", 19)])
def test_stars_columns_are_strands_of_one_sample(write, strand, expected):
    data = read_counts(write("P1.ReadsPerGene.out.tab", STAR), strand=strand)
    assert data["sample"].values.tolist() == ["P1"]
    assert data["gene"].values.tolist() == ["N_unmapped", "N_noFeature", "ENSG1.2", "ENSG2.1"]
    assert data["count"].sel(sample="P1", gene="ENSG1.2") == expected
    assert f"strand='{strand}'" in data.attrs["history"]
    gdc = read_counts(write("abc.rna_seq.augmented_star_gene_counts.tsv", GDC), strand=strand)
    assert gdc["sample"].values.tolist() == ["abc"]
    assert gdc["count"].values.tolist() == [[9, expected]]


def test_strand_is_asked_for(write):
    for name, text in (("P1.ReadsPerGene.out.tab", STAR), ("P1.tsv", GDC)):
        with pytest.raises(SettingsError, match=r"strand='unstranded', 'forward' or 'reverse'.* forward 1, reverse \d"):
            read_counts(write(name, text))
    with pytest.raises(SettingsError, match="strand='up': expected one of"):
        read_counts(write("P1.ReadsPerGene.out.tab", STAR), strand="up")
    with pytest.raises(SettingsError, match=r"strand='forward': P1\.txt has no column a strand"):
        read_counts(write("P1.txt", HTSEQ), strand="forward")


@pytest.mark.parametrize("name", ["P1.txt", "P1.htseq.counts.gz", "P1_counts.tsv"])
def test_htseqs_file_has_no_row_of_names(write, name):
    data = read_counts(write(name, HTSEQ))
    assert data["sample"].values.tolist() == ["P1"]
    assert data["count"].sel(sample="P1").to_series().to_dict() == {"ENSG1": 5, "ENSG2": 7, "__no_feature": 3}
    encoded = encode_expression(data, measure="cpm")
    assert encoded["gene"].values.tolist() == ["ENSG1", "ENSG2"]
    assert encoded.attrs["history"].splitlines()[0] == data.attrs["history"]


def test_a_file_without_names_and_without_sums_is_warned_of(write):
    with pytest.warns(UserWarning, match=r"P1\.txt: the first row is \['TP53', '5'\].* one sample, 'P1'"):
        assert read_counts(write("P1.txt", "TP53\t5\nEGFR\t7\n"))["count"].values.tolist() == [[5, 7]]
    with pytest.raises(TableError, match=r"m\.txt: the first row is 'TP53', '5', '6'"):
        read_counts(write("m.txt", "TP53\t5\t6\nEGFR\t7\t8\n"))
    assert read_counts(write("m.txt", "gene\t5\nEGFR\t7\n"))["sample"].values.tolist() == ["5"]


def test_columns_that_describe_genes_are_told_and_lengths_kept(write):
    names = "Geneid\tChr\tStart\tEnd\tStrand\tLength\tgene_name\tP1"
    path = write("m.txt", f"# Program:featureCounts\n{names}\nENSG1\t17;17\t1;9\t5;12\t-;-\t9\tTP53\t120\n")
    with pytest.warns(UserWarning, match=r"m\.txt: .*left out: 'gene_name'"):
        data = read_counts(path)
    assert data["sample"].values.tolist() == ["P1"]
    assert data["length"].values.tolist() == [9]
    other = read_counts(write("m.tsv", "gene\tlength\tP1\nTP53\t2512\t3\nEGFR\tNA\t4\n"))
    assert other["sample"].values.tolist() == ["P1"]
    np.testing.assert_array_equal(other["length"], [2512, np.nan])


@pytest.mark.parametrize(
    ("name", "header", "message"),
    [
        (
            "P1.genes.results",
            "gene_id\ttranscript_id(s)\tlength\teffective_length\texpected_count\tTPM\tFPKM",
            "RSEM's table of one sample.*join the column 'expected_count'.*estimated=True, or join 'TPM'",
        ),
        ("quant.sf", "Name\tLength\tEffectiveLength\tTPM\tNumReads", "Salmon's table.*'NumReads'"),
        ("abundance.tsv", "target_id\tlength\teff_length\test_counts\ttpm", "kallisto's table.*'est_counts'.*'tpm'"),
    ],
)
def test_tables_of_one_sample_are_no_matrices(write, name, header, message):
    row = "\t".join(["TP53", *["5"] * header.count("\t")])
    with pytest.raises(TableError, match=message):
        read_counts(write(name, f"{header}\n{row}\n"))


def test_errors_name_the_file(write):
    with pytest.raises(TableError, match=r"m\.csv: row 'TP53', column 'P1' holds 'x'"):
        read_counts(write("m.csv", "gene,P1\nTP53,x\n"))
    with pytest.raises(TableError, match=r"m\.csv: the genes: 1 gene more than once"):
        read_counts(write("m.csv", "gene,P1\nTP53,1\nTP53,2\n"))


def test_the_variable_alone_has_its_history(write):
    data = read_counts(write("m.csv", "gene,P1\nTP53,3\n"))
    assert data["count"].attrs["history"].startswith("read_counts: m.csv (sha256 ")
    encoded = encode_expression(data["count"], measure="cpm")
    assert encoded.attrs["history"].splitlines()[0] == data.attrs["history"]
