"""The models: one generative model a file, each a frozen dataclass that `bayesrg.fit` knows how to use."""

from typing import Any

import xarray as xr

from bayesrg.inference.provenance import read_json, rebuild
from bayesrg.inference.variances import IndependentSds, Shares
from bayesrg.models.averaging import cheapest, decision_study
from bayesrg.models.feature_table import tabulate_features
from bayesrg.models.level_scales import level_spread
from bayesrg.models.limits_of_agreement import bland_altman, observed_pairs
from bayesrg.models.pooled_stability import Hierarchy, PooledStability
from bayesrg.models.ranking import joint_above, rank_probability, select
from bayesrg.models.redundant_features import describe_groups, redundancy
from bayesrg.models.reliability import concordance, reliability_forms
from bayesrg.models.stability import Priors, Stability
from bayesrg.prior import Prior

__all__ = [
    "Hierarchy",
    "IndependentSds",
    "PooledStability",
    "Priors",
    "Shares",
    "Stability",
    "bland_altman",
    "cheapest",
    "concordance",
    "decision_study",
    "describe_groups",
    "joint_above",
    "level_spread",
    "model_of",
    "observed_pairs",
    "rank_probability",
    "redundancy",
    "reliability_forms",
    "select",
    "tabulate_features",
]

# A saved fit may name these classes and no others.
CLASSES = {cls.__name__: cls for cls in (Stability, PooledStability, Hierarchy, Priors, Shares, IndependentSds, Prior)}


def model_of(tree: xr.DataTree) -> Any:
    """The model that a fit was made with, rebuilt from its provenance.

    Raises
    ------
    FitError
        If the fit was made with a class that is not ours.
    """
    return rebuild(read_json(tree["provenance"].attrs, "model"), CLASSES)
