"""Where a cohort came from: its sources with their roles and units, identifiers that were mapped, history, versions."""

import json
import platform
from importlib.metadata import version

import pandas as pd
import xarray as xr

from bayesrg.cohort.axes import SEPARATOR
from bayesrg.cohort.missingness import look_at
from bayesrg.reporting.blocks import Block, Column, Table, count, prose
from bayesrg.reporting.cohort.leaving import LEVELS
from bayesrg.reporting.cohort.lettering import clean

PACKAGES = ("bayesrg", "xarray", "pandas", "numpy", "matplotlib")


def source_table(cohort: xr.Dataset) -> Table:
    """Each source: whom it has, the roles and levels of its variables, and how many of them have a unit."""
    units = _units_of(cohort)
    rows = {}
    present = cohort["present"].transpose("patient", "source").values
    for place, source in enumerate(map(str, cohort["source"].values)):
        blocks = [block for block in look_at(cohort) if block.source == source]
        names = [name for block in blocks for name in block.names]
        own = [units[source, name] for name in names if units.get((source, name), "")]
        rows[source] = {
            "patients": int(present[:, place].sum()),
            "variables": len(names),
            "roles": ", ".join(dict.fromkeys(block.role for block in blocks)),
            "of_each": ", ".join(dict.fromkeys(LEVELS[block.level] for block in blocks)),
            "with_units": len(own),
            "units": ", ".join(dict.fromkeys(own)),
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("source")
    return Table(
        "sources",
        "The sources: patients of the cohort whom each has, and what its variables are.",
        [
            Column("Source", [clean(name) for name in frame.index], numeric=False),
            Column("Patients", list(map(str, frame["patients"]))),
            Column("Variables", list(map(str, frame["variables"]))),
            Column("Roles", list(frame["roles"]), numeric=False),
            Column("Of each", list(frame["of_each"]), numeric=False),
            Column("With a unit", list(map(str, frame["with_units"]))),
            Column("Units", [clean(text) or "–" for text in frame["units"]], numeric=False),
        ],
        frame,
    )


def _units_of(cohort: xr.Dataset) -> dict[tuple[str, str], str]:
    """The unit of each variable or column of a matrix, by source and name, where it is known."""
    found = {}
    for name, variable in cohort.data_vars.items():
        source, unit = variable.attrs.get("source", ""), str(variable.attrs.get("units", ""))
        found[source, str(name)] = unit
        for dim in variable.dims:
            if variable.attrs.get("kind") == "matrix" and f"{dim}_units" in cohort.coords:
                own = cohort[f"{dim}_units"].values, cohort[f"{dim}_source"].values, cohort[dim].values
                found |= {
                    (part, str(label)): str(text)
                    for text, held, label in zip(*own, strict=True)
                    for part in str(held).split(SEPARATOR)
                }
    return found


def mapped_blocks(cohort: xr.Dataset, show_patients: bool) -> list[Block]:
    """How many identifiers were mapped to another spelling, in which source, and if asked which."""
    used = json.loads(cohort.attrs.get("identifiers", "[]"))
    changed = [one for one in used if one["found"] != one["meant"]]
    if not changed:
        return [prose("No identifier was mapped: each was taken as it stands in its source.")]
    frame = pd.DataFrame(changed)[["found", "meant", "source"]]
    by_source = pd.Series([one["source"] for one in changed]).value_counts().sort_index()
    blocks: list[Block] = [
        prose(
            "{n} mapped to the spelling that is meant, by a table that was given.",
            n=f"{count(len(changed), 'identifier')} {'was' if len(changed) == 1 else 'were'}",
        )
    ]
    blocks.append(
        Table(
            "mapped-sources",
            "Identifiers that were mapped, by source.",
            [
                Column("Source", [clean(name) or "every source" for name in by_source.index], numeric=False),
                Column("Identifiers", list(map(str, by_source))),
            ],
            by_source.rename("identifiers").rename_axis("source").to_frame(),
        )
    )
    if show_patients:
        columns = [
            Column(heading, [clean(one) for one in frame[name]], numeric=False)
            for heading, name in (("Found", "found"), ("Meant", "meant"), ("Source", "source"))
        ]
        blocks.append(
            Table("mapped", "Identifiers as found and as meant.", columns, frame.set_index("found"), searchable=True)
        )
    return blocks


def history_table(cohort: xr.Dataset) -> list[Block]:
    """The steps in the cohort's attribute ``history``."""
    lines = [line for line in str(cohort.attrs.get("history", "")).splitlines() if line]
    if not lines:
        return [prose("The cohort has no history.")]
    frame = pd.DataFrame({"step": lines}, index=pd.RangeIndex(1, len(lines) + 1, name="number"))
    return [
        Table(
            "history",
            "What was done, in order.",
            [
                Column("Number", list(map(str, frame.index))),
                Column("Step", [clean(line) for line in lines], numeric=False),
            ],
            frame,
        )
    ]


def version_table() -> Table:
    """The versions with which the page was written."""
    frame = pd.DataFrame(
        {"version": [platform.python_version(), *map(version, PACKAGES)]},
        index=pd.Index(["Python", *PACKAGES], name="software"),
    )
    columns = [
        Column("Software", list(frame.index), numeric=False),
        Column("Version", list(frame["version"]), numeric=False),
    ]
    return Table("versions", "Software that wrote this page.", columns, frame)
