"""Covariates as a formula says them: read and checked, with nothing of it evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bayesrg.errors import SettingsError, TableError
from bayesrg.models.covariates.words import ALLOWED, SafeFormula
from bayesrg.models.covariates.writer import Writer

MOST_CHARACTERS = 1000
MOST_TERMS = 500


@dataclass(frozen=True)
class CovariateFormula:
    """The right-hand side of a formula, and the columns of a table that it uses.

    Parameters
    ----------
    text : the formula as the user wrote it, without a leading ``~``
    columns : the columns that it uses, in the order in which they are first named
    """

    text: str
    columns: tuple[str, ...]


def read_formula(formula: str, columns: Sequence[str], *, outcome: str, predictors: Sequence[str]) -> CovariateFormula:
    """Read the covariates of a model; nothing of the formula is evaluated.

    Parameters
    ----------
    formula : right-hand side such as ``"age + C(grade)"``; a leading ``~`` is allowed. Names with blanks or odd
        characters stand in backticks; text in quotes is taken as it is, without escapes
    columns : the columns of the table
    outcome, predictors : columns of the model that cannot be covariates as well

    Raises
    ------
    SettingsError
        For anything that a formula must not hold, naming the piece and listing what is allowed.
    TableError
        For a column that is not in the table, or is the outcome or a predictor.

    Examples
    --------
    >>> read_formula("~ log(`size mm`) + C(grade)", ["size mm", "grade", "IDH1"], outcome="IDH1", predictors=[])
    CovariateFormula(text='log(`size mm`) + C(grade)', columns=('size mm', 'grade'))
    """
    text = formula.strip().removeprefix("~").strip()
    safe = make_safe(text, columns)
    used = tuple(dict.fromkeys(column for column, _ in safe.columns.values()))
    for role, taken in (("outcome", [outcome]), ("predictor", predictors)):
        for column in used:
            if column in taken:
                raise TableError(
                    f"the formula {text!r} has the column {column!r} as a covariate, which is the model's {role} "
                    "already; take it out of the formula"
                )
    return CovariateFormula(text, used)


def make_safe(text: str, columns: Sequence[str]) -> SafeFormula:
    """Return a formula in words that are safe to evaluate.

    Raises
    ------
    SettingsError
        For anything that a formula must not hold, and for more than `MOST_CHARACTERS` or `MOST_TERMS`.
    TableError
        For a column that is not among `columns`.
    """
    from formulaic.errors import FormulaicError
    from formulaic.parser import DefaultFormulaParser
    from formulaic.parser.algos.tokenize import tokenize

    if len(text) > MOST_CHARACTERS:
        raise SettingsError(
            f"the formula has {len(text):,} characters, and {MOST_CHARACTERS:,} are allowed: {text[:40]!r} ...; make "
            "derived columns in the table before, and name those"
        )
    writer = Writer(text, columns)
    hidden = writer.hide_quoted()
    try:
        writer.safe.text = writer.rewrite(tokenize(hidden))
        parser = DefaultFormulaParser(include_intercept=False)
        most = _count_terms(parser.get_ast(writer.safe.text), writer.safe)
        if most > MOST_TERMS:
            raise SettingsError(
                f"the formula {text!r} may multiply out to {most:,} terms, and {MOST_TERMS} are allowed: name the "
                "interactions that are meant, as in a:b"
            )
        empty = not list(parser.get_terms(writer.safe.text))
    except (FormulaicError, SyntaxError, RecursionError, MemoryError) as error:
        raise SettingsError(f"the formula {text!r} cannot be read ({type(error).__name__}); {ALLOWED}") from error
    if empty:
        raise SettingsError(f"the formula {text!r} names no covariate; leave it out for a model without covariates")
    return writer.safe


def _count_terms(node: Any, safe: SafeFormula) -> int:
    """Return an upper limit of the terms that a parsed formula multiplies out to, without multiplying out."""
    if not hasattr(node, "args"):
        return 1
    counts = [_count_terms(part, safe) for part in node.args]
    match node.operator.symbol, counts:
        case "*", [left, right]:
            return left * right + left + right
        case ":", [left, right]:
            return left * right
        case "**" | "^", [left, _]:
            written, exponent = (safe.show(str(part)) for part in node.args)
            if exponent not in set("123456789"):
                raise SettingsError(f"a formula's exponent is a whole number from 1 to 9; got {exponent}")
            if left == 1:
                raise SettingsError(
                    f"outside of braces ** makes interactions, so {written}**{exponent} is {written} alone; write "
                    f"{{{written} ** {exponent}}} for the power"
                )
            return left ** int(exponent)
    return sum(counts)
