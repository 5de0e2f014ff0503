"""Samples and the units they are of: which patient, which tumour of the patient, which region of the tumour.

A laboratory names samples; a study has patients, and may have tumours and regions. Data over ``sample`` are placed over
``patient``, ``tumor`` or ``region`` here, and nowhere else.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.history import step, with_step
from bayesrg.identifiers import parse_barcode

Level = Literal["patient", "tumor", "region"]
Several = Literal["refuse", "mean", "maximum", "first"]

LEVELS: tuple[Level, ...] = ("patient", "tumor", "region")
"""From whole to part."""

UNITS = (*LEVELS, "sample")
"""Dims of which data have one: what a row is of."""

CLASSES = frozenset({"copy_number_class", "variant_class"})
"""Variables whose numbers are names of classes, so that they have no mean."""

JOINT = "/"
"""Between patient, tumour and region in the label of a unit."""


def unit_dim(data: xr.Dataset | xr.DataArray) -> str:
    """Return which dim tells the units: ``patient``, ``tumor``, ``region`` or ``sample``.

    Raises
    ------
    TableError
        The data have none of them, or several.

    Examples
    --------
    >>> unit_dim(xr.DataArray(np.zeros((2, 3)), dims=("patient", "gene")))
    'patient'
    """
    found = [dim for dim in UNITS if dim in data.dims]
    if len(found) != 1:
        raise TableError(
            f"the data have the dims {', '.join(map(str, data.dims)) or 'none'}; expected exactly one of "
            f"{', '.join(UNITS)}: rename the dim of the rows to what they are"
        )
    return found[0]


def identify_samples(labels: Sequence[str], samples: pd.DataFrame | Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return who each sample is of.

    Parameters
    ----------
    labels
        Names of samples.
    samples
        Where the patients are not in the names: a mapping from sample to patient, or a table with the columns
        ``sample``, ``patient`` and, if need be, ``tumor`` and ``region``. It may hold other samples too. Without it a
        TCGA barcode is of its patient, and any other label is the patient itself.

    Returns
    -------
    pandas.DataFrame
        A row per label, in their order, with the label as index and the text columns ``patient`` and, where they are
        known, ``tumor`` and ``region``. The region of a TCGA barcode is its sample, such as ``TCGA-AB-2988-03A``.

    Raises
    ------
    TableError
        A sample is not in the table, stands there twice, or has an empty patient, tumour or region.

    Examples
    --------
    >>> identify_samples(["TCGA-AB-2988-03A-01D-0739-09", "TCGA-AB-2869-03A-01D-0739-09"])["patient"].tolist()
    ['TCGA-AB-2988', 'TCGA-AB-2869']
    >>> who = pd.DataFrame({"sample": ["P303v1", "P303v2"], "patient": ["P303"] * 2, "region": ["v1", "v2"]})
    >>> identify_samples(["P303v2"], who).loc["P303v2"].tolist()
    ['P303', 'v2']
    """
    index = pd.Index([str(label) for label in labels], name="sample", dtype=object)
    if samples is None:
        return _of_barcodes(index)
    if isinstance(samples, Mapping):
        samples = pd.DataFrame({"sample": list(samples.keys()), "patient": list(samples.values())})
    columns = [column for column in LEVELS if column in samples.columns]
    for column in ("sample", "patient"):
        if column not in samples.columns:
            raise TableError(
                f"the table of samples has the columns {', '.join(map(str, samples.columns))}, but no {column!r}; "
                "expected "
                "sample and patient, and tumor and region where a patient has several samples"
            )
    known = samples[["sample", *columns]]
    empty = known.isna() | (known.astype("object").map(lambda cell: str(cell).strip()) == "")
    if empty.to_numpy().any():
        row, column = np.argwhere(empty.to_numpy())[0]
        raise TableError(
            f"row {row + 1} of the table of samples has an empty {known.columns[column]!r}; say what sample it is, and "
            "of "
            "whom, or remove the row"
        )
    known = known.astype(str).set_index("sample")
    if not known.index.is_unique:
        twice = sorted(set(known.index[known.index.duplicated()]))
        raise TableError(f"the table of samples has more than one row for {list_some(twice)}; keep one row per sample")
    absent = index[~index.isin(known.index)]
    if len(absent):
        raise TableError(
            f"{len(absent)} of {len(index)} samples are not in the table of samples: {list_some(absent)}; add rows "
            "that say whose they are"
        )
    return known.loc[index].set_axis(index)


def unit_coords(who: pd.DataFrame, level: Level) -> dict[Hashable, tuple[str, np.ndarray]]:
    """Return the coordinates of units, one for each row of a table as `identify_samples` returns it.

    At level ``patient`` that is the patient. At the others the label joins what is known from patient down to the level
    (``P303/v1``), and the parts stand beside it: ``region_patient``, ``region_tumor``, ``region_label``.

    Raises
    ------
    TableError
        The table does not tell the level, or two rows are of the same unit.

    Examples
    --------
    >>> who = pd.DataFrame({"patient": ["P303", "P303"], "region": ["v1", "v2"]})
    >>> unit_coords(who, "region")["region"][1].tolist()
    ['P303/v1', 'P303/v2']
    """
    if level not in who.columns:
        raise TableError(
            f"the {level} of the samples is not known; give a table of samples with the columns sample, patient and "
            f"{level}"
        )
    parts = [column for column in LEVELS[: LEVELS.index(level) + 1] if column in who.columns]
    labels = who[parts].astype(str).agg(JOINT.join, axis="columns") if len(parts) > 1 else who[level].astype(str)
    if not labels.is_unique:
        twice = sorted(set(labels[labels.duplicated()]))
        raise TableError(
            f"several samples are of the same {level}: {list_some(twice)}; choose one of them, or say what becomes of "
            "several"
        )
    coords: dict[Hashable, tuple[str, np.ndarray]] = {level: (level, labels.to_numpy(dtype=str))}
    if level != "patient":
        for part in parts[:-1]:
            coords[f"{level}_{part}"] = (level, who[part].to_numpy(dtype=str))
        coords[f"{level}_label"] = (level, who[level].to_numpy(dtype=str))
    return coords


def place_samples(
    data: xr.Dataset,
    samples: pd.DataFrame | Mapping[str, str] | None = None,
    *,
    level: Level = "patient",
    several: Several = "refuse",
) -> xr.Dataset:
    """Return data over samples as data over patients, tumours or regions.

    Parameters
    ----------
    data
        With the dim ``sample``, labelled.
    samples
        Whose the samples are, as `identify_samples` takes it.
    level
        What a row is to be of.
    several
        What becomes of several samples of one unit: ``"refuse"`` (an error that lists them), the ``"mean"`` or the
        ``"maximum"`` of what is not missing, or the ``"first"`` sample in the order of the data, which drops the
        others and says in the history how many.

    Returns
    -------
    xarray.Dataset
        The variables with the unit's dim in the place of ``sample``, units in the order of their first samples. Each is
        joined on its own scale (the mean of logarithms is not the logarithm of the mean), and its attribute
        ``cell_methods`` says how. Coordinates of samples stay, but text that differs within a unit.

    Raises
    ------
    TableError
        A sample's unit is not known, a sample is of normal tissue, or several are of one unit and refused.
    SettingsError
        ``level`` or ``several`` is not one of the words above.

    Examples
    --------
    >>> values = xr.DataArray([[0.1], [0.3]], {"sample": ["P1a", "P1b"], "gene": ["EGFR"]}, ("sample", "gene"))
    >>> ratios = values.to_dataset(name="log2_ratio")
    >>> place_samples(ratios, {"P1a": "P1", "P1b": "P1"}, several="mean")["log2_ratio"].round(2).values.tolist()
    [[0.2]]
    """
    if level not in LEVELS:
        raise SettingsError(f"level is {level!r}; expected one of {', '.join(LEVELS)}")
    if several not in {"refuse", "mean", "maximum", "first"}:
        raise SettingsError(f"several is {several!r}; expected 'refuse', 'mean', 'maximum' or 'first'")
    if "sample" not in data.dims:
        raise TableError(f"the data have the dims {', '.join(map(str, data.dims))}, but no 'sample' to place")
    labels = [str(label) for label in data["sample"].values]
    normal = [label for label in labels if (barcode := parse_barcode(label)) is not None and barcode.is_normal]
    if normal:
        raise TableError(
            f"{len(normal)} of {len(labels)} samples are of normal tissue by their TCGA barcodes: {list_some(normal)}; "
            "leave "
            "them out before tumours are described"
        )
    who = identify_samples(labels, samples)
    if level not in who.columns:
        unit_coords(who, level)
    parts = [part for part in LEVELS[: LEVELS.index(level) + 1] if part in who.columns]
    codes, units = pd.factorize(pd.MultiIndex.from_arrays([who[part] for part in parts]))
    first = np.full(len(units), len(codes))
    np.minimum.at(first, codes, np.arange(len(codes)))
    crowded = np.flatnonzero(np.bincount(codes, minlength=len(units)) > 1)
    if len(crowded) and several == "refuse":
        unit = units[crowded[0]]
        mine = [label for label, code in zip(labels, codes, strict=True) if code == crowded[0]]
        raise TableError(
            f"{len(crowded)} of {len(units)} {level}s have several samples, {JOINT.join(unit)} for one: "
            f"{list_some(mine)}; "
            "choose one sample each, place them by region, or give several='mean', 'maximum' or 'first'"
        )
    coords = unit_coords(who.iloc[first], level)
    placed = {name: _collapse(variable, codes, first, level, several) for name, variable in data.data_vars.items()}
    kept, lost = _collapse_coords(data, codes, first, level, several)
    others = {name: coord for name, coord in kept.items() if name not in coords}
    result = xr.Dataset(placed, {**others, **coords}, data.attrs)
    told: dict[str, Any] = {}
    if len(crowded):
        told = {"several": several, "samples": len(labels), "units": len(units)}
    if lost:
        told["coordinates_that_differ_within_units"] = lost
    return with_step(result, step("place_samples", level=level, **told), data)


def _collapse_coords(
    data: xr.Dataset, codes: np.ndarray, first: np.ndarray, level: str, several: Several
) -> tuple[dict[Hashable, xr.Variable], list[str]]:
    """Return the coordinates other than the samples' names, and which text was lost because a unit's samples differ."""
    kept: dict[Hashable, xr.Variable] = {}
    lost: list[str] = []
    for name, coord in data.coords.items():
        if name == "sample":
            continue
        same = "sample" not in coord.dims or bool((coord.values == coord.values[first[codes]]).all())
        if not same and coord.dtype.kind not in "fiub":
            lost.append(str(name))
            continue
        kept[name] = _collapse(coord, codes, first, level, "first" if same else several)
    return kept, lost


def _collapse(
    variable: xr.DataArray, codes: np.ndarray, first: np.ndarray, level: str, several: Several
) -> xr.Variable:
    """Return one variable with its samples joined to units; what has no samples stays as it is."""
    if "sample" not in variable.dims:
        return variable.variable
    kept = variable.variable.isel(sample=first)
    attrs = dict(kept.attrs)
    if several in ("mean", "maximum") and len(first) < len(codes):
        if variable.dtype.kind not in "fiub":
            raise TableError(
                f"variable {str(variable.name)!r} holds text, which has no {several}; give several='first', or leave "
                "the variable out"
            )
        if several == "mean" and variable.name in CLASSES:
            raise TableError(
                f"variable {str(variable.name)!r} holds classes, which have no mean; average what they were made of "
                "and "
                "make them again, or give several='maximum' or 'first'"
            )
        axis = variable.dims.index("sample")
        values = np.moveaxis(variable.values, axis, 0)
        crowded = np.flatnonzero(np.bincount(codes) > 1)
        changed = np.moveaxis(kept.values.astype(float), axis, 0)
        for unit in crowded:
            mine = values[codes == unit].astype(float)
            held = ~np.isnan(mine)
            if several == "mean":
                total = np.where(held, mine, 0.0).sum(axis=0)
                changed[unit] = np.divide(
                    total, held.sum(axis=0), out=np.full(total.shape, np.nan), where=held.any(axis=0)
                )
            else:
                largest = np.where(held, mine, -np.inf).max(axis=0)
                changed[unit] = np.where(held.any(axis=0), largest, np.nan)
        kept = xr.Variable(kept.dims, np.moveaxis(changed, 0, axis))
        attrs["cell_methods"] = f"sample: {several}"
    return xr.Variable(tuple(level if dim == "sample" else dim for dim in kept.dims), kept.values, attrs)


def _of_barcodes(index: pd.Index) -> pd.DataFrame:
    """Return who samples are of by their barcodes; the region is known only if every barcode names a sample."""
    barcodes = [parse_barcode(label) for label in index]
    patients = [label if barcode is None else barcode.patient for label, barcode in zip(index, barcodes, strict=True)]
    who = pd.DataFrame({"patient": patients}, index=index, dtype=object)
    regions = [None if barcode is None else barcode.sample for barcode in barcodes]
    return who.assign(region=regions) if regions and all(regions) else who
