"""Many features of one design: laid out side by side, those that cannot be modelled left out with their reasons."""

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayesrg.design import confounded
from bayesrg.errors import TableError
from bayesrg.models.calibrated_levels import transform_levels
from bayesrg.models.layout import Layout
from bayesrg.radiomics.foreign import family_of, unit_of
from bayesrg.transformation import transform

SAME = 1e-9  # of a feature's sd: what arithmetic leaves of equal values


def add_features(
    design: xr.Dataset,
    values: Mapping[str, np.ndarray],
    unreadable: Mapping[str, str],
    units: Mapping[str, str],
    families: Mapping[str, str],
) -> xr.Dataset:
    """The design with the values of its features, on the model's scale.

    Parameters
    ----------
    design : Dataset with `<component>_index` (measurement), the coordinate `component`, and the attribute
        `transformation`
    values : feature -> shape (measurement,), NaN where it is missing
    unreadable : feature -> why it was not read; it is left out
    units, families : feature -> unit and family; those of the register stand for features that they do not name

    Returns
    -------
    Dataset with `value` (measurement, feature), with the coordinates `unit`, `family`, `location` and `scale` along
    `feature`, and the reasons of features that were left out in the attribute `left_out` (JSON). Where levels are
    calibrated, `level_location` and `level_scale` (feature, level) stand for `location` and `scale`.

    Raises
    ------
    TableError
        If every feature has to be left out.
    """
    layout = Layout(design)
    levels = {name: layout.levels(name) for name in layout.components}
    facet = layout.calibrated
    own_level = None if facet is None else layout.levels(facet)
    left_out = dict(unreadable)
    laid_out, transformations = {}, {}
    reasons: dict[bytes, str] = {}  # by missing rows: many features lack the same
    for feature, value in values.items():
        given = ~np.isnan(value)
        key = given.tobytes()
        if key not in reasons:
            reasons[key] = "" if given.all() else _explain_gaps(levels, given, own_level)
        if reasons[key]:
            left_out[feature] = reasons[key]
            continue
        try:
            if facet is None or own_level is None:
                transformed, own = transform(value[given], design.attrs["transformation"], feature)
            else:
                level, labels = own_level[given], design[facet].values
                transformed, own = transform_levels(
                    value[given], design.attrs["transformation"], feature, level, labels, facet
                )
        except TableError as problem:
            left_out[feature] = str(problem)
            continue
        transformations[feature] = own
        laid_out[feature] = np.full(value.size, np.nan)
        laid_out[feature][given] = transformed
    if not laid_out:
        raise TableError("; ".join(left_out.values())[:1000])
    if left_out:
        shown = "; ".join(f"{name}: {reason}" for name, reason in list(left_out.items())[:3])
        warnings.warn(
            f"{len(left_out)} of {len(left_out) + len(laid_out)} features are left out: {shown}"
            f"{'; …' if len(left_out) > 3 else ''} (all reasons: data.attrs['left_out'])",
            stacklevel=3,
        )
    names = list(laid_out)
    prefix, dims = ("", ("feature",)) if facet is None else ("level_", ("feature", facet))
    remembered: dict[str, Any] = {
        f"{prefix}location": (dims, np.array([transformations[name].location for name in names])),
        f"{prefix}scale": (dims, np.array([transformations[name].scale for name in names])),
    }
    return (
        design.assign(value=(("measurement", "feature"), np.column_stack(list(laid_out.values()))))
        .assign_coords(
            feature=names,
            unit=("feature", [units.get(name, unit_of(name)) for name in names]),
            family=("feature", [families.get(name, family_of(name)) for name in names]),
            **remembered,
        )
        .assign_attrs(left_out=json.dumps(left_out))
    )


def _explain_gaps(levels: Mapping[str, np.ndarray], given: np.ndarray, means: np.ndarray | None) -> str:
    """Why the rows that a feature has are too few for the components of the design; empty where they are not."""
    if given.sum() < 3:
        return f"it has {int(given.sum())} value(s)"
    rows = {name: own[given] for name, own in levels.items()} | {"residual": np.arange(int(given.sum()))}
    names = confounded(rows, None if means is None else means[given])
    if not names:
        return ""
    return (
        f"in the {int(given.sum())} rows that have it, {', '.join(names)} cannot be told apart (or have one level): "
        "fit it without them"
    )


def find_repeats(data: xr.Dataset) -> list[str]:
    """Cautions about features that some facet does not change at all: their residual is the rounding of numbers.

    Shape does not depend on how intensities were processed, for instance. The likelihood of such a feature grows
    without bound as the variances of that facet and of the residual go to zero: their posterior is about nothing.
    """
    columns = json.loads(data.attrs["columns"])
    value = data["value"] if "feature" in data.dims else data["value"].expand_dims(feature=[data.attrs["feature"]])
    values, names = value.transpose("measurement", "feature").values, value["feature"].values.astype(str)
    found = []
    for facet in (role for role in columns if role != "subject" and f"{role}_index" in data):
        others = [data[f"{role}_index"].values for role in columns if role != facet and f"{role}_index" in data]
        _, cell = np.unique(np.column_stack(others), axis=0, return_inverse=True)
        order = np.argsort(cell.ravel(), kind="stable")
        first = np.flatnonzero(np.diff(cell.ravel()[order], prepend=-1))
        ordered = values[order]
        spread = np.fmax.reduceat(ordered, first) - np.fmin.reduceat(ordered, first)
        compared = np.add.reduceat(~np.isnan(ordered), first) > 1
        same = np.where(compared, spread, 0.0).max(axis=0) < SAME
        exact = names[same & compared.any(axis=0)]
        if exact.size:
            shown = ", ".join(exact[:5]) + (", …" if exact.size > 5 else "")
            found.append(
                f"{exact.size} feature(s) have the same value at every {facet}, to the last digits ({shown}): the "
                f"variances of {facet} and of the residual are those of rounding. Fit these without the {facet} column"
            )
    return found
