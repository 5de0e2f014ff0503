"""Which coefficients have an infinite maximum likelihood estimate, because the predictors separate the outcome.

A likelihood has no finite maximum where the coefficients have a direction along which no patient's likelihood falls and
some patient's rises (Albert & Anderson 1984, doi:10.1093/biomet/71.1.1). Such directions form a cone, and linear
programming finds which coefficients move within it (Konis 2007, thesis, University of Oxford).
"""

import numpy as np
from scipy.optimize import linprog

# Of a box from -1 to 1: far above the tolerance of the linear program, far below what a true direction moves.
_MOVES = 1e-4


def run_away(rising: np.ndarray, fixed: np.ndarray | None = None) -> np.ndarray:
    """The estimates that are infinite: inf, -inf, NaN if its sign is undetermined, and 0 of a finite one.

    Parameters
    ----------
    rising : shape (constraint, coefficient); a direction d harms no patient where `rising @ d >= 0`
    fixed : shape (constraint, coefficient); and where `fixed @ d == 0`

    Returns
    -------
    Shape (coefficient,).
    """
    size = rising.shape[1]
    scale = np.abs(np.vstack([rising, *([] if fixed is None else [fixed])])).max(axis=0)
    away = np.zeros(size)
    for place in range(size):
        reached = []
        for sign in (1, -1):
            aim = np.zeros(size)
            aim[place] = -sign
            found = linprog(
                aim,
                A_ub=-rising / scale,
                b_ub=np.zeros(len(rising)),
                A_eq=None if fixed is None else fixed / scale,
                b_eq=None if fixed is None else np.zeros(len(fixed)),
                bounds=(-1, 1),
            )
            if found.x[place] * sign > _MOVES:
                reached.append(sign)
        away[place] = reached[0] * np.inf if len(reached) == 1 else np.nan if reached else 0.0
    return away


def why_infinite(own: np.ndarray | float, away: np.ndarray) -> str:
    """A note on a coefficient: that it is infinite, or that others beside it are; empty if none is.

    Parameters
    ----------
    own : of `run_away`, of the coefficient (or those of one term)
    away : of all coefficients
    """
    if np.isnan(own).any():
        return "separation: there is no maximum likelihood estimate, not even its sign"
    if np.any(own):
        return "separation: the maximum likelihood estimate is infinite"
    return "another column separates the outcome: its coefficient is infinite" if away.any() else ""


def cumulative_directions(category: np.ndarray, predictors: np.ndarray) -> np.ndarray:
    """Constraints of a cumulative model P(c <= j) = F(alpha_j - predictors @ beta).

    Parameters
    ----------
    category : codes 0..J-1, shape (patient,)
    predictors : without a constant, shape (patient, column)

    Returns
    -------
    Shape (constraint, column + J - 1): coefficients, then cut-points. A patient's upper cut-point must not fall below
    the linear predictor along the direction, nor the lower one rise above it.
    """
    cuts = np.eye(int(category.max()))
    upper, lower = category < len(cuts), category > 0
    return np.vstack(
        [
            np.column_stack([-predictors[upper], cuts[category[upper]]]),
            np.column_stack([predictors[lower], -cuts[category[lower] - 1]]),
        ]
    )


def multinomial_directions(category: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Constraints of a multinomial logit whose first category has coefficients of zero.

    Returns
    -------
    Shape (constraint, (K - 1) * column), coefficients of a category side by side: along the direction no other
    category's linear predictor may overtake the patient's own.
    """
    size, columns = int(category.max()) + 1, design.shape[1]
    rows = []
    for other in range(size):
        away = category != other
        block = np.zeros((away.sum(), size, columns))
        block[np.arange(away.sum()), category[away]] += design[away]
        block[:, other] -= design[away]
        rows.append(block[:, 1:].reshape(away.sum(), -1))
    return np.vstack(rows)
