"""Labels that look alike: refused with the list of them, or mapped by a table that the user has checked."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from os import PathLike

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.opening import open_columns
from bayesrg.cohort.source import Source, check_names
from bayesrg.cohort.units import Units, dataset_units, read_units
from bayesrg.errors import TableError, list_some
from bayesrg.identifiers import explain_near_miss, near_misses, parse_barcode
from bayesrg.samples import LEVELS
from bayesrg.tables import read_table

Identifiers = Mapping[str, str] | pd.DataFrame | str | PathLike[str]

ENROLLED = "patients"
"""What the list of those enrolled is called beside the sources."""

# Labels that a message lists; the list is what the user needs, but thousands hide the sentence around them.
_MOST_MATCHED = 400


def suggest_identifiers(sources: Mapping[str, Source], *, patients: Collection[str] | None = None) -> pd.DataFrame:
    """Return which labels of patients may mean the same, and which of them to take, for you to check.

    A label that is a TCGA barcode is preferred, then the one that more sources have, then that of the first source.
    Give the table (or a file you saved it in) to `join` as ``identifiers``. For two people whose labels look alike,
    write in ``meant`` what stands in ``found``.

    Parameters
    ----------
    sources
        What is to be joined, by name.
    patients
        Those enrolled, if there is a list.

    Returns
    -------
    pandas.DataFrame
        Columns ``found``, ``meant``, ``source`` (name of the source that has the label) and ``reason``.

    Examples
    --------
    >>> clinical = Source(pd.DataFrame({"patient": ["TCGA-HT-7467"], "age": [50]}), "clinical")
    >>> imaging = Source(pd.DataFrame({"patient": ["TCGA-Ht-7467"], "volume": [8.1]}), "imaging")
    >>> suggest_identifiers({"clinical": clinical, "imaging": imaging}).loc[0].tolist()
    ['TCGA-Ht-7467', 'TCGA-HT-7467', 'imaging', 'upper and lower case']
    """
    check_names(list(sources))
    labels = {name: set(units_of(name, source).patients) for name, source in sources.items()}
    if patients is not None:
        labels[ENROLLED] = set(map(str, patients))
    return _suggest(labels)


def units_of(name: str, source: Source) -> Units:
    """Return whose the rows of a source are, be it a table or a Dataset."""
    if isinstance(source.table, xr.Dataset):
        return dataset_units(name, source.table)
    return read_units(name, source, open_columns(name, source))


def _suggest(labels: Mapping[str, set[str]]) -> pd.DataFrame:
    rows = []
    for group in near_misses(set().union(*labels.values())):
        holders = {label: [name for name, own in labels.items() if label in own] for label in group}
        order = list(labels)
        meant = min(
            group,
            key=lambda label: (
                parse_barcode(label) is None,
                -len(holders[label]),
                order.index(holders[label][0]),
                label,
            ),
        )
        for found in group:
            rows += [(found, meant, name, explain_near_miss(found, meant)) for name in holders[found] if found != meant]
    return pd.DataFrame(rows, columns=["found", "meant", "source", "reason"], dtype=object)


def read_identifiers(identifiers: Identifiers | None, names: Collection[str]) -> dict[tuple[str, str], str]:
    """Return what is meant by the labels that were found: (source or "" for every source, label found) -> label meant.

    Parameters
    ----------
    identifiers
        A mapping from the label found to the one meant, or a table (or its file) with the columns ``found``, ``meant``
        and, where a label means different patients in different sources, ``source``.
    names
        Names of the sources.

    Raises
    ------
    TableError
        A column is absent, a cell empty, a source unknown, or a label has two meanings.

    Examples
    --------
    >>> read_identifiers({"TCGA-Ht-7467": "TCGA-HT-7467"}, ["vasari"])
    {('', 'TCGA-Ht-7467'): 'TCGA-HT-7467'}
    """
    if identifiers is None:
        return {}
    if isinstance(identifiers, Mapping):
        table = pd.DataFrame({"found": list(identifiers), "meant": list(identifiers.values())}, dtype=object)
    elif isinstance(identifiers, pd.DataFrame):
        table = identifiers
    else:
        table = read_table(identifiers, text=("found", "meant", "source"), kind="table of identifiers")
    for column in ("found", "meant"):
        if column not in table.columns:
            raise TableError(
                f"the table of identifiers has the columns {list_some(list(table.columns))}; expected 'found' and "
                f"'meant' (and 'source' where a label means different patients), and there is no {column!r}"
            )
    sources = table["source"].fillna("") if "source" in table.columns else [""] * len(table)
    meanings: dict[tuple[str, str], str] = {}
    for row, (found, meant, source) in enumerate(zip(table["found"], table["meant"], sources, strict=True), start=1):
        if pd.isna(found) or pd.isna(meant) or not str(found).strip() or not str(meant).strip():
            raise TableError(
                f"row {row} of the table of identifiers is empty in 'found' or 'meant'; fill it in, or remove the row"
            )
        if source and source not in names:
            raise TableError(
                f"row {row} of the table of identifiers is of the source {source!r}; expected one of "
                f"{list_some(list(names))}"
            )
        key = (str(source), str(found))
        if meanings.setdefault(key, str(meant)) != str(meant):
            raise TableError(
                f"row {row} of the table of identifiers: {found!r} means {meanings[key]!r} above and {meant!r} here"
            )
    for (source, found), meant in meanings.items():
        further = meanings.get((source, meant), meanings.get(("", meant), meant))
        if further != meant:
            raise TableError(
                f"the table of identifiers takes {found!r} for {meant!r}, and {meant!r} for {further!r}; write the "
                "last label in 'meant' of both"
            )
    return meanings


def match(
    units: Sequence[Units], meanings: Mapping[tuple[str, str], str], patients: Collection[str] | None = None
) -> tuple[list[Units], list[str] | None, list[dict[str, str]]]:
    """Return the units with their patients' labels as they are meant, those enrolled, and which meanings were used.

    Parameters
    ----------
    units
        Of each source.
    meanings
        As `read_identifiers` returns them.
    patients
        Those enrolled, if there is a list.

    Raises
    ------
    TableError
        Labels that look alike remain: the message lists them and the table that mends them. Or a label of `meanings` is
        in no source.
    """
    used: set[tuple[str, str, str]] = set()

    def translate(labels: Collection[str], source: str) -> list[str]:
        if not meanings:
            return list(labels)
        own = []
        for label in labels:
            key = next((key for key in ((source, label), ("", label)) if key in meanings), None)
            own.append(label if key is None else meanings[key])
            if key is not None:
                used.add((source, label, meanings[key]))
        return own

    matched = [
        replace(one, parts={**one.parts, "patient": np.array(translate(one.patients, one.source), dtype=object)})
        for one in units
    ]
    enrolled = None if patients is None else translate([str(patient) for patient in patients], ENROLLED)
    idle = [
        f"{found!r}{f' of {source!r}' if source else ''}"
        for source, found in meanings
        if not any(label == found and source in ("", name) for name, label, _ in used)
    ]
    if idle:
        raise TableError(
            f"{len(idle)} of {len(meanings)} identifiers are in no source: {list_some(idle)}; correct them, or remove "
            "them"
        )
    distinct = {meant for _, found, meant in used if found == meant}
    labels = {one.source: set(one.patients) - distinct for one in matched}
    if enrolled is not None:
        labels[ENROLLED] = set(enrolled) - distinct
    _refuse_near_misses(_suggest(labels))
    for one in matched:
        _refuse_alike_parts(one, matched)
    record = [{"found": found, "meant": meant, "source": source} for source, found, meant in sorted(used)]
    return matched, enrolled, record


def _refuse_near_misses(suggested: pd.DataFrame) -> None:
    if suggested.empty:
        return
    pairs = suggested.drop_duplicates(["found", "meant"])
    reasons = ", ".join(f"{count} by {reason}" for reason, count in pairs["reason"].value_counts().items())
    holders: dict[tuple[str, str, str], list[str]] = {}
    for found, meant, source, reason in suggested.head(_MOST_MATCHED).itertuples(index=False):
        holders.setdefault((found, meant, reason), []).append(repr(source))
    listed = [
        f"  {found!r} in {' and '.join(own)}, beside {meant!r} ({reason})"
        for (found, meant, reason), own in holders.items()
    ]
    if len(suggested) > _MOST_MATCHED:
        pairs = pairs[pairs["found"].isin(suggested["found"].head(_MOST_MATCHED))]
        listed.append("  and more, which suggest_identifiers lists")
    mapping = json.dumps(dict(zip(pairs["found"], pairs["meant"], strict=True)), ensure_ascii=False)
    raise TableError(
        f"{suggested['found'].nunique()} labels of patients look like another one ({reasons}), so that one patient "
        "might be taken for two:\n"
        + "\n".join(listed)
        + "\nIf they are the same, give join this (suggest_identifiers returns it as a table to check; for two "
        f"people whose labels look alike, map each label to itself):\n  identifiers={mapping}"
    )


def _refuse_alike_parts(one: Units, others: Sequence[Units]) -> None:
    """Refuse tumours and regions of one patient that differ in case or white space only, within and between sources."""
    for level in LEVELS[1:]:
        if level not in one.parts:
            continue
        spelt: dict[str, tuple[str, str]] = {}
        for other in others:
            if level in other.parts:
                parents = other.labels(LEVELS[LEVELS.index(level) - 1])
                for parent, label in zip(parents, other.parts[level], strict=True):
                    key = "".join(f"{parent}\n{label}".casefold().split(" "))
                    first, source = spelt.setdefault(key, (label, other.source))
                    if first != label:
                        raise TableError(
                            f"the {level} {label!r} of {parent!r} in {other.source!r} is called {first!r} in "
                            f"{source!r}; they differ in case or white space only: write them alike"
                        )
