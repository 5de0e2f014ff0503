"""A stability table laid out: which measurement has which level of every component, and what the design can tell."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.design import cross, factor, identified, number, require_distinct
from bayesrg.errors import TableError
from bayesrg.models.calibrated_levels import require_distinct_within
from bayesrg.models.layout import EFFECTS, SESSION_NEST, Layout

INTERACTIONS = ("subject:scanner", "subject:preprocessing")


def lay_out(
    table: pd.DataFrame,
    columns: Mapping[str, str],
    session_design: str,
    interactions: Sequence[str] | None,
    calibrated: str | None,
) -> xr.Dataset:
    """The design of a long table, without its features.

    Parameters
    ----------
    table : a row a measurement
    columns : role (subject, session, scanner, preprocessing) -> its column; roles that the design lacks are absent
    session_design : how sessions are numbered
    interactions : those to be modelled; None takes those that the design identifies
    calibrated : the facet whose levels each have a location and a scale of their own, or None

    Returns
    -------
    Dataset with `<component>_index` (measurement), the labels of every component as coordinates, and the design in its
    attributes.

    Raises
    ------
    TableError
        For absent columns, missing labels, or options that need columns which were not named.
    DesignError
        For components that the design cannot tell apart, by name.
    """
    labels = {role: factor(table, column, role) for role, column in columns.items()}
    if calibrated is not None and calibrated not in columns:
        raise TableError(
            f"heteroscedastic={calibrated!r} needs the {calibrated} column: name it, or leave the option out"
        )
    nest = SESSION_NEST[session_design]
    if "session" in labels:
        if not set(nest) <= labels.keys():
            raise TableError("session='visit' nests sessions in subject x scanner: name the scanner column too")
        labels["session"] = cross(*(labels[role] for role in nest), labels["session"])
    possible = [name for name in INTERACTIONS if set(name.split(":")) <= labels.keys()]
    labels |= {name: cross(*(labels[role] for role in name.split(":"))) for name in possible}
    levels = {name: number(column) for name, column in labels.items()}
    rows = {name: codes for name, (codes, _) in levels.items()} | {"residual": np.arange(len(table))}
    asked = list(interactions or ())
    if not set(asked) <= set(possible):
        raise TableError(f"interactions={asked} need the columns of both their factors: name them, or leave them out")
    require_distinct({name: codes for name, codes in rows.items() if name not in possible or name in asked})
    kept = identified(possible, rows) if interactions is None else asked
    named = [name for name in EFFECTS if name in columns or name in kept]
    components = [name for name in named if name != calibrated]

    data = xr.Dataset(coords={"component": [*components, "residual"]})
    for name in named:
        dim = EFFECTS[name][1]
        data[f"{dim}_index"] = ("measurement", levels[name][0])
        data = data.assign_coords({dim: levels[name][1]})
    data.attrs = {
        "session_design": session_design,
        "columns": json.dumps(columns),
        "not_identified": json.dumps([name for name in possible if name not in named]),
        "replicated": int(pd.DataFrame({name: rows[name] for name in columns}).duplicated().any()),
    }
    if calibrated is not None:
        data.attrs["heteroscedastic"] = calibrated
        require_distinct_within(Layout(data))
    return data
