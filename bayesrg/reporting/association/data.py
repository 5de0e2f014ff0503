"""The data: who is in and who is not, how outcome, predictors and covariates are distributed and coded."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Column, Section, Table, breakable, count, enumerate_words, fill, listed
from bayesrg.reporting.judgement import cautions
from bayesrg.reporting.rounding import rounded, significant

MOST_LEVELS = 40  # of a group that are listed


def data(study: Study) -> Section:
    """The section on the data."""
    blocks: list[Block] = [*cautions(study.cautions), listed(_facts(study)), _outcome_table(study)]
    blocks.append(_predictor_table(study))
    if study.covariates or study.coding:
        blocks.append(_coding_table(study))
    blocks += _group_tables(study)
    return Section("data", "The data", blocks)


def _facts(study: Study) -> list[Markup]:
    dropped, n = study.dropped, study.n_patients
    everyone = n + sum(dropped.values())
    facts = [fill("<b>{n}</b> were fitted.", n=count(n, "patient"))]
    if study.groups and "level" in study.personal:
        facts = [fill("<b>{n}</b> were fitted; some may be of one patient, see the groups below.", n=count(n, "row"))]
    if dropped:
        reasons = enumerate_words([f"{number} because {why}" for why, number in dropped.items()])
        facts.append(
            fill(
                "{n} of {all} rows were left out: {reasons}. A row is left out for the first column that it lacks; "
                "patients with missing values may differ from the others.",
                n=sum(dropped.values()),
                all=everyone,
                reasons=reasons,
            )
        )
    else:
        facts.append(fill("No row was left out ({all} rows read).", all=everyone))
    if study.data.attrs["formula"]:
        facts.append(fill("Covariates: <code>{formula}</code>.", formula=study.data.attrs["formula"]))
    else:
        facts.append(Markup("No covariates."))
    if study.weighted:
        weight = study.data["weight"].values
        facts.append(
            fill(
                "Weights from {low} to {high}; effective number of patients {kish} (Kish).",
                low=significant(weight.min()),
                high=significant(weight.max()),
                kish=rounded(weight.sum() ** 2 / (weight**2).sum(), 0.1),
            )
        )
    else:
        facts.append(Markup("All rows have the same weight."))
    if study.family == "negative_binomial" and np.ptp(study.data["offset"].values) > 0:
        ratio = float(np.exp(np.ptp(study.data["offset"].values)))
        facts.append(fill("Exposures differ by a factor of up to {ratio}.", ratio=significant(ratio)))
    return facts


def _outcome_table(study: Study) -> Table:
    name = f"{study.outcome} ({study.unit})" if study.unit else study.outcome
    if study.family in ("bernoulli", "ordinal", "categorical"):
        counts = np.bincount(study.data["value"].values.astype(int), minlength=len(study.categories))
        frame = pd.DataFrame(
            {"patients": counts, "share": counts / counts.sum()}, index=pd.Index(study.categories, name="category")
        )
        return Table(
            "outcome",
            fill("The outcome {name}.", name=breakable(study.outcome)),
            [
                Column("Category", list(frame.index), numeric=False),
                Column("Patients", [str(number) for number in counts]),
                Column("Share", [f"{100 * share:.1f}\u00a0%" for share in frame["share"]]),
            ],
            frame,
        )
    return _described("outcome", fill("The outcome {name}.", name=breakable(name)), {study.outcome: study.values})


def _predictor_table(study: Study) -> Table:
    columns = {}
    for term in study.terms:
        unit = study.unit_of(term)
        columns[f"{term} ({unit})" if unit else term] = study.predictor(term)
    return _described("predictors", Markup("The predictors, in their own units."), columns)


def _described(name: str, caption: Markup, columns: dict[str, np.ndarray]) -> Table:
    rows = {}
    for label, values in columns.items():
        quartiles = np.quantile(values, [0.0, 0.25, 0.5, 0.75, 1.0])
        distinct = int(np.unique(values).size)
        largest = int(np.unique(values, return_counts=True)[1].max())
        rows[label] = [values.mean(), values.std(ddof=1), *quartiles, distinct, largest]
    headings = ["mean", "sd", "minimum", "lower quartile", "median", "upper quartile", "maximum", "distinct", "largest"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=headings).rename_axis("variable")
    frame = frame.astype({"distinct": int, "largest": int}).rename(columns={"largest": "largest tie"})
    shown = [Column("Variable", [breakable(label) for label in frame.index], numeric=False)]
    for heading in map(str, frame.columns):
        whole = heading in ("distinct", "largest tie")
        shown.append(
            Column(
                heading.capitalize() if heading != "sd" else "sd",
                [str(value) if whole else significant(float(value)) for value in frame[heading]],
            )
        )
    return Table(name, caption, shown, frame)


def _coding_table(study: Study) -> Table:
    rows = []
    for name, own in study.coding.items():
        rows.append(
            (
                name,
                "predictor" if name in study.predictors else "covariate",
                f"{own['contrast']} contrasts",
                own["reference"] or "–",
                ", ".join(map(str, own["levels"])),
            )
        )
    coded = {row[0] for row in rows}
    for name, location, scale in zip(
        study.covariates,
        study.data["covariate_location"].values,
        study.data["covariate_scale"].values,
        strict=True,
    ):
        if not any(label in name for label in coded):
            how = f"({name} − {significant(float(location))}) / {significant(float(scale))}"
            rows.append((name, "covariate", how, "–", ""))
    frame = pd.DataFrame(rows, columns=["column", "role", "coding", "reference", "levels"]).set_index("column")
    return Table(
        "coding",
        "How columns were coded. A categorical column is one column of 0 and 1 for each level but its reference.",
        [
            Column("Column", [breakable(label) for label in frame.index], numeric=False),
            *(Column(name.capitalize(), list(frame[name]), numeric=False) for name in map(str, frame.columns)),
        ],
        frame,
    )


def _group_tables(study: Study) -> list[Block]:
    blocks: list[Block] = []
    labels = [str(label) for label in study.data["level"].values]
    for number, name in enumerate(study.groups):
        index = study.data["group_index"].values[:, number]
        levels = np.unique(index)
        hidden = "level" in study.personal and not study.show_subjects
        counts = np.bincount(index, minlength=len(labels))[levels]
        if hidden or levels.size > MOST_LEVELS:
            blocks.append(
                listed(
                    [
                        fill(
                            "Group <b>{name}</b>: {n}, with {low} to {high} rows each{why}.",
                            name=breakable(name),
                            n=count(levels.size, "level"),
                            low=counts.min(),
                            high=counts.max(),
                            why="; their labels are not shown, because they may be those of patients" if hidden else "",
                        )
                    ]
                )
            )
            continue
        frame = pd.DataFrame(
            {"patients": counts}, index=pd.Index([labels[k].removeprefix(f"{name}: ") for k in levels], name="level")
        )
        for term in study.terms:
            frame[f"mean {term}"] = [study.predictor(term)[index == level].mean() for level in levels]
        shown = [
            Column("Level", list(frame.index), numeric=False),
            Column("Patients", [str(value) for value in frame["patients"]]),
        ]
        shown += [
            Column(f"Mean {term}", [significant(float(value)) for value in frame[f"mean {term}"]])
            for term in study.terms
        ]
        caption = fill(
            "The group {name}: patients of each level, and the predictors’ means in them. Where these differ much, "
            "group and predictor are confounded.",
            name=breakable(name),
        )
        blocks.append(Table(f"group_{number + 1}", caption, shown, frame))
    return blocks
