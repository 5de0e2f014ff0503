"""The methods paragraph of a multi-region fit, written from the fit."""

from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Section, count, split_last
from bayesrg.reporting.multi_region.kinds import any_above
from bayesrg.reporting.multi_region.left_out import LeftOut
from bayesrg.reporting.multi_region.priors import stated_priors
from bayesrg.reporting.multi_region.study import Study
from bayesrg.reporting.multi_region.verdict import excludes_zero
from bayesrg.reporting.record import methods
from bayesrg.reporting.references import Bibliography
from bayesrg.reporting.rounding import probability
from bayesrg.reporting.stated_priors import plain

SPACES = {
    "matern12": "a Matérn process of smoothness 1/2 over distances in mm",
    "matern32": "a Matérn process of smoothness 3/2 over distances in mm",
    "matern52": "a Matérn process of smoothness 5/2 over distances in mm",
    "graph": "a process over the graph of neighbouring regions (BYM2)",
    "exchangeable": "independent deviations of regions",
}
MOST_NAMED = 6


def describe_methods(study: Study, left_out: dict[str, LeftOut]) -> Section:
    """The section with the methods and results text, and its references."""
    cited = Bibliography()
    warning = [f"{study.fit.verdict}. This text must not be published as it is."] if study.fit.failed else []
    texts = [_model(study, cited), _inference(study, cited), _results(study, left_out, cited)]
    return methods([*warning, *texts], cited.works)


def _and(words: list[str]) -> str:
    return " and ".join(split_last(words))


def _model(study: Study, cited: Bibliography) -> str:
    dropped = sum(study.dropped.values())
    left_out = f" ({count(dropped, 'row')} left out for missing values)" if dropped else ""
    how = {
        "z_score": "standardised",
        "log": "log-transformed and standardised",
        "rank_normal": "replaced by normal scores",
    }
    space = SPACES[study.model.spatial]
    if study.model.spatial == "graph":
        space += f" {cited.cite(works.BYM2)}"
    elif study.matern:
        space += f" {cited.cite(works.MATERN)}"
    within = (
        f" Tumours’ means of the genes had slopes of their own, so that average coefficients are slopes within tumours "
        f"{cited.cite(works.MUNDLAK)}."
        if study.model.contextual
        else ""
    )
    formula = study.data.attrs["formula"]
    adjusted = [f"the covariates {formula}"] if formula else []
    adjusted += ["batches"] if study.data.sizes["level"] else []
    adjust = f" The mean also held {_and(adjusted)}." if adjusted else ""
    residual = (
        f"a full residual covariance over features, with an LKJ({study.model.priors.residual_correlation:g}) prior on "
        f"its correlations {cited.cite(works.LKJ)}, and sds of links that features share"
        if study.model.residual == "correlated"
        else "residuals independent over features, and sds of its own for each link, partially pooled"
    )
    stated = [f"{plain(prior)} on the {name}" for name, prior in stated_priors(study)]
    return (
        f"{count(len(study.features), 'image feature')} of {count(study.n_regions, 'region')} of "
        f"{count(study.n_tumors, 'tumour')} of {count(study.n_patients, 'patient')}{left_out} were related to "
        f"{count(len(study.genes), 'gene')} by a Bayesian linear model with varying coefficients "
        f"{cited.cite(works.VARYING_COEFFICIENTS)} in bayesrg {study.fit.versions['bayesrg']}. Coefficients varied "
        f"between tumours, and within them as {space}; the intercept varied alike with variances of its own, so that "
        f"variation of the image alone is not taken for variation of links. The model had {residual}.{within}{adjust} "
        f"Features were {how[study.data.attrs['transformation']]}; genes were standardised, those with two values "
        f"centred. Priors were {_and(stated)}."
    )


def _inference(study: Study, cited: Bibliography) -> str:
    fit = study.fit
    worst = {check.name: check.value for check in fit.diagnosis.checks}
    diverged = int(worst["divergences"])
    return (
        "Average coefficients and all effects were integrated out of the sampled density and drawn back from their "
        f"exact posterior. The variances were sampled with the No-U-Turn sampler {cited.cite(works.NUTS)} (nutpie "
        f"{fit.versions['nutpie']}, PyMC {fit.versions['pymc']} {cited.cite(works.PYMC)}; {fit.sampler['chains']} "
        f"chains of {fit.sampler['draws']} draws after {fit.sampler['tune']} warm-up draws, seed "
        f"{fit.sampler['seed']}). Rank-normalised R-hat {cited.cite(works.R_HAT)} was at most {worst['R-hat']:.3f}, "
        f"bulk and tail effective sample sizes were at least {worst['bulk ESS']:.0f} and {worst['tail ESS']:.0f}, and "
        f"{diverged or 'no'} transitions diverged (ArviZ {fit.versions['arviz']} {cited.cite(works.ARVIZ)}). "
        f"Predictions were checked by leaving out each region, and each tumour {cited.cite(works.BLOCKED_VALIDATION)}, "
        f"with Pareto-smoothed importance sampling {cited.cite(works.PSIS)}, and sensitivity to the priors by "
        f"power-scaling {cited.cite(works.POWER_SCALING)}."
    )


def _results(study: Study, left_out: dict[str, LeftOut], cited: Bibliography) -> str:
    sure, draws, delta = excludes_zero(study), study.fit.n_draws, study.model.delta
    named = [
        f"{link.gene} with {link.feature} ({study.estimate('B_0', link).bare}, {study.estimate('B_0', link).bounds})"
        for link in sure[:MOST_NAMED]
    ]
    more = f" and {len(sure) - MOST_NAMED} more" if len(sure) > MOST_NAMED else ""
    links = f": {_and(named)}{more}" if named else ""
    whole, within, between = any_above(study)
    first = study.varying[0]
    share = study.estimate("heterogeneity", first)
    cover = _and(
        [f"{100 * float(one.inside(0.95).mean()):.0f} % for a {name} left out" for name, one in left_out.items()]
    )
    return (
        f"Of {count(len(study.links), 'link')} the 95 % interval of the average coefficient excluded zero in "
        f"{len(sure)}{links}. The variation of at least one link made up more than {delta:g} of its feature’s variance "
        f"with probability {probability(whole, draws)} (within tumours {probability(within, draws)}, between tumours "
        f"{probability(between, draws)}); it was largest for {first.gene} with {first.feature} ({share.bare} of the "
        f"variance, 95 % interval {share.bounds}). Variances of observed regions are those of the finite population "
        f"{cited.cite(works.GELMAN_ANOVA)}. Coverage of 95 % predictive intervals was {cover}. These are statements of "
        "association; they do not say what would change if a genome were changed."
    )
