"""A sheet to draw on in points from its upper left corner: text whose width is known, boxes, lines and keys."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from bayesrg.reporting.blocks import Figure
from bayesrg.reporting.cohort.lettering import SIZE, clean, width_of, wrap
from bayesrg.reporting.drawing import INK, PALE, STYLE, WIDTH, embed

POINTS = 72.0
TITLE_SIZE = 10.0
LEADING = 1.3
MARGIN = 4.0
HATCH = "//////"
# One rectangle: a move, three lines and the way back.
RECTANGLE = np.array([Outline.MOVETO, Outline.LINETO, Outline.LINETO, Outline.LINETO, Outline.CLOSEPOLY], np.uint8)


@dataclass(frozen=True)
class Swatch:
    """What one entry of a key looks like.

    Parameters
    ----------
    label : what it stands for
    colour : of the patch
    height : of the patch, as a share of a cell
    hatched : with stripes instead of a plain colour
    line : above or beneath an empty patch ("gain", "loss"), or empty for none
    thickness : of that line, points
    """

    label: str
    colour: str
    height: float = 1.0
    hatched: bool = False
    line: str = ""
    thickness: float = 1.0


@dataclass(frozen=True)
class Sheet:
    """A drawing `width` points wide whose height is settled last; y runs downwards."""

    canvas: Canvas
    axes: Axes
    width: float

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = SIZE,
        align: str = "left",
        bold: bool = False,
        colour: str = INK,
        upright: bool = False,
    ) -> None:
        """Put one line of text with its middle at height y; upright text is read from below and ends at y."""
        self.axes.text(
            x,
            y,
            text,
            fontsize=size,
            ha="center" if upright else align,
            va="bottom" if upright else "center_baseline",
            rotation=90 if upright else 0,
            weight="bold" if bold else "normal",
            color=colour,
        )

    def write_lines(
        self, x: float, y: float, lines: Sequence[str], *, size: float = SIZE, bold: bool = False, colour: str = INK
    ) -> float:
        """Put lines of text under each other from y down, and return where they end."""
        step = size * LEADING
        for number, line in enumerate(lines):
            self.write(x, y + (number + 0.5) * step, line, size=size, bold=bold, colour=colour)
        return y + len(lines) * step

    def fill(
        self, boxes: np.ndarray, colour: str, *, edge: str = "none", thickness: float = 0.0, hatched: bool = False
    ) -> None:
        """Fill rectangles, shape (rectangle, 4) as left, top, right, bottom, as one path."""
        if not len(boxes):
            return
        left, top, right, bottom = np.asarray(boxes, dtype=float).T
        corners = np.stack([left, top, right, top, right, bottom, left, bottom, left, top], axis=1)
        patch = PathPatch(
            Outline(corners.reshape(-1, 2), np.tile(RECTANGLE, len(left))),
            facecolor="white" if hatched else colour,
            edgecolor=colour if hatched else edge,
            linewidth=thickness,
            hatch=HATCH if hatched else None,
        )
        patch.set_hatch_linewidth(0.6)
        self.axes.add_patch(patch)

    def line(
        self, x: Sequence[float], y: Sequence[float], *, colour: str = INK, thickness: float = 0.8, arrow: bool = False
    ) -> None:
        """Draw a line through points; an arrow's head is at its last point."""
        self.axes.plot(x, y, color=colour, linewidth=thickness, solid_capstyle="butt", solid_joinstyle="miter")
        if arrow:
            along = np.array([x[-1] - x[-2], y[-1] - y[-2]])
            along = along / np.hypot(*along)
            across = np.array([-along[1], along[0]])
            tip = np.array([x[-1], y[-1]])
            corners = [tip, tip - 5 * along + 2.4 * across, tip - 5 * along - 2.4 * across]
            self.axes.fill(*np.transpose(corners), color=colour, linewidth=0)

    def key(self, y: float, title: str, swatches: Sequence[Swatch], *, left: float = MARGIN) -> float:
        """Draw a key as lines of patches with their meaning, and return where it ends."""
        step, patch, gap = 13.0, 9.0, 9.0
        x = left
        if title:
            for line in wrap(title, self.width - left - MARGIN, bold=True):
                self.write(left, y + step / 2, line, bold=True)
                x = left + width_of(line, bold=True) + gap
                y += step
            y -= step
        for one in swatches:
            lines = wrap(one.label, self.width - left - MARGIN - patch - 3)
            if x > left and x + patch + 3 + width_of(lines[0]) > self.width - MARGIN:
                x, y = left, y + step
            for number, text in enumerate(lines):
                if number:
                    y += step
                middle = y + step / 2
                if not number:
                    self._patch(x, middle, patch, one)
                self.write(x + patch + 3, middle, text)
            x += patch + 3 + width_of(lines[-1]) + gap
            if len(lines) > 1:
                x, y = left, y + step
        return y + (step if x > left else 0)

    def _patch(self, x: float, middle: float, size: float, one: Swatch) -> None:
        half = size / 2 * one.height
        if one.line:
            self.fill(np.array([[x, middle - size / 2, x + size, middle + size / 2]]), "#eceff3")
            place = middle - size / 2 if one.line == "gain" else middle + size / 2
            self.line([x, x + size], [place, place], colour=one.colour, thickness=one.thickness)
        else:
            box = np.array([[x, middle - half, x + size, middle + half]])
            pale = one.colour.lower() in ("white", "#ffffff", "#eceff3")
            self.fill(box, one.colour, edge=PALE if pale else "none", thickness=0.5, hatched=one.hatched)


@contextmanager
def open_sheet(title: str, width: float = WIDTH) -> Iterator[tuple[Sheet, float]]:
    """Give an empty sheet of a width in inches and where to go on under its title; `close_at` settles its height."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # A page shows real text in the reader's fonts, which may have what the font for measuring lacks.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font", category=UserWarning)
        canvas = Canvas(figsize=(width, 1.0))
        axes = canvas.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        sheet = Sheet(canvas, axes, width * POINTS)
        lines = wrap(clean(title), sheet.width - 2 * MARGIN, TITLE_SIZE, bold=True)
        yield sheet, sheet.write_lines(MARGIN, 2.0, lines, size=TITLE_SIZE, bold=True) + 4.0


def close_at(sheet: Sheet, height: float) -> Canvas:
    """The finished drawing, `height` points high."""
    sheet.canvas.set_size_inches(sheet.width / POINTS, height / POINTS)
    sheet.axes.set_xlim(0, sheet.width)
    sheet.axes.set_ylim(height, 0)
    return sheet.canvas


def embed_sheet(canvas: Canvas, name: str, *, title: str, alt: str, caption: str | Markup) -> Figure:
    """A figure for the page from a finished sheet."""
    with warnings.catch_warnings():
        # As in `open_sheet`.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font", category=UserWarning)
        return embed(canvas, name, title=title, alt=alt, caption=caption)
