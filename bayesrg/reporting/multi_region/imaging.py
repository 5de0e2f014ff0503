"""Imaging heterogeneity: how features vary within and between tumours whatever the genes are."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Column, Figure, Section, Table, breakable, prose
from bayesrg.reporting.drawing import BLUE, GREY, Series, draw, forest, legend_below, shorten
from bayesrg.reporting.multi_region.features_shown import features_shown
from bayesrg.reporting.multi_region.study import MOST_LINKS, Study
from bayesrg.reporting.rounding import significant


def imaging(study: Study) -> Section:
    """The section on a."""
    return Section(
        "imaging",
        "Imaging heterogeneity",
        [
            prose(
                "What genes and covariates do not explain of a feature is a + ε: it varies between tumours, and within "
                "them. The intraclass correlation is that of two regions of one tumour as they lie; near one, a region "
                "speaks for its tumour. {graph}",
                graph=""
                if study.model.spatial != "graph"
                else "It can be negative here, for a graph’s process sets the regions of a tumour against each other.",
            ),
            _figure(study),
            _table(study),
            prose(
                "<b>Features and genes by themselves.</b> The last table divides what was measured, genes as well, by "
                "a one-way analysis of variance with tumours as groups ({source}): how different the regions of a "
                "tumour are in image and in genome. Within tumours, errors of measuring each region once count too.",
                source=works.SHROUT_FLEISS.link("Shrout and Fleiss 1979"),
            ),
            _observed_table(study),
        ],
    )


def one_way(value: np.ndarray, tumor: np.ndarray) -> tuple[float, float, float]:
    """Variance within tumours, between them, and the intraclass correlation, by analysis of variance (unbalanced).

    Parameters
    ----------
    value : ndarray (region,), NaN where it is missing
    tumor : ndarray (region,), whole numbers

    Returns
    -------
    NaN where no tumour has two regions with a value, or only one tumour has any; a between-tumour variance that would
    be negative is zero.
    """
    known = ~np.isnan(value)
    value, tumor = value[known], np.unique(tumor[known], return_inverse=True)[1]
    size = np.bincount(tumor)
    free = value.size - size.size
    if free < 1 or size.size < 2:
        return np.nan, np.nan, np.nan
    mean = np.bincount(tumor, value) / size
    within = float(((value - mean[tumor]) ** 2).sum() / free)
    among = float((size * (mean - value.mean()) ** 2).sum() / (size.size - 1))
    each = (value.size - (size**2).sum() / value.size) / (size.size - 1)
    between = max((among - within) / each, 0.0)
    whole = within + between
    return within, between, between / whole if whole > 0 else np.nan


def _figure(study: Study) -> Figure:
    features, rest = features_shown(study)
    found = [study.fit.estimate("a_icc", name) for name in features]
    prior = np.array([np.quantile(study.fit.prior("a_icc", feature=name), [0.5, 0.025, 0.975]) for name in features])
    bounds = [np.array([getattr(one, part) for one in found]) for part in ("mean", "lower", "upper")]

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        series = [
            Series("posterior mean, 95 % interval", bounds[0], bounds[1], bounds[2], BLUE, "o"),
            Series("prior median, 95 % interval", prior[:, 0], prior[:, 1], prior[:, 2], GREY, "D", filled=False),
        ]
        forest(axes, [shorten(name, 22) for name in features], series)
        axes.set_xlim(min(0.0, bounds[1].min(), prior[:, 1].min()), 1.0)
        axes.set_xlabel("intraclass correlation of a + ε")
        legend_below(canvas, axes, columns=1)

    told = "; ".join(f"{name} {one.bare} ({one.bounds})" for name, one in zip(features, found, strict=True))
    return draw(
        study.fit,
        "imaging",
        title="Imaging heterogeneity: what regions of a tumour share",
        alt=f"Posterior means of the intraclass correlation with 95 % intervals: {told}.",
        caption="Of what genes and covariates do not explain, how alike two regions of a tumour are." + rest,
        height=1.4 + 0.4 * len(features),
        paint=paint,
    )


def _table(study: Study) -> Table:
    names = {"a_variance_within": "Variance within tumours (sd², 95 %)", "a_icc": "Intraclass correlation (95 %)"}
    frame = pd.DataFrame(index=pd.Index(study.features, name="feature"))
    columns = [Column("Feature", [breakable(name) for name in study.features], numeric=False)]
    for name, heading in names.items():
        found = [study.fit.estimate(name, feature) for feature in study.features]
        for part in ("mean", "lower", "upper"):
            frame[f"{name}_{part}"] = [getattr(one, part) for one in found]
        columns.append(
            Column(heading, [f"{one.bare} ({one.bounds})" for one in found], order=list(frame[f"{name}_mean"]))
        )
    return Table(
        "imaging",
        "Imaging heterogeneity that genes and covariates do not explain.",
        columns,
        frame,
        searchable=len(study.features) > MOST_LINKS,
    )


def _observed_table(study: Study) -> Table:
    tumor = study.data["tumor_index"].values
    rows = {
        name: ("feature", *one_way(study.data["value"].sel(feature=name).values, tumor)) for name in study.features
    } | {name: ("gene", *one_way(study.data["genome"].sel(gene=name).values, tumor)) for name in study.genes}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["kind", "within", "between", "icc"]).rename_axis(
        "column"
    )
    return Table(
        "one_way",
        "Variances of features and genes as they were measured, on the model’s scale (no posterior: mean squares).",
        [
            Column("Column", [breakable(str(name)) for name in frame.index], numeric=False),
            Column("Is a", list(frame["kind"]), numeric=False),
            *(
                Column(heading, [significant(float(value), 2) for value in frame[name]], order=list(frame[name]))
                for name, heading in (
                    ("within", "Within tumours"),
                    ("between", "Between tumours"),
                    ("icc", "Intraclass correlation"),
                )
            ),
        ],
        frame,
        searchable=len(frame) > MOST_LINKS,
    )
