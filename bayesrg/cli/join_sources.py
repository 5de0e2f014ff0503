"""The tables of `bayesrg join` as the command line names them: whose, of which role, and what their columns are."""

import warnings
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bayesrg.errors import SettingsError

if TYPE_CHECKING:
    from bayesrg.cohort import Source

ROLES = ("imaging", "genome", "clinical", "batch", "outcome")
"""Roles, each an option that names files."""


def read_sources(options: Namespace) -> "dict[str, Source]":
    """Return the sources by the names of their files, with what the options say of their columns."""
    sources = _name_sources(options)
    sources = _with_values(sources, options.rename, "rename", "OLD=NEW")
    sources = _with_values(sources, options.role, "roles", "COL=ROLE")
    sources = _with_values(sources, options.unit, "units", "COL=UNIT")
    for option in ("exclude", "text", "dates"):
        chosen: dict[str, list[str]] = {}
        for reference in getattr(options, option):
            name, column = _locate(reference, sources, f"--{option}")
            chosen.setdefault(name, []).append(column)
        sources |= {name: replace(sources[name], **{option: columns}) for name, columns in chosen.items()}
    return sources


def _name_sources(options: Namespace) -> "dict[str, Source]":
    from bayesrg.cohort import Source
    from bayesrg.storage import SUFFIX, read_dataset

    keys = {level: _by_source(getattr(options, level), f"--{level}") for level in ("patient", "tumor", "region")}
    sheets = _by_source(options.sheet, "--sheet")
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
                sheet=sheets.get(name),
            )
    if not sources:
        raise SettingsError("no table is given; name some with --imaging, --genome, --clinical, --batch or --outcome")
    for option, chosen in {**keys, "sheet": sheets}.items():
        unknown = sorted(set(chosen) - {"", *sources})
        if unknown:
            raise SettingsError(f"--{option} names {unknown[0]!r}, which is no source; they are {', '.join(sources)}")
    return sources


def _with_values(
    sources: "Mapping[str, Source]", texts: Sequence[str], option: str, expected: str
) -> "dict[str, Source]":
    """Return the sources with values of single columns: other names, roles or units."""
    flag = f"--{option.removesuffix('s')}"
    changed = dict(sources)
    for text in texts:
        left, _, value = text.rpartition("=")
        if not left or not value:
            raise SettingsError(f"{flag} {text!r} is not understood; expected {expected}, or SOURCE={expected}")
        name, column = _locate(left, sources, flag)
        changed[name] = replace(changed[name], **{option: {**getattr(changed[name], option), column: value}})
    return changed


def _locate(reference: str, sources: "Mapping[str, Source]", flag: str) -> tuple[str, str]:
    """Return the source and column that ``COL`` or ``SOURCE=COL`` means; a bare column must be in one table only."""
    name, _, column = reference.partition("=")
    if name in sources and column in _columns(sources[name]):
        return name, column
    holders = [name for name, source in sources.items() if reference in _columns(source)]
    if not holders:
        raise SettingsError(f"{flag} names {reference!r}, which is a column of no table")
    if len(holders) > 1:
        raise SettingsError(
            f"{flag} names {reference!r}, which is a column of {', '.join(holders)}; say which: "
            f"{holders[0]}={reference}"
        )
    return holders[0], reference


def _columns(source: "Source") -> list[str]:
    """Return the names of a source's columns, or of a Dataset's variables, as they are after renaming."""
    import xarray as xr

    from bayesrg.tables import read_table

    if isinstance(source.table, xr.Dataset):
        return [str(name) for name in source.table.data_vars]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what is mended is told when the table is joined
        table = read_table(str(source.table), names=source.names, sheet=source.sheet)
    return [str(source.rename.get(name, name)) for name in table.columns]


def _by_source(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return the columns by source; the one for all sources has the name ``""``."""
    found: dict[str, str] = {}
    for text in texts:
        source, _, column = text.rpartition("=")
        if source in found or not column:
            raise SettingsError(f"{option} {text!r} is not understood, or is given twice; expected COL or SOURCE=COL")
        found[source] = column
    return found
