"""Features of many regions: a manifest in, a table with a row per region and preprocessing level out."""

import warnings
from collections.abc import Generator, Mapping
from concurrent.futures import Executor, as_completed
from contextlib import closing
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bayesrg import __version__
from bayesrg.errors import SettingsError, TableError
from bayesrg.files import replace_atomically
from bayesrg.imaging import Perturbation
from bayesrg.imaging.perturbation import override, tabulate_perturbations
from bayesrg.radiomics.case import Outcome, Plan, extract_case
from bayesrg.radiomics.features import FEATURES
from bayesrg.radiomics.labels import expand_labels
from bayesrg.radiomics.manifest import Case, list_cases, read_manifest
from bayesrg.radiomics.settings import Settings
from bayesrg.settings import to_dict

PROVENANCE = (
    "undefined",
    "n_voxels",
    "n_voxels_morphological",
    "n_levels",
    "bin_width",
    "spacing_x",
    "spacing_y",
    "spacing_z",
    "image_hash",
    "mask_hash",
    "settings_hash",
    "bayesrg_version",
)
"""Columns that follow the features: why values are NaN, then what `extract` has in its attributes."""


def extract_cohort(
    manifest: str | PathLike[str] | pd.DataFrame,
    settings: Settings | None = None,
    *,
    perturbations: Mapping[str, Perturbation] | None = None,
    seed: int | np.random.Generator = 0,
    executor: Executor | None = None,
    out: str | PathLike[str] | None = None,
    progress: bool = True,
    resample_mask: bool = False,
) -> pd.DataFrame:
    """Return the features of every region of a manifest, a row per region and preprocessing level.

    A case that cannot be extracted does not stop the others: it is listed in ``attrs["failures"]`` of the table, and in
    a warning. With ``out``, every level of every case is kept in the folder ``<out>.finished`` as soon as it is there.
    Called again, after an interruption or with more rows, only what is not in that folder is computed: a change of
    settings, perturbation, seed, version, or of the content of image or mask makes a case new; other columns do not.

    Parameters
    ----------
    manifest
        A file (``.csv``, ``.csv.gz``, ``.tsv``, ``.parquet``), whose relative paths start at its folder, or a table,
        whose relative paths start at the working directory. Columns ``image`` and ``mask`` (paths), optionally
        ``label`` (which label of the mask is the region; ``"all"`` makes a row of each that the mask holds); all
        others (subject, session ...) are carried through.
    settings
        What to do; None means the defaults of `Settings`.
    perturbations
        Levels by name, which the column ``preprocessing`` then holds. None extracts the images as they are, and writes
        no such column. Name an unchanged level ``Perturbation()`` if it is to be one of them.
    seed
        Of noise and contour randomisation; the numbers of a case and level do not depend on the other cases.
    executor
        Where cases are computed, one task each: any `concurrent.futures.Executor`. None computes them here, in order.
    out
        Parquet file to write, atomically. Failures go to ``<out>.failures.csv``, which is absent if there are none.
    progress
        Show a progress bar on standard error.
    resample_mask
        Resample masks that lie on another grid onto their image's (nearest neighbour), instead of refusing them.

    Returns
    -------
    pd.DataFrame
        The manifest's columns, ``preprocessing`` if there are perturbations, the features by name (see `FEATURES`), and
        `PROVENANCE`, in the order of the manifest and of the perturbations. ``attrs``: ``settings``, ``perturbations``
        (plain dictionaries), ``seed``, ``resumed`` (how many rows were found finished) and ``failures`` (dictionaries
        with row, subject or patient, image, mask, label, preprocessing, error and message; preprocessing is empty where
        a whole case failed).

    Raises
    ------
    TableError
        The manifest lacks a column or a cell, or ``out`` is no Parquet file; nothing has been computed then.
    SettingsError
        A perturbation overrides a setting that does not exist.

    Warns
    -----
    UserWarning
        Cases or levels failed; the message lists the first of them.
    """
    settings = settings or Settings()
    levels = dict(perturbations or {})
    for name, level in levels.items():
        _check_level(name, level, settings)
    target = _check_out(out)
    table, folder = read_manifest(manifest)
    table = expand_labels(table, folder)
    added = ["preprocessing"] if levels else []
    cases = list_cases(table, folder, reserved={*FEATURES, *PROVENANCE, *added})
    if target:
        _check_storable(table)
    plan = Plan(
        settings=settings,
        perturbations=levels,
        seed=_draw_seed(seed),
        resample_mask=resample_mask,
        folder=target.with_name(f"{target.name}.finished") if target else None,
    )
    outcomes = _follow(_run(cases, plan, executor), len(cases), progress)
    outcomes.sort(key=lambda outcome: (outcome.row, list(levels).index(outcome.level) if outcome.level else -1))
    result = _tabulate(table, outcomes, plan)
    if target:
        _write(result, target)
    failures = result.attrs["failures"]
    if failures:
        warnings.warn(_summarise(failures, len(cases)), UserWarning, stacklevel=2)
    return result


def _run(cases: list[Case], plan: Plan, executor: Executor | None) -> Generator[list[Outcome]]:
    if executor is None:
        for case in cases:
            yield extract_case(case, plan)
        return
    futures = [executor.submit(extract_case, case, plan) for case in cases]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        # After Ctrl-C, or an error that is no case's own, the executor is not left to work through what has not begun.
        for future in futures:
            future.cancel()


def _follow(batches: Generator[list[Outcome]], total: int, progress: bool) -> list[Outcome]:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not progress,
    )
    outcomes: list[Outcome] = []
    with bar, closing(batches):
        task = bar.add_task("extracting", total=total)
        for batch in batches:
            outcomes += batch
            failed = sum(outcome.record is None for outcome in outcomes)
            bar.update(task, advance=1, description=f"extracting, {failed} failed" if failed else "extracting")
    return outcomes


def _tabulate(table: pd.DataFrame, outcomes: list[Outcome], plan: Plan) -> pd.DataFrame:
    manifest = _make_storable(table)
    done = [outcome for outcome in outcomes if outcome.record is not None]
    carried = manifest.iloc[[outcome.row - 1 for outcome in done]].reset_index(drop=True)
    if plan.perturbations:
        carried["preprocessing"] = [outcome.level for outcome in done]
    names = [feature.name for feature in plan.settings.selected]
    rows = [_flatten(outcome.record, plan.settings.content_hash) for outcome in done if outcome.record]
    measured = pd.DataFrame(rows, columns=[*names, *PROVENANCE]).astype(dict.fromkeys(names, np.float64))
    result = pd.concat([carried, measured], axis=1)
    result.attrs = {
        "settings": to_dict(plan.settings),
        "perturbations": tabulate_perturbations(plan.perturbations),
        "seed": plan.seed,
        "resumed": sum(outcome.resumed for outcome in done),
        "failures": [_list_failure(outcome, manifest) for outcome in outcomes if outcome.record is None],
    }
    return result


def _make_storable(table: pd.DataFrame) -> pd.DataFrame:
    """Return the manifest with paths as text, labels as whole numbers though some are missing, and no index."""
    manifest = table.reset_index(drop=True)
    for column in ("image", "mask"):
        manifest[column] = manifest[column].map(str)
    if "label" in manifest and manifest["label"].dtype.kind == "f":
        manifest["label"] = manifest["label"].astype("Int64")
    return manifest


def _check_storable(table: pd.DataFrame) -> None:
    manifest = _make_storable(table)
    for column in manifest.columns:
        try:
            pa.array(manifest[column], from_pandas=True)
        except pa.ArrowException as problem:
            raise TableError(
                f"the manifest's column {column!r} holds values that no Parquet column can hold ({problem}); "
                "give all its values one type"
            ) from problem


def _flatten(record: dict, settings_hash: str) -> dict[str, object]:
    provenance = dict(record["provenance"])
    spacing = provenance.pop("spacing")
    return {
        **record["values"],
        **provenance,
        **{f"spacing_{axis}": width for axis, width in zip("xyz", spacing, strict=True)},
        "undefined": _group_reasons(record["reasons"]),
        "settings_hash": settings_hash,
        "bayesrg_version": __version__,
    }


def _group_reasons(reasons: Mapping[str, str]) -> str:
    """Return each reason once, followed by the features it holds for."""
    grouped: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        grouped.setdefault(reason, []).append(name)
    return "; ".join(f"{reason}: {', '.join(names)}" for reason, names in grouped.items())


def _list_failure(outcome: Outcome, manifest: pd.DataFrame) -> dict[str, object]:
    row = manifest.iloc[outcome.row - 1]
    who = {name: str(row[name]) for name in ("subject", "patient", "image", "mask", "label") if name in manifest}
    return {
        "row": outcome.row,
        **who,
        "preprocessing": outcome.level,
        "error": outcome.error,
        "message": outcome.message,
    }


def _summarise(failures: list[dict[str, object]], total: int) -> str:
    rows = len({failure["row"] for failure in failures})
    shown = [
        f"row {failure['row']} ({failure['image']}, {failure['mask']}"
        + (f", level {failure['preprocessing']}" if failure["preprocessing"] else "")
        + f"): {failure['error']}: {failure['message']}"
        for failure in failures[:5]
    ]
    more = f"\n... and {len(failures) - 5} more" if len(failures) > 5 else ""
    return f'{rows} of {total} cases failed, see attrs["failures"] of the table:\n' + "\n".join(shown) + more


def _write(result: pd.DataFrame, target: Path) -> None:
    with replace_atomically(target) as unfinished:
        result.to_parquet(unfinished, index=False)
    failures = target.with_name(f"{target.name}.failures.csv")
    if result.attrs["failures"]:
        with replace_atomically(failures) as unfinished:
            pd.DataFrame(result.attrs["failures"]).to_csv(unfinished, index=False)
    else:
        failures.unlink(missing_ok=True)


def _check_level(name: str, level: Perturbation, settings: Settings) -> None:
    if not name:
        raise SettingsError("a perturbation has an empty name; the column preprocessing will hold it, so give it one")
    try:
        override(settings, level.settings)
    except SettingsError as problem:
        raise SettingsError(f"perturbation {name!r}: {problem}") from problem


def _check_out(out: str | PathLike[str] | None) -> Path | None:
    if out is None:
        return None
    target = Path(out).resolve()
    if target.suffix.lower() != ".parquet":
        raise TableError(f"{out}: features are written as Parquet; give a path that ends in .parquet")
    return target


def _draw_seed(seed: int | np.random.Generator) -> int:
    return int(seed.integers(2**63)) if isinstance(seed, np.random.Generator) else int(seed)
