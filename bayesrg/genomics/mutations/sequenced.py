"""Who was sequenced: the rows of an encoded genome, those without any variant among them."""

import warnings
from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.identifiers import explain_near_miss, near_misses, parse_barcode
from bayesrg.samples import Level, identify_samples, unit_coords

Unlisted = Literal["refuse", "leave_out"]


@dataclass(frozen=True)
class Sequenced:
    """Samples, and the units (patients, tumours or regions) that are rows.

    Attributes
    ----------
    samples
        Names of all samples that were sequenced, shape (sample,); a patient of whom only that is known is one sample.
    patients
        Each sample's patient, shape (sample,).
    unit_of
        Place of each sample's unit, shape (sample,).
    level
        What a row is of: ``patient``, ``tumor`` or ``region``.
    coords
        Coordinates along ``level``.
    n_units
        Number of rows.
    left_out
        Samples of the file whose patients are not among those asked for.
    """

    samples: np.ndarray
    patients: np.ndarray
    unit_of: np.ndarray
    level: Level
    coords: dict[Hashable, tuple[str, np.ndarray]]
    n_units: int
    left_out: tuple[str, ...]


def list_sequenced(
    found: Sequence[str],
    *,
    patients: Sequence[str] | None = None,
    samples: pd.DataFrame | Mapping[str, str] | None = None,
    separate: bool = False,
    unlisted: Unlisted = "refuse",
) -> Sequenced:
    """Return all samples that were sequenced and the rows that they make.

    Parameters
    ----------
    found
        Samples in the file of variants.
    patients
        Everybody who was sequenced, in the order of the rows. Without it the rows are the patients of the samples,
        sorted.
    samples
        Every sample that was sequenced and its patient, as `bayesrg.samples.identify_samples` takes it.
    separate
        Whether each sample is a row of its own, at level ``region``, or ``tumor`` where regions are not known.
    unlisted
        ``"refuse"`` a sample whose patient is not among ``patients``, or ``"leave_out"``.

    Raises
    ------
    TableError
        A sample is normal tissue, a patient is not among ``patients``, is named twice, or differs from another only in
        case, white space, separators, leading zeros or a last letter; ``patients`` holds barcodes of samples; a region
        is not known.
    SettingsError
        An option is not one of its words, or ``patients`` names nobody.

    Examples
    --------
    >>> who = list_sequenced(["TCGA-AB-2802-03A", "TCGA-AB-2802-04A"], patients=["TCGA-AB-2802", "TCGA-AB-2803"])
    >>> who.n_units, who.unit_of.tolist()
    (2, [0, 0, 1])
    """
    if unlisted not in ("refuse", "leave_out"):
        raise SettingsError(f"unlisted is {unlisted!r}; expected 'refuse' or 'leave_out'")
    found = sorted(set(found))
    normal = [label for label in found if (barcode := parse_barcode(label)) is not None and barcode.is_normal]
    if normal:
        raise TableError(
            f"column sample: {len(normal)} of {len(found)} samples are normal tissue by their TCGA barcodes: "
            f"{list_some(normal)}; their variants are not somatic: take the rows out, or look whether tumour and "
            "normal "
            "were swapped"
        )
    others = [] if samples is None else sorted(_names(samples) - set(found))
    who = identify_samples([*found, *others], samples)
    if patients is None:
        if samples is None:
            _look_for_near_misses(who["patient"].tolist())
        kept, left_out = who, ()
        order = sorted(set(who["patient"]))
    else:
        order = _check_patients(patients, set(who["patient"]))
        left_out = _compare(who.loc[found], order, unlisted)
        kept = who.loc[who["patient"].isin(order)]
    if not separate:
        known = set(kept["patient"])
        alone = [patient for patient in order if patient not in known]
        labels = np.array([*kept.index, *alone], dtype=object)
        of = np.array([*kept["patient"], *alone], dtype=object)
        place = {patient: number for number, patient in enumerate(order)}
        unit_of = np.array([place[patient] for patient in of], dtype=np.intp)
        coords: dict[Hashable, tuple[str, np.ndarray]] = {"patient": ("patient", np.array(order, dtype=str))}
        return Sequenced(labels, of, unit_of, "patient", coords, len(order), left_out)
    return _separate(kept, order, left_out)


def _separate(kept: pd.DataFrame, order: list[str], left_out: tuple[str, ...]) -> Sequenced:
    known = set(kept["patient"])
    absent = [patient for patient in order if patient not in known]
    if absent:
        raise TableError(
            f"patients: no sample is known of {len(absent)} patients without variants: {list_some(absent)}; with "
            "several='separate' name every sequenced sample in samples, a table with the columns sample, patient and "
            "region"
        )
    level: Level = "region" if "region" in kept.columns or "tumor" not in kept.columns else "tumor"
    place = {patient: number for number, patient in enumerate(order)}
    kept = kept.iloc[np.lexsort((kept.index.to_numpy(dtype=str), np.array([place[p] for p in kept["patient"]])))]
    coords = unit_coords(kept, level)
    labels, of = kept.index.to_numpy(dtype=object), kept["patient"].to_numpy(dtype=object)
    return Sequenced(labels, of, np.arange(len(kept)), level, coords, len(kept), left_out)


def _names(samples: pd.DataFrame | Mapping[str, str]) -> set[str]:
    if isinstance(samples, pd.DataFrame):
        return set(samples["sample"].astype(str)) if "sample" in samples.columns else set()
    return {str(label) for label in samples}


def _check_patients(patients: Sequence[str], known: Set[str]) -> list[str]:
    order = [str(patient) for patient in ([patients] if isinstance(patients, str) else patients)]
    if not order:
        raise SettingsError("patients names nobody; name everybody who was sequenced, or leave it out")
    of = {label: one.patient for label in order if (one := parse_barcode(label)) is not None and one.sample is not None}
    samples = [label for label in of if label not in known]
    if samples:
        raise TableError(
            f"patients: {len(samples)} of {len(order)} are TCGA barcodes of samples, where patients are expected: "
            f"{list_some(samples, show=lambda label: f'{label} (patient {of[label]})')}; name each patient once, or "
            "give the barcodes as samples, a mapping from each to its patient"
        )
    twice = sorted({patient for patient, again in zip(order, pd.Index(order).duplicated(), strict=True) if again})
    if twice:
        raise TableError(f"patients: {list_some(twice)} is named more than once; name each patient once")
    return order


def _compare(found: pd.DataFrame, order: list[str], unlisted: Unlisted) -> tuple[str, ...]:
    """Return the samples to be left out; refuse near misses always, and patients that are not listed if so asked."""
    strange = sorted(set(found["patient"]) - set(order))
    if not strange:
        return ()
    listed = set(order)
    pairs = []
    for group in near_misses([*strange, *order]):
        known = [label for label in group if label in listed]
        pairs += [(label, known[0]) for label in group if label not in listed and known]
    if pairs:
        raise TableError(
            f"{len(pairs)} patients of the variants look like others in patients: "
            + list_some(
                pairs, show=lambda pair: f"{pair[0]!r} and {pair[1]!r} ({explain_near_miss(*pair)})", between="; "
            )
            + ". If they are the same people, say so with samples, a mapping from each sample of the file to "
            "its patient"
        )
    samples = tuple(str(label) for label, one in found["patient"].items() if one in set(strange))
    if unlisted == "refuse":
        raise TableError(
            f"{len(strange)} patients of the variants are not in patients: {list_some(strange)}; add them, or leave "
            "their "
            "variants out with unlisted='leave_out'"
        )
    warnings.warn(
        f"{len(strange)} patients with variants are left out, as they are not in patients: {list_some(strange)}",
        stacklevel=4,
    )
    return samples


def _look_for_near_misses(found: list[str]) -> None:
    """Refuse patients whose names differ in writing only; warn of those with a letter more, who may be two."""
    pairs = [(group[0], other) for group in near_misses(found) for other in group[1:]]
    told = [(a, b, explain_near_miss(a, b)) for a, b in pairs]
    alike = [f"{a!r} and {b!r} ({why})" for a, b, why in told if why != "one letter at the end"]
    if alike:
        raise TableError(
            f"column sample: {len(alike)} pairs of patients look alike: {list_some(alike, between='; ')}. Say with "
            "samples, a mapping from each sample to its patient, whether they are the same people"
        )
    letters = [f"{a} and {b}" for a, b, _ in told]
    if letters:
        warnings.warn(
            f"{len(letters)} pairs of patients differ by one letter at the end and are taken as different people: "
            f"{list_some(letters)}; if they are samples of one patient, say so with samples",
            stacklevel=4,
        )
