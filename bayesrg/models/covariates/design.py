"""What columns of covariates must be to be fitted: finite, not constant, and no linear combination of the others."""

import numpy as np
import pandas as pd

from bayesrg.errors import DesignError, TableError, list_some

# A column that earlier ones explain up to this part of its standard deviation is a linear combination of them.
EXPLAINED = 1e-8


def check_finite(design: pd.DataFrame) -> None:
    """Refuse values that a transform made infinite or undefined, such as the logarithm of zero.

    Raises
    ------
    TableError
        With the column and the rows.
    """
    for name, column in design.items():
        wrong = ~np.isfinite(column.to_numpy())
        if wrong.any():
            raise TableError(
                f"the covariate column {name!r} is infinite or undefined in the rows {list_some(design.index[wrong])}; "
                "choose a transform that these values have (log1p for counts with zeros), or drop the rows"
            )


def check_identified(design: pd.DataFrame) -> None:
    """Refuse columns that the intercept and earlier columns already say, and more columns than rows can tell apart.

    Raises
    ------
    DesignError
        For repeated names, constant columns, linear combinations (named with what of), and more columns than rows.
    """
    n, p = design.shape
    if design.columns.has_duplicates:
        twice = design.columns[design.columns.duplicated()].unique()
        raise DesignError(f"two covariate columns have the name {list_some(twice, show=repr)}: take one of them out")
    values = design.to_numpy()
    centred = values - values.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    constant = spread <= EXPLAINED * np.sqrt((values**2).sum(axis=0))
    if constant.any():
        raise DesignError(
            f"the covariate columns {list_some(design.columns[constant], show=repr)} are the same in all {n:,} rows: "
            "they cannot be told from the intercept; take them out of the formula"
        )
    if p >= n:
        raise DesignError(
            f"the formula makes {p:,} columns beside the intercept, more than {n:,} rows can tell apart: take "
            "covariates out, or use fewer levels or knots"
        )
    unit = centred / spread
    for j in range(1, p):
        weights = np.linalg.lstsq(unit[:, :j], unit[:, j])[0]
        if np.linalg.norm(unit[:, j] - unit[:, :j] @ weights) < EXPLAINED:
            of = design.columns[:j][np.abs(weights) > np.sqrt(EXPLAINED)]
            raise DesignError(
                f"the covariate column {design.columns[j]!r} is a linear combination of {list_some(of, show=repr)} "
                "and the intercept: take one of them out of the formula"
            )
