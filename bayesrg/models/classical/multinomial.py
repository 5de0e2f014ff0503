"""Companions of the categorical family: multinomial logistic regression."""

from dataclasses import replace
from typing import Any

import numpy as np

from bayesrg.models.classical.regression import Regression
from bayesrg.models.classical.row import Attempt, Row, join, library
from bayesrg.models.classical.separation import multinomial_directions, run_away, why_infinite
from bayesrg.models.classical.wald import MOST_ITERATIONS, fill_likelihood_ratio, fill_wald, not_fitted, try_fit

WALD = "multinomial logistic regression, Wald test"
RATIO = "multinomial logistic regression, likelihood ratio test"


def multinomial(regression: Regression, level: float) -> list[Row]:
    """Likelihood ratio test of every term over all categories, and Wald test of each category against the reference."""
    present, category = np.unique(regression.value, return_inverse=True)
    labels = [regression.categories[int(code)] if regression.categories else f"{code:g}" for code in present]
    if regression.reference in labels:
        # statsmodels compares with the lowest code.
        base = labels.index(regression.reference)
        category = np.where(category == base, 0, category + (category < base))
        labels = [labels[base], *labels[:base], *labels[base + 1 :]]
    note = join(regression.note, regression.unweighted_note)
    design = regression.design()
    columns = design.shape[1]
    away = np.zeros((present.size - 1) * columns)
    full = null = Attempt(None, "")
    if regression.identified:
        away = run_away(multinomial_directions(category, design))
        full = _fit(category, design, bool(away.any()))
    rows = []
    for place, term in enumerate(regression.terms):
        said = Row(
            term.name,
            RATIO,
            "",
            term.step,
            library=library("statsmodels", "MNLogit"),
            note=note,
        )
        contrasts = [
            replace(said, test=WALD, quantity=f"log odds ratio per {term.step}, {label} against {labels[0]}")
            for label in labels[1:]
        ]
        if not regression.identified:
            rows += [not_fitted(row, regression.confounded_note) for row in [said, *contrasts]]
            continue
        null = _fit(category, regression.design(without=place), bool(away.any()))
        freedom = present.size - 1
        infinite = away.reshape(-1, columns)[:, place + 1]
        ratio = replace(said, note=join(f"chi-squared with {freedom} df", why_infinite(infinite, away), note))
        rows.append(fill_likelihood_ratio(ratio, full, null, freedom, separated=bool(away.any())))
        for contrast, row in enumerate(contrasts):
            position = contrast * columns + place + 1
            row = replace(row, note=join(why_infinite(away[position], away), note))
            rows.append(fill_wald(row, full, position, level, away=float(away[position])))
    return rows


def _fit(category: np.ndarray, design: np.ndarray, separated: bool) -> Attempt:
    import statsmodels.api as sm

    # Towards infinity each of Newton's steps gains one unit of log odds: ten come near the limit, and many overflow.
    most = 10 if separated else MOST_ITERATIONS

    def fit() -> Any:
        return sm.MNLogit(category, design).fit(disp=0, method="newton", maxiter=most)

    return try_fit(fit).quiet(separated)
