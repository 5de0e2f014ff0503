"""The table of segments that bayesrg works on: its columns, and what no segment may be.

A row is a segment of constant copy number in one sample: ``sample``, ``chromosome`` (1 … 22, X, Y, MT), ``start`` and
``end`` (1-based, inclusive), ``n_markers`` (probes or bins in it; NaN where a file does not tell) and ``log2_ratio``.

A sample that was measured but has no segment, since it has no value, has no row. `WITHOUT_SEGMENTS` among the table's
attributes lists such samples, so that encoders give them a row of NaN. Pandas keeps attributes in selections of rows
and columns, copies and parquet files, but not in csv files, nor where tables with different ones are put together.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bayesrg.errors import TableError, list_some
from bayesrg.genomics.chromosomes import LENGTHS, choose_build, name_chromosomes, rank_chromosomes
from bayesrg.tables import MISSING

COLUMNS = ("sample", "chromosome", "start", "end", "n_markers", "log2_ratio")

WITHOUT_SEGMENTS = "samples_without_segments"
"""The attribute of the table that lists samples without a segment."""

Locate = Callable[[int, str], str]
"""Says where the row at a place (from 0) and a column of `COLUMNS` stand in the user's file or table."""


def check_segments(table: pd.DataFrame, *, build: str | None = None, locate: Locate | None = None) -> pd.DataFrame:
    """Return segments with their columns in `COLUMNS`' order and type, sorted by place within samples, or refuse them.

    Parameters
    ----------
    table
        With the columns above, in any order; ``n_markers`` may be absent. Numbers may be text.
    build
        ``GRCh37`` or ``GRCh38``, to compare ends with the lengths of its chromosomes; None does not.
    locate
        Names a cell in messages; None names the row of the table, from 1.

    Returns
    -------
    pandas.DataFrame
        A copy; samples in the order of their first rows. Of the attributes, `WITHOUT_SEGMENTS`.

    Raises
    ------
    TableError
        A column is absent, there is no row, a sample has no name, a chromosome is unknown, a number is none or
        negative, a segment ends before it starts or beyond its chromosome, a row is there twice, or two segments of
        one sample overlap.

    Examples
    --------
    >>> table = pd.DataFrame({"sample": ["P1"], "chromosome": ["chr7"], "start": [1], "end": [9], "log2_ratio": [-0.9]})
    >>> check_segments(table)[["sample", "chromosome", "log2_ratio"]].to_numpy().tolist()
    [['P1', '7', -0.9]]
    """
    needed = [name for name in COLUMNS if name != "n_markers"]
    absent = [name for name in needed if name not in table.columns]
    if absent:
        raise TableError(
            f"the segments have the columns {', '.join(map(str, table.columns))}, but no {', '.join(absent)}; expected "
            f"{', '.join(needed)} and, where known, n_markers"
        )
    check = _Checker(table.reset_index(drop=True), locate or (lambda row, column: f"row {row + 1}, column {column}"))
    if not len(table):
        raise TableError("there is no segment: the table has columns, but no row")
    given = check.table
    samples = given["sample"].map(lambda label: "" if pd.isna(label) else str(label).strip())
    check.refuse((samples == "").to_numpy(), "sample", "is empty", "name the sample of every segment")
    chromosomes = name_chromosomes(given["chromosome"])
    check.refuse(
        chromosomes.isna().to_numpy(), "chromosome", "is no chromosome of the main assembly",
        "expected 1 to 22, X, Y or MT, with or without chr; remove segments on other contigs",
    )  # fmt: skip
    start, end = check.places("start"), check.places("end")
    check.refuse(end < start, "end", "is before the start of its segment", "check the columns of start and end")
    if build is not None:
        chosen = choose_build(build)
        longest = chromosomes.map(LENGTHS[chosen]).to_numpy(dtype=np.int64)
        check.refuse(
            end > longest, "end", f"is beyond the end of its chromosome in {chosen}",
            "check which build the positions are of",
        )  # fmt: skip
    markers = np.full(len(given), np.nan)
    if "n_markers" in given.columns:
        markers = check.numbers("n_markers", may_be_missing=True)
        check.refuse(markers < 0.0, "n_markers", "is negative", "expected a count of probes or bins")
    ratios = check.numbers("log2_ratio", may_be_missing=False)
    result = pd.DataFrame(
        dict(zip(COLUMNS, (samples, chromosomes, start, end, markers, ratios), strict=True)), columns=list(COLUMNS)
    )
    twice = result.duplicated(["sample", "chromosome", "start", "end"]).to_numpy()
    check.refuse(twice, "start", "begins a segment that is there twice", "keep one row per segment")
    sample_of = pd.factorize(result["sample"])[0]
    order = np.lexsort((start, rank_chromosomes(result["chromosome"]), sample_of))
    ordered = result.iloc[order]
    same = (np.diff(sample_of[order], prepend=-1) == 0) & (ordered["chromosome"] == ordered["chromosome"].shift())
    overlapping = np.zeros(len(result), dtype=bool)
    previous_end = ordered["end"].shift(fill_value=0)
    overlapping[order] = same.to_numpy() & (ordered["start"] <= previous_end).to_numpy()
    by_one = bool(overlapping.any()) and bool((ordered["start"] == previous_end)[overlapping[order]].all())
    check.refuse(
        overlapping, "start", "is not behind the end of the segment before it in its sample",
        "each segment starts where the one before it ends, so starts are likely counted from 0: give zero_based=True"
        if by_one
        else "segments of one sample must not overlap; is the same sample there twice, or are two samples of one name?",
    )  # fmt: skip
    result = ordered.reset_index(drop=True)
    result.attrs = {name: table.attrs[name] for name in (WITHOUT_SEGMENTS,) if name in table.attrs}
    return result


def list_samples(segments: pd.DataFrame) -> np.ndarray:
    """Return the samples of segments in the order of their first rows, and behind them those without a segment.

    Parameters
    ----------
    segments
        As `check_segments` returns them.

    Examples
    --------
    >>> segments = pd.DataFrame({"sample": ["P2", "P1", "P2"]})
    >>> segments.attrs[WITHOUT_SEGMENTS] = ["P3"]
    >>> list_samples(segments).tolist()
    ['P2', 'P1', 'P3']
    """
    labels = [*segments["sample"], *segments.attrs.get(WITHOUT_SEGMENTS, ())]
    return np.array(list(dict.fromkeys(map(str, labels))), dtype=str)


def is_missing(values: pd.Series) -> np.ndarray:
    """Return which cells hold no value: empty, a dot, or a word of `bayesrg.tables.MISSING`.

    Examples
    --------
    >>> is_missing(pd.Series(["0.1", "NA", None, "low"])).tolist()
    [False, True, True, False]
    """
    return values.isna().to_numpy() | values.isin(["", ".", *MISSING]).to_numpy()


class _Checker:
    """Refuses rows of one table, and says where they stand."""

    def __init__(self, table: pd.DataFrame, locate: Locate) -> None:
        self.table: Any = table
        self.locate = locate

    def refuse(self, wrong: np.ndarray, column: str, what: str, mend: str) -> None:
        """Raise a TableError that names the first rows that are wrong, if any is."""
        rows = np.flatnonzero(wrong)
        if len(rows):
            values = self.table[column]
            shown = list_some(rows, show=lambda row: f"{self.locate(row, column)}: {values.iloc[row]!r}", between="; ")
            raise TableError(f"{shown} {what} ({len(rows)} of {len(wrong)} rows); {mend}")

    def numbers(self, column: str, *, may_be_missing: bool) -> np.ndarray:
        """Return a column as finite numbers, NaN where it may be missing."""
        given = self.table[column]
        values = np.asarray(pd.to_numeric(given, errors="coerce"), dtype=float)
        empty = is_missing(given)
        wrong = np.isinf(values) | (np.isnan(values) & ~(empty & may_be_missing))
        mend = "expected a finite number in every row"
        if (empty & wrong).any():
            mend += "; read_segments leaves out rows without a value of copy number with missing='leave_out'"
        self.refuse(wrong, column, "is no number", mend)
        return values

    def places(self, column: str) -> np.ndarray:
        """Return a column as whole numbers from 1 on."""
        values = self.numbers(column, may_be_missing=False)
        self.refuse(values != np.floor(values), column, "is no whole number", "expected a position in base pairs")
        self.refuse(values < 1.0, column, "is below 1", "positions are counted from 1 (give zero_based=True if from 0)")
        return values.astype(np.int64)
