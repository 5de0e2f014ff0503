"""The decision study: how many sessions, scanners and preprocessings to average, and what that would bring."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure as Canvas

from bayesrg.inference.provenance import read_json
from bayesrg.models.averaging import cheapest, decision_study
from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, breakable, count, enumerate_words, prose
from bayesrg.reporting.drawing import BLUE, GREEN, GREY, INK, LINES, ORANGE, PURPLE, draw, legend_below, shorten
from bayesrg.reporting.feature_set.study import FeatureSet
from bayesrg.reporting.stability.study import display

NUMBERS = (1, 2, 3, 4)
FACETS = ("session", "scanner", "preprocessing")
COEFFICIENTS: Mapping[Literal["generalisability", "dependability"], str] = {
    "generalisability": "E ρ²",
    "dependability": "Φ",
}
STYLES = ((BLUE, LINES[0]), (ORANGE, LINES[1]), (GREEN, LINES[2]), (PURPLE, LINES[3]))
MOST_FAMILIES = 4  # of which curves are drawn: the largest ones
MOST_MEASUREMENTS = 8  # of a subject, in the table of designs


def decision(study: FeatureSet) -> Section:
    """The section on the decision study."""
    title = "Decision study: how to measure better"
    facets = [name for name in FACETS if name in study.layout.components]
    if not facets:
        why = prose("This design names no session, scanner or preprocessing, so there is nothing to average over.")
        return Section("decision", title, [why])
    if study.calibrated:
        why = prose(
            "Each {facet} has units of its own, so a mean over several of them has no meaning before each has been "
            "calibrated; a decision study is not given.",
            facet=study.calibrated,
        )
        return Section("decision", title, [why])
    required = 1.0 - study.rule.probability
    found = decision_study(
        study.fit.tree["posterior"].to_dataset(),
        study.fit.data,
        reduce=[required, 0.5],
        sessions=NUMBERS if "session" in facets else None,
        scanners=NUMBERS if "scanner" in facets else None,
        preprocessings=NUMBERS if "preprocessing" in facets else None,
    )
    median = found.sel(quantile=0.5, method="nearest")
    enough = found.sel(quantile=required, method="nearest") > study.target
    blocks: list[Block] = [
        prose(
            "If a subject were measured in several {facets} and the values averaged, error would shrink and the "
            "feature become more reliable. <b>E ρ²</b> (generalisability) is the reliability of that mean for "
            "comparing subjects who were all measured under the same conditions; <b>Φ</b> (dependability) is that "
            "for comparing values wherever they were measured, for a cut-off for instance, so that main effects of "
            "{facets} are error too ({source}).",
            facets=enumerate_words([_plural(name) for name in facets], last="or"),
            source=works.BRENNAN.link("Brennan 2001"),
        ),
        *_within_residual(study),
        *_figures(study, median, facets),
        _design_table(study, enough, facets),
        _feature_table(study, found, median, facets),
    ]
    return Section("decision", title, blocks)


def _plural(facet: str) -> str:
    return f"{facet}s"


def _within_residual(study: FeatureSet) -> list[Block]:
    absent = read_json(study.fit.data.attrs, "not_identified")
    if not absent:
        return []
    return [
        prose(
            "The model has no component of its own for {names}: what there is of it is within the residual and is "
            "averaged as if it were independent between measurements, which makes several preprocessings or scanners "
            "look better than they may be.",
            names=enumerate_words([display(name) for name in absent]),
        )
    ]


def _families(study: FeatureSet) -> dict[str, np.ndarray]:
    sizes = pd.Series(study.families).value_counts()
    largest = {str(name) for name in sizes.index[:MOST_FAMILIES]}
    chosen = [name for name in study.family_names if name in largest]
    groups = {f"{shorten(name, 18)} ({sizes[name]})": study.families == name for name in chosen}
    if len(sizes) > 1:
        groups["all features"] = np.ones(study.n_features, dtype=bool)
    return groups


def _chosen_places(study: FeatureSet) -> list[int]:
    last = study.n_features - 1
    return [int(study.order[place]) for place in dict.fromkeys((0, last // 3, 2 * last // 3, last))]


def _chosen(study: FeatureSet) -> dict[str, np.ndarray]:
    everyone = np.arange(study.n_features)
    return {shorten(str(study.features[number]), 34): everyone == number for number in _chosen_places(study)}


def _figures(study: FeatureSet, median: xr.Dataset, facets: list[str]) -> list[Figure]:
    chosen = _chosen(study)
    found = [_figure(study, median, facets, chosen, "decision_features", "Reliability of a mean, some features")]
    if study.n_features > len(chosen):
        families = _families(study)
        found.insert(0, _figure(study, median, facets, families, "decision", "Reliability of a mean, by family"))
    return found


def _curve(median: xr.Dataset, coefficient: str, facet: str, facets: list[str], own: np.ndarray) -> np.ndarray:
    single = {f"n_{name}": 1 for name in facets if name != facet}
    values = median[coefficient].sel(single).transpose("feature", f"n_{facet}").values
    return np.median(values[own], axis=0)


def _figure(
    study: FeatureSet, median: xr.Dataset, facets: list[str], groups: dict[str, np.ndarray], name: str, title: str
) -> Figure:
    families = name == "decision"

    def paint(canvas: Canvas) -> None:
        grid = canvas.subplots(2, len(facets), sharex=True, sharey=True, squeeze=False)
        for row, (coefficient, symbol) in zip(grid, COEFFICIENTS.items(), strict=True):
            for axes, facet in zip(row, facets, strict=True):
                for number, (label, own) in enumerate(groups.items()):
                    colour, line = (INK, LINES[0]) if label == "all features" else STYLES[number % len(STYLES)]
                    curve = _curve(median, coefficient, facet, facets, own)
                    axes.plot(NUMBERS, curve, color=colour, linestyle=line, label=label)
                axes.axhline(study.target, color=GREY, linestyle=LINES[2], linewidth=1)
                axes.set_ylim(0, 1.02)
                axes.set_xticks(NUMBERS)
                axes.tick_params(labelbottom=True)
                axes.grid(axis="y", color="#dfe3e8", linewidth=0.6)
                axes.set_axisbelow(True)
            row[0].set_ylabel(symbol)
        for axes, facet in zip(grid[-1], facets, strict=True):
            axes.set_xlabel(_plural(facet))
        legend_below(canvas, grid[0, 0], columns=2 if families else 1)

    told = []
    for label, own in groups.items():
        for coefficient, symbol in COEFFICIENTS.items():
            ends = [
                f"{_plural(facet)} {curve[0]:.2f} to {curve[-1]:.2f}"
                for facet in facets
                for curve in [_curve(median, coefficient, facet, facets, own)]
            ]
            told.append(f"{label}, {symbol}, from 1 to {NUMBERS[-1]} {', '.join(ends)}")
    what = "Medians over the features of a family of the posterior median." if families else "Posterior medians."
    return draw(
        study.fit,
        name,
        title=title,
        alt=f"Rising curves. {'; '.join(told)}.",
        caption=f"{what} Each panel averages over one facet, with one level of each other facet; the dotted line is "
        f"the target of {study.target:g}.",
        height=3.4 + (0.22 * -(-len(groups) // 2) if families else 0.2 * len(groups)),
        paint=paint,
    )


def _design_table(study: FeatureSet, enough: xr.Dataset, facets: list[str]) -> Table:
    dims = [f"n_{name}" for name in facets]
    counts = enough.sum("feature").to_dataframe()[list(COEFFICIENTS)].reset_index()
    counts["measurements"] = counts[dims].prod(axis=1)
    counts = counts.sort_values(["measurements", *dims]).reset_index(drop=True)
    counts.index = pd.RangeIndex(1, len(counts) + 1, name="design")
    shown = counts[counts["measurements"] <= MOST_MEASUREMENTS]
    # Of designs that cost the same, the one that serves most features by the one coefficient and by the other.
    best: set[int] = set()
    served = pd.DataFrame(shown[list(COEFFICIENTS)]).to_numpy()
    for total in np.unique(shown["measurements"]):
        own = np.flatnonzero(shown["measurements"] == total)
        best |= {int(own[place]) for place in served[own].argmax(axis=0)}
    shown = pd.DataFrame(shown.iloc[sorted(best)])
    return Table(
        "designs",
        f"How many of {study.counted} would exceed {study.target:g} with a probability of at least "
        f"{study.rule.probability:g}, by design.",
        [
            Column("Measurements of a subject", [str(number) for number in shown["measurements"]], numeric=False),
            *(
                Column(_plural(name).capitalize(), [str(number) for number in shown[dim]])
                for name, dim in zip(facets, dims, strict=True)
            ),
            *(
                Column(f"Features by {symbol}", [f"{number:,}" for number in shown[name]])
                for name, symbol in COEFFICIENTS.items()
            ),
        ],
        counts,
        notes=f"Of designs with the same number of measurements, up to {MOST_MEASUREMENTS}, the one that serves "
        "most features by E ρ² and the one that does by Φ; the CSV file has all.",
    )


def _feature_table(study: FeatureSet, found: xr.Dataset, median: xr.Dataset, facets: list[str]) -> Table:
    frame = pd.concat(
        [cheapest(found, study.target, study.rule.probability, name).assign(coefficient=name) for name in COEFFICIENTS]
    ).set_index("feature")
    single = {f"n_{name}": 1 for name in facets}
    columns: dict[str, list[str]] = {}
    for name, symbol in COEFFICIENTS.items():
        one = median[name].sel(single)
        columns[f"{symbol}, measured once"] = []
        columns[f"Fewest for {symbol}"] = []
        for place in _chosen_places(study):
            feature = study.features[place]
            columns[f"{symbol}, measured once"].append(f"{float(one.sel(feature=feature)):.2f}")
            own = frame[(frame.index == feature) & (frame["coefficient"] == name)]
            columns[f"Fewest for {symbol}"].append(_design(dict(own.iloc[0].items()), facets))
    names = [breakable(study.features[place]) for place in _chosen_places(study)]
    return Table(
        "designs_by_feature",
        f"The smallest design with which a feature exceeds {study.target:g} with a probability of at least "
        f"{study.rule.probability:g}: some features from the best to the weakest.",
        [
            Column("Feature", names, numeric=False),
            *(Column(heading, cells, numeric=heading.endswith("once")) for heading, cells in columns.items()),
        ],
        frame,
        notes=f"Up to {NUMBERS[-1]} levels of each facet were tried; of several designs of one size the first is "
        "shown. The CSV file has all of every feature.",
    )


def _design(row: Mapping[str, Any], facets: list[str]) -> str:
    if not row["reached"]:
        return "none of those tried"
    parts = [count(int(row[f"n_{name}"]), name, _plural(name)) for name in facets]
    return " × ".join(parts)
