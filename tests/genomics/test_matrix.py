"""Matrices are read whichever way genes run, and a bad cell is named by its gene and sample."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesrg import datasets
from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.matrix import as_matrix, read_matrix

TEXT = "gene,P1,P2\nTP53,10,NA\nIDH1,,2.5\n"
EXPECTED = np.array([[10, np.nan], [np.nan, 2.5]])


@pytest.fixture
def write(tmp_path):
    def _write(name, text):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())
        return path

    return _write


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", TEXT),
        ("m.csv.gz", TEXT),
        ("m.tsv", TEXT.replace(",", "\t")),
        ("m.txt", TEXT.replace(",", "\t")),
        ("m.csv", TEXT.replace("gene,", ",")),
        ("m.csv", "\ufeff" + TEXT),
        ("m.tsv", TEXT.replace("gene,", "").replace(",", "\t")),
        ("m.csv", TEXT.replace("\n", "\r\n")),
    ],
)
def test_a_gene_a_row(write, name, text):
    matrix = read_matrix(write(name, text))
    assert matrix.dims == ("sample", "gene")
    assert matrix["sample"].values.tolist() == ["P1", "P2"]
    assert matrix["gene"].values.tolist() == ["TP53", "IDH1"]
    np.testing.assert_array_equal(matrix.values, EXPECTED)
    assert matrix.attrs["history"].startswith(f"read_matrix: {name} (sha256 ")


def test_a_gene_a_column_and_other_kinds_of_files(write, tmp_path):
    matrix = read_matrix(write("m.csv", "id,TP53,IDH1\nP1,10,\nP2,NA,2.5\n"), across="columns")
    np.testing.assert_array_equal(matrix.values, EXPECTED)
    frame = pd.DataFrame({"gene": ["TP53", "IDH1"], "P1": [10, None], "P2": [None, 2.5]})
    frame.to_parquet(tmp_path / "m.parquet")
    frame.to_excel(tmp_path / "m.xlsx", index=False)
    for name in ("m.parquet", "m.xlsx"):
        np.testing.assert_array_equal(read_matrix(tmp_path / name).values, EXPECTED)


def test_labels_of_rows_stay_text(write):
    matrix = read_matrix(write("m.csv", "id,TP53\n007,1\n08,2\n"), across="columns")
    assert matrix["sample"].values.tolist() == ["007", "08"]


def test_no_digit_of_a_number_is_lost(write):
    number = 0.1 + 0.2
    assert read_matrix(write("m.csv", f"gene,P1\nA,{number!r}\n")).item() == number


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("2.5", "x"), r"m\.csv: row 'IDH1', column 'P2' holds 'x'; expected a number"),
        (TEXT.replace("P2", "P1"), "two columns are called 'P1'"),
        (TEXT.replace("IDH1", "TP53"), r"m\.csv: the genes: 1 gene more than once: TP53"),
        (TEXT.replace("IDH1", "1-Mar"), "what a spreadsheet program made"),
        (TEXT.replace("IDH1", ""), "is empty"),
        (TEXT.replace("P2", ""), "label 2 of the samples is empty"),
        ("gene,P1\n", "could not be read"),
        ("", "could not be read"),
        ("gene\nTP53\n", "0 columns beside the labels"),
        (TEXT + "EGFR,1,2,3\n", "could not be read"),
    ],
)
def test_files_that_are_refused(write, text, message):
    with pytest.raises(TableError, match=message):
        read_matrix(write("m.csv", text))


def test_damaged_and_absent_files(tmp_path):
    with pytest.raises(TableError, match="no such matrix"):
        read_matrix(tmp_path / "absent.tsv")
    (tmp_path / "m.csv.gz").write_bytes(gzip.compress((TEXT * 99).encode(), mtime=0)[:50])
    with pytest.raises(TableError, match="could not be read"):
        read_matrix(tmp_path / "m.csv.gz")


def test_data_arrays_are_turned_as_their_dims_say():
    array = xr.DataArray([[1, 2, 3]], {"gene": ["A"], "patient": ["x", "y", "z"]}, ("gene", "patient"))
    matrix = as_matrix(array)
    assert matrix.dims == ("patient", "gene")
    assert matrix.dtype == float
    assert matrix.values.ravel().tolist() == [1, 2, 3]
    assert array.dtype.kind == "i"


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (xr.DataArray([[1.0]], dims=("patient", "gene")), TableError, "the dim 'patient' has no labels"),
        (xr.DataArray([[1.0]], dims=("patient", "probe")), TableError, "expected patient and gene"),
        (xr.DataArray([["a"]], {"patient": ["P"], "gene": ["A"]}, ("patient", "gene")), TableError, "expected numbers"),
        (
            pd.DataFrame({"P1": [1.0, -2.0]}, ["A", "B"]),
            TableError,
            "-2 for sample 'P1' and gene 'B' .*at least 0",
        ),
        (
            pd.DataFrame({"P1": [1.0, 9.0]}, ["A", "B"]),
            TableError,
            "9 for sample 'P1' and gene 'B' .*at most 5",
        ),
        (
            pd.DataFrame({"P1": [1.0, np.inf]}, ["A", "B"]),
            TableError,
            "inf for sample 'P1' and gene 'B' .*a finite number",
        ),
        (pd.DataFrame({"P1": [1.0, "b"]}, ["A", "B"]), TableError, "row 'B', column 'P1' holds 'b'"),
        (pd.DataFrame(), TableError, "0 rows and 0 columns"),
    ],
)
def test_matrices_that_are_refused(table, error, message):
    with pytest.raises(error, match=message):
        as_matrix(table, what="ratios", lowest=0, highest=5)


def test_names_that_are_numbers_and_names_that_are_there_twice():
    matrix = as_matrix(pd.DataFrame({1: ["3", None], 2: ["4", "5"]}, index=["A", "B"]))
    assert matrix["sample"].values.tolist() == ["1", "2"]
    np.testing.assert_array_equal(matrix.values, [[3, np.nan], [4, 5]])
    twice = pd.DataFrame([["1", "NA"], ["2", "3"]], index=["A", "B"], columns=["P1", "P1"])
    with pytest.raises(TableError, match="1 of the samples are there more than once: P1"):
        as_matrix(twice)


def test_a_dataset_is_taken_where_it_is_clear_which_variable():
    count = as_matrix(pd.DataFrame({"P1": [3.0]}, ["A"]))
    data = xr.Dataset({"count": count, "tpm": count * 2}, attrs={"history": "read_counts: a.txt"})
    assert as_matrix(data[["tpm"]]).item() == 6
    assert as_matrix(data, variable="count").item() == 3
    assert as_matrix(data, variable="count").attrs["history"] == "read_counts: a.txt"
    with pytest.raises(TableError, match="the dataset has the variables count, tpm; expected one of them"):
        as_matrix(data)


TWO_LABELS = "Hugo_Symbol,Entrez_Gene_Id,P1\nTP53,7157,3\nIDH1,3417,4\n"


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        (TWO_LABELS, "'Entrez_Gene_Id'"),
        (TWO_LABELS.replace("Hugo_Symbol", "id").replace("Entrez_Gene_Id", "Cytoband"), "'Cytoband'"),
        ("gene_id,gene_name,P1\nTP53,x,3\nIDH1,y,4\n", "'gene_name'"),
        ("gene,effective_length,P1,length\nTP53,1,3,2\nIDH1,1,4,2\n", "'effective_length', 'length'"),
    ],
)
def test_columns_that_describe_genes_are_no_patients(write, text, left_out):
    with pytest.warns(UserWarning, match=f"no samples and were left out: {left_out}$"):
        matrix = read_matrix(write("m.csv", text))
    assert matrix["sample"].values.tolist() == ["P1"]
    assert matrix.sel(sample="P1").values.tolist() == [3, 4]


def test_a_gct_file_is_read(write):
    text = "#1.2\n1\t2\nName\tDescription\tP1\tP2\nENSG1.5\tTP53\t5\t6\n"
    with pytest.warns(UserWarning, match="left out: 'Description'"):
        matrix = read_matrix(write("m.gct.gz", text))
    assert matrix.values.tolist() == [[5], [6]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ENSG01,5,7\nENSG02,0,1\n", r"m\.csv: the first row is 'ENSG01', '5', '7'; expected the names of the samples"),
        ("gene,length,chr\nTP53,5,17\n", r"m\.csv: the columns 'length', 'chr' describe rows"),
    ],
)
def test_files_without_names_of_samples_are_refused(write, text, message):
    with pytest.raises(TableError, match=message):
        read_matrix(write("m.csv", text))


def test_patients_may_be_called_by_numbers(write):
    assert read_matrix(write("m.csv", "gene,1,2\nTP53,3,4\n"))["sample"].values.tolist() == ["1", "2"]


def test_genes_in_a_column_of_a_numbered_table_are_asked_for_as_index():
    with pytest.raises(TableError, match=r"rows are only numbered.*table\.set_index\('gene_name'\)"):
        as_matrix(pd.DataFrame({"gene_name": ["TP53"], "P1": [3]}))


def test_across_is_one_of_two_words():
    with pytest.raises(SettingsError, match="across is 'genes'"):
        as_matrix(pd.DataFrame({"P1": [1.0]}, ["A"]), across="genes")


@pytest.mark.data
def test_real_matrices():
    rna = read_matrix(datasets.path("glioma3d/rna_cpm.csv.gz"))
    assert rna.shape == (105, 15847)
    assert float(rna.sel(sample="P260v2", gene="A2M")) == 439.358
    breast = read_matrix(datasets.path("mixomics/breastTCGA_data.train_mrna.csv.gz"), across="columns")
    assert re.fullmatch(r"A\w{3}", str(breast["sample"].values[0]))
