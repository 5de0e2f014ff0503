"""How an oncoplot is painted: the cells in their staircase, bars on top and beside, strips beneath, and the keys."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting.cohort.alterations import SEVERAL, Alterations
from bayesrg.reporting.cohort.lettering import SIZE, SMALL, clean, plain, shorten_to, width_of
from bayesrg.reporting.cohort.sheet import MARGIN, POINTS, Sheet, Swatch, close_at, open_sheet
from bayesrg.reporting.cohort.strips import OTHERS, UNKNOWN, Strip
from bayesrg.reporting.drawing import BLUE, INK, ORANGE, PALE
from bayesrg.reporting.rounding import rounded

# Classes of the MAF format with colours (Okabe and Ito) and heights that stay the same from figure to figure: what
# shortens the protein is full, what keeps its frame is lower, so that they differ in grey as well.
CLASSES = {
    "Missense Mutation": ("#0072B2", 0.62),
    "Nonsense Mutation": ("#000000", 0.9),
    "Frame Shift Del": ("#D55E00", 0.9),
    "Frame Shift Ins": ("#E69F00", 0.9),
    "In Frame Del": ("#56B4E9", 0.4),
    "In Frame Ins": ("#009E73", 0.4),
    "Splice Site": ("#CC79A7", 0.9),
    "Translation Start Site": ("#8a6d00", 0.62),
    "Nonstop Mutation": ("#F0E442", 0.9),
    "mutated": ("#0072B2", 0.8),
    "one variant": ("#0072B2", 0.62),
    SEVERAL: ("#000000", 0.9),
}
SPARE = (("#5b3f8c", 0.62), ("#9b1c1c", 0.9), ("#3f6e3f", 0.4), ("#a0a0a0", 0.62))
WILD, NOT_ASSAYED = "#eceff3", Swatch("not assayed", PALE, hatched=True)
COPIES = {
    1: Swatch("gain (+1)", ORANGE, line="gain", thickness=1.0),
    2: Swatch("gain (+2)", ORANGE, line="gain", thickness=2.2),
    -1: Swatch("loss (−1)", BLUE, line="loss", thickness=1.0),
    -2: Swatch("loss (−2)", BLUE, line="loss", thickness=2.2),
}
ROW, STRIP, BURDEN, BARS, GAP = 13.0, 11.0, 42.0, 34.0, 5.0
LABELLED_CELL, SEPARATED_CELL = 9.5, 4.0
SKEWED = 5.0


def percent(share: float) -> str:
    """A share of 0 to 1 as text; – where there is none."""
    return "–" if np.isnan(share) else f"{rounded(100 * share, 0.1 if 0 < share < 0.01 else 1)} %"


def class_counts(shown: Alterations) -> list[tuple[str, int]]:
    """Classes of variants with their cells, the most frequent first."""
    kinds = pd.Series(shown.kind[shown.kind != ""].ravel(), dtype=object)
    return [(str(kind), int(number)) for kind, number in kinds.value_counts().items()]


def _swatches(shown: Alterations) -> dict[str, Swatch]:
    """How each class is drawn; those for which no colour is left are drawn alike."""
    found, spare = {}, list(SPARE)
    for kind, _ in class_counts(shown):
        if kind in CLASSES:
            colour, height = CLASSES[kind]
        else:
            colour, height = spare.pop(0) if spare else (OTHERS, 0.9)
        found[kind] = Swatch(kind, colour, height)
    return found


@dataclass(frozen=True)
class Frame:
    """Where the cells stand on the sheet: columns from `left`, `cell` points each, rows from `top`."""

    left: float
    cell: float
    top: float

    def boxes(self, columns: np.ndarray, middle: float, height: float) -> np.ndarray:
        """Rectangles for columns, neighbours joined where cells are too narrow to be told apart; (rectangle, 4)."""
        if not columns.size:
            return np.empty((0, 4))
        if self.cell >= SEPARATED_CELL:
            start, stop = columns, columns + 0.86
        else:
            breaks = np.flatnonzero(np.diff(columns) > 1)
            start = columns[np.concatenate([[0], breaks + 1])]
            stop = columns[np.concatenate([breaks, [columns.size - 1]])] + 1.0
        left, right = self.left + start * self.cell, self.left + stop * self.cell
        middle_of = np.full(len(left), middle)
        return np.stack([left, middle_of - height / 2, right, middle_of + height / 2], axis=1)

    @property
    def origin(self) -> float:
        """Where the text beside the rows ends."""
        return self.left - 4.0


def paint_staircase(
    shown: Alterations, strips: Sequence[Strip], title: str, width: float, show_patients: bool
) -> Canvas:
    """The finished drawing, at least `width` inches wide, wider where identifiers need it."""
    columns = len(shown.order)
    names = [shorten_to(clean(gene), 90) for gene in shown.genes]
    beside = [shorten_to(strip.name, 90, SMALL) for strip in strips]
    shares = [percent(share) for share in shown.share]
    counts = [f"{hit}/{assayed}" for hit, assayed in zip(shown.recurrence, shown.assayed, strict=True)]
    counted = max(width_of(text, SMALL) for text in counts)
    scale_width = 22.0
    left = MARGIN + 5 + max([scale_width, *map(width_of, names), *(width_of(one, SMALL) for one in beside)])
    right = MARGIN + GAP + BARS + 2 * 4 + counted + max(width_of(text, SMALL) for text in shares)
    needed = (left + right + columns * LABELLED_CELL) / POINTS if show_patients else 0.0
    with open_sheet(title, max(width, needed)) as (sheet, y):
        frame = Frame(left, (sheet.width - left - right) / columns, y + SIZE + BURDEN + 2 * GAP)
        _paint_burden(sheet, frame, shown, y)
        swatches = _swatches(shown)
        for row in range(len(shown.genes)):
            middle = frame.top + (row + 0.5) * ROW
            sheet.write(frame.origin, middle, names[row], align="right")
            _paint_row(sheet, frame, shown, row, middle, swatches)
            bar = sheet.width - right + GAP
            if shown.share[row] > 0:
                length = BARS * shown.share[row] / np.nanmax(shown.share)
                sheet.fill(np.array([[bar, middle - 4, bar + length, middle + 4]]), "#79add2")
            sheet.write(sheet.width - MARGIN - counted - 4, middle, shares[row], size=SMALL, align="right")
            sheet.write(sheet.width - MARGIN, middle, counts[row], size=SMALL, align="right")
        y = frame.top + len(shown.genes) * ROW + GAP
        for strip, name in zip(strips, beside, strict=True):
            sheet.write(frame.origin, y + STRIP / 2, name, size=SMALL, align="right")
            for code, swatch in [(-1, UNKNOWN), *enumerate(strip.swatches)]:
                boxes = frame.boxes(np.flatnonzero(strip.codes == code), y + STRIP / 2, STRIP - 2)
                sheet.fill(boxes, swatch.colour, hatched=swatch.hatched)
            y += STRIP
        if show_patients:
            labels = [shorten_to(clean(label), 110, SMALL) for label in shown.labels]
            y += max(width_of(label, SMALL) for label in labels) + GAP
            for column, label in enumerate(labels):
                sheet.write(frame.left + (column + 0.5) * frame.cell, y, label, size=SMALL, upright=True)
        return close_at(sheet, _paint_keys(sheet, y + GAP, shown, strips, swatches))


def _paint_row(
    sheet: Sheet, frame: Frame, shown: Alterations, row: int, middle: float, swatches: dict[str, Swatch]
) -> None:
    height = ROW - 2.5
    missing = np.isnan(shown.mutated[row])
    sheet.fill(frame.boxes(np.flatnonzero(~missing), middle, height), WILD)
    sheet.fill(frame.boxes(np.flatnonzero(missing), middle, height), NOT_ASSAYED.colour, hatched=True)
    for kind, swatch in swatches.items():
        boxes = frame.boxes(np.flatnonzero(shown.kind[row] == kind), middle, height * swatch.height)
        sheet.fill(boxes, swatch.colour)
    if shown.copies is not None:
        for step, swatch in COPIES.items():
            place = middle + (height / 2 if swatch.line == "loss" else -height / 2)
            boxes = frame.boxes(np.flatnonzero(shown.copies[row] == step), place, swatch.thickness)
            sheet.fill(boxes, swatch.colour)


def _paint_burden(sheet: Sheet, frame: Frame, shown: Alterations, y: float) -> None:
    """Bars on top; a value of 0 has no bar, a patient in whom nothing was assayed neither."""
    values = np.nan_to_num(shown.burden)
    positive = values[values > 0]
    skewed = positive.size > 0 and values.max() > SKEWED * np.median(positive)
    top = float(values.max()) if positive.size else 1.0
    # A burden per megabase may lie far below one, where log(1 + value) would be a straight line.
    scale = 1.0 if positive.size == 0 else min(1.0, float(np.median(positive)))
    heights = np.log1p(values / scale) if skewed else values
    most = float(np.log1p(top / scale)) if skewed else top
    foot = y + SIZE + BURDEN + GAP
    note = f"{shown.burden_name} per {shown.unit}" + (", logarithmic from zero" if skewed else "")
    sheet.write(frame.left, y + SIZE / 2, shorten_to(note, sheet.width - frame.left - MARGIN, SMALL), size=SMALL)
    x = frame.left + np.arange(len(values)) * frame.cell
    share = 0.86 if frame.cell >= SEPARATED_CELL else 1.0
    boxes = np.stack([x, foot - BURDEN * heights / most, x + share * frame.cell, np.full(len(x), foot)], axis=1)
    sheet.fill(boxes[values > 0], "#5d6570")
    sheet.line([frame.left, frame.left + len(values) * frame.cell], [foot, foot], colour=PALE)
    ticks = [0.0, top]
    if skewed:
        ticks += [10.0**power for power in range(-3, 6) if scale < 10.0**power < top / 2]
    for value in ticks:
        place = foot - BURDEN * (float(np.log1p(value / scale)) if skewed else value) / most
        sheet.line([frame.left - 3, frame.left], [place, place], colour=INK, thickness=0.6)
        sheet.write(frame.origin - 1, place, plain(value), size=SMALL, align="right")


def _paint_keys(
    sheet: Sheet, y: float, shown: Alterations, strips: Sequence[Strip], swatches: dict[str, Swatch]
) -> float:
    """What the colours mean, one paragraph for the cells and one a strip."""
    cells = [*swatches.values(), Swatch("no mutation", WILD)]
    if np.isnan(shown.mutated).any():
        cells.append(NOT_ASSAYED)
    if shown.copies is not None:
        cells += [swatch for step, swatch in COPIES.items() if (shown.copies == step).any()]
    y = sheet.key(y, "", cells)
    for strip in strips:
        unknown = [UNKNOWN] if (strip.codes == -1).any() else []
        y = sheet.key(y + 2, strip.name, [*strip.swatches, *unknown])
    return y + MARGIN
