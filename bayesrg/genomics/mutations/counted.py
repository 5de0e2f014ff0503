"""Which rows of a table of variants count, and how many do not, by the reason."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.genomics.genes import is_spoilt
from bayesrg.genomics.mutations.assay import Assay
from bayesrg.genomics.mutations.variant_classes import CLASSES, TYPES, nearest_class

Unassayed = Literal["refuse", "leave_out"]


@dataclass(frozen=True)
class Choice:
    """Rows that count, those that could if their class and type did, and the number of the others by the reason.

    Attributes
    ----------
    counted
        Whether a row counts, shape (row,).
    eligible
        Whether a row is of a sequenced sample, reaches the minima, and lies in no gene that was not assayed, whatever
        its class and type; shape (row,).
    told
        Names of attributes and the numbers of rows.
    """

    counted: np.ndarray
    eligible: np.ndarray
    told: dict[str, int]


def check_variants(table: pd.DataFrame) -> None:
    """Refuse a table of variants that lacks a column or holds what it must not; `read_variants` makes none such.

    Raises
    ------
    TableError
        A column is missing; a sample is empty or has blanks around it; a class, type, gene or allele fraction is none.
    """
    absent = [name for name in ("gene", "sample", "classification", "variant_type") if name not in table.columns]
    if absent:
        raise TableError(
            f"the table of variants has no column {', '.join(absent)}; it has {', '.join(map(str, table.columns))}. "
            "read_variants makes these columns of a file; else rename or add them"
        )
    if not len(table):
        raise TableError("the table of variants has no row; without one it is not known which genes there are")
    empty = table["sample"].isna().to_numpy() | (table["sample"].astype(str).str.strip() == "").to_numpy()
    _refuse(table, "sample", empty, "the name of a sample")
    blank = [label for label in table["sample"].unique() if str(label) != str(label).strip()]
    expected = "a name without blanks around it; take them off, as with table['sample'].str.strip()"
    _refuse(table, "sample", table["sample"].isin(blank).to_numpy(), expected)
    for column, known in (("classification", CLASSES), ("variant_type", TYPES)):
        strange = ~table[column].isin(list(known)).to_numpy()
        near = nearest_class(str(table[column].to_numpy()[strange][0])) if strange.any() and known is CLASSES else None
        _refuse(table, column, strange, (f"perhaps {near}; known are " if near else "one of ") + ", ".join(known))
    spoilt = [gene for gene in table["gene"].dropna().unique() if is_spoilt(str(gene)) or not str(gene).strip()]
    expected = "a gene's symbol, not what a spreadsheet program made of it (missing where there is none)"
    _refuse(table, "gene", table["gene"].isin(spoilt).to_numpy(), expected)
    if "variant_allele_fraction" in table.columns:
        take_numbers(table, "variant_allele_fraction")


def take_numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return ``depth`` or ``variant_allele_fraction`` as float64, NaN for missing, whatever its type; shape (row,).

    Raises
    ------
    TableError
        A cell is no number, or out of range.

    Examples
    --------
    >>> take_numbers(pd.DataFrame({"depth": [30, pd.NA, "9"]}), "depth")
    array([30., nan,  9.])
    """
    highest, expected = (np.inf, "a number of reads") if column == "depth" else (1.0, "a share from 0 to 1")
    cells = table[column]
    values = pd.Series(pd.to_numeric(cells, errors="coerce")).to_numpy(dtype=float, na_value=np.nan)
    right = (values >= 0) & (values <= highest) & (values < np.inf)
    _refuse(table, column, ~right & cells.notna().to_numpy(), expected)
    return values


def strip_genes(table: pd.DataFrame) -> np.ndarray:
    """Return the genes as text without blanks around them, None where there is none; shape (row,).

    Examples
    --------
    >>> strip_genes(pd.DataFrame({"gene": ["TP53 ", None]})).tolist()
    ['TP53', None]
    """
    codes, words = pd.factorize(table["gene"])
    return np.array([*(str(word).strip() for word in words), None], dtype=object)[codes]


def choose_counted(
    table: pd.DataFrame,
    sample: np.ndarray,
    gene: np.ndarray,
    assay: Assay,
    classes: frozenset[str],
    types: frozenset[str],
    *,
    minimum_vaf: float | None = None,
    minimum_depth: float | None = None,
    unassayed: Unassayed = "refuse",
) -> Choice:
    """Return which rows count.

    Parameters
    ----------
    table
        Variants that `check_variants` accepts.
    sample, gene
        Place of each row's sample among those sequenced and of its gene among those of the assay, -1 for none.
    assay
        Who was assayed for what.
    classes, types
        Words of ``classification`` and ``variant_type`` that count.
    minimum_vaf, minimum_depth
        Least allele fraction and depth.
    unassayed
        What becomes of a variant of these classes and types in a gene that its sample was not assayed for.

    Raises
    ------
    TableError
        Such a variant is refused, or a minimum is asked of a column that is not there.
    SettingsError
        A minimum is out of range, or ``unassayed`` another word.
    """
    if unassayed not in ("refuse", "leave_out"):
        raise SettingsError(f"unassayed is {unassayed!r}; expected 'refuse' or 'leave_out'")
    if minimum_vaf is not None and not 0 <= minimum_vaf <= 1:
        raise SettingsError(f"minimum_vaf is {minimum_vaf}; expected a share from 0 to 1")
    if minimum_depth is not None and not minimum_depth >= 0:
        raise SettingsError(f"minimum_depth is {minimum_depth}; expected a number of reads, 0 or more")
    kept = sample >= 0
    of_class = (table["classification"].isin(list(classes)) & table["variant_type"].isin(list(types))).to_numpy()
    eligible, told = kept.copy(), {"rows_of_other_class_or_type": int((kept & ~of_class).sum())}
    for option, column, least in (
        ("minimum_vaf", "variant_allele_fraction", minimum_vaf),
        ("minimum_depth", "depth", minimum_depth),
    ):
        if least is None:
            continue
        if column not in table.columns:
            raise TableError(
                f"{option} is asked for, but the variants have no column {column!r}; leave {option} out, or add it"
            )
        values = take_numbers(table, column)
        unknown = int((kept & of_class & np.isnan(values)).sum())
        if unknown:
            warnings.warn(
                f"{unknown:,} of {(kept & of_class).sum():,} variants do not count, as {option} is asked for and they "
                f"have no {column}",
                stacklevel=3,
            )
        told[f"rows_below_{option}"] = int((kept & of_class & (values < least)).sum())
        told[f"rows_without_{column}"] = unknown
        eligible &= values >= least
    named = table["gene"].notna().to_numpy()
    outside = kept & named
    outside[outside] = ~assay.covered(sample[outside], gene[outside])
    wrong = outside & of_class
    if wrong.any() and unassayed == "refuse":
        places = np.flatnonzero(wrong)
        shown = list_some(
            places,
            show=lambda at: f"{table['gene'].iloc[at]} of {table['sample'].iloc[at]} ({_row(table, at)})",
        )
        raise TableError(
            f"column gene: {len(places):,} variants lie in genes that their samples were not assayed for: {shown}"
            "; add the genes to assayed, or leave the variants out with "
            "unassayed='leave_out'"
        )
    if wrong.any():
        warnings.warn(
            f"{wrong.sum():,} variants are left out, as their samples were not assayed for their genes", stacklevel=3
        )
        told["rows_not_assayed"] = int(wrong.sum())
    eligible &= ~outside
    counted = eligible & of_class
    told["rows_without_gene"] = int((counted & ~named).sum())
    told["rows_counted"] = int((counted & named).sum())
    return Choice(counted, eligible, told)


def _row(table: pd.DataFrame, place: int) -> str:
    return f"{table.index.name or 'row'} {table.index[place]}"


def _refuse(table: pd.DataFrame, column: str, bad: np.ndarray, expected: str) -> None:
    """Raise the error that lists rows whose cells are bad, if there are any."""
    places = np.flatnonzero(bad)
    if len(places):
        shown = list_some(places, show=lambda at: f"{_row(table, at)} has {table[column].iloc[at]!r}")
        raise TableError(f"column {column}: {shown}; expected {expected}")
