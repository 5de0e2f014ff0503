"""The data: tumours and their regions, distances, what was left out, features and genes."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from bayesrg.reporting.blocks import Block, Column, Section, Table, breakable, count, enumerate_words, fill, listed
from bayesrg.reporting.judgement import cautions
from bayesrg.reporting.multi_region.study import MOST_LINKS, Study
from bayesrg.reporting.rounding import significant

MOST_LEVELS = 40


def data(study: Study) -> Section:
    """The section on the data."""
    blocks: list[Block] = [*cautions(study.cautions), listed(_facts(study)), _feature_table(study), _gene_table(study)]
    return Section("data", "The data", blocks)


def distances(study: Study) -> np.ndarray:
    """Distances of all pairs of regions of a tumour, in mm; empty where places are unknown."""
    if not study.placed:
        return np.array([])
    pairs = (study.layout.in_tumor > 0) & (study.layout.diagonal == 0)
    return study.data["pair_distance"].values[pairs]


def _facts(study: Study) -> list[Markup]:
    sizes, dropped = study.regions_of, study.dropped
    facts = [
        fill(
            "<b>{regions}</b> of {tumors} of {patients}.",
            regions=count(study.n_regions, "region"),
            tumors=count(study.n_tumors, "tumour"),
            patients=count(study.n_patients, "patient"),
        ),
        fill(
            "Regions of a tumour: median {middle:g}, from {low} to {high}; {several} with two or more, {pairs} within "
            "tumours.",
            middle=float(np.median(sizes)),
            low=sizes.min(),
            high=sizes.max(),
            several=count(int((sizes > 1).sum()), "tumour"),
            pairs=count(int((sizes * (sizes - 1) // 2).sum()), "pair"),
        ),
    ]
    apart = distances(study)
    if apart.size:
        low, middle, high = (significant(float(x)) for x in np.quantile(apart, [0.0, 0.5, 1.0]))
        facts.append(
            fill(
                "Distances within tumours: median {middle} mm, from {low} to {high} mm.",
                middle=middle,
                low=low,
                high=high,
            )
        )
        same = int((apart == 0).sum())
        if same:
            facts.append(fill("{n} at the very same place.", n=count(same, "pair lies", "pairs lie")))
    else:
        facts.append(Markup("No places of regions were given."))
    if dropped:
        reasons = enumerate_words([f"{number} because {why}" for why, number in dropped.items()])
        facts.append(
            fill(
                "{n} of {all} rows were left out: {reasons}. A row is left out for the first column that it lacks; "
                "regions with missing values may differ from the others.",
                n=sum(dropped.values()),
                all=study.n_regions + sum(dropped.values()),
                reasons=reasons,
            )
        )
    else:
        facts.append(fill("No row was left out ({n} rows read).", n=study.n_regions))
    missing = int((study.layout.mask == 0).sum())
    facts.append(
        fill(
            "{missing} of {all} values of features are missing{how}.",
            missing=missing,
            all=study.layout.mask.size,
            how="; each is left out by itself, and the region’s others are used" if missing else "",
        )
    )
    formula = study.data.attrs["formula"]
    facts.append(
        fill("Covariates of regions: <code>{formula}</code>.", formula=formula) if formula else Markup("No covariates.")
    )
    if study.data.sizes["level"]:
        facts.append(_batches(study))
    return facts


def _batches(study: Study) -> Markup:
    labels = [str(label) for label in study.data["level"].values]
    sizes = np.bincount(study.data["batch_index"].values, minlength=len(labels))
    if ("level" in study.personal and not study.show_subjects) or len(labels) > MOST_LEVELS:
        why = "" if study.show_subjects else "; their labels are not shown"
        low, high = sizes.min(), sizes.max()
        return fill("{n} batches, with {low} to {high} regions each{why}.", n=len(labels), low=low, high=high, why=why)
    told = [fill("{label} ({n})", label=label, n=n) for label, n in zip(labels, sizes, strict=True)]
    return fill("Batches (with their regions): {told}.", told=enumerate_words(told))


def _feature_table(study: Study) -> Table:
    rows = {}
    for name in study.features:
        own = study.data["value"].sel(feature=name).values
        known = study.native(name, own[~np.isnan(own)])
        low, middle, high = np.quantile(known, [0.0, 0.5, 1.0])
        rows[name] = [study.unit_of(name), known.size, known.mean(), known.std(ddof=1), low, middle, high]
    headings = ["unit", "regions", "mean", "sd", "minimum", "median", "maximum"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=headings).rename_axis("feature")
    shown = [Column("Feature", [breakable(str(name)) for name in frame.index], numeric=False)]
    shown.append(Column("Unit", list(frame["unit"]), numeric=False))
    shown.append(Column("Regions", [str(value) for value in frame["regions"]], order=list(frame["regions"])))
    for heading in headings[2:]:
        values = [float(value) for value in frame[heading]]
        title = heading if heading == "sd" else heading.capitalize()
        shown.append(Column(title, [significant(value) for value in values], order=values))
    scale = {"z_score": "", "log": " They were analysed as logarithms.", "rank_normal": " These are normal scores."}
    return Table(
        "features",
        f"The features, in their own units.{scale[study.data.attrs['transformation']]}",
        shown,
        frame,
        searchable=len(frame) > MOST_LINKS,
    )


def _gene_table(study: Study) -> Table:
    rows = {}
    for number, name in enumerate(study.genes):
        own = study.data.isel(gene=number)
        value = own["genome"].values * float(own["gene_scale"]) + float(own["gene_location"])
        within = study.layout.genome[:, number] - own["context"].values
        share = float(within.var() / study.layout.genome[:, number].var())
        two = bool(own["two_valued"])
        unit = str(own["gene_unit"].item())
        rows[name] = [
            unit,
            "two values" if two else "continuous",
            value.mean(),
            value.std(ddof=1),
            value.min(),
            value.max(),
            share,
        ]
    headings = ["unit", "kind", "mean", "sd", "minimum", "maximum", "share_within_tumours"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=headings).rename_axis("gene")
    shown = [
        Column("Gene", [breakable(str(name)) for name in frame.index], numeric=False),
        Column("Unit", list(frame["unit"]), numeric=False),
        Column("Kind", list(frame["kind"]), numeric=False),
    ]
    if not any(frame["unit"]):
        del shown[1]
    for heading, title in zip(
        headings[2:], ["Mean", "sd", "Minimum", "Maximum", "Share of variance within tumours"], strict=True
    ):
        values = [float(value) for value in frame[heading]]
        shown.append(Column(title, [significant(value) for value in values], order=values))
    return Table(
        "genes",
        "The genes, in their own units. The share of their variance within tumours is what slopes within tumours are "
        "learned from.",
        shown,
        frame,
        searchable=len(frame) > MOST_LINKS,
    )
