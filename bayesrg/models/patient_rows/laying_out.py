"""A table laid out for an association: outcome, predictors, covariates, groups and weights, and who was left out."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.design import read_numbers, require_column
from bayesrg.errors import DesignError, TableError, list_some
from bayesrg.models.covariates import CovariateFormula, build_covariates, read_formula
from bayesrg.models.patient_rows.cells import read_column, with_text_names
from bayesrg.models.patient_rows.complete_rows import drop_incomplete, label_rows
from bayesrg.models.patient_rows.confounding import find_confounding, refuse_collinear
from bayesrg.models.patient_rows.covariate_sources import keep_sources
from bayesrg.models.patient_rows.endpoints import outcome_label, read_endpoint
from bayesrg.models.patient_rows.group_levels import add_groups
from bayesrg.models.patient_rows.predictor_columns import add_predictors, read_predictors, standardise
from bayesrg.radiomics.foreign import unit_of
from bayesrg.transformation import Scale

Direction = Literal["genome on image", "image on genome"]


def lay_out_association(
    table: pd.DataFrame,
    family: str,
    *,
    outcome: str,
    predictors: Sequence[str],
    formula: str | None,
    groups: Sequence[str],
    weights: str | None,
    exposure: str | None,
    patient: str | None,
    categories: Sequence[Any] | None,
    reference: Mapping[str, Any],
    scale: Scale,
    direction: Direction | None,
    units: Mapping[str, str],
) -> xr.Dataset:
    """Lay out a table, a row a patient, as `Association.prepare` says."""
    table = with_text_names(table)
    extra = [name for name in (weights, exposure) if name is not None]
    for column in [outcome, *predictors, *groups, *extra]:
        require_column(table, column)
    _check_roles(outcome, predictors, groups, extra)
    _check_options(table, family, outcome, predictors, exposure, reference, direction, units)
    if patient is not None and patient != table.index.name:
        require_column(table, patient)
    parsed = None
    if formula is not None and formula.strip():
        parsed = read_formula(formula, list(table.columns), outcome=outcome, predictors=predictors)
        _refuse_groups_in_formula(parsed, groups)
    covariates = () if parsed is None else parsed.columns
    cautions = _find_parts(table, groups)
    table = table.set_axis(label_rows(table, patient), axis=0)
    table, dropped = drop_incomplete(table, [outcome, *predictors, *covariates, *groups, *extra], weights)
    endpoint = read_endpoint(table, outcome, family, categories=categories, scale=scale)
    own = read_predictors(table, predictors, reference)
    data = xr.Dataset(
        {"value": ("patient", endpoint.value)},
        coords={"patient": table.index.to_numpy(dtype=str)},
        attrs={
            "outcome": outcome,
            "predictors": json.dumps(list(predictors)),
            "family": family,
            "formula": "" if parsed is None else parsed.text,
            "direction": direction or "",
            "unit": units.get(outcome, unit_of(outcome)) if family in ("gaussian", "student_t") else "",
            "predictor_units": json.dumps({name: units.get(name, unit_of(name)) for name in own.columns}),
            "dropped": json.dumps(dropped),
            "coding": json.dumps(own.coding),
            "reference": json.dumps(
                {
                    name: outcome_label(level) if name == outcome else own.coding[name]["reference"]
                    for name, level in reference.items()
                }
            ),
            **endpoint.attributes,
        },
    )
    if endpoint.categories is not None:
        data = _add_categories(data, endpoint.categories, reference.get(outcome))
    data = add_predictors(data, own.columns)
    data = _add_covariates(data, parsed, table)
    refuse_collinear(data)
    data = add_groups(data, table, groups)
    data = data.assign_attrs(cautions=json.dumps(cautions + find_confounding(data, own.origin)))
    data["weight"] = "patient", np.ones(len(table)) if weights is None else read_positive(table, weights)
    if family != "negative_binomial":
        return data.assign(offset=("patient", np.zeros(len(table))))
    # Log of the count to be expected of each row at the cohort's own rate.
    exposed = np.ones(len(table)) if exposure is None else read_positive(table, exposure)
    rate = float(endpoint.value.sum() / exposed.sum())
    data["offset"] = "patient", np.log(exposed) + np.log(endpoint.value.sum() / exposed.sum())
    return data.assign_attrs(exposure=exposure or "", rate=rate)


def read_positive(table: pd.DataFrame, column: str) -> np.ndarray:
    """A complete column as positive floats (row).

    Raises
    ------
    TableError
        For other values, with the first row.
    """
    value = read_numbers(table, column)
    if (value <= 0).any():
        row = table.index[int(np.flatnonzero(value <= 0)[0])]
        raise TableError(
            f"column {column!r}, row {row}: {value[value <= 0][0]:g} ({int((value <= 0).sum())} such row(s)); it must "
            "be positive"
        )
    return value


def _check_roles(outcome: str, predictors: Sequence[str], groups: Sequence[str], extra: Sequence[str]) -> None:
    """Refuse models without predictors, and columns in two roles of which the one leaves nothing to the other."""
    if not predictors:
        raise TypeError("name at least one predictor: an association is of two things")
    named = [outcome, *predictors, *groups]
    twice = [name for name in dict.fromkeys(named) if named.count(name) > 1]
    twice += [name for name in dict.fromkeys(extra) if name in (outcome, *groups)]
    if twice:
        raise TableError(
            f"{list_some(twice, show=repr)} is named twice among outcome, predictors, groups, weights and exposure: a "
            "column that is one of them explains nothing as another"
        )


def _check_options(
    table: pd.DataFrame,
    family: str,
    outcome: str,
    predictors: Sequence[str],
    exposure: str | None,
    reference: Mapping[str, Any],
    direction: Direction | None,
    units: Mapping[str, str],
) -> None:
    """Refuse options that the family does not have, and words and names that mean nothing."""
    if exposure is not None and family != "negative_binomial":
        raise TypeError(f"exposure={exposure!r}: only counts (family 'negative_binomial') have an exposure")
    if direction is not None and direction not in get_args(Direction):
        raise TypeError(f"direction is {' or '.join(map(repr, get_args(Direction)))}; got {direction!r}")
    unknown = sorted(set(reference) - {outcome, *predictors})
    if unknown:
        raise TypeError(f"reference names {list_some(unknown)}, which are neither the outcome nor a predictor")
    if outcome in reference and family != "categorical":
        raise TypeError(
            f"reference names the outcome {outcome!r}, and only outcomes of family 'categorical' have one; the order "
            "of other categories is said by categories="
        )
    strange = sorted(set(units) - set(table.columns))
    if strange:
        raise TableError(f"units are given for {list_some(strange, show=repr)}, but the table has no such column")


def _refuse_groups_in_formula(formula: CovariateFormula, groups: Sequence[str]) -> None:
    both = [name for name in groups if name in formula.columns]
    if both:
        raise DesignError(
            f"{list_some(both, show=repr)} is a group and in the formula {formula.text!r}: its levels would have two "
            "effects each, which nothing can tell apart; take it out of one of them"
        )


def _find_parts(table: pd.DataFrame, groups: Sequence[str]) -> list[str]:
    """A warning where rows are tumours or regions of a cohort's patients, and nothing says that they are alike."""
    level = table.index.name
    if level not in ("tumor", "region") or "patient" not in table.columns or "patient" in groups:
        return []
    patients = int(read_column(table, "patient").nunique())
    if patients == len(table):
        return []
    return [
        f"the {len(table)} rows of the cohort are {level}s of {patients} patients, and rows of one patient are alike: "
        "without group='patient' posteriors are too narrow"
    ]


def _add_categories(data: xr.Dataset, categories: np.ndarray, reference: Any) -> xr.Dataset:
    labels = [outcome_label(category) for category in categories]
    if data.attrs["family"] in ("ordinal", "rank"):
        shown = [str(category) for category in categories]
        borders = [f"{low}|{high}" for low, high in pairwise(shown)]
        data = data.assign_coords(cutpoint=np.array(borders, dtype=str), gap=np.array(shown[1:-1], dtype=str))
    elif reference is not None and outcome_label(reference) not in labels:
        raise TableError(f"reference {reference!r} of the outcome is none of its categories: {list_some(labels)}")
    return data.assign_coords(category=categories)


def _add_covariates(data: xr.Dataset, formula: CovariateFormula | None, table: pd.DataFrame) -> xr.Dataset:
    """Columns of the covariates' design, and the columns of the table that it was made of, to make it again."""
    if formula is None:
        return data.assign_coords(covariate=np.array([], dtype=str)).assign(
            covariates=(("patient", "covariate"), np.zeros((len(table), 0))),
            covariate_location=("covariate", np.zeros(0)),
            covariate_scale=("covariate", np.zeros(0)),
        )
    built = build_covariates(formula, table)
    standardised, location, scale, _ = standardise(built.design)
    coding = json.loads(data.attrs["coding"]) | dict(built.coding)
    data = data.assign_coords(covariate=np.array(built.design.columns, dtype=str)).assign(
        covariates=(("patient", "covariate"), standardised),
        covariate_location=("covariate", location),
        covariate_scale=("covariate", scale),
    )
    return keep_sources(
        data.assign_attrs(coding=json.dumps(coding)), {name: read_column(table, name) for name in formula.columns}
    )
