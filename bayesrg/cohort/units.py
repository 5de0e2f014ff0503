"""Whose each row of a table is: patient, tumour and region, with empty cells and unfit labels refused."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.reading import Columns
from bayesrg.cohort.source import Source
from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.identifiers import Barcode, parse_barcode
from bayesrg.samples import JOINT, LEVELS, Level, unit_dim


@dataclass(frozen=True)
class Units:
    """Whose the rows of one source are.

    Attributes
    ----------
    source, where
        Name of the source, and how messages call it.
    level
        What a row is of.
    parts
        Label of each row at each level that is known, from whole to part (row,).
    found
        Label of each row's patient as the table has it (row,).
    locate
        Says which row the nth is.
    """

    source: str
    where: str
    level: Level
    parts: dict[Level, np.ndarray]
    found: np.ndarray
    locate: Callable[[int], str]

    @property
    def patients(self) -> np.ndarray:
        """Label of each row's patient."""
        return self.parts["patient"]

    def labels(self, level: Level) -> np.ndarray:
        """Return what each row's unit at a level is called: its parts, joined."""
        joined = self.parts["patient"]
        for part in LEVELS[1 : LEVELS.index(level) + 1]:
            if part in self.parts:
                joined = joined + JOINT + self.parts[part]
        return joined

    def refuse_duplicates(self) -> None:
        """Refuse two rows of one unit."""
        labels = pd.Index(self.labels(self.level))
        if labels.is_unique:
            return
        twice = labels[labels.duplicated()].unique()
        first = np.flatnonzero(labels == twice[0])
        rows = " and ".join(f"{self.locate(int(row))} ({self.found[row]})" for row in first[:2])
        samples = any(found != meant for found, meant in zip(self.found[first], self.patients[first], strict=True))
        raise TableError(
            f"{self.where} has several rows for {len(twice)} {self.level}s: {list_some(sorted(twice))}; {twice[0]} "
            f"stands in {rows}. Keep one row for each {self.level}"
            + (
                ", or name the column that tells its tumours or regions apart (tumor=, region=)"
                if self.level != "region"
                else ""
            )
            + ("; labels that differ were taken for the same by their barcodes or by identifiers=" if samples else "")
        )


def read_units(name: str, source: Source, columns: Columns) -> Units:
    """Return whose each row of a table is.

    Raises
    ------
    TableError
        A column is absent, a cell is empty or no label, or a barcode is of normal tissue.

    Examples
    --------
    >>> from bayesrg.cohort.opening import open_columns
    >>> source = Source(pd.DataFrame({"patient": ["TCGA-HT-7467-01A"], "age": [50]}), "clinical")
    >>> read_units("clinical", source, open_columns("clinical", source)).patients.tolist()
    ['TCGA-HT-7467']
    """
    keys = source.keys
    columns.require(keys.values(), "it says whose a row is; name it with " + ", ".join(f"{level}=" for level in keys))
    own = dict(columns.read(list(dict.fromkeys(keys.values()))))
    parts: dict[Level, np.ndarray] = {level: _labels(own[column], column, columns) for level, column in keys.items()}
    found = parts["patient"]
    shared: list[Level] = [level for level in LEVELS[1:] if keys.get(level) == source.patient]
    barcodes = _barcodes(found, source, columns)
    if shared and (barcodes is None or any(barcode.sample is None for barcode in barcodes)):
        raise SettingsError(
            f"{columns.where}: {shared[0]}={source.patient!r} is the patient's column, which tells a {shared[0]} only "
            "by TCGA sample barcodes (TCGA-AB-2988-03A), and it holds other labels; name another column"
        )
    if barcodes is not None:
        parts["patient"] = np.array([barcode.patient for barcode in barcodes], dtype=object)
        for level in shared:
            parts[level] = np.array([barcode.sample for barcode in barcodes], dtype=object)
    if len(parts) > 1:
        _refuse_joints(parts, columns)
    return Units(name, columns.where, source.level, parts, found, columns.locate)


def dataset_units(name: str, data: xr.Dataset) -> Units:
    """Return whose the units of an encoded Dataset are, by its index and the coordinates beside it.

    Raises
    ------
    TableError
        The Dataset has no unit dim, or its units no labels.

    Examples
    --------
    >>> data = xr.Dataset({"mutated": (("patient", "gene"), [[1.0]])}, {"patient": ["P1"], "gene": ["IDH1"]})
    >>> dataset_units("variants", data).labels("patient").tolist()
    ['P1']
    """
    where = f"source {name!r}"
    dim = unit_dim(data)
    if dim == "sample":
        raise TableError(
            f"{where} is over samples; say whose they are with bayesrg.samples.place_samples, then join it"
        )
    level: Level = dim  # type: ignore[assignment]
    if dim not in data.indexes:
        raise TableError(f"{where} has no labels along {dim}; assign the coordinate {dim!r}")
    parts: dict[Level, np.ndarray] = {}
    if level == "patient":
        parts["patient"] = data["patient"].values.astype(str).astype(object)
    else:
        named = {"patient": f"{level}_patient", "tumor": f"{level}_tumor", "region": f"{level}_label"}
        named |= {level: f"{level}_label"}
        for part in LEVELS[: LEVELS.index(level) + 1]:
            if named[part] in data.coords:
                parts[part] = data[named[part]].values.astype(str).astype(object)
            elif part != "tumor" or level == "tumor":
                raise TableError(
                    f"{where} has no coordinate {named[part]!r} along {level}; give it, as "
                    "bayesrg.samples.unit_coords does"
                )
    units = data.indexes[dim].astype(str)
    return Units(name, where, level, parts, parts["patient"], lambda row: f"{dim} {units[row]!r}")


def _labels(series: pd.Series, column: str, columns: Columns) -> np.ndarray:
    """Return labels as text; whole numbers are labels too, an empty cell is none."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    missing = series.isna().to_numpy()
    numeric = pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)
    values = series.to_numpy(dtype=object)
    if not numeric:
        missing = missing | np.fromiter(
            (isinstance(cell, str) and not cell.strip() for cell in values), bool, len(values)
        )
    if missing.any():
        rows = np.flatnonzero(missing)
        raise TableError(
            f"{columns.where}, {columns.locate(int(rows[0]))}: column {column!r} is empty, and so are {len(rows) - 1} "
            f"more of {len(values)} cells; expected a label that says whose the row is: fill it in, or remove the row"
        )
    unfit = [
        row
        for row, cell in enumerate(values)
        if not (
            isinstance(cell, (str, int, np.integer))
            or (isinstance(cell, (float, np.floating)) and float(cell).is_integer())
        )
        or isinstance(cell, (bool, np.bool_))
    ]
    if unfit:
        cell = values[unfit[0]]
        raise TableError(
            f"{columns.where}, {columns.locate(unfit[0])}: column {column!r} holds {cell!s} ({type(cell).__name__}), "
            f"and {len(unfit) - 1} more cells like it; expected labels, as text or whole numbers"
        )
    return np.array([cell if isinstance(cell, str) else str(int(cell)) for cell in values], dtype=object)


def _barcodes(labels: np.ndarray, source: Source, columns: Columns) -> list[Barcode] | None:
    """Return the barcodes of all rows, or None where labels are to be taken as they are."""
    if source.barcodes == "never":
        return None
    if source.barcodes == "automatic" and not any(label.startswith("TCGA-") for label in labels):
        return None
    parsed = [parse_barcode(label) for label in labels]
    barcodes = [barcode for barcode in parsed if barcode is not None]
    if len(barcodes) < len(labels):
        others = [row for row, barcode in enumerate(parsed) if barcode is None]
        # A patient's barcode and a slip of the pen are left to the search for near misses.
        if source.barcodes == "automatic" and all(barcode.sample is None for barcode in barcodes):
            return None
        raise TableError(
            f"{columns.where}: {len(others)} of {len(labels)} labels in column {source.patient!r} are no TCGA "
            f"barcodes, such as {labels[others[0]]!r} in {columns.locate(others[0])}: "
            f"{list_some([labels[row] for row in others])}; correct them, or give barcodes='never' to take all labels "
            "as they are"
        )
    normal = [row for row, barcode in enumerate(barcodes) if barcode.is_normal]
    if normal:
        raise TableError(
            f"{columns.where}: {len(normal)} of {len(labels)} rows are of normal tissue by their TCGA barcodes, such "
            f"as {columns.locate(normal[0])}: {list_some([labels[row] for row in normal])}; leave them out before "
            "tumours are joined"
        )
    return barcodes


def _refuse_joints(parts: dict[Level, np.ndarray], columns: Columns) -> None:
    for level, labels in parts.items():
        for row, label in enumerate(labels):
            if JOINT in label:
                raise TableError(
                    f"{columns.where}, {columns.locate(row)}: the {level} is called {label!r}; {JOINT!r} separates "
                    "patient, tumour and region in the labels of units, so rename it"
                )
