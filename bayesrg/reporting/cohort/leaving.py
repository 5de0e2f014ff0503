"""Who and what left a cohort on its way: patients at each step, tumours and regions on their own, and who lost all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayesrg.cohort import Step, read_flow
from bayesrg.cohort.membership import EMPTIED
from bayesrg.cohort.restricting import UNMET
from bayesrg.reporting.blocks import count

LEVELS = {"patient": "patient", "tumor": "tumour", "region": "region"}
# How `restrict` tells that tumours or regions left and their patients stayed.
OF_UNITS = re.compile(r"(?P<n>\d+) (?P<level>tumou?r|region)s?: (?P<why>.*)", re.DOTALL)


@dataclass(frozen=True)
class Leaving:
    """What one step left out.

    Parameters
    ----------
    patients : reasons, and how many patients left for each
    units : tumours or regions that left while their patients stayed: level, how many, why
    """

    patients: tuple[tuple[str, int], ...] = ()
    units: tuple[tuple[str, int, str], ...] = ()

    @property
    def lines(self) -> list[str]:
        """A line a reason, with its number."""
        return [f"{count(n, 'patient')}: {why}" for why, n in self.patients] + [
            f"{count(n, LEVELS[level])}: {why}" for level, n, why in self.units
        ]


def read_leaving(cohort: xr.Dataset) -> list[Leaving]:
    """What each step of a cohort's flow left out, in the order of its steps.

    A condition that was not met is told by the reason of its step.
    """
    return [_look_at(step) for step in read_flow(cohort)]


def _look_at(step: Step) -> Leaving:
    def say(why: str) -> str:
        return f"not: {step.title}" if why == UNMET else why

    told = [(OF_UNITS.fullmatch(why), why, n) for why, n in step.left_out]
    patients = tuple((say(why), n) for found, why, n in told if found is None)
    units = tuple(
        ("tumor" if found["level"] != "region" else "region", int(found["n"]), say(found["why"]))
        for found, _, _ in told
        if found is not None
    )
    return Leaving(patients, units)


def without_units(cohort: xr.Dataset) -> dict[str, np.ndarray]:
    """Whether each patient has no tumour, and no region, shape (patient,), for the levels that the cohort has."""
    patients = cohort["patient"].values
    return {
        level: ~np.isin(patients, cohort[f"{level}_patient"].values)
        for level in LEVELS
        if level != "patient" and level in cohort.dims
    }


def count_emptied(lacking: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many patients are in a source of tumours, or regions, and have none left, by level.

    Parameters
    ----------
    lacking : the reasons of each patient, as `bayesrg.cohort.membership.reasons` returns them
    """
    return {
        level: sum(any(why.endswith(said) for why in own) for own in lacking.values())
        for level, said in EMPTIED.items()
    }


def say_units_left(cohort: xr.Dataset) -> str:
    """How many tumours and regions left while their patients stayed, such as ``2 regions``; empty if none did."""
    lost: dict[str, int] = {}
    for one in read_leaving(cohort):
        for level, n, _ in one.units:
            lost[level] = lost.get(level, 0) + n
    return " and ".join(count(n, LEVELS[level]) for level, n in lost.items())


def say_without(counts: Mapping[str, int], left: str = "") -> str:
    """How many patients have no unit, such as ``3 patients have no region``; empty if everybody has one.

    Parameters
    ----------
    counts : patients by level
    left : after the level, such as `` left``

    >>> say_without({"tumor": 1, "region": 3})
    '1 patient has no tumour and 3 patients have no region'
    """
    return " and ".join(
        f"{count(n, 'patient')} {'has' if n == 1 else 'have'} no {LEVELS[level]}{left}"
        for level, n in counts.items()
        if n
    )
