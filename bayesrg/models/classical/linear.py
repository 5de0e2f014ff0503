"""Companions of the Gaussian families: least squares, Huber's regression and Welch's t test.

Sources: HC3 errors of MacKinnon & White 1985 (doi:10.1016/0304-4076(85)90158-7); Huber 1973
(doi:10.1214/aos/1176342503) with k = 1.345; Welch 1947 (doi:10.1093/biomet/34.1-2.28).
"""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from bayesrg.models.classical.regression import Regression
from bayesrg.models.classical.row import Row, attempt, join, library
from bayesrg.models.classical.wald import MOST_ITERATIONS, fill_wald, not_fitted, try_fit

_DIFFERENCE = {
    "log": "difference of mean logarithms",
    "rank_normal": "difference of mean normal scores",
}


def least_squares(regression: Regression, level: float) -> list[Row]:
    """Least squares with the usual errors and with HC3 errors: two rows a term."""
    import statsmodels.api as sm

    value, design, weight = regression.value, regression.design(), regression.weight

    def fit_usual() -> Any:
        if not regression.weighted:
            return sm.OLS(value, design).fit()
        return sm.GLM(value, design, family=sm.families.Gaussian(), freq_weights=weight).fit(use_t=True)

    usual = (fit_usual, "GLM (Gaussian)" if regression.weighted else "OLS", "weights as so many patients")
    precision: Any = weight
    robust = (
        lambda: sm.WLS(value, design, weights=precision).fit(cov_type="HC3", use_t=True),
        "WLS" if regression.weighted else "OLS",
        "weights as precisions",
    )
    rows = []
    for test, (fit, function, weights) in {"OLS t test": usual, "OLS t test, HC3 errors": robust}.items():
        note = join(regression.note, weights if regression.weighted else "")
        rows += _coefficients(regression, level, fit, test, "mean difference", library("statsmodels", function), note)
    return rows


def huber(regression: Regression, level: float) -> list[Row]:
    """Huber's robust regression: a row a term."""
    import statsmodels.api as sm

    def fit() -> Any:
        return sm.RLM(regression.value, regression.design(), M=sm.robust.norms.HuberT()).fit(maxiter=MOST_ITERATIONS)

    note = join(regression.note, regression.unweighted_note)
    test = "Huber robust regression, Wald test"
    return _coefficients(regression, level, fit, test, "location difference", library("statsmodels", "RLM"), note)


def _coefficients(
    regression: Regression, level: float, fit: Any, test: str, difference: str, library_name: str, note: str
) -> list[Row]:
    quantity = _DIFFERENCE.get(regression.transformation, difference)
    blank = [
        Row(term.name, test, f"{quantity} per {term.step}", term.step, library=library_name, note=note)
        for term in regression.terms
    ]
    if not regression.identified:
        return [not_fitted(row, regression.confounded_note) for row in blank]
    if regression.value.size <= regression.design().shape[1]:
        return [not_fitted(row, "not fitted: no more patients than coefficients") for row in blank]
    tried = try_fit(fit, likelihood=False)
    return [fill_wald(row, tried, place, level, factor=regression.scale) for place, row in enumerate(blank, start=1)]


def welch(regression: Regression, level: float) -> list[Row]:
    """Welch's t test of each two-valued predictor."""
    quantity = _DIFFERENCE.get(regression.transformation, "mean difference")
    rows = []
    for term in regression.terms:
        if not term.two_valued:
            continue
        row = Row(
            term.name,
            "Welch t test",
            f"{quantity} per unit",
            "unit",
            library=library("scipy", "ttest_ind"),
            note=regression.marginal_note(term),
        )
        high = regression.value[term.high & term.compared]
        low = regression.value[~term.high & term.compared]
        if min(high.size, low.size) < 2 or (np.ptp(high) == 0 and np.ptp(low) == 0):
            rows.append(replace(row, note=join("no variance within the two groups", row.note)))
            continue
        tried = attempt(lambda high=high, low=low: stats.ttest_ind(high, low, equal_var=False))
        interval = tried.result.confidence_interval(level)
        rows.append(
            replace(
                row,
                estimate=float((high.mean() - low.mean()) * regression.scale),
                lower=float(interval.low * regression.scale),
                upper=float(interval.high * regression.scale),
                statistic=float(tried.result.statistic),
                p_value=float(tried.result.pvalue),
                note=join(tried.note, row.note),
            )
        )
    return rows
