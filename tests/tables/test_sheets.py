"""Sheets of Excel lose no value in silence: formulas, errors and merged cells are named."""

from datetime import datetime

import openpyxl
import pytest

from bayesrg.errors import TableError
from bayesrg.tables import read_table


@pytest.fixture
def write(tmp_path):
    """Write rows to a workbook, after what else is to be done with the sheet."""

    def write_book(rows, change=lambda sheet: None):
        book = openpyxl.Workbook()
        sheet = book.active
        for row in rows:
            sheet.append(row)
        change(sheet)
        path = tmp_path / "t.xlsx"
        book.save(path)
        return path

    return write_book


def test_cells_keep_their_types_and_empty_rows_and_columns_are_passed_over(write):
    rows = [
        ["patient", "age", "scanned", "note"],
        ["007", 3, datetime(2020, 1, 1), None],
        [None] * 5,
        ["P2", 4.5, None, ""],
    ]
    table = read_table(write(rows))
    assert table["patient"].tolist() == ["007", "P2"]
    assert table["age"].tolist() == [3, 4.5]
    assert table["scanned"].dt.year.tolist()[0] == 2020
    assert table["note"].isna().all()
    assert table.shape == (2, 4)


@pytest.mark.parametrize(
    ("rows", "change", "message"),
    [
        ([["patient", "x"], ["P1", "=1+1"]], None, r"1 cells hold formulas without a value: B2; open the file"),
        ([["patient", "x"], ["P1", "#DIV/0!"]], None, r"1 cells hold errors: B2 #DIV/0!"),
        ([["patient", "x"], ["P1", "A"], ["P2", None]], "B2:B3", r"cells are merged \(B2:B3\)"),
        ([[None, "x"], ["P1", 1]], None, "column 1 of 2 has no name"),
    ],
)
def test_what_would_lose_a_value_is_refused(write, rows, change, message):
    path = write(rows, (lambda sheet: sheet.merge_cells(change)) if change else lambda sheet: None)
    with pytest.raises(TableError, match=message):
        read_table(path)
