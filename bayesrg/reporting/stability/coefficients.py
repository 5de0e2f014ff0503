"""Repeatability and reproducibility coefficients, wCV, SEM and MDC, and why some of them are not there."""

import pandas as pd

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Column, Section, Table, fill, listed, prose
from bayesrg.reporting.rounding import rounded
from bayesrg.reporting.stability.study import Study

NAMES = {
    "mean": "population mean",
    "geometric_mean": "population geometric mean",
    "within_subject_sd": "within-subject sd",
    "wcv": "within-subject coefficient of variation (wCV)",
    "rc": "repeatability coefficient (RC)",
    "rdc": "reproducibility coefficient (RDC)",
    "sem": "standard error of measurement (SEM)",
    "mdc": "minimal detectable change (MDC)",
    "level_sd": "sd of single measurements",
}
SIDES = {"_lower": ", decrease", "_upper": ", increase"}


def coefficients(study: Study) -> Section:
    """The section on measurement error in the feature's units."""
    fit = study.fit
    blocks: list[Block] = [
        prose(
            "How far apart can two measurements of an unchanged subject lie? The within-subject sd, RC and RDC are "
            "QIBA’s terms ({qiba}); SEM and MDC are the same idea for every condition ({mdc}). A difference of two "
            "measurements exceeds 1.96 √2 times the sd of the error in 5 % of pairs in which nothing changed.",
            qiba=works.RAUNIG.link("Raunig et al. 2015"),
            mdc=works.DE_VET.link("de Vet et al. 2006"),
        )
    ]
    blocks += _readings(study)
    rows = _rows(study)
    if rows:
        blocks.append(_table(study, rows))
    reasons: dict[str, list[str]] = {}
    for name, why in fit.absent.items():
        if name in NAMES and f"{name}_lower" not in fit.estimands and f"geometric_{name}" not in fit.estimands:
            reasons.setdefault(why.removeprefix(f"{name} is "), []).append(NAMES[name])
    if reasons:
        blocks.append(prose("Not given, and why:"))
        blocks.append(
            listed([fill("<b>{names}</b>: {why}.", names=", ".join(names), why=why) for why, names in reasons.items()])
        )
    return Section("coefficients", "Repeatability and reproducibility coefficients", blocks)


def _readings(study: Study) -> list[Block]:
    """RC and RDC in a sentence each."""
    fit = study.fit
    conditions = {
        "rc": "in two sessions on one scanner" if "scanner" in study.components else "twice",
        "rdc": "on two scanners",
    }
    if "rc" in conditions and "session" not in study.components:
        conditions["rc"] = "twice under the same conditions"
    said = []
    for name, where in conditions.items():
        if name in fit.estimands and study.calibrated not in fit.estimands[name].dims:
            said.append(
                fill(
                    "Two measurements of one subject {where} differ by less than <b>{value}</b> in 95 % of pairs "
                    "({name}; 95 % interval {bounds}).",
                    where=where,
                    value=fit.estimate(name).value,
                    name=name.upper(),
                    bounds=fit.estimate(name).bounds,
                )
            )
        elif f"{name}_lower" in fit.estimands and study.calibrated not in fit.estimands[f"{name}_lower"].dims:
            down, up = fit.estimate(f"{name}_lower"), fit.estimate(f"{name}_upper")
            said.append(
                fill(
                    "Between two measurements of one subject {where}, a decrease of more than <b>{down} %</b> or an "
                    "increase of more than <b>{up} %</b> is seen in 5 % of pairs ({name}).",
                    where=where,
                    down=down.bare.removeprefix("−"),
                    up=up.bare,
                    name=name.upper(),
                )
            )
    return [listed(said)] if said else []


def _rows(study: Study) -> list[tuple[str, str, str, str]]:
    """Estimand, its label, the name shown and the condition, in the order of the table."""
    fit = study.fit
    rows = []
    for name, shown in NAMES.items():
        for suffix, side in {"": "", **SIDES}.items():
            key = name + suffix
            if key not in fit.estimands:
                continue
            over = next((dim for dim in ("condition", study.calibrated) if dim in fit.estimands[key].dims), "")
            labels = list(map(str, fit.estimands[over].values)) if over else [""]
            rows += [
                (key, label, shown + side, label if over == "condition" else f"{over} {label}".strip())
                for label in labels
            ]
    return rows


def _table(study: Study, rows: list[tuple[str, str, str, str]]) -> Table:
    found = [study.fit.estimate(key, *([label] if label else [])) for key, label, _, _ in rows]
    implied = {
        "rc": "repeatability",
        "rdc": "reproducibility",
        "within_subject_sd": "repeatability",
        "wcv": "repeatability",
    }
    conditions = [
        condition or implied.get(key.removesuffix("_lower").removesuffix("_upper"), "") for key, _, _, condition in rows
    ]
    percent = [key == "wcv" for key, *_ in rows]
    frame = pd.DataFrame(
        {
            "estimand": [key for key, *_ in rows],
            "condition": conditions,
            **{part: [getattr(one, part) for one in found] for part in ("mean", "lower", "upper")},
            "unit": [one.unit for one in found],
        },
        index=pd.Index([shown for *_, shown, _ in rows], name="coefficient"),
    )
    units = [
        "%" if share else one.unit.replace("log", "log units") if one.unit != "1" else ""
        for one, share in zip(found, percent, strict=True)
    ]
    scale = [100.0 if share else 1.0 for share in percent]
    return Table(
        "coefficients",
        "Measurement error: posterior means and 95 % equal-tailed intervals.",
        [
            Column("Coefficient", list(frame.index), numeric=False),
            Column("Condition", conditions, numeric=False),
            Column(
                "Estimate",
                [rounded(factor * one.mean, factor * one.resolution) for one, factor in zip(found, scale, strict=True)],
            ),
            Column(
                "95 % interval",
                [
                    f"{rounded(factor * one.lower, factor * one.resolution)} to "
                    f"{rounded(factor * one.upper, factor * one.resolution)}"
                    for one, factor in zip(found, scale, strict=True)
                ],
            ),
            Column("Unit", units, numeric=False),
        ],
        frame,
        notes="The CSV file has the wCV as a ratio, not as a percentage." if any(percent) else "",
    )
