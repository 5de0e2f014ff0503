"""Data and design: who was measured how, what is missing, and what the design cannot tell apart."""

import math
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from bayesrg.inference.provenance import read_json
from bayesrg.models.layout import EFFECTS
from bayesrg.reporting.blocks import (
    Block,
    Column,
    Section,
    Table,
    breakable,
    count,
    enumerate_words,
    fill,
    listed,
    prose,
)
from bayesrg.reporting.judgement import cautions
from bayesrg.reporting.stability.coverage import coverage
from bayesrg.reporting.stability.study import Study, StudyDesign, display

# Beyond these a map of subjects by conditions can be read no more.
MOST_SUBJECTS, MOST_CONDITIONS = 150, 40
MOST_PATTERNS = 12
MOST_LETTERS = 24  # of level names in one cell; beyond, their number is given


def data(study: Study) -> Section:
    """The section on data and design."""
    heading = prose("<b>{feature}</b>: {words}.", feature=breakable(study.feature), words=study.measured_by)
    return Section("data", "Data and design", [heading, *cautions(study.cautions), *design(study)])


def design(study: StudyDesign) -> list[Block]:
    """Facts about the design, subjects by pattern of measurements, and maps of what was measured."""
    rows = _rows(study)
    blocks: list[Block] = [listed(_facts(study, rows)), _pattern_table(study, rows)]
    crossed = [name for name in study.levels if name in ("scanner", "preprocessing")]
    if crossed:
        blocks.append(_cell_table(rows, crossed))
    conditions = rows[crossed].drop_duplicates().shape[0] if crossed else 1
    if conditions <= MOST_CONDITIONS and study.n_levels("subject") <= MOST_SUBJECTS:
        blocks.append(coverage(study, rows))
    return blocks


def _rows(study: StudyDesign) -> pd.DataFrame:
    """A row a measurement: subject number, and labels of session (its number), scanner and preprocessing."""
    columns: dict[str, Any] = {"subject": study.levels["subject"] + 1}
    if "session" in study.levels:
        columns["session"] = study.levels["session"] + 1
    for name in ("scanner", "preprocessing"):
        if name in study.levels:
            labels = study.fit.data[EFFECTS[name][1]].values.astype(str)
            columns[name] = pd.Categorical.from_codes(study.levels[name], labels.tolist())
    return pd.DataFrame(columns)


def _facts(study: StudyDesign, rows: pd.DataFrame) -> list[Markup]:
    attributes = study.fit.data.attrs
    dropped = read_json(attributes, "dropped")
    columns = read_json(attributes, "columns")
    named = [
        fill("{role} from column <code>{column}</code>", role=role, column=column) for role, column in columns.items()
    ]
    facts = [fill("Read from the table: {named}.", named=enumerate_words(named))]
    if dropped:
        reasons = enumerate_words([f"{number} because {why}" for why, number in dropped.items()])
        facts.append(
            fill(
                "{n} of {all} rows were left out: {reasons}.",
                n=sum(dropped.values()),
                all=study.n_rows + sum(dropped.values()),
                reasons=reasons,
            )
        )
    else:
        facts.append(fill("No row was left out ({all} rows read).", all=study.n_rows + sum(dropped.values())))
    if "session" in rows:
        facts.append(fill("Sessions per subject: {counts}.", counts=_distribution(study)))
    measured, possible = (
        len(rows.drop_duplicates()),
        math.prod(len(np.unique(levels)) for levels in study.levels.values()),
    )
    facets = enumerate_words(list(rows.columns))
    if measured == possible:
        facts.append(
            fill("No cell is missing: all {n} combinations of {facets} were measured.", n=possible, facets=facets)
        )
    else:
        facts.append(
            fill(
                "{missing} of {n} combinations of {facets} are missing ({percent:.0f} %); missing cells are a "
                "normal case for this model, which assumes that they are not missing because of the value that "
                "would have been measured.",
                missing=possible - measured,
                n=possible,
                facets=facets,
                percent=100 * (possible - measured) / possible,
            )
        )
    facts.append(
        Markup("Some cells were measured more than once, so the residual is pure repetition noise.")
        if study.replicated
        else Markup("No cell was measured twice, so the residual contains the interactions of highest order.")
    )
    if not study.calibrated:
        balanced = study.layout.strata is not None
        facts.append(Markup("The design is balanced.") if balanced else Markup("The design is not balanced."))
    absent = [display(name) for name in read_json(attributes, "not_identified")]
    if absent:
        facts.append(
            fill(
                "Not in the model, because it was not asked for or the design cannot tell it from other components: "
                "{names}. What there is of it is in the other components.",
                names=enumerate_words(absent),
            )
        )
    return facts


def _distribution(study: StudyDesign) -> str:
    sessions = (
        pd.Series(study.layout.levels("session")).groupby(study.levels["subject"]).nunique().value_counts().sort_index()
    )
    return ", ".join(f"{n} in {count(int(subjects), 'subject')}" for n, subjects in sessions.items())


def _pattern_table(study: StudyDesign, rows: pd.DataFrame) -> Table:
    labels = study.fit.data["subject"].values.astype(str)
    sessions = study.layout.levels("session") if "session" in rows else None
    patterns: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for number, label in enumerate(labels):
        own = study.levels["subject"] == number
        pattern = {"measurements": str(own.sum())}
        if sessions is not None:
            pattern["sessions"] = str(np.unique(sessions[own]).size)
        for name in ("scanner", "preprocessing"):
            if name in rows:
                seen = [str(level) for level in rows.loc[own, name].unique()]
                brief = sum(map(len, seen)) <= MOST_LETTERS
                pattern[f"{name}s"] = ", ".join(sorted(seen)) if brief else str(len(seen))
        patterns.setdefault(tuple(pattern.items()), []).append(label)
    ordered = sorted(patterns.items(), key=lambda item: -len(item[1]))
    grouped = pd.DataFrame([{"subjects": str(len(who)), **dict(pattern)} for pattern, who in ordered])
    if study.show_subjects:
        grouped["labels"] = [", ".join(who) for _, who in ordered]
    grouped.index = pd.RangeIndex(1, len(grouped) + 1, name="pattern")
    shown = grouped.head(MOST_PATTERNS)
    columns = [Column("Pattern", [str(number) for number in shown.index], numeric=False)]
    for name in map(str, shown.columns):
        cells = list(shown[name])
        columns.append(Column(name.capitalize(), cells, numeric=all(cell.isdigit() for cell in cells)))
    rest = len(grouped) - len(shown)
    return Table(
        "patterns",
        "Who was measured how: subjects with the same pattern of measurements together.",
        columns,
        grouped,
        notes=f"{count(rest, 'further pattern')} in the CSV file." if rest else "",
    )


def _cell_table(rows: pd.DataFrame, crossed: list[str]) -> Table:
    by_row = crossed[-1]
    counted = rows.groupby(crossed, observed=True)
    if len(crossed) > 1:
        frame = pd.DataFrame(counted.size().unstack(crossed[0], fill_value=0))
        frame.columns = [f"{crossed[0]} {label}" for label in frame.columns]
    else:
        frame = pd.DataFrame({"measurements": counted.size(), "subjects": counted["subject"].nunique()})
    caption = f"Measurements by {by_row}" + (f" (rows) and {crossed[0]} (columns)." if len(crossed) > 1 else ".")
    return Table(
        "cells",
        caption,
        [
            Column(by_row.capitalize(), [str(label) for label in frame.index], numeric=False),
            *(Column(str(name), [str(number) for number in frame[name]]) for name in frame.columns),
        ],
        frame,
    )
