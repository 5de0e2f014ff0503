"""The models: one generative model a file, each a frozen dataclass that `bayesrg.fit` knows how to use."""

from typing import Any

import xarray as xr

from bayesrg.inference.provenance import read_json, rebuild
from bayesrg.inference.variances import IndependentSds, Shares
from bayesrg.models.alternatives import alternatives_of, fit_alternatives
from bayesrg.models.association import Association
from bayesrg.models.averaging import cheapest, decision_study
from bayesrg.models.bayes_factor import savage_dickey
from bayesrg.models.classical import classical_companions
from bayesrg.models.comparison import compare
from bayesrg.models.curve import predicted_curve
from bayesrg.models.dependence import dependence
from bayesrg.models.families import (
    FAMILIES,
    Bernoulli,
    Categorical,
    Gaussian,
    NegativeBinomial,
    Ordinal,
    Rank,
    StudentT,
)
from bayesrg.models.feature_table import tabulate_features
from bayesrg.models.intra_tumor import intra_tumor_heterogeneity
from bayesrg.models.level_scales import level_spread
from bayesrg.models.limits_of_agreement import bland_altman, observed_pairs
from bayesrg.models.multi_region import MultiRegion
from bayesrg.models.pooled_stability import Hierarchy, PooledStability
from bayesrg.models.prediction import predict_patients
from bayesrg.models.predictive_checks import check_prediction
from bayesrg.models.ranking import joint_above, rank_probability, select
from bayesrg.models.redundant_features import describe_groups, redundancy
from bayesrg.models.regions.priors import MultiRegionPriors
from bayesrg.models.reliability import concordance, reliability_forms
from bayesrg.models.stability import Priors, Stability
from bayesrg.models.superiority import bayesian_bootstrap_superiority, superiority_from_probabilities
from bayesrg.prior import Prior

__all__ = [
    "FAMILIES",
    "Association",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Hierarchy",
    "IndependentSds",
    "MultiRegion",
    "MultiRegionPriors",
    "NegativeBinomial",
    "Ordinal",
    "PooledStability",
    "Priors",
    "Rank",
    "Shares",
    "Stability",
    "StudentT",
    "alternatives_of",
    "bayesian_bootstrap_superiority",
    "bland_altman",
    "cheapest",
    "check_prediction",
    "classical_companions",
    "compare",
    "concordance",
    "decision_study",
    "dependence",
    "describe_groups",
    "fit_alternatives",
    "intra_tumor_heterogeneity",
    "joint_above",
    "level_spread",
    "model_of",
    "observed_pairs",
    "predict_patients",
    "predicted_curve",
    "rank_probability",
    "redundancy",
    "reliability_forms",
    "savage_dickey",
    "select",
    "superiority_from_probabilities",
    "tabulate_features",
]

# A saved fit may name these classes and no others.
CLASSES = {
    cls.__name__: cls
    for cls in (
        *(Stability, PooledStability, Hierarchy, Priors, Shares, IndependentSds, Prior),
        *(Association, *FAMILIES.values()),
        *(MultiRegion, MultiRegionPriors),
    )
}


def model_of(tree: xr.DataTree) -> Any:
    """The model that a fit was made with, rebuilt from its provenance.

    Raises
    ------
    FitError
        If the fit was made with a class that is not ours.
    """
    return rebuild(read_json(tree["provenance"].attrs, "model"), CLASSES)
