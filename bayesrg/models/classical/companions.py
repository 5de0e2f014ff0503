"""Which classical tests stand beside which family of an association."""

import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError
from bayesrg.models.classical import (
    contingency,
    counts,
    linear,
    logistic,
    multinomial,
    ordered,
    ranks,
)
from bayesrg.models.classical.regression import Regression, lay_out
from bayesrg.models.classical.row import Row, tabulate


def classical_companions(data: xr.Dataset, *, level: float = 0.95) -> pd.DataFrame:
    """Classical tests and estimates of an association: a row per term and test.

    A regression holds all terms, the covariates as they are coded, and a fixed effect for each level of a grouping
    where that can be estimated. Weights count as so many patients where the library has such weights. The tests that
    take no covariates (Wilcoxon, Spearman, Fisher and their kin) say in `note` what they leave out. They compare a
    level of a text predictor with the reference level only; a row named after the predictor tests all its levels.

    Parameters
    ----------
    data
        As prepared for an association: `value`, `predictor` (patient, term), `covariates` (patient, covariate),
        `group_index` (patient, grouping), `weight`, `offset`, and the family in the attributes.
    level
        Confidence of the intervals `lower` to `upper`.

    Returns
    -------
    Columns `term`, `test`, `quantity` (what `estimate` is; natural logarithms; of Gaussian families in the outcome's
    units, on its logarithm or its normal scores where these were modelled), `step` (what the predictor moves by: "sd",
    or "unit", from the lower to the higher of two values; empty where nothing moves), `estimate`, `lower`, `upper`,
    `statistic`, `p_value` (two-sided), `library` and `note`. What a library could not give is NaN, with the reason in
    `note`; an estimate known to be infinite, as under separation, is infinite.

    Raises
    ------
    SettingsError
        If the family is unknown or the level is no probability.
    """
    if not 0 < level < 1:
        raise SettingsError(f"level is {level}: expected a confidence between 0 and 1, such as 0.95")
    family = str(data.attrs.get("family"))
    if family not in _COMPANIONS:
        raise SettingsError(f"the data have the family {family!r}; known are {', '.join(_COMPANIONS)}")
    regression = lay_out(data)
    return tabulate(_COMPANIONS[family](regression, level), [term.name for term in regression.terms])


def _gaussian(regression: Regression, level: float) -> list[Row]:
    rows = linear.least_squares(regression, level) + ranks.spearman(regression, level)
    return rows + linear.welch(regression, level) + ranks.rank_sum(regression, level) + ranks.levels(regression)


def _student_t(regression: Regression, level: float) -> list[Row]:
    return linear.huber(regression, level) + _gaussian(regression, level)


def _bernoulli(regression: Regression, level: float) -> list[Row]:
    rows = logistic.logistic(regression, level) + ranks.rank_sum_by_outcome(regression, level)
    return rows + contingency.tables(regression, level)


def _ordinal(regression: Regression, level: float) -> list[Row]:
    rows = ordered.cumulative(regression, level, "logit") + ordered.proportionality(regression, level)
    rows += ranks.rank_sum(regression, level) + ranks.spearman(regression, level)
    return rows + ranks.kruskal_by_outcome(regression) + ranks.levels(regression)


def _rank(regression: Regression, level: float) -> list[Row]:
    rows = ranks.rank_sum(regression, level) + ranks.brunner_munzel(regression)
    rows += ranks.spearman(regression, level) + ranks.kendall(regression, level) + ranks.levels(regression)
    return rows + ordered.cumulative(regression, level, "probit")


def _categorical(regression: Regression, level: float) -> list[Row]:
    rows = multinomial.multinomial(regression, level) + ranks.kruskal_by_outcome(regression)
    return rows + contingency.tables(regression, level)


def _negative_binomial(regression: Regression, level: float) -> list[Row]:
    rows = counts.negative_binomial(regression, level) + counts.poisson(regression, level)
    return rows + ranks.rank_sum(regression, level) + ranks.spearman(regression, level) + ranks.levels(regression)


_COMPANIONS = {
    "gaussian": _gaussian,
    "student_t": _student_t,
    "bernoulli": _bernoulli,
    "ordinal": _ordinal,
    "rank": _rank,
    "categorical": _categorical,
    "negative_binomial": _negative_binomial,
}
