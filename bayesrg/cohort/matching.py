"""Labels that look alike: refused with the list of them, or mapped by a table that the user has checked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from os import PathLike

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.labels import cut_to_patient, read_list
from bayesrg.cohort.likeness import refuse_alike_parts, refuse_near_misses, suggest
from bayesrg.cohort.opening import open_columns
from bayesrg.cohort.source import Source, check_sources
from bayesrg.cohort.units import Units, dataset_units, read_units
from bayesrg.errors import TableError, list_some
from bayesrg.tables import read_table

Identifiers = Mapping[str, str] | pd.DataFrame | str | PathLike[str]

ENROLLED = "patients"
"""What the list of those enrolled is called beside the sources, in a table of identifiers too."""


def suggest_identifiers(sources: Mapping[str, Source], *, patients: Collection[str] | None = None) -> pd.DataFrame:
    """Return which labels of patients may mean the same, and which of them to take, for you to check.

    A TCGA barcode is preferred, then a label without blanks around it, then the one that more sources have, then that
    of the first source. Give the table (or a file you saved it in) to `join` as ``identifiers``. For people whose
    labels look alike, write a row for each label, with the label in both ``found`` and ``meant``.

    Parameters
    ----------
    sources
        What is to be joined, by name.
    patients
        Those enrolled, if there is a list.

    Returns
    -------
    pandas.DataFrame
        Columns ``found``, ``meant``, ``source`` (name of the source that has the label, or ``patients`` for the list of
        those enrolled) and ``reason``.

    Examples
    --------
    >>> clinical = Source(pd.DataFrame({"patient": ["TCGA-HT-7467"], "age": [50]}), "clinical")
    >>> imaging = Source(pd.DataFrame({"patient": ["TCGA-Ht-7467"], "volume": [8.1]}), "imaging")
    >>> suggest_identifiers({"clinical": clinical, "imaging": imaging}).loc[0].tolist()
    ['TCGA-Ht-7467', 'TCGA-HT-7467', 'imaging', 'upper and lower case']
    """
    check_sources(sources)
    units = [units_of(name, source) for name, source in sources.items()]
    labels = {one.source: set(one.patients) for one in units}
    if patients is not None:
        everybody = set().union(*labels.values())
        labels[ENROLLED] = {_cut_unless_held(label, everybody) for label in read_list(patients, "patients")}
    return suggest(labels, verbatim={one.source for one in units if one.verbatim})


def units_of(name: str, source: Source) -> Units:
    """Return whose the rows of a source are, be it a table or a Dataset."""
    if isinstance(source.table, xr.Dataset):
        return dataset_units(name, source.table, source.barcodes)
    return read_units(name, source, open_columns(name, source))


def read_identifiers(identifiers: Identifiers | None, names: Collection[str]) -> dict[tuple[str, str], str]:
    """Return what is meant by the labels that were found: (source or "" for every source, label found) -> label meant.

    Parameters
    ----------
    identifiers
        A mapping from the label found to the one meant, or a table (or its file) with the columns ``found``, ``meant``
        and, where a label means different patients in different sources, ``source``.
    names
        Names of the sources; a row may also be of `ENROLLED`.

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
        if source and source not in (*names, ENROLLED):
            raise TableError(
                f"row {row} of the table of identifiers is of the source {source!r}; expected one of "
                f"{list_some([*names, ENROLLED])}"
            )
        key = (str(source), _write(found))
        if meanings.setdefault(key, _write(meant)) != _write(meant):
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


def _write(label: object) -> str:
    # A column of whole numbers with a gap came as floating point.
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _cut_unless_held(label: str, held: Collection[str]) -> str:
    """Return the patient of a TCGA barcode, unless a source has that very label (``barcodes="never"``)."""
    return label if label in held else cut_to_patient(label)


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
    held = set().union(*(one.patients for one in units))
    meanings = {key: _cut_unless_held(meant, held) for key, meant in meanings.items()}

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
    enrolled = None
    if patients is not None:
        mapped = {found for source, found in meanings if source in ("", ENROLLED)}
        given = read_list(patients, "patients")
        enrolled = translate([label if label in mapped else _cut_unless_held(label, held) for label in given], ENROLLED)
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
    labels = {one.source: set(one.patients) for one in matched}
    if enrolled is not None:
        labels[ENROLLED] = set(enrolled)
    distinct = {meant for _, found, meant in used if found == meant}
    refuse_near_misses(suggest(labels, distinct, {one.source for one in units if one.verbatim}))
    refuse_alike_parts(matched)
    record = [{"found": found, "meant": meant, "source": source} for source, found, meant in sorted(used)]
    return matched, enrolled, record
