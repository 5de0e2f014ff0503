"""The report of one association: its sections in order."""

from dataclasses import replace

from bayesrg.reporting.association.alternatives import alternatives
from bayesrg.reporting.association.assumptions import assumptions
from bayesrg.reporting.association.companions import companions
from bayesrg.reporting.association.curve import curve
from bayesrg.reporting.association.data import data
from bayesrg.reporting.association.dependence import dependence
from bayesrg.reporting.association.effects import effects
from bayesrg.reporting.association.evidence import evidence
from bayesrg.reporting.association.methods import describe_methods
from bayesrg.reporting.association.model import model
from bayesrg.reporting.association.parameters import sampled
from bayesrg.reporting.association.priors import priors
from bayesrg.reporting.association.question import question
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.association.verdict import verdict
from bayesrg.reporting.blocks import Page
from bayesrg.reporting.checks import diagnostics, sensitivity
from bayesrg.reporting.drawing import shorten
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.record import record

__all__ = ["compose"]

# What is checked for sensitivity to the prior: what a reader would quote.
QUOTED = (
    "effect",
    "category_slope",
    "standardised_effect",
    "average_marginal_effect",
    "risk_difference",
    "probability_of_superiority",
    "r_squared",
)


def compose(fit: Fitted, show_subjects: bool) -> tuple[Fitted, Page]:
    """The page of an association, and the fit with the labels of patients hidden unless they may be shown."""
    study = Study(fit, show_subjects)
    if not show_subjects:
        fit = replace(fit, hidden=study.personal)
        study = replace(study, fit=fit)
    parameters, labels = sampled(study)
    sections = [
        verdict(study),
        question(study),
        model(study),
        data(study),
        curve(study),
        effects(study),
        evidence(study),
        dependence(study),
        assumptions(study),
        alternatives(study),
        companions(study),
        priors(study),
        sensitivity(fit, [name for name in QUOTED if name in fit.estimands]),
        diagnostics(
            fit,
            parameters,
            [shorten(label, 30) for label in labels],
            sampled="sampled parameters",
            measured="patient",
            density="the likelihood of each patient in each draw",
        ),
        describe_methods(study),
        record(fit),
    ]
    subtitle = f"Association in {study.n_patients} patients: {', '.join(study.predictors)}"
    adjusted = [*study.covariates, *study.groups]
    if adjusted:
        subtitle += f"; adjusted for {', '.join(adjusted)}"
    return fit, Page(f"{study.outcome} and {', '.join(study.predictors)}", subtitle, sections)
