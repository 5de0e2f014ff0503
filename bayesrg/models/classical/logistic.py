"""Companions of the Bernoulli family: logistic regression by Wald, score and likelihood ratio tests, and Firth's."""

from dataclasses import replace
from typing import Any

import numpy as np

from bayesrg.models.classical.firth import fit_firth
from bayesrg.models.classical.regression import Regression
from bayesrg.models.classical.row import Attempt, Row, attempt, join, library
from bayesrg.models.classical.separation import run_away, why_infinite
from bayesrg.models.classical.wald import MOST_ITERATIONS, fill_likelihood_ratio, fill_wald, not_fitted, try_fit


def logistic(regression: Regression, level: float) -> list[Row]:
    """Wald, score and likelihood ratio test of every term, and Firth's penalised estimate."""
    design = regression.design()
    note = join(regression.note, "weights as so many patients" if regression.weighted else "")
    log_odds_ratio = [f"log odds ratio per {term.step}" for term in regression.terms]
    blank = [
        Row(term.name, "", quantity, term.step, note=note)
        for term, quantity in zip(regression.terms, log_odds_ratio, strict=True)
    ]
    tests = ("Wald test of logistic regression", "likelihood ratio test", "score test", "Firth logistic regression")
    if not regression.identified:
        return [replace(not_fitted(row, regression.confounded_note), test=test) for row in blank for test in tests]
    away = run_away(np.where(regression.value[:, None] > 0, design, -design))
    function = library("statsmodels", "GLM (binomial)" if regression.weighted or away.any() else "Logit")
    blank = [replace(row, library=function) for row in blank]
    full = _fit(regression, design, bool(away.any()))
    rows = []
    for place, row in enumerate(blank):
        own = float(away[place + 1])
        said = replace(row, note=join(why_infinite(own, away), note))
        rows.append(fill_wald(replace(said, test=tests[0]), full, place + 1, level, away=own))
        null = _fit(regression, regression.design(without=place), bool(away.any()))
        nothing = replace(said, quantity="")
        rows.append(fill_likelihood_ratio(replace(nothing, test=tests[1]), full, null, 1, separated=bool(away.any())))
        rows.append(_score(replace(nothing, test=tests[2], note=note), null, regression.terms[place].predictor))
        rows.append(_firth(replace(row, test=tests[3]), regression, place, level))
    return rows


def _fit(regression: Regression, design: np.ndarray, separated: bool) -> Attempt:
    import statsmodels.api as sm

    value, weight = regression.value, regression.weight

    def fit() -> Any:
        # Where some coefficient runs away, reweighted least squares keep the others; Newton's Hessian turns singular.
        if regression.weighted or separated:
            given: dict[str, Any] = {"freq_weights": weight} if regression.weighted else {}
            model = sm.GLM(value, design, family=sm.families.Binomial(), **given)
            return model.fit(maxiter=MOST_ITERATIONS, tol=1e-12)
        return sm.Logit(value, design).fit(disp=0, maxiter=MOST_ITERATIONS)

    return try_fit(fit).quiet(separated)


def _score(row: Row, null: Attempt, predictor: np.ndarray) -> Row:
    if null.result is None:
        return replace(row, note=join(null.note, row.note))
    # statsmodels says of weights by a plain UserWarning that they were not verified here.
    tried = attempt(lambda: null.result.fit.score_test(exog_extra=predictor[:, None]), complaint=UserWarning)
    if tried.result is None:
        return replace(row, note=join(tried.note, row.note))
    statistic, p_value = (float(np.squeeze(number)) for number in tried.result[:2])
    return replace(row, statistic=statistic, p_value=p_value, note=join(tried.note, row.note))


def _firth(row: Row, regression: Regression, place: int, level: float) -> Row:
    found = fit_firth(regression.value, regression.design(), place + 1, regression.weight, level)
    return replace(
        row,
        estimate=found.estimate,
        lower=found.lower,
        upper=found.upper,
        statistic=found.statistic,
        p_value=found.p_value,
        library="bayesrg (NumPy)",
        note=join(found.note, "penalised likelihood ratio test and profile interval", row.note),
    )
