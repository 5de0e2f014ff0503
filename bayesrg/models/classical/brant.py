"""Brant's test of proportional odds: whether binary logistic regressions at every cut-point share their slopes.

Brant 1990 (doi:10.2307/2532457). With z_j = 1 above cut j, pi_j its fitted probability and X the design, the binary
estimates at the cuts j <= l have the covariance (X' W_jj X)^-1 (X' W_jl X) (X' W_ll X)^-1, where W_jl is diagonal with
pi_l - pi_j pi_l.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from bayesrg.models.classical.row import Attempt, Row, join
from bayesrg.models.classical.separation import run_away
from bayesrg.models.classical.wald import try_fit


@dataclass(frozen=True)
class Cuts:
    """Binary logistic regressions at every cut.

    Parameters
    ----------
    fits : a cut each
    away : of a cut each, its infinite coefficients as of `run_away`, shape (column,)
    slope : shape (cut, column); NaN where some cut has no estimate
    covariance : shape (cut, column, cut, column)
    """

    fits: tuple[Attempt, ...]
    away: tuple[np.ndarray, ...]
    slope: np.ndarray
    covariance: np.ndarray

    def test(self, row: Row, position: int, level: float) -> Row:
        """The row of the test that one column's slopes are equal; its estimate is the last slope minus the first."""
        if any(away.any() for away in self.away):
            return replace(row, note=join("separation at a cut: no test", row.note))
        if np.isnan(self.slope).any():
            return replace(row, note=join("a binary fit did not converge: no test", row.note))
        slope, covariance = self.slope[:, position], self.covariance[:, position, :, position]
        contrast = np.column_stack([-np.ones(slope.size - 1), np.eye(slope.size - 1)])
        spread = contrast @ covariance @ contrast.T
        if np.linalg.eigvalsh(spread).min() <= 0:
            return replace(row, note=join("the slopes' covariance is not positive definite: no test", row.note))
        differences = contrast @ slope
        statistic = float(differences @ np.linalg.solve(spread, differences))
        margin = stats.norm.ppf((1 + level) / 2) * np.sqrt(spread[-1, -1])
        return replace(
            row,
            estimate=float(differences[-1]),
            lower=float(differences[-1] - margin),
            upper=float(differences[-1] + margin),
            statistic=statistic,
            p_value=float(stats.chi2.sf(statistic, slope.size - 1)),
            note=join(f"chi-squared with {slope.size - 1} df", row.note),
        )


def compare_cuts(above: np.ndarray, design: np.ndarray) -> Cuts:
    """Fit every cut and find the covariance of the fits.

    Parameters
    ----------
    above : who is above which cut, shape (patient, cut)
    design : with its constant, of full rank, shape (patient, column)
    """
    import statsmodels.api as sm

    fits, away = [], []
    for outcome in above.T:

        def fit(outcome: np.ndarray = outcome) -> Any:
            return sm.Logit(outcome.astype(float), design).fit(disp=0, maxiter=200)

        fits.append(try_fit(fit))
        away.append(run_away(np.where(outcome[:, None], design, -design)))
    cuts, columns = above.shape[1], design.shape[1]
    covariance = np.full((cuts, columns, cuts, columns), np.nan)
    fitted = all(tried.result is not None and tried.result.converged for tried in fits)
    if not fitted or any(infinite.any() for infinite in away):
        return Cuts(tuple(fits), tuple(away), np.full((cuts, columns), np.nan), covariance)
    probability = np.column_stack([tried.result.fit.predict() for tried in fits])
    inverse = [np.linalg.inv(design.T @ ((p * (1 - p))[:, None] * design)) for p in probability.T]
    for first in range(cuts):
        for second in range(first, cuts):
            joint = probability[:, second] * (1 - probability[:, first])
            block = inverse[first] @ (design.T @ (joint[:, None] * design)) @ inverse[second]
            covariance[first, :, second], covariance[second, :, first] = block, block.T
    return Cuts(tuple(fits), tuple(away), np.array([tried.result.coefficient for tried in fits]), covariance)
