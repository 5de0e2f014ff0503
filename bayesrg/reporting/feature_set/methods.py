"""The methods paragraph of a stability study of many features, written from the fit."""

from bayesrg.inference.diagnosis import IMPORTANCE
from bayesrg.inference.provenance import read_json
from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Section, count, split_last
from bayesrg.reporting.feature_set.model import all_priors_in_words
from bayesrg.reporting.feature_set.study import FeatureSet, count_features
from bayesrg.reporting.record import methods
from bayesrg.reporting.references import Bibliography
from bayesrg.reporting.stability.methods import NESTING, within
from bayesrg.reporting.stability.study import display

SCALES = {
    "z_score": "Values were standardised feature by feature",
    "log": "Values were log-transformed and standardised feature by feature",
    "rank_normal": "Values were replaced by normal scores of their ranks, feature by feature",
}


def describe_methods(study: FeatureSet) -> Section:
    """The section with the methods and results text, and its references."""
    cited = Bibliography()
    paragraphs = [f"{study.fit.verdict}. This text must not be published as it is."] if study.fit.failed else []
    paragraphs += [_design(study, cited), _inference(study, cited), _results(study, cited)]
    return methods(paragraphs, cited.works)


def _design(study: FeatureSet, cited: Bibliography) -> str:
    fit = study.fit
    dropped = sum(read_json(fit.data.attrs, "dropped").values())
    effects = [display(name) for name in study.layout.components]
    sessions = f", sessions {NESTING[study.session_design]}" if "session" in study.components else ""
    rows = f"; {count(dropped, 'row')} {'was' if dropped == 1 else 'were'} left out" if dropped else ""
    lacking = int((study.missing > 0).sum())
    gaps = (
        f" {count_features(lacking)} lacked a value in some rows and {'was' if lacking == 1 else 'were'} fitted to the "
        "others."
        if lacking
        else ""
    )
    out = len(study.left_out)
    left = (
        f" {count_features(out)} that could not be modelled (constant, or too few values) "
        f"{'was' if out == 1 else 'were'} left out."
        if out
        else ""
    )
    scale = SCALES[str(fit.data.attrs["transformation"])] + within(study)
    if fit.data.attrs["transformation"] == "log":
        scale += f" {cited.cite(works.BLAND_ALTMAN)}"
    families = ", ".join(study.family_names[:12])
    pooling = (
        "The variances of the features of a family had a common distribution (partial pooling), so that features "
        "informed each other. "
        if study.pooled
        else ""
    )
    return (
        f"The stability of {count_features(study.n_features).replace('feature', 'radiomic feature')} "
        f"({families}) was estimated with Bayesian variance components models in bayesrg {fit.versions['bayesrg']}. "
        f"There were {study.measured_by}{sessions}{rows}.{gaps}{left} {scale}. Each feature’s model has independent "
        f"Gaussian random effects of {' and '.join(split_last(effects))}, and a residual. {pooling}Priors on the "
        f"model’s scale were {all_priors_in_words(study)}."
    )


def _inference(study: FeatureSet, cited: Bibliography) -> str:
    fit = study.fit
    worst = {check.name: check.value for check in fit.diagnosis.checks}
    start = "The mean and the random effects of every feature were integrated out analytically. "
    if study.pooled:
        return (
            f"{start}The variances were sampled jointly with {_nuts(study, cited)}; {fit.sampler['chains']} chains of "
            f"{fit.sampler['draws']} draws after {fit.sampler['tune']} warm-up draws, seed {fit.sampler['seed']}). "
            f"Rank-normalised R-hat {cited.cite(works.R_HAT)} was at most {worst['R-hat']:.3f}, bulk and tail "
            f"effective sample sizes were at least {worst['bulk ESS']:.0f} and {worst['tail ESS']:.0f}, and "
            f"{worst['divergences']:.0f} transitions diverged."
        )
    found = fit.tree["sample_stats"].to_dataset()["method"].values.astype(str)
    important = int((found == IMPORTANCE).sum())
    kept = f"{fit.sampler['chains'] * fit.sampler['draws']:,} draws, seed {fit.sampler['seed']}"
    said = []
    if important:
        said.append(
            f"of {count_features(important)} the variances were sampled by adaptive importance sampling with "
            f"Pareto-smoothed weights {cited.cite(works.PSIS)} ({kept}; Pareto k at most {worst['Pareto k']:.2f}, "
            f"effective sample size at least {worst['importance ESS']:.0f})"
        )
    if important < found.size:
        whose = " whose Pareto k or effective sample size was not good enough" if important else ""
        said.append(
            f"of {count_features(found.size - important)}{whose} they were sampled, feature by feature, "
            f"with {_nuts(study, cited)}; rank-normalised R-hat "
            f"{cited.cite(works.R_HAT)} at most {worst['R-hat']:.3f}, {worst['divergences']:.0f} divergent transitions)"
        )
    sentence = " and ".join(said)
    return start + sentence[:1].upper() + sentence[1:] + "."


def _nuts(study: FeatureSet, cited: Bibliography) -> str:
    """The sampler and its software, with a bracket that stays open for what follows."""
    versions = study.fit.versions
    sampler = f"the No-U-Turn sampler {cited.cite(works.NUTS)}"
    return f"{sampler} (nutpie {versions['nutpie']}, PyMC {versions['pymc']} {cited.cite(works.PYMC)}"


def _results(study: FeatureSet, cited: Bibliography) -> str:
    kept = int(study.kept.sum())
    removed = study.n_features - kept
    icc = study.estimates["icc"]["mean"]
    medians = "; ".join(
        f"{name} {float(icc.sel(condition=name).median()):.2f} "
        f"({float(icc.sel(condition=name).quantile(0.25)):.2f}–{float(icc.sel(condition=name).quantile(0.75)):.2f})"
        for name in study.conditions
    )
    return (
        f"Intraclass correlations followed generalisability theory {cited.cite(works.BRENNAN, works.SHROUT_FLEISS)}. "
        f"Medians (quartiles) over the features of the posterior means were: {medians}. A feature was kept if "
        f"{study.rule_in_words}: {count_features(kept)} {'was' if kept == 1 else 'were'} kept and {removed:,} removed "
        "(list with probabilities in the supplement)."
    )
