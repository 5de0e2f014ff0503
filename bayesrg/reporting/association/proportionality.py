"""Proportional odds: the slope at each cut on its own, and whether one slope does for all."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.association.panels import grid, rows_of
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Column, Figure, Table, code, prose
from bayesrg.reporting.drawing import BLUE, GREY, INK, LINES, Series, draw, forest, legend_below, shorten
from bayesrg.reporting.rounding import interval, significant


def proportionality(study: Study) -> list[Block]:
    """Slopes by cut, from this fit or from the alternative fitted beside it; else how to get them."""
    said = prose(
        "<b>Proportional odds.</b> One slope for all cuts of an ordered outcome is an assumption ({source}). A model "
        "with a slope at each cut shows whether they agree.",
        source=works.PROPORTIONAL_ODDS.link("McCullagh 1980"),
    )
    slopes = _slopes(study)
    if slopes is None:
        return [
            said,
            prose(
                "It was not fitted here: fit {code}, or keep {keep} as {place}. Brant’s test is among the classical "
                "companions.",
                code=code("Association(Ordinal(proportional=False))"),
                keep=code("bayesrg.models.alternatives.fit_alternatives(tree, model, seed=1)"),
                place=code('tree["alternatives"]'),
            ),
        ]
    return [said, _figure(study, slopes), _table(study, slopes)]


def _slopes(study: Study) -> pd.DataFrame | None:
    """Posterior median and interval of the slope of each term at each cut."""
    if not study.proportional:
        drawn = study.fit.estimands["category_slope"].quantile([0.025, 0.5, 0.975], ("chain", "draw"))
    elif study.alternatives is not None and "category_slope" in study.alternatives:
        drawn = study.alternatives["category_slope"]
    else:
        return None
    frame = drawn.transpose("term", "cutpoint", "quantile")
    index = pd.MultiIndex.from_product([study.terms, frame["cutpoint"].values.astype(str)], names=["term", "cut"])
    return pd.DataFrame(frame.values.reshape(-1, 3), index=index, columns=["lower", "median", "upper"])


def _figure(study: Study, slopes: pd.DataFrame) -> Figure:
    cuts = [str(cut) for cut in slopes.index.unique("cut")]

    def paint(canvas: Canvas) -> None:
        shown = grid(canvas, study.terms)
        for axes, term in zip(shown, study.terms, strict=True):
            own = slopes.loc[term]
            lower, middle, upper = (own[name].to_numpy() for name in ("lower", "median", "upper"))
            series = Series("slope at the cut, 95 %", middle, lower, upper, BLUE, "o")
            forest(axes, [shorten(cut.replace("|", " | "), 20) for cut in cuts], [series])
            axes.axvline(0, color=GREY, linewidth=0.8)
            if study.proportional:
                common = next(slope for slope in study.slopes if slope.term == term).draws.mean()
                axes.axvline(common, color=INK, linestyle=LINES[1], linewidth=1, label="one slope for all")
            axes.set_xlabel("slope (log odds)")
        legend_below(canvas, shown[0])

    told = [
        f"{where}: {middle:.2f} ({lower:.2f} to {upper:.2f})"
        for where, lower, middle, upper in zip(
            [" ".join(map(str, label)) for label in slopes.index.to_flat_index()], *slopes.to_numpy().T, strict=True
        )
    ]
    return draw(
        study.fit,
        "proportional_odds",
        title="The slope at each cut of the outcome",
        alt=f"Posterior medians with 95 % intervals: {'; '.join(told)}.",
        caption="Log odds ratio of lying above each cut, per step of the predictor, at the mean predictors. Intervals "
        "that agree leave proportional odds standing.",
        height=1.2 + (0.3 + 0.34 * len(cuts)) * rows_of(study.terms),
        paint=paint,
    )


def _table(study: Study, slopes: pd.DataFrame) -> Table:
    bounds = [
        interval(low, high, (high - low) / 150) for low, high in zip(slopes["lower"], slopes["upper"], strict=True)
    ]
    return Table(
        "proportional_odds",
        "The slope at each cut.",
        [
            *study.term_column(slopes.index.get_level_values("term")),
            Column(
                "Cut", [str(cut).replace("|", " | ") for cut in slopes.index.get_level_values("cut")], numeric=False
            ),
            Column("Log odds ratio", [significant(value) for value in slopes["median"]]),
            Column("95 % interval", bounds),
            Column("Odds ratio", [significant(float(np.exp(value))) for value in slopes["median"]]),
        ],
        slopes,
    )
