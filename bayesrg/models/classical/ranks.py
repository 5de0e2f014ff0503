"""Companions by ranks: Wilcoxon's and Brunner and Munzel's tests, Spearman, Kendall, Kruskal and Wallis.

P(high > low) + 1/2 P(=) has the variance of DeLong et al. 1988 (doi:10.2307/2531595) from the placement values, and an
interval on the logit scale, which keeps it inside 0 to 1 (compared with others by Qin & Hotilovac 2008,
doi:10.1177/0962280207087173). Intervals of rank correlations are on Fisher's z scale with the variances of Bonett &
Wright 2000 (doi:10.1007/BF02294183).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special, stats

from bayesrg.models.classical.regression import Regression, Term
from bayesrg.models.classical.row import NOTHING, Row, attempt, join, library

RANK_SUM = "Wilcoxon rank-sum test"
SUPERIORITY = "P(high > low) + 1/2 P(=)"


def superiority(high: np.ndarray, low: np.ndarray, level: float) -> tuple[float, float, float]:
    """P(high > low) + 1/2 P(=) of two samples, and the limits of its interval.

    The limits are NaN where a sample has one member, or where one sample lies wholly above the other: the variance is
    then not known or estimated as zero.
    """
    both = stats.rankdata(np.concatenate([high, low]))
    above = (both[: high.size] - stats.rankdata(high)) / low.size
    below = 1 - (both[high.size :] - stats.rankdata(low)) / high.size
    estimate = float(above.mean())
    if min(high.size, low.size) < 2 or not 0 < estimate < 1:
        return estimate, NOTHING, NOTHING
    error = np.sqrt(above.var(ddof=1) / high.size + below.var(ddof=1) / low.size)
    margin = stats.norm.ppf((1 + level) / 2) * error / (estimate * (1 - estimate))
    limits = special.expit(special.logit(estimate) + np.array([-margin, margin]))
    return estimate, float(limits[0]), float(limits[1])


def rank_sum(regression: Regression, level: float) -> list[Row]:
    """Wilcoxon's test of the outcome (of a count: of its rate) between the values of every two-valued predictor."""
    rows = []
    for term, high, low in _halves(regression):
        blank = Row(term.name, RANK_SUM, SUPERIORITY, "unit", note=_marginal_note(regression, term))
        rows.append(_compare(blank, high, low, level))
    return rows


def rank_sum_by_outcome(regression: Regression, level: float) -> list[Row]:
    """Wilcoxon's test of every other predictor between the two values of the outcome."""
    rows = []
    for term in regression.terms:
        if term.two_valued:
            continue
        blank = Row(
            term.name,
            f"{RANK_SUM} of the predictor by outcome",
            "P(predictor at 1 > predictor at 0) + 1/2 P(=)",
            note=regression.marginal_note(term),
        )
        first = regression.value > regression.value.min()
        rows.append(_compare(blank, term.predictor[first], term.predictor[~first], level))
    return rows


def _compare(row: Row, high: np.ndarray, low: np.ndarray, level: float) -> Row:
    row = replace(row, library=library("scipy", "mannwhitneyu"))
    if min(high.size, low.size) == 0:
        return replace(row, note=join("one of the two groups is empty", row.note))
    estimate, lower, upper = superiority(high, low, level)
    row = replace(row, estimate=estimate, lower=lower, upper=upper)
    both = np.concatenate([high, low])
    if np.ptp(both) == 0:
        return replace(row, note=join("all values are equal", row.note))
    tried = attempt(lambda: stats.mannwhitneyu(high, low))
    if np.isnan(lower):
        row = replace(row, note=join("no interval: the variance is estimated as zero or unknown", row.note))
    ties = "ties" if np.unique(both).size < both.size else ""
    return replace(
        row,
        statistic=float(tried.result.statistic),
        p_value=float(tried.result.pvalue),
        note=join(tried.note, ties, row.note),
    )


def brunner_munzel(regression: Regression) -> list[Row]:
    """Brunner and Munzel's test that P(high > low) + 1/2 P(=) is one half, whatever the spreads."""
    rows = []
    for term, high, low in _halves(regression):
        estimate = superiority(high, low, 0.95)[0] if min(high.size, low.size) else NOTHING
        row = Row(
            term.name,
            "Brunner-Munzel test",
            SUPERIORITY,
            "unit",
            estimate=estimate,
            library=library("scipy", "brunnermunzel"),
            note=_marginal_note(regression, term),
        )
        if min(high.size, low.size) < 2 or not 0 < estimate < 1:
            rows.append(replace(row, note=join("no variance between the ranks of the two groups", row.note)))
            continue
        tried = attempt(lambda high=high, low=low: stats.brunnermunzel(low, high))
        rows.append(_fill(row, tried.result, tried.note))
    return rows


def spearman(regression: Regression, level: float) -> list[Row]:
    """Spearman's correlation of the outcome with every predictor that is not two-valued, and its partial correlation.

    The partial correlation, of every predictor where something is adjusted for, is of the residuals of the ranks on the
    ranks of everything else.
    """
    rows = []
    for term in regression.terms:
        if not term.two_valued:
            row = Row(term.name, "Spearman correlation", "Spearman's rho", note=_marginal_note(regression, term))
            rows.append(_correlate(row, regression, term, stats.spearmanr, _rho_error, level))
    if regression.identified and (regression.adjustment.size or len(regression.terms) > 1):
        rows += [_partial(regression, place, level) for place in range(len(regression.terms))]
    return rows


def kendall(regression: Regression, level: float) -> list[Row]:
    """Kendall's correlation (tau b) of the outcome with every predictor that is not two-valued."""
    rows = []
    for term in regression.terms:
        if not term.two_valued:
            row = Row(term.name, "Kendall correlation", "Kendall's tau b", note=_marginal_note(regression, term))
            rows.append(_correlate(row, regression, term, stats.kendalltau, _tau_error, level))
    return rows


def _rho_error(rho: float, size: int) -> float:
    return np.sqrt((1 + rho**2 / 2) / (size - 3))


def _tau_error(_: float, size: int) -> float:
    return np.sqrt(0.437 / (size - 4))


def _correlate(
    row: Row,
    regression: Regression,
    term: Term,
    correlate: Callable[..., Any],
    error: Callable[[float, int], float],
    level: float,
) -> Row:
    tried = attempt(lambda: correlate(term.predictor, _outcome(regression)))
    found = float(tried.result.statistic)
    row = replace(row, estimate=found, library=library("scipy", correlate.__name__))
    lower, upper = _fisher(found, error, regression.value.size, level)
    return replace(_fill(row, tried.result, tried.note), lower=lower, upper=upper)


def _fisher(found: float, error: Callable[[float, int], float], size: int, level: float) -> tuple[float, float]:
    if size < 5 or not abs(found) < 1:
        return NOTHING, NOTHING
    margin = stats.norm.ppf((1 + level) / 2) * error(found, size)
    return float(np.tanh(np.arctanh(found) - margin)), float(np.tanh(np.arctanh(found) + margin))


def _partial(regression: Regression, place: int, level: float) -> Row:
    term = regression.terms[place]
    row = Row(
        term.name,
        "partial Spearman correlation",
        "Spearman's rho of residual ranks",
        library="bayesrg (NumPy)",
        note=join(regression.note, regression.unweighted_note),
    )
    ranked = stats.rankdata(regression.design(without=place), axis=0)
    outcome, predictor = stats.rankdata(_outcome(regression)), stats.rankdata(term.predictor)
    both = np.column_stack([outcome, predictor])
    residual = both - ranked @ np.linalg.lstsq(ranked, both, rcond=None)[0]
    freedom = regression.value.size - np.linalg.matrix_rank(ranked) - 1
    spread = np.linalg.norm(residual, axis=0)
    if freedom < 1 or np.any(spread < 1e-9 * np.linalg.norm(both, axis=0)):
        return replace(row, note=join("nothing is left of the ranks", row.note))
    rho = float(residual[:, 0] @ residual[:, 1] / spread.prod())
    statistic = rho * np.sqrt(freedom / (1 - rho**2)) if abs(rho) < 1 else np.copysign(np.inf, rho)
    # As many patients fewer as columns beside the constant are adjusted for.
    lower, upper = _fisher(rho, _rho_error, freedom + 2, level)
    return replace(
        row,
        estimate=rho,
        lower=lower,
        upper=upper,
        statistic=float(statistic),
        p_value=float(2 * stats.t.sf(abs(statistic), freedom)),
    )


def kruskal_by_outcome(regression: Regression) -> list[Row]:
    """Kruskal and Wallis' test of every predictor that is not two-valued across the outcome's categories."""
    rows = []
    for term in regression.terms:
        if term.two_valued:
            continue
        samples = [term.predictor[regression.value == code] for code in np.unique(regression.value)]
        test = "Kruskal-Wallis test of the predictor across categories"
        rows.append(_kruskal(Row(term.name, test, "", note=regression.marginal_note(term)), samples))
    return rows


def levels(regression: Regression) -> list[Row]:
    """Kruskal and Wallis' test of the outcome across all levels of every text predictor with more than two."""
    outcome = _outcome(regression)
    rows = []
    for name, level, note in regression.text_predictors:
        samples = [outcome[level == code] for code in np.unique(level)]
        rows.append(_kruskal(Row(name, "Kruskal-Wallis test across levels", "", note=note), samples))
    return rows


def _kruskal(row: Row, samples: Sequence[np.ndarray]) -> Row:
    row = replace(row, library=library("scipy", "kruskal"))
    if len(samples) < 2 or np.ptp(np.concatenate(samples)) == 0:
        return replace(row, note=join("nothing varies", row.note))
    tried = attempt(lambda: stats.kruskal(*samples))
    return _fill(row, tried.result, tried.note)


def _fill(row: Row, result: Any, note: str) -> Row:
    return replace(row, statistic=float(result.statistic), p_value=float(result.pvalue), note=join(note, row.note))


def _outcome(regression: Regression) -> np.ndarray:
    # Counts of unequal exposure are ranked by their rates; the offset of every other family is zero.
    return regression.value * np.exp(-regression.offset)


def _halves(regression: Regression) -> list[tuple[Term, np.ndarray, np.ndarray]]:
    outcome = _outcome(regression)
    return [
        (term, outcome[term.high & term.compared], outcome[~term.high & term.compared])
        for term in regression.terms
        if term.two_valued
    ]


def _marginal_note(regression: Regression, term: Term) -> str:
    return join("of the rate" if np.ptp(regression.offset) else "", regression.marginal_note(term))
