"""Priors with their reasons, and what they say of the effect in words that a reader can judge."""

import numpy as np

from bayesrg.prior import Prior
from bayesrg.reporting import references as works
from bayesrg.reporting.association.quantities import ratio_bounds
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Section, enumerate_words, fill, prose
from bayesrg.reporting.rounding import significant
from bayesrg.reporting.stated_priors import prior_table

QUANTITIES = {
    "alpha": "intercept α",
    "probability": "probabilities of the categories where η = 0",
    "beta": "slope β of each predictor, per sd or step",
    "gamma": "coefficients γ of covariates, per sd or step",
    "delta": "how slopes differ by cut, δ",
    "sigma": "residual sd σ",
    "nu": "degrees of freedom ν",
    "rate_cv": "coefficient of variation κ of the rates",
    "group_sd": "sd τ of a group’s effects",
}


def priors(study: Study) -> Section:
    """The section on priors."""
    blocks: list[Block] = [
        prose(
            "Priors stand on the model’s scale, where predictors and covariates have sd 1 (or a step of 1){outcome}. "
            "{implied}",
            outcome=", and the outcome too" if study.continuous else "",
            implied=_implied(study),
        ),
        prior_table(stated_priors(study)),
    ]
    if study.family in ("bernoulli", "ordinal", "categorical"):
        blocks.append(
            prose(
                "They stay sane where an outcome is rare or separated by the predictor, and the likelihood alone has "
                "no maximum; there the prior bounds the size of the effect, and its sensitivity says so ({source}).",
                source=works.LOGISTIC_PRIOR.link("Gelman et al. 2008"),
            )
        )
    return Section("priors", "Priors", blocks)


def stated_priors(study: Study) -> list[tuple[str, Prior]]:
    """Each prior that this fit has, with the quantity it is on."""
    family = study.fit.model.family
    return [
        (quantity, getattr(family, name))
        for name, quantity in QUANTITIES.items()
        if name in study.posterior and hasattr(family, name)
    ]


def _implied(study: Study) -> str:
    reach = 1.96 * study.fit.model.family.beta.arguments["sigma"]
    steps = enumerate_words([fill("{step}", step=study.describe_step(term)) for term in study.terms], last="or")
    if study.family == "rank":
        words = f"a shift of up to {significant(reach)} sds of a normal score"
    elif study.continuous:
        words = f"a difference of up to {significant(reach)} sds of the outcome"
    else:
        ratio = "rates" if study.family == "negative_binomial" else "odds"
        words = f"{ratio} that change by a factor of {ratio_bounds(float(np.exp(-reach)), float(np.exp(reach)))}"
    return fill("Before the data, {steps} went with {words} (95 %).", steps=steps, words=words)
