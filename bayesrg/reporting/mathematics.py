"""Formulas as native MathML, which browsers set and screen readers read without a script."""

from collections.abc import Iterable

from markupsafe import Markup

Formula = Markup


def symbol(name: str) -> Formula:
    """A variable; single letters are set in italics by MathML's own rule."""
    return Markup("<mi>{}</mi>").format(name)


def word(text: str) -> Formula:
    """Upright text inside a formula."""
    return Markup("<mtext>{}</mtext>").format(text.replace(" ", "\u00a0"))  # MathML drops spaces at the ends


def number(text: str) -> Formula:
    """A number."""
    return Markup("<mn>{}</mn>").format(text)


def sign(text: str) -> Formula:
    """An operator, a relation or a bracket."""
    return Markup("<mo>{}</mo>").format(text)


def row(*parts: Formula) -> Formula:
    """Parts side by side, kept together."""
    return Markup("<mrow>{}</mrow>").format(Markup("").join(parts))


def subscript(base: Formula, index: Formula) -> Formula:
    """A base with an index below."""
    return Markup("<msub>{}{}</msub>").format(base, index)


def superscript(base: Formula, exponent: Formula) -> Formula:
    """A base with an exponent."""
    return Markup("<msup>{}{}</msup>").format(base, exponent)


def both(base: Formula, index: Formula, exponent: Formula) -> Formula:
    """A base with an index below and an exponent above."""
    return Markup("<msubsup>{}{}{}</msubsup>").format(base, index, exponent)


def fraction(above: Formula, below: Formula) -> Formula:
    """A fraction."""
    return Markup("<mfrac>{}{}</mfrac>").format(above, below)


def root(inside: Formula) -> Formula:
    """A square root."""
    return Markup("<msqrt>{}</msqrt>").format(inside)


def total(index: Formula, term: Formula) -> Formula:
    """A sum over an index."""
    return row(Markup("<munder><mo>∑</mo>{}</munder>").format(index), term)


def joined(parts: Iterable[Formula], by: str) -> Formula:
    """Parts with an operator between them."""
    return Markup("<mo>{}</mo>").format(by).join(parts)


def display(*lines: Formula) -> Markup:
    """Formulas on lines of their own."""
    shown = Markup("").join(
        Markup('<div class="line"><math display="block">{}</math></div>').format(line) for line in lines
    )
    return Markup('<div class="formula" role="group" aria-label="Formulas" tabindex="0">{}</div>').format(shown)


def inline(formula: Formula) -> Markup:
    """A formula within a sentence."""
    return Markup("<math>{}</math>").format(formula)
