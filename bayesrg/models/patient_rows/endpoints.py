"""Outcomes as each family takes them: a table's column as numbers, with categories, scale and units.

The order of categories is never guessed from text: `categories` says it, or the column's own type does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayesrg.design import read_numbers
from bayesrg.errors import TableError, list_some
from bayesrg.models.patient_rows.cells import label, read_column, read_varying
from bayesrg.transformation import Scale, transform

MOST_CATEGORIES = 20  # of a categorical outcome; more is a column of names, or of measurements


@dataclass(frozen=True)
class Endpoint:
    """An outcome on the model's scale.

    Parameters
    ----------
    value : shape (row,): model units, 0 and 1, numbers of categories, or counts
    categories : labels, in order; None where there are none
    attributes : of the Dataset: transformation, location, scale, and what else is needed on the way back
    """

    value: np.ndarray
    categories: np.ndarray | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


def read_endpoint(
    table: pd.DataFrame, outcome: str, family: str, *, categories: Sequence[Any] | None = None, scale: Scale = "z_score"
) -> Endpoint:
    """An outcome's column as the family takes it; no cell is missing.

    Parameters
    ----------
    categories : in order; of a binary outcome the one without the event first. None takes the order of the column's
        own type: of numbers, of truth values, of an ordered categorical
    scale : of a continuous outcome: ``"z_score"``, ``"log"`` or ``"rank_normal"``

    Raises
    ------
    TableError
        For an outcome that does not vary, text whose order is not given, or values that the family cannot have.
    TypeError
        For categories of a family that has none, or a scale of one that has none.
    """
    if family in ("gaussian", "student_t", "negative_binomial") and categories is not None:
        raise TypeError(f"categories={list(categories)!r}: an outcome of family {family!r} has no categories")
    if family not in ("gaussian", "student_t") and scale != "z_score":
        raise TypeError(f"scale={scale!r}: an outcome of family {family!r} is modelled as it is")
    if isinstance(categories, str) or (categories is not None and len(categories) == 0):
        raise TypeError(f"categories={categories!r}: it is a list of categories, in their order")
    if family in ("gaussian", "student_t"):
        value, found = transform(read_varying(table, outcome, "outcome"), scale, outcome)
        return Endpoint(value, None, {"transformation": found.name, "location": found.location, "scale": found.scale})
    if family == "negative_binomial":
        return Endpoint(_counts(table, outcome), None, {"transformation": "count"})
    column = read_column(table, outcome)
    given = list(categories) if categories is not None else _order(table, outcome, family)
    known = pd.Index([outcome_label(category) for category in given], dtype=object)
    if known.has_duplicates:
        raise TableError(f"categories of {outcome!r} stand there twice: {list_some(known[known.duplicated()])}")
    code = known.get_indexer(pd.Index([outcome_label(cell) for cell in column], dtype=object))
    if (code < 0).any():
        row = int(np.flatnonzero(code < 0)[0])
        raise TableError(
            f"column {outcome!r}, row {table.index[row]}: {outcome_label(column.iloc[row])!r} is none of the "
            f"categories {list_some(known, show=repr)} ({int((code < 0).sum())} such row(s)); name it among "
            "categories, or leave the cell empty"
        )
    if np.unique(code).size < 2:
        raise TableError(
            f"outcome {outcome!r} is {known[code[0]]} in all {code.size} rows that are complete: nothing can be "
            "associated with it"
        )
    _check_number(known, outcome, family)
    numeric = family == "rank" and pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    shown = np.array(list(known), dtype=float if numeric else str)
    return Endpoint(code.astype(float), shown, {"transformation": "category"})


def outcome_label(cell: Any) -> str:
    """A category's label: as `label`, but the same for True and 1, as which a mutation may stand in a table.

    Examples
    --------
    >>> outcome_label(True), outcome_label(1.0), outcome_label("wt")
    ('1', '1', 'wt')
    """
    return label(int(cell) if isinstance(cell, bool | np.bool_) else cell)


def _check_number(known: pd.Index, outcome: str, family: str) -> None:
    """Refuse more or fewer categories than the family takes."""
    if family == "bernoulli" and len(known) != 2:
        raise TableError(
            f"outcome {outcome!r} has {len(known)} categories ({list_some(known)}); the family 'bernoulli' takes two. "
            "Use 'ordinal' or 'categorical', or make it binary"
        )
    if family in ("ordinal", "categorical") and len(known) > MOST_CATEGORIES:
        raise TableError(
            f"outcome {outcome!r} has {len(known)} categories; the family {family!r} takes at most {MOST_CATEGORIES}. "
            "Use 'rank' for an ordered outcome, or gather categories"
        )
    if family in ("categorical", "ordinal") and len(known) < 3:
        raise TableError(
            f"outcome {outcome!r} has {len(known)} categories ({list_some(known)}): use the family 'bernoulli'"
        )


def _counts(table: pd.DataFrame, outcome: str) -> np.ndarray:
    value = read_numbers(table, outcome)
    wrong = (value < 0) | (value != np.floor(value))
    if wrong.any():
        row = table.index[int(np.flatnonzero(wrong)[0])]
        raise TableError(
            f"column {outcome!r}, row {row}: {value[wrong][0]:g} is no count ({int(wrong.sum())} such row(s)); "
            "counts are whole numbers from zero. Use 'gaussian' or 'rank' for other numbers"
        )
    if np.ptp(value) == 0:
        raise TableError(
            f"outcome {outcome!r} is {value[0]:g} in all {value.size} rows that are complete: nothing can be "
            "associated with it"
        )
    return value


def _order(table: pd.DataFrame, outcome: str, family: str) -> Sequence[Any]:
    """Categories in the order that the column's own type has."""
    column = read_column(table, outcome)
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = set(column)
        categories = [category for category in column.cat.categories if category in found]
        binary = {outcome_label(category) for category in categories} <= {"0", "1"}
        if column.cat.ordered or family == "categorical":
            return categories
        if binary:  # whatever stands first among them, 1 is the event
            return sorted(categories, key=outcome_label)
        raise TableError(_ask_for_order(column, outcome, "is categorical, and its categories have no order"))
    if pd.api.types.is_bool_dtype(column):
        return [False, True]
    if pd.api.types.is_numeric_dtype(column):
        found = np.unique(read_numbers(table, outcome))
        if family == "bernoulli" and not np.isin(found, (0.0, 1.0)).all():
            raise TableError(
                f"outcome {outcome!r} has the values {list_some(map(label, found))}; a binary outcome is 0 or 1. Say "
                "which two values it has with categories=(without the event, with it)"
            )
        return list(found)
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise TableError(f"outcome {outcome!r} holds dates or durations: make numbers of them, such as days")
    if family == "categorical":
        return sorted(set(column), key=str)
    raise TableError(_ask_for_order(column, outcome, "is text"))


def _ask_for_order(column: pd.Series, outcome: str, what: str) -> str:
    found = sorted(map(str, set(column)))
    return (
        f"outcome {outcome!r} {what} ({list_some(found)}): say the order with categories=[...], the lowest, or the one "
        "without the event, first"
    )
