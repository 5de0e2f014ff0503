"""Where the units and the labels of every source lie in the joined cohort."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from bayesrg.cohort.units import Units
from bayesrg.errors import TableError, list_some
from bayesrg.samples import JOINT, LEVELS, Level

SEPARATOR = "; "
"""Between the sources of a label that several have."""


@dataclass(frozen=True)
class Axis:
    """The labels of one dim of the cohort, and where those of each source lie.

    Attributes
    ----------
    labels
        Of the joined dim.
    places
        For each source that has the dim, the place of each of its rows; -1 for a row that is not joined.
    """

    labels: pd.Index
    places: Mapping[str, np.ndarray]

    def holders(self) -> np.ndarray:
        """Return for each label the names of the sources that have it."""
        text = np.full(len(self.labels), "", dtype=object)
        for name, places in self.places.items():
            has = np.zeros(len(self.labels), dtype=bool)
            has[places[places >= 0]] = True
            between = np.where(text == "", "", SEPARATOR)
            text = np.where(has, text + between + name, text)
        return text.astype(str)


def join_units(units: Sequence[Units], enrolled: Sequence[str] | None) -> dict[Level, Axis]:
    """Return the patients of the cohort in the order of their labels, and tumours and regions if a source has them.

    Parameters
    ----------
    units
        Of each source, with patients as they are meant.
    enrolled
        The only patients to take, or None for the union of all sources.

    Examples
    --------
    >>> parts = {"patient": np.array(["P2", "P1"], dtype=object)}
    >>> clinical = Units("clinical", "source 'clinical'", "patient", parts, parts["patient"], str)
    >>> join_units([clinical], None)["patient"].places["clinical"].tolist()
    [1, 0]
    """
    everyone = set(enrolled) if enrolled is not None else set().union(*(one.patients for one in units))
    axes: dict[Level, Axis] = {}
    for level in LEVELS:
        if level != "patient" and not any(one.level == level for one in units):
            continue
        # Tumours of regions are tumours too; a tumour's regions are not known.
        own = {one.source: _keys(one, level) for one in units if level in one.parts}
        whose = {one.source: one.patients for one in units}
        kept = sorted(
            {key for name, keys in own.items() for key, who in zip(keys, whose[name], strict=True) if who in everyone}
        )
        if level == "patient":
            kept = sorted((patient,) for patient in everyone)
        labels = pd.Index([JOINT.join(key) for key in kept], dtype=object)
        places = {
            name: labels.get_indexer(pd.Index([JOINT.join(key) for key in keys], dtype=object))
            for name, keys in own.items()
        }
        axes[level] = Axis(labels, places)
    return axes


def _keys(one: Units, level: Level) -> list[tuple[str, ...]]:
    parts = [one.parts[part] for part in LEVELS[: LEVELS.index(level) + 1] if part in one.parts]
    return list(zip(*parts, strict=True))


def unit_coordinates(axes: Mapping[Level, Axis], units: Sequence[Units]) -> dict[str, tuple[str, np.ndarray]]:
    """Return the labels of patients, tumours and regions, and beside the latter whose they are."""
    coords: dict[str, tuple[str, np.ndarray]] = {}
    for level, axis in axes.items():
        coords[level] = (level, axis.labels.to_numpy(dtype=str))
        if level == "patient":
            continue
        known = [
            part
            for part in LEVELS[: LEVELS.index(level) + 1]
            if any(part in u.parts for u in units if u.level == level)
        ]
        for part in known:
            values = np.full(len(axis.labels), "", dtype=object)
            for one in units:
                if level in one.parts and part in one.parts:
                    places = axis.places[one.source]
                    values[places[places >= 0]] = one.parts[part][places >= 0]
            coords[f"{level}_{'label' if part == level else part}"] = (level, values.astype(str))
    return coords


def check_levels(units: Sequence[Units], *, keep_tumors: bool) -> None:
    """Refuse regions of which one source knows the tumour and another does not, and tumours that a source lacks.

    Warns where patients of two sources have regions in both and none in common: their values never meet.

    Raises
    ------
    TableError
        Two sources tell units in different ways; or, unless they are kept, a patient of two sources has a tumour in one
        only.
    """
    regional = [one for one in units if one.level == "region"]
    nested = [one for one in regional if "tumor" in one.parts]
    if nested and len(nested) < len(regional):
        other = next(one for one in regional if "tumor" not in one.parts)
        raise TableError(
            f"{nested[0].where} says of which tumour a region is, and {other.where} does not, so that their regions "
            "cannot be compared; name the column with tumor= in both, or in neither"
        )
    for first, second in combinations(regional, 2):
        _warn_of_strange_regions(first, second)
    tumoral = [one for one in units if "tumor" in one.parts]
    if keep_tumors:
        return
    for first in tumoral:
        for second in tumoral:
            theirs, shared = set(second.labels("tumor")), set(second.patients)
            lacking = [
                row
                for row, (tumor, patient) in enumerate(zip(first.labels("tumor"), first.patients, strict=True))
                if patient in shared and tumor not in theirs
            ]
            if lacking:
                labels = sorted(set(first.labels("tumor")[lacking]))
                raise TableError(
                    f"{len(labels)} tumours of {first.where} are not in {second.where}, which has other tumours of "
                    f"the same patients: {list_some(labels)}; {first.locate(lacking[0])} is the first. Correct their "
                    "labels, or give unmatched_tumors='keep' to join them with what the other lacks missing"
                )


def _warn_of_strange_regions(first: Units, second: Units) -> None:
    """Warn of patients whose regions have other labels in two sources."""
    own: list[dict[str, set[str]]] = [{}, {}]
    for held, one in zip(own, (first, second), strict=True):
        for patient, region in zip(one.patients, one.labels("region"), strict=True):
            held.setdefault(patient, set()).add(region)
    apart = sorted(who for who in own[0].keys() & own[1].keys() if not own[0][who] & own[1][who])
    if apart:
        who = apart[0]
        shared = len(own[0].keys() & own[1].keys())
        warnings.warn(
            f"{len(apart)} of {shared} patients with regions in both {first.where} and {second.where} have none in "
            f"common, so that their values never meet: {list_some(apart)}; {who} has {list_some(sorted(own[0][who]))} "
            f"and {list_some(sorted(own[1][who]))}. Are these the same regions by other names?",
            stacklevel=4,
        )
