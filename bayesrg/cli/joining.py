"""The command that joins tables into a cohort."""

import warnings
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bayesrg.cli.encoding import read_list, warnings_told
from bayesrg.cli.outcome import DONE, check_out, say
from bayesrg.errors import SettingsError
from bayesrg.files import replace_atomically

if TYPE_CHECKING:
    from bayesrg.cohort import Source

ROLES = ("imaging", "genome", "clinical", "batch", "outcome")


def run_join(options: Namespace) -> int:
    """Join the tables, tell who is where, and write the cohort, its page and its table."""
    from bayesrg import cohort
    from bayesrg.storage import write_dataset
    from bayesrg.tables import print_table

    files = [path for role in ROLES for path in getattr(options, role)]
    for out in (options.out, options.report, options.table, options.suggest):
        if out is not None:
            check_out(out, *files)
    out: Path | None = options.out
    if out is None and options.suggest is None:
        raise SettingsError("nothing is to be written; name the cohort's file with --out, or --suggest FILE")
    with warnings_told():
        sources = _sources(options)
        if options.suggest is not None:
            suggested = cohort.suggest_identifiers(sources)
            with replace_atomically(options.suggest) as unfinished:
                suggested.to_csv(unfinished, index=False)
            print(
                f"{len(suggested)} identifiers to check are written to {options.suggest}; give it back as --identifiers"
            )
            return DONE
        joined = cohort.join(
            sources,
            identifiers=options.identifiers,
            patients=None if options.patients is None else read_list(options.patients, "patient"),
        )
        who = cohort.membership(joined).drop(columns="why")
        combinations = who.value_counts().reset_index()
        print_table(
            [*who.columns, "patients"],
            [
                ["yes" if cell is True else "no" if cell is False else cell for cell in row]
                for row in combinations.to_numpy(dtype=object).tolist()
            ],
        )
        print(f"{int(who.all(axis='columns').sum())} of {len(who)} patients are in every table")
        if options.table is not None:
            _write_table(cohort.to_table(joined), options.table)
            say(f"table written to {options.table}")
        if options.report is not None:
            from bayesrg.reporting import report_cohort

            say(f"page written to {report_cohort(joined, options.report, show_patients=options.show_patients)}")
        if out is not None:
            print(f"written to {write_dataset(joined, out)}")
    return DONE


def _write_table(table: object, path: Path) -> None:
    """Write the flat table as its suffix says."""
    import pandas as pd

    assert isinstance(table, pd.DataFrame)
    with replace_atomically(path) as unfinished:
        if path.suffix.lower() == ".parquet":
            table.to_parquet(unfinished)
        elif path.suffix.lower() == ".csv":
            table.to_csv(unfinished)
        else:
            raise SettingsError(f"{path}: expected a table in one of .csv, .parquet")


def _sources(options: Namespace) -> "dict[str, Source]":
    """Return the sources by the names of their files."""
    from bayesrg.cohort import Source
    from bayesrg.storage import SUFFIX, read_dataset

    keys = {level: _by_source(getattr(options, level), f"--{level}") for level in ("patient", "tumor", "region")}
    columns = dict(_pair(text, "--role COL=ROLE") for text in options.role)
    sources: dict[str, Source] = {}
    for role in ROLES:
        for path in getattr(options, role):
            name = path.name.split(".")[0]
            if name in sources:
                raise SettingsError(
                    f"two files are called {name!r}; rename one, because sources are called by their files"
                )
            if path.name.lower().endswith(SUFFIX):
                sources[name] = Source(read_dataset(path), role)
                continue
            sources[name] = Source(
                path,
                role,
                patient=keys["patient"].get(name, keys["patient"].get("", "patient")),
                tumor=keys["tumor"].get(name, keys["tumor"].get("")),
                region=keys["region"].get(name, keys["region"].get("")),
                missing=options.missing,
                names="mend" if options.mend_names else "refuse",
            )
    if not sources:
        raise SettingsError("no table is given; name some with --imaging, --genome, --clinical, --batch or --outcome")
    for kind, chosen in keys.items():
        unknown = set(chosen) - {"", *sources}
        if unknown:
            raise SettingsError(
                f"--{kind} names {sorted(unknown)[0]!r}, which is no source; they are {', '.join(sources)}"
            )
    return _with_roles(_narrowed(sources, options.exclude, options.text), columns)


def _narrowed(sources: "dict[str, Source]", excluded: Sequence[str], text: Sequence[str]) -> "dict[str, Source]":
    """Return the sources with columns to leave out and columns that stay text, each in the tables that have it."""
    from dataclasses import replace

    if not excluded and not text:
        return sources
    held = {name: set(_columns(source)) for name, source in sources.items()}
    for option, columns in (("--exclude", excluded), ("--text", text)):
        unknown = set(columns).difference(*held.values())
        if unknown:
            raise SettingsError(f"{option} names {sorted(unknown)[0]!r}, which is a column of no table")
    return {
        name: replace(
            source,
            exclude=[column for column in excluded if column in held[name]],
            text=[column for column in text if column in held[name]],
        )
        for name, source in sources.items()
    }


def _with_roles(sources: "dict[str, Source]", columns: dict[str, str]) -> "dict[str, Source]":
    """Return the sources with the roles of single columns, each in the table that has it."""
    from dataclasses import replace

    for column, role in columns.items():
        holders = [name for name, source in sources.items() if column in _columns(source)]
        if len(holders) != 1:
            raise SettingsError(f"--role names the column {column!r}, which is in {', '.join(holders) or 'no table'}")
        source = sources[holders[0]]
        sources[holders[0]] = replace(source, roles={**source.roles, column: role})
    return sources


def _columns(source: "Source") -> list[str]:
    """Return the names of a source's columns, or of a Dataset's variables."""
    import xarray as xr

    from bayesrg.tables import read_table

    if isinstance(source.table, xr.Dataset):
        return [str(name) for name in source.table.data_vars]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what is mended is told when the table is joined
        return list(read_table(str(source.table), names=source.names).columns)


def _by_source(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return the columns by source; the one for all sources has the name ``""``."""
    found: dict[str, str] = {}
    for text in texts:
        source, _, column = text.rpartition("=")
        if source in found or not column:
            raise SettingsError(f"{option} {text!r} is not understood, or is given twice; expected COL or SOURCE=COL")
        found[source] = column
    return found


def _pair(text: str, expected: str) -> tuple[str, str]:
    left, _, right = text.rpartition("=")
    if not left or not right:
        raise SettingsError(f"{text!r} is not understood; expected {expected}")
    return left, right
