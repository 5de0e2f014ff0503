"""Names of genes, and what spreadsheet programs make of them."""

import re
from collections.abc import Iterable

import numpy as np

from bayesrg.errors import TableError, list_some

# MARCH1 becomes 1-Mar, SEPT2 becomes 2-Sep or 2002-09-02; 2310009E13 becomes 2.31E+13 (doi:10.1186/s13059-016-1044-7).
_DATE = re.compile(
    r"\d{1,2}[-/ ](?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)\w*"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[-/ ]\d{1,4}"
    r"|\d{4}-\d{2}-\d{2}(?:[ T].*)?|\d+(?:\.\d+)?e\+?\d+",
    re.IGNORECASE,
)


def check_genes(labels: Iterable[object], where: str) -> np.ndarray:
    """Return names of genes as text, shape (gene,), or refuse them.

    Parameters
    ----------
    labels
        HGNC symbols or other identifiers, each once.
    where
        Where they stand, for messages, such as ``"counts.tsv, column gene"``.

    Raises
    ------
    TableError
        For a name that is empty, occurs twice, or was made a date or a number by a spreadsheet program.

    Examples
    --------
    >>> check_genes(["TP53", "IDH1"], "column gene").tolist()
    ['TP53', 'IDH1']
    """
    names = [("" if label is None or label != label else str(label)).strip() for label in labels]
    empty = [place for place, name in enumerate(names, start=1) if not name]
    if empty:
        raise TableError(
            f"{where}: {_count(len(empty), 'name')} of a gene is empty (number {list_some(map(str, empty))} in the "
            "list); "
            "give every gene a symbol, or remove its row"
        )
    spoilt = [name for name in names if is_spoilt(name)]
    if spoilt:
        raise TableError(
            f"{where}: {list_some(spoilt)} is not a gene but what a spreadsheet program made of one, a date or a "
            "number; "
            "take the symbols from the file before it was opened there (1-Mar was MARCH1, now MARCHF1; 2-Sep was "
            "SEPT2, now SEPTIN2)"
        )
    array = np.array(names, dtype=str)
    values, counts = np.unique(array, return_counts=True)
    if (counts > 1).any():
        twice = [str(name) for name in values[counts > 1]]
        raise TableError(
            f"{where}: {_count(len(twice), 'gene')} more than once: {list_some(twice)}; join such rows (a sum of "
            "counts, a "
            "mean of logarithms) or keep one of them"
        )
    return array


def is_spoilt(name: str) -> bool:
    """Return whether a name is a date or a number that a spreadsheet program made of a gene's symbol.

    Examples
    --------
    >>> is_spoilt("1-Mar"), is_spoilt("2.31E+13"), is_spoilt("MARCHF1")
    (True, True, False)
    """
    return _DATE.fullmatch(name) is not None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
