"""Labels that fit: how wide text is, where it breaks, and what is left out of its middle.

Widths are those of DejaVu Sans, which matplotlib brings with it; the fonts that a page asks for first are narrower.
"""

import functools
import re
import unicodedata

import numpy as np
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags

from bayesrg.reporting.rounding import significant

SIZE = 8.5
SMALL = 8.0
WHOLE = 1e6
# Marks that turn the direction of the text after them, which could make a label say something else.
DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Em: what a character is taken to be wide that the font does not have.
UNKNOWN_WIDTH = 1.0
# Size at which characters are measured, and the unit of FreeType's 16.16 numbers.
EM, POINTS_PER_INCH, FIXED_POINT = 100.0, 72, 65536


def clean(label: object) -> str:
    r"""A label on one line without control characters and without marks of direction.

    >>> clean("left\n\tlung\u202e")
    'left lung'
    """
    text = DIRECTIONS.sub("", " ".join(str(label).split()))
    return "".join(sign for sign in text if unicodedata.category(sign) not in ("Cc", "Cs", "Cn", "Co"))


def plain(value: float) -> str:
    """A number of a label: whole ones as they are, others with three significant digits.

    >>> plain(34.0), plain(0.12345)
    ('34', '0.123')
    """
    return f"{value:.0f}".replace("-", "−") if value == np.round(value) and abs(value) < WHOLE else significant(value)


@functools.cache
def _advance(sign: str, bold: bool) -> float:
    """The width of one character in em."""
    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    if not font.get_char_index(ord(sign)):
        return 0.0 if unicodedata.combining(sign) else UNKNOWN_WIDTH
    font.set_size(EM, POINTS_PER_INCH)
    return font.load_char(ord(sign), flags=LoadFlags.NO_HINTING).linearHoriAdvance / FIXED_POINT / EM


def width_of(text: str, size: float = SIZE, *, bold: bool = False) -> float:
    """The width of a line of text in points."""
    return size * sum(_advance(sign, bold) for sign in text)


def wrap(text: str, width: float, size: float = SIZE, *, bold: bool = False) -> list[str]:
    """Lines no wider than `width` points; a word that is wider by itself is broken where the line ends."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width_of(longer, size, bold=bold) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while width_of(line, size, bold=bold) > width:
            keep = max(1, _count_fitting(line, width, size, bold))
            lines.append(line[:keep])
            line = line[keep:]
    return [*lines, line] if line or not lines else lines


def shorten_to(text: str, width: float, size: float = SIZE) -> str:
    """The text if it is no wider than `width` points, else as much of its two ends as fits, with … between them."""
    if width_of(text, size) <= width:
        return text
    room = (width - width_of("…", size)) / 2
    head = _count_fitting(text, room, size, bold=False)
    tail = _count_fitting(text[::-1], room, size, bold=False)
    return f"{text[:head]}…{text[len(text) - tail :]}"


def _count_fitting(text: str, width: float, size: float, bold: bool) -> int:
    """How many characters from the beginning fit."""
    used = 0.0
    for number, sign in enumerate(text):
        used += size * _advance(sign, bold)
        if used > width:
            return number
    return len(text)
