"""The overall ICC of all features, ranked: the ends by name, all as one curve, and a table to search."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, prose
from bayesrg.reporting.drawing import BLUE, GREY, INK, LINES, ORANGE, Series, draw, forest, legend_below, shorten
from bayesrg.reporting.feature_set.study import FeatureSet
from bayesrg.reporting.stability.agreement import calibration, definition_table

MOST_NAMED = 50  # features that are all named in one forest
ENDS = 20  # named from the top and from the bottom, where there are more
LABEL_WIDTH = 34


def ranked(study: FeatureSet) -> Section:
    """The section on intraclass correlations."""
    blocks: list[Block] = [
        prose(
            "The intraclass correlation (ICC) of a condition is the share of signal in the variance of signal and "
            "error ({general}). Features are ranked by the posterior mean of their overall ICC; the table has every "
            "condition.",
            general=works.BRENNAN.link("Brennan 2001"),
        ),
        *calibration(study),
        definition_table(study),
    ]
    if study.n_features > MOST_NAMED:
        blocks.append(_caterpillar(study))
    blocks += [_forest(study), _table(study)]
    return Section("icc", "Intraclass correlations, ranked", blocks)


def _caterpillar(study: FeatureSet) -> Figure:
    found = study.estimates["icc"].sel(condition="overall").isel(feature=study.order)
    mean, lower, upper = (found[part].values for part in ("mean", "lower", "upper"))
    place = np.arange(1, study.n_features + 1)
    kept = study.kept[study.order]

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        width = float(np.clip(250.0 / study.n_features, 0.35, 2.5))
        for own, colour, name in ((kept, BLUE, "kept by the rule"), (~kept, ORANGE, "removed")):
            _bars(axes, place[own], lower[own], upper[own], colour, width)
            axes.plot([], [], color=colour, linewidth=4, label=f"{name}: 95 % intervals")
        axes.plot(place, mean, color=INK, linewidth=1.2, label="posterior means")
        _mark_thresholds(axes, study.limits, vertical=False)
        axes.set_xlim(0, study.n_features + 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("features, ranked")
        axes.set_ylabel("overall ICC")
        legend_below(canvas, axes)

    quantiles = np.quantile(mean, [0.9, 0.5, 0.1])
    return draw(
        study.fit,
        "icc_all",
        title=f"Overall ICC of all {study.n_features:,} features",
        alt=f"Posterior means of the overall ICC fall from {mean[0]:.2f} to {mean[-1]:.2f} over {study.n_features:,} "
        f"ranked features; a tenth of them lies above {quantiles[0]:.2f}, half above {quantiles[1]:.2f}, nine tenths "
        f"above {quantiles[2]:.2f}. 95 % intervals are {np.median(upper - lower):.2f} wide at the median. "
        f"{int(kept.sum())} features are kept by the rule.",
        caption="Each feature is a vertical line, its 95 % equal-tailed interval; the dark curve joins posterior "
        "means. Dotted lines mark thresholds. The rule may ask for other conditions than the overall ICC, so colours "
        "can mix. Names and numbers are in the table below.",
        height=3.2,
        paint=paint,
    )


def _bars(axes: Axes, place: np.ndarray, lower: np.ndarray, upper: np.ndarray, colour: str, width: float) -> None:
    """All intervals as one path with gaps: a path for each would make the page heavy."""
    gap = np.full(place.size, np.nan)
    across = np.stack([place, place, gap], axis=1).ravel()
    along = np.stack([lower, upper, gap], axis=1).ravel()
    axes.plot(across, along, color=colour, linewidth=width, solid_capstyle="butt")


def _mark_thresholds(axes: Axes, limits: Sequence[float], *, vertical: bool) -> None:
    for limit in limits:
        line = axes.axvline if vertical else axes.axhline
        line(limit, color=GREY, linestyle=LINES[2], linewidth=1)
        if vertical:
            axes.annotate(
                f"{limit:g}", (limit, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8
            )


def _forest(study: FeatureSet) -> Figure:
    order = study.order
    everyone = study.n_features <= MOST_NAMED
    rows = list(order) if everyone else [*order[:ENDS], None, *order[-ENDS:]]
    between = study.n_features - 2 * ENDS
    labels = [
        f"… {between:,} features …" if number is None else shorten(str(study.features[number]), LABEL_WIDTH)
        for number in rows
    ]
    found = study.listed("icc", condition="overall")
    prior = _prior_interval(study)

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        series = []
        for kept, colour, marker, name in ((True, BLUE, "o", "kept by the rule"), (False, ORANGE, "s", "removed")):
            parts = [
                [
                    getattr(found[number], part) if number is not None and study.kept[number] == kept else np.nan
                    for number in rows
                ]
                for part in ("mean", "lower", "upper")
            ]
            if np.isfinite(parts[0]).any():
                mean, lower, upper = map(np.array, parts)
                series.append(Series(name, mean, lower, upper, colour, marker, filled=kept))
        for one in series:
            forest(axes, labels, [one])
        _mark_thresholds(axes, study.limits, vertical=True)
        axes.set_xlim(0, 1)
        axes.set_xlabel("overall ICC")
        legend_below(canvas, axes)

    best, worst = order[0], order[-1]
    return draw(
        study.fit,
        "icc_ends",
        title="Overall ICC of every feature" if everyone else f"The {ENDS} best and the {ENDS} weakest features",
        alt=f"Overall ICC, posterior means with 95 % intervals. First {study.features[best]}, {found[best].bare} "
        f"({found[best].bounds}); last {study.features[worst]}, {found[worst].bare} ({found[worst].bounds}). " + prior,
        caption="Posterior means with 95 % equal-tailed intervals, ranked; dotted lines mark thresholds. Long names "
        "are shortened in the middle. " + prior,
        height=1.3 + 0.19 * len(rows),
        paint=paint,
    )


def _prior_interval(study: FeatureSet) -> str:
    if "prior_estimands" not in study.fit.tree:
        return ""
    low, high = np.quantile(study.fit.prior("icc", condition="overall"), [0.025, 0.975])
    return f"Before the data, the 95 % interval of every feature was {low:.2f}–{high:.2f}."


def _table(study: FeatureSet) -> Table:
    order = study.order
    found = {name: study.listed("icc", condition=name) for name in study.conditions}
    frame = pd.DataFrame(
        {
            "rank": np.arange(1, study.n_features + 1),
            "family": study.families[order],
            **{
                f"{name}_{part}": [getattr(found[name][number], part) for number in order]
                for name in ("overall", *(other for other in study.conditions if other != "overall"))
                for part in ("mean", "lower", "upper")
            },
        },
        index=pd.Index(study.features[order], name="feature"),
    )
    overall = [found["overall"][number] for number in order]
    columns = [
        Column("Feature", [study.named(number) for number in order], numeric=False),
        Column("Family", list(frame["family"]), numeric=False),
        Column("Overall ICC", [one.bare for one in overall], order=[one.mean for one in overall]),
        Column("95 % interval", [one.bounds for one in overall], order=[one.lower for one in overall]),
    ]
    for name in study.conditions:
        if name != "overall":
            own = [found[name][number] for number in order]
            columns.append(Column(name.capitalize(), [one.bare for one in own], order=[one.mean for one in own]))
    return Table(
        "icc",
        "Intraclass correlations of every feature: posterior means, ranked by the overall ICC. A heading sorts.",
        columns,
        frame,
        notes="The CSV file has the 95 % intervals of every condition.",
        searchable=True,
    )
