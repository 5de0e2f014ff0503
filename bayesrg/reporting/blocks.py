"""What a page is made of: sections of prose, tables and figures, for any model.

Text that comes from data (names, labels, units) stays plain until `prose` or the template puts it in and escapes it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup


@dataclass(frozen=True)
class Prose:
    """HTML that is safe to show: one or more block elements."""

    html: Markup


@dataclass(frozen=True)
class Column:
    """One column of a table as it is shown: a heading and a cell for each row; numbers are set flush right.

    `order`, where it is given, is what a reader's sorting goes by: one number a cell (rounded text does not sort).
    """

    heading: str
    cells: Sequence[str | Markup]
    numeric: bool = True
    order: Sequence[float] | None = None


@dataclass(frozen=True)
class Table:
    """A table as it is shown, and the frame behind it that goes to `<name>.csv` in full precision.

    Parameters
    ----------
    name : of the file, and of the place on the page
    caption : what the table shows
    columns : the first one names the rows
    frame : written with its index
    notes : beneath the table
    searchable : a long table scrolls in its own place, and its reader can search and sort it
    json : the same as JSON, for `<name>.json`; empty where there is none
    """

    name: str
    caption: str | Markup
    columns: Sequence[Column]
    frame: pd.DataFrame
    notes: str | Markup = ""
    searchable: bool = False
    json: str = ""

    @property
    def rows(self) -> list[tuple[tuple[str | Markup, str], ...]]:
        """The cells, row by row, each with what it is sorted by (empty where the text says it)."""
        keyed = [
            [(cell, "") for cell in column.cells]
            if column.order is None
            else [(cell, f"{key:.4g}") for cell, key in zip(column.cells, column.order, strict=True)]
            for column in self.columns
        ]
        return list(zip(*keyed, strict=True))

    @property
    def csv(self) -> str:
        """The frame as comma-separated text."""
        return self.frame.to_csv(lineterminator="\n")


@dataclass(frozen=True)
class Figure:
    """A drawing with its words.

    Parameters
    ----------
    name : of the file `<name>.svg`, and of the place on the page
    title : also drawn in the figure
    alt : what the figure shows, with numbers, for readers who do not see it
    caption : how to read it
    svg : the ``<svg>`` element, its ids unique on the page
    """

    name: str
    title: str
    alt: str
    caption: str | Markup
    svg: Markup


@dataclass(frozen=True)
class Folded:
    """Blocks that a reader opens when they want them, under a line that says what they are."""

    line: str | Markup
    blocks: Sequence[Prose | Table | Figure]


Block = Prose | Table | Figure | Folded


@dataclass(frozen=True)
class Section:
    """A part of the page under one heading; `name` is its anchor."""

    name: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole report; the title stands in the window and as the first heading, the subtitle beneath it."""

    title: str
    subtitle: str
    sections: Sequence[Section]

    def of_kind[Kind: (Table, Figure)](self, kind: type[Kind]) -> list[Kind]:
        """All tables, or all figures, in order."""
        flat = [
            inner
            for section in self.sections
            for block in section.blocks
            for inner in (block.blocks if isinstance(block, Folded) else [block])
        ]
        return [block for block in flat if isinstance(block, kind)]


def prose(template: str, **values: object) -> Prose:
    """A paragraph from trusted HTML with named gaps; what fills them is escaped unless it is `Markup`."""
    return Prose(Markup("<p>{}</p>").format(fill(template, **values)))


def fill(template: str, **values: object) -> Markup:
    """Trusted HTML with named gaps; what fills them is escaped unless it is `Markup`."""
    return Markup(template.replace(" %", "\u00a0%")).format(**values)


def breakable(name: str) -> Markup:
    """A name that a narrow line may break after an underscore, a bracket, a colon or a comma, and nowhere else."""
    return Markup("<wbr>").join(re.split(r"(?<=[\[:,_])", name))


def code(name: str) -> Markup:
    """A name such as ``icc[overall]`` in type of its own."""
    return Markup("<code>{}</code>").format(breakable(name))


def listed(items: Sequence[str | Markup]) -> Prose:
    """A bulleted list."""
    return Prose(Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}</li>").format(item) for item in items)))


def enumerate_words(words: Sequence[str | Markup], last: str = "and") -> Markup:
    """Words as a phrase: a, b and c."""
    if len(words) < 2:
        return Markup("").join(words)
    return Markup("{} {} {}").format(Markup(", ").join(words[:-1]), last, words[-1])


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: 1 scanner, 3 scanners."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def split_last(words: list[str]) -> list[str]:
    """Words but the last as one phrase with commas, and the last."""
    return [", ".join(words[:-1]), words[-1]] if len(words) > 1 else words
