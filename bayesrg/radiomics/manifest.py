"""The manifest: a table with one row per region, which says where its image and mask are and which label it has."""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from bayesrg.errors import TableError
from bayesrg.tables import read_table

_REQUIRED = ("image", "mask")
_TEXT = frozenset({"image", "mask", "subject", "patient", "session", "scanner", "preprocessing"})


@dataclass(frozen=True)
class Case:
    """One row of a manifest: a region to be extracted.

    Attributes
    ----------
    row
        Number of the row, the first below the header being 1.
    image, mask
        Absolute paths.
    label
        Label of the region in the mask; None takes the only one.
    """

    row: int
    image: Path
    mask: Path
    label: int | None


def read_manifest(manifest: str | PathLike[str] | pd.DataFrame) -> tuple[pd.DataFrame, Path]:
    """Return a manifest as a table, and the folder from which its relative paths start.

    Parameters
    ----------
    manifest
        A file that `bayesrg.tables.read_table` reads (CSV, TSV, Parquet), whose relative paths start at the folder it
        is in; or a table, whose relative paths start at the working directory. Columns called image, mask, subject,
        patient, session, scanner or preprocessing stay text.

    Raises
    ------
    TableError
        The file is absent, of another kind, or not readable as what its suffix says.
    """
    if isinstance(manifest, pd.DataFrame):
        return manifest.rename(columns=str), Path.cwd()
    return read_table(manifest, text=_TEXT, kind="manifest"), Path(manifest).resolve().parent


def list_cases(table: pd.DataFrame, folder: Path, *, reserved: Collection[str] = ()) -> list[Case]:
    """Return the cases of a manifest, one per row, having checked every row.

    Parameters
    ----------
    table
        Columns ``image`` and ``mask``, optionally ``label``; the rest is carried along unseen.
    folder
        Where relative paths start.
    reserved
        Columns that extraction will add, and that the manifest therefore cannot have.

    Raises
    ------
    TableError
        Naming the columns, or rows and column, and what was expected.
    """
    columns = [str(column) for column in table.columns]
    for required in _REQUIRED:
        if required not in columns:
            nearest = difflib.get_close_matches(required, [column.lower() for column in columns], n=1, cutoff=0.5)
            hint = [column for column in columns if nearest and column.lower() == nearest[0]]
            raise TableError(
                f"the manifest has no column {required!r}; it has {', '.join(map(repr, columns)) or 'no columns'}. "
                + (f"Rename {hint[0]!r} to {required!r}." if hint else f"Add the path of each region's {required}.")
            )
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise TableError(
            f"the manifest has several columns called {', '.join(map(repr, repeated))}; rename all but one"
        )
    taken = [column for column in columns if column in reserved]
    if taken:
        raise TableError(
            f"the manifest's {', '.join(map(repr, taken))} would collide with what extraction writes; rename them"
        )
    if table.empty:
        raise TableError("the manifest has no rows; add one per region, with the paths of its image and mask")
    return [
        Case(
            row=number,
            image=folder / _path(row["image"], number, "image"),
            mask=folder / _path(row["mask"], number, "mask"),
            label=_label(row.get("label"), number),
        )
        for number, row in enumerate(table.to_dict("records"), start=1)
    ]


def _path(value: object, row: int, column: str) -> Path:
    if not isinstance(value, str | PathLike) or not str(value).strip():
        raise TableError(f"row {row} of the manifest, column {column!r}: expected a path, found {_shown(value)}")
    return Path(value)


def _label(value: object, row: int) -> int | None:
    if value is None or value is pd.NA or value != value:  # NaN is the value that differs from itself
        return None
    text = str(value).strip()
    if not re.fullmatch(r"\d+(\.0*)?", text) or float(text) == 0 or isinstance(value, bool):
        raise TableError(
            f"row {row} of the manifest, column 'label': expected a whole number of at least 1, found {_shown(value)}"
        )
    return int(float(text))


def _shown(value: object) -> str:
    return "nothing" if value is None or value is pd.NA or value != value else repr(value)
