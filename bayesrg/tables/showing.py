"""Tables for people and for other programs: printed in a terminal, written as CSV."""

import sys
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

import pandas as pd

from bayesrg.files import replace_atomically


def write_csv(table: pd.DataFrame, path: str | PathLike[str]) -> Path:
    """Write a table with its index as CSV, and return the path; the file appears whole, or stays what it was.

    Raises
    ------
    OSError
        The file cannot be written there.
    """
    target = Path(path)
    with replace_atomically(target) as unfinished:
        table.to_csv(unfinished)
    return target


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on standard output: with rules in a terminal, as plain aligned text into a pipe or file.

    Numbers are shown with four significant digits, NaN and None as nothing.
    """
    cells = [[_show(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        # Where the terminal is narrow, the first column is broken over lines and the numbers stay whole.
        ruled = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
        for number, column in enumerate(columns):
            ruled.add_column(column, overflow="fold", no_wrap=number > 0, min_width=0 if number else 16)
        for row in cells:
            ruled.add_row(*map(Text, row))  # a Text, because rich reads icc[overall] as a style called overall
        Console().print(ruled)
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in [columns, *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _show(cell: object) -> str:
    if cell is None or (isinstance(cell, float) and cell != cell):  # NaN is the value that differs from itself
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
