"""Links on average: B_0 of every feature and gene, within tumours and between them."""

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, breakable, fill, prose
from bayesrg.reporting.drawing import BLUE, GREY, ORANGE, Series, draw, forest, legend_below
from bayesrg.reporting.multi_region.study import Link, Study
from bayesrg.reporting.rounding import probability


def coefficients(study: Study) -> Section:
    """The section on B_0."""
    blocks: list[Block] = [
        prose(
            "B<sub>0</sub> is the change of a feature, in its sds, that goes with one sd more of a gene (with the step "
            "of a gene that has two values), averaged over tumours and places. Links are learned together: where most "
            "are nil, all are pulled towards nil."
        )
    ]
    if study.model.contextual:
        blocks.append(
            prose(
                "<b>Within and between.</b> Regions of one tumour are compared with each other (slope within), and "
                "tumours’ means with each other (slope between; {source}). Only the first is free of all that differs "
                "between patients; B<sub>0</sub> is it. Where the two differ, something that patients differ by is "
                "behind the other, or the gene acts on the tumour as a whole.",
                source=works.MUNDLAK.link("Mundlak 1978"),
            )
        )
    else:
        blocks.append(
            prose(
                "Slopes within and between tumours are taken to be the same: what patients differ by otherwise may be "
                "mixed into B<sub>0</sub>."
            )
        )
    return Section("coefficients", "Links on average", [*blocks, _figure(study), _table(study)])


def _figure(study: Study) -> Figure:
    links, rope = study.shown, study.model.rope
    series = [_series(study, "B_0", "within tumours (B₀)" if study.model.contextual else "B₀", BLUE, "o", filled=True)]
    if study.model.contextual:
        series.append(_series(study, "slope_between", "between tumours’ means", ORANGE, "s", filled=False))

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        forest(axes, [link.label for link in links], series)
        axes.axvspan(-rope, rope, color="#e8ebef", linewidth=0, zorder=0.5, label=f"practically nil (±{rope:g})")
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_xlabel("sds of the feature per sd or step of the gene")
        legend_below(canvas, axes, columns=1)

    told = "; ".join(
        f"{link.gene} and {link.feature} {one.bare} ({one.bounds})"
        for link, one in ((link, study.estimate("B_0", link)) for link in links)
    )
    return draw(
        study.fit,
        "coefficients",
        title="Average coefficients of features on genes",
        alt=f"Posterior means of B_0 with 95 % intervals: {told}.",
        caption=f"Posterior means with 95 % equal-tailed intervals.{study.partly}",
        height=1.5 + (0.32 if len(series) == 1 else 0.4) * len(links),
        paint=paint,
    )


def _series(study: Study, name: str, shown: str, colour: str, marker: str, *, filled: bool) -> Series:
    middle, lower, upper = study.estimates(name, study.shown)
    return Series(shown, middle, lower, upper, colour, marker, filled)


def _table(study: Study) -> Table:
    names = ["B_0", *(name for name in ("contextual", "slope_between", "slope") if name in study.fit.estimands)]
    rows = []
    for link in study.links:
        drawn = study.draws("B_0", link)
        row: dict[str, object] = {"feature": link.feature, "gene": link.gene}
        for name in names:
            one = study.estimate(name, link)
            row |= {f"{name}_mean": one.mean, f"{name}_lower": one.lower, f"{name}_upper": one.upper}
        row |= {"above_zero": (drawn > 0).mean(), "beyond_rope": (np.abs(drawn) > study.model.rope).mean()}
        rows.append(row)
    frame = pd.DataFrame(rows).set_index(["feature", "gene"])
    headings = {
        "B_0": "B₀ (95 %)",
        "slope_between": "Between (95 %)",
        "slope": "B₀ in own units (95 %)",
    }
    columns = [
        Column("Feature", [breakable(link.feature) for link in study.links], numeric=False),
        Column("Gene", [breakable(link.gene) for link in study.links], numeric=False),
    ]
    for name in names:
        if name == "contextual":  # the file has it: it is the difference of its two neighbours
            continue
        shown = [_cell(study, name, link) for link in study.links]
        columns.append(Column(headings[name], shown, order=list(frame[f"{name}_mean"])))
    own = frame["beyond_rope"].to_numpy()
    chances = [probability(one, study.fit.n_draws) for one in own]
    place = -1 if "slope" in names else len(columns)
    columns.insert(place, Column(f"P(|B₀| > {study.model.rope:g})", chances, order=list(own)))
    return Table(
        "coefficients",
        "Average coefficients: posterior means and 95 % equal-tailed intervals.",
        columns,
        frame,
        notes="In own units: of the feature per unit of the gene, or per step of a gene with two values."
        if "slope" in names
        else "",
        searchable=len(study.links) > len(study.shown),
    )


def _cell(study: Study, name: str, link: Link) -> str | Markup:
    found = study.estimate(name, link)
    if name != "slope":
        return f"{found.bare} ({found.bounds})"
    unit, per = study.unit_of(link.feature), str(study.data["gene_unit"].sel(gene=link.gene).item())
    unit = "" if unit == "1" else unit
    units = f"{unit or '1'}/{per}" if per else unit
    # In two lines, or the column would not fit beside the others.
    return fill("{mean} {units}<br>({bounds})", mean=found.bare, units=units, bounds=found.bounds)
