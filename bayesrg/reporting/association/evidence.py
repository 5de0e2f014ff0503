"""Evidence of an association: the Bayes factor against the scale of its prior, direction, practical equivalence."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.association.panels import grid, rows_of
from bayesrg.reporting.association.quantities import factor, reading
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, breakable, prose
from bayesrg.reporting.drawing import BLUE, GREY, INK, LINES, ORANGE, draw, legend_below
from bayesrg.reporting.rounding import probability, significant

HALF = 0.5
UNRELIABLE = 0.7
MARKS = {"1/10": -1.0, "1/3": -float(np.log10(3.0)), "1": 0.0, "3": float(np.log10(3.0)), "10": 1.0}
WIDE = 6.0  # decades on an axis beyond which the inner marks would stand on one another


def evidence(study: Study) -> Section:
    """The section on evidence."""
    unreliable = bool((study.bayes_factors["pareto_k"].values > UNRELIABLE).any())
    blocks: list[Block] = [
        prose(
            "A Bayes factor says how much more probable the data are if the slope comes from its prior than if it is "
            "exactly zero, all else equal (by the ratio of {dickey}). It depends on how wide that prior is, so it "
            "never stands alone: the figure draws it for priors from a tenth of the fit’s own to four times as wide. A "
            "wide prior wastes itself on effects that nobody expects, and so favours none. 3 and 10 are conventions, "
            "{where}.",
            dickey=works.SAVAGE_DICKEY.link("Savage and Dickey"),
            where="for the eye alone",
        ),
        _figure(study),
        *([prose(DOUBT)] if unreliable else []),
        _table(study),
        prose(
            "Three other readings of the same posterior. The <b>probability of direction</b> is that of the sign, and "
            "says nothing of size or of evidence for none ({direction}). <b>Practical equivalence</b> is the "
            "probability that the slope is too small to matter, within ±{rope:g} on the model’s scale ({rope_source}); "
            "whether that is the right size to call small is the reader’s to say. With both low and high probability "
            "spread, the answer is that the data do not know.",
            direction=works.DIRECTION.link("Makowski et al. 2019"),
            rope=study.rope,
            rope_source=works.ROPE.link("Kruschke 2018"),
        ),
        _reading_table(study),
    ]
    return Section("evidence", "Evidence", blocks)


DOUBT = (
    "Open markers have a Pareto k above 0.7: their importance weights are too uneven for the number to be trusted, "
    "though a very large factor is no doubt large."
)


def _figure(study: Study) -> Figure:
    found = study.bayes_factors
    scales = found["prior_scale"].values

    def paint(canvas: Canvas) -> None:
        shown = grid(canvas, study.terms)
        for axes, term in zip(shown, study.terms, strict=True):
            _paint(axes, study, term)
            axes.set_xlabel("relative sd of the prior")
        for axes in shown[:: min(2, len(shown))]:
            axes.set_ylabel("log₁₀ Bayes factor")
        legend_below(canvas, shown[0])

    told = []
    for term in study.terms:
        own = found["log_bayes_factor"].sel(term=term).values
        told.append(
            f"{term}: {factor(own[0])} at {scales[0]:g} times the fit’s prior, "
            f"{factor(float(found['log_bayes_factor'].sel(term=term, prior_scale=1.0)))} at the fit’s own, "
            f"{factor(own[-1])} at {scales[-1]:g} times"
        )
    return draw(
        study.fit,
        "bayes_factor",
        title="Bayes factor of an association, by the width of its prior",
        alt=f"Bayes factors for an association against none. {'; '.join(told)}.",
        caption="Above 0 the data favour an association, below it none. Vertical dashed line: the fit’s own prior, "
        f"with sd {study.fit.model.family.beta.arguments['sigma']:g} of the slope. Bars: two Monte Carlo standard "
        "errors. Open markers: not reliable (Pareto k above 0.7).",
        height=1.3 + (2.1 if len(study.terms) < 3 else 1.8) * rows_of(study.terms),
        paint=paint,
    )


def _paint(axes: Axes, study: Study, term: str) -> None:
    own = study.bayes_factors.sel(term=term)
    place, power = own["prior_scale"].values, own["log_bayes_factor"].values / np.log(10.0)
    good = own["pareto_k"].values <= UNRELIABLE
    # Where k is large the error is not known, and no bar is drawn.
    error = np.where(good, 2.0 * own["mcse"].values / np.log(10.0), 0.0)
    low, high = min(-1.25, (power - error).min()), max(1.25, (power + error).max())
    edge = 0.06 * (high - low)
    axes.set_xscale("log")
    axes.set_ylim(low - edge, high + edge)
    for name, mark in MARKS.items():
        axes.axhline(mark, color="#dfe3e8" if name != "1" else GREY, linewidth=0.8, zorder=0)
        if high - low > WIDE and name != "1":
            continue
        axes.annotate(
            f"{name}:1" if mark > 0 else f"1:{name[2:]}" if mark < 0 else "1:1",
            (1.015, mark),
            xycoords=("axes fraction", "data"),
            ha="left",
            va="center",
            fontsize=7,
            color=GREY,
        )
    axes.axvline(1.0, color=INK, linestyle=LINES[1], linewidth=0.9, label="the fit’s prior")
    axes.vlines(place, power - error, power + error, color=BLUE, linewidth=1)
    axes.plot(place, power, color=BLUE, linewidth=1)
    if good.any():
        axes.plot(place[good], power[good], "o", color=BLUE, markersize=5, label="Bayes factor")
    if not good.all():
        axes.plot(
            place[~good], power[~good], "o", color=ORANGE, markerfacecolor="white", markersize=5, label="not reliable"
        )
    axes.set_xticks([0.1, 0.25, 1, 4], ["0.1", "0.25", "1", "4"])
    axes.minorticks_off()
    axes.margins(x=0.12)


def _table(study: Study) -> Table:
    found = study.bayes_factors
    frame = found.to_dataframe().reset_index()
    frame["log10_bayes_factor"] = frame["log_bayes_factor"] / np.log(10.0)
    shown = frame.sort_values(["term", "prior_scale"], key=_in_order(study))
    return Table(
        "bayes_factor",
        "Bayes factors for an association against none, by the width of the prior.",
        [
            *study.term_column(shown["term"].astype(str)),
            Column("Prior, relative", [f"{scale:g}" for scale in shown["prior_scale"]]),
            Column("sd of the slope", [significant(sd) for sd in shown["prior_sd"]]),
            Column("Bayes factor", [factor(log) for log in shown["log_bayes_factor"]]),
            Column("Reading", [reading(log) for log in shown["log_bayes_factor"]], numeric=False),
            Column("MCSE of its log", [significant(error, 2) for error in shown["mcse"]]),
            Column("Pareto k", [_mark(shape) for shape in shown["pareto_k"]]),
        ],
        shown.set_index(["term", "prior_scale"]),
        notes="Of an outcome with several slopes a term, all of them together are compared with zero.",
    )


def _in_order(study: Study) -> Callable[[pd.Series], pd.Series]:
    return lambda own: own.map(study.terms.index) if own.name == "term" else own


def _mark(shape: float) -> Markup:
    text = significant(shape, 2)
    return Markup('<span class="fail-mark">{}</span>').format(text) if shape > UNRELIABLE else Markup(text)


def _reading_table(study: Study) -> Table:
    rows = {}
    for slope in study.slopes:
        above = float((slope.draws > 0).mean())
        sizes = [
            float((slope.draws <= -study.rope).mean()),
            float((np.abs(slope.draws) < study.rope).mean()),
            float((slope.draws >= study.rope).mean()),
        ]
        rows[slope.label] = ["positive" if above >= HALF else "negative", max(above, 1 - above), *sizes]
    names = ["direction", "probability of direction", "negative beyond ROPE", "within ROPE", "positive beyond ROPE"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("slope")
    draws = study.slopes[0].draws.size
    return Table(
        "readings",
        "Direction and practical equivalence of each slope, as posterior probabilities.",
        [
            Column("Slope", [breakable(label) for label in frame.index], numeric=False),
            Column("Direction", list(frame["direction"]), numeric=False),
            *(
                Column(name.capitalize().replace("rope", "ROPE"), [probability(value, draws) for value in frame[name]])
                for name in names[1:]
            ),
        ],
        frame,
    )
