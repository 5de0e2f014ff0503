"""The model in mathematics and in words: only what this fit has."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from bayesrg.reporting import mathematics as mathml
from bayesrg.reporting import references as works
from bayesrg.reporting.association.legend import legend
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Prose, Section, fill, listed, prose
from bayesrg.reporting.mathematics import number, row, sign, subscript, superscript, symbol, word
from bayesrg.reporting.stated_priors import named

ALPHA, ETA = symbol("α"), subscript(symbol("η"), symbol("i"))
Y = subscript(symbol("y"), symbol("i"))
AT_MOST = row(word("P"), sign("("), subscript(symbol("c"), symbol("i")), sign("≤"), symbol("j"), sign(")"))
LATENT = row(subscript(ALPHA, symbol("j")), sign("−"), ETA)

WORDS: Mapping[str, str] = {
    "gaussian": "A linear regression with normal errors. One outlier can move it; compare the robust and the rank "
    "model.",
    "student_t": "A linear regression with Student’s t errors: patients far from the line count less, and the data say "
    "how heavy the tails are.",
    "bernoulli": "A logistic regression: each step of the predictor multiplies the odds of the event by the same "
    "factor.",
    "ordinal": "A cumulative logit model with proportional odds: each step of the predictor multiplies the odds of a "
    "category above any cut by the same factor exp(β). With the minus sign a positive slope means higher categories.",
    "ordinal, free": "A cumulative logit model whose slopes differ by cut, so that proportional odds need not hold; "
    "the exponential keeps the cumulative probabilities in their order.",
    "rank": "A cumulative probit model with one category for each distinct value: it knows the order of the outcome "
    "and not its distances, so no transformation of the outcome changes the answer. It is the Bayesian counterpart of "
    "Wilcoxon’s rank-sum test, with covariates.",
    "categorical": "A multinomial (softmax) regression: the categories have no order. Coefficients add up to zero over "
    "the categories, so that none is special, and are read as log odds between two of them.",
    "negative_binomial": "A regression of counts: each step of the predictor multiplies the expected count by the same "
    "factor, and rates vary between patients more than chance alone (coefficient of variation κ).",
}


def model(study: Study) -> Section:
    """The section on the model."""
    key = study.family if study.proportional else "ordinal, free"
    source = {
        "ordinal": works.PROPORTIONAL_ODDS.link("McCullagh 1980"),
        "ordinal, free": works.PROPORTIONAL_ODDS.link("McCullagh 1980"),
        "rank": works.CUMULATIVE_PROBIT.link("Liu et al. 2017"),
    }.get(key)
    words = fill("{words} ({source})", words=WORDS[key], source=source) if source else Markup(WORDS[key])
    return Section(
        "model",
        "The model",
        [
            prose("{words}", words=words),
            Prose(mathml.display(*LIKELIHOODS[key](study), _predictor(study), *_priors(study))),
            listed(legend(study)),
        ],
    )


def _apply(name: str, inside: Markup) -> Markup:
    return row(word(f"{name} "), inside)


def _drawn(value: Markup, name: str, *arguments: Markup) -> Markup:
    return row(value, sign("∼"), word(name), sign("("), mathml.joined(arguments, ","), sign(")"))


def _ordinal_free(study: Study) -> list[Markup]:
    theta, alpha = symbol("θ"), ALPHA
    before = row(symbol("j"), sign("−"), number("1"))
    gap = row(sign("("), subscript(alpha, symbol("j")), sign("−"), subscript(alpha, before), sign(")"))
    bend = superscript(
        symbol("e"), row(sign("−"), subscript(symbol("δ"), symbol("j")), subscript(symbol("x"), symbol("i")))
    )
    at = subscript(theta, row(symbol("i"), symbol("j")))
    first = subscript(theta, row(symbol("i"), number("1")))
    return [
        row(_apply("logit", AT_MOST), sign("="), at),
        row(first, sign("="), subscript(alpha, number("1")), sign("−"), ETA),
        row(at, sign("="), subscript(theta, row(symbol("i"), sign(","), before)), sign("+"), gap, bend),
    ]


def _categorical(study: Study) -> list[Markup]:
    k = symbol("k")
    mean = row(subscript(ALPHA, k), sign("+"), subscript(symbol("η"), row(symbol("i"), k)))
    chance = row(word("P"), sign("("), Y, sign("="), k, sign(")"))
    return [
        row(chance, sign("∝"), superscript(symbol("e"), mean)),
        row(mathml.total(k, subscript(symbol("β"), k)), sign("="), number("0")),
    ]


def _counts(study: Study) -> list[Markup]:
    mu = subscript(symbol("μ"), symbol("i"))
    squared = superscript(row(sign("("), symbol("κ"), mu, sign(")")), number("2"))
    return [
        row(Y, sign("∼"), word("NegBin"), word(" with mean "), mu, word(" and variance "), mu, sign("+"), squared),
        row(_apply("log", mu), sign("="), subscript(word("offset"), symbol("i")), sign("+"), ALPHA, sign("+"), ETA),
    ]


LIKELIHOODS: Mapping[str, Callable[[Study], list[Markup]]] = {
    "gaussian": lambda _: [_drawn(Y, "Normal", row(ALPHA, sign("+"), ETA), symbol("σ"))],
    "student_t": lambda _: [_drawn(Y, "StudentT", symbol("ν"), row(ALPHA, sign("+"), ETA), symbol("σ"))],
    "bernoulli": lambda _: [
        row(
            _apply("logit", row(word("P"), sign("("), Y, sign("="), number("1"), sign(")"))),
            sign("="),
            ALPHA,
            sign("+"),
            ETA,
        )
    ],
    "ordinal": lambda _: [row(_apply("logit", AT_MOST), sign("="), LATENT)],
    "ordinal, free": _ordinal_free,
    "rank": lambda _: [row(_apply("probit", AT_MOST), sign("="), LATENT)],
    "categorical": _categorical,
    "negative_binomial": _counts,
}


def _predictor(study: Study) -> Markup:
    """The linear predictor, with a sum where there are several terms."""
    own = [symbol("k")] if study.family == "categorical" else []
    parts = [_sum("β", "x", "t", len(study.terms), own)]
    if study.covariates:
        parts.append(_sum("γ", "z", "c", len(study.covariates), own))
    for name in study.groups:
        level = row(word(name), sign("["), symbol("i"), sign("]"))
        parts.append(subscript(symbol("u"), row(level, *([sign(","), *own] if own else []))))
    left = subscript(symbol("η"), row(symbol("i"), *own))
    return row(left, sign("="), mathml.joined(parts, "+"))


def _sum(coefficient: str, column: str, index: str, size: int, own: list[Markup]) -> Markup:
    if size == 1:
        slope = subscript(symbol(coefficient), own[0]) if own else symbol(coefficient)
        return row(slope, subscript(symbol(column), symbol("i")))
    slope = subscript(symbol(coefficient), row(symbol(index), *own))
    return mathml.total(symbol(index), row(slope, subscript(symbol(column), row(symbol("i"), symbol(index)))))


def _priors(study: Study) -> list[Markup]:
    family = study.fit.model.family
    greek = {"beta": "β", "gamma": "γ", "sigma": "σ", "nu": "ν", "rate_cv": "κ", "delta": "δ"}
    kept = [name for name in greek if name in study.posterior and hasattr(family, name)]
    between = word(" between any two categories") if study.family == "categorical" else Markup("")
    lines = [row(symbol(greek[name]), between, sign("∼"), named(getattr(family, name))) for name in kept]
    if "alpha" in study.posterior and hasattr(family, "alpha"):
        lines.insert(0, row(ALPHA, between, sign("∼"), named(family.alpha)))
    if hasattr(family, "probability"):
        parts = named(family.probability, parts=len(study.categories))
        lines.insert(0, row(word("probabilities of the categories where η = 0"), sign("∼"), parts))
    if study.groups:
        spread = symbol("τ")
        lines += [
            row(symbol("u"), sign("∼"), word("Normal"), sign("("), number("0"), sign(","), spread, sign(")")),
            row(spread, sign("∼"), named(family.group_sd), word(" for every group")),
        ]
    return lines
