"""Rows that a model can use: each with a label, each complete, and those left out counted by why."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayesrg.errors import TableError, list_some
from bayesrg.models.patient_rows.cells import as_numbers, label, labels_of, read_column

FEWEST_ROWS = 3


def label_rows(table: pd.DataFrame, patient: str | None) -> pd.Index:
    """Labels of rows: those of a column, else of the table's own index, else their numbers from one.

    Raises
    ------
    TableError
        For rows without a label, and labels that stand in several rows.
    """
    if patient is not None and (patient in table.columns or patient != table.index.name):
        cells, where = read_column(table, patient), f"column {patient!r}"
        mend = "choose one row a patient, or leave `patient` out and name its column as a group"
    elif isinstance(table.index, pd.RangeIndex):
        return pd.Index([str(number) for number in range(1, len(table) + 1)], dtype=object)
    else:
        cells, where = table.index, "the table's index"
        mend = (
            "choose one row a patient, or make the index a column (table.reset_index()) and, where rows are parts of "
            "patients, name it as a group"
        )
    if isinstance(cells, pd.MultiIndex):
        absent = np.array([any(pd.isna(part) for part in parts) for parts in cells], dtype=bool)
        labels = pd.Index([" / ".join(map(label, parts)) for parts in cells], dtype=object)
    else:
        absent = np.asarray(cells.isna(), dtype=bool)
        labels = pd.Index(labels_of(cells).astype(object))
    if absent.any():
        raise TableError(f"{where} has no label in {int(absent.sum())} row(s): name every patient")
    twice = labels[labels.duplicated()].unique()
    if len(twice):
        many = f"{len(twice)} labels of {where} stand" if len(twice) > 1 else f"1 label of {where} stands"
        raise TableError(f"{many} in several rows: {list_some(twice)}. Rows of one patient are alike: {mend}")
    return labels


def drop_incomplete(
    table: pd.DataFrame, needed: Sequence[str], weights: str | None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows that have all of `needed` and a weight, and how many were left out for which column, in this order.

    Raises
    ------
    TableError
        If fewer than three are left.
    """
    columns = {name: read_column(table, name) for name in dict.fromkeys(needed)}
    kept, dropped = np.ones(len(table), dtype=bool), {}
    for name, column in columns.items():
        missing = np.asarray(column.isna(), dtype=bool) & kept
        if missing.any():
            dropped[f"{name} is missing"] = int(missing.sum())
            kept &= ~missing
    if weights is not None:
        weight = as_numbers(columns[weights])
        without = (weight == 0) & kept
        if without.any():
            dropped[f"{weights} is zero"] = int(without.sum())
            kept &= ~without
    if kept.sum() < FEWEST_ROWS:
        reasons = "; ".join(f"{why} ({count})" for why, count in dropped.items())
        raise TableError(
            f"{int(kept.sum())} of {len(table)} rows are complete{': ' if reasons else ''}{reasons}. An association "
            "needs three"
        )
    # Once more, because what was left out may have been all that kept a column from being of one kind.
    complete = pd.DataFrame(columns, index=table.index).loc[kept]
    return pd.DataFrame({name: read_column(complete, name) for name in columns}), dropped
