"""Labels of patients, tumours and regions: read as text, refused where they name nobody; TCGA barcodes read."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bayesrg.cohort.columns import MISSING_WORDS
from bayesrg.cohort.source import Barcodes
from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.identifiers import Barcode, parse_barcode
from bayesrg.samples import JOINT, Level

NO_LABELS = MISSING_WORDS | {"None", "NaT"}
"""What programs write where there is no label; as a patient it would join everybody who has none."""


def read_labels(cells: Iterable[object], where: str, what: str, locate: Callable[[int], str]) -> np.ndarray:
    """Return labels as text (row,); whole numbers are labels too, an empty cell and ``NA`` are none.

    Parameters
    ----------
    cells
        What was found, one a row.
    where, what
        Table and column, for messages.
    locate
        Says which row the nth is.

    Raises
    ------
    TableError
        A cell is empty, one of `NO_LABELS`, or neither text nor a whole number.

    Examples
    --------
    >>> read_labels(["P1", 7.0], "source 'clinical'", "column 'patient'", "row {}".format).tolist()
    ['P1', '7']
    """
    values = list(cells)
    nobody = [row for row, cell in enumerate(values) if _is_nobody(cell)]
    if nobody:
        first = values[nobody[0]]
        said = f"says {first!r}, which is no label" if isinstance(first, str) and first.strip() else "is empty"
        more = f"so it is with {len(nobody)} of {len(values)} cells"
        raise TableError(
            f"{where}, {locate(nobody[0])}: {what} {said}; {more}; "
            "expected a label that says whose the row is: fill it in, or remove the row"
        )
    unfit = [row for row, cell in enumerate(values) if not _is_label(cell)]
    if unfit:
        cell = values[unfit[0]]
        raise TableError(
            f"{where}, {locate(unfit[0])}: {what} holds {cell!s} ({type(cell).__name__}), and {len(unfit) - 1} more "
            "cells like it; expected labels, as text or whole numbers"
        )
    return np.array([str(cell) if isinstance(cell, str) else str(int(cell)) for cell in values], dtype=object)  # type: ignore[call-overload]


def _is_nobody(cell: object) -> bool:
    return cell.strip() in NO_LABELS if isinstance(cell, str) else bool(np.ndim(cell) == 0 and pd.isna(cell))  # type: ignore[call-overload]


def _is_label(cell: object) -> bool:
    if isinstance(cell, (bool, np.bool_)):
        return False
    return isinstance(cell, (str, int, np.integer)) or (
        isinstance(cell, (float, np.floating)) and float(cell).is_integer()
    )


def read_list(patients: Collection[object], option: str) -> list[str]:
    """Return a list of patients that a user gave, as labels.

    Raises
    ------
    SettingsError
        It is one text, a table or a mapping, and not a list.
    TableError
        A label is empty, or no label.

    Examples
    --------
    >>> read_list([1.0, "P2"], "patients")
    ['1', 'P2']
    """
    if isinstance(patients, (str, bytes, pd.DataFrame, Mapping)) or not isinstance(patients, Iterable):
        raise SettingsError(
            f"{option} is a {type(patients).__name__}; expected a list of labels, such as ['P1', 'P2'] or a column of "
            "a table"
        )
    return read_labels(patients, f"{option}=", "the label", lambda row: f"item {row + 1}").tolist()


def read_barcodes(
    labels: Sequence[str] | np.ndarray, how: Barcodes, where: str, what: str, locate: Callable[[int], str]
) -> list[Barcode] | None:
    """Return the TCGA barcodes of all rows, or None where labels are to be taken as they are.

    Raises
    ------
    TableError
        Some labels are barcodes of samples and others are none, or a sample is of normal tissue.

    Examples
    --------
    >>> read_barcodes(["TCGA-HT-7467-01A "], "automatic", "a table", "a column", str)[0].patient
    'TCGA-HT-7467'
    """
    if how == "never" or (how == "automatic" and not any(label.lstrip().startswith("TCGA-") for label in labels)):
        return None
    parsed = [_parse(label) for label in labels]
    barcodes = [barcode for barcode in parsed if barcode is not None]
    if len(barcodes) < len(labels):
        others = [row for row, barcode in enumerate(parsed) if barcode is None]
        # A patient's barcode and a slip of the pen are left to the search for near misses.
        if how == "automatic" and all(barcode.sample is None for barcode in barcodes):
            return None
        raise TableError(
            f"{where}: {len(others)} of {len(labels)} labels in {what} are no TCGA "
            f"barcodes, such as {labels[others[0]]!r} in {locate(others[0])}: "
            f"{list_some([labels[row] for row in others])}; correct them, or give barcodes='never' to take all labels "
            "as they are"
        )
    normal = [row for row, barcode in enumerate(barcodes) if barcode.is_normal]
    if normal:
        raise TableError(
            f"{where}: {len(normal)} of {len(labels)} rows are of normal tissue by their TCGA barcodes, such "
            f"as {locate(normal[0])}: {list_some([labels[row] for row in normal])}; leave them out before "
            "tumours are joined"
        )
    return barcodes


def _parse(label: str) -> Barcode | None:
    """Return a barcode, that of a sample also where blanks stand around it: it is cut in any case."""
    exact, bare = parse_barcode(label), parse_barcode(label.strip())
    return bare if exact is None and bare is not None and bare.sample is not None else exact


def cut_to_patient(label: str) -> str:
    """Return the patient of a TCGA barcode, and any other label as it is.

    Examples
    --------
    >>> cut_to_patient("TCGA-AB-2988-01A"), cut_to_patient("P1")
    ('TCGA-AB-2988', 'P1')
    """
    barcode = _parse(label)
    return label if barcode is None else barcode.patient


def patient_of_misspelt(label: str) -> str | None:
    """Return whose sample a label is that would be a TCGA barcode if it were written as one, else None.

    R writes dots for the hyphens in names of columns, and some programs write small letters.

    Examples
    --------
    >>> patient_of_misspelt("TCGA.AB.2988.01"), patient_of_misspelt("tcga-ab-2988-01a"), patient_of_misspelt("P1")
    ('TCGA-AB-2988', 'TCGA-AB-2988', None)
    """
    if label.lstrip()[:4].upper() != "TCGA" or parse_barcode(label) is not None:
        return None
    barcode = parse_barcode(re.sub(r"[._\s]", "-", label.strip().upper()))
    return barcode.patient if barcode is not None and barcode.sample is not None else None


def refuse_joints(parts: Mapping[Level, np.ndarray], where: str, locate: Callable[[int], str]) -> None:
    """Refuse labels with the sign that joins them to those of units.

    Raises
    ------
    TableError
        A label holds a slash.
    """
    for level, labels in parts.items():
        for row, label in enumerate(labels):
            if JOINT in label:
                raise TableError(
                    f"{where}, {locate(row)}: the {level} is called {label!r}; {JOINT!r} separates "
                    "patient, tumour and region in the labels of units, so rename it"
                )
