"""Logistic regression whose likelihood is penalised by Jeffreys' prior: finite under separation, for rare mutations.

Firth 1993 (doi:10.1093/biomet/80.1.27); its tests and intervals by the profile of the penalised likelihood, Heinze &
Schemper 2002 (doi:10.1002/sim.1047). Neither SciPy nor statsmodels has it, so it is written here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from bayesrg.models.classical.row import NOTHING

MOST_STEPS = 500
LARGEST_STEP = 5.0
FARTHEST = 200
_ARRIVED = 1e-8
_LEVEL = 1e-12


@dataclass(frozen=True)
class PenalisedEstimate:
    """A coefficient's penalised estimate, profile interval and likelihood ratio test; NaN with a note on failure."""

    estimate: float = NOTHING
    lower: float = NOTHING
    upper: float = NOTHING
    statistic: float = NOTHING
    p_value: float = NOTHING
    note: str = ""


def fit_firth(
    value: np.ndarray, design: np.ndarray, position: int, weight: np.ndarray, level: float
) -> PenalisedEstimate:
    """Estimate one coefficient, with its interval and test.

    Parameters
    ----------
    value : zeros and ones, shape (patient,)
    design : with its constant, of full rank, shape (patient, column)
    position : column of the coefficient
    weight : patients that each row stands for, shape (patient,)
    level : confidence of the interval
    """
    free = np.ones(design.shape[1], dtype=bool)
    beta, top, arrived = _climb(value, design, weight, np.zeros(design.shape[1]), free)
    if not arrived:
        return PenalisedEstimate(note="the fit did not converge")
    others = free.copy()
    others[position] = False
    reached = [True]

    def drop(at: float) -> float:
        start = beta.copy()
        start[position] = at
        _, height, there = _climb(value, design, weight, start, others)
        reached[0] &= there
        return 2 * (top - height)

    threshold = float(stats.chi2.ppf(level, 1))
    limits = [_limit(drop, beta[position], sign, threshold) for sign in (-1, 1)]
    statistic = max(drop(0.0), 0.0)
    if not reached[0]:
        return PenalisedEstimate(estimate=float(beta[position]), note="the profile did not converge")
    return PenalisedEstimate(
        estimate=float(beta[position]),
        lower=limits[0],
        upper=limits[1],
        statistic=float(statistic),
        p_value=float(stats.chi2.sf(statistic, 1)),
        note="" if np.isfinite(limits).all() else f"no limit within {FARTHEST} of the estimate",
    )


def _limit(drop: Callable[[float], float], estimate: float, sign: int, threshold: float) -> float:
    """Where the penalised profile has fallen by the threshold, on one side; NaN if that is too far to be found."""
    distance = 0.5
    while drop(estimate + sign * distance) < threshold:
        distance *= 2
        if distance > FARTHEST:
            return NOTHING
    far = estimate + sign * distance
    root = optimize.root_scalar(lambda at: drop(at) - threshold, bracket=(estimate, far), method="brentq", xtol=1e-8)
    return float(root.root)


def _height(value: np.ndarray, design: np.ndarray, weight: np.ndarray, beta: np.ndarray) -> float:
    linear = design @ beta
    probability = special.expit(linear)
    spread = weight * probability * (1 - probability)
    _, penalty = np.linalg.slogdet(design.T @ (spread[:, None] * design))
    likelihood = weight * (value * special.log_expit(linear) + (1 - value) * special.log_expit(-linear))
    return float(likelihood.sum() + penalty / 2)


def _climb(
    value: np.ndarray, design: np.ndarray, weight: np.ndarray, beta: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, float, bool]:
    """Coefficients, height of the penalised log likelihood, and whether its top was reached; others stay fixed."""
    height = _height(value, design, weight, beta)
    for _ in range(MOST_STEPS):
        probability = special.expit(design @ beta)
        spread = weight * probability * (1 - probability)
        information = design.T @ (spread[:, None] * design)
        leverage = spread * np.einsum("ij,ij->i", design, np.linalg.solve(information, design.T).T)
        score = design.T @ (weight * (value - probability) + leverage * (0.5 - probability))
        step = np.zeros_like(beta)
        step[free] = np.linalg.solve(information[np.ix_(free, free)], score[free]) if free.any() else 0.0
        if np.abs(step).max() < _ARRIVED:
            return beta, height, True
        step *= min(1.0, LARGEST_STEP / np.abs(step).max())
        # The information is that of the likelihood without its penalty, so a full step may overshoot.
        higher = _height(value, design, weight, beta + step)
        while higher < height - _LEVEL and np.abs(step).max() > _ARRIVED:
            step /= 2
            higher = _height(value, design, weight, beta + step)
        beta, height = beta + step, higher
    return beta, height, False
