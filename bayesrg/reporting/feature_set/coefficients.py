"""Measurement error of every feature in its own units: wCV, repeatability and reproducibility coefficients."""

import numpy as np
import pandas as pd

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Section, Table, breakable, fill, listed, prose
from bayesrg.reporting.feature_set.study import FeatureSet
from bayesrg.reporting.fitted import Estimate
from bayesrg.reporting.rounding import interval, rounded
from bayesrg.reporting.stability.coefficients import NAMES

HEADINGS = {
    "wcv": "wCV (%)",
    "rc": "RC",
    "rc_lower": "RC, decrease (%)",
    "rc_upper": "RC, increase (%)",
    "rdc": "RDC",
    "rdc_lower": "RDC, decrease (%)",
    "rdc_upper": "RDC, increase (%)",
}


def coefficients(study: FeatureSet) -> Section:
    """The section on measurement error."""
    fit = study.fit
    names = [name for name in HEADINGS if name in study.estimates]
    blocks: list[Block] = [
        prose(
            "Two measurements of an unchanged subject differ by less than the repeatability coefficient (RC) in 95 % "
            "of pairs when nothing but the session changes, and by less than the reproducibility coefficient (RDC) "
            "when the scanner changes too; the wCV is the within-subject sd as a share of the mean ({qiba}).",
            qiba=works.RAUNIG.link("Raunig et al. 2015"),
        )
    ]
    if names:
        blocks.append(_table(study, names))
    reasons: dict[str, list[str]] = {}
    for name, why in fit.absent.items():
        if name in ("wcv", "rc", "rdc") and name not in study.estimates and f"{name}_lower" not in study.estimates:
            reasons.setdefault(why.removeprefix(f"{name} is "), []).append(NAMES[name])
    if reasons:
        blocks.append(prose("Not given, and why:"))
        blocks.append(
            listed([fill("<b>{names}</b>: {why}.", names=", ".join(own), why=why) for why, own in reasons.items()])
        )
    return Section("coefficients", "Repeatability and reproducibility coefficients", blocks)


def _table(study: FeatureSet, names: list[str]) -> Table:
    order = study.order
    frame = pd.DataFrame(
        {"family": study.families[order], "unit": study.units[order]},
        index=pd.Index(study.features[order], name="feature"),
    )
    columns = [Column("Feature", [breakable(name) for name in frame.index], numeric=False)]
    in_units = any(name in ("rc", "rdc") for name in names)
    if in_units and any(study.units):
        columns.append(Column("Unit", list(frame["unit"]), numeric=False))
    unknown = 0
    for name in names:
        unordered = study.listed(name)
        found = [unordered[number] for number in order]
        for part in ("mean", "lower", "upper"):
            frame[f"{name}_{part}"] = [getattr(one, part) for one in found]
        factor = 100.0 if name == "wcv" else 1.0
        unknown = max(unknown, int(np.isnan(frame[f"{name}_mean"]).sum()))
        columns += [
            Column(HEADINGS[name], [_shown(one, factor) for one in found], order=[one.mean for one in found]),
            Column("95 % interval", [_bounds(one, factor) for one in found], order=[one.lower for one in found]),
        ]
    notes = "The CSV file has the wCV as a ratio. " if "wcv" in names else ""
    if unknown:
        notes += f"A dash marks what is not defined: the population mean of {unknown} features may be zero, so they "
        notes += "have no coefficient of variation."
    return Table(
        "coefficients",
        "Measurement error of every feature: posterior means and 95 % equal-tailed intervals"
        + (", RC and RDC in the feature’s unit." if in_units else "."),
        columns,
        frame,
        notes=notes.strip(),
        searchable=True,
    )


def _shown(one: Estimate, factor: float) -> str:
    return "–" if np.isnan(one.mean) else rounded(factor * one.mean, factor * one.resolution)


def _bounds(one: Estimate, factor: float) -> str:
    return "–" if np.isnan(one.mean) else interval(factor * one.lower, factor * one.upper, factor * one.resolution)
