"""Whether the outcome's whole distribution is right: each patient's place among what the others predict (LOO-PIT)."""

import numpy as np
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Figure, prose
from bayesrg.reporting.drawing import BLUE, GREY, ORANGE, draw, legend_below

SIMULATIONS = 4000  # of uniform samples, for a band that holds all of a curve with probability 0.95
POINTS = 100  # at which the curve is looked at
BAND_SEED = 20220303


def distribution(study: Study) -> list[Block]:
    """LOO-PIT with its band."""
    return [
        prose(
            "<b>The outcome’s distribution.</b> Each patient is predicted from all others, and their outcome’s place "
            "in that prediction (LOO-PIT) is uniform if the model is right. A curve that leaves the band ({source}) "
            "shows how it is wrong: an arch says that outcomes lie lower than predicted, a bowl higher; an S falling "
            "through the middle says that predictions are too narrow, one rising through it too wide.{random}",
            source=works.ECDF_BANDS.link("Säilynoja et al. 2022"),
            random=""
            if study.continuous
            else " Of outcomes that are not continuous the place is drawn within the probability of the value itself.",
        ),
        _pit_figure(study),
    ]


def uniform_band(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points in (0, 1), and the bounds that the ECDF of `size` uniform values less its expectation keeps at 95 %."""
    from arviz_stats.ecdf_utils import get_pointwise_confidence_band, simulate_confidence_bands

    points = np.linspace(0, 1, min(size, POINTS) + 1)[1:-1]
    rng = np.random.default_rng(BAND_SEED)
    pointwise = simulate_confidence_bands(size, 1, points, 0.95, SIMULATIONS, rng)
    lower, upper = get_pointwise_confidence_band(pointwise, size, points)
    return points, lower - points, upper - points


def _pit_figure(study: Study) -> Figure:
    pit = study.checks["pit"].values
    points, lower, upper = uniform_band(pit.size)
    difference = (pit[:, None] <= points).mean(axis=0) - points
    out = (difference < lower - 1e-12) | (difference > upper + 1e-12)
    words = "stays within the band"
    if out.any():
        words = f"leaves the band between {points[out].min():.2f} and {points[out].max():.2f}"

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.fill_between(points, lower, upper, color="#dbe6f0", linewidth=0, label="95 % band of a right model")
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.plot(points, difference, color=ORANGE if out.any() else BLUE, label=f"LOO-PIT of {pit.size} patients")
        axes.set_xlim(0, 1)
        axes.set_xlabel("LOO-PIT")
        axes.set_ylabel("ECDF less uniform")
        legend_below(canvas, axes)

    return draw(
        study.fit,
        "loo_pit",
        title="Outcomes beside what is predicted of them",
        alt=f"Difference of the distribution of LOO-PIT values from the uniform one, at most "
        f"{np.abs(difference).max():.3f}. It {words}, which holds the whole curve of a right model with "
        "probability 0.95.",
        caption=f"The curve {words}, which holds all of the curve of independent "
        "uniform values with a probability of 95 %; LOO-PIT values are nearly that.",
        height=2.7,
        paint=paint,
    )
