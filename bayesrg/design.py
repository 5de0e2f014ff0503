"""Crossed and nested measurement designs: their factors, and which variance components they can tell apart."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd

from bayesrg.errors import DesignError, TableError

# Shares of the largest eigenvalue below this are rounding: the quadratic forms are counts, exact to about 1e-12.
NULL = 1e-9
# Labels that stand for a missing one in tables of R, Python and spreadsheet programs.
MISSING = frozenset({"", "NA", "N/A", "#N/A", "NaN", "nan", "inf", "-inf"})


def factor(table: pd.DataFrame, column: str, role: str) -> pd.Series:
    """A column of labels as strings.

    Raises
    ------
    TableError
        If the column is absent or holds missing labels; the rows are named.
    """
    if column not in table.columns:
        raise TableError(f"no column {column!r} for {role}; the table has {', '.join(map(str, table.columns[:20]))}")
    labels = _column(table, column)
    missing = labels.isna() | labels.astype(str).str.strip().isin(MISSING)
    rows = [str(row) for row in table.index[missing.to_numpy()]]
    if rows:
        raise TableError(
            f"column {column!r} ({role}) has {len(rows)} missing label(s), at row(s) {', '.join(rows[:5])}"
            f"{', …' if len(rows) > 5 else ''}: fill them in, or drop those rows yourself (a level really called "
            "NA needs another name)"
        )
    if pd.api.types.is_float_dtype(labels) and bool((labels.to_numpy() % 1 == 0).all()):
        labels = labels.astype("int64")  # 1.0 and 1 are the same session
    labels = labels.astype(str)
    spellings: dict[str, str] = {}
    for label in labels.unique():
        other = spellings.setdefault(label.strip().casefold(), label)
        if other != label:
            raise TableError(
                f"column {column!r} ({role}) has the labels {other!r} and {label!r}, which differ in case or white "
                "space only: write them alike if they are one, or more differently if they are two"
            )
    return labels


def _column(table: pd.DataFrame, column: str) -> pd.Series:
    found = table[column]
    if isinstance(found, pd.DataFrame):
        raise TableError(f"the table has {found.shape[1]} columns named {column!r}: rename all but one")
    return found


def number(labels: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Level numbers (measurement,) and the labels in natural order: session 2 before session 10."""

    def natural(label: str) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", label)]

    ordered = sorted(labels.unique(), key=natural)
    return pd.Categorical(labels, categories=ordered).codes.astype(np.int64), np.asarray(ordered, dtype=str)


def cross(*factors: pd.Series) -> pd.Series:
    """Labels of every combination that occurs, joined by " / ".

    Raises
    ------
    TableError
        If two combinations would get the same label, because labels contain the separator.
    """
    each = pd.concat(factors, axis=1)
    joined = pd.Series([" / ".join(row) for row in each.to_numpy()], index=each.index)
    if joined.nunique() != len(each.drop_duplicates()):
        raise TableError("labels contain ' / ', so that combinations of them cannot be told apart: rename those labels")
    return joined


def number_within(levels: np.ndarray, nest: np.ndarray) -> np.ndarray:
    """Number `levels` from 0 within each level of `nest` (both integers, shape (measurement,))."""
    number = np.zeros_like(levels)
    for group in np.unique(nest):
        inside = nest == group
        number[inside] = np.unique(levels[inside], return_inverse=True)[1]
    return number


def confounded(components: Mapping[str, np.ndarray], means: np.ndarray | None = None) -> list[str]:
    """Names of components that the design cannot tell apart; empty where it can tell all.

    The quadratic form y'M Z_k Z_k'M y of a component k, M the projection that takes out the mean (or levels' means),
    has the expected value sum_l s_kl v_l with s_kl = tr(M Z_k Z_k' M Z_l Z_l'). Variances can be solved for from
    expected mean squares of any quadratic forms of this family exactly when the matrix s has full rank (Rao's MINQUE
    normal equations; Searle, Casella & McCulloch 2006, chapter 11). Its null vectors name the components that trade
    places.

    Parameters
    ----------
    components : mapping of name to integer levels, shape (measurement,); the residual has one level a measurement
    means : integer levels, shape (measurement,), that have a mean each; None for one mean of all
    """
    names = list(components)
    size = len(next(iter(components.values())))
    group = np.zeros(size, dtype=np.int64) if means is None else means
    sizes = np.maximum(np.bincount(group), 1)
    # Measurements by level of each component and by group.
    counts = {name: np.zeros((int(levels.max()) + 1, len(sizes))) for name, levels in components.items()}
    for name, levels in components.items():
        np.add.at(counts[name], (levels, group), 1.0)
    forms = np.empty((len(names), len(names)))
    for row, left in enumerate(names):
        for column, right in enumerate(names[: row + 1]):
            pair = components[left].astype(np.int64) * len(counts[right]) + components[right]
            cells, together = np.unique(pair, return_counts=True)
            lefts, rights = np.divmod(cells, len(counts[right]))
            expected = (counts[left][lefts] * counts[right][rights] / sizes).sum(axis=1)
            products = (counts[left].T @ counts[left]) * (counts[right].T @ counts[right])
            forms[row, column] = forms[column, row] = (
                (together**2).sum() - 2.0 * (together * expected).sum() + (products / np.outer(sizes, sizes)).sum()
            )
    scale = np.sqrt(np.maximum(np.diag(forms), 0.0))
    single = scale**2 <= NULL * size
    if single.any():  # a component with one level is the mean
        return [name for name, alone in zip(names, single, strict=True) if alone]
    values, vectors = np.linalg.eigh(forms / np.outer(scale, scale))
    null = vectors[:, values < NULL * len(names)]
    return [name for name, weight in zip(names, np.abs(null).sum(axis=1), strict=True) if weight > 1e-6]


def require_distinct(components: Mapping[str, np.ndarray]) -> None:
    """Refuse a design by naming the components that it cannot tell apart.

    Raises
    ------
    DesignError
        With the names, and the ways to mend it.
    """
    names = confounded(components)
    if not names:
        return
    if all(components[name].max() == 0 for name in names):
        raise DesignError(f"{' and '.join(names)}: one level only, so no variance to know; leave that column out")
    levels = ", ".join(f"{name}: {components[name].max() + 1} levels" for name in names)
    if len(names) == 2 and "residual" in names:
        other = next(name for name in names if name != "residual")
        raise DesignError(
            f"each level of {other} was measured once ({levels}), so {other} and residual are one component: leave "
            f"{other} out, it is the residual"
        )
    raise DesignError(
        f"this design cannot tell apart {', '.join(names[:-1])} and {names[-1]} ({levels}, "
        f"{len(components[names[0]])} rows): their expected mean squares are linearly dependent. Leave one of them out "
        "or measure so that they vary separately (two sessions on one scanner, say, or one subject on two scanners)"
    )


def identified(interactions: Sequence[str], components: Mapping[str, np.ndarray]) -> list[str]:
    """Those of `interactions` that can be added, in order, to the other components.

    An interaction that only the residual stands for (one measurement a cell) is left out: the residual holds it. One
    that a named component stands for is no small matter: the component would take its variance under another name.

    Raises
    ------
    DesignError
        For an interaction that is confounded with a component other than the residual, by name.
    """
    kept = {name: levels for name, levels in components.items() if name not in interactions}
    added = []
    for name in interactions:
        culprits = [other for other in confounded({**kept, name: components[name]}) if other != name]
        if set(culprits) - {"residual"}:
            raise DesignError(
                f"this design cannot tell apart {' and '.join(culprits)} from {name} (one session on each scanner, "
                f"or each subject on one level only): what is named {culprits[0]} would be both. Leave one factor out, "
                f"measure again so that they vary separately, or state interactions=() if you are sure that there is "
                f"no {name} interaction"
            )
        if not culprits:
            kept[name] = components[name]
            added.append(name)
    return added


def read_feature(table: pd.DataFrame, feature: str) -> tuple[pd.DataFrame, np.ndarray, dict[str, int]]:
    """One numeric column of a table without its missing rows.

    Returns
    -------
    kept : the rows with a value, numbered afresh
    value : ndarray of float, shape (measurement,)
    dropped : why rows were left out, and how many

    Raises
    ------
    TableError
        For an absent column, text among numbers or infinities; rows are named.
    """
    value = read_numbers(table, feature)
    given = ~np.isnan(value)
    dropped = {f"{feature} is missing": int((~given).sum())} if not given.all() else {}
    return table.loc[given].reset_index(drop=True), value[given], dropped


def read_features(
    table: pd.DataFrame, features: Sequence[str]
) -> tuple[pd.DataFrame, dict[str, np.ndarray], dict[str, str], dict[str, int]]:
    """Numeric columns of a table, without the rows that have none of them.

    Returns
    -------
    kept : the rows with a value of any feature, numbered afresh
    values : feature -> ndarray of float, shape (measurement,), NaN where it is missing
    unreadable : feature -> why it cannot be read (text among numbers, infinities)
    dropped : why rows were left out, and how many

    Raises
    ------
    TableError
        For no feature, an absent column, a feature that is named twice, or if no feature can be read.
    """
    if not features:
        raise TableError("no feature was named: give at least one column")
    strange = [name for name in features if not isinstance(name, str)]
    if strange:
        raise TableError(f"features are named by text; got {strange[0]!r}: rename the table's columns")
    twice = (
        sorted({name for name in features if list(features).count(name) > 1})
        if len({*features}) < len(features)
        else []
    )
    if twice:
        raise TableError(f"features named more than once: {', '.join(twice[:5])}; name each once")
    values: dict[str, np.ndarray] = {}
    unreadable: dict[str, str] = {}
    for feature in features:
        require_column(table, feature)
        try:
            values[feature] = read_numbers(table, feature)
        except TableError as problem:
            unreadable[feature] = str(problem)
    given = ~np.isnan(np.column_stack(list(values.values()))).all(axis=1) if values else np.zeros(len(table), bool)
    if not given.any():
        reasons = "; ".join(unreadable.values()) or "all cells are empty"
        raise TableError(f"none of the {len(features)} features has a number: {reasons[:500]}")
    dropped = {"every feature is missing": int((~given).sum())} if not given.all() else {}
    kept = table.loc[given].reset_index(drop=True)
    return kept, {name: value[given] for name, value in values.items()}, unreadable, dropped


def require_column(table: pd.DataFrame, feature: str) -> None:
    """Refuse a column that the table does not have, with the names nearest to it, and a table without rows.

    Raises
    ------
    TableError
    """
    if feature not in table.columns:
        names = [str(column) for column in table.columns]
        # A cohort's genes stand under the variable's name and theirs: mutated_TP53.
        near = [name for name in names if name.endswith(f"_{feature}")] or get_close_matches(feature, names, n=3)
        hint = (
            f"did you mean {' or '.join(near)}?"
            if near
            else f"the table has {', '.join(map(str, table.columns[:10]))}, …"
        )
        raise TableError(f"no column {feature!r} in the table: {hint}")
    if table.empty:
        raise TableError(f"the table has no rows, so there is nothing to fit for {feature!r}")


def read_numbers(table: pd.DataFrame, feature: str) -> np.ndarray:
    """A column as floats, NaN where a cell is empty.

    Raises
    ------
    TableError
        For an absent column, text that is no number, or an infinite value, with its row.
    """
    require_column(table, feature)
    cells = _column(table, feature)
    value = np.asarray(pd.to_numeric(cells, errors="coerce"), dtype=float)
    given = cells.notna().to_numpy()
    for wrong, what in ((np.isnan(value) & given, "is not a number"), (np.isinf(value), "is infinite")):
        if wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            cell = cells.iloc[place]
            shown = repr(cell) if isinstance(cell, str) else str(cell)
            raise TableError(
                f"column {feature!r}, row {table.index[place]}: {shown} {what} ({int(wrong.sum())} such "
                "row(s)); correct it, or leave the cell empty to have the row left out and counted"
            )
    return value
