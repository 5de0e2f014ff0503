"""`join`: imaging, genomes and clinical tables in one Dataset that loses nobody."""

import json
import warnings
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import xarray as xr

from bayesrg.cohort.arranging import (
    check_variable_names,
    encoded_variables,
    fill_matrix,
    join_label_axes,
    label_coordinates,
    own_variables,
    plan_matrices,
)
from bayesrg.cohort.axes import check_levels, join_units, unit_coordinates
from bayesrg.cohort.encoded import join_coordinates
from bayesrg.cohort.flow import Step, count_units, with_steps
from bayesrg.cohort.loading import Loaded, load, recognise
from bayesrg.cohort.matching import Identifiers, match, read_identifiers
from bayesrg.cohort.source import Source, check_sources
from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.history import step, with_step

NOT_ENROLLED = "not among the patients enrolled"

# Share of the patients that two sources could have in common; fewer are a matter for a warning.
HARDLY = 0.1


def join(
    sources: Mapping[str, Source],
    *,
    patients: Collection[str] | None = None,
    outside: Literal["refuse", "leave out"] = "refuse",
    identifiers: Identifiers | None = None,
    unmatched_tumors: Literal["refuse", "keep"] = "refuse",
) -> xr.Dataset:
    """Return the tables of a study as one Dataset that loses nobody.

    Patients are the union of all sources, in the order of their labels, so that the order of rows says nothing; so are
    tumours and regions, if a source has them. Nothing is repeated down the levels: a patient's age stays over
    ``patient``. What a source does not say of a patient is missing (NaN, NaT, and ``""`` for text) and counted by
    `missing_by_variable`, `missing_by_patient` and `membership`.

    Parameters
    ----------
    sources
        The tables by name.
    patients
        Those enrolled, where there is a list: they alone are joined, also if no source has them. TCGA barcodes of
        samples are taken for their patients, here and in ``identifiers``.
    outside
        What becomes of patients outside that list: ``"refuse"``, or ``"leave out"``, which counts them in the flow.
    identifiers
        What is meant by labels that differ between sources: a mapping from the label found to the one meant, or a table
        or file with the columns ``found``, ``meant`` and possibly ``source``; `suggest_identifiers` writes one. People
        whose labels look alike are told apart by mapping every label of them to itself. It is kept in the attribute
        ``identifiers``.
    unmatched_tumors
        What becomes of a tumour that one source knows and another, which has tumours of that patient, does not.

    Returns
    -------
    xarray.Dataset
        Numbers of role imaging are one matrix ``imaging`` (unit, feature), those of role genome ``genome`` (unit,
        gene), with the coordinates ``feature_source`` and ``gene_source``; where a role has columns at several levels,
        the matrices are ``imaging_patient``, ``imaging_region`` and so on. Text, and columns of other roles, are
        variables of their own; those of encoded Datasets keep their names, over the union of their genes. Numbers and
        truth values are float64 (a variable's attribute ``kind`` says which). ``present`` (patient, source) says who is
        in which source. Each variable has the attributes ``role`` and ``source``, and ``units`` where they are known.

    Raises
    ------
    TableError
        Labels look alike and may mean the same; a unit has two rows in a source; a column is absent, has the name of
        another source's column, or holds what it must not. The message names source, row, column and patient.
    SettingsError
        An option is unknown, or a source is no `Source`.

    Warns
    -----
    UserWarning
        Sources, or groups of them, share no patient with the others, or a source fewer than 10 % of those it could;
        patients of two sources have regions in both and none in common; numbers have a decimal comma and stay text.

    Examples
    --------
    >>> import pandas as pd
    >>> shape = pd.DataFrame({"patient": ["P2", "P1"], "volume": [4.5, 8.1]})
    >>> imaging = Source(shape, "imaging", units={"volume": "mL"})
    >>> clinical = Source(pd.DataFrame({"patient": ["P1", "P3"], "age": [50, 61]}), "clinical")
    >>> cohort = join({"imaging": imaging, "clinical": clinical})
    >>> cohort["imaging"].sel(feature="volume").values.tolist(), cohort["age"].values.tolist()
    ([8.1, 4.5, nan], [50.0, nan, 61.0])
    >>> cohort["present"].sel(patient="P3").values.tolist()
    [False, True]
    """
    check_sources(sources)
    for option, given, permitted in (
        ("outside", outside, ("refuse", "leave out")),
        ("unmatched_tumors", unmatched_tumors, ("refuse", "keep")),
    ):
        if given not in permitted:
            raise SettingsError(f"{option} is {given!r}; expected {' or '.join(map(repr, permitted))}")
    meanings = read_identifiers(identifiers, list(sources))
    loaded = [load(name, source) for name, source in sources.items()]
    units, enrolled, used = match([one.units for one in loaded], meanings, patients)
    loaded = [replace(one, units=own) for one, own in zip(loaded, units, strict=True)]
    for one in units:
        one.refuse_duplicates()
    check_levels(units, keep_tumors=unmatched_tumors == "keep")
    _check_enrolled(enrolled)
    strangers = sorted(set().union(*(one.patients for one in units)) - set(enrolled)) if enrolled is not None else []
    if strangers and outside == "refuse":
        holders = [one.where for one in units if set(strangers) & set(one.patients)]
        raise TableError(
            f"{len(strangers)} patients are not in the list of those enrolled: {list_some(strangers)} (in "
            f"{list_some(holders)}); add them to patients=, or give outside='leave out'"
        )
    _warn_of_strangers(loaded)
    loaded = [recognise(one) for one in loaded]

    unit_axes = join_units(units, enrolled)
    matrices = plan_matrices(loaded)
    check_variable_names(loaded, matrices, unit_axes)
    label_axes = join_label_axes(loaded, matrices)
    variables: dict[str, xr.Variable] = {}
    for name, (role, level, holders) in matrices.items():
        variables[name] = fill_matrix(role, level, holders, unit_axes, label_axes)
    for one in loaded:
        variables |= (
            encoded_variables(one, unit_axes, label_axes) if one.encoded is not None else own_variables(one, unit_axes)
        )

    coords: dict[str, Any] = dict(unit_coordinates(unit_axes, units))
    encoded = {one.name: one.encoded for one in loaded if one.encoded is not None}
    coords |= join_coordinates(encoded, {**label_axes, **unit_axes}, coords)
    coords |= label_coordinates(label_axes, loaded)
    present = np.zeros((len(unit_axes["patient"].labels), len(loaded)), dtype=bool)
    for place, one in enumerate(loaded):
        rows = unit_axes["patient"].places[one.name]
        present[rows[rows >= 0], place] = True
    coords["source"] = ("source", np.array([one.name for one in loaded]))
    about = {"long_name": "whether the source has the patient", "units": "1"}
    variables["present"] = xr.Variable(("patient", "source"), present, about)

    cohort = xr.Dataset(variables, coords).assign_attrs(identifiers=json.dumps(used, ensure_ascii=False), left_out="[]")
    if strangers:
        own = [set(one.patients) for one in units]
        rows = [{"patient": who, "why": NOT_ENROLLED, "present": [who in had for had in own]} for who in strangers]
        cohort.attrs["left_out"] = json.dumps(rows, ensure_ascii=False)
    steps = [Step(one.name, {level: len(set(one.units.labels(level))) for level in one.units.parts}) for one in loaded]
    left_out = ((NOT_ENROLLED, len(strangers)),) if strangers else ()
    cohort = with_steps(cohort, *steps, Step("joined", count_units(cohort), left_out))
    told = {"sources": [one.name for one in loaded], "units": count_units(cohort), "identifiers_mapped": len(used)}
    return with_step(cohort, step("join", None, **told), *encoded.values())


def _check_enrolled(enrolled: Sequence[str] | None) -> None:
    if enrolled is not None and len(set(enrolled)) < len(enrolled):
        twice = sorted(who for who, count in Counter(enrolled).items() if count > 1)
        raise TableError(
            f"{len(twice)} patients stand twice in the list of those enrolled: {list_some(twice)}; keep each once"
        )


def _warn_of_strangers(loaded: Sequence[Loaded]) -> None:
    """Warn of sources that have nobody, or hardly anybody, in common: their labels are likely to be of other kinds."""
    own = {one.name: set(one.units.patients) for one in loaded}
    groups: list[tuple[list[str], set[str]]] = []
    for name, patients in own.items():
        met = [group for group in groups if group[1] & patients]
        names = [other for group in met for other in group[0]]
        groups = [group for group in groups if group not in met]
        groups.append(([*names, name], patients.union(*(group[1] for group in met))))
    if len(groups) > 1:
        examples = "; ".join(f"{names[0]!r} has {list_some(sorted(own[names[0]])[:2])}" for names, _ in groups[:4])
        alone = [repr(names[0]) for names, _ in groups if len(names) == 1]
        if len(alone) >= len(groups) - 1:
            said = f"no patient of {list_some(alone)} is in any other source"
        else:
            parties = list_some([" with ".join(map(repr, names)) for names, _ in groups], between=" | ")
            said = f"the sources fall into {len(groups)} groups that share no patient: {parties}"
        warnings.warn(
            f"{said}: {examples}. Is patient= the right column, and are the labels of one kind?",
            stacklevel=3,
        )
    apart, strange = [], set()
    for names, _ in groups:
        for name in names if len(names) > 1 else ():
            others = set().union(*(own[other] for other in names if other != name))
            shared = len(own[name] & others)
            if shared < HARDLY * min(len(own[name]), len(others)):
                apart.append(f"{shared} of {len(own[name])} patients of {name!r}")
                strange |= own[name] - others
    if apart:
        warnings.warn(
            f"only {list_some(apart, between=' and ')} are in any other source; in one alone are "
            f"{list_some(sorted(strange))}. Are all labels of one kind?",
            stacklevel=3,
        )
