"""Radiogenomic heterogeneity: how far coefficients vary over tumours and regions, and which links are of which kind."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, breakable, count, fill, prose
from bayesrg.reporting.drawing import BLUE, GREY, ORANGE, Series, draw, forest, legend_below
from bayesrg.reporting.multi_region.kinds import KINDS, PROBABLE, RULES, any_above, kinds_of
from bayesrg.reporting.multi_region.study import Study
from bayesrg.reporting.rounding import interval, probability, rounded, significant

FINEST = 0.005  # of variances in the table: two decimals; the file has them in full


def heterogeneity(study: Study) -> Section:
    """The section on the variation of coefficients."""
    delta, draws = study.model.delta, study.fit.n_draws
    whole, within, between = any_above(study)
    before = any_above(study, prior=True)[0]
    blocks: list[Block] = [
        prose(
            "A link’s variation is said in two ways ({gelman}). <b>Of these regions</b>: "
            "Var<sub>r</sub>(B<sub>tr</sub>), the variance of the coefficient among the {n} observed regions (finite "
            "population), draw by draw. <b>Of regions like these</b>: the sds of the model (superpopulation), which "
            "other tumours would have.",
            gelman=works.GELMAN_ANOVA.link("Gelman 2005"),
            n=study.n_regions,
        ),
        prose(
            "As a share of its feature’s variance, the variation of at least one of {links} exceeds {delta:g} with a "
            "probability of <b>{whole}</b> (within tumours {within}, between them {between}). Before the data it was "
            "{before}: of many links one varies easily.",
            links=count(len(study.links), "link"),
            delta=delta,
            whole=probability(whole, draws),
            within=probability(within, draws),
            between=probability(between, draws),
            before=probability(before, study.fit.prior("heterogeneity").size),
        ),
        _figure(study),
        _variation_table(study),
        prose("{rules}", rules=fill(RULES, rope=f"{study.model.rope:g}", probable=PROBABLE)),
        _kind_table(study),
    ]
    return Section("heterogeneity", "Radiogenomic heterogeneity", blocks)


def _figure(study: Study) -> Figure:
    links = study.shown
    super_sd = np.stack([study.spread(link) for link in links])
    finite_sd = np.stack([np.sqrt(study.draws("B_variance", link)) for link in links])
    parts = [study.fit.prior(f"variance_{part}") for part in ("within", "between")]
    before = float(np.median(np.sqrt(parts[0] + parts[1])))
    series = [
        _of("observed regions (finite population)", finite_sd, ORANGE, "s", filled=True),
        _of("tumours and regions like these (superpopulation)", super_sd, BLUE, "o", filled=False),
    ]

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        forest(axes, [link.label for link in links], series)
        axes.axvline(before, color=GREY, linewidth=1, linestyle="--", label="prior median (superpopulation)")
        axes.set_xlim(0, None)
        axes.set_xlabel("sd of the coefficient")
        legend_below(canvas, axes, columns=1)

    told = "; ".join(
        f"{link.gene} and {link.feature} {significant(float(a), 2)} and {significant(float(b), 2)}"
        for link, a, b in zip(links, np.median(finite_sd, axis=1), np.median(super_sd, axis=1), strict=True)
    )
    return draw(
        study.fit,
        "variation",
        title="How far coefficients vary",
        alt=f"Posterior medians of the sd of the coefficient, among observed regions and in the superpopulation: "
        f"{told}. The prior median is {significant(before, 2)}.",
        caption=f"Posterior medians with 95 % equal-tailed intervals. An sd cannot be negative, so that no interval "
        f"excludes zero: compare it with the average coefficient and with the prior.{study.partly}",
        height=1.7 + 0.4 * len(links),
        paint=paint,
    )


def _of(name: str, drawn: np.ndarray, colour: str, marker: str, *, filled: bool) -> Series:
    lower, middle, upper = np.quantile(drawn, [0.025, 0.5, 0.975], axis=1)
    return Series(name, middle, lower, upper, colour, marker, filled)


def _variation_table(study: Study) -> Table:
    names = {
        "B_variance": "Var(B), observed regions",
        "variance_within": "Within tumours",
        "variance_between": "Between tumours",
        "heterogeneity": "Share of the feature’s variance",
        "B_variance_within": "",
        "B_variance_between": "",
        "local_share": "",
        "link_tumor_sd": "",
        "link_space_sd": "",
    }
    names = {name: heading for name, heading in names.items() if name in study.fit.estimands}
    columns = [
        Column("Feature", [breakable(link.feature) for link in study.links], numeric=False),
        Column("Gene", [breakable(link.gene) for link in study.links], numeric=False),
    ]
    frame = pd.DataFrame(
        {"feature": [link.feature for link in study.links], "gene": [link.gene for link in study.links]}
    )
    for name, heading in names.items():
        found = [study.estimate(name, link) for link in study.links]
        for part in ("mean", "lower", "upper"):
            frame[f"{name}_{part}"] = [getattr(one, part) for one in found]
        if heading:
            finest = [max(one.resolution, FINEST) for one in found]
            shown = [
                f"{rounded(one.mean, fine)} ({interval(one.lower, one.upper, fine)})"
                for one, fine in zip(found, finest, strict=True)
            ]
            columns.append(Column(heading, shown, order=list(frame[f"{name}_mean"])))
    frame["above"] = [float(study.draws("heterogeneity_above", link).mean()) for link in study.links]
    columns.append(
        Column(
            f"P(share > {study.model.delta:g})",
            [probability(value, study.fit.n_draws) for value in frame["above"]],
            order=list(frame["above"]),
        )
    )
    return Table(
        "variation",
        "Variation of each coefficient: posterior means and 95 % equal-tailed intervals, on the model’s scale.",
        columns,
        frame.set_index(["feature", "gene"]),
        notes="Within and between tumours, of regions like these: the expected variance among a tumour’s regions as "
        "they lie, and the rest, which regions of a tumour share. Equal-tailed intervals of variances never reach "
        "zero. The file has the variances within and between the observed tumours, the sds between tumours and in "
        "space, and the share within.",
        searchable=len(study.links) > len(study.shown),
    )


def _kind_table(study: Study) -> Table:
    frame = kinds_of(study)
    headings = {"nil": "Nil", "universal": "Universal", "between": "Between tumours", "local": "Local"}
    columns = [
        Column("Feature", [breakable(link.feature) for link in study.links], numeric=False),
        Column("Gene", [breakable(link.gene) for link in study.links], numeric=False),
        *(
            Column(
                headings[name],
                [probability(value, study.fit.n_draws) for value in frame[name]],
                order=list(frame[name]),
            )
            for name in KINDS
        ),
        Column("Reading", list(frame["reading"]), numeric=False),
    ]
    return Table(
        "kinds",
        "Which links are universal and which local: the probability of each kind.",
        columns,
        frame,
        searchable=len(study.links) > len(study.shown),
    )
