"""The flow diagram of a cohort: its sources, how many they share, and who was left out at each step and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Canvas

from bayesrg.cohort import Step, read_flow
from bayesrg.reporting.blocks import Figure, count, enumerate_words
from bayesrg.reporting.cohort.leaving import LEVELS, read_leaving
from bayesrg.reporting.cohort.lettering import SIZE, clean, wrap
from bayesrg.reporting.cohort.masking import mask_people
from bayesrg.reporting.cohort.sheet import LEADING, MARGIN, Sheet, close_at, embed_sheet, open_sheet
from bayesrg.reporting.drawing import BLUE, GREY, INK, WIDTH

TITLE = "From the sources to the cohort"
PAD, GAP, GUTTER = 6.0, 14.0, 22.0
# Sources in one row; more of them stand in two columns with their lines between.
ROW_OF_SOURCES = 3
MAIN, JOINED = 0.54, "All sources joined"


@dataclass(frozen=True)
class Box:
    """A box of text: a title in bold, lines beneath it, and where it stands in points."""

    left: float
    top: float
    width: float
    title: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def bottom(self) -> float:
        """Where the box ends."""
        return self.top + 2 * PAD + (len(self.title) + len(self.lines)) * SIZE * LEADING

    @property
    def centre(self) -> float:
        """The middle of the box from left to right."""
        return self.left + self.width / 2

    @property
    def middle(self) -> float:
        """The middle of the box from top to bottom."""
        return (self.top + self.bottom) / 2

    def paint(self, sheet: Sheet, *, edge: str = INK, colour: str = "white") -> None:
        """Draw the box with its text."""
        bounds = np.array([[self.left, self.top, self.left + self.width, self.bottom]])
        sheet.fill(bounds, colour, edge=edge, thickness=0.9)
        y = sheet.write_lines(self.left + PAD, self.top + PAD, self.title, bold=True)
        sheet.write_lines(self.left + PAD, y, self.lines)


def flow_diagram(cohort: xr.Dataset, *, width: float = WIDTH, show_patients: bool = False) -> Canvas:
    """The flow diagram of a cohort, as a matplotlib Figure for a notebook, in the manner of STROBE and CONSORT.

    Boxes of the sources with their numbers of patients, tumours and regions stand at the top, under them all who are in
    any source, then a box for each restriction; who was left out stands beside the arrow, with reason and number
    (doi:10.1371/journal.pmed.0040296, item 13c; doi:10.1136/bmj.c332), and so do tumours and regions that left while
    their patients stayed.

    Parameters
    ----------
    cohort : what `bayesrg.cohort.join` or `restrict` returned
    width : inches
    show_patients : whether identifiers of patients may stand in reasons; without it they are masked

    Raises
    ------
    TableError
        If the Dataset is no cohort.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayesrg.cohort import Source, join
    >>> ages = pd.DataFrame({"patient": ["P1", "P2"], "age": [50, 61]})
    >>> figure = flow_diagram(join({"clinical": Source(ages, "clinical")}))
    >>> [text.get_text() for text in figure.axes[0].texts][1:]
    ['clinical', '2 patients', 'All sources joined', '2 patients']
    """
    shown = cohort if show_patients else mask_people(cohort)
    steps, sources, left_out = read_flow(shown), shown.sizes["source"], read_leaving(shown)
    with open_sheet(TITLE, width) as (sheet, y):
        y = _paint_sources(sheet, y + 2, steps[:sources])
        left, across = MARGIN, MAIN * (sheet.width - 2 * MARGIN)
        for number, (step, leaving) in enumerate(zip(steps[sources:], left_out[sources:], strict=True)):
            axis = left + across / 2
            start = y
            if leaving.lines:
                beside = left + across + GUTTER - PAD
                said = [clean(line) for line in leaving.lines]
                box = _box(beside, y + GAP, sheet.width - MARGIN - beside, "Left out", said)
                box.paint(sheet, edge=GREY)
                sheet.line([axis, box.left], [box.middle, box.middle], arrow=True)
                y = box.bottom
            title = JOINED if number == 0 else step.title
            last = number and number == len(steps) - sources - 1
            box = _box(left, y + GAP, across, title, _count_units(step.counts))
            sheet.line([axis, axis], [start, box.top], arrow=True)
            box.paint(sheet, edge=BLUE if last else INK, colour="#eaf2f8" if last else "white")
            y = box.bottom
        return close_at(sheet, y + MARGIN)


def flow_figure(cohort: xr.Dataset) -> Figure:
    """The same diagram for a page, with all its numbers in words; errors as of `flow_diagram`.

    Nothing is masked here: `report_cohort` did that before.
    """
    steps, sources, left_out = read_flow(cohort), cohort.sizes["source"], read_leaving(cohort)
    parts = [f"Source {clean(step.title)}: {_say(step)}." for step in steps[:sources]]
    for number, (step, leaving) in enumerate(zip(steps[sources:], left_out[sources:], strict=True)):
        parts.append(f"{JOINED if number == 0 else clean(step.title)}: {_say(step)}.")
        if leaving.lines:
            parts.append(f"Left out: {'; '.join(map(clean, leaving.lines))}.")
    return embed_sheet(
        flow_diagram(cohort, show_patients=True),
        "flow",
        title=TITLE,
        alt=" ".join(parts),
        caption="A box says how many there are after a step. Beside an arrow stand those whom the step left out, "
        "each patient counted at the first reason that applies.",
    )


def _say(step: Step) -> str:
    return str(enumerate_words(_count_units(step.counts)))


def _count_units(counts: Mapping[str, int]) -> list[str]:
    return [count(int(n), LEVELS.get(level, level)) for level, n in counts.items()]


def _box(left: float, top: float, width: float, title: str, lines: Sequence[str]) -> Box:
    room = width - 2 * PAD
    broken = [part for line in lines for part in wrap(line, room)]
    return Box(left, top, width, tuple(wrap(clean(title), room, bold=True)), tuple(broken))


def _paint_sources(sheet: Sheet, y: float, steps: Sequence[Step]) -> float:
    """Draw the sources' boxes and the lines that gather under them; return where the arrow to the next box begins."""
    room = sheet.width - 2 * MARGIN
    columns = len(steps) if len(steps) <= ROW_OF_SOURCES else 2
    width = MAIN * room if columns == 1 else (room - (columns - 1) * GUTTER) / max(columns, 1)
    axis = MARGIN + MAIN * room / 2
    bottom, gathered = y, []
    for first in range(0, len(steps), columns or 1):
        boxes = [
            _box(MARGIN + place * (width + GUTTER), y, width, step.title, _count_units(step.counts))
            for place, step in enumerate(steps[first : first + columns])
        ]
        for box in boxes:
            box.paint(sheet)
        bottom = max(box.bottom for box in boxes)
        gathered += boxes
        y = bottom + GAP / 2
    if len(gathered) == 1:
        return bottom
    rail = bottom + GAP / 2
    if columns == 2 and len(steps) > ROW_OF_SOURCES:
        between = MARGIN + width + GUTTER / 2
        for box in gathered:
            near = box.left + (width if box.left < between else 0)
            sheet.line([near, between], [box.middle, box.middle])
        sheet.line([between, between], [gathered[0].middle, rail])
        sheet.line([between, axis], [rail, rail])
    else:
        for box in gathered:
            sheet.line([box.centre, box.centre], [box.bottom, rail])
        ends = [*(box.centre for box in gathered), axis]
        sheet.line([min(ends), max(ends)], [rail, rail])
    return rail
