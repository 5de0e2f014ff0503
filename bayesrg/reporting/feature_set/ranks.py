"""How sure the ranking is: the posterior of each feature's rank, and of being among the best k."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure as Canvas

from bayesrg.models.ranking import rank_probability
from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, breakable, prose
from bayesrg.reporting.drawing import BLUE, Series, draw, forest, shorten
from bayesrg.reporting.feature_set.study import FeatureSet

BEST = (1, 5, 10, 20, 50)
MOST_NAMED = 25
FEWEST = 3  # features of which a ranking says anything
LABEL_WIDTH = 34


def ranks(study: FeatureSet) -> Section:
    """The section on ranks."""
    title = "How sure the ranks are"
    if study.n_features < FEWEST:
        few = prose("A ranking of {counted} says nothing that the ICCs do not say.", counted=study.counted)
        return Section("ranks", title, [few])
    asked = [best for best in BEST if best <= study.n_features // 2] or [1]
    found = rank_probability(study.fit.estimands["icc"].sel(condition="overall"), best=asked)
    order = np.lexsort((study.features, found["mean_rank"].values))
    joint = (
        "All features were sampled together."
        if study.pooled
        else "The posteriors of features are independent given the data, so draws of different features are combined."
    )
    blocks: list[Block] = [
        prose(
            "League tables are uncertain ({source}). In every posterior draw the features were ranked by their "
            "overall ICC (1 is the best); a feature’s rank has a posterior as its ICC has one ({loss}). {joint}",
            source=works.LEAGUE_TABLES.link("Goldstein and Spiegelhalter 1996"),
            loss=works.RANKING.link("Lin et al. 2006"),
            joint=joint,
        ),
        _figure(study, found, order[:MOST_NAMED]),
        _table(study, found, order, asked),
    ]
    return Section("ranks", title, blocks)


def _figure(study: FeatureSet, found: xr.Dataset, order: np.ndarray) -> Figure:
    middle, lower, upper = (found[part].values[order] for part in ("mean_rank", "lower_rank", "upper_rank"))
    labels = [shorten(str(study.features[number]), LABEL_WIDTH) for number in order]

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        forest(axes, labels, [Series("mean rank, 95 % interval", middle, lower, upper, BLUE, "o")])
        axes.set_xlim(0, max(float(upper.max()) * 1.05, 2))
        axes.set_xlabel(f"rank among {study.n_features:,}")

    some = "all" if order.size == study.n_features else f"the best {order.size}"
    return draw(
        study.fit,
        "ranks",
        title=f"Posterior ranks of {some} features",
        alt=f"Mean ranks with 95 % intervals. The best, {labels[0]}, has mean rank {middle[0]:.1f} "
        f"({lower[0]:.0f}–{upper[0]:.0f}); the last shown, {labels[-1]}, {middle[-1]:.1f} "
        f"({lower[-1]:.0f}–{upper[-1]:.0f}). Intervals are {np.median(upper - lower):.0f} ranks wide at the median.",
        caption="Posterior means with 95 % equal-tailed intervals. Where they overlap, these data do not settle the "
        "order.",
        height=1.0 + 0.19 * order.size,
        paint=paint,
    )


def _table(study: FeatureSet, found: xr.Dataset, order: np.ndarray, asked: list[int]) -> Table:
    among = {best: found["probability_among_best"].sel(best=best).values[order] for best in asked}
    frame = pd.DataFrame(
        {
            "family": study.families[order],
            "mean_rank": found["mean_rank"].values[order],
            "lower_rank": found["lower_rank"].values[order],
            "upper_rank": found["upper_rank"].values[order],
            **{f"probability_among_best_{best}": chance for best, chance in among.items()},
        },
        index=pd.Index(study.features[order], name="feature"),
    )
    shown = frame.head(MOST_NAMED)
    rest = len(frame) - len(shown)
    return Table(
        "ranks",
        f"Ranks by the overall ICC{'' if not rest else f': the best {len(shown)} of {study.n_features:,} features'}.",
        [
            Column("Feature", [breakable(name) for name in shown.index], numeric=False),
            Column("Mean rank", [f"{rank:.1f}" for rank in shown["mean_rank"]]),
            Column(
                "95 % interval",
                [f"{low:.0f}–{high:.0f}" for low, high in zip(shown["lower_rank"], shown["upper_rank"], strict=True)],
            ),
            *(
                Column(
                    "P(best)" if best == 1 else f"P(among best {best})",
                    [study.shown_chance(value) for value in shown[f"probability_among_best_{best}"]],
                )
                for best in asked
            ),
        ],
        frame,
        notes=f"{rest:,} further features in the CSV file." if rest else "",
    )
