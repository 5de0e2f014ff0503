"""Sheets of Excel workbooks, read cell by cell so that no value is lost in silence."""

from pathlib import Path
from typing import Any

import pandas as pd

from bayesrg.errors import TableError, list_some


def read_sheet(path: Path, sheet: str | None) -> pd.DataFrame:
    """Return the cells of one sheet as they are, its header among them; an empty cell is None.

    Parameters
    ----------
    path
        A workbook (``.xlsx``).
    sheet
        The name of the sheet; None for the only one that holds anything.

    Raises
    ------
    TableError
        There is no such sheet, or more than one to choose from; or a cell holds an error, a formula that no program has
        computed yet, or belongs to merged cells. The message names the cells.
    """
    import openpyxl

    book = openpyxl.load_workbook(path, data_only=True)
    names = list(book.sheetnames)
    if sheet is not None and sheet not in names:
        raise TableError(f"{path}: there is no sheet {sheet!r}; it has {', '.join(map(repr, names))}")
    asked = names if sheet is None else [sheet]
    # Charts have sheets of their own, without cells.
    filled = [name for name in asked if hasattr(book[name], "iter_rows") and _has_values(book[name])]
    if not filled:
        raise TableError(f"{path}: the sheets {', '.join(map(repr, asked))} are empty; expected a table")
    if len(filled) > 1:
        raise TableError(
            f"{path}: {len(filled)} sheets hold tables, {', '.join(map(repr, filled))}; name the sheet to read"
        )
    chosen: Any = book[filled[0]]
    where = f"{path}, sheet {filled[0]!r}"
    if chosen.merged_cells.ranges:
        raise TableError(
            f"{where}: cells are merged ({list_some(sorted(map(str, chosen.merged_cells.ranges)))}), and only the "
            "first "
            "of them holds the value; unmerge them and fill in what each row has"
        )
    errors = [cell for row in chosen.iter_rows() for cell in row if cell.data_type == "e"]
    if errors:
        raise TableError(
            f"{where}: {len(errors)} cells hold errors: "
            f"{list_some(errors, show=lambda cell: f'{cell.coordinate} {cell.value}')}; mend them, or empty them where "
            "the value is missing"
        )
    formulas: Any = openpyxl.load_workbook(path, read_only=True)[filled[0]]
    unknown = [
        cell.coordinate
        for row in formulas.iter_rows()
        for cell in row
        if cell.data_type == "f" and chosen[cell.coordinate].value is None
    ]
    if unknown:
        raise TableError(
            f"{where}: {len(unknown)} cells hold formulas without a value: {list_some(unknown)}; open the file in a "
            "spreadsheet program, which computes them, and save it, or put the values in their place"
        )
    rows = [list(row) for row in chosen.iter_rows(values_only=True)]
    table = pd.DataFrame([[None if cell == "" else cell for cell in row] for row in rows], dtype=object)
    table = table.loc[table.notna().any(axis="columns")]
    used = int(table.notna().any(axis="index").to_numpy().nonzero()[0].max()) + 1
    return table.iloc[:, :used].reset_index(drop=True)


def _has_values(sheet: Any) -> bool:
    return any(cell is not None for row in sheet.iter_rows(values_only=True) for cell in row)
