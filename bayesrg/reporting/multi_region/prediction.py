"""Whether predictions come true for a region and for a tumour that the fit has not seen."""

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure as Canvas
from scipy import stats

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Column, Figure, Section, Table, breakable, fill, prose
from bayesrg.reporting.drawing import BLUE, GREY, draw, legend_below
from bayesrg.reporting.multi_region.left_out import LeftOut
from bayesrg.reporting.multi_region.study import MOST_LINKS, Study
from bayesrg.reporting.rounding import rounded

LEVELS = (0.5, 0.8, 0.95)
BINS = 10


def prediction(study: Study, found: dict[str, LeftOut]) -> Section:
    """The section on what was left out; `found` is of `predict_left_out`."""
    return Section(
        "prediction",
        "Predictive coverage",
        [
            prose(
                "Each region was predicted from all others, its own tumour’s included; and each tumour from all other "
                "tumours ({blocks}). The first is what filling in a region not sampled needs, the second what a new "
                "patient needs. Genes, places and covariates of what is left out are known to the prediction. With "
                "{draws} draws, each prediction is the exact normal distribution given the variances, weighted by "
                "Pareto-smoothed importance sampling ({psis}).",
                blocks=works.BLOCKED_VALIDATION.link("Roberts et al. 2017"),
                draws=study.components.n_draws,
                psis=works.PSIS.link("Vehtari et al. 2024"),
            ),
            prose("{said}", said=_said(found)),
            _figure(study, found),
            _coverage_table(study, found),
        ],
    )


def band(n: int, level: float) -> tuple[float, float]:
    """Central 95 % of the share of `n` independent intervals of a level that hold their values."""
    low, high = stats.binom(n, level).ppf([0.025, 0.975]) / n
    return float(low), float(high)


def _said(found: dict[str, LeftOut]) -> str:
    parts = []
    for one in found.values():
        inside = one.inside(0.95)
        low, high = band(inside.size, 0.95)
        share = float(inside.mean())
        few = Markup("<b>too few</b>") if share < low else "more than it should"
        verdict = "as it should" if low <= share <= high else few
        trust = (
            f" Weights of {one.unreliable} of {one.n_units} failed (Pareto k over {one.limit:.2g}), and draws count "
            "equally there."
            if one.unreliable
            else ""
        )
        parts.append(
            fill(
                "The 95 % interval of a {unit} left out holds {share} % of {n} values, {verdict} (95 % of right "
                "models: {low} to {high} %); the sum of log predictive densities is {density}.{trust}",
                verdict=verdict,
                unit=one.unit,
                share=rounded(100 * share, 0.1),
                n=inside.size,
                low=rounded(100 * low, 0.1),
                high=rounded(100 * high, 0.1),
                density=rounded(one.density, 0.1),
                trust=trust,
            )
        )
    return fill("{a} {b}", a=parts[0], b=parts[1])


def _figure(study: Study, found: dict[str, LeftOut]) -> Figure:
    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(1, 2, sharey=True)
        for axes, one in zip(panels, found.values(), strict=True):
            known = one.pit[~np.isnan(one.pit)]
            low, high = np.array(stats.binom(known.size, 1 / BINS).ppf([0.025, 0.975])) * BINS / known.size
            axes.axhspan(low, high, color="#dbe6f0", linewidth=0, label="95 % of right models, each bar")
            axes.axhline(1.0, color=GREY, linewidth=0.8)
            height = np.histogram(known, BINS, (0, 1))[0] * BINS / known.size
            axes.stairs(height, np.linspace(0, 1, BINS + 1), color=BLUE, linewidth=1.4, label="observed")
            axes.set_title(f"{one.unit} left out")
            axes.set_xlim(0, 1)
            axes.set_ylim(0, None)
            axes.set_xlabel("place in its prediction (PIT)")
        panels[0].set_ylabel("density")
        legend_below(canvas, panels[0])

    told = []
    for one in found.values():
        known = one.pit[~np.isnan(one.pit)]
        counts = np.histogram(known, BINS, (0, 1))[0]
        low, high = stats.binom(known.size, 1 / BINS).ppf([0.025, 0.975])
        told.append(
            f"{one.unit} left out: {int(((counts < low) | (counts > high)).sum())} of {BINS} bars outside their band, "
            f"counts from {counts.min()} to {counts.max()} with {known.size / BINS:g} expected"
        )
    return draw(
        study.fit,
        "pit",
        title="Values among their predictions",
        alt=f"Histograms of probability integral transforms. {'; '.join(told)}.",
        caption=fill(
            "Level bars say that predictions are right ({source}); a hump says that they are too wide, a bowl too "
            "narrow, a slope that they lie too low or too high. All features together.",
            source=works.CALIBRATED_FORECASTS.link("Gneiting et al. 2007"),
        ),
        height=2.7,
        paint=paint,
    )


def explained(value: np.ndarray, expected: np.ndarray) -> float:
    """Share of the values' variance that predictions take away; negative where features' means would predict better.

    Parameters
    ----------
    value, expected : shape (region, feature); NaN where the value is missing
    """
    return float(1.0 - np.nansum((value - expected) ** 2) / np.nansum((value - np.nanmean(value, axis=0)) ** 2))


def _coverage_table(study: Study, found: dict[str, LeftOut]) -> Table:
    value = np.where(study.layout.mask > 0, study.layout.value, np.nan)
    rows = []
    for one in found.values():
        for number, name in [(None, "all features"), *enumerate(study.features)]:
            if number is not None and len(study.features) == 1:
                continue
            pit = one.pit if number is None else one.pit[:, number]
            known = pit[~np.isnan(pit)]
            row: dict[str, object] = {"left_out": one.unit, "feature": name, "values": known.size}
            for level in LEVELS:
                row[f"coverage_{level:g}"] = float((np.abs(known - 0.5) <= 0.5 * level).mean())
                row[f"lower_{level:g}"], row[f"upper_{level:g}"] = band(known.size, level)
            own = slice(None) if number is None else slice(number, number + 1)
            row["explained"] = explained(value[:, own], one.expected[:, own])
            rows.append(row)
    frame = pd.DataFrame(rows)
    columns = [
        Column("Left out", list(frame["left_out"]), numeric=False),
        Column("Feature", [breakable(str(name)) for name in frame["feature"]], numeric=False),
        Column("Values", [str(n) for n in frame["values"]], order=list(frame["values"])),
    ]
    for level in LEVELS:
        own = [frame[f"{part}_{level:g}"] for part in ("coverage", "lower", "upper")]
        cells = [
            f"{100 * share:.0f}\u00a0% ({100 * low:.0f}–{100 * high:.0f})" + ("" if low <= share <= high else " *")
            for share, low, high in zip(*own, strict=True)
        ]
        columns.append(Column(f"{100 * level:.0f}\u00a0% interval", cells, order=list(own[0])))
    columns.append(
        Column(
            "Variance predicted", [f"{rounded(x, 0.01)}" for x in frame["explained"]], order=list(frame["explained"])
        )
    )
    return Table(
        "coverage",
        "Share of values inside their predictive intervals; in parentheses, where it lies for 95 % of right models.",
        columns,
        frame.set_index(["left_out", "feature"]),
        notes="An asterisk marks a share outside. The bounds are binomial and take values as independent; those of one "
        "tumour are not, so that their shares, of tumours left out above all, scatter more widely. Variance predicted: "
        "1 − mean squared error / variance, negative where the cohort’s mean predicts better.",
        searchable=len(frame) > MOST_LINKS,
    )
