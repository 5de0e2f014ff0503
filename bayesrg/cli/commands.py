"""What each command does; every function takes the parsed command line and returns the exit code."""

import json
import signal
import sys
import tempfile
import time
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesrg.errors import BayesrgError, SettingsError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd

    from bayesrg.imaging import Perturbation
    from bayesrg.inference import Diagnosis

DONE, PARTLY, NOT_CONVERGED = 0, 3, 4

_LISTED_FAILURES = _LISTED_FEATURES = 20


def run_demo(options: Namespace) -> int:
    """Simulate, extract, fit and report, and hold the posterior against the truth."""
    _check_out(options.out / "features.parquet")
    _say("loading the packages (a few seconds)")
    from bayesrg.demo import FEATURE, demonstrate
    from bayesrg.inference import diagnose
    from bayesrg.tables import print_table

    shown = demonstrate(options.out, progress=sys.stderr.isatty(), say=_say)
    print(f"\n{FEATURE}: posterior with 95 % intervals, beside the truth where the simulation sets one")
    answers = {True: "yes", False: "no", None: ""}
    table = shown.comparison.assign(inside=[answers[inside] for inside in shown.comparison["inside"]])
    print_table([str(column) for column in table.columns], table.itertuples(index=False))
    known = shown.comparison["inside"].dropna()
    print(f"{known.sum()} of {len(known)} truths lie inside; of many 95 % intervals, 1 in 20 misses.\n")
    _print_fit(shown.tree)
    print(f"\nfeatures  {shown.features}\nfit       {shown.fit}\nreport    {shown.report}")
    print(f"and of {FEATURE} alone: {shown.feature_fit}, {shown.feature_report}")
    return max(_judge(diagnose(shown.tree)), _judge(diagnose(shown.feature_tree)))


def run_extract(options: Namespace) -> int:
    """Extract the features of a cohort, and list what could not be extracted."""
    from bayesrg.radiomics import Settings, extract_cohort, read_settings

    settings = read_settings(options.settings) if options.settings else Settings()
    perturbations = _choose_perturbations(options)
    _check_out(options.out, options.manifest, options.settings)
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
    _say(f"bayesrg: warning: {len(failures)} failed, all listed in {options.out}.failures.csv:")
    for failure in failures[:_LISTED_FAILURES]:
        level = f", preprocessing {failure['preprocessing']}" if failure["preprocessing"] else ""
        message = " ".join(str(failure["message"]).split())
        _say(f"  row {failure['row']} of the manifest{level}: {failure['error']}: {message}")
    if len(failures) > _LISTED_FAILURES:
        _say(f"  and {len(failures) - _LISTED_FAILURES} more")
    return PARTLY


def run_fit(options: Namespace) -> int:
    """Fit the stability model to one feature of a table or to many, save the fit, and show its ICCs."""
    from bayesrg.tables import read_table

    _check_out(options.out, options.table)
    factors = {role: getattr(options, role) for role in ("subject", "session", "scanner", "preprocessing")}
    table = read_table(options.table, text=[column for column in factors.values() if column is not None])
    _say("loading the model (a few seconds)")
    from bayesrg.inference import diagnose, fit, save

    model = _stability(options)
    table = _in_our_names(table, options.tool)
    with warnings.catch_warnings():
        # The features that are left out are listed below, more fully than the warning does.
        warnings.filterwarnings("ignore", message=r"\d+ of \d+ features are left out", category=UserWarning)
        data = model.prepare(table, features=_chosen(table, options), **factors, scale=options.scale, unit=options.unit)
    for why, count in json.loads(data.attrs["dropped"]).items():
        _say(f"bayesrg: warning: {count} of {len(table)} rows are left out: {why}")
    for feature, why in json.loads(data.attrs.get("left_out", "{}")).items():
        _say(f"bayesrg: warning: {feature} is left out: {why}")
    for caution in json.loads(data.attrs.get("cautions", "[]")):
        _say(f"bayesrg: caution: {caution}")
    what = data.attrs["feature"] if options.feature else f"{data.sizes['feature']} features"
    _say(f"fitting {what}: {data.sizes['measurement']} rows, {data.sizes['subject']} subjects")
    tree = fit(
        model,
        data,
        seed=options.seed,
        draws=options.draws,
        tune=options.tune,
        chains=options.chains,
        progress=sys.stderr.isatty(),
    )
    if options.redundancy:
        from bayesrg.models import describe_groups, redundancy

        found = redundancy(model, data, tree["posterior"].to_dataset(), seed=options.seed, progress=sys.stderr.isatty())
        tree["redundancy"] = found
        groups = describe_groups(found)
        sizes = [size for size in groups["size"] if size > 1]
        _say(f"{sum(sizes)} features in {len(sizes)} groups measure the same thing as another")
    save(tree, options.out)
    _print_fit(tree, ["icc"])
    print(
        f"saved to {options.out}\n"
        f"every estimand: bayesrg summary {options.out}\n"
        f"as a page:      bayesrg report {options.out} --out report.html"
    )
    return _judge(diagnose(tree))


def run_summary(options: Namespace) -> int:
    """Print a fit's verdict and its estimands, and write them to a file if asked to."""
    from bayesrg.inference import diagnose, load, summary
    from bayesrg.tables import write_csv

    if options.csv:
        _check_out(options.csv, options.fit)
    tree = load(options.fit)
    attributes = tree["constant_data"].attrs
    what = attributes.get("feature", f"{tree['constant_data'].sizes.get('feature')} features")
    print(f"{what}: {diagnose(tree).verdict}")
    for caution in json.loads(attributes.get("cautions", "[]")):
        print(f"caution: {caution}")
    _print_fit(tree)
    if options.csv:
        print(f"written to {write_csv(summary(tree), options.csv)}")
    return DONE


def run_report(options: Namespace) -> int:
    """Write a fit's report."""
    from bayesrg.inference import load
    from bayesrg.reporting import report

    _check_out(options.out, options.fit)
    report(load(options.fit), options.out, show_subjects=options.show_subjects)
    print(f"written to {options.out}")
    return DONE


RUN: Mapping[str, Callable[[Namespace], int]] = {
    "demo": run_demo,
    "extract": run_extract,
    "fit": run_fit,
    "summary": run_summary,
    "report": run_report,
}
"""The function of each command."""


def tell_what_is_kept(options: Namespace) -> str:
    """Return what an interruption has left, and how to go on."""
    if options.command not in {"extract", "demo"}:
        return "nothing was written; run the same command again to start afresh"
    features = options.out / "features.parquet" if options.command == "demo" else options.out
    folder = features.with_name(f"{features.name}.finished")
    return f"{len(list(folder.glob('*.json')))} finished rows are kept in {folder}; run the same command again to go on"


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


def _check_out(out: Path, *sources: Path | None) -> None:
    """Refuse, before any work is done, a place where nothing can be written, or where what is read would be lost."""
    if out.is_dir():
        raise BayesrgError(f"{out} is a folder; name a file in it")
    for source in sources:
        if source is not None and source.exists() and out.exists() and source.samefile(out):
            raise BayesrgError(f"{out} would be written over while it is read; give another name")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as problem:
        raise BayesrgError(f"{out} cannot be written ({problem.strerror}); choose another place") from problem


@contextmanager
def _share_work(jobs: int) -> "Iterator[Executor | None]":
    """Give an executor of so many processes, or None where there is one job only."""
    if jobs == 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

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


def _stability(options: Namespace) -> Any:
    """The model that the options describe."""
    from bayesrg.models import IndependentSds, PooledStability, Priors, Shares, Stability

    if options.threshold and not all(0 < limit < 1 for limit in options.threshold):
        raise SettingsError(f"--threshold is an intraclass correlation between 0 and 1, not {options.threshold}")
    if options.redundancy and not options.features:
        raise SettingsError("--redundancy compares features: it takes --features, not --feature")
    chosen = {"session": options.session_design}
    if options.threshold:
        chosen["thresholds"] = tuple(options.threshold)
    if not options.pooled:
        variances = {"shares": Shares, "half-normal": IndependentSds}[options.variance_prior]()
        return Stability(**chosen, heteroscedastic=options.heteroscedastic, priors=Priors(variances=variances))
    if options.feature or options.heteroscedastic or options.variance_prior != "shares":
        raise SettingsError(
            "--pooled lets features inform each other: it takes --features, not --feature, and has neither "
            "--heteroscedastic nor --variance-prior"
        )
    return PooledStability(**chosen)


def _in_our_names(table: "pd.DataFrame", tool: str) -> "pd.DataFrame":
    """The table with features named as IBSI names them."""
    from bayesrg.radiomics import features_from_mirp, features_from_pyradiomics

    if tool == "bayesrg":
        return table
    return {"pyradiomics": features_from_pyradiomics, "mirp": features_from_mirp}[tool](table)


def _chosen(table: "pd.DataFrame", options: Namespace) -> str | list[str]:
    """The columns of the features that were asked for."""
    from bayesrg.radiomics.features import ALIASES
    from bayesrg.tables import choose_columns

    if options.features:
        factors = (options.subject, options.session, options.scanner, options.preprocessing)
        return choose_columns(table, options.features, [column for column in factors if column])
    feature = options.feature
    if feature not in table and feature.lower() in ALIASES and ALIASES[feature.lower()].name in table:
        feature = ALIASES[feature.lower()].name
        _say(f"{options.feature} is {feature}")
    return feature


def _print_fit(tree: Any, estimands: list[str] | None = None) -> None:
    """Print the estimands of one feature, or a line for each of many, the most reliable first."""
    from bayesrg.inference import summary
    from bayesrg.tables import print_table

    if "feature" not in tree["estimands"].dims:
        table = summary(tree, estimands)
        columns = ["mean", "lower", "upper", "ess_bulk", "r_hat", "unit"]
        print_table(
            ["estimand", *columns], ([name, *row] for name, row in zip(table.index, table[columns].values, strict=True))
        )
        return
    from bayesrg.models import tabulate_features

    ranked = tabulate_features(tree)
    shown = ranked.head(_LISTED_FEATURES)
    print(f"overall ICC of {len(ranked)} features, most reliable first: posterior mean, 95 % interval, probabilities")
    print_table(
        ["feature", *map(str, shown.columns)],
        ([name, *row] for name, row in zip(shown.index, shown.values, strict=True)),
    )
    if len(ranked) > len(shown):
        print(f"and {len(ranked) - len(shown)} more: see the report, or `bayesrg summary FIT --csv FILE`")


def _judge(diagnosis: "Diagnosis") -> int:
    """Return the exit code of a fit, and say loudly if it did not converge."""
    if diagnosis.passed:
        return DONE
    some = 0 < len(diagnosis.failed) < diagnosis.members
    use = "Do not use those that failed" if some else "Do not use this fit"
    _say(
        f"bayesrg: warning: {diagnosis.verdict}. {use}. It is saved, so that you can look at it; "
        "sample longer (--draws, --tune), or see `bayesrg report` for what the trouble is."
    )
    return NOT_CONVERGED


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
