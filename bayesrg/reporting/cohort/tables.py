"""Tables of a cohort's page: its flow, who is where and why not, and what is missing by variable and by patient."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.cohort import missing_by_variable, read_flow
from bayesrg.reporting.blocks import Column, Table, breakable
from bayesrg.reporting.cohort.flow import JOINED
from bayesrg.reporting.cohort.leaving import LEVELS, read_leaving
from bayesrg.reporting.cohort.lettering import clean
from bayesrg.reporting.cohort.staircase import percent

# Rows up to which a page holds a table of patients or variables; the file beside it always has all.
MOST_SHOWN = 1000
LONG = 25
# Edges of the groups by share of values missing.
EDGES = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)


def flow_table(cohort: xr.Dataset) -> Table:
    """Every step with its numbers, and who left at it; the first ones are the sources, then comes the join."""
    steps, sources, left_out = read_flow(cohort), cohort.sizes["source"], read_leaving(cohort)
    levels = list(dict.fromkeys(level for step in steps for level in step.counts))
    titles = [JOINED if number == sources else step.title for number, step in enumerate(steps)]
    names = {"patient": "Patients", "tumor": "Tumours", "region": "Regions"}
    frame = pd.DataFrame(
        {
            **{level: pd.array([step.counts.get(level) for step in steps], dtype="Int64") for level in levels},
            "left_out": [sum(n for _, n in leaving.patients) for leaving in left_out],
            "why": ["; ".join(leaving.lines) for leaving in left_out],
        },
        index=pd.Index(titles, name="step"),
    )
    return Table(
        "flow-steps",
        "The steps of the flow: units after each step, patients whom it left out, and why.",
        [
            Column("Step", [clean(title) for title in titles], numeric=False),
            *(
                Column(names.get(level, level), [str(step.counts.get(level, "–")) for step in steps])
                for level in levels
            ),
            Column("Patients left out", list(map(str, frame["left_out"]))),
            Column("Why", [clean(why) or "–" for why in frame["why"]], numeric=False),
        ],
        frame,
    )


def reason_table(lacking: Mapping[str, Sequence[str]]) -> Table:
    """How often each thing is missing from a patient, and why; of those in the cohort and those who left.

    Parameters
    ----------
    lacking : the reasons of each patient, none for those who lack nothing
    """
    whole = "in every source with values"
    counts = pd.Series([why for own in lacking.values() for why in own or (whole,)], dtype=object).value_counts()
    frame = (
        counts.sort_index().sort_values(ascending=False, kind="stable").rename("patients").rename_axis("why").to_frame()
    )
    return Table(
        "reasons",
        "What patients lack, and why; one who lacks several sources is counted at each.",
        [
            Column("What and why", [clean(why) for why in frame.index], numeric=False),
            Column("Patients", list(map(str, frame["patients"])), order=list(frame["patients"])),
        ],
        frame,
        searchable=len(frame) > LONG,
    )


def who_table(who: pd.DataFrame) -> Table:
    """Everybody by name: in which source, and what is missing and why."""
    shown = who.head(MOST_SHOWN)
    sources = list(who.columns[:-1])
    return Table(
        "who",
        "Every patient: in which source, and what is missing and why.",
        [
            Column("Patient", [clean(label) for label in shown.index], numeric=False),
            *(
                Column(clean(source), ["yes" if there else "no" for there in shown[source]], numeric=False)
                for source in sources
            ),
            Column("Missing, and why", [clean(why) or "–" for why in shown["why"]], numeric=False),
        ],
        who,
        notes=_cut(len(who)),
        searchable=True,
    )


def variable_table(cohort: xr.Dataset) -> Table:
    """How many values of each variable are missing, those with the most first."""
    frame = missing_by_variable(cohort).sort_values("share", ascending=False, kind="stable")
    shown = frame.head(MOST_SHOWN)
    return Table(
        "missing-variables",
        "Missing values by variable, those with the largest share first.",
        [
            Column("Variable", [breakable(clean(name)) for name in shown.index], numeric=False),
            Column("Role", list(shown["role"]), numeric=False),
            Column("Source", [clean(source) for source in shown["source"]], numeric=False),
            Column("Of each", [_spell(level) for level in shown["level"]], numeric=False),
            Column("Values", list(map(str, shown["n"])), order=list(shown["n"])),
            Column("Missing", list(map(str, shown["missing"])), order=list(shown["missing"])),
            Column("Share", [percent(share) for share in shown["share"]], order=list(shown["share"])),
        ],
        frame,
        notes=_cut(len(frame)),
        searchable=True,
    )


def patient_table(missing: pd.DataFrame, show_patients: bool, units: Mapping[str, np.ndarray]) -> list[Table]:
    """How much patients miss: in groups, and one by one, without identifiers unless asked for.

    Parameters
    ----------
    missing : as `missing_by_patient` returns it
    show_patients : whether identifiers are in the table
    units : whether each patient has no tumour or region, as `without_units` returns it
    """
    ordered = missing.sort_values("share", ascending=False, kind="stable")
    if not show_patients:
        # Rows of the same numbers in an order that does not give away the one of the labels.
        ordered = missing.sort_values([*("share", "total"), *missing.columns[:-2]], ascending=False)
        ordered = ordered.set_axis(pd.RangeIndex(1, len(missing) + 1, name="row"), axis=0)
    shown = ordered.head(MOST_SHOWN)
    first = Column(
        "Patient" if show_patients else "Row",
        [clean(label) for label in shown.index],
        numeric=False,
        order=None if show_patients else list(shown.index),
    )
    each = Table(
        "missing-patients",
        "Missing values of each patient by source, those with the most first"
        + ("." if show_patients else "; identifiers are not shown."),
        [
            first,
            *(
                Column(clean(source), list(map(str, shown[source])), order=list(shown[source]))
                for source in shown.columns[:-2]
            ),
            Column("In all", list(map(str, shown["total"])), order=list(shown["total"])),
            Column("Share", [percent(share) for share in shown["share"]], order=list(shown["share"])),
        ],
        ordered,
        notes=_cut(len(ordered)),
        searchable=True,
    )
    return [_group(missing, units), each]


def _group(missing: pd.DataFrame, units: Mapping[str, np.ndarray]) -> Table:
    """Patients in groups by the share of their values that is missing."""
    shares = missing["share"].to_numpy()
    without = np.any([np.zeros(len(shares), dtype=bool), *units.values()], axis=0)
    names = ["nothing"]
    counts = [int(((shares == 0) & ~without).sum())]
    if without.any():
        names.append(f"nothing of what they have, but they have no {' or no '.join(LEVELS[level] for level in units)}")
        counts.append(int(((shares == 0) & without).sum()))
    for low, high in itertools.pairwise(EDGES):
        last = high == EDGES[-1]
        names.append(f"more than {percent(low)}" + (", not all" if last else f" to {percent(high)}"))
        counts.append(int(((shares > low) & ((shares < high) if last else (shares <= high))).sum()))
    names += ["everything", "has no unit with values"]
    counts += [int((shares == 1).sum()), int(np.isnan(shares).sum())]
    frame = pd.DataFrame({"patients": counts}, index=pd.Index(names, name="missing"))
    frame = frame if counts[-1] else frame.iloc[:-1]
    of_all = [percent(n / len(missing)) if len(missing) else "–" for n in frame["patients"]]
    return Table(
        "missing-groups",
        "Patients by the share of their values that is missing.",
        [
            Column("Missing", list(frame.index), numeric=False),
            Column("Patients", list(map(str, frame["patients"]))),
            Column("Share of patients", of_all),
        ],
        frame,
    )


def _spell(level: str) -> str:
    return "tumour" if level == "tumor" else level


def _cut(rows: int) -> str:
    return f"The first {MOST_SHOWN} of {rows} rows; the CSV file has all." if rows > MOST_SHOWN else ""
