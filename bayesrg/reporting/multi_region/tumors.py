"""Coefficients tumour by tumour: B_tr of the links that vary most, with their regions."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, breakable, count, fill, prose
from bayesrg.reporting.drawing import BLUE, GREY, INK, draw, legend_below, shorten
from bayesrg.reporting.multi_region.study import Link, Study
from bayesrg.reporting.rounding import probability, rounded, significant

MOST_TUMORS = 30
MOST_CATERPILLARS = 2


def tumors(study: Study) -> Section:
    """The section on B by tumour."""
    links = study.varying[:MOST_CATERPILLARS]
    some = (
        "the link is shown"
        if len(study.links) == 1
        else f"of {len(study.links)} links the {len(links)} that vary most are shown"
    )
    blocks: list[Block] = [
        prose(
            "The coefficient of every region was drawn back from its exact posterior; {some}. Tumours of which little "
            "is known stand near the average: such estimates are shrunken, and their spread on the page is smaller "
            "than that of the coefficients.",
            some=some,
        ),
        *(_figure(study, link, number) for number, link in enumerate(links, 1)),
        _table(study, links),
    ]
    return Section("tumors", "Links by tumour", blocks)


def by_tumor(study: Study, link: Link) -> np.ndarray:
    """Draws of the mean coefficient of each tumour's regions, shape (draw, tumor)."""
    local = study.local[:, :, study.features.index(link.feature), study.genes.index(link.gene)]
    member = np.eye(study.n_tumors)[study.data["tumor_index"].values] / study.regions_of
    return local @ member


def summarise_tumors(study: Study, link: Link) -> pd.DataFrame:
    """Mean, 95 % interval and probability of a coefficient above zero, a row a tumour."""
    drawn = by_tumor(study, link)
    local = study.local[:, :, study.features.index(link.feature), study.genes.index(link.gene)].mean(axis=0)
    tumor = study.data["tumor_index"].values
    lower, upper = np.quantile(drawn, [0.025, 0.975], axis=0)
    return pd.DataFrame(
        {
            "regions": study.regions_of,
            "mean": drawn.mean(axis=0),
            "lower": lower,
            "upper": upper,
            "above_zero": (drawn > 0).mean(axis=0),
            "lowest_region": [local[tumor == number].min() for number in range(study.n_tumors)],
            "highest_region": [local[tumor == number].max() for number in range(study.n_tumors)],
        },
        index=pd.Index(study.tumors, name="tumour"),
    )


def _figure(study: Study, link: Link, number: int) -> Figure:
    table = summarise_tumors(study, link)
    order = np.argsort(table["mean"].to_numpy(), kind="stable")
    if order.size > MOST_TUMORS:
        half = MOST_TUMORS // 2
        order = np.concatenate([order[:half], order[-half:]])
    local = study.local[:, :, study.features.index(link.feature), study.genes.index(link.gene)].mean(axis=0)
    average = study.estimate("B_0", link)

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axvspan(average.lower, average.upper, color="#dbe6f0", linewidth=0, label="B₀, 95 %")
        axes.axvline(average.mean, color=BLUE, linewidth=1, linestyle="--", label="B₀")
        axes.axvline(0, color=GREY, linewidth=0.8)
        _paint(axes, table.iloc[order], [local[study.data["tumor_index"].values == tumor] for tumor in order])
        axes.set_xlabel("coefficient (sds of the feature per sd or step of the gene)")
        legend_below(canvas, axes)

    cut = f" Drawn are the {MOST_TUMORS // 2} lowest and the {MOST_TUMORS // 2} highest of {len(table)} tumours." * (
        order.size < len(table)
    )
    lower, middle, upper = (table[name].to_numpy() for name in ("lower", "mean", "upper"))
    away = np.count_nonzero((lower > average.mean) | (upper < average.mean))
    return draw(
        study.fit,
        f"tumors_{number}",
        title=f"{shorten(link.feature, 28)} on {shorten(link.gene, 14)}, by tumour",
        alt=f"Posterior means of {count(len(table), 'tumour')} from {significant(float(middle.min()), 2)} to "
        f"{significant(float(middle.max()), 2)}; the average is {average.bare} ({average.bounds}). {away} of "
        f"{len(table)} intervals exclude it.",
        caption=f"Lines: means of a tumour’s regions with 95 % intervals. Dots: posterior means of its regions. {away} "
        f"of {len(table)} intervals exclude the average.{cut}",
        height=1.5 + 0.19 * order.size,
        paint=paint,
    )


def _paint(axes: Axes, table: pd.DataFrame, regions: list[np.ndarray]) -> None:
    rows = np.arange(len(table))
    axes.hlines(rows, table["lower"], table["upper"], color=INK, linewidth=1.3, label="tumour, mean and 95 %")
    axes.plot(table["mean"], rows, "|", color=INK, markersize=8, markeredgewidth=1.6)
    for number, own in enumerate(regions):
        label = "its regions" if number == 0 else None
        axes.plot(
            own,
            np.full(own.size, number),
            "o",
            color="#D55E00",
            markersize=3,
            alpha=0.75,
            markeredgewidth=0,
            label=label,
        )
    axes.set_yticks(rows, [shorten(str(name), 16) for name in table.index], fontsize=8)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", color="#eceff3", linewidth=0.6)
    axes.set_axisbelow(True)


def _table(study: Study, links: list[Link]) -> Table:
    parts = []
    for link in links:
        own = summarise_tumors(study, link).reset_index()
        parts.append(own.assign(feature=link.feature, gene=link.gene))
    frame = pd.concat(parts, ignore_index=True)
    draws = len(study.local)

    def shown(column: str) -> Column:
        values = frame[column].to_numpy()
        heading = {"lowest_region": "Lowest region", "highest_region": "Highest region"}[column]
        return Column(heading, [rounded(value, 0.01) for value in values], order=list(values))

    return Table(
        "tumors",
        "Coefficients by tumour: posterior means over its regions, with 95 % equal-tailed intervals.",
        [
            Column("Tumour", list(frame["tumour"]), numeric=False),
            Column("Gene", [breakable(name) for name in frame["gene"]], numeric=False),
            Column("Feature", [breakable(name) for name in frame["feature"]], numeric=False),
            Column("Regions", [str(value) for value in frame["regions"]], order=list(frame["regions"])),
            Column(
                "B (95 %)",
                [
                    fill("{m} ({low} to {high})", m=rounded(m, 0.01), low=rounded(low, 0.01), high=rounded(high, 0.01))
                    for m, low, high in zip(frame["mean"], frame["lower"], frame["upper"], strict=True)
                ],
                order=list(frame["mean"]),
            ),
            Column(
                "P(B > 0)",
                [probability(value, draws) for value in frame["above_zero"]],
                order=list(frame["above_zero"]),
            ),
            shown("lowest_region"),
            shown("highest_region"),
        ],
        frame.set_index(["tumour", "gene", "feature"]),
        searchable=len(frame) > 24,
    )
