"""The methods paragraph of an association, written from the fit."""

import numpy as np

from bayesrg.reporting import references as works
from bayesrg.reporting.association.priors import QUANTITIES
from bayesrg.reporting.association.quantities import factor, own_bayes_factor, sentence
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Section, count, split_last
from bayesrg.reporting.checks import SENSITIVE, power_scale
from bayesrg.reporting.record import methods
from bayesrg.reporting.references import Bibliography
from bayesrg.reporting.rounding import probability
from bayesrg.reporting.stated_priors import plain

HALF = 0.5
FAMILIES = {
    "gaussian": "Bayesian linear regression with normal errors",
    "student_t": "robust Bayesian linear regression with Student’s t errors",
    "bernoulli": "Bayesian logistic regression",
    "ordinal": "Bayesian cumulative logit regression",
    "rank": "Bayesian cumulative probit regression with one category per distinct value",
    "categorical": "Bayesian multinomial regression with coefficients that sum to zero",
    "negative_binomial": "Bayesian negative binomial regression",
}


def describe_methods(study: Study) -> Section:
    """The section with the methods and results text, and its references."""
    cited = Bibliography()
    warning = [f"{study.fit.verdict}. This text must not be published as it is."] if study.fit.failed else []
    return methods([*warning, _model(study, cited), _inference(study, cited), _results(study, cited)], cited.works)


def _and(words: list[str]) -> str:
    return " and ".join(split_last(words))


def _model(study: Study, cited: Bibliography) -> str:
    dropped, versions = sum(study.dropped.values()), study.fit.versions
    family = FAMILIES[study.family]
    if study.family == "ordinal":
        shape = "with proportional odds" if study.proportional else "with a slope at each cutpoint"
        family += f" {shape} {cited.cite(works.PROPORTIONAL_ODDS)}"
    if study.family == "rank":
        family += f" {cited.cite(works.CUMULATIVE_PROBIT)}"
    direction = study.data.attrs["direction"]
    adjusted = f", adjusted for {study.data.attrs['formula']}" if study.covariates else ""
    groups = f", with effects of {_and(study.groups)}" if study.groups else ""
    left_out = ""
    if dropped:
        left_out = f"; {count(dropped, 'row')} with missing values {'was' if dropped == 1 else 'were'} left out"
    scaled = "centred" if all(map(study.two_valued, study.terms)) else "standardised (two-valued ones centred only)"
    outcome = ""
    if study.continuous:
        how = {
            "z_score": "standardised",
            "log": "log-transformed and standardised",
            "rank_normal": "replaced by normal scores",
        }
        outcome = f" The outcome was {how[study.transformation.name]}."
    weights = " Patients were weighted." if study.weighted else ""
    family_priors = study.fit.model.family
    stated = [
        f"{plain(getattr(family_priors, name))} on the {words}"
        for name, words in QUANTITIES.items()
        if name in study.posterior and hasattr(family_priors, name)
    ]
    return (
        f"The association of {study.outcome} with {_and(study.predictors)}{f' ({direction})' if direction else ''} was "
        f"estimated in {count(study.n_patients, 'patient')}{left_out} by {family} in bayesrg {versions['bayesrg']}"
        f"{adjusted}{groups}. Predictors and covariates were {scaled}.{outcome}{weights} Priors were {_and(stated)}."
    )


def _inference(study: Study, cited: Bibliography) -> str:
    fit = study.fit
    worst = {check.name: check.value for check in fit.diagnosis.checks}
    diverged = int(worst["divergences"])
    name = "effect" if study.proportional else "category_slope"
    moved = power_scale(fit, [name])["prior"].to_numpy() >= SENSITIVE
    finding = "found the effect sensitive to the prior" if moved.any() else "found no effect sensitive to the prior"
    return (
        f"The posterior was sampled with the No-U-Turn sampler {cited.cite(works.NUTS)} (nutpie "
        f"{fit.versions['nutpie']}, PyMC {fit.versions['pymc']} {cited.cite(works.PYMC)}; {fit.sampler['chains']} "
        f"chains of {fit.sampler['draws']} draws after {fit.sampler['tune']} warm-up draws, seed "
        f"{fit.sampler['seed']}). Rank-normalised R-hat {cited.cite(works.R_HAT)} was at most {worst['R-hat']:.3f}, "
        f"bulk and tail effective sample sizes were at least {worst['bulk ESS']:.0f} and {worst['tail ESS']:.0f}, and "
        f"{diverged or 'no'} transitions diverged (ArviZ {fit.versions['arviz']} {cited.cite(works.ARVIZ)}). Evidence "
        f"of an association is given as the Savage–Dickey Bayes factor {cited.cite(works.SAVAGE_DICKEY)} over a range "
        f"of prior scales, the probability of direction {cited.cite(works.DIRECTION)}, and practical equivalence "
        f"within ±{study.rope:g} {cited.cite(works.ROPE)}. Assumptions were checked with leave-one-out predictions "
        f"{cited.cite(works.LOO)} and quantile residuals {cited.cite(works.QUANTILE_RESIDUALS)}. Power-scaling "
        f"{cited.cite(works.POWER_SCALING)} with a threshold of {SENSITIVE:g} {finding}."
    )


def _results(study: Study, cited: Bibliography) -> str:
    draws = study.slopes[0].draws.size
    said = []
    for slope in study.slopes:
        above = float((slope.draws > 0).mean())
        inside = float((np.abs(slope.draws) < study.rope).mean())
        said.append(
            f"{sentence(study, slope).striptags()} Its slope was {'positive' if above >= HALF else 'negative'} with "
            f"probability {probability(max(above, 1.0 - above), draws)}, and in the region of practical equivalence "
            f"with probability {probability(inside, draws)}."
        )
    factors = []
    for term in study.terms:
        log, reliable = own_bayes_factor(study, term)
        factors.append(f"{factor(log)} for {term}{'' if reliable else ' (not reliable)'}")
    return (
        f"{' '.join(said)} The Bayes factor of an association against none, at the priors stated, was {_and(factors)}. "
        "These are statements of association; they do not say what would change if the predictor were changed."
    )
