"""Classical tests and estimates in one table with the posterior."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from bayesrg.models.classical import classical_companions
from bayesrg.reporting.association.effects import NAMES
from bayesrg.reporting.association.quantities import Quantity, quantity
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Column, Section, Table, prose
from bayesrg.reporting.rounding import interval, probability, significant

POSTERIOR = "posterior of this fit"


def companions(study: Study) -> Section:
    """The section on classical companions."""
    return Section(
        "companions",
        "Classical companions",
        [
            prose(
                "What other papers would report of the same patients, computed by SciPy and statsmodels, and where the "
                "CSV file says so by bayesrg. Estimates of the same quantity should agree with the posterior unless "
                "the prior matters; where they do not, ask why. A p-value is no probability of an association, and "
                "none of these tests was corrected for multiplicity."
            ),
            _table(study),
        ],
    )


def _posterior_rows(study: Study) -> list[dict[str, object]]:
    rows = []
    for slope in study.slopes:
        name = "effect" if study.proportional else "category_slope"
        step = study.step(slope.term)
        labels = [slope.term, *([step] if study.proportional else []), *([slope.part] if slope.part else [])]
        found = quantity(study, name, *labels)
        own = NAMES[name]
        words = own if isinstance(own, str) else own[study.family]
        rows.append(_row(slope.term, f"{words}{f', {slope.part}' if slope.part else ''} per {step}", step, found))
    if "probability_of_superiority" in study.fit.estimands:
        for term in study.terms:
            found = quantity(study, "probability_of_superiority", term)
            ends = " to ".join(study.levels(term))
            rows.append(_row(term, f"P(high > low) + 1/2 P(=), {term} from {ends}", "", found))
    return rows


def _row(term: str, words: str, step: str, found: Quantity) -> dict[str, object]:
    return {
        "term": term,
        "test": POSTERIOR,
        "quantity": words,
        "step": step,
        "estimate": found.middle,
        "lower": found.lower,
        "upper": found.upper,
        "statistic": np.nan,
        "p_value": np.nan,
        "library": "bayesrg",
        "note": "",
        "above": found.above,
    }


def _table(study: Study) -> Table:
    classical = classical_companions(study.data).assign(above=np.nan)
    posterior = pd.DataFrame(_posterior_rows(study))
    names = list(dict.fromkeys([*study.terms, *classical["term"]]))
    frame = pd.concat([posterior, classical[list(posterior.columns)]], ignore_index=True)
    place = np.array([names.index(term) for term in frame["term"]])
    frame = frame.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)
    return Table(
        "companions",
        "The posterior and classical tests of the same association.",
        [
            *study.term_column(frame["term"].astype(str)),
            Column("Test", [_mark(str(test)) for test in frame["test"]], numeric=False),
            Column("Quantity", list(frame["quantity"]), numeric=False),
            Column("Estimate", [_number(value) for value in frame["estimate"]]),
            Column(
                "95 % interval", [_bounds(low, high) for low, high in zip(frame["lower"], frame["upper"], strict=True)]
            ),
            Column("Statistic", [_number(value) for value in frame["statistic"]]),
            Column("p", [_p_value(value) for value in frame["p_value"]]),
            Column(
                "P(>\u00a00)",
                ["" if np.isnan(value) else probability(value, study.fit.n_draws) for value in frame["above"]],
            ),
            Column("Note", list(frame["note"]), numeric=False),
        ],
        frame.rename(columns={"above": "probability above nil"}).set_index(["term", "test", "quantity"]),
        notes="Intervals are of 95 %: credible ones of the posterior, confidence intervals of the others. P(> 0) of a "
        "probability of superiority is that of more than one half. The CSV file names libraries and versions.",
    )


def _mark(test: str) -> Markup:
    return Markup("<b>{}</b>").format(test) if test == POSTERIOR else Markup("{}").format(test)


def _number(value: float) -> str:
    return "" if np.isnan(value) else significant(value)


def _bounds(lower: float, upper: float) -> str:
    if np.isnan(lower) or np.isnan(upper):
        return ""
    return interval(lower, upper, (upper - lower) / 140)


def _p_value(value: float) -> str:
    if np.isnan(value):
        return ""
    return "<\u00a00.0001" if value < 1e-4 else significant(value, 2)
