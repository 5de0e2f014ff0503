"""Tables keep their labels and lose no digit; what is written is whole."""

import gzip
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesrg.errors import TableError
from bayesrg.tables import choose_columns, print_table, read_table, write_csv

TEXT = "subject,visit,value,other,small\n007,1,1.5,x,-1e-5\n008,2,NA,1,2.\n,3,0.25,,\n"


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TEXT)
    return path


def test_identifiers_stay_text_and_numbers_become_numbers(csv):
    table = read_table(csv)
    assert list(table["subject"][:2]) == ["007", "008"]
    assert pd.isna(table["subject"][2])
    assert list(table["visit"]) == [1, 2, 3]
    assert list(table["value"].fillna(-1)) == [1.5, -1, 0.25]
    assert list(table["small"].fillna(-1)) == [-1e-5, 2, -1]
    assert list(table["other"][:2]) == ["x", "1"]


def test_labels_stay_text_when_asked_to(csv):
    assert list(read_table(csv, text=["visit"])["visit"]) == ["1", "2", "3"]


def test_every_kind_of_file_holds_the_same_table(csv, tmp_path):
    expected = read_table(csv)
    (tmp_path / "table.tsv").write_text(TEXT.replace(",", "\t"))
    (tmp_path / "marked.csv").write_text("\ufeff" + TEXT)
    for name, text in {"table.csv.gz": TEXT, "table.tsv.gz": TEXT.replace(",", "\t")}.items():
        (tmp_path / name).write_bytes(gzip.compress(text.encode(), mtime=0))
    expected.to_parquet(tmp_path / "table.parquet")
    others = ["table.tsv", "marked.csv", "table.csv.gz", "table.tsv.gz", "table.parquet"]
    for name in others:
        found = read_table(tmp_path / name)
        # Before pandas 3, a missing text is None from Parquet and NaN from CSV.
        pd.testing.assert_frame_equal(found.where(found.notna(), np.nan), expected.where(expected.notna(), np.nan))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.csv", None, "there is no such table; check the path"),
        ("table.ods", b"PK", r"expected a table in one of \.csv"),
        ("table.xlsx", b"PK", r"could not be read: File is not a zip file"),
        ("empty.csv", b"", "the table is empty; expected a row of names"),
        ("ragged.csv", b"a,b\n1\n1,2,3\n", "could not be read"),
        ("cut.csv.gz", gzip.compress(TEXT.encode() * 99, mtime=0)[:60], "could not be read"),
        ("latin.csv", "a,b\n1,\xe9\n".encode("latin-1"), "could not be read"),
        ("damaged.parquet", b"PAR1 and then nothing", "could not be read"),
    ],
)
def test_unreadable_files_are_named(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message) as raised:
        read_table(tmp_path / name)
    assert name in str(raised.value)


def test_csv_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    table = pd.DataFrame({"mean": [0.1 + 0.2]}, index=pd.Index(["icc[overall]"], name="estimand"))
    path = write_csv(table, tmp_path / "summary.csv")
    pd.testing.assert_frame_equal(pd.read_csv(path, index_col="estimand"), table)

    def fail(*_):
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(OSError, match="No space left"):
        write_csv(table, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_into_a_pipe_a_table_is_plain_aligned_text(capsys):
    print_table(["estimand", "mean", "unit"], [["icc[overall]", 0.123456, "1"], ["sd", float("nan"), None]])
    assert capsys.readouterr().out == "estimand      mean    unit\nicc[overall]  0.1235  1\nsd\n"


def test_in_a_narrow_terminal_numbers_stay_whole_and_brackets_are_no_styles(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    long = "finite_sd[subject:preprocessing]"
    print_table(["estimand", "mean", "lower"], [[long, 0.0123456, -12345678.0], ["icc[overall]", 0.5, 1.0]])
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert "icc[overall]" in shown
    assert "0.01235" in shown
    assert "-1.235e+07" in shown
    assert long in "".join(line.split()[0] for line in shown.splitlines() if line.strip())
    assert max(map(len, shown.splitlines())) <= 40


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("subject,x\na,1,9\nb,2,8\n", "no name in the first row|could not be read"),
        ("x,x\n1,2\n", "two columns are called 'x'"),
    ],
)
def test_a_field_too_many_or_a_name_twice_shifts_nothing_in_silence(tmp_path, content, message):
    path = tmp_path / "table.csv"
    path.write_text(content)
    with pytest.raises(TableError, match=message):
        read_table(path)


def test_columns_that_a_pattern_drops_are_named():
    table = pd.DataFrame(
        {"f_1": [1.0, 2.0], "f_2": ["0.5", "-"], "f_3": ["high", "low"], "f_4": [np.nan, np.nan], "f_5": [True, False]}
    )
    with pytest.warns(UserWarning, match="3 columns match, but hold no numbers, and are left out: f_3, f_4, f_5"):
        assert choose_columns(table, ["f_*"]) == ["f_1", "f_2"]


def test_numbers_without_a_leading_zero(tmp_path: Path):
    file = tmp_path / "table.csv"
    file.write_text("a,b\n.25,007\n-.5e2,008\n")
    table = read_table(file)
    assert table["a"].tolist() == [0.25, -50.0]
    assert table["b"].tolist() == ["007", "008"]


def test_a_sheet_of_excel_keeps_labels_numbers_and_dates(tmp_path):
    frame = pd.DataFrame(
        {
            "patient": ["007", "P2"],
            "age": [3, 4.5],
            "scanned": pd.to_datetime(["2020-01-01", "2021-02-03"]),
            "treated": [True, False],
            "visit": [1, 2],
            "note": ["x", None],
        }
    )
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    table = read_table(tmp_path / "t.xlsx", text=["visit"])
    assert table["patient"].tolist() == ["007", "P2"]
    assert table["age"].tolist() == [3.0, 4.5]
    assert table["scanned"].dt.year.tolist() == [2020, 2021]
    assert table["treated"].tolist() == [True, False]
    assert table["visit"].tolist() == ["1", "2"]
    assert table["note"].isna().tolist() == [False, True]


def test_of_several_sheets_one_must_be_named(tmp_path):
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        for number, name in enumerate(["one", "two"]):
            pd.DataFrame({"value": [number]}).to_excel(book, sheet_name=name, index=False)
        pd.DataFrame().to_excel(book, sheet_name="empty", index=False)
    with pytest.raises(TableError, match="2 sheets hold tables, 'one', 'two'; name the sheet"):
        read_table(tmp_path / "t.xlsx")
    assert read_table(tmp_path / "t.xlsx", sheet="two")["value"].tolist() == [1]
    with pytest.raises(TableError, match="there is no sheet 'three'; it has 'one', 'two', 'empty'"):
        read_table(tmp_path / "t.xlsx", sheet="three")
    with pytest.raises(TableError, match="the sheets 'empty' are empty"):
        read_table(tmp_path / "t.xlsx", sheet="empty")


def test_only_excel_has_sheets(csv):
    with pytest.raises(TableError, match="only an Excel file has sheets"):
        read_table(csv, sheet="one")


def test_names_of_columns_are_mended_when_asked_to(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(",grade,grade,age\nP1,2,3,40\n")
    with pytest.raises(TableError, match="column 1 of 4 has no name"):
        read_table(path)
    with pytest.warns(UserWarning, match="column 1 is called 'column_1', column 3 is called 'grade_2'"):
        table = read_table(path, names="mend")
    assert table.columns.tolist() == ["column_1", "grade", "grade_2", "age"]
    path.write_text("patient,age\nP1,40\n")
    assert read_table(path, names="mend").columns.tolist() == ["patient", "age"]


def test_rows_that_are_too_short_are_refused_by_their_lines(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("patient,x,y\nP1,1,2\nP2,3\nP3,4,\n")
    with pytest.raises(TableError, match=r"1 rows have fewer than 3 fields: line 3 has 2"):
        read_table(path)
    path.write_text('patient,x,y\nP1,"a\nb",2\nP3,4,\n\n')
    assert read_table(path)["y"].isna().tolist() == [False, True]
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress(b"patient\tx\nP1\n", mtime=0))
    with pytest.raises(TableError, match="line 2 has 1"):
        read_table(tmp_path / "t.tsv.gz")
