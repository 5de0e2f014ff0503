"""Who is in which source: the combinations of sources with how many patients are in each, as an UpSet plot."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure as Canvas

from bayesrg.cohort import membership
from bayesrg.reporting.blocks import Column, Figure, Table
from bayesrg.reporting.cohort.lettering import SIZE, SMALL, clean, shorten_to, width_of
from bayesrg.reporting.cohort.sheet import MARGIN, Sheet, close_at, embed_sheet, open_sheet
from bayesrg.reporting.cohort.staircase import percent
from bayesrg.reporting.drawing import BLUE, INK, PALE, WIDTH

TITLE = "Who is in which source"
ROW, WIDEST, BAR_LEAST, HEAD = 15.0, 26.0, 90.0, 120.0
# Combinations that are drawn; the rest are one bar, and all are in the table.
MOST = 20
# Combinations that stand in words in the alternative text.
SAID = 6


def count_combinations(cohort: xr.Dataset) -> pd.DataFrame:
    """How many patients are in each combination of sources, the most frequent first.

    Returns
    -------
    pandas.DataFrame
        a row a combination that occurs: a bool column a source, `patients`, and `share` of all

    Examples
    --------
    >>> from bayesrg.cohort import Source, join
    >>> images = Source(pd.DataFrame({"patient": ["P1", "P2"], "volume": [8.1, 4.2]}), "imaging")
    >>> clinical = Source(pd.DataFrame({"patient": ["P2"], "age": [50]}), "clinical")
    >>> count_combinations(join({"images": images, "clinical": clinical}))["patients"].tolist()
    [1, 1]
    """
    table = membership(cohort).drop(columns="why")
    sources = list(table.columns)
    codes, first, counts = np.unique(table.to_numpy(), axis=0, return_index=True, return_counts=True)
    # Equal counts: more sources first, then in the order of the sources, so that the order says nothing of patients.
    keys = [*(-codes[:, ::-1].astype(int)).T, -codes.sum(axis=1), -counts]
    order = np.lexsort(keys) if len(first) else first
    found = pd.DataFrame(codes[order], columns=sources, dtype=bool)
    found["patients"] = counts[order]
    return found.assign(share=found["patients"] / len(table) if len(table) else np.nan)


def combinations_plot(cohort: xr.Dataset, *, width: float = WIDTH) -> Canvas:
    """Combinations of sources with their numbers of patients, as a matplotlib Figure for a notebook.

    A row is a combination: filled dots are the sources that have these patients, the bar says how many they are
    (doi:10.1109/TVCG.2014.2346248). The number under a source's name is that of all its patients.

    Parameters
    ----------
    cohort : what `bayesrg.cohort.join` or `restrict` returned
    width : inches

    Raises
    ------
    TableError
        If the Dataset is no cohort.
    """
    table = count_combinations(cohort)
    sources = list(table.columns[:-2])
    dots, bars = _rows_of(table, sources)
    with open_sheet(TITLE, width) as (sheet, y):
        counts = [f"{n} ({percent(share)})" for n, share in bars]
        beside = max([width_of(text, SMALL) for text in counts], default=0.0)
        rest = f"{len(table) - len(dots)} other combinations"
        room = sheet.width - 2 * MARGIN - BAR_LEAST - beside - 4
        step = min(WIDEST, room / max(len(sources), 1))
        labels = [shorten_to(clean(source), HEAD) for source in sources]
        totals = [str(int(table.loc[table[source], "patients"].sum())) for source in sources]
        upright = max([width_of(label) for label in labels], default=0.0)
        tall = max([width_of(total, SMALL) for total in totals], default=0.0)
        for place, (label, total) in enumerate(zip(labels, totals, strict=True)):
            x = MARGIN + (place + 0.5) * step
            sheet.write(x, y + upright, label, upright=True)
            sheet.write(x, y + upright + tall + 5, total, size=SMALL, upright=True)
        y += upright + tall + 9
        start = MARGIN + len(sources) * step + 8
        if len(bars) > len(dots):
            start = max(start, MARGIN + width_of(rest, SMALL) + 8)
        scale = sheet.width - MARGIN - beside - 4 - start
        most = max([n for n, _ in bars], default=1)
        for row, ((n, _), text) in enumerate(zip(bars, counts, strict=True)):
            middle = y + (row + 0.5) * ROW
            if row < len(dots):
                _paint_dots(sheet, MARGIN, step, middle, dots[row])
            else:
                sheet.write(MARGIN, middle, rest, size=SMALL)
            length = scale * n / most
            colour = BLUE if row < len(dots) and dots[row].all() else "#79add2"
            sheet.fill(np.array([[start, middle - 4.5, start + length, middle + 4.5]]), colour)
            sheet.write(start + length + 4, middle, text, size=SMALL)
        return close_at(sheet, y + max(len(bars), 1) * ROW + MARGIN)


def combinations_blocks(cohort: xr.Dataset) -> tuple[Figure, Table]:
    """The same for a page, and the table of all combinations."""
    table = count_combinations(cohort)
    sources = list(table.columns[:-2])
    there = table[sources].to_numpy(dtype=bool)
    names = np.array([clean(source) for source in sources], dtype=object)
    held = [", ".join(names[row]) or "none" for row in there]
    lacked = [", ".join(names[~row]) or "–" for row in there]
    counts = [int(n) for n in table["patients"]]
    shares = table["share"].to_numpy(dtype=float)
    said = [
        f"{who}: {n} ({percent(share)})" for who, n, share in zip(held[:SAID], counts, shares.tolist(), strict=False)
    ]
    figure = embed_sheet(
        combinations_plot(cohort),
        "combinations",
        title=TITLE,
        alt=f"Patients by the sources that have them: {'; '.join(said) or 'no patient'}."
        + (f" {len(table) - SAID} rarer combinations are in the table." if len(table) > SAID else ""),
        caption="A row is a combination of sources: filled dots are the sources that have these patients. The dark bar "
        "is of those whom every source has. Numbers under the names count all patients of a source.",
    )
    beside = Table(
        "combinations",
        "Patients by the sources that have them.",
        [
            Column("Sources", held, numeric=False),
            Column("Not in", lacked, numeric=False),
            Column("Patients", list(map(str, counts)), order=counts),
            Column("Share", [percent(share) for share in shares.tolist()], order=shares.tolist()),
        ],
        table.rename_axis("combination"),
        searchable=len(table) > MOST,
    )
    return figure, beside


def _rows_of(table: pd.DataFrame, sources: Sequence[str]) -> tuple[np.ndarray, list[tuple[int, float]]]:
    """What is drawn: dots (combination, source), and number and share of each bar, the last one of all others."""
    shown = table.head(MOST)
    bars = [(int(n), float(share)) for n, share in zip(shown["patients"], shown["share"], strict=True)]
    if len(table) > MOST:
        rest = table.iloc[MOST:]
        bars.append((int(rest["patients"].sum()), float(rest["share"].sum())))
    return shown[list(sources)].to_numpy(dtype=bool), bars


def _paint_dots(sheet: Sheet, left: float, step: float, middle: float, there: np.ndarray) -> None:
    x = left + (np.arange(len(there)) + 0.5) * step
    size = min(SIZE, 0.8 * step)
    if there.any():
        ends = x[there]
        sheet.line([float(ends.min()), float(ends.max())], [middle, middle], thickness=1.4)
    for filled, colour in ((False, "white"), (True, INK)):
        sheet.axes.plot(
            x[there == filled],
            np.full((there == filled).sum(), middle),
            linestyle="none",
            marker="o",
            markersize=size,
            markerfacecolor=colour,
            markeredgecolor=colour if filled else PALE,
        )
