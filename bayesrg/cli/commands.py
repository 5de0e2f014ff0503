"""Which function runs each command; every one takes the parsed command line and returns the exit code."""

from argparse import Namespace
from collections.abc import Callable, Mapping

from bayesrg.cli.associating import run_association, run_predict
from bayesrg.cli.encoding import run_encode
from bayesrg.cli.extraction import run_extract, run_ibsi, run_settings
from bayesrg.cli.fitting import run_demo, run_fit, run_report, run_summary
from bayesrg.cli.joining import run_join
from bayesrg.cli.multi_region_fitting import run_multi_region

FIT: Mapping[str, Callable[[Namespace], int]] = {
    "stability": run_fit,
    "association": run_association,
    "multi-region": run_multi_region,
}
"""The function of each model's fit."""

RUN: Mapping[str, Callable[[Namespace], int]] = {
    "demo": run_demo,
    "settings": run_settings,
    "ibsi": run_ibsi,
    "extract": run_extract,
    "encode": run_encode,
    "join": run_join,
    "fit": lambda options: FIT[options.model](options),
    "summary": run_summary,
    "report": run_report,
    "predict": run_predict,
}
"""The function of each command."""


def tell_what_is_kept(options: Namespace) -> str:
    """Return what an interruption has left, and how to go on."""
    if options.command not in {"extract", "demo"}:
        return "nothing was written; run the same command again to start afresh"
    features = options.out / "features.parquet" if options.command == "demo" else options.out
    folder = features.with_name(f"{features.name}.finished")
    return f"{len(list(folder.glob('*.json')))} finished rows are kept in {folder}; run the same command again to go on"
