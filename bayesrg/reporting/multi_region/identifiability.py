"""What the data can tell and what is assumed: priors against posteriors, and what the design leaves open."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting.blocks import (
    Block,
    Column,
    Figure,
    Section,
    Table,
    breakable,
    enumerate_words,
    fill,
    prose,
)
from bayesrg.reporting.drawing import BLUE, GREY, LINES, Series, draw, forest, label_bottom, legend_below
from bayesrg.reporting.multi_region.design import design
from bayesrg.reporting.multi_region.overlaps import (
    NAMES,
    UNMOVED,
    learned_links,
    name_unmoved,
    overlap,
    overlaps,
    shared_quantities,
)
from bayesrg.reporting.multi_region.study import MOST_LINKS, Study
from bayesrg.reporting.rounding import interval, significant


def identifiability(study: Study) -> Section:
    """The section on what is learned and what is assumed."""
    table = overlaps(study)
    unmoved = np.count_nonzero(table["overlap"].to_numpy() >= UNMOVED)
    if unmoved:
        said = fill(
            "<b>{n} of {all} posteriors are nearly their priors</b> (overlap of {limit:g} or more): {names}.",
            n=unmoved,
            all=len(table),
            limit=UNMOVED,
            names=enumerate_words(name_unmoved(study, table)),
        )
    else:
        said = fill("<b>Every posterior has moved from its prior</b>: all overlaps are below {limit:g}.", limit=UNMOVED)
    blocks: list[Block] = [
        prose(
            "With few regions the way in which variance divides within and between tumours is decided by the prior, "
            "and that is a finding. The overlap is the area that the densities of prior and posterior have in common: "
            "1 if nothing was learned, 0 if everything."
        ),
        prose("{said}", said=said),
        _shared_figure(study),
        _link_figure(study),
        _overlap_table(study, table),
        *design(study),
    ]
    return Section("identifiability", "What was learned and what was assumed", blocks)


def _shared_figure(study: Study) -> Figure:
    found = shared_quantities(study)
    rows = -(-len(found) // 2)

    def paint(canvas: Canvas) -> None:
        grid = canvas.subplots(rows, 2, squeeze=False)
        for axes, (name, (before, after)) in zip(grid.ravel(), found.items(), strict=False):
            _paint_density(axes, before, after)
            axes.set_title(name)
        label_bottom(grid, len(found), "")
        legend_below(canvas, grid[0, 0])

    told = "; ".join(
        f"{name} overlap {overlap(before, after):.2f}, prior median {significant(float(np.median(before)), 2)}, "
        f"posterior median {significant(float(np.median(after)), 2)}"
        for name, (before, after) in found.items()
    )
    return draw(
        study.fit,
        "learned",
        title="Prior and posterior of what links share, and of lengths",
        alt=f"Densities of prior and posterior: {told}.",
        caption="Where both lines are one, the data said nothing. The longest tenth of the prior’s range is cut off."
        if study.matern
        else "Where both lines are one, the data said nothing.",
        height=1.0 + 1.55 * rows,
        paint=paint,
    )


def _paint_density(axes: Axes, before: np.ndarray, after: np.ndarray) -> None:
    top = float(max(np.quantile(before, 0.9), np.quantile(after, 0.995)))
    edges = np.linspace(0.0, top, 31)
    for own, colour, line, name in ((before, GREY, LINES[1], "prior"), (after, BLUE, "-", "posterior")):
        height = np.histogram(own, edges)[0] / (own.size * (edges[1] - edges[0]))
        axes.stairs(height, edges, color=colour, linestyle=line, linewidth=1.4, label=name)
    axes.set_xlim(0, top)
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=5)


def _link_figure(study: Study) -> Figure:
    correlated = study.model.residual == "correlated"
    every = learned_links(study)
    links = every[:MOST_LINKS] if correlated else study.shown
    partly = study.partly
    if correlated:
        partly = " Features share them."
        partly += f" The first {len(links)} of {len(every)} genes." * (len(links) < len(every))

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(1, 2, sharey=True, sharex=True)
        for axes, name in zip(panels, ("link_tumor_sd", "link_space_sd"), strict=True):
            after = np.array([np.quantile(study.draws(name, link), [0.5, 0.025, 0.975]) for link in links])
            before = np.array(
                [
                    np.quantile(study.fit.prior(name, feature=link.feature, gene=link.gene), [0.5, 0.025, 0.975])
                    for link in links
                ]
            )
            series = [
                Series("posterior, median and 95 %", after[:, 0], after[:, 1], after[:, 2], BLUE, "o"),
                Series("prior, median and 95 %", before[:, 0], before[:, 1], before[:, 2], GREY, "D", filled=False),
            ]
            labels = [link.gene if correlated else link.label for link in links]
            forest(axes, labels, series)
            axes.set_title(NAMES[name])
            axes.set_xlim(0, None)
            axes.locator_params(axis="x", nbins=4)
        legend_below(canvas, panels[0])

    told = "; ".join(
        f"{link.gene if correlated else f'{link.gene} and {link.feature}'} "
        f"{significant(float(np.median(study.draws('link_tumor_sd', link))), 2)} and "
        f"{significant(float(np.median(study.draws('link_space_sd', link))), 2)}"
        for link in links
    )
    return draw(
        study.fit,
        "learned_links",
        title="Prior and posterior of each link’s sds",
        alt=f"Posterior medians of the sd between tumours and in space: {told}.",
        caption=f"Superpopulation sds of the coefficient between tumours (left) and in space (right).{partly}",
        height=1.5 + 0.36 * len(links),
        paint=paint,
    )


def _overlap_table(study: Study, table: pd.DataFrame) -> Table:
    def shown(when: str) -> list[str]:
        bounds = zip(table[f"{when}_median"], table[f"{when}_lower"], table[f"{when}_upper"], strict=True)
        return [f"{significant(m, 2)} ({interval(low, high, (high - low) / 100)})" for m, low, high in bounds]

    own = table["overlap"].to_numpy()
    return Table(
        "overlap",
        "How much was learned: medians and 95 % intervals of prior and posterior, and their overlap.",
        [
            Column("Quantity", [breakable(str(name)) for name in table.index], numeric=False),
            Column("Prior", shown("prior")),
            Column("Posterior", shown("posterior")),
            Column("Overlap", [f"{value:.2f}" for value in own], order=list(own)),
            Column("Reading", [_reading(value) for value in own], numeric=False),
        ],
        table,
        searchable=len(table) > 40,
    )


def _reading(value: float) -> str:
    if value >= UNMOVED:
        return "the prior’s"
    return "mostly the data’s" if value < 0.5 else "of both"
