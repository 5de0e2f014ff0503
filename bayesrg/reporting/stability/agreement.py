"""The intraclass correlations by condition: definitions, estimates, and prior beside posterior."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, prose
from bayesrg.reporting.drawing import BLUE, GREY, LINES, Series, draw, forest, label_bottom, legend_below
from bayesrg.reporting.rounding import probability
from bayesrg.reporting.stability.study import Study, StudyDesign, display


def agreement(study: Study) -> Section:
    """The section on intraclass correlations."""
    blocks: list[Block] = [
        prose(
            "The intraclass correlation (ICC) of a condition is the share of signal in the variance of signal and "
            "error. A component is <b>error</b> if it contains a facet that the condition measures anew, and "
            "<b>signal</b> if it contains the subject and otherwise only facets that stay fixed; what shifts all "
            "subjects alike and stays fixed drops out ({general}; the forms of {special} are special cases).",
            general=works.BRENNAN.link("Brennan 2001"),
            special=works.SHROUT_FLEISS.link("Shrout and Fleiss 1979"),
        ),
        *calibration(study),
        definition_table(study),
        _forest(study),
        _probability_table(study),
        prose(
            "Thresholds are conventions: 0.75 and 0.9 are often read as good and excellent ({source}). The curves "
            "below serve any other one.",
            source=works.KOO_LI.link("Koo and Li 2016"),
        ),
        _curves(study),
    ]
    return Section("icc", "Intraclass correlations", blocks)


def calibration(study: StudyDesign) -> list[Block]:
    """What an ICC means where levels of a facet have scales of their own; nothing where they share one."""
    if not study.calibrated:
        return []
    return [
        prose(
            "Every {facet} has a location and a scale of its own here, so the {facet} is no component of variance: "
            "where it varies, an ICC says how consistent subjects are after each {facet} has been calibrated, not how "
            "well raw values agree.",
            facet=study.calibrated,
        )
    ]


def definition_table(study: StudyDesign) -> Table:
    """What each condition counts as signal and as error."""
    names = list(study.partitions)
    frame = pd.DataFrame(
        {
            "when": [study.meaning(name) for name in names],
            "signal": [", ".join(map(display, study.partitions[name][0])) for name in names],
            "error": [", ".join(map(display, study.partitions[name][1])) for name in names],
            "left out": [
                ", ".join(display(c) for c in study.components if not any(c in part for part in study.partitions[name]))
                for name in names
            ],
        },
        index=pd.Index(names, name="condition"),
    )
    return Table(
        "icc_definitions",
        "What counts as signal and what as error in each condition.",
        [
            Column("Condition", names, numeric=False),
            Column("When …", list(frame["when"]), numeric=False),
            Column("Signal", list(frame["signal"]), numeric=False),
            Column("Error", list(frame["error"]), numeric=False),
            Column("Drops out", [text or "–" for text in frame["left out"]], numeric=False),
        ],
        frame,
    )


def _forest(study: Study) -> Figure:
    fit, names = study.fit, list(study.partitions)
    found = [fit.estimate("icc", name) for name in names]
    prior = np.array([np.quantile(fit.prior("icc", condition=name), [0.5, 0.025, 0.975]) for name in names])
    thresholds = fit.estimands["threshold"].values

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        middle, lower, upper = (np.array([getattr(one, part) for one in found]) for part in ("mean", "lower", "upper"))
        series = [
            Series("posterior mean, 95 % interval", middle, lower, upper, BLUE, "o"),
            Series("prior median, 95 % interval", prior[:, 0], prior[:, 1], prior[:, 2], GREY, "D", filled=False),
        ]
        forest(axes, names, series)
        for limit in thresholds:
            axes.axvline(limit, color=GREY, linestyle=LINES[2], linewidth=1)
            axes.annotate(
                f"{limit:g}", (limit, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8
            )
        axes.set_xlim(0, 1)
        axes.set_xlabel("intraclass correlation")
        legend_below(canvas, axes, columns=1)

    return draw(
        fit,
        "icc",
        title="Intraclass correlation by condition",
        alt="Posterior means with 95 % intervals: "
        + "; ".join(f"{name} {one.bare} ({one.bounds})" for name, one in zip(names, found, strict=True))
        + ". Prior 95 % intervals: "
        + "; ".join(f"{name} {low:.2f}–{high:.2f}" for name, (_, low, high) in zip(names, prior, strict=True))
        + ".",
        caption="Posterior means with 95 % equal-tailed intervals, above the prior of the same quantity; dotted "
        "lines mark the thresholds.",
        height=1.35 + 0.42 * len(names),
        paint=paint,
    )


def _probability_table(study: Study) -> Table:
    fit, names = study.fit, list(study.partitions)
    found = [fit.estimate("icc", name) for name in names]
    thresholds = [float(limit) for limit in fit.estimands["threshold"].values]
    frame = pd.DataFrame(
        {key: [getattr(one, key) for one in found] for key in ("mean", "lower", "upper")},
        index=pd.Index(names, name="condition"),
    )
    columns = [
        Column("Condition", names, numeric=False),
        Column("ICC", [one.bare for one in found]),
        Column("95 % interval", [one.bounds for one in found]),
    ]
    for limit in thresholds:
        for group, draws in (("prior", fit.prior), ("posterior", fit.posterior)):
            chances = [draws("icc_above", condition=name, threshold=limit) for name in names]
            frame[f"{group} P(ICC > {limit:g})"] = [chance.mean() for chance in chances]
            columns.append(
                Column(
                    f"P(ICC\u00a0>\u00a0{limit:g}) {group}",
                    [probability(chance.mean(), chance.size) for chance in chances],
                )
            )
    return Table(
        "icc",
        "Intraclass correlations, and how probable it is that they exceed each threshold, before and after the data.",
        columns,
        frame,
    )


def _curves(study: Study) -> Figure:
    fit, names = study.fit, list(study.partitions)
    grid = np.linspace(0, 1, 101)
    thresholds = fit.estimands["threshold"].values

    def paint(canvas: Canvas) -> None:
        columns = 2 if len(names) > 1 else 1
        panels = canvas.subplots(-(-len(names) // columns), columns, sharex=True, sharey=True, squeeze=False)
        for axes, name in zip(panels.ravel(), names, strict=False):
            for label, draws, colour, line in (
                ("posterior", fit.posterior, BLUE, LINES[0]),
                ("prior", fit.prior, GREY, LINES[1]),
            ):
                values = np.sort(draws("icc", condition=name))
                axes.plot(
                    grid,
                    1 - np.searchsorted(values, grid, side="right") / values.size,
                    color=colour,
                    linestyle=line,
                    label=label,
                )
            for limit in thresholds:
                axes.axvline(limit, color=GREY, linestyle=LINES[2], linewidth=0.8)
            axes.set_title(name)
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1.02)
            axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
            axes.tick_params(labelbottom=True)
        label_bottom(panels, len(names), "threshold c")
        canvas.supylabel("P(ICC > c)", fontsize=9)
        legend_below(canvas, panels[0, 0])

    first = float(thresholds[0]) if len(thresholds) else 0.75
    chances = {
        name: [(draws("icc", condition=name) > first).mean() for draws in (fit.prior, fit.posterior)] for name in names
    }
    return draw(
        fit,
        "icc_thresholds",
        title="Probability that the ICC exceeds a threshold",
        alt=f"Falling curves of P(ICC > c) for thresholds c from 0 to 1. At c = {first:g}: "
        + "; ".join(
            f"{name}, prior {probability(before, fit.prior('icc', condition=name).size)}, posterior "
            f"{probability(after, fit.n_draws)}"
            for name, (before, after) in chances.items()
        )
        + ".",
        caption="For any threshold c, the probability before (dashed) and after the data (solid). Dotted lines mark "
        "the thresholds of the table.",
        height=1.0 + 1.35 * -(-len(names) // 2),
        paint=paint,
    )
