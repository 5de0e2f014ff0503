"""Companions of the ordinal and rank families: cumulative models, and a test of proportional odds."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from bayesrg.models.classical.brant import compare_cuts
from bayesrg.models.classical.regression import Regression
from bayesrg.models.classical.row import Attempt, Row, join, library
from bayesrg.models.classical.separation import cumulative_directions, run_away, why_infinite
from bayesrg.models.classical.wald import fill_likelihood_ratio, fill_wald, not_fitted, try_fit

MOST_CATEGORIES = 20
"""Distinct values up to which statsmodels fits a cumulative model: its numerical Hessian takes time that grows as the
square of their number."""
_NAMES = {"logit": ("proportional odds model", "log odds ratio"), "probit": ("cumulative probit model", "probit shift")}


def cumulative(regression: Regression, level: float, link: Literal["logit", "probit"]) -> list[Row]:
    """Wald and likelihood ratio test of every term in a cumulative model P(c <= j) = F(alpha_j - eta)."""
    name, quantity = _NAMES[link]
    note = join(regression.note, regression.unweighted_note)
    blank = [
        Row(
            term.name,
            "",
            f"{quantity} per {term.step}",
            term.step,
            library=library("statsmodels", f"OrderedModel ({link})"),
            note=note,
        )
        for term in regression.terms
    ]
    tests = (f"{name}, Wald test", f"{name}, likelihood ratio test")
    # Categories that nobody has would have no finite cut-point.
    distinct, category = np.unique(regression.value, return_inverse=True)
    reason = regression.confounded_note
    if distinct.size > MOST_CATEGORIES:
        reason = f"not fitted: {distinct.size} distinct values, statsmodels takes long with over {MOST_CATEGORIES}"
    if reason:
        return [replace(not_fitted(row, reason), test=test) for row in blank for test in tests]
    design = regression.design(constant=False)
    away = run_away(cumulative_directions(category, design))
    full = _fit(category, design, link, bool(away.any()))
    rows = []
    for place, row in enumerate(blank):
        own = float(away[place])
        said = replace(row, note=join(why_infinite(own, away), note))
        rows.append(fill_wald(replace(said, test=tests[0]), full, place, level, away=own))
        null = _fit(category, regression.design(without=place, constant=False), link, bool(away.any()))
        said = replace(said, test=tests[1], quantity="")
        rows.append(fill_likelihood_ratio(said, full, null, 1, separated=bool(away.any())))
    return rows


def _fit(category: np.ndarray, design: np.ndarray, link: str, separated: bool) -> Attempt:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    # Without a maximum the likelihood is near its limit early, and the climb would never end.
    most = 100 if separated else 1000

    def fit() -> Any:
        return OrderedModel(category, design, distr=link).fit(method="bfgs", disp=0, maxiter=most, gtol=1e-6)

    return try_fit(fit).quiet(separated)


def proportionality(regression: Regression, level: float) -> list[Row]:
    """Binary logistic regressions at every cut, and the test that their slopes are one: rows for every term.

    Each is Brant's test of one term: its slopes at the cuts against each other, with the covariance of the binary fits.
    """
    present = np.unique(regression.value).astype(int)
    labels = [regression.categories[code] if regression.categories else str(code) for code in present[:-1]]
    if len(labels) < 2:
        return []
    note = join(regression.note, regression.unweighted_note)
    test = "Brant test of proportional odds"
    blank = [
        Row(
            term.name,
            test,
            f"log odds ratio per {term.step} at the last cut minus at the first",
            term.step,
            library="bayesrg (NumPy) on " + library("statsmodels", "Logit"),
            note=note,
        )
        for term in regression.terms
    ]
    if not regression.identified:
        return [not_fitted(row, regression.confounded_note) for row in blank]
    above = regression.value[:, None] > present[:-1]
    found = compare_cuts(above, regression.design())
    rows = []
    for place, row in enumerate(blank, start=1):
        for cut, (tried, away) in enumerate(zip(found.fits, found.away, strict=True)):
            own = float(away[place])
            said = join(why_infinite(own, away), note)
            at_cut = replace(
                row,
                test="binary logistic regression at a cut, Wald test",
                quantity=f"log odds ratio per {row.step}, above {labels[cut]} against the rest",
                library=library("statsmodels", "Logit"),
                note=said,
            )
            rows.append(fill_wald(at_cut, tried.quiet(bool(away.any())), place, level, away=own))
        rows.append(found.test(row, place, level))
    return rows
