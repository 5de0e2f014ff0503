"""What may stand in a formula of covariates, and a formula in words of our own that are safe to evaluate."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

# Function -> its options, in the order in which they may follow the column.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("log", "log2", "log10", "log1p", "exp", "sqrt", "I", "center"), ()),
    "scale": ("center", "scale", "ddof"),
    "poly": ("degree", "raw"),
    "bs": ("df", "knots", "degree", "include_intercept", "lower_bound", "upper_bound", "extrapolation"),
    **dict.fromkeys(("cr", "cc"), ("df", "knots", "lower_bound", "upper_bound", "constraints", "extrapolation")),
}
# Contrast -> its options.
CONTRASTS: dict[str, tuple[str, ...]] = {
    "treatment": ("base",),
    "sum": (),
    "helmert": ("reverse", "scale"),
    "diff": ("backward",),
    "poly": ("scores",),
}
# Option -> the texts that it may be; every other option of a transform is a number, a list of numbers, True or False.
TEXTS = {"extrapolation": ("raise", "clip", "extend", "zero"), "constraints": ("center",)}
OPERATORS = ("+", "-", "*", "/", ":", "**", "^")
ALLOWED = (
    f"a formula has columns, the operators {' '.join(OPERATORS)}, parentheses, arithmetic in braces as in {{age / 10}} "
    f"and calls of C, {', '.join(FUNCTIONS)}, with {', '.join(f'contr.{name}' for name in CONTRASTS)} inside C"
)
# Limits of whole numbers, so that no formula takes the machine's memory or time.
MOST_COLUMNS_OF_A_TRANSFORM = 100
LARGEST_WHOLE_NUMBER = 10**15

Role = Literal["column", "number", "level"]
# Our own words: no formula and no column of a user has them.
OURS = re.compile(r"\b(?:quoted|text|column|number|level)_\d+_q\b")


@dataclass(frozen=True)
class Coding:
    """How a formula asks for a column's levels to be coded; None leaves it to the default.

    Parameters
    ----------
    contrast : one of `CONTRASTS`
    base : the reference of a treatment contrast
    levels : all levels in their order
    """

    contrast: str = "treatment"
    base: Any = None
    levels: tuple[Any, ...] | None = None


@dataclass
class SafeFormula:
    """A formula in our own words, and what they stand for.

    Parameters
    ----------
    text : the formula in our own words
    columns : word -> column and role: ``"column"`` (bare: numbers or levels, as the table has them), ``"number"`` (in
        arithmetic or a transform) or ``"level"`` (in ``C``)
    texts : word -> text
    codings : column -> `Coding`, of the columns inside ``C``
    coded : factor -> column, of the factors that are ``C(column, ...)``, in our own words
    """

    text: str = ""
    columns: dict[str, tuple[str, Role]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    codings: dict[str, Coding] = field(default_factory=dict)
    coded: dict[str, str] = field(default_factory=dict)

    def show(self, text: str) -> str:
        """Return `text` with our own words replaced by what they stand for."""
        shown = {word: column for word, (column, _) in self.columns.items()}
        shown |= {word: repr(value) for word, value in self.texts.items()}
        return OURS.sub(lambda found: shown.get(found[0], found[0]), text)
