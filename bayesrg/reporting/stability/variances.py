"""How large each component is: its share of the variance, and its sd in the population and among the levels seen."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, prose
from bayesrg.reporting.drawing import BLUE, GREY, ORANGE, Series, draw, forest, legend_below
from bayesrg.reporting.fitted import Estimate
from bayesrg.reporting.stability.study import Study, display


def variances(study: Study) -> Section:
    """The section on variances."""
    blocks: list[Block] = [_share_figure(study)]
    if "sd" in study.fit.estimands:
        blocks.append(
            prose(
                "Two standard deviations answer two questions. The <b>superpopulation</b> sd is that of all levels "
                "that could have been drawn (the next scanner); the <b>finite-population</b> sd is that of the "
                "levels observed (these scanners), and is known better where levels are few ({source}).",
                source=works.GELMAN_ANOVA.link("Gelman 2005"),
            )
        )
        blocks.append(_sd_figure(study))
    else:
        blocks.append(prose("Standard deviations are not shown: {why}.", why=study.fit.absent["sd"]))
    blocks.append(_table(study))
    return Section("variances", "Variances and shares", blocks)


def _series(name: str, found: list[Estimate], colour: str, marker: str, *, filled: bool = True) -> Series:
    middle, lower, upper = (np.array([getattr(one, part) for one in found]) for part in ("mean", "lower", "upper"))
    return Series(name, middle, lower, upper, colour, marker, filled)


def _told(study: Study, found: list[Estimate]) -> str:
    return "; ".join(
        f"{display(name)} {one.bare} ({one.bounds})" for name, one in zip(study.components, found, strict=True)
    )


def _share_figure(study: Study) -> Figure:
    fit = study.fit
    found = [fit.estimate("share", name) for name in study.components]
    prior = np.array(
        [np.quantile(fit.prior("share", component=name), [0.5, 0.025, 0.975]) for name in study.components]
    )

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        series = [
            _series("posterior mean, 95 % interval", found, BLUE, "o"),
            Series("prior median, 95 % interval", prior[:, 0], prior[:, 1], prior[:, 2], GREY, "D", filled=False),
        ]
        forest(axes, [display(name) for name in study.components], series)
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of the total variance")
        legend_below(canvas, axes, columns=1)

    return draw(
        fit,
        "shares",
        title="Share of each component in the total variance",
        alt=f"Posterior means with 95 % intervals: {_told(study, found)}. Prior medians: "
        + "; ".join(
            f"{display(name)} {middle:.2f}" for name, (middle, _, _) in zip(study.components, prior, strict=True)
        )
        + ".",
        caption="Shares of the sum of all variances: posterior means with 95 % equal-tailed intervals, above the "
        "prior of the same quantity.",
        height=1.35 + 0.4 * len(study.components),
        paint=paint,
    )


def _sd_figure(study: Study) -> Figure:
    fit = study.fit
    wide = [fit.estimate("sd", name) for name in study.components]
    narrow = [fit.estimate("finite_sd", name) for name in study.components]
    unit = f" ({study.spread_unit})" if study.spread_unit else ""

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        forest(
            axes,
            [display(name) for name in study.components],
            [
                _series("superpopulation", wide, BLUE, "o"),
                _series("finite population: the levels observed", narrow, ORANGE, "s", filled=False),
            ],
        )
        axes.set_xlim(0, None)
        axes.set_xlabel(f"standard deviation{unit}")
        legend_below(canvas, axes)

    return draw(
        fit,
        "sds",
        title="Standard deviation of each component",
        alt=f"Posterior means with 95 % intervals{unit}. Superpopulation: {_told(study, wide)}. Levels observed: "
        f"{_told(study, narrow)}.",
        caption="Posterior means with 95 % equal-tailed intervals."
        + (" On the log scale." if study.transformation.name == "log" else ""),
        height=1.2 + 0.4 * len(study.components),
        paint=paint,
    )


def _table(study: Study) -> Table:
    fit, names = study.fit, study.components
    shown = {"share": "Share", "sd": "sd", "finite_sd": "sd of levels observed"}
    frame = pd.DataFrame(index=pd.Index([display(name) for name in names], name="component"))
    columns = [
        Column("Component", list(frame.index), numeric=False),
        Column("Levels", [str(study.n_levels(name)) for name in names]),
    ]
    frame["levels"] = [study.n_levels(name) for name in names]
    for key, heading in shown.items():
        if key not in fit.estimands:
            continue
        found = [fit.estimate(key, name) for name in names]
        for part in ("mean", "lower", "upper"):
            frame[f"{key}_{part}"] = [getattr(one, part) for one in found]
        unit = f" ({study.spread_unit})" if study.spread_unit and key != "share" else ""
        columns += [
            Column(heading + unit, [one.bare for one in found]),
            Column("95 % interval", [one.bounds for one in found]),
        ]
    return Table(
        "variances",
        "Shares of the variance and standard deviations: posterior means and 95 % equal-tailed intervals.",
        columns,
        frame,
    )
