"""The methods paragraph of a stability study, written from the fit."""

from bayesrg.inference.provenance import read_json
from bayesrg.inference.variances import IndependentSds
from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Section, count, split_last
from bayesrg.reporting.checks import SENSITIVE, power_scale
from bayesrg.reporting.record import methods
from bayesrg.reporting.references import Bibliography
from bayesrg.reporting.stability.study import Study, StudyDesign, display
from bayesrg.reporting.stability.verdict import exceedances
from bayesrg.reporting.stated_priors import plain

SCALES = {
    "z_score": "Values were standardised",
    "log": "Values were log-transformed and standardised",
    "rank_normal": "Values were replaced by normal scores of their ranks",
}
NESTING = {
    "nested": "nested in subjects",
    "crossed": "crossed with subjects",
    "visit": "nested in subjects and scanners",
}


def describe_methods(study: Study) -> Section:
    """The section with the methods and results text, and its references."""
    cited = Bibliography()
    paragraphs = [_warning(study)] if study.fit.failed else []
    paragraphs += [_design(study, cited), _inference(study, cited), _results(study, cited)]
    return methods(paragraphs, cited.works)


def _warning(study: Study) -> str:
    return f"{study.fit.verdict}. This text must not be published as it is."


def _design(study: Study, cited: Bibliography) -> str:
    fit = study.fit
    dropped = sum(read_json(fit.data.attrs, "dropped").values())
    effects = [display(name) for name in study.layout.components]
    sessions = f", sessions {NESTING[study.session_design]}" if "session" in study.components else ""
    unit = f" (in {study.unit})" if study.unit else ""
    left_out = (
        f"; {count(dropped, 'row')} without a value {'was' if dropped == 1 else 'were'} left out" if dropped else ""
    )
    transformation = str(fit.data.attrs["transformation"])
    scale = SCALES[transformation] + within(study)
    if transformation == "log":
        scale += f" {cited.cite(works.BLAND_ALTMAN)}"
    return (
        f"The stability of the radiomic feature {study.feature}{unit} was estimated with a Bayesian variance "
        f"components model in bayesrg {fit.versions['bayesrg']}. There were {study.measured_by}{sessions}{left_out}. "
        f"{scale}. The model has independent Gaussian random effects of {' and '.join(split_last(effects))}, and a "
        f"residual. Priors on the model’s scale were {describe_priors(study)}."
    )


def describe_priors(study: StudyDesign) -> str:
    """The priors of a total and its shares, or of each component's sd, as a phrase."""
    chosen = study.fit.model.priors
    said = [f"{plain(chosen.mu)} on the mean"]
    if isinstance(chosen.variances, IndependentSds):
        said.append(f"{plain(chosen.variances.sd)} on each standard deviation")
    else:
        said += [
            f"{plain(chosen.variances.total_sd)} on the total standard deviation",
            f"{plain(chosen.variances.signal_share)} on the subjects’ share of the total variance",
        ]
        if len(study.components) > 2:
            said.append(
                f"a symmetric {plain(chosen.variances.error_shares)} on the shares of the other components in the rest"
            )
    if study.calibrated:
        said.append(f"{plain(chosen.log_scale)} on the log scale of each {study.calibrated} (summing to zero)")
    return " and ".join(split_last(said))


def within(study: StudyDesign) -> str:
    """Where levels of a facet have scales of their own: what was done about it, to follow the transformation."""
    if not study.calibrated:
        return ""
    return f" within each {study.calibrated}, whose location and scale the model estimates"


def _inference(study: Study, cited: Bibliography) -> str:
    fit = study.fit
    worst = {check.name: check.value for check in fit.diagnosis.checks}
    divergences = int(worst["divergences"])
    moved = power_scale(fit, ["icc"])["prior"].to_numpy() >= SENSITIVE
    sensitive = [name for name, strong in zip(study.partitions, moved, strict=True) if strong]
    finding = (
        f"found the intraclass correlation sensitive to the prior for {' and '.join(split_last(sensitive))}"
        if sensitive
        else "found no intraclass correlation sensitive to the prior"
    )
    return (
        f"The mean and the random effects were integrated out analytically; the {len(study.components)} variances "
        f"were sampled with the No-U-Turn sampler {cited.cite(works.NUTS)} (nutpie {fit.versions['nutpie']}, PyMC "
        f"{fit.versions['pymc']} {cited.cite(works.PYMC)}; {fit.sampler['chains']} chains of {fit.sampler['draws']} "
        f"draws after {fit.sampler['tune']} warm-up draws, seed {fit.sampler['seed']}), and the effects were then "
        "drawn from their exact conditional posterior. Over all quantities, rank-normalised R-hat "
        f"{cited.cite(works.R_HAT)} was at most {worst['R-hat']:.3f}, bulk and tail effective sample sizes were at "
        f"least {worst['bulk ESS']:.0f} and {worst['tail ESS']:.0f}, and {'no' if divergences == 0 else divergences} "
        f"transitions diverged (ArviZ {fit.versions['arviz']} {cited.cite(works.ARVIZ)}). Power-scaling "
        f"{cited.cite(works.POWER_SCALING)} with a threshold of {SENSITIVE:g} {finding}."
    )


def _results(study: Study, cited: Bibliography) -> str:
    fit = study.fit
    text = (
        f"Intraclass correlations followed generalisability theory {cited.cite(works.BRENNAN, works.SHROUT_FLEISS)}; "
        "as posterior means (95 % equal-tailed credible intervals; posterior probabilities) they were: "
        f"{'; '.join(_icc(study, condition) for condition in study.partitions)}."
    )
    said = []
    for name, words in (("rc", "repeatability coefficient"), ("rdc", "reproducibility coefficient")):
        if name in fit.estimands and study.calibrated not in fit.estimands[name].dims:
            found = fit.estimate(name)
            said.append(f"the {words} was {found.value} ({found.bounds})")
        elif f"{name}_lower" in fit.estimands and study.calibrated not in fit.estimands[f"{name}_lower"].dims:
            down, up = fit.estimate(f"{name}_lower"), fit.estimate(f"{name}_upper")
            said.append(f"the {words} was {down.bare} % ({down.bounds}) to +{up.bare} % ({up.bounds})")
    if said:
        text += f" By QIBA’s definitions {cited.cite(works.RAUNIG)}, {' and '.join(said)}."
    return text


def _icc(study: Study, condition: str) -> str:
    found = study.fit.estimate("icc", condition)
    return f"{condition} {found.bare} ({found.bounds}; {exceedances(study, condition).replace('; ', ', ')})"
