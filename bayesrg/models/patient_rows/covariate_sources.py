"""The columns that covariates were made of, kept with a fit so that new patients get the same knots and levels."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr


def keep_sources(data: xr.Dataset, columns: Mapping[str, pd.Series]) -> xr.Dataset:
    """The Dataset with each column as `source_<column>` (patient), and in `sources` what each of them is.

    Numbers and truth values are kept as floats, all else as text; the attribute (JSON: variable -> ``column``, ``kind``
    and, of categories, ``levels`` in their order) says how they become again what they were.
    """
    described: dict[str, dict[str, Any]] = {}
    for number, (name, column) in enumerate(columns.items()):
        # A slash in the name of a variable is that of a group, in a file.
        variable = f"source_{name}" if "/" not in str(name) else f"source__{number}"
        kind = _kind_of(column)
        described[variable] = {"column": str(name), "kind": kind}
        if kind == "category":
            levels = [level.item() if isinstance(level, np.generic) else level for level in column.cat.categories]
            described[variable]["levels"] = [level for level in levels if isinstance(level, bool | int | float | str)]
        values = column.to_numpy(dtype=float) if kind in ("number", "boolean") else np.array([*map(str, column)])
        data = data.assign({variable: ("patient", values)})
    return data.assign_attrs(sources=json.dumps(described))


def restore_sources(data: xr.Dataset) -> pd.DataFrame:
    """The columns that `keep_sources` kept, rows as patients."""
    columns: dict[str, Any] = {}
    for variable, own in json.loads(data.attrs["sources"]).items():
        values = data[variable].values
        if own["kind"] == "boolean":
            values = values == 1.0
        elif own["kind"] == "category":
            levels = {str(level): level for level in own["levels"]}
            values = pd.Categorical([levels[str(value)] for value in values], categories=own["levels"])
        elif own["kind"] == "text":
            values = values.astype(object)
        columns[own["column"]] = values
    return pd.DataFrame(columns)


def _kind_of(column: pd.Series) -> str:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    return "number" if pd.api.types.is_numeric_dtype(column) else "text"
