"""Dependence in the sense of P(g, x) = P(g) P(x): any kind of it, by the mutual information of ranks."""

import json

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas

from bayesrg.models.dependence import dependence as find_dependence
from bayesrg.reporting import references as works
from bayesrg.reporting.association.quantities import factor
from bayesrg.reporting.association.study import SEED, Study
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, breakable, prose
from bayesrg.reporting.drawing import BLUE, INK, ORANGE, draw, shorten
from bayesrg.reporting.rounding import interval, probability, significant

MOST_RESIDUAL = 4.0  # sds at which the colour is full
DIVERGING = LinearSegmentedColormap.from_list("fewer to more", [ORANGE, "#ffffff", BLUE])
DARK = 2.4  # sds beyond which text is white
WIDEST_LABEL = 13
FEW = 5  # bins beside each other from which their labels are tilted


def dependence(study: Study) -> Section:
    """The section on dependence."""
    found = {name: _find(study, name) for name in study.predictors}
    weights = " Weights are not used here." if study.weighted else ""
    groups = " Rows of one group are taken as independent." if study.groups else ""
    blocks: list[Block] = [
        prose(
            "A slope misses what is not monotone: a U-shape, or a spread that changes. The article’s sense of "
            "dependence is wider: P(g, x) ≠ P(g) P(x). Here both variables become bins of ranks, and a table with any "
            "dependence is compared with the product of its margins ({gunel}). The mutual information I is 0 under "
            "independence; √(1 − exp(−2 I)) is what the absolute correlation would be if both were normal ({linfoot}).",
            gunel=works.CONTINGENCY.link("Gunel and Dickey 1974"),
            linfoot=works.INFORMATIONAL_CORRELATION.link("Linfoot 1957"),
        ),
        prose(
            "<b>It is marginal</b>: no covariate or group is adjusted for, so a confounder makes dependence as well. "
            "<b>It is a lower bound</b>: cutting into bins can only lose information.{weights}{groups}",
            weights=weights,
            groups=groups,
        ),
        _table(found),
        _figure(study, found),
    ]
    return Section("dependence", "Dependence of any kind", blocks)


def _find(study: Study, predictor: str) -> xr.Dataset:
    value, code = study.values, study.data["value"].values.astype(int)
    nominal = study.family == "categorical"
    numbers = study.continuous or study.family == "negative_binomial" or study.data["category"].dtype.kind == "f"
    # Labels, where there are any, so that the bins are named by them.
    outcome = pd.Series(value if numbers and not nominal else np.array(study.categories)[code])
    if not numbers and not nominal:
        outcome = outcome.astype(pd.CategoricalDtype(study.categories, ordered=True))
    by_level = predictor in study.coding
    return find_dependence(
        _levels(study, predictor) if by_level else study.predictor(predictor),
        outcome,
        nominal_predictor=by_level,
        nominal_outcome=nominal,
        seed=SEED,
    )


def _levels(study: Study, predictor: str) -> np.ndarray:
    """A predictor of text as it was, from its indicators."""
    own = study.coding[predictor]
    column = np.full(study.n_patients, str(own["reference"]), dtype=object)
    for level in own["levels"]:
        if level != own["reference"]:
            column[study.predictor(f"{predictor}[{level}]") > 0.5] = str(level)
    return column.astype(str)


def _table(found: dict[str, xr.Dataset]) -> Table:
    rows = {}
    for name, one in found.items():
        information, correlation = one["mutual_information"].values, one["informational_correlation"].values
        rows[name] = {
            "probability of dependence": one.attrs["probability_of_dependence"],
            "log Bayes factor": one.attrs["log_bayes_factor"],
            "mutual information": information.mean(),
            "information lower": np.quantile(information, 0.025),
            "information upper": np.quantile(information, 0.975),
            "informational correlation": correlation.mean(),
            "correlation lower": np.quantile(correlation, 0.025),
            "correlation upper": np.quantile(correlation, 0.975),
            "bins": " × ".join(map(str, json.loads(one.attrs["bins"])["most_probable"])),
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("predictor")
    draws = next(iter(found.values())).sizes["draw"]

    def bounds(name: str) -> list[str]:
        return [
            interval(low, high, 0.01) for low, high in zip(frame[f"{name} lower"], frame[f"{name} upper"], strict=True)
        ]

    return Table(
        "dependence",
        "Dependence of any kind between outcome and predictor, without covariates; as probable as not before the data.",
        [
            Column("Predictor", [breakable(str(name)) for name in frame.index], numeric=False),
            Column("P(dependence)", [probability(value, draws) for value in frame["probability of dependence"]]),
            Column("Bayes factor", [factor(value) for value in frame["log Bayes factor"]]),
            Column("Mutual information (nat)", [significant(value, 2) for value in frame["mutual information"]]),
            Column("95 % interval", bounds("information")),
            Column("Informational correlation", [f"{value:.2f}" for value in frame["informational correlation"]]),
            Column("95 % interval", bounds("correlation")),
            Column("Most probable bins", list(frame["bins"])),
        ],
        frame,
        notes="Means and intervals count the possibility of independence, in which the mutual information is 0.",
    )


def _figure(study: Study, found: dict[str, xr.Dataset]) -> Figure:
    rows = [one.sizes["outcome_bin"] for one in found.values()]

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(len(found), 1, squeeze=False, height_ratios=[2 + count for count in rows])[:, 0]
        for axes, (name, one) in zip(panels, found.items(), strict=True):
            _paint(axes, study, name, one)

    return draw(
        study.fit,
        "dependence",
        title="Patients observed in each cell, and expected under independence",
        alt=" ".join(_told(name, one) for name, one in found.items()),
        caption="Upper number: patients observed; lower: expected if the two were independent, with the same margins. "
        "Blue cells have more than expected, orange ones fewer (standardised residuals; full colour at 4). The bins "
        "are the most probable ones.",
        height=0.7 + sum(0.95 + 0.38 * count for count in rows),
        paint=paint,
    )


def _told(name: str, one: xr.Dataset) -> str:
    residual = _residuals(one)
    place = np.unravel_index(np.abs(residual).argmax(), residual.shape)
    spots = one["predictor_bin"].values[place[0]], one["outcome_bin"].values[place[1]]
    return (
        f"{name}: {one.sizes['predictor_bin']} by {one.sizes['outcome_bin']} cells. The cell furthest from "
        f"independence is {name} {spots[0]} with outcome {spots[1]}: {int(one['observed'].values[place])} observed, "
        f"{float(one['expected'].values[place]):.1f} expected."
    )


def _residuals(one: xr.Dataset) -> np.ndarray:
    return (one["observed"].values - one["expected"].values) / np.sqrt(one["expected"].values)


def _paint(axes: Axes, study: Study, name: str, one: xr.Dataset) -> None:
    residual = _residuals(one).T
    axes.imshow(residual, cmap=DIVERGING, vmin=-MOST_RESIDUAL, vmax=MOST_RESIDUAL, aspect="auto", origin="lower")
    observed, expected = one["observed"].values.T, one["expected"].values.T
    for row, column in np.ndindex(residual.shape):
        axes.text(
            column,
            row,
            f"{int(observed[row, column])}\n{expected[row, column]:.1f}",
            ha="center",
            va="center",
            fontsize=7,
            linespacing=1.1,
            color="white" if abs(residual[row, column]) > DARK else INK,
        )
    bins = [_short(str(label)) for label in one["predictor_bin"].values]
    across = [shorten(label, 22 if len(bins) < FEW else WIDEST_LABEL) for label in bins]
    many = len(across) >= FEW
    axes.set_xticks(np.arange(len(across)), across, rotation=35 if many else 0, ha="right" if many else "center")
    axes.set_yticks(
        np.arange(one.sizes["outcome_bin"]), [shorten(_short(str(label)), 18) for label in one["outcome_bin"].values]
    )
    axes.tick_params(length=0)
    unit = study.unit_of(name) if name in study.terms else ""
    axes.set_xlabel(f"{shorten(name, 34)}{f' ({unit})' if unit else ''}")
    axes.set_ylabel(shorten(study.axis, 26))
    for spine in axes.spines.values():
        spine.set_visible(False)


def _short(label: str) -> str:
    """A bin's label with a dash where that cannot be read as a minus."""
    low, to, high = label.partition(" to ")
    if not to:
        return label
    return f"{low.replace('-', '−')} to {high.replace('-', '−')}" if "-" in low + high else f"{low}–{high}"
