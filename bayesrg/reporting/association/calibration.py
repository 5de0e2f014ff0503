"""Do predicted probabilities come true? Calibration of each patient's probability as predicted from all others."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from scipy import optimize, stats

from bayesrg.reporting import references as works
from bayesrg.reporting.association.panels import binned, grid, rows_of
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Figure, prose
from bayesrg.reporting.drawing import BLUE, GREY, INK, LINES, draw, legend_below

MOST_CATEGORIES = 8


def calibration(study: Study) -> list[Block]:
    """The calibration curve, of an event or of each category."""
    if study.family not in ("bernoulli", "categorical"):
        return []
    return [
        prose(
            "<b>Calibration.</b> Of patients with a predicted probability of 0.3 about 30 % should have the event. The "
            "step line is the best fit that never falls ({source}); squares are shares in bins. Probabilities are "
            "those of each patient as predicted from all others.",
            source=works.CALIBRATION.link("Dimitriadis et al. 2021"),
        ),
        _figure(study),
    ]


def _pairs(study: Study) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Label -> probability predicted, and whether it happened, by patient."""
    expected, value = study.checks["expected"].values, study.data["value"].values
    if expected.ndim == 1:
        return {study.event: (expected, value)}
    return {
        label: (expected[:, number], (value == number).astype(float))
        for number, label in enumerate(study.categories[:MOST_CATEGORIES])
    }


def _figure(study: Study) -> Figure:
    pairs = _pairs(study)

    def paint(canvas: Canvas) -> None:
        shown = grid(canvas, list(pairs), share_x=True, share_y=True)
        for number, (axes, (chance, happened)) in enumerate(zip(shown, pairs.values(), strict=True)):
            _paint(axes, chance, happened)
            axes.set_xlabel("probability predicted")
            if number % 2 == 0:
                axes.set_ylabel("share observed")
        legend_below(canvas, shown[0])

    told = [
        f"{label}: mean probability predicted {chance.mean():.2f}, share observed {happened.mean():.2f}, predictions "
        f"from {chance.min():.2f} to {chance.max():.2f}"
        for label, (chance, happened) in pairs.items()
    ]
    return draw(
        study.fit,
        "calibration",
        title="Calibration of predicted probabilities",
        alt=f"{'; '.join(told)}.",
        caption="On the diagonal predictions come true. Step line: isotonic regression. Squares: shares in bins, with "
        "95 % intervals. Marks beneath: the predictions.",
        height=0.9 + (2.6 if len(pairs) == 1 else 2.0) * rows_of(list(pairs)),
        paint=paint,
    )


def _paint(axes: Axes, chance: np.ndarray, happened: np.ndarray) -> None:
    order = np.argsort(chance, kind="stable")
    fitted = optimize.isotonic_regression(happened[order]).x
    place = binned(chance, fewest=20)
    size, events = np.bincount(place), np.bincount(place, happened)
    posterior = stats.beta(events + 0.5, size - events + 0.5)
    axes.axline((0, 0), slope=1, color=GREY, linewidth=0.9, linestyle=LINES[1])
    axes.step(chance[order], fitted, where="mid", color=BLUE, label="isotonic fit")
    middle = np.bincount(place, chance) / size
    axes.vlines(middle, posterior.ppf(0.025), posterior.ppf(0.975), color=INK, linewidth=0.9)
    axes.plot(
        middle, events / size, "s", color=INK, markerfacecolor="white", markersize=4, label="share in a bin, 95 %"
    )
    axes.plot(chance, np.full(chance.size, -0.05), "|", color=GREY, markersize=4, markeredgewidth=0.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.09, 1.02)
