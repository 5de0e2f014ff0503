"""The report of a stability study of many features: its sections in order."""

from dataclasses import replace

from bayesrg.reporting.blocks import Page
from bayesrg.reporting.feature_set.agreement import agreement
from bayesrg.reporting.feature_set.coefficients import coefficients
from bayesrg.reporting.feature_set.data import data
from bayesrg.reporting.feature_set.decision import decision
from bayesrg.reporting.feature_set.diagnostics import diagnostics
from bayesrg.reporting.feature_set.heat_map import heat_map
from bayesrg.reporting.feature_set.items import items
from bayesrg.reporting.feature_set.methods import describe_methods
from bayesrg.reporting.feature_set.model import model
from bayesrg.reporting.feature_set.priors import priors
from bayesrg.reporting.feature_set.ranked import ranked
from bayesrg.reporting.feature_set.ranks import ranks
from bayesrg.reporting.feature_set.redundancy import redundancy
from bayesrg.reporting.feature_set.rule import SelectionRule
from bayesrg.reporting.feature_set.selection import selection
from bayesrg.reporting.feature_set.shares import shares
from bayesrg.reporting.feature_set.study import FeatureSet
from bayesrg.reporting.feature_set.verdict import verdict
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.record import record
from bayesrg.reporting.stability.description import question

__all__ = ["SelectionRule", "compose"]


def compose(fit: Fitted, show_subjects: bool, rule: SelectionRule) -> tuple[Fitted, Page]:
    """The page of a stability fit of many features, and the fit with the labels of subjects hidden unless wanted."""
    study = FeatureSet(fit, show_subjects, rule)
    if not show_subjects:
        fit = replace(fit, hidden=study.personal)
        study = replace(study, fit=fit)
    sections = [
        verdict(study),
        question(study, f"each of {study.counted}" if study.n_features > 1 else study.features[0]),
        data(study),
        model(study),
        ranked(study),
        ranks(study),
        shares(study),
        heat_map(study),
        decision(study),
        coefficients(study),
        agreement(study),
        selection(study),
        *redundancy(study),
        priors(study),
        diagnostics(study),
        describe_methods(study),
        items(study),
        record(fit),
    ]
    title = f"Stability of {study.counted}" if study.n_features > 1 else f"Stability of {study.features[0]}"
    return fit, Page(title, f"Variance components of radiomic features: {study.measured_by}", sections)
