"""Companions of a two-valued or text predictor with an outcome in categories: Fisher's exact and chi-squared tests."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats
from scipy.stats import contingency

from bayesrg.models.classical.regression import Regression
from bayesrg.models.classical.row import Row, attempt, join, library

FEWEST_EXPECTED = 5.0
"""Expected count in the smallest cell from which the chi-squared distribution is trusted (Cochran 1954,
doi:10.2307/3001616)."""
RESAMPLES = 9_999
SEED = 1


def tables(regression: Regression, level: float) -> list[Row]:
    """Tests of every two-valued predictor, and of all levels of a text predictor, with the outcome's categories."""
    rows = []
    for term in regression.terms:
        if term.two_valued:
            table = _count(term.high[term.compared], regression.value[term.compared])
            rows += _test(term.name, table, regression, regression.marginal_note(term), level)
    for name, predictor_level, note in regression.text_predictors:
        rows += _test(name, _count(predictor_level, regression.value), regression, note, level)
    return rows


def _count(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    found: Any = contingency.crosstab(row, column)
    return found.count


def _test(name: str, table: np.ndarray, regression: Regression, note: str, level: float) -> list[Row]:
    chi_squared = Row(name, "chi-squared test", "", library=library("scipy", "chi2_contingency"), note=note)
    if min(table.shape) < 2:
        return [replace(chi_squared, note=join("nothing varies", note))]
    found: Any = stats.chi2_contingency(table, correction=False)
    sparse = found.expected_freq.min() < FEWEST_EXPECTED
    caution = f"smallest expected count {found.expected_freq.min():.2g}" if sparse else ""
    rows = [
        replace(
            chi_squared,
            statistic=float(found.statistic),
            p_value=float(found.pvalue),
            note=join(f"{found.dof} df", caution, note),
        )
    ]
    if table.shape == (2, 2):
        rows.append(_fisher(name, table, regression, note, level))
    elif sparse:
        method = stats.MonteCarloMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(SEED))
        exact: Any = stats.fisher_exact(table, method=method)
        resampled = f"p from {RESAMPLES:,} random tables"
        rows.append(
            Row(
                name,
                "Fisher's exact test",
                "",
                p_value=float(exact.pvalue),
                library=library("scipy", "fisher_exact"),
                note=join(resampled, note),
            )
        )
    return rows


def _fisher(name: str, table: np.ndarray, regression: Regression, note: str, level: float) -> Row:
    """Fisher's test, with the conditional odds ratio and its exact interval (Cornfield 1956)."""
    # From rows of the low value first and columns of the first category first: the higher against the lower.
    odds = contingency.odds_ratio(table, kind="conditional")
    tried = attempt(lambda: odds.confidence_interval(level))
    exact: Any = stats.fisher_exact(table)
    with np.errstate(divide="ignore"):
        estimate, lower, upper = np.log([odds.statistic, tried.result.low, tried.result.high])
    between = f", {regression.categories[1]} against {regression.categories[0]}" if regression.categories else ""
    return Row(
        name,
        "Fisher's exact test",
        f"conditional log odds ratio per unit{between}",
        "unit",
        estimate=float(estimate),
        lower=float(lower),
        upper=float(upper),
        p_value=float(exact.pvalue),
        library=library("scipy", "fisher_exact, odds_ratio"),
        note=join("a cell is empty" if table.min() == 0 else "", tried.note, note),
    )
