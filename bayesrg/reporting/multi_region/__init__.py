"""The report of a multi-region fit: its sections in order."""

from dataclasses import replace

from bayesrg.reporting.blocks import Page, Section, Table, count
from bayesrg.reporting.checks import diagnostics, sensitivity
from bayesrg.reporting.drawing import shorten
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.multi_region.coefficients import coefficients
from bayesrg.reporting.multi_region.data import data
from bayesrg.reporting.multi_region.heterogeneity import heterogeneity
from bayesrg.reporting.multi_region.identifiability import identifiability
from bayesrg.reporting.multi_region.imaging import imaging
from bayesrg.reporting.multi_region.left_out import predict_left_out
from bayesrg.reporting.multi_region.methods import describe_methods
from bayesrg.reporting.multi_region.model import model
from bayesrg.reporting.multi_region.parameters import sampled
from bayesrg.reporting.multi_region.places import places
from bayesrg.reporting.multi_region.prediction import prediction
from bayesrg.reporting.multi_region.priors import priors
from bayesrg.reporting.multi_region.question import question
from bayesrg.reporting.multi_region.study import Study
from bayesrg.reporting.multi_region.tumors import tumors
from bayesrg.reporting.multi_region.variances import variances
from bayesrg.reporting.multi_region.variogram import variogram
from bayesrg.reporting.multi_region.verdict import verdict
from bayesrg.reporting.record import record

__all__ = ["compose"]

# What is checked for sensitivity to the prior: what a reader would quote; where links are many, the first two.
QUOTED = ("B_0", "heterogeneity", "local_share", "link_tumor_sd", "link_space_sd", "correlation_length")
FEW_LINKS = 12
LONGEST = 60  # rows of the table of all estimands that stand on the page without a search


def compose(fit: Fitted, show_subjects: bool) -> tuple[Fitted, Page]:
    """The page of a multi-region fit, and the fit with the labels of persons hidden unless they may be shown."""
    study = Study(fit, show_subjects)
    if not show_subjects:
        fit = replace(fit, hidden=study.personal)
        study = replace(study, fit=fit)
    left_out = predict_left_out(study)
    parameters, labels = sampled(study)
    quoted = [name for name in QUOTED if name in fit.estimands]
    sections = [
        verdict(study),
        question(study),
        model(study),
        data(study),
        places(study),
        coefficients(study),
        heterogeneity(study),
        tumors(study),
        variances(study),
        imaging(study),
        variogram(study),
        identifiability(study),
        sensitivity(fit, quoted if len(study.links) <= FEW_LINKS else quoted[:2]),
        prediction(study, left_out),
        priors(study),
        _searchable(
            diagnostics(
                fit,
                parameters,
                [shorten(label, 30) for label in labels],
                sampled="sampled parameters",
                measured="region",
                density="the exact Gaussian density of all features of each region given all other regions",
            )
        ),
        describe_methods(study, left_out),
        record(fit),
    ]
    features, genes = count(len(study.features), "feature"), count(len(study.genes), "gene")
    subtitle = (
        f"Multi-region radiogenomics: {features} by {genes} in {count(study.n_regions, 'region')} of "
        f"{count(study.n_tumors, 'tumour')} of {count(study.n_patients, 'patient')}"
    )
    return fit, Page(f"{_named(study.features, 'features')} by {_named(study.genes, 'genes')}", subtitle, sections)


def _named(names: list[str], plural: str) -> str:
    """Names in a title: up to three, or how many there are."""
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} {plural}"


def _searchable(section: Section) -> Section:
    """The section with its long tables made searchable."""
    return replace(
        section,
        blocks=[
            replace(block, searchable=True) if isinstance(block, Table) and len(block.frame) > LONGEST else block
            for block in section.blocks
        ],
    )
