"""Where the variance comes from: shares of the components, as distributions over the features of each family."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting.blocks import Column, Figure, Section, Table, prose
from bayesrg.reporting.drawing import BLUE, GREY, draw, label_bottom, legend_below, shorten
from bayesrg.reporting.feature_set.study import FeatureSet
from bayesrg.reporting.stability.study import display

MOST_FAMILIES = 12
LABEL_WIDTH = 20
ALL = "all features"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def shares(study: FeatureSet) -> Section:
    """The section on shares of the variance."""
    frame = _quantiles(study)
    medians = {
        name: float(frame.loc[(name, _everyone(study)), "q50"]) for name in study.components if name != "subject"
    }
    largest = max(medians, key=lambda name: medians[name])
    return Section(
        "shares",
        "Shares of variance by family",
        [
            prose(
                "What a component contributes to the total variance, feature by feature: the subject’s share is the "
                "signal, all others are what could be measured better. At the median feature the largest other "
                "component is {name}, with {percent:.0f} % of the variance.",
                name=display(largest),
                percent=100 * medians[largest],
            ),
            _figure(study, frame),
            _table(study, frame),
        ],
    )


def _groups(study: FeatureSet) -> dict[str, np.ndarray]:
    """Which features belong to each row: families (the smallest of very many together), then all."""
    names = study.family_names
    if len(names) > MOST_FAMILIES:
        sizes = pd.Series(study.families).value_counts()
        large = set(sizes.index[: MOST_FAMILIES - 1])
        groups = {name: study.families == name for name in names if name in large}
        groups[f"{len(names) - len(large)} smaller families"] = ~np.isin(study.families, list(large))
    else:
        groups = {name: study.families == name for name in names}
    return groups if len(groups) == 1 else groups | {ALL: np.ones(study.n_features, dtype=bool)}


def _everyone(study: FeatureSet) -> str:
    """The row that holds all features: the last one."""
    return list(_groups(study))[-1]


def _quantiles(study: FeatureSet) -> pd.DataFrame:
    means = study.estimates["share"]["mean"].transpose("feature", "component")
    rows = {}
    for component in study.components:
        values = means.sel(component=component).values
        for family, own in _groups(study).items():
            rows[component, family] = [own.sum(), *np.quantile(values[own], QUANTILES)]
    columns = ["features", *(f"q{100 * q:.0f}" for q in QUANTILES)]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns).astype({"features": int})
    frame.index = pd.MultiIndex.from_tuples(list(rows), names=["component", "family"])
    return frame


def _figure(study: FeatureSet, frame: pd.DataFrame) -> Figure:
    families = list(frame.index.get_level_values("family")[: len(_groups(study))])
    columns = 2 if len(study.components) > 1 else 1
    panels = -(-len(study.components) // columns)

    def paint(canvas: Canvas) -> None:
        grid = canvas.subplots(panels, columns, sharex=True, sharey=True, squeeze=False)
        rows = np.arange(len(families))
        for axes, component in zip(grid.ravel(), study.components, strict=False):
            own = frame.loc[component]
            axes.hlines(rows, own["q5"], own["q95"], color=GREY, linewidth=1.2, label="90 % of features")
            axes.hlines(rows, own["q25"], own["q75"], color=BLUE, linewidth=5, alpha=0.45, label="half of features")
            axes.plot(own["q50"], rows, "o", markersize=5, color=BLUE, clip_on=False, zorder=3, label="median feature")
            axes.set_title(display(component))
            axes.set_yticks(rows, [shorten(name, LABEL_WIDTH) for name in families])
            axes.set_ylim(len(families) - 0.5, -0.5)
            axes.set_xlim(0, 1)
            axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
            axes.tick_params(axis="y", length=0)
            axes.tick_params(labelbottom=True)
            axes.grid(axis="x", color="#dfe3e8", linewidth=0.6)
            axes.set_axisbelow(True)
            axes.spines["left"].set_visible(False)
        label_bottom(grid, len(study.components), "share of variance")
        legend_below(canvas, grid[0, 0], columns=3)

    everyone = frame.xs(_everyone(study), level="family")
    return draw(
        study.fit,
        "shares",
        title="Shares of the total variance, by family",
        alt="Distributions of posterior mean shares over features. At the median of all features: "
        + "; ".join(
            f"{display(str(name))} {row['q50']:.2f} (90 % of features {row['q5']:.2f}–{row['q95']:.2f})"
            for name, row in everyone.iterrows()
        )
        + ".",
        caption="Posterior mean shares over the features of each family: median (dot), middle half (thick) and middle "
        "90 % (thin). The spread is between features; the CSV file of the table has each feature’s own.",
        height=1.1 + panels * (0.62 + 0.19 * len(families)),
        paint=paint,
    )


def _table(study: FeatureSet, frame: pd.DataFrame) -> Table:
    medians = pd.DataFrame(frame["q50"].unstack("component"))[study.components]
    groups = {name: int(own.sum()) for name, own in _groups(study).items()}
    medians = pd.DataFrame(medians).loc[list(groups)]
    return Table(
        "shares",
        "Median share of each component over the features of a family; in parentheses their number.",
        [
            Column("Family", [f"{name} ({groups[str(name)]})" for name in medians.index], numeric=False),
            *(Column(display(name), [f"{value:.2f}" for value in medians[name]]) for name in study.components),
        ],
        _by_feature(study),
        notes="The CSV file has the shares of every feature with their 95 % intervals.",
    )


def _by_feature(study: FeatureSet) -> pd.DataFrame:
    found = study.estimates["share"]
    columns = {
        f"{component}_{part}": found[part].sel(component=component).values
        for component in study.components
        for part in ("mean", "lower", "upper")
    }
    return pd.DataFrame({"family": study.families, **columns}, index=pd.Index(study.features, name="feature"))
