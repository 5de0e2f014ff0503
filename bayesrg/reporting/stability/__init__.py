"""The report of a stability study: its sections in order."""

from dataclasses import replace

import numpy as np

from bayesrg.reporting.blocks import Page, breakable, fill
from bayesrg.reporting.checks import diagnostics, sensitivity
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.record import record
from bayesrg.reporting.stability.agreement import agreement
from bayesrg.reporting.stability.coefficients import coefficients
from bayesrg.reporting.stability.description import model, question
from bayesrg.reporting.stability.design import data
from bayesrg.reporting.stability.methods import describe_methods
from bayesrg.reporting.stability.prediction import prediction
from bayesrg.reporting.stability.priors import priors
from bayesrg.reporting.stability.study import Study, display
from bayesrg.reporting.stability.variances import variances
from bayesrg.reporting.stability.verdict import verdict

__all__ = ["compose"]

# What is checked for sensitivity to the prior: what a reader would quote.
QUOTED = (
    "icc",
    "sd",
    "mean",
    "geometric_mean",
    "rc",
    "rc_lower",
    "rc_upper",
    "rdc",
    "rdc_lower",
    "rdc_upper",
    "wcv",
)


def compose(fit: Fitted, show_subjects: bool) -> tuple[Fitted, Page]:
    """The page of a stability fit, and the fit with the labels of subjects hidden unless they may be shown."""
    study = Study(fit, show_subjects)
    if not show_subjects:
        fit = replace(fit, hidden=study.personal)
        study = replace(study, fit=fit)
    variance = fit.tree["posterior"].to_dataset()["variance"]
    sections = [
        verdict(study),
        question(study, fill("<b>{name}</b>", name=breakable(study.feature))),
        model(study),
        data(study),
        priors(study),
        agreement(study),
        variances(study),
        coefficients(study),
        prediction(study),
        diagnostics(fit, variance.copy(data=np.log(variance.values)), [display(name) for name in study.components]),
        sensitivity(fit, [name for name in QUOTED if name in fit.estimands]),
        describe_methods(study),
        record(fit),
    ]
    subtitle = f"Variance components of a radiomic feature: {study.measured_by}"
    return fit, Page(f"Stability of {study.feature}", subtitle, sections)
