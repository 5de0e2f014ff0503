"""What is missing: a map of patients by variables, and how much of each variable, grouped by source."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure as Canvas

from bayesrg.cohort.missingness import Block, look_at
from bayesrg.reporting.blocks import Figure, count
from bayesrg.reporting.cohort.leaving import LEVELS
from bayesrg.reporting.cohort.lettering import SMALL, clean, shorten_to, width_of, wrap
from bayesrg.reporting.cohort.sheet import MARGIN, Swatch, close_at, embed_sheet, open_sheet
from bayesrg.reporting.cohort.staircase import Frame, percent
from bayesrg.reporting.drawing import PALE, WIDTH

TITLE = "What is missing"
ROW, NAME = 12.0, 118.0
# Rows of variables that are drawn in all; beyond, the fullest of a source share one row.
MOST_ROWS = 40
# Columns that can be told apart; beyond, neighbours in the order of what they miss share a column.
MOST_COLUMNS = 400
# What a cell can show, by the share of its values that is missing.
FEW = 1 / 3
STATES = (
    Swatch("none missing", "#dfe8ee"),
    Swatch("up to a third missing", "#79add2"),
    Swatch("more missing", "#2f74a8"),
    Swatch("all missing", "#123f63"),
    Swatch("not in the source", PALE, hatched=True),
)


@dataclass(frozen=True)
class Row:
    """One row of the map: a variable, or several of one source together.

    Parameters
    ----------
    name, source, role : where it comes from
    missing : shape (patient,), share of the patient's values that are missing, NaN where the source lacks the patient,
        or the patient has no tumour or region of which the variable is
    share : of all values that there would be, those missing
    """

    name: str
    source: str
    role: str
    missing: np.ndarray
    share: float


def missingness_map(cohort: xr.Dataset, *, width: float = WIDTH) -> Canvas:
    """The map of missing values, as a matplotlib Figure for a notebook: rows are variables, columns patients.

    Variables stand under their source and role, with the share of their values that is missing; patients stand in the
    order of how much they miss, those who lack the same sources side by side. Beyond 40 variables those of a source
    and role with the least missing share a row; beyond 400 patients neighbours share a column, which then shows their
    mean.

    Parameters
    ----------
    cohort : what `bayesrg.cohort.join` or `restrict` returned
    width : inches

    Raises
    ------
    TableError
        If the Dataset is no cohort.
    """
    return _paint(rows_of_map(cohort), _states_of(cohort), cohort.sizes["patient"], width)


def missingness_figure(cohort: xr.Dataset) -> Figure:
    """The same map for a page, with its numbers in words."""
    rows, patients = rows_of_map(cohort), cohort.sizes["patient"]
    worst = sorted(rows, key=lambda row: -np.nan_to_num(row.share))[:8]
    said = "; ".join(f"{clean(row.name)} ({clean(row.source)}) {percent(row.share)}" for row in worst)
    merged = patients > MOST_COLUMNS
    return embed_sheet(
        _paint(rows, _states_of(cohort), patients, WIDTH),
        "missing",
        title=TITLE,
        alt=f"Map of {count(len(rows), 'row')} of variables by {count(patients, 'patient')}. Most often missing: "
        f"{said or 'nothing'}.",
        caption="A row is a variable (or several of a source), a column "
        + (f"some {-(-patients // MOST_COLUMNS)} patients, by their mean" if merged else "a patient")
        + ". Percentages are of all values that there would be if nothing were missing: "
        + _say_whole(cohort),
    )


def _states_of(cohort: xr.Dataset) -> list[Swatch]:
    """What a cell can show; the last is also of patients without the tumours or regions of which a variable is."""
    parts = [LEVELS[level] for level in LEVELS if level != "patient" and level in cohort.dims]
    *first, last = STATES
    return [*first, replace(last, label=f"{last.label}, or no {' or '.join(parts)}" if parts else last.label)]


def _say_whole(cohort: xr.Dataset) -> str:
    """Whose values there would be if nothing were missing: all patients', but only those of parts that there are."""
    parts = [f"{LEVELS[level]}s" for level in LEVELS if level != "patient" and level in cohort.dims]
    of_parts = f"; of {' and '.join(parts)}, those that the cohort has" if parts else ""
    return f"of patients, also those whom the source does not have{of_parts}."


def rows_of_map(cohort: xr.Dataset) -> list[Row]:
    """The rows of the map, by source and role in the order of the cohort; at most about 40 of them."""
    shares: dict[tuple[str, str], list[float]] = {}
    for block in look_at(cohort):
        shares.setdefault((block.source, block.role), []).extend(_share_of(block))
    each = MOST_ROWS if sum(map(len, shares.values())) <= MOST_ROWS else max(1, MOST_ROWS // len(shares) - 1)
    alone = {
        group: set(range(len(own)) if len(own) <= each + 1 else np.argsort(-np.nan_to_num(own), kind="stable")[:each])
        for group, own in shares.items()
    }
    # All of one source stand together, whatever order the roles of its variables come in.
    groups = sorted(shares, key=lambda group: list(dict.fromkeys(source for source, _ in shares)).index(group[0]))
    rows: dict[tuple[str, str], list[Row]] = {group: [] for group in groups}
    others: dict[tuple[str, str], np.ndarray] = {}
    seen = dict.fromkeys(shares, 0)
    patients = pd.Index(cohort["patient"].values)
    sources = [str(source) for source in cohort["source"].values]
    present = cohort["present"].transpose("patient", "source").values
    for block in look_at(cohort):
        group = block.source, block.role
        there = present[:, sources.index(block.source)]
        owners = np.arange(len(patients))
        if block.level != "patient":
            owners = patients.get_indexer(pd.Index(cohort[f"{block.level}_patient"].values))
        units = np.bincount(owners, minlength=len(patients))
        table = block.missing if len(block.names) > 1 else block.missing.mean(axis=1, keepdims=True)
        for name, column in zip(block.names, table.T, strict=True):
            missed = np.bincount(owners, weights=column, minlength=len(patients))
            # Without any unit at this level there is no value that could be missing.
            found = np.divide(missed, units, out=np.full(len(patients), np.nan), where=units > 0)
            found[~there] = np.nan
            place = seen[group]
            seen[group] += 1
            if place in alone[group]:
                rows[group].append(Row(name, *group, found, shares[group][place]))
            else:
                others[group] = others.get(group, np.zeros(len(patients))) + found
    for group, total in others.items():
        rest = [share for place, share in enumerate(shares[group]) if place not in alone[group]]
        rows[group].append(Row(f"{len(rest)} others", *group, total / len(rest), float(np.mean(rest))))
    return [row for own in rows.values() for row in own]


def _share_of(block: Block) -> np.ndarray:
    """The share of all values that is missing, of each variable of a block; NaN where there is no unit."""
    if not block.missing.size:
        return np.full(len(block.names), np.nan)
    return block.missing.reshape(-1, len(block.names)).mean(axis=0)


def _sort_patients(rows: Sequence[Row], patients: int) -> np.ndarray:
    """The order of patients: those who miss least first, those with the same pattern together."""
    if not rows:
        return np.arange(patients)
    table = np.stack([np.nan_to_num(row.missing, nan=2.0) for row in rows])
    return np.lexsort([*table[::-1], np.isnan([row.missing for row in rows]).sum(axis=0)])


def _states(row: Row, order: np.ndarray, columns: int) -> np.ndarray:
    """What each column shows, shape (column,), as places in `STATES`.

    A column of several patients shows their mean, or that there is nothing of most of them.
    """
    missing = row.missing[order]
    place = np.arange(len(order)) * columns // max(len(order), 1)
    size = np.bincount(place, minlength=columns)
    known = np.bincount(place, weights=~np.isnan(missing), minlength=columns)
    total = np.bincount(place, weights=np.nan_to_num(missing), minlength=columns)
    share = np.divide(total, known, out=np.zeros(columns), where=known > 0)
    return np.select([2 * known < size, share >= 1.0, share > FEW, share > 0.0], [4, 3, 2, 1], 0)


def _paint(rows: Sequence[Row], swatches: Sequence[Swatch], patients: int, width: float) -> Canvas:
    columns = min(patients, MOST_COLUMNS)
    order = _sort_patients(rows, patients)
    with open_sheet(TITLE, width) as (sheet, y):
        names = [shorten_to(clean(row.name), NAME, SMALL) for row in rows]
        shares = [percent(row.share) for row in rows]
        left = MARGIN + 6 + max([width_of(name, SMALL) for name in names], default=0.0)
        right = MARGIN + 6 + max([width_of(share, SMALL) for share in shares], default=0.0)
        frame = Frame(left, (sheet.width - left - right) / max(columns, 1), y)
        heading = None
        for row, name, share in zip(rows, names, shares, strict=True):
            if heading != (row.source, row.role):
                heading = (row.source, row.role)
                title = f"{clean(row.source)} ({row.role})"
                y = sheet.write_lines(MARGIN, y + 4, wrap(title, sheet.width - 2 * MARGIN, bold=True), bold=True)
            middle = y + ROW / 2
            sheet.write(frame.left - 4, middle, name, size=SMALL, align="right")
            sheet.write(sheet.width - MARGIN, middle, share, size=SMALL, align="right")
            states = _states(row, order, columns)
            for state, swatch in enumerate(swatches):
                boxes = frame.boxes(np.flatnonzero(states == state), middle, ROW - 2)
                sheet.fill(boxes, swatch.colour, hatched=swatch.hatched)
            y += ROW
        return close_at(sheet, sheet.key(y + 6, "", swatches) + MARGIN)
