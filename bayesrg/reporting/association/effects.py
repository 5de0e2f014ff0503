"""Effects: per sd and per unit, as ratios and as differences of probabilities, with how sure their sign is."""

import numpy as np
import pandas as pd

from bayesrg.reporting.association.quantities import RATIOS, quantity
from bayesrg.reporting.association.slopes import slope_figure
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Column, Section, Table, prose
from bayesrg.reporting.rounding import probability

NAMES = {
    "effect": {
        "gaussian": "difference",
        "student_t": "difference",
        "bernoulli": "log odds ratio",
        "ordinal": "log odds ratio",
        "categorical": "log odds ratio",
        "negative_binomial": "log rate ratio",
        "rank": "probit shift",
    },
    "standardised_effect": "difference in sds of the outcome",
    "odds_ratio": "odds ratio",
    "rate_ratio": "rate ratio",
    "geometric_mean_ratio": "ratio of geometric means",
    "average_marginal_effect": "average marginal effect",
    "risk_difference": "risk difference",
    "probability_of_superiority": "probability of superiority",
    "category_slope": "log odds ratio of lying above a cut",
    "slope_difference": "slope at the last cut less that at the first",
}


def effects(study: Study) -> Section:
    """The section on effects."""
    blocks: list[Block] = [
        prose(
            "The same association in every form in which a reader may want it. Average marginal effects change the "
            "predictor of every patient and leave covariates as they are; they are slopes, except for two-valued "
            "predictors. Risk differences and the probability of superiority compare the predictor’s upper quartile "
            "with its lower one, or its two values. Ratios are given by posterior medians, the rest by means."
        ),
        _table(study),
        *_explained(study),
        slope_figure(study),
    ]
    return Section("effects", "Effects", blocks)


def _explained(study: Study) -> list[Block]:
    if "r_squared" not in study.fit.estimands:
        return []
    found = quantity(study, "r_squared")
    return [
        prose(
            "Predictors, covariates and groups together explain {percent} % of the variance of the outcome (R² "
            "{value}, 95 % interval {bounds}).",
            percent=f"{100 * found.middle:.0f}",
            value=found.value,
            bounds=found.bounds,
        )
    ]


def _table(study: Study) -> Table:
    estimands, rows = study.fit.estimands, []
    order = {name: place for place, name in enumerate(NAMES)}
    for name in sorted((str(name) for name in estimands.data_vars if name in NAMES), key=lambda name: order[name]):
        dims = [str(dim) for dim in estimands[name].dims if dim not in ("chain", "draw")]
        for spot in np.ndindex(*(estimands.sizes[dim] for dim in dims)):
            labels = {dim: str(estimands[dim].values[k]) for dim, k in zip(dims, spot, strict=True)}
            step, term = labels.get("step", ""), labels["term"]
            # The one step of a predictor of two values is its unit: an sd of it is of no interest.
            if step == "sd" and study.two_valued(term):
                continue
            rows.append(_row(study, name, labels))
    frame = pd.DataFrame(rows).sort_values("term", key=lambda own: own.map(study.terms.index), kind="stable")
    shown = frame.drop(columns=["value", "bounds", "middle", "lower", "upper", "above", "rope"])
    draws = study.fit.n_draws
    return Table(
        "effects",
        "Effects: posterior median (ratios) or mean with 95 % equal-tailed interval; P(>0) is the probability that the "
        "effect is positive (a ratio above 1, a superiority above 0.5).",
        [
            *study.term_column(frame["term"].astype(str)),
            Column("Quantity", list(frame["quantity"]), numeric=False),
            Column("Step", list(frame["step"]), numeric=False),
            Column("Of", list(frame["of"]), numeric=False),
            Column("Estimate", list(frame["value"])),
            Column("95 % interval", list(frame["bounds"])),
            Column("P(>\u00a00)", [probability(value, draws) for value in frame["above"]]),
            Column("P(in ROPE)", ["–" if np.isnan(value) else probability(value, draws) for value in frame["rope"]]),
        ],
        frame.drop(columns=["value", "bounds"]).set_index([str(name) for name in shown.columns]),
        notes=f"ROPE: the slope lies within ±{study.rope:g} on the model’s scale (per sd, or per step of a two-valued "
        "predictor). Effects of covariates are not shown: they are adjusted for, and their coefficients answer other "
        "questions than they seem to.",
    )


def _row(study: Study, name: str, labels: dict[str, str]) -> dict[str, object]:
    found = quantity(study, name, *labels.values())
    term = labels["term"]
    own = NAMES[name]
    unit = study.fit.estimands[name].attrs["unit"]
    step = labels.get("step", "")
    if name in ("risk_difference", "probability_of_superiority"):
        low, high = study.levels(term)
        step = f"{low} to {high}"
    elif step:
        step = _short(study.describe_step(term, step), term)
    elif name != "slope_difference":
        step = _short(study.describe_step(term, "sd" if name == "standardised_effect" else None), term)
    of = labels.get("contrast", labels.get("cutpoint", labels.get("category", "")))
    of = f"cut {of}" if "cutpoint" in labels else of
    rope = np.nan
    part = labels.get("contrast", labels.get("cutpoint", ""))
    if name in ("effect", "category_slope", "standardised_effect", *RATIOS):
        slope = next(one for one in study.slopes if one.term == term and one.part == part)
        rope = float((np.abs(slope.draws) < study.rope).mean())
    quantity_name = own if isinstance(own, str) else own[study.family]
    return {
        "term": term,
        "quantity": f"{quantity_name} ({unit})" if unit else quantity_name,
        "step": step,
        "of": of,
        "value": found.value,
        "bounds": found.bounds,
        "middle": found.middle,
        "lower": found.lower,
        "upper": found.upper,
        "above": found.above,
        "rope": rope,
    }


def _short(step: str, term: str) -> str:
    """A step without its term, which stands beside it."""
    return step.replace(f" of {term}", "").replace("one ", "1 ", 1)
