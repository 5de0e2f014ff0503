"""A cohort as the table that a model takes: with units, and with which variable is of images and which of genomes."""

from collections.abc import Sequence
from itertools import product

import pandas as pd
import xarray as xr

from bayesrg.cohort.flattening import to_table
from bayesrg.errors import TableError
from bayesrg.models.patient_rows.laying_out import Direction
from bayesrg.samples import LEVELS


def table_of(
    cohort: xr.Dataset, outcome: str, predictors: Sequence[str], direction: Direction | None = None
) -> tuple[pd.DataFrame, dict[str, str], Direction | None]:
    """The cohort's flat table, the units of its columns, and the direction of an association where roles tell it.

    Parameters
    ----------
    direction : what the user says

    Raises
    ------
    TableError
        If the user says another direction than the cohort's roles.
    """
    table = to_table(cohort)
    roles, units = {}, {}
    for name, variable in cohort.data_vars.items():
        if "role" not in variable.attrs:
            continue
        for column, unit in _columns_of(str(name), variable):
            roles[column] = variable.attrs["role"]
            if unit and unit != "1" and column in table.columns:
                units[column] = unit
    seen = roles.get(outcome), {roles.get(name) for name in predictors}
    known: Direction | None = None
    if seen == ("genome", {"imaging"}):
        known = "genome on image"
    elif seen == ("imaging", {"genome"}):
        known = "image on genome"
    if direction is not None and known is not None and direction != known:
        raise TableError(
            f"direction is {direction!r}, but in the cohort the outcome {outcome!r} is of role {seen[0]!r} and the "
            f"predictors are of role {next(iter(seen[1]))!r}, which is {known!r}: leave direction out"
        )
    return table, units, known or direction


def _columns_of(name: str, variable: xr.DataArray) -> list[tuple[str, str]]:
    """The columns that a variable has in the flat table, under their names there, each with its unit."""
    dims = [str(dim) for dim in variable.dims if dim not in LEVELS]
    own = str(variable.attrs.get("units", ""))
    labels = [
        [str(label) for label in (variable[dim].values if dim in variable.coords else range(variable.sizes[dim]))]
        for dim in dims
    ]
    joined = ["_".join(parts) for parts in product(*labels)]
    if variable.attrs.get("kind") != "matrix":
        return [(f"{name}_{label}" if dims else name, own) for label in joined]
    units = variable.coords[f"{dims[0]}_units"].values if f"{dims[0]}_units" in variable.coords else [own] * len(joined)
    return [(label, str(unit)) for label, unit in zip(joined, units, strict=True)]
