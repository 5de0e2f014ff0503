"""Columns arranged: which go into a matrix, which are variables of their own, and that no two have one name."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import xarray as xr

from bayesrg.cohort.axes import SEPARATOR, Axis
from bayesrg.cohort.columns import store
from bayesrg.cohort.encoded import join_labels, lay
from bayesrg.cohort.loading import MATRICES, Loaded, fill
from bayesrg.cohort.naming import mend_names
from bayesrg.cohort.source import Role
from bayesrg.errors import MOST_LISTED, TableError, list_some
from bayesrg.samples import LEVELS, Level

# What stands for a missing value of each kind; a date or duration has its own NaT.
NOTHING = {"number": np.nan, "boolean": np.nan, "text": "", "category": ""}


def plan_matrices(loaded: Sequence[Loaded]) -> dict[str, tuple[Role, Level, list[Loaded]]]:
    """Return name, role, level and sources of the matrices."""
    planned: dict[str, tuple[Role, Level, list[Loaded]]] = {}
    for role in MATRICES:
        holders = [one for one in loaded if one.matrix_columns(role)]
        levels: list[Level] = [level for level in LEVELS if any(one.units.level == level for one in holders)]
        for level in levels:
            name = role if len(levels) == 1 else f"{role}_{level}"
            planned[name] = (role, level, [one for one in holders if one.units.level == level])
    return planned


def check_variable_names(loaded: Sequence[Loaded], matrices: Collection[str], unit_axes: Collection[str]) -> None:
    """Refuse columns of the same name, and those with a name that the cohort needs for something else."""
    encoded = {
        str(name) for one in loaded if one.encoded is not None for name in {*one.encoded.dims, *one.encoded.coords}
    }
    parts = {f"{level}_{part}" for level in unit_axes for part in ("patient", "tumor", "label")}
    taken = {*matrices, *MATRICES, *MATRICES.values(), *LEVELS, *encoded, *parts, "source", "present", "feature_source",
             "gene_source", "feature_units", "gene_units"}  # fmt: skip
    holder: dict[str, str] = {}
    made = {f"{name}_{about}" for name in encoded for about in ("source", "units")}
    ours = encoded & {"source", "present", *made}
    if ours:
        raise TableError(
            f"an encoded Dataset has the coordinate or dim {sorted(ours)[0]!r}, which a cohort makes itself; drop or "
            "rename it (drop_vars, rename); a cohort is restricted with restrict, not joined again"
        )
    for one in loaded:
        names = list(one.taken) if one.encoded is None else [str(name) for name in one.encoded.data_vars]
        mended = mend_names(one.variable_names())
        if mended:
            remedy = f"rename={mended}" + (" or names='mend'" if one.encoded is None else "")
            raise TableError(
                f"{one.units.where} has {len(mended)} columns with a slash in the name or another name that no "
                f"folder can have (., zarr.json, more than 255 bytes) when a Dataset is stored; give the source "
                f"{remedy}, or leave them out with exclude="
            )
        clash = [name for name in names if name in taken]
        if clash:
            raise TableError(
                f"{one.units.where} has the column {clash[0]!r}, a name that means something else in a cohort; give "
                "the source rename=, or leave it out with exclude="
            )
        twice = [name for name in names if name in holder]
        if twice:
            raise TableError(
                f"{len(twice)} columns of {one.units.where} have the name of a column of source {holder[twice[0]]!r}: "
                f"{list_some(twice)}; give one source rename=, or leave them out of one source with exclude="
            )
        holder |= dict.fromkeys(names, one.name)


def join_label_axes(
    loaded: Sequence[Loaded], matrices: Mapping[str, tuple[Role, Level, list[Loaded]]]
) -> dict[str, Axis]:
    """Return the labels of features, genes and their kin over all sources."""
    tables: dict[str, dict[str, list[str]]] = {}
    for role, _, holders in matrices.values():
        for one in holders:
            tables.setdefault(MATRICES[role], {})[one.name] = one.matrix_columns(role)
    order = [one.name for one in loaded]
    for dim, own in tables.items():
        tables[dim] = {name: own[name] for name in order if name in own}
    return join_labels({one.name: one.encoded for one in loaded if one.encoded is not None}, tables)


def fill_matrix(
    role: Role,
    level: Level,
    holders: Sequence[Loaded],
    unit_axes: Mapping[Level, Axis],
    label_axes: Mapping[str, Axis],
) -> xr.Variable:
    """Return one matrix; the values of a column lie together in memory, as they are filled and mostly read."""
    dim = MATRICES[role]
    labels, units = label_axes[dim], unit_axes[level]
    stored = np.empty((len(labels.labels), len(units.labels)))
    filled = np.zeros(len(stored), dtype=bool)
    for one in holders:
        rows = labels.places[one.name]
        fill(one, role, units.places[one.name], rows, stored)
        filled[rows] = True
    stored[~filled] = np.nan
    sources = SEPARATOR.join(one.name for one in holders)
    attrs = {"long_name": f"columns of role {role}", "kind": "matrix", "role": role, "source": sources}
    return xr.Variable((level, dim), stored.T, attrs)


def own_variables(one: Loaded, unit_axes: Mapping[Level, Axis]) -> dict[str, xr.Variable]:
    """Return the columns of a table that are variables of their own."""
    level = one.units.level
    axis = unit_axes[level]
    places = axis.places[one.name]
    variables = {}
    for name in one.own_variables():
        column = one.held[name]
        dtype = column.values.dtype
        values = np.full(
            len(axis.labels), np.array("NaT", dtype) if dtype.kind in "mM" else NOTHING[column.kind], dtype
        )
        values[places[places >= 0]] = column.values[places >= 0]
        attrs = {"long_name": name, "kind": column.kind, "role": one.taken[name], "source": one.name, **column.attrs}
        if name in one.source.units:
            attrs["units"] = one.source.units[name]
        variables[name] = xr.Variable(level, store(values) if values.dtype == object else values, attrs)
    return variables


def encoded_variables(
    one: Loaded, unit_axes: Mapping[Level, Axis], label_axes: Mapping[str, Axis]
) -> dict[str, xr.Variable]:
    """Return the variables of a Dataset, along the cohort's dims.

    Raises
    ------
    TableError
        A value is infinite.
    """
    assert one.encoded is not None
    axes = {**label_axes, **unit_axes}
    variables = {}
    for name, variable in one.encoded.data_vars.items():
        _refuse_infinite(one, str(name), variable)
        laid = lay(variable.variable, one.name, axes)
        units = {"units": one.source.units[str(name)]} if name in one.source.units else {}
        role = one.source.roles.get(str(name), one.source.role)
        variables[str(name)] = xr.Variable(
            laid.dims, laid.values, {**laid.attrs, **units, "kind": "array", "role": role, "source": one.name}
        )
    return variables


def _refuse_infinite(one: Loaded, name: str, variable: xr.DataArray) -> None:
    infinite = np.isinf(variable.values) if variable.dtype.kind in "fc" else np.zeros(0, dtype=bool)
    if not infinite.any():
        return
    at = np.argwhere(infinite)
    cells = [
        ", ".join(
            f"{dim} {variable.indexes[dim][place] if dim in variable.indexes else place}"
            for dim, place in zip(variable.dims, where, strict=True)
        )
        for where in at[:MOST_LISTED]
    ]
    raise TableError(
        f"{one.units.where}, variable {name!r}: {len(at)} values are infinite: {'; '.join(cells)}"
        f"{' and more' if len(at) > MOST_LISTED else ''}. Expected finite numbers; write NaN where there is none"
    )


def label_coordinates(label_axes: Mapping[str, Axis], loaded: Sequence[Loaded]) -> dict[str, tuple[str, np.ndarray]]:
    """Return the labels of features, genes and their kin, of which sources they are, and units where they are known."""
    coords = {}
    for dim, axis in label_axes.items():
        # A dim without labels in its only source has none in the cohort either.
        if dim in MATRICES.values() or any(dim in one.encoded.indexes for one in loaded if one.encoded is not None):
            labels = axis.labels.to_numpy()
            coords[dim] = (dim, labels.astype(str) if labels.dtype.kind in "OTU" else labels)
            coords[f"{dim}_source"] = (dim, axis.holders())
        given = {label: unit for one in loaded if one.encoded is None for label, unit in one.source.units.items()}
        if dim in MATRICES.values() and given.keys() & set(axis.labels):
            coords[f"{dim}_units"] = (dim, np.array([given.get(label, "") for label in axis.labels]))
    return coords
