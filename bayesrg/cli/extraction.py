"""Commands that make features: their settings, IBSI's phantoms, and the extraction of a cohort."""

import os
import signal
import sys
import time
import warnings
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bayesrg.cli.outcome import DONE, MOST_LISTED, NOT_COMPLIANT, PARTLY, check_out, say
from bayesrg.errors import BayesrgError, SettingsError
from bayesrg.files import replace_atomically

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from bayesrg.imaging import Perturbation
    from bayesrg.radiomics import Settings


def run_settings(options: Namespace) -> int:
    """Write settings as a file that says what each of them means."""
    from bayesrg.radiomics.modality import MODALITIES, find_modality
    from bayesrg.radiomics.settings_file import write_settings

    settings = _choose_settings(options)
    command = ["bayesrg settings"]
    reasons: list[str] = []
    if options.modality:
        defaults = MODALITIES[find_modality(options.modality)]
        command.append(f"--modality {options.modality}")
        reasons = [f"For {defaults.title}.", *defaults.reasons]
    elif options.ibsi:
        command.append(f"--ibsi {options.ibsi}")
        reasons = ["A configuration of the Image Biomarker Standardisation Initiative (IBSI), arXiv:1612.07003."]
    command += [f"--spacing {' '.join(options.spacing)}"] if options.spacing else []
    text = write_settings(settings, heading="\n\n".join([f"Written by: {' '.join(command)}", *reasons]))
    if not options.out:
        print(text, end="")
        return DONE
    check_out(options.out)
    with replace_atomically(options.out) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    print(f"written to {options.out}")
    return DONE


def run_ibsi(options: Namespace) -> int:
    """Compute IBSI-1's phantoms and print how many values comply, by family and configuration."""
    from bayesrg.radiomics.ibsi import check_compliance, summarise_compliance, tabulate_compliance
    from bayesrg.tables import print_table, write_csv

    if options.csv:
        check_out(options.csv)
    checked = check_compliance(say=say)
    missed = checked.loc[~checked["within"]]
    if len(missed):
        columns = ["configuration", "feature", "found", "expected", "tolerance"]
        print("outside their tolerance:")
        print_table(columns, missed.loc[:, columns].to_numpy().tolist())
    table = tabulate_compliance(checked)
    print_table(
        ["family", *(str(name).removeprefix("ct_phantom_") for name in table.columns)],
        table.itertuples(),
    )
    if options.csv:
        print(f"written to {write_csv(checked, options.csv)}")
    print(summarise_compliance(checked))
    return DONE if missed.empty else NOT_COMPLIANT


def run_extract(options: Namespace) -> int:
    """Extract the features of a cohort, and list what could not be extracted."""
    from bayesrg.radiomics import extract_cohort

    settings = _choose_features(_choose_settings(options), options.features)
    perturbations = _choose_perturbations(options)
    check_out(options.out, options.manifest, options.settings)
    started = time.perf_counter()
    with warnings.catch_warnings(), _share_work(options.jobs) as executor:
        # The failures are listed below, more fully than the warning does.
        warnings.filterwarnings("ignore", message=r"\d+ of \d+ cases failed", category=UserWarning)
        features = extract_cohort(
            options.manifest,
            settings,
            perturbations=perturbations,
            seed=options.seed,
            executor=executor,
            out=options.out,
            progress=sys.stderr.isatty(),
            resample_mask=options.resample_mask,
        )
    seconds = time.perf_counter() - started
    failures, resumed = features.attrs["failures"], features.attrs["resumed"]
    print(f"{options.out}: {len(features)} rows in {seconds:.1f} s, {resumed} of them found finished")
    if not failures:
        return DONE
    say(f"bayesrg: warning: {len(failures)} failed, all listed in {options.out}.failures.csv:")
    for failure in failures[:MOST_LISTED]:
        level = f", preprocessing {failure['preprocessing']}" if failure["preprocessing"] else ""
        message = " ".join(str(failure["message"]).split())
        say(f"  row {failure['row']} of the manifest{level}: {failure['error']}: {message}")
    if len(failures) > MOST_LISTED:
        say(f"  and {len(failures) - MOST_LISTED} more")
    return PARTLY


def _choose_settings(options: Namespace) -> "Settings":
    """The settings of a file, a modality, a configuration of IBSI-1, or the defaults."""
    from bayesrg.imaging.perturbation import override
    from bayesrg.radiomics import Settings, read_settings
    from bayesrg.radiomics.modality import ibsi_settings, settings_for

    chosen = vars(options)
    if options.command == "extract" and options.settings:
        return read_settings(options.settings)
    if chosen.get("ibsi"):
        settings = ibsi_settings(options.ibsi)
    else:
        settings = settings_for(options.modality) if options.modality else Settings()
    if not chosen.get("spacing"):
        return settings
    if options.ibsi:
        raise SettingsError(
            f"--spacing would make another configuration of IBSI's {options.ibsi}; leave one of them out"
        )
    try:
        spacing = [width if width == "keep" else float(width) for width in options.spacing]
        return override(settings, {"interpolation": {"spacing": spacing * 3 if len(spacing) == 1 else spacing}})
    except (ValueError, SettingsError) as problem:
        raise SettingsError(
            f"--spacing {' '.join(options.spacing)}: expected one positive number of mm, or three for x, y and z, of "
            "which 'keep' leaves an axis as it is"
        ) from problem


def _choose_features(settings: "Settings", patterns: list[str] | None) -> "Settings":
    """The settings with only the features that match the patterns, if there are any."""
    from bayesrg.imaging.perturbation import override

    if not patterns:
        return settings
    try:
        return override(settings, {"features": {"names": patterns}})
    except SettingsError as problem:
        raise SettingsError(f"--features: {problem}") from problem


def _choose_perturbations(options: Namespace) -> "Mapping[str, Perturbation] | None":
    from bayesrg.imaging import STANDARD_PERTURBATIONS
    from bayesrg.radiomics import read_perturbations

    if options.perturbations == "standard":
        return STANDARD_PERTURBATIONS
    if options.perturbations is None:
        return read_perturbations(options.settings) or None if options.settings else None
    if not Path(options.perturbations).is_file():
        raise SettingsError(
            f"--perturbations {options.perturbations}: no such file; expected 'standard' or the path of a TOML file"
        )
    perturbations = read_perturbations(options.perturbations)
    if not perturbations:
        raise SettingsError(f"{options.perturbations}: there are no perturbations; add sections, [perturbations.NAME]")
    return perturbations


@contextmanager
def _share_work(jobs: int) -> "Iterator[Executor | None]":
    """Give an executor of so many processes, or None where there is one job only."""
    if jobs == 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # Processes that share the cores must not each start as many threads for matrix products as there are cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        # Spawned, not forked: SimpleITK and Arrow have threads, which a fork would cut off in the middle of their work.
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_ignore_interrupts) as executor:
            yield executor
    except BrokenProcessPool as problem:
        raise BayesrgError(
            "a process that extracted features was killed, perhaps for want of memory; finished work is kept. "
            "Run the same command again with fewer --jobs."
        ) from problem


def _ignore_interrupts() -> None:
    # Ctrl-C reaches every process of a terminal; the first one alone decides what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
