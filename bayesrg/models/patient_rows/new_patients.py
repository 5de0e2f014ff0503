"""New patients laid out as those of a fit were, from nothing but the fit and their table."""

import json

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort.flattening import to_table
from bayesrg.design import read_numbers, require_column
from bayesrg.errors import TableError, list_some
from bayesrg.models.covariates import apply_covariates, read_formula
from bayesrg.models.patient_rows.cells import labels_of, read_column, with_text_names
from bayesrg.models.patient_rows.complete_rows import label_rows
from bayesrg.models.patient_rows.covariate_sources import restore_sources
from bayesrg.models.patient_rows.laying_out import read_positive
from bayesrg.models.patient_rows.predictor_columns import indicate


def lay_out_new_rows(table: pd.DataFrame | xr.Dataset, data: xr.Dataset, patient: str | None = None) -> xr.Dataset:
    """Predictors, covariates and groups of new patients, on the scales of the fit.

    Parameters
    ----------
    table : with the columns of predictors, covariates and groups; or a cohort
    data : Dataset of `Association.prepare`
    patient : column of labels; None takes the table's index

    Returns
    -------
    Dataset with `predictor`, `covariates`, `group_index`, `level_grouping` (levels never fitted come last), `weight`
    and `offset`: of counts by the new patients' exposure, or, where the table does not have its column, by that of the
    average patient of the fit.

    Raises
    ------
    TableError
        For absent columns, missing values, levels of predictors and covariates that were never fitted, and labels that
        stand twice.
    """
    table = with_text_names(to_table(table) if isinstance(table, xr.Dataset) else table)
    if patient is not None and patient != table.index.name:
        require_column(table, patient)
    table = table.set_axis(label_rows(table, patient), axis=0)
    columns = _read_new_predictors(table, data)
    new = xr.Dataset(
        {
            "predictor": (
                ("patient", "term"),
                (columns - data["predictor_location"].values) / data["predictor_scale"].values,
            ),
            "covariates": (("patient", "covariate"), _read_new_covariates(table, data)),
        },
        coords={
            "patient": table.index.to_numpy(dtype=str),
            "term": data["term"].values,
            "covariate": data["covariate"].values,
        },
    )
    new = _add_new_levels(new, table, data)
    return new.assign(weight=("patient", np.ones(len(table))), offset=("patient", _read_new_offset(table, data)))


def _read_new_predictors(table: pd.DataFrame, data: xr.Dataset) -> np.ndarray:
    coding = json.loads(data.attrs["coding"])
    columns = []
    for name in json.loads(data.attrs["predictors"]):
        column = _read_complete(table, name)
        if name not in coding:
            columns.append(read_numbers(column.to_frame(), name))
            continue
        own = labels_of(column)
        strange = sorted(set(own) - set(coding[name]["levels"]))
        if strange:
            raise TableError(
                f"column {name!r} has {list_some(strange)}, never fitted; known are {list_some(coding[name]['levels'])}"
            )
        columns += indicate(own, name, coding[name]).values()
    return np.stack(columns, axis=1)


def _read_new_covariates(table: pd.DataFrame, data: xr.Dataset) -> np.ndarray:
    if not data.attrs["formula"]:
        return np.zeros((len(table), 0))
    training = restore_sources(data)
    new = pd.DataFrame({name: _read_complete(table, str(name)) for name in training})
    formula = read_formula(
        data.attrs["formula"],
        list(training.columns),
        outcome=data.attrs["outcome"],
        predictors=json.loads(data.attrs["predictors"]),
    )
    design = apply_covariates(formula, training, new)
    return (design.to_numpy(float) - data["covariate_location"].values) / data["covariate_scale"].values


def _add_new_levels(new: xr.Dataset, table: pd.DataFrame, data: xr.Dataset) -> xr.Dataset:
    """The new rows' levels; those that were never fitted follow the fitted ones, grouping by grouping."""
    levels, grouping = [str(level) for level in data["level"].values], [*data["level_grouping"].values]
    index = []
    for number, name in enumerate(map(str, data["grouping"].values)):
        labels = [f"{name}: {label}" for label in labels_of(_read_complete(table, name))]
        places = {level: place for place, level in enumerate(levels) if grouping[place] == number}
        for label in labels:
            if label not in places:
                places[label] = len(levels)
                levels.append(label)
                grouping.append(number)
        index.append([places[label] for label in labels])
    return new.assign_coords(grouping=data["grouping"].values, level=np.array(levels, dtype=str)).assign(
        group_index=(("patient", "grouping"), np.array(index, dtype=int).reshape(len(index), len(table)).T),
        level_grouping=("level", np.array(grouping, dtype=int)),
    )


def _read_new_offset(table: pd.DataFrame, data: xr.Dataset) -> np.ndarray:
    exposure = data.attrs.get("exposure", "")
    if exposure and exposure in table.columns:
        exposed = read_positive(_read_complete(table, exposure).to_frame(), exposure)
        return np.log(exposed) + np.log(data.attrs["rate"])
    return np.full(len(table), float(np.log(np.exp(data["offset"].values).mean())))


def _read_complete(table: pd.DataFrame, name: str) -> pd.Series:
    """A column without missing values."""
    require_column(table, name)
    column = read_column(table, name)
    missing = np.asarray(column.isna(), dtype=bool)
    if missing.any():
        raise TableError(
            f"column {name!r} is missing in {int(missing.sum())} new row(s): {list_some(table.index[missing])}; a "
            "prediction needs it"
        )
    return column
