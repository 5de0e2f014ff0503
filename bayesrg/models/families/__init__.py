"""Families of outcomes: each says how an outcome is distributed given a linear predictor, and with which priors."""

from bayesrg.models.families.binary import Bernoulli
from bayesrg.models.families.continuous import Gaussian, StudentT
from bayesrg.models.families.count import NegativeBinomial
from bayesrg.models.families.family import Family
from bayesrg.models.families.nominal import Categorical
from bayesrg.models.families.ordered import Ordinal, Rank

__all__ = [
    "FAMILIES",
    "Bernoulli",
    "Categorical",
    "Family",
    "Gaussian",
    "NegativeBinomial",
    "Ordinal",
    "Rank",
    "StudentT",
]

FAMILIES: dict[str, type] = {
    family.name: family for family in (Gaussian, StudentT, Bernoulli, Ordinal, Categorical, NegativeBinomial, Rank)
}
