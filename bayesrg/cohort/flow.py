"""The steps by which a cohort came about, kept in its attribute ``flow``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import xarray as xr

from bayesrg.errors import TableError
from bayesrg.samples import LEVELS


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
        Why patients left at this step, and how many for each reason.
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
    """Refuse a Dataset that `join` did not make.

    Raises
    ------
    TableError
        It has no ``flow``.
    """
    if "flow" not in cohort.attrs:
        raise TableError("the Dataset is no cohort: it has no attribute 'flow'; make one with bayesrg.cohort.join")
