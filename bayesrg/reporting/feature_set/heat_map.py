"""The probability heat map: features by conditions and thresholds, all at a glance and named in panels."""

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

from bayesrg.reporting.blocks import Block, Column, Figure, Folded, Section, Table, breakable, prose
from bayesrg.reporting.drawing import GREY, draw, shorten
from bayesrg.reporting.feature_set.study import FeatureSet

EDGES = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
SHADES = ("#f7f7f2", "#dfe8ee", "#b3cee2", "#79add2", "#2f74a8", "#123f63")  # those of page.css
MOST_NAMED = 300  # features that panels name; beyond, the table to search does
PANEL = 45  # rows of a panel
LABEL_WIDTH = 34
# Inches: what a row and a family need at least, and what all rows of the overview may take together.
FAMILY_HEIGHT, OVERVIEW_HEIGHT = 0.2, 5.0


def heat_map(study: FeatureSet) -> Section:
    """The section on probabilities."""
    frame = _chances(study)
    blocks: list[Block] = [
        prose(
            "How probable is it that a feature’s ICC exceeds a threshold? Families stand in the order of their mean "
            "overall ICC, features of a family in the order of the last column, which is the rule for keeping them: "
            "{rule}.",
            rule=study.rule_in_words,
        )
    ]
    if study.n_features <= PANEL:
        blocks.append(_panel(study, frame, 0, 1))
    else:
        blocks.append(_overview(study, frame))
        if study.n_features <= MOST_NAMED:
            total = -(-study.n_features // PANEL)
            panels = [_panel(study, frame.iloc[k * PANEL : (k + 1) * PANEL], k, total) for k in range(total)]
            blocks.append(Folded(f"The same with the names of features, in {total} panels", panels))
    blocks.append(_table(study, frame))
    return Section("probabilities", "Probability heat map", blocks)


def _chances(study: FeatureSet) -> pd.DataFrame:
    """Probabilities by feature: a column for each condition and threshold, and the joint one last."""
    columns = {f"{name} > {limit:g}": study.chance(name, limit) for name in study.conditions for limit in study.limits}
    columns["rule"] = study.joint_chance
    frame = pd.DataFrame(columns, index=pd.Index(study.features, name="feature"))
    frame.insert(0, "family", study.families)
    place = {name: number for number, name in enumerate(study.family_names)}
    overall = study.estimates["icc"]["mean"].sel(condition="overall").values
    groups = np.array([place[str(name)] for name in study.families])
    order = np.lexsort((study.features, -overall, -study.joint_chance, groups))
    return frame.iloc[order]


def _overview(study: FeatureSet, frame: pd.DataFrame) -> Figure:
    families = [(str(name), own.drop(columns="family").to_numpy()) for name, own in frame.groupby("family", sort=False)]
    heights = [max(FAMILY_HEIGHT, OVERVIEW_HEIGHT * len(own) / len(frame)) for _, own in families]
    starts = np.concatenate([[0.0], np.cumsum(heights)])
    columns = frame.shape[1] - 1

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for (_, own), top, bottom in zip(families, starts[:-1], starts[1:], strict=True):
            _shade(axes, own, (0, columns, bottom, top))
        axes.hlines(starts[1:-1], 0, columns, color="white", linewidth=2)
        middle = (starts[:-1] + starts[1:]) / 2
        names = [f"{shorten(name, 20)} ({len(own)})" for name, own in families]
        _finish(axes, frame, middle, names, starts[-1])
        _legend(canvas)

    return draw(
        study.fit,
        "heat_map",
        title=f"P(ICC > threshold) of all {study.n_features:,} features",
        alt=_told(study, frame),
        caption="Each row is a feature; darker is more probable. In parentheses, the number of features of a family."
        + (" The table below names them all." if study.n_features > MOST_NAMED else ""),
        height=2.2 + float(starts[-1]),
        paint=paint,
    )


def _panel(study: FeatureSet, frame: pd.DataFrame, number: int, total: int) -> Figure:
    values = frame.drop(columns="family").to_numpy()
    rows, columns = values.shape
    breaks = np.flatnonzero(frame["family"].to_numpy()[1:] != frame["family"].to_numpy()[:-1]) + 1

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        _shade(axes, values, (0, columns, rows, 0))
        axes.hlines(np.arange(1, rows), 0, columns, color="white", linewidth=0.5)
        axes.hlines(breaks, 0, columns, color="white", linewidth=3)
        labels = [shorten(str(name), LABEL_WIDTH) for name in frame.index]
        _finish(axes, frame, np.arange(rows) + 0.5, labels, rows)
        _legend(canvas)

    part = f", panel {number + 1} of {total}" if total > 1 else ""
    return draw(
        study.fit,
        f"heat_map_{number + 1}" if total > 1 else "heat_map",
        title=f"P(ICC > threshold) by feature{part}",
        alt=_told(study, frame),
        caption="Darker is more probable; a wide gap separates families. Long names are shortened in the middle.",
        height=2.5 + 0.155 * rows,
        paint=paint,
    )


def _shade(axes: Axes, values: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    norm = BoundaryNorm(EDGES, len(SHADES))
    cells = np.where(values >= 1.0, 1.0 - 1e-9, values)
    axes.imshow(cells, cmap=ListedColormap(SHADES), norm=norm, aspect="auto", interpolation="none", extent=extent)


def _finish(axes: Axes, frame: pd.DataFrame, places: np.ndarray, names: list[str], bottom: float) -> None:
    columns = [str(name) for name in frame.columns[1:]]
    axes.vlines(np.arange(1, len(columns)), 0, bottom, color="white", linewidth=1)
    axes.vlines(len(columns) - 1, 0, bottom, color="white", linewidth=4)
    axes.set_yticks(places, names)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=90)
    axes.xaxis.set_ticks_position("top")
    axes.tick_params(length=0)
    axes.set_xlim(0, len(columns))
    axes.set_ylim(bottom, 0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _legend(canvas: Canvas) -> None:
    handles = [
        Patch(facecolor=shade, edgecolor=GREY, linewidth=0.4, label=f"{low:g}–{high:g}")
        for shade, low, high in zip(SHADES, EDGES[:-1], EDGES[1:], strict=True)
    ]
    canvas.legend(handles=handles, loc="outside lower center", ncols=3, title="probability")


def _told(study: FeatureSet, frame: pd.DataFrame) -> str:
    required = study.rule.probability
    counts = {
        str(name): int((frame[name].to_numpy() >= required - 1e-12).sum()) for name in frame.columns if name != "family"
    }
    return (
        f"A grid of {len(frame)} features by {len(counts)} probabilities. Features with a probability of at least "
        f"{required:g}: " + "; ".join(f"{name}, {number}" for name, number in counts.items()) + "."
    )


def _table(study: FeatureSet, frame: pd.DataFrame) -> Table:
    chances = frame.drop(columns="family")
    columns = [Column("Feature", [breakable(str(name)) for name in frame.index], numeric=False)]
    for name in ["rule", *chances.columns[:-1]]:
        values = chances[name].to_numpy()
        columns.append(
            Column(
                str(name)[:1].upper() + str(name)[1:],
                [_cell(study, value) for value in values],
                order=list(values),
            )
        )
    return Table(
        "probabilities",
        "Probability that each feature’s ICC exceeds the thresholds; shaded as in the figure.",
        columns,
        frame,
        searchable=True,
    )


def _cell(study: FeatureSet, value: float) -> Markup:
    shade = min(int(np.searchsorted(EDGES, value, side="right")) - 1, len(SHADES) - 1)
    return Markup('<span class="shade-{}">{}</span>').format(shade, study.shown_chance(value))
