"""Covariates by formula: the columns of a design with explicit coding, and the same columns for new rows."""

from bayesrg.models.covariates.building import Covariates, apply_covariates, build_covariates
from bayesrg.models.covariates.formula import CovariateFormula, read_formula

__all__ = ["CovariateFormula", "Covariates", "apply_covariates", "build_covariates", "read_formula"]
