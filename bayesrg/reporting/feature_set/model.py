"""The model of many features: the same for each, alone or in a family whose features inform each other."""

from markupsafe import Markup

from bayesrg.models.pooled_stability import Hierarchy
from bayesrg.prior import Prior
from bayesrg.reporting import mathematics as mathml
from bayesrg.reporting.blocks import Block, Section, prose, split_last
from bayesrg.reporting.feature_set.study import FeatureSet
from bayesrg.reporting.mathematics import number, row, sign, subscript, symbol, word
from bayesrg.reporting.stability.description import structure
from bayesrg.reporting.stability.methods import describe_priors
from bayesrg.reporting.stability.priors import stated_priors
from bayesrg.reporting.stated_priors import named, plain


def model(study: FeatureSet) -> Section:
    """The section on the model."""
    blocks: list[Block] = [
        prose(
            "On the model’s scale {scale}, and every feature has the model below with parameters of its own. {joined}",
            scale=study.described_scale,
            joined="Features of a family inform each other: their variances come from a common distribution, so that "
            "what a small study says of one feature is weighed against what it says of its family (partial pooling)."
            if study.pooled
            else "Features are fitted one by one: none informs another.",
        ),
        *structure(study, _hierarchy(study) if study.pooled else None),
    ]
    return Section("model", "The model", blocks)


def all_priors(study: FeatureSet) -> list[tuple[str, Prior]]:
    """Each prior with the quantity it is on."""
    chosen = study.fit.model.priors
    if not isinstance(chosen, Hierarchy):
        return stated_priors(study)
    return [
        ("the mean of each feature", chosen.mu),
        ("a family’s centre of the log total variance", chosen.total),
        ("a family’s centre of the logit of the subject’s share", chosen.signal),
        ("a family’s centre of log(error component / residual)", chosen.error),
        ("the sd of each of the last two among the features of a family", chosen.spread),
    ]


def all_priors_in_words(study: FeatureSet) -> str:
    """The priors as a phrase."""
    if not isinstance(study.fit.model.priors, Hierarchy):
        return describe_priors(study)
    return " and ".join(split_last([f"{plain(prior)} on {quantity}" for quantity, prior in all_priors(study)]))


def _hierarchy(study: FeatureSet) -> list[Markup]:
    """The priors of a pooled model: coordinates of each feature from its family's distribution."""
    priors: Hierarchy = study.fit.model.priors
    coordinate = subscript(symbol("θ"), row(symbol("f"), symbol("q")))
    centre, spread = subscript(symbol("c"), symbol("q")), subscript(symbol("τ"), symbol("q"))
    squared = mathml.both(symbol("τ"), symbol("q"), number("2"))
    drawn = row(word(" ∼ Normal"), sign("("), centre, sign(","), squared, sign(")"))
    return [
        row(symbol("μ"), sign("∼"), named(priors.mu)),
        row(word("coordinate "), symbol("q"), word(" of feature "), symbol("f"), sign(":"), coordinate, drawn),
        row(word("log total variance: "), centre, sign("∼"), named(priors.total)),
        row(word("logit of the subject’s share: "), centre, sign("∼"), named(priors.signal)),
        row(word("log(component / residual): "), centre, sign("∼"), named(priors.error)),
        row(spread, sign("∼"), named(priors.spread)),
        row(word("of the log total variance "), spread, sign("="), number(f"{priors.total_spread:g}")),
    ]
