"""Wide tables of numbers: no column is shifted, no row cut off, and no file misread by its name in silence."""

import gzip

import numpy as np
import pandas as pd
import pytest

from bayesrg.errors import TableError
from bayesrg.tables import read_numbers, read_table

ROWS = "cg01\t0.1\t0.2\t0.3{end}\ncg02\t0.4\t0.5\t0.6{end}\n"
TEXT = "cpg\tS1\tS2\tS3\n" + ROWS.format(end="")


@pytest.fixture
def write(tmp_path):
    def _write(content, name="m.tsv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


@pytest.mark.parametrize(
    "text",
    [
        "cpg\tS1\tS2\tS3\n" + ROWS.format(end="\t"),
        "cpg\tS1\tS2\tS3\t\n" + ROWS.format(end="\t"),
        "S1\tS2\tS3\n" + ROWS.format(end="\t"),
    ],
    ids=["rows", "rows and header", "as R writes it"],
)
def test_a_separator_at_the_end_of_rows_shifts_no_label(write, text):
    with pytest.warns(UserWarning, match=r"m\.tsv: the rows end in a separator; the empty column"):
        table = read_numbers(write(text))
    assert table.to_dict("list") == {"S1": [0.1, 0.4], "S2": [0.2, 0.5], "S3": [0.3, 0.6]}


def test_a_separator_at_the_end_of_the_header_only(write):
    table = read_numbers(write(TEXT.replace("S3\n", "S3\t\n")))
    assert table.columns.tolist() == ["S1", "S2", "S3"]
    assert table.loc["cg02"].tolist() == [0.4, 0.5, 0.6]


def test_a_name_fewer_is_of_the_labels_where_the_last_column_holds_values(write):
    table = read_numbers(write(TEXT.removeprefix("cpg\t")))
    assert table.columns.tolist() == ["S1", "S2", "S3"]
    assert table.index.name is None
    missing = read_numbers(write("S1\tS2\ncg01\t0.1\tNA\ncg02\t0.4\tNA\n"))
    assert missing.columns.tolist() == ["S1", "S2"]
    np.testing.assert_array_equal(missing["S1"], [0.1, 0.4])


def test_a_last_patient_without_values_stays(write):
    table = read_numbers(write("cpg\tS1\tS2\ncg01\t0.1\t\ncg02\t0.4\t\n"))
    assert table.columns.tolist() == ["S1", "S2"]
    assert table["S2"].isna().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.removesuffix("\t0.6\n"), r"rows have 4 fields, but line 3 has 3; the file may be cut off"),
        ("# made by hand\n\n" + TEXT + "cg03\n", r"rows have 4 fields, but line 6 has 1"),
        ("gene\tS1\tS2\n" + ROWS.format(end=""), r"first row has 3 names \('gene', 'S1', 'S2'\).* have 4 fields"),
        ("cpg\tS1\tS2\tS3\tS4\n" + ROWS.format(end=""), r"first row has 5 names .* have 4 fields"),
        ("#1.3\n2\t3\t1\t1\n" + TEXT, "GCT of version 1.3"),
    ],
)
def test_rows_and_names_that_do_not_match_are_refused(write, text, message):
    with pytest.raises(TableError, match=message):
        read_numbers(write(text))


def test_missing_last_cells_of_whole_rows_are_missing_values(write):
    table = read_numbers(write('cpg,S1,S2\n"cg01, of old",0.1,\ncg02,NA,0.5\n\n', "m.csv"))
    assert table.index.tolist() == ["cg01, of old", "cg02"]
    assert table["S2"].isna().tolist() == [True, False]


def test_size_in_a_gct_file_is_passed_over(write):
    text = "#1.2\n2\t3\nName\tDescription\tS1\nENSG1\tTP53\t5\nENSG2\tEGFR\t7\n"
    for name, content in (("m.gct", text), ("m.gct.gz", gzip.compress(text.encode(), mtime=0))):
        table = read_numbers(write(content, name))
        assert table["S1"].to_dict() == {"ENSG1": 5, "ENSG2": 7}


@pytest.mark.parametrize("read", [read_numbers, read_table])
@pytest.mark.parametrize(
    ("name", "content"), [("m.tsv", gzip.compress(TEXT.encode(), mtime=0)), ("m.tsv.gz", TEXT), ("m.tsv", TEXT)]
)
def test_first_bytes_and_not_the_name_tell_whether_a_file_is_gzipped(write, read, name, content):
    assert read(write(content, name))["S2"].tolist() == [0.2, 0.5]


@pytest.mark.parametrize("read", [read_numbers, read_table])
def test_a_file_damaged_in_its_stream_is_named(write, read):
    damaged = bytearray(gzip.compress(TEXT.encode() * 999, mtime=0))
    damaged[12] ^= 0xFF
    with pytest.raises(TableError, match=r"m\.tsv\.gz: the \w+ could not be read: Error -3"):
        read(write(bytes(damaged), "m.tsv.gz"))


def test_a_file_without_a_row_of_names(write):
    table = read_numbers(write("TP53\t5\nEGFR\t7\n", "P1.tab"), names=["P1"])
    assert table["P1"].to_dict() == {"TP53": 5, "EGFR": 7}


def test_name_of_the_labels_is_kept_in_every_kind_of_file(write, tmp_path):
    assert read_numbers(write(TEXT)).index.name == "cpg"
    pd.DataFrame({"cpg": ["cg01"], "S1": [0.1]}).to_parquet(tmp_path / "m.parquet")
    assert read_numbers(tmp_path / "m.parquet").index.name == "cpg"
    with pytest.raises(TableError, match=r"expected a matrix in one of \.csv, \.tsv, \.tab"):
        read_numbers(tmp_path / "m.ods")


def test_a_row_cut_off_among_quotes_in_a_gzipped_file_is_named(write):
    text = 'gene,S1,S2\n"A, B",1,2\n"C, D",3\nE,4,5\n'
    with pytest.raises(TableError, match=r"rows have 3 fields, but line 3 has 2;"):
        read_numbers(write(gzip.compress(text.encode(), mtime=0), "m.csv.gz"))
