"""Priors with their reasons, and what they say of links before the data."""

import numpy as np

from bayesrg.prior import Prior
from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Section, fill, prose
from bayesrg.reporting.multi_region.study import Study
from bayesrg.reporting.rounding import interval, probability
from bayesrg.reporting.stated_priors import prior_table

QUANTITIES = {
    "mu": "mean μ of each feature",
    "slope_sd": "sd of the average coefficients B₀ over links",
    "contextual": "slope between tumours less that within, c",
    "gamma": "coefficients γ of covariates, per sd or step",
    "batch_sd": "sd of the batches’ effects",
    "total_sd": "total sd of a and ε of each feature",
    "share": "shares of the components of a and ε",
    "a_sd": "total sd of a",
    "a_share": "shares of the components of a",
    "residual_sd": "residual sd of each feature",
    "heterogeneity_sd": "root mean square of the links’ sds, h",
    "within_share": "share w of the links’ variance that lies within tumours",
    "mixing": "share of a graph’s process that the graph structures",
}
REPRESENTED = {"a_share": "share"}  # a prior -> the parameter that it is on, where names differ


def priors(study: Study) -> Section:
    """The section on priors."""
    correlated = study.model.residual == "correlated"
    blocks: list[Block] = [
        prose(
            "Priors stand on the model’s scale, where features have mean 0 and sd 1, and genes too (those with two "
            "values are centred, and their step is 1). {implied}",
            implied=_implied(study),
        ),
        prior_table(stated_priors(study)),
    ]
    if correlated:
        blocks.append(
            prose(
                "The residuals’ correlations over features are LKJ({shape:g}) ({source}): correlations near one are "
                "held to be improbable.",
                shape=study.model.priors.residual_correlation,
                source=works.LKJ.link("Lewandowski et al. 2009"),
            )
        )
    return Section("priors", "Priors", blocks)


def stated_priors(study: Study) -> list[tuple[str, Prior]]:
    """Each prior that this fit has, with the quantity it is on."""
    chosen, correlated = study.model.priors, study.model.residual == "correlated"
    found = []
    for name, quantity in QUANTITIES.items():
        if (name == "share" and correlated) or (name == "a_share" and not correlated):
            continue
        if REPRESENTED.get(name, name) in study.posterior:
            found.append((quantity, getattr(chosen, name)))
    if study.matern:
        found.append(("length-scales of a and of B (mm)", study.model.length_scale_prior(study.data)))
    return found


def _implied(study: Study) -> str:
    slope, share = study.fit.prior("B_0"), study.fit.prior("heterogeneity")
    low, high = np.quantile(slope, [0.025, 0.975])
    bounds = float(np.quantile(share, 0.025)), float(np.quantile(share, 0.975))
    return fill(
        "Before the data{links}, an average coefficient lay in {slope} (95 %), the variation of a link made up "
        "{share} of its feature’s variance (95 %), and more than {delta:g} with a probability of {above}.",
        links=", over all links" if len(study.links) > 1 else "",
        slope=interval(float(low), float(high), 0.1),
        share=interval(*bounds, 0.001),
        delta=study.model.delta,
        above=probability(float((share > study.model.delta).mean()), share.size),
    )
