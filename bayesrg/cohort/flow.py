"""The steps by which a cohort came about, kept in its attribute ``flow``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr

from bayesrg.errors import TableError, list_some
from bayesrg.samples import JOINT, LEVELS


@dataclass(frozen=True)
class Step:
    """One step of a cohort's flow.

    Attributes
    ----------
    title
        What happened: a source's name, ``"joined"``, or the reason of a restriction.
    counts
        How many units there are after it, by level.
    left_out
        Why patients left at this step, and how many for each reason. Tumours and regions that left while their patient
        stayed are told with 0 patients, and their number and level in the reason: ``"14 regions: condition not met"``.
    """

    title: str
    counts: Mapping[str, int]
    left_out: tuple[tuple[str, int], ...] = ()


def read_flow(cohort: xr.Dataset) -> tuple[Step, ...]:
    """Return the steps by which a cohort came about: each source, then ``joined``, then each restriction.

    Parameters
    ----------
    cohort
        What `join` or `restrict` returned.

    Raises
    ------
    TableError
        The Dataset is no cohort.

    Examples
    --------
    >>> cohort = with_steps(xr.Dataset(), Step("clinical", {"patient": 3}))
    >>> read_flow(cohort)
    (Step(title='clinical', counts={'patient': 3}, left_out=()),)
    """
    check_cohort(cohort)
    return tuple(
        Step(step["title"], dict(step["counts"]), tuple((str(why), int(n)) for why, n in step["left_out"]))
        for step in json.loads(cohort.attrs["flow"])
    )


def with_steps(cohort: xr.Dataset, *steps: Step) -> xr.Dataset:
    """Return a cohort with further steps at the end of its flow."""
    before = json.loads(cohort.attrs.get("flow", "[]"))
    return cohort.assign_attrs(flow=json.dumps([*before, *map(asdict, steps)], ensure_ascii=False))


def count_units(cohort: xr.Dataset) -> dict[str, int]:
    """Return how many units of each level there are.

    Examples
    --------
    >>> count_units(xr.Dataset(coords={"patient": ["P1", "P2"]}))
    {'patient': 2}
    """
    return {level: cohort.sizes[level] for level in LEVELS if level in cohort.dims}


def check_cohort(cohort: xr.Dataset) -> None:
    """Refuse a Dataset that `join` did not make, and one of which patients were taken without their parts.

    Raises
    ------
    TableError
        It has no ``flow``; or it has tumours or regions of patients, or regions of tumours, that it has not.
    """
    if "flow" not in cohort.attrs:
        raise TableError("the Dataset is no cohort: it has no attribute 'flow'; make one with bayesrg.cohort.join")
    for part in LEVELS[1:]:
        owner = f"{part}_patient"
        if part not in cohort.dims or owner not in cohort.coords:
            continue
        owners = cohort[owner].values
        patients = set(np.atleast_1d(cohort["patient"].values)) if "patient" in cohort.coords else set()
        _refuse_orphans(part, "patient", sorted(set(owners) - patients))
        if part == "region" and "tumor" in cohort.dims and "region_tumor" in cohort.coords:
            tumors = set(zip(cohort["tumor_patient"].values, cohort["tumor_label"].values, strict=True))
            own = set(zip(owners, cohort["region_tumor"].values, strict=True))
            _refuse_orphans(part, "tumor", sorted(JOINT.join(map(str, pair)) for pair in own - tumors))


def _refuse_orphans(part: str, whole: str, orphans: list[str]) -> None:
    if orphans:
        raise TableError(
            f"the cohort has {part}s of {len(orphans)} {whole}s that are not in it: {list_some(orphans)}; sel and isel "
            f"take {whole}s without their {part}s: choose with bayesrg.cohort.restrict(…, where=) or patients="
        )
