"""A map of who was measured how: subjects by conditions of measurement."""

import numpy as np
import pandas as pd
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

from bayesrg.reporting.blocks import Figure, enumerate_words
from bayesrg.reporting.drawing import GREY, draw, shorten
from bayesrg.reporting.stability.study import StudyDesign

SHADES = ("#ffffff", "#bcd4e8", "#6ba3cc", "#2f74a8", "#123f63")
LABEL_WIDTH = 28


def coverage(study: StudyDesign, rows: pd.DataFrame) -> Figure:
    """Draw how many measurements each subject has in each scanner and preprocessing (or session, where there are none).

    Parameters
    ----------
    study : the study
    rows : a row a measurement, with columns subject, session, scanner and preprocessing as far as they are there
    """
    by = [name for name in ("scanner", "preprocessing") if name in rows] or [
        name for name in ("session",) if name in rows
    ]
    counts = _count(rows, by)
    steps, names = _steps(int(counts.to_numpy().max()), smallest=int(counts.to_numpy().min()))
    cells = counts.to_numpy()
    empty = int((cells == 0).sum())
    shades = SHADES[1 if steps[0] else 0 :][: len(steps)]

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        norm = BoundaryNorm([*(step - 0.5 for step in steps), cells.max() + 0.5], len(steps))
        axes.pcolormesh(cells, cmap=ListedColormap(shades), norm=norm, edgecolors=GREY, linewidth=0.25)
        gaps = np.argwhere(cells == 0)
        axes.plot(gaps[:, 1] + 0.5, gaps[:, 0] + 0.5, "x", markersize=3, color=GREY, markeredgewidth=0.7)
        axes.set_yticks(np.arange(len(counts)) + 0.5, [_label(parts) for parts in counts.index])
        axes.invert_yaxis()
        axes.set_xticks([0.5, counts.shape[1] - 0.5], ["1", str(counts.shape[1])])
        axes.set_xlabel("subjects, those with most measurements first")
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        handles = [
            Patch(facecolor=shade, edgecolor=GREY, label=name) for shade, name in zip(shades, names, strict=True)
        ]
        canvas.legend(handles=handles, loc="outside lower center", ncols=len(handles), title="measurements in a cell")

    kind = str(enumerate_words(by)) or "subject"
    return draw(
        study.fit,
        "design",
        title=f"Measurements of each subject by {kind}" if by else "Measurements of each subject",
        alt=f"A grid of {counts.shape[1]} subjects by {len(counts)} conditions ({kind}). Cells hold {cells.min()} to "
        f"{cells.max()} measurements; {empty} of {cells.size} cells are empty.",
        caption=(f"Rows: {' · '.join(by)}. " if by else "")
        + "One column a subject; darker cells hold more measurements"
        + (", and a cross marks a cell without any. " if empty else ". ")
        + ("Labels of subjects are in the table of patterns." if study.show_subjects else "Subjects are not named."),
        height=1.5 + 0.2 * max(len(counts), 2),
        paint=paint,
    )


def _count(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Measurements by condition (index: tuples of labels, in the order of their levels) and subject (busiest first)."""
    keys = [rows[name] for name in by] or [pd.Series(["all"] * len(rows), name="all")]
    counts = pd.DataFrame(rows.groupby([*keys, "subject"], observed=True).size().unstack("subject", fill_value=0))
    busiest = np.argsort(-counts.to_numpy().sum(axis=0), kind="stable")
    return counts.iloc[:, busiest]


def _steps(most: int, smallest: int) -> tuple[list[int], list[str]]:
    """Where each shade begins, and what a legend calls it."""
    steps = [0, 1, 2, 3, 4] if most <= 4 else [0, 1, *sorted({2, most // 3 + 1, 2 * most // 3 + 1} - {1})]
    steps = [step for step in steps if step <= most and (step or not smallest)]
    ends = [*steps[1:], most + 1]
    names = [str(low) if high == low + 1 else f"{low}–{high - 1}" for low, high in zip(steps, ends, strict=True)]
    return steps, ["none" if name == "0" else name for name in names]


def _label(parts: object) -> str:
    labels = [str(part) for part in parts] if isinstance(parts, tuple) else [str(parts)]
    return " · ".join(shorten(label, LABEL_WIDTH // len(labels)) for label in labels)
