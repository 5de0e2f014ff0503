"""Where a feature's variance comes from: stacked shares by source, with their intervals."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting.blocks import Column, Figure, Section, Table, breakable, prose
from bayesrg.reporting.drawing import draw, shorten
from bayesrg.reporting.multi_region.features_shown import features_shown
from bayesrg.reporting.multi_region.study import MOST_LINKS, Study
from bayesrg.reporting.rounding import interval, probability, rounded

# Source -> its name, its colour and its hatch: told apart in grey too.
SOURCES = {
    "genes": ("links on average", "#0072B2", ""),
    "covariates": ("covariates, batch", "#9aa3af", ""),
    "B_between": ("links differ between tumours", "#D55E00", ""),
    "B_within": ("links differ within tumours", "#f2b48a", "////"),
    "a_between": ("image differs between tumours", "#00785A", ""),
    "a_within": ("image differs in space", "#9ad1be", "\\\\\\\\"),
    "residual": ("residual", "#e3e6eb", ""),
}


def variances(study: Study) -> Section:
    """The section on the variance split."""
    return Section(
        "variances",
        "Where the variance comes from",
        [
            prose(
                "Each feature’s variance, as this cohort’s genes and regions lie, divided by its sources. The two of "
                "them in orange are radiogenomic heterogeneity, those in green imaging heterogeneity; the residual is "
                "what single regions have to themselves, errors of measurement included."
            ),
            _figure(study),
            _table(study),
        ],
    )


def _sources(study: Study) -> list[str]:
    return [str(name) for name in study.fit.estimands["source_of_variance"].values]


def _figure(study: Study) -> Figure:
    features, rest = features_shown(study)
    sources = _sources(study)
    share = np.array(
        [[study.fit.estimate("variance_share", feature, source).mean for source in sources] for feature in features]
    )

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        start = np.zeros(len(features))
        for source, own in zip(sources, share.T, strict=True):
            name, colour, hatch = SOURCES[source]
            axes.barh(
                np.arange(len(features)),
                own,
                left=start,
                height=0.62,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                label=name,
            )
            start = start + own
        axes.set_yticks(np.arange(len(features)), [shorten(name, 22) for name in features])
        axes.set_ylim(len(features) - 0.5, -0.5)
        axes.set_xlim(0, 1)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("share of the feature’s variance (posterior means)")
        handles, labels = axes.get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncols=2)

    told = "; ".join(
        f"{feature}: "
        + ", ".join(f"{SOURCES[source][0]} {100 * value:.0f} %" for source, value in zip(sources, row, strict=True))
        for feature, row in zip(features, share, strict=True)
    )
    return draw(
        study.fit,
        "variance_split",
        title="Sources of each feature’s variance",
        alt=f"Posterior means of shares. {told}.",
        caption="Posterior means, which add up to one; their intervals are in the table." + rest,
        height=2.1 + 0.36 * len(features),
        paint=paint,
    )


def _table(study: Study) -> Table:
    sources, delta = _sources(study), study.model.delta
    rows = []
    for feature in study.features:
        for source in sources:
            drawn = study.fit.posterior("variance_share", feature=feature, source_of_variance=source)
            rows.append((feature, SOURCES[source][0], drawn))
        varying = study.fit.posterior("variance_share", feature=feature, source_of_variance=["B_between", "B_within"])
        rows.append((feature, "all variation of links", varying.reshape(-1, 2).sum(axis=1)))
    bounds = np.array([np.quantile(drawn, [0.025, 0.975]) for _, _, drawn in rows])
    frame = pd.DataFrame(
        {
            "feature": [feature for feature, _, _ in rows],
            "source": [source for _, source, _ in rows],
            "mean": [drawn.mean() for _, _, drawn in rows],
            "lower": bounds[:, 0],
            "upper": bounds[:, 1],
            "above": [float((drawn > delta).mean()) for _, _, drawn in rows],
        }
    )
    chances = [probability(one, study.fit.n_draws) for one in frame["above"]]
    return Table(
        "variance_split",
        "Shares of each feature’s variance: posterior means and 95 % equal-tailed intervals.",
        [
            Column("Feature", [breakable(name) for name in frame["feature"]], numeric=False),
            Column("Source", list(frame["source"]), numeric=False),
            Column("Share", [rounded(value, 0.01) for value in frame["mean"]], order=list(frame["mean"])),
            Column("95 % interval", [interval(low, high, 0.01) for low, high in bounds], order=list(bounds[:, 1])),
            Column(f"P(share > {delta:g})", chances, order=list(frame["above"])),
        ],
        frame.set_index(["feature", "source"]),
        searchable=len(frame) > MOST_LINKS,
    )
