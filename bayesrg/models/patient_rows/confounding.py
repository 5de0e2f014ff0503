"""What else varies as a predictor does: covariates, other predictors and groups that its effect cannot be told from."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from bayesrg.errors import DesignError, list_some

# A column that others explain up to this part of its sd is a linear combination of them.
EXPLAINED = 1e-8
# Share of a predictor's variance that must lie within groups: below it the groups carry nearly all that is known.
LEAST_WITHIN = 0.2
# Share that must be free of covariates and other predictors: a variance inflation of 10 (Marquardt 1970).
LEAST_FREE = 0.1


def refuse_collinear(data: xr.Dataset) -> None:
    """Refuse predictors that others and the covariates already say.

    Raises
    ------
    DesignError
        For more columns than rows can tell apart, and linear combinations, with what of.
    """
    rows, terms, covariates = data.sizes["patient"], data.sizes["term"], data.sizes["covariate"]
    if terms + covariates >= rows:
        more = f" and {covariates} of covariates" if covariates else ""
        raise DesignError(
            f"{rows} rows cannot tell apart {terms} columns of predictors{more}: take predictors or covariates out"
        )
    names, predictor = [str(name) for name in data["term"].values], data["predictor"].values
    for number in range(1, terms):
        if _free(predictor[:, number], predictor[:, :number]) < EXPLAINED**2:
            raise DesignError(
                f"predictor {names[number]!r} is a linear combination of {list_some(names[:number], show=repr)} in "
                f"these {rows} rows: leave one out"
            )
    others = data["covariates"].values
    for number in range(terms):
        before = np.concatenate([others, predictor[:, :number]], axis=1)
        if _free(predictor[:, number], before) < EXPLAINED**2:
            raise DesignError(
                f"predictor {names[number]!r} is a linear combination of the covariates {data.attrs['formula']!r}"
                f"{' and the other predictors' if number else ''} in these {rows} rows, so that nothing is left for it "
                "to explain: leave out the covariates that say the same"
            )


def find_confounding(data: xr.Dataset, origin: Sequence[str]) -> list[str]:
    """Warnings of predictors that hardly vary where covariates, other predictors and groups are held fixed.

    Parameters
    ----------
    origin : of each term the predictor that it is of; levels of one predictor are not held against each other
    """
    found = []
    groups = [str(name) for name in data["grouping"].values]
    indexes = list(data["group_index"].values.T)
    # The effects of the grouping with the most levels are taken out by their means, which is fast for thousands.
    largest = max(range(len(groups)), key=lambda number: np.unique(indexes[number]).size, default=0)
    indicators = [
        (index[:, None] == np.unique(index)).astype(float) for number, index in enumerate(indexes) if number != largest
    ]
    for number, term in enumerate(data["term"].values):
        own = data["predictor"].values[:, number]
        foreign = [place for place, other in enumerate(origin) if other != origin[number]]
        others = np.concatenate([data["covariates"].values, data["predictor"].values[:, foreign]], axis=1)
        free = _free(own, others)
        if free < LEAST_FREE:
            found.append(
                f"covariates and other predictors explain {_percent(1.0 - free)} of the variance of {term} (variance "
                f"inflation {1.0 / free:.3g}): little is known of its effect beside theirs"
            )
        within = [_free(own, np.empty((own.size, 0)), index) for index in indexes]
        found += [_describe(str(term), name, share) for name, share in zip(groups, within, strict=True)]
        if groups and min(free, *within) >= LEAST_WITHIN and len(groups) + others.shape[1] > 1:
            together = _free(own, np.concatenate([others, *indicators], axis=1), indexes[largest])
            if together < LEAST_WITHIN:
                what = " and ".join([*groups, *(["the other columns"] if others.shape[1] else [])])
                found.append(
                    f"{what} together explain {_percent(1.0 - together)} of the variance of {term}, though each alone "
                    f"does not: its effect cannot be told from theirs but by the other {_percent(together)}"
                )
    return [caution for caution in found if caution]


def _describe(term: str, group: str, within: float) -> str:
    """A warning of a predictor with that share of its variance within a group's levels; empty if it is enough."""
    if within < EXPLAINED**2:
        return (
            f"{term} does not vary where {group} is the same: its effect cannot be told from that of {group}, and only "
            "the priors divide one from the other"
        )
    if within < LEAST_WITHIN:
        return (
            f"{_percent(1.0 - within)} of the variance of {term} goes with {group}: their effects are confounded, and "
            f"only the other {_percent(within)} tells them apart"
        )
    return ""


def _free(column: np.ndarray, others: np.ndarray, level: np.ndarray | None = None) -> float:
    """Share of a column's variance (row) that no linear combination of others and a constant explains.

    Parameters
    ----------
    others : shape (row, column)
    level : of a group, shape (row,); a constant for each of its levels
    """
    _, code = np.unique(np.zeros(column.size) if level is None else level, return_inverse=True)
    both = np.column_stack([column, others])
    means = np.stack([np.bincount(code, one) for one in both.T], axis=1) / np.bincount(code)[:, None]
    centred = both - means[code]
    own, others = centred[:, 0], centred[:, 1:]
    left = own - others @ np.linalg.lstsq(others, own)[0]
    whole = column - column.mean()
    return float((left @ left) / (whole @ whole))


def _percent(share: float) -> str:
    """A share in per cent, never rounded to none or all."""
    return f"{100.0 * share:.0f} %" if 0.005 <= share <= 0.995 else "less than 1 %" if share < 0.5 else "over 99 %"
