"""Semi-variances of residuals by distance, or by kind of pair, beside those that the posterior implies."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Figure, Section, Table, breakable, enumerate_words, fill, prose
from bayesrg.reporting.drawing import BLUE, INK, draw, label_bottom, legend_below, shorten
from bayesrg.reporting.multi_region.semivariances import Variogram, semivariances
from bayesrg.reporting.multi_region.study import Study
from bayesrg.reporting.rounding import significant

MOST_FEATURES = 6


def variogram(study: Study) -> Section:
    """The section on variation by distance."""
    found = semivariances(study)
    by = "distance" if study.placed else "kind of pair"
    out = int(found.outside.sum())
    known = int((found.pairs > 0).sum())
    blocks: list[Block] = [
        prose(
            "Half the mean squared difference of two regions’ residuals (the semi-variance; {source}), by {by}. "
            "Residuals are the features less what average links and covariates explain; both imaging and radiogenomic "
            "heterogeneity are in them. Where the curve is low, regions are alike; it rises to that of different "
            "patients. Observed values should lie in the wide band: <b>{out} of {known} leave it</b> ({chance:.1g} "
            "would by chance).",
            source=works.VARIOGRAM.link("Cressie 1993"),
            by=by,
            out=out,
            known=known,
            chance=0.05 * known,
        ),
        _figure(study, found),
        _table(study, found),
    ]
    if study.matern:
        blocks += _lengths(study)
    return Section("variogram", f"Variation by {by}", blocks)


def _figure(study: Study, found: Variogram) -> Figure:
    features = study.features[:MOST_FEATURES]
    columns = min(2, len(features))
    rows = -(-len(features) // columns)

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(rows, columns, squeeze=False, sharex=True)
        for number, name in enumerate(features):
            _paint(panels.ravel()[number], found, number, numeric=study.placed)
            panels.ravel()[number].set_title(shorten(name, 28 if columns > 1 else 50))
        label_bottom(panels, len(features), "distance (mm)" if study.placed else "")
        canvas.supylabel("semi-variance (sd²)", fontsize=9)
        legend_below(canvas, panels[0, 0], columns=1)

    told = "; ".join(
        f"{name}: "
        + ", ".join(f"{label} {significant(float(value), 2)}" for label, value in zip(found.labels, own, strict=True))
        for name, own in zip(features, found.observed.mean(axis=0), strict=False)
    )
    return draw(
        study.fit,
        "variogram",
        title=f"Variogram of residuals by {'distance' if study.placed else 'kind of pair'}",
        alt=f"Observed semi-variances. {told}. {int(found.outside.sum())} of {int((found.pairs > 0).sum())} are out of "
        "the 95 % band of replicated data.",
        caption="Dots: the data, averaged over the posterior. Dark band: what the posterior expects (95 %); pale band: "
        "where 95 % of such dots of replicated data lie. At the right, set apart: regions of different patients."
        + (
            f" The first {len(features)} of {len(study.features)} features."
            if len(features) < len(study.features)
            else ""
        ),
        height=1.6 + 1.9 * rows,
        paint=paint,
    )


def _paint(axes: Axes, found: Variogram, feature: int, *, numeric: bool) -> None:
    bins = found.distance.size
    place = found.distance if numeric else np.arange(float(bins))
    end = float(place[-1]) if bins else 0.0
    gap = 0.22 * end if numeric and end > 0 else 1.0
    apart = end + gap if bins else 0.0
    wide, narrow = (np.quantile(own[:, feature], [0.025, 0.975], axis=0) for own in (found.replicated, found.implied))
    middle, own = found.implied[:, feature].mean(axis=0), found.observed[:, feature].mean(axis=0)
    if numeric and bins > 1:
        axes.fill_between(place, *wide[:, :-1], color="#dbe6f0", linewidth=0, label="replicated data, 95 %")
        axes.fill_between(place, *narrow[:, :-1], color="#8fb8d8", linewidth=0, label="expected, 95 %")
        axes.plot(place, middle[:-1], color=BLUE)
        single, at = slice(-1, None), np.array([apart])
    else:
        single, at = slice(None), np.append(place, apart)
    named = numeric and bins > 1
    axes.vlines(at, *wide[:, single], color="#dbe6f0", linewidth=9, label="_" if named else "replicated data, 95 %")
    axes.vlines(at, *narrow[:, single], color="#8fb8d8", linewidth=9, label="_" if named else "expected, 95 %")
    axes.plot(at, middle[single], "_", color=BLUE, markersize=9)
    axes.plot(np.append(place, apart), own, "o", color=INK, markersize=4, label="observed")
    axes.set_ylim(0, None)
    if numeric:
        axes.axvline(end + 0.5 * gap, color="#c9ced6", linewidth=0.8)
        ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= end]
        axes.set_xticks([*ticks, apart], [*(f"{tick:g}" for tick in ticks), "others"])
        axes.set_xlim(0, apart + 0.5 * gap)
    else:
        axes.set_xticks(np.append(place, apart), [label.replace(" ", "\n", 1) for label in found.labels])
        axes.set_xlim(-0.6, apart + 0.6)


def _table(study: Study, found: Variogram) -> Table:
    rows = []
    implied = np.quantile(found.implied, [0.025, 0.975], axis=0)
    wide = np.quantile(found.replicated, [0.025, 0.975], axis=0)
    for feature, name in enumerate(study.features):
        for number, label in enumerate(found.labels):
            rows.append(
                {
                    "feature": name,
                    "pairs_are": label,
                    "pairs": int(found.pairs[feature, number]),
                    "observed": found.observed[:, feature, number].mean(),
                    "expected": found.implied[:, feature, number].mean(),
                    "expected_lower": implied[0, feature, number],
                    "expected_upper": implied[1, feature, number],
                    "replicated_lower": wide[0, feature, number],
                    "replicated_upper": wide[1, feature, number],
                }
            )
    frame = pd.DataFrame(rows)

    def bounds(name: str) -> list[str]:
        return [
            f"{significant(low, 2)}–{significant(high, 2)}"
            for low, high in zip(frame[f"{name}_lower"], frame[f"{name}_upper"], strict=True)
        ]

    return Table(
        "variogram",
        "Semi-variances of residuals, on the model’s scale.",
        [
            Column("Feature", [breakable(name) for name in frame["feature"]], numeric=False),
            Column("Pairs", list(frame["pairs_are"]), numeric=False),
            Column("How many", [str(value) for value in frame["pairs"]], order=list(frame["pairs"])),
            Column("Observed", [significant(value, 2) for value in frame["observed"]], order=list(frame["observed"])),
            Column("Expected (95 %)", bounds("expected")),
            Column("Replicated (95 %)", bounds("replicated")),
        ],
        frame.set_index(["feature", "pairs_are"]),
        searchable=len(frame) > 24,
    )


def _lengths(study: Study) -> list[Block]:
    fit = study.fit
    said = [
        fill(
            "of {process} it is {length} mm (95 % interval {bounds}), and falls to 0.05 at {reach} mm ({far})",
            process=fill("<b>{name}</b>", name=process),
            length=fit.estimate("correlation_length", process).bare,
            bounds=fit.estimate("correlation_length", process).bounds,
            reach=fit.estimate("practical_range", process).bare,
            far=fit.estimate("practical_range", process).bounds,
        )
        for process in ("a", "B")
    ]
    low, high = np.quantile(
        study.data["pair_distance"].values[(study.layout.in_tumor > 0) & (study.layout.diagonal == 0)], [0, 1]
    )
    return [
        prose(
            "<b>Correlation length</b>, the distance at which the correlation has fallen to 1/e: {said}. Regions of a "
            "tumour lie {low} to {high} mm apart; of shorter or longer lengths they know nothing, and of a process "
            "that hardly varies the length is the prior’s. See what was learned, below.",
            said=enumerate_words(said),
            low=significant(float(low), 2),
            high=significant(float(high), 2),
        )
    ]
