"""One case of a cohort: its image is read once, and each preprocessing level of it is measured, or found finished."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from bayesrg import __version__
from bayesrg.errors import BayesrgError
from bayesrg.imaging import Perturbation, perturb, process
from bayesrg.imaging.perturbation import tabulate_perturbations
from bayesrg.radiomics.extraction import count_voxels, explain, measure, read_region
from bayesrg.radiomics.manifest import Case
from bayesrg.radiomics.provenance import hash_image
from bayesrg.radiomics.resume import hash_source, keep_finished, load_finished, make_key
from bayesrg.radiomics.settings import Settings
from bayesrg.settings import to_dict

CASE_ERRORS = (BayesrgError, OSError, RuntimeError, ValueError, ArithmeticError, MemoryError)
"""What may be wrong with one case: its files, its region, its size. SimpleITK raises RuntimeError."""


@dataclass(frozen=True)
class Plan:
    """What is done with every case of a cohort.

    Attributes
    ----------
    settings
        Of the extraction.
    perturbations
        Levels of ``preprocessing`` by name; empty for the image as it is.
    seed
        Of noise and contour randomisation. Each level of each case draws from a stream of its own, which depends on
        this seed, on the voxels of image and region, and on the level's name: not on the order of the manifest, on
        paths, or on what else is extracted.
    resample_mask
        Whether masks on other grids are resampled onto their image's.
    folder
        Where finished levels are kept; None keeps nothing.
    """

    settings: Settings
    perturbations: Mapping[str, Perturbation]
    seed: int
    resample_mask: bool
    folder: Path | None


@dataclass(frozen=True)
class Outcome:
    """What became of one level of one case, or of all its levels.

    Attributes
    ----------
    row
        Row of the manifest.
    level
        Name of the preprocessing level; empty without perturbations, and where the whole case failed.
    record
        What was measured: ``values`` (None for NaN), ``reasons`` and ``provenance``. None if it failed.
    resumed
        Whether the record was found finished.
    error, message
        Type of the error and its message; empty if there was none.
    """

    row: int
    level: str
    record: dict | None = None
    resumed: bool = False
    error: str = ""
    message: str = ""


@dataclass(frozen=True)
class _Region:
    image: sitk.Image
    mask: sitk.Image
    image_hash: str
    mask_hash: str


def extract_case(case: Case, plan: Plan) -> list[Outcome]:
    """Return an outcome for each preprocessing level of a case; one failure alone if nothing could be read."""
    levels = plan.perturbations or {"": Perturbation()}
    region, outcomes = None, []
    try:
        sources = [hash_source(case.image), hash_source(case.mask)] if plan.folder else []
    except CASE_ERRORS as problem:
        return [_fail(case, "", problem)]
    for level, perturbation in levels.items():
        key = _make_key(case, plan, sources, level, perturbation)
        record = load_finished(plan.folder, key) if plan.folder else None
        if record is not None:
            outcomes.append(Outcome(case.row, level, record, resumed=True))
            continue
        try:
            if region is None:
                region = _read(case, plan)
        except CASE_ERRORS as problem:
            return [*outcomes, _fail(case, "", problem)]
        try:
            record = _measure_level(region, plan, level, perturbation)
        except CASE_ERRORS as problem:
            outcomes.append(_fail(case, level, problem))
            continue
        if plan.folder:
            keep_finished(plan.folder, key, record)
        outcomes.append(Outcome(case.row, level, record))
    return outcomes


def _read(case: Case, plan: Plan) -> _Region:
    image, mask = read_region(case.image, case.mask, label=case.label, resample_mask=plan.resample_mask)
    return _Region(image, mask, hash_image(image), hash_image(mask))


def _measure_level(region: _Region, plan: Plan, level: str, perturbation: Perturbation) -> dict:
    # 128 bits of a hash: streams of different levels and cases do not meet.
    entropy = int(make_key(plan.seed, region.image_hash, region.mask_hash, level)[:32], 16)
    image, mask, settings = perturb(
        region.image, region.mask, perturbation, plan.settings, np.random.default_rng(entropy), level=level or None
    )
    processed = process(image, mask, settings)
    values = measure(processed, settings)
    reasons = explain(values)
    return {
        "values": {name: None if name in reasons else value for name, value in values.items()},
        "reasons": reasons,
        "provenance": {
            **count_voxels(processed),
            "image_hash": region.image_hash,
            "mask_hash": region.mask_hash,
        },
    }


def _make_key(case: Case, plan: Plan, sources: list[str], level: str, perturbation: Perturbation) -> str:
    return make_key(
        __version__,
        sources,
        case.label,
        plan.resample_mask,
        to_dict(plan.settings),
        tabulate_perturbations({level: perturbation}),
        plan.seed,
    )


def _fail(case: Case, level: str, problem: BaseException) -> Outcome:
    return Outcome(case.row, level, error=type(problem).__name__, message=str(problem))
