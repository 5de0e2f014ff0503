"""Who moves the answer: Pareto k of each patient."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Column, Figure, Table, fill, prose
from bayesrg.reporting.drawing import BLUE, GREY, LINES, ORANGE, draw, shorten
from bayesrg.reporting.rounding import significant

MOST_NAMED = 8
FAIR = 0.5


def influence(study: Study) -> list[Block]:
    """Pareto k and the shift of the slope by patient, and the patients with the largest."""
    shapes, shift = study.checks["pareto_k"].values, slope_shifts(study)
    limit = good_k(study)
    bad = int((shapes > limit).sum())
    if study.family == "rank":
        words = fill(
            "Of ranks each patient alone tells how probable their own value is, so that large k ({n} of {all} above "
            "{limit:.2g}) are the rule and say nothing of the slope; read the lower panel.",
            n=bad,
            all=shapes.size,
            limit=limit,
        )
    elif bad:
        words = fill(
            "<b>{n} of {all} patients</b> move the posterior so much that it cannot be said what it would be without "
            "them (k above {limit:.2g}): look at them, and fit again without them.",
            n=bad,
            all=shapes.size,
            limit=limit,
        )
    else:
        words = fill("No single patient decides the posterior: all k are below {limit:.2g}.", limit=limit)
    return [
        prose(
            "<b>Influence.</b> Pareto k of a patient says how much the whole posterior moves when they are left out "
            "({source}). {words} How far the slope itself moves is shown in its posterior sds, to first order "
            "({jackknife}): at most {most}.",
            source=works.LOO.link("Vehtari et al. 2017"),
            words=words,
            jackknife=works.JACKKNIFE.link("Giordano and Broderick 2023"),
            most=significant(float(np.abs(shift).max()), 2),
        ),
        _figure(study, shapes, shift, limit),
        _table(study, shapes, shift),
    ]


def slope_shifts(study: Study) -> np.ndarray:
    """By how many posterior sds the mean of the slope rises without each patient, (patient,).

    Removing a patient tilts the posterior by their likelihood, which to first order changes the mean of a slope by
    minus its covariance with the log likelihood. Of several slopes that which moves most is taken.
    """
    stored = study.fit.tree["log_likelihood"].to_dataset()["value"].transpose("patient", "chain", "draw").values
    rows = stored.reshape(study.n_patients, -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    slopes = np.stack([(slope.draws - slope.draws.mean()) / slope.draws.std() for slope in study.slopes])
    shifts = -(slopes @ rows.T) / rows.shape[1]
    return shifts[np.abs(shifts).argmax(axis=0), np.arange(study.n_patients)]


def good_k(study: Study) -> float:
    """Up to which k the importance weights can be trusted with so many draws."""
    draws = study.posterior.sizes["chain"] * study.posterior.sizes["draw"]
    return float(min(1.0 - 1.0 / np.log10(draws), 0.7))


def _figure(study: Study, shapes: np.ndarray, shift: np.ndarray, limit: float) -> Figure:
    place = np.arange(1, shapes.size + 1)
    wrong = shapes > limit

    def paint(canvas: Canvas) -> None:
        upper, lower = canvas.subplots(2, 1, sharex=True)
        upper.axhline(limit, color=GREY, linestyle=LINES[1], linewidth=0.9)
        upper.vlines(place, 0, shapes, color="#d5dae1", linewidth=0.6)
        upper.plot(place[~wrong], shapes[~wrong], "o", color=BLUE, markersize=3)
        upper.plot(place[wrong], shapes[wrong], "D", color=ORANGE, markersize=4)
        upper.set_ylim(min(0.0, float(shapes.min())) - 0.05, max(float(shapes.max()), limit) + 0.12)
        upper.set_ylabel("Pareto k")
        lower.axhline(0, color=GREY, linewidth=0.8)
        lower.vlines(place, 0, shift, color="#a9c6de", linewidth=0.8)
        lower.plot(place, shift, "o", color=BLUE, markersize=3)
        lower.set_xlabel("patients, in the order of the table")
        lower.set_ylabel("slope moves by (sd)")
        lower.margins(y=0.15)
        if study.show_subjects:
            labels = study.patients()
            for axes, values in ((upper, shapes), (lower, np.abs(shift))):
                number = int(values.argmax())
                height = float(shapes[number] if axes is upper else shift[number])
                where = {"textcoords": "offset points", "xytext": (4, 2), "fontsize": 7}
                axes.annotate(shorten(str(labels[number]), 16), (place[number], height), **where)

    return draw(
        study.fit,
        "influence",
        title="Influence of each patient",
        alt=f"Pareto k of {shapes.size} patients: largest {shapes.max():.2f}; {int(wrong.sum())} above the limit of "
        f"{limit:.2g}, {int((shapes > FAIR).sum())} above {FAIR:g}. Without one patient the slope moves by at most "
        f"{np.abs(shift).max():.2g} posterior sds.",
        caption=f"Above: Pareto k; dashed {limit:.2g}, beyond which a patient’s influence is too large to be known "
        "from this fit. Below: how far the posterior mean of the slope moves without the patient, in its sds"
        + ("; of several slopes the one that moves most." if len(study.slopes) > 1 else "."),
        height=3.9,
        paint=paint,
    )


def _table(study: Study, shapes: np.ndarray, shift: np.ndarray) -> Table:
    # Those whose influence is too large to be known come first, then those who move the slope most.
    unknown = (shapes > good_k(study)) & (study.family != "rank")
    order = np.lexsort((-np.abs(shift), np.where(unknown, -shapes, 0.0)))[:MOST_NAMED]
    frame = pd.DataFrame({"pareto_k": shapes, "slope_shift": shift}, index=study.patients())
    frame = frame.assign(elpd=study.checks["elpd"].values, outcome=_outcomes(study))
    for term in study.terms:
        frame[term] = study.predictor(term)
    frame = frame.iloc[order]
    name = str(frame.index.name)
    columns = [
        Column(name.capitalize(), [str(label) for label in frame.index], numeric=False),
        Column("Pareto k", [significant(value, 2) for value in frame["pareto_k"]]),
        Column("Slope moves by (sd)", [significant(value, 2) for value in frame["slope_shift"]]),
        Column("Log predictive density", [significant(value, 3) for value in frame["elpd"]]),
        Column(f"Outcome {study.outcome}", [str(value) for value in frame["outcome"]], numeric=False),
    ]
    columns += [Column(term, [significant(float(value)) for value in frame[term]]) for term in study.terms]
    return Table(
        "influence",
        f"The {len(frame)} patients with the most influence"
        + ("." if study.show_subjects else ", by the number of their row among those fitted."),
        columns,
        frame,
    )


def _outcomes(study: Study) -> list[str]:
    if study.categories:
        return [study.categories[int(code)] for code in study.data["value"].values]
    return [significant(float(value), 4) for value in study.values]
