"""`restrict`: fewer patients for a reason, which is written into the cohort's flow."""

import json
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.flow import Step, check_cohort, count_units, with_steps
from bayesrg.cohort.labels import read_list
from bayesrg.cohort.missingness import in_rows, is_missing, own_part
from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.history import step, with_step
from bayesrg.samples import LEVELS, Level

UNMET = "condition not met"


def restrict(
    cohort: xr.Dataset,
    *,
    reason: str,
    sources: Sequence[str] | None = None,
    variables: Sequence[str] | None = None,
    patients: Collection[str] | None = None,
    where: xr.DataArray | pd.Series | None = None,
) -> xr.Dataset:
    """Return the patients of a cohort who meet every condition, and count the others in its flow.

    Tumours and regions of patients who leave go with them. A patient who fails several conditions is counted at the
    first, in the order of the parameters.

    Parameters
    ----------
    cohort
        What `join` or `restrict` returned.
    reason
        Why, in the words of a flow diagram.
    sources
        The patient must be in each of these tables.
    variables
        No value of these may be missing: variables, or columns of the matrices. Of a variable over tumours or regions,
        the patient must have a value at least, and all tumours or regions must.
    patients
        The patient must be one of these.
    where
        True for those who stay: over ``patient``, or a Series by patient. Over ``tumor`` or ``region``, the other units
        leave and their patients stay, also without any (`membership` then says that none is left).

    Returns
    -------
    xarray.Dataset
        The cohort with fewer units and a further step, whose counts of those left out are patients; units that left
        while their patient stayed are told in the reason (see `Step`).

    Raises
    ------
    TableError
        A name is not in the cohort, or ``where`` does not lie along its units.
    SettingsError
        There is no condition or no reason, or an option is no list.

    Examples
    --------
    >>> from bayesrg.cohort.joining import join
    >>> from bayesrg.cohort.source import Source
    >>> table = pd.DataFrame({"patient": ["P1", "P2"], "age": [50, None]})
    >>> cohort = restrict(join({"clinical": Source(table, "clinical")}), variables=["age"], reason="age known")
    >>> cohort["patient"].values.tolist()
    ['P1']
    """
    check_cohort(cohort)
    if not reason.strip():
        raise SettingsError("the reason is empty; say why patients are left out, for the flow diagram")
    for option, given in (("sources", sources), ("variables", variables)):
        if given is not None and (isinstance(given, str) or not len(given)):
            raise SettingsError(f"{option} is {given!r}; expected a list of at least one name")
    if sources is None and variables is None and patients is None and where is None:
        raise SettingsError("there is no condition; give sources=, variables=, patients= or where=")
    conditions = [(f"not in {source}", _in_source(cohort, source)) for source in sources or ()]
    conditions += [(f"{name} missing", _is_complete(cohort, name)) for name in variables or ()]
    if patients is not None:
        conditions.append(("not in the list of patients", _in_list(cohort, patients)))
    units = _along_units(cohort, where) if where is not None else None
    if units is not None and units[0] == "patient":
        conditions.append((UNMET, units[1]))
    stay = np.ones(cohort.sizes["patient"], dtype=bool)
    left_out, gone = [], json.loads(cohort.attrs["left_out"])
    labels, present = cohort["patient"].values, cohort["present"].transpose("patient", "source").values
    for why, met in conditions:
        leave = np.flatnonzero(stay & ~met)
        stay &= met
        if len(leave):
            left_out.append((why, len(leave)))
            gone += [
                {"patient": str(labels[row]), "why": f"{reason} ({why})", "present": present[row].tolist()}
                for row in leave
            ]
    kept = _keep_patients(cohort, stay)
    if units is not None and units[0] != "patient":
        staying = pd.Index(cohort[units[0]].values[units[1]])
        before = count_units(kept)
        kept = _keep_units(kept, units[0], np.isin(kept[units[0]].values, staying))
        left_out += _tell_units(before, count_units(kept), units[0])
    kept = with_steps(kept, Step(reason, count_units(kept), tuple(left_out)))
    kept = kept.assign_attrs(left_out=json.dumps(gone, ensure_ascii=False))
    return with_step(kept, step("restrict", reason=reason, units=count_units(kept)), cohort)


def _in_source(cohort: xr.Dataset, source: str) -> np.ndarray:
    known = [str(name) for name in cohort["source"].values]
    if source not in known:
        raise TableError(f"the cohort has no source {source!r}; it has {list_some(known)}")
    return cohort["present"].transpose("patient", "source").values[:, known.index(source)]


def _in_list(cohort: xr.Dataset, patients: Collection[str]) -> np.ndarray:
    labels, listed = cohort["patient"].values, read_list(patients, "patients")
    unknown = sorted(set(listed) - set(labels.tolist()))
    if unknown:
        raise TableError(
            f"{len(unknown)} of the patients to keep are not in the cohort: {list_some(unknown)}; correct the list"
        )
    return np.isin(labels, listed)


def _is_complete(cohort: xr.Dataset, name: str) -> np.ndarray:
    """Return for each patient whether there is a value and none is missing."""
    values = find_variable(cohort, name)
    level: Level = next(level for level in LEVELS if level in values.dims)
    array = values.transpose(level, ...).values
    complete = ~in_rows(is_missing(array)).any(axis=1)
    if level == "patient":
        return complete
    whole = pd.Series(complete).groupby(cohort[f"{level}_patient"].values).all()
    return whole.reindex(cohort["patient"].values, fill_value=False).to_numpy(dtype=bool)


def find_variable(cohort: xr.Dataset, name: str) -> xr.DataArray:
    """Return a variable of a cohort, or a column of one of its matrices, by name.

    Raises
    ------
    TableError
        There is none of that name over patients, tumours or regions.
    """
    if name in cohort.data_vars and any(level in cohort[name].dims for level in LEVELS):
        return own_part(cohort[name])
    for matrix in cohort.data_vars.values():
        if matrix.attrs.get("kind") == "matrix":
            dim = str(next(dim for dim in matrix.dims if dim not in LEVELS))
            if name in own_part(matrix)[dim].values:
                return matrix.sel({dim: name})
    raise TableError(
        f"the cohort has no variable {name!r} over patients, tumours or regions, and no column of that name; it has "
        f"{list_some([str(variable) for variable in cohort.data_vars])}"
    )


def _along_units(cohort: xr.Dataset, where: xr.DataArray | pd.Series) -> tuple[Level, np.ndarray]:
    """Return the level of a condition, and whether each unit meets it, in the cohort's order."""
    if not isinstance(where, (xr.DataArray, pd.Series)):
        raise SettingsError(
            f"where is a {type(where).__name__}, which does not say whose each value is; expected a DataArray along a "
            "level of the cohort, or a Series with patients as its index"
        )
    if isinstance(where, pd.Series):
        given = xr.DataArray(where.to_numpy(), {"patient": where.index.astype(str)}, "patient")
    else:
        given = where
    level: Level | None = next((level for level in LEVELS if given.dims == (level,)), None)
    if level is None or level not in cohort.dims:
        raise TableError(
            f"where lies along {given.dims}; expected one of the cohort's "
            f"{list_some([d for d in LEVELS if d in cohort.dims])}"
        )
    if given.dtype != bool:
        raise TableError(
            f"where holds {given.dtype}; expected True for those who stay and False for the others, none missing"
        )
    if level not in given.indexes:
        raise TableError(f"where has no labels along {level}; assign the coordinate {level!r}")
    index = given.indexes[level]
    if not index.is_unique:
        twice = index[index.duplicated()].unique()
        raise TableError(
            f"where says something of {len(twice)} {level}s twice: {list_some(twice)}; expected one value for each"
        )
    places = index.get_indexer(pd.Index(cohort[level].values))
    if (places < 0).any():
        lacking = cohort[level].values[places < 0]
        raise TableError(
            f"where says nothing of {len(lacking)} units: {list_some(lacking.tolist())}; expected one value for each "
            f"{level}"
        )
    return level, given.values[places]


def _keep_patients(cohort: xr.Dataset, stay: np.ndarray) -> xr.Dataset:
    if stay.all():
        return cohort.copy()
    labels = cohort["patient"].values[stay]
    kept = cohort.isel(patient=np.flatnonzero(stay))
    for level in LEVELS[1:]:
        if level in kept.dims:
            kept = kept.isel({level: np.flatnonzero(np.isin(kept[f"{level}_patient"].values, labels))})
    return kept


def _tell_units(before: Mapping[str, int], after: Mapping[str, int], level: str) -> list[tuple[str, int]]:
    """Return how many tumours and regions left, for the flow, in which the number is that of patients."""
    told = []
    for part, n in before.items():
        gone = n - after[part]
        if gone:
            named = {"tumor": "tumour"}.get(part, part)
            why = UNMET if part == level else "their tumour left"
            told.append((f"{gone} {named}{'s' if gone > 1 else ''}: {why}", 0))
    return told


def _keep_units(cohort: xr.Dataset, level: str, stay: np.ndarray) -> xr.Dataset:
    """Return a cohort without some tumours, and the regions of these, or without some regions."""
    kept = cohort.isel({level: np.flatnonzero(stay)})
    if level == "tumor" and "region_tumor" in cohort.coords:
        pairs = set(zip(kept["tumor_patient"].values, kept["tumor_label"].values, strict=True))
        regions = zip(kept["region_patient"].values, kept["region_tumor"].values, strict=True)
        kept = kept.isel(region=np.flatnonzero([pair in pairs for pair in regions]))
    return kept
