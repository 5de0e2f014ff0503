"""The command that joins tables into a cohort."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from bayesrg.cli.join_sources import ROLES, read_sources
from bayesrg.cli.outcome import DONE, check_out, read_list, say, warnings_told
from bayesrg.errors import SettingsError
from bayesrg.files import replace_atomically

if TYPE_CHECKING:
    import pandas as pd

TABLES = (".csv", ".parquet")
"""Endings of the flat table."""


def run_join(options: Namespace) -> int:
    """Join the tables, tell who is where, and write the cohort, its page and its table."""
    from bayesrg import cohort
    from bayesrg.storage import write_dataset

    _check_outputs(options)
    enrolled = None if options.patients is None else read_list(options.patients, "patient")
    with warnings_told():
        sources = read_sources(options)
        if options.suggest is not None:
            suggested = cohort.suggest_identifiers(sources, patients=enrolled)
            with replace_atomically(options.suggest) as unfinished:
                suggested.to_csv(unfinished, index=False)
            print(f"{len(suggested)} identifiers to check, written to {options.suggest}; give it back as --identifiers")
            return DONE
        joined = cohort.join(
            sources,
            identifiers=options.identifiers,
            patients=enrolled,
            outside=options.outside,
            unmatched_tumors=options.unmatched_tumors,
        )
        _tell_membership(cohort.membership(joined).drop(columns="why"))
        if options.table is not None:
            with replace_atomically(options.table) as unfinished:
                table = cohort.to_table(joined)
                (table.to_csv if options.table.suffix.lower() == ".csv" else table.to_parquet)(unfinished)
            say(f"table written to {options.table}")
        if options.report is not None:
            from bayesrg.reporting import report_cohort

            say(f"page written to {report_cohort(joined, options.report, show_patients=options.show_patients)}")
        print(f"written to {write_dataset(joined, options.out)}")
    return DONE


def _check_outputs(options: Namespace) -> None:
    """Refuse, before any work is done, outputs that cannot be written, or that would be written over each other."""
    from bayesrg.storage import SUFFIX

    if options.out is None and options.suggest is None:
        raise SettingsError("nothing is to be written; name the cohort's file with --out, or --suggest FILE")
    files = [path for role in ROLES for path in getattr(options, role)]
    files += [path for path in (options.identifiers, options.patients) if path is not None]
    outputs: dict[Path, str] = {}
    for name in ("out", "report", "table", "suggest"):
        target: Path | None = getattr(options, name)
        if target is None:
            continue
        check_out(target, *files)
        if target.resolve() in outputs:
            raise SettingsError(f"--{name} and --{outputs[target.resolve()]} name the same file; give them two")
        outputs[target.resolve()] = name
    if options.out is not None and not options.out.name.lower().endswith(SUFFIX):
        raise SettingsError(f"{options.out}: expected a cohort's file to end in {SUFFIX}; --table writes a flat table")
    if options.table is not None and options.table.suffix.lower() not in TABLES:
        raise SettingsError(f"{options.table}: expected a table in one of {', '.join(TABLES)}")


def _tell_membership(who: "pd.DataFrame") -> None:
    """Print how many patients are in which tables."""
    from bayesrg.tables import print_table

    words = {True: "yes", False: "no"}
    rows = [
        [*(words[bool(cell)] for cell in row[:-1]), row[-1]]
        for row in who.value_counts().reset_index().itertuples(index=False, name=None)
    ]
    print_table([*map(str, who.columns), "patients"], rows)
    print(f"{int(who.all(axis='columns').sum())} of {len(who)} patients are in every table")
