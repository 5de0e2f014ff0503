"""Rows that all regressions share: Wald tests of a coefficient, and likelihood ratio tests."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from bayesrg.models.classical.row import Attempt, Row, attempt, join

MOST_ITERATIONS = 200


@dataclass(frozen=True)
class Estimates:
    """What rows need of a fit of statsmodels.

    Parameters
    ----------
    coefficient, error : shape (coefficient,); of a multinomial logit the categories one after the other
    log_likelihood : NaN where the model has none
    converged : whether the fit says that it has arrived
    freedom : of Student's t that refers the coefficients; infinite for the normal distribution
    fit : the library's own result
    """

    coefficient: np.ndarray
    error: np.ndarray
    log_likelihood: float
    converged: bool
    freedom: float
    fit: Any


def try_fit(call: Callable[[], Any], *, likelihood: bool = True) -> Attempt:
    """Fit with statsmodels a model that has a likelihood or none; the attempt's result are `Estimates`."""

    def read() -> Estimates:
        # statsmodels finds errors and likelihoods when they are asked for, and warns then.
        fit = call()
        return Estimates(
            # Coefficients of a multinomial logit are (column, category).
            coefficient=np.asarray(fit.params, dtype=float).ravel(order="F"),
            error=_errors(fit),
            log_likelihood=float(fit.llf if likelihood else np.nan),
            converged=_converged(fit),
            freedom=float(fit.df_resid) if fit.use_t else np.inf,
            fit=fit,
        )

    return attempt(read)


def _errors(fit: Any) -> np.ndarray:
    # Where it cannot invert the Hessian, statsmodels refuses to be asked for errors.
    if fit.normalized_cov_params is None and not hasattr(fit, "cov_params_default"):
        return np.full(np.size(fit.params), np.nan)
    return np.asarray(fit.bse, dtype=float).ravel(order="F")


def _converged(fit: Any) -> bool:
    returned = getattr(fit, "mle_retvals", None)
    if returned is not None:
        return bool(returned["converged"])
    if hasattr(fit, "converged"):
        return bool(fit.converged)
    # A robust regression tells its iterations only; least squares has none.
    history = getattr(fit, "fit_history", None)
    return history is None or history["iteration"] < MOST_ITERATIONS


def fill_wald(row: Row, tried: Attempt, position: int, level: float, *, away: float = 0, factor: float = 1.0) -> Row:
    """The row with a coefficient's estimate, interval, statistic and p-value.

    Parameters
    ----------
    tried : of `try_fit`
    position : of the coefficient
    away : the coefficient's estimate if it is infinite or undetermined, otherwise zero
    factor : what brings the coefficient to the row's quantity
    """
    row = replace(row, note=join(tried.note, row.note))
    if away:
        return replace(row, estimate=float(away))
    found = tried.result
    if found is None or not found.converged:
        return row if tried.note else replace(row, note=join("the fit did not converge", row.note))
    estimate, error = found.coefficient[position], found.error[position]
    if not (np.isfinite(error) and error > 0):
        return replace(row, note=join("no standard error", row.note))
    reference = stats.t(found.freedom)
    margin = reference.ppf((1 + level) / 2) * error
    return replace(
        row,
        estimate=float(estimate * factor),
        lower=float((estimate - margin) * factor),
        upper=float((estimate + margin) * factor),
        statistic=float(estimate / error),
        p_value=float(2 * reference.sf(abs(estimate / error))),
    )


def fill_likelihood_ratio(row: Row, full: Attempt, null: Attempt, freedom: int, *, separated: bool = False) -> Row:
    """The row with twice the difference of two log likelihoods, and its p-value from chi-squared.

    Parameters
    ----------
    freedom : parameters between the two models
    separated : whether an infinite estimate is known to be why a fit did not converge; its log likelihood has a limit
        all the same, which the fit has reached within its tolerance
    """
    row = replace(row, note=join(full.note, null.note, row.note))
    for tried in (full, null):
        if tried.result is None or not (separated or tried.result.converged):
            return row if join(full.note, null.note) else replace(row, note=join("the fit did not converge", row.note))
    statistic = 2 * (full.result.log_likelihood - null.result.log_likelihood)
    if not np.isfinite(statistic):
        return replace(row, note=join("no log likelihood", row.note))
    # Two models that fit equally well differ by the tolerance of their fits, which may be below zero.
    statistic = max(statistic, 0.0)
    return replace(row, statistic=statistic, p_value=float(stats.chi2.sf(statistic, freedom)))


def not_fitted(row: Row, reason: str) -> Row:
    """The row without numbers."""
    return replace(row, note=reason)
