"""Companions of the negative binomial family: its maximum likelihood, and Poisson regression with robust errors."""

from dataclasses import replace
from typing import Any

import numpy as np

from bayesrg.models.classical.regression import Regression
from bayesrg.models.classical.row import Attempt, Row, join, library
from bayesrg.models.classical.separation import run_away, why_infinite
from bayesrg.models.classical.wald import fill_likelihood_ratio, fill_wald, not_fitted, try_fit

NEGATIVE_BINOMIAL = (
    "negative binomial regression, Wald test",
    "negative binomial regression, likelihood ratio test",
)
POISSON = "Poisson regression, Wald test, HC0 errors"


def negative_binomial(regression: Regression, level: float) -> list[Row]:
    """Wald and likelihood ratio test of every term, variance mu + alpha mu^2, with the offset."""
    import statsmodels.api as sm

    def fit(design: np.ndarray) -> Attempt:
        def call() -> Any:
            model = sm.NegativeBinomial(regression.value, design, loglike_method="nb2", offset=regression.offset)
            return model.fit(disp=0, maxiter=500, gtol=1e-6)

        return try_fit(call)

    note = join(regression.note, regression.unweighted_note)
    blank = _blank(regression, library("statsmodels", "NegativeBinomial (nb2)"), note)
    if not regression.identified:
        return [
            replace(not_fitted(row, regression.confounded_note), test=test)
            for row in blank
            for test in NEGATIVE_BINOMIAL
        ]
    away = _run_away(regression)
    full = fit(regression.design()).quiet(bool(away.any()))
    rows = []
    for place, row in enumerate(blank):
        own = float(away[place + 1])
        said = replace(row, note=join(why_infinite(own, away), note))
        rows.append(fill_wald(replace(said, test=NEGATIVE_BINOMIAL[0]), full, place + 1, level, away=own))
        null = fit(regression.design(without=place)).quiet(bool(away.any()))
        said = replace(said, test=NEGATIVE_BINOMIAL[1], quantity="")
        rows.append(fill_likelihood_ratio(said, full, null, 1, separated=bool(away.any())))
    return rows


def poisson(regression: Regression, level: float) -> list[Row]:
    """Wald test of every term in a Poisson regression, with errors that hold whatever the variance.

    It stands in where the other fails: the mean needs no negative binomial to be estimated without bias (Gourieroux,
    Monfort & Trognon 1984, doi:10.2307/1913472).
    """
    import statsmodels.api as sm

    def fit() -> Any:
        model = sm.GLM(
            regression.value,
            regression.design(),
            family=sm.families.Poisson(),
            offset=regression.offset,
            freq_weights=regression.weight,
        )
        return model.fit(maxiter=200, tol=1e-12, cov_type="HC0")

    note = join(regression.note, "weights as so many patients" if regression.weighted else "")
    blank = [replace(row, test=POISSON) for row in _blank(regression, library("statsmodels", "GLM (Poisson)"), note)]
    if not regression.identified:
        return [not_fitted(row, regression.confounded_note) for row in blank]
    away = _run_away(regression)
    tried = try_fit(fit).quiet(bool(away.any()))
    return [
        fill_wald(replace(row, note=join(why_infinite(sign, away), note)), tried, place, level, away=float(sign))
        for place, (row, sign) in enumerate(zip(blank, away[1:], strict=False), start=1)
    ]


def _blank(regression: Regression, library_name: str, note: str) -> list[Row]:
    return [
        Row(term.name, "", f"log rate ratio per {term.step}", term.step, library=library_name, note=note)
        for term in regression.terms
    ]


def _run_away(regression: Regression) -> np.ndarray:
    # Only a mean of zero is approached for ever, so counts above zero must keep theirs.
    design, none = regression.design(), regression.value == 0
    return run_away(-design[none], design[~none])
