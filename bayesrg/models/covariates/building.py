"""Covariates by formula: the columns of a design with explicit coding, and the same columns for new rows.

The formula is R's and patsy's as formulaic reads it, restricted to what `formula_words` lists. Text,
boolean and categorical columns are coded by treatment contrasts, with their first level as the reference (the order of
a categorical column, else sorted). What a transform learns (knots, centres, levels) it learns from the training rows.

Splines beyond the training rows: ``bs`` refuses them, as patsy does, unless the formula says ``extrapolation='clip'``
or ``'extend'``, because its polynomials grow without bound there; ``cr``, the natural cubic spline, is linear beyond
its boundary knots, as restricted cubic splines are in R's rms; ``cc`` is periodic.
"""

from collections.abc import ItemsView, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayesrg.errors import DesignError, SettingsError, TableError, list_some
from bayesrg.models.covariates.columns import check_complete, find_levels, read_levels, read_numbers
from bayesrg.models.covariates.design import check_finite, check_identified
from bayesrg.models.covariates.formula import CovariateFormula, make_safe
from bayesrg.models.covariates.transforms import BeyondKnotsError, list_transforms
from bayesrg.models.covariates.words import Coding, Role

INTERCEPT = "Intercept"


@dataclass(frozen=True)
class Covariates:
    """Columns of a design, without the intercept, and how categorical columns are coded.

    Parameters
    ----------
    design : rows as given; a float column for each coefficient, named as formulaic names it
    coding : column -> ``levels`` (in their order), ``contrast``, and ``reference``: the level without a coefficient,
        or None of other contrasts and where an interaction without main effects gives each level a coefficient
    """

    design: pd.DataFrame
    coding: Mapping[str, Mapping[str, Any]]


def build_covariates(formula: CovariateFormula, table: pd.DataFrame) -> Covariates:
    """Build the design of a formula for the rows that a model is fitted to.

    Parameters
    ----------
    formula : from `read_formula`
    table : rows without missing values in the formula's columns

    Raises
    ------
    TableError
        For missing or infinite values, columns of mixed or unusable type, and values that a transform makes infinite.
    DesignError
        For constant columns, columns that are linear combinations of others and the intercept, and too many columns.
    SettingsError
        For options that a transform does not accept, and a reference that is no level.

    Examples
    --------
    >>> from bayesrg.models.covariates.formula import read_formula
    >>> table = pd.DataFrame({"age": [41, 57, 66, 38, 71], "grade": ["G2", "G3", "G3", "G2", "G4"]})
    >>> formula = read_formula("age + grade", list(table), outcome="IDH1", predictors=["size"])
    >>> covariates = build_covariates(formula, table)
    >>> list(covariates.design)
    ['age', 'grade[T.G3]', 'grade[T.G4]']
    >>> covariates.coding["grade"]
    {'levels': ['G2', 'G3', 'G4'], 'reference': 'G2', 'contrast': 'treatment'}
    """
    check_complete(table, formula.columns, "the rows to fit")
    for name in formula.columns:
        column = pd.Series(table[name])
        find_levels(column, coded=False)
        if len(set(column)) < 2:
            raise DesignError(
                f"the covariate {name!r} has the same value in all {len(table):,} rows, "
                f"{list_some(set(column), show=repr)}: it cannot be told from the intercept; take it out of the formula"
            )
    learned = _Learned(formula, table)
    check_identified(learned.training)
    return Covariates(learned.training, learned.describe_coding())


def apply_covariates(formula: CovariateFormula, training: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `build_covariates` for new rows, with knots, centres and levels learned from `training`.

    Parameters
    ----------
    formula : from `read_formula`
    training : the rows that the model was fitted to
    new : rows with the formula's columns; none of its values may be missing

    Returns
    -------
    DataFrame with the columns of the training design and the index of `new`.

    Raises
    ------
    TableError
        For absent columns, missing values, levels that the training rows do not have, values outside the range of a
        ``bs`` spline, and values that a transform makes infinite.
    """
    return _Learned(formula, training).apply(new)


class _Learned:
    """A formula with what it learned from training rows; nothing of that is stored, it is learned again each time."""

    def __init__(self, formula: CovariateFormula, training: pd.DataFrame) -> None:
        self.formula = formula
        self.safe = make_safe(formula.text, formula.columns)
        check_complete(training, formula.columns, "the rows to fit")
        # Our word for a column in a role -> its levels in their order; None for numbers.
        self.levels = {
            word: self._find_levels(pd.Series(training[column]), role) for word, (column, role) in self._columns()
        }
        self.spec: Any = None
        self.training = self._evaluate(training)

    def apply(self, new: pd.DataFrame) -> pd.DataFrame:
        """Return the design of new rows (row, column)."""
        check_complete(new, self.formula.columns, "the new rows")
        return self._evaluate(new)

    def describe_coding(self) -> dict[str, dict[str, Any]]:
        """Return column -> levels, reference and contrast, of the columns that are coded."""
        factors = {word: column for word, (column, _) in self._columns()} | self.safe.coded
        reduced = {
            factors[part.factor.expr]
            for structure in self.spec.structure
            for term in structure.scoped_terms
            for part in term.factors
            if part.reduced and part.factor.expr in factors  # a spline with an intercept of its own is reduced as well
        }
        described: dict[str, dict[str, Any]] = {}
        for word, (column, _) in self._columns():
            levels = self.levels[word]
            if levels is not None:
                coding = self.safe.codings.get(column, Coding())
                has_reference = coding.contrast == "treatment" and column in reduced
                base = levels[0] if coding.base is None else coding.base
                described[column] = {
                    "levels": levels,
                    "reference": base if has_reference else None,
                    "contrast": coding.contrast,
                }
        return described

    def _columns(self) -> ItemsView[str, tuple[str, Role]]:
        return self.safe.columns.items()

    def _find_levels(self, column: pd.Series, role: Role) -> list[Any] | None:
        """Return the levels of a training column in their order, None for numbers; the formula may name them."""
        if role == "number":
            return None
        coding = self.safe.codings.get(str(column.name), Coding()) if role == "level" else Coding()
        levels = list(coding.levels) if coding.levels else find_levels(column, coded=role == "level")
        if role == "column" and levels is not None and self.safe.codings.get(str(column.name), coding) != coding:
            raise SettingsError(
                f"the formula {self.formula.text!r} has {column.name!r} both as it is, which is coded by treatment "
                "contrasts, and inside C with another coding: write the same C(...) in both places"
            )
        if levels is not None and coding.base is not None and coding.base not in levels:
            raise SettingsError(
                f"the formula {self.formula.text!r} takes {coding.base!r} as the reference of {column.name!r}, which "
                f"has the levels {list_some(levels, show=repr)}: choose one of these"
            )
        return levels

    def _read(self, word: str, rows: pd.DataFrame) -> np.ndarray | pd.Categorical:
        """Return a column of rows as the transforms take it (row)."""
        column, levels = pd.Series(rows[self.safe.columns[word][0]]), self.levels[word]
        return read_numbers(column) if levels is None else read_levels(column, levels)

    def _evaluate(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the design of rows; the first time, on the training rows, the transforms learn."""
        from formulaic import model_matrix
        from formulaic.errors import FormulaicError

        frame = pd.DataFrame({word: self._read(word, rows) for word in self.levels})
        context = {**list_transforms(), **self.safe.texts}
        try:
            with np.errstate(all="ignore"):  # what is not finite is refused below, by column and row
                if self.spec is None:
                    matrix = model_matrix(f"1 + {self.safe.text}", frame, context=context, na_action="ignore")
                    self.spec = matrix.model_spec
                else:
                    matrix = self.spec.get_model_matrix(frame, context=context)
        except (FormulaicError, ValueError) as error:  # contrasts raise plain ValueErrors
            raise self._explain(error, rows) from error
        design = pd.DataFrame(matrix).drop(columns=INTERCEPT).astype(float).set_axis(rows.index)
        design.columns = [self.safe.show(str(name)) for name in design.columns]
        check_finite(design)
        return design

    def _explain(self, error: Exception, rows: pd.DataFrame) -> SettingsError | TableError:
        """Return what went wrong in a transform as an error that a user can mend."""
        cause = error.__cause__
        if isinstance(cause, BeyondKnotsError):
            return TableError(
                f"a spline bs of the formula {self.formula.text!r} knows values from {cause.low:g} to {cause.high:g}; "
                f"beyond are the rows {list_some(rows.index[cause.outside])} with "
                f"{list_some(cause.values, show='{:g}'.format)}: drop those rows, or write extrapolation='clip' (the "
                "nearest known value) or extrapolation='extend' (the polynomial goes on) inside bs"
            )
        why = self.safe.show(str(cause or error))
        return SettingsError(f"the covariates {self.formula.text!r} cannot be computed: {why}")
