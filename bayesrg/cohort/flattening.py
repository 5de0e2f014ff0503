"""`to_table`: a cohort as one flat table, for models that take tables."""

import json
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.flow import check_cohort
from bayesrg.cohort.missingness import in_rows, own_part
from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.samples import LEVELS, Level


def to_table(cohort: xr.Dataset, level: Level | None = None, *, variables: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a cohort as a table with a row a unit, where what is known of a whole is repeated for its parts.

    Parameters
    ----------
    cohort
        What `join` or `restrict` returned.
    level
        What a row is of: ``"patient"``, ``"tumor"`` or ``"region"``; by default the finest that the cohort has.
    variables
        Which to take, whole matrices by their name; by default all.

    Returns
    -------
    pandas.DataFrame
        The units' labels as index; ``patient`` (and ``tumor``) first where a row is of a part, and the part's own
        label; then a column for each variable and each column of a matrix, under its name. A variable over genes
        becomes a column for each gene that its source has: ``mutated_TP53``. Numbers are float64, truth values
        ``boolean``, categories categorical, dates dates; missing text is None.

    Raises
    ------
    TableError
        A variable is not in the cohort, or two columns would have one name.
    SettingsError
        The cohort has no such level.

    Warns
    -----
    UserWarning
        Variables of a finer level, of which a row may have several values, are left out; patients without a tumour or
        region have no row.

    Examples
    --------
    >>> from bayesrg.cohort.joining import join
    >>> from bayesrg.cohort.source import Source
    >>> clinical = Source(pd.DataFrame({"patient": ["P1"], "age": [50]}), "clinical")
    >>> table = pd.DataFrame({"patient": ["P1", "P1"], "biopsy": ["v1", "v2"], "purity": [0.8, 0.6]})
    >>> biopsies = Source(table, "genome", region="biopsy")
    >>> to_table(join({"clinical": clinical, "biopsies": biopsies}))[["patient", "age", "purity"]].values.tolist()
    [['P1', 50.0, 0.8], ['P1', 50.0, 0.6]]
    """
    check_cohort(cohort)
    levels: list[Level] = [own for own in LEVELS if own in cohort.dims]
    if level is not None and level not in levels:
        raise SettingsError(f"level is {level!r}; the cohort has {', '.join(levels)}")
    level = levels[-1] if level is None else level
    unknown = [name for name in variables or () if name not in cohort.data_vars]
    if unknown:
        raise TableError(
            f"the cohort has no variable {unknown[0]!r}; it has {list_some([str(name) for name in cohort.data_vars])}"
        )
    wanted = (
        [name for name, held in cohort.data_vars.items() if "role" in held.attrs] if variables is None else variables
    )
    taken = [str(name) for name in cohort.data_vars if name in wanted and set(cohort[name].dims) & set(LEVELS)]
    rows = _rows_of_parts(cohort, level)
    finer = [name for name in taken if not set(cohort[name].dims) & set(rows)]
    if finer:
        warnings.warn(
            f"{len(finer)} variables do not lie along {level} or what it is a part of, and are left out of the "
            f"table: {list_some(finer)}",
            stacklevel=2,
        )
    for whole, places in rows.items():
        without = cohort.sizes[whole] - len(np.unique(places))
        if without:
            warnings.warn(f"{without} of {cohort.sizes[whole]} {whole}s have no {level}, and so no row", stacklevel=2)
    index = pd.Index(cohort[level].values.astype(object), name=level)
    pieces = [pd.DataFrame(_labels(cohort, level), index=index)]
    pieces += [_columns(cohort, name, rows, index) for name in taken if name not in finer]
    names = [column for piece in pieces for column in piece.columns]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise TableError(
            f"{len(twice)} columns of the table would have the name of another: {list_some(twice)}; choose with "
            "variables="
        )
    return pd.concat(pieces, axis=1)


def _rows_of_parts(cohort: xr.Dataset, level: Level) -> dict[str, np.ndarray]:
    """Return for each level from patient down to this one which of its units each row is, or is a part of."""
    rows: dict[str, np.ndarray] = {level: np.arange(cohort.sizes[level])}
    if level == "patient":
        return rows
    rows["patient"] = cohort.indexes["patient"].get_indexer(cohort[f"{level}_patient"].values)
    if level == "region" and "tumor" in cohort.dims and "region_tumor" in cohort.coords:
        tumors = pd.MultiIndex.from_arrays([cohort["tumor_patient"].values, cohort["tumor_label"].values])
        rows["tumor"] = tumors.get_indexer(
            pd.MultiIndex.from_arrays([cohort["region_patient"].values, cohort["region_tumor"].values])
        )
    return rows


def _labels(cohort: xr.Dataset, level: Level) -> dict[str, np.ndarray]:
    if level == "patient":
        return {}
    named = {"patient": f"{level}_patient", "tumor": f"{level}_tumor", f"{level}_label": f"{level}_label"}
    return {column: cohort[coord].values.astype(object) for column, coord in named.items() if coord in cohort.coords}


def _columns(cohort: xr.Dataset, name: str, rows: dict[str, np.ndarray], index: pd.Index) -> pd.DataFrame:
    """Return the columns of one variable."""
    variable = own_part(cohort[name])
    level = next(level for level in LEVELS if level in variable.dims)
    variable = variable.transpose(level, ...)
    place = rows[level]
    taken = variable.values if np.array_equal(place, np.arange(len(variable))) else variable.values[place]
    dims = [str(dim) for dim in variable.dims[1:]]
    if not dims:
        return pd.DataFrame({name: _restore(taken, variable.attrs)}, index=index)
    kept = []
    for dim in dims:
        labels = [
            str(label) for label in (variable[dim].values if dim in variable.coords else range(variable.sizes[dim]))
        ]
        kept.append(labels)
    names = kept[0] if len(kept) == 1 else ["_".join(labels) for labels in pd.MultiIndex.from_product(kept)]
    if variable.attrs.get("kind") != "matrix":
        names = [f"{name}_{label}" for label in names]
    return pd.DataFrame(in_rows(taken), index=index, columns=names)


def _restore(values: np.ndarray, attrs: dict[str, object]) -> object:
    """Return values of a column as pandas would hold them."""
    kind = attrs.get("kind")
    if kind == "boolean":
        missing = np.isnan(values)
        return pd.array(np.where(missing, None, values == 1), dtype="boolean")
    if values.dtype.kind in "UO":
        text = values.astype(object)
        text[values == ""] = None
        if kind == "category":
            return pd.Categorical(
                text, categories=json.loads(str(attrs["categories"])), ordered=attrs["ordered"] == "yes"
            )
        return text
    return values
