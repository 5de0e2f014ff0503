"""Whose each row of a table is: patient, tumour and region, with empty cells and unfit labels refused."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.labels import read_barcodes, read_labels, refuse_joints
from bayesrg.cohort.reading import Columns
from bayesrg.cohort.source import Barcodes, Source
from bayesrg.errors import SettingsError, TableError, list_some
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
    verbatim
        Whether labels are taken as they are, also those that TCGA barcodes are written like.
    """

    source: str
    where: str
    level: Level
    parts: dict[Level, np.ndarray]
    found: np.ndarray
    locate: Callable[[int], str]
    verbatim: bool = False

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
    where, locate = columns.where, columns.locate
    parts: dict[Level, np.ndarray] = {
        level: read_labels(own[column].astype(object), where, f"column {column!r}", locate)
        for level, column in keys.items()
    }
    found = parts["patient"]
    shared: list[Level] = [level for level in LEVELS[1:] if keys.get(level) == source.patient]
    barcodes = read_barcodes(found, source.barcodes, where, f"column {source.patient!r}", locate)
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
        refuse_joints(parts, where, locate)
    return Units(name, where, source.level, parts, found, locate, source.barcodes == "never")


def dataset_units(name: str, data: xr.Dataset, barcodes: Barcodes = "automatic") -> Units:
    """Return whose the units of an encoded Dataset are, by its index and the coordinates beside it.

    TCGA barcodes are cut to their patients as in tables.

    Raises
    ------
    TableError
        The Dataset has no unit dim, its units no labels, or a barcode is of normal tissue.

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
    units = data.indexes[dim].astype(str)
    named = {"patient": f"{level}_patient", "tumor": f"{level}_tumor"} | {level: f"{level}_label"}
    named = {"patient": "patient"} if level == "patient" else named
    parts: dict[Level, np.ndarray] = {}

    def locate(row: int) -> str:
        return f"{dim} {units[row]!r}"

    for part in LEVELS[: LEVELS.index(level) + 1]:
        if named[part] in data.coords:
            cells = data[named[part]].values.astype(object)
            parts[part] = read_labels(cells, where, f"the coordinate {named[part]!r}", locate)
        elif part != "tumor" or level == "tumor":
            raise TableError(
                f"{where} has no coordinate {named[part]!r} along {level}; give it, as bayesrg.samples.unit_coords does"
            )
    found = parts["patient"]
    read = read_barcodes(found, barcodes, where, f"the coordinate {named['patient']!r}", locate)
    if read is not None:
        parts["patient"] = np.array([barcode.patient for barcode in read], dtype=object)
    if len(parts) > 1:
        refuse_joints(parts, where, locate)
    return Units(name, where, level, parts, found, locate, barcodes == "never")
