"""Estimates of an association as a reader quotes them: ratios by their medians, all others by their means."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from bayesrg.reporting.association.study import Slope, Study
from bayesrg.reporting.blocks import breakable, fill
from bayesrg.reporting.rounding import SUPERSCRIPTS, interval, probability, significant

RATIOS = ("odds_ratio", "rate_ratio", "geometric_mean_ratio")
HALF = 0.5
# Beyond ten to this power a Bayes factor is printed as a power of ten alone.
LARGEST_POWER = 6.0


@dataclass(frozen=True)
class Quantity:
    """A posterior in three numbers, and as they are printed; `above` is the share of draws above `null`."""

    middle: float
    lower: float
    upper: float
    value: str
    bounds: str
    null: float
    above: float


def quantity(study: Study, name: str, *labels: str) -> Quantity:
    """An estimand's quantity: the mean with its interval, rounded to Monte Carlo error; of a ratio the median."""
    estimand = study.fit.estimands[name]
    dims = [dim for dim in estimand.dims if dim not in ("chain", "draw")]
    draws = estimand.sel(dict(zip(dims, _as_coordinates(study, name, labels), strict=True))).values.ravel()
    null = 1.0 if name in RATIOS else 0.5 if name == "probability_of_superiority" else 0.0
    above = float((draws > null).mean())
    if name in RATIOS:
        lower, middle, upper = (float(x) for x in np.quantile(draws, [0.025, 0.5, 0.975]))
        return Quantity(middle, lower, upper, ratio_text(middle), ratio_bounds(lower, upper), null, above)
    found = study.fit.estimate(name, *labels) if labels else study.fit.estimate(name)
    return Quantity(found.mean, found.lower, found.upper, found.bare, found.bounds, null, above)


def ratio_bounds(lower: float, upper: float) -> str:
    """The interval of a ratio."""
    return f"{ratio_text(lower)}–{ratio_text(upper)}"


def ratio_text(ratio: float) -> str:
    """A ratio with three digits, or, near one, with two digits of what it differs from one by."""
    away = abs(ratio - 1.0)
    if not 0.0 < away < 0.01:
        return significant(ratio)
    return f"{ratio:.{min(12, 1 - int(np.floor(np.log10(away))))}f}"


def slope_quantity(slope: Slope) -> Quantity:
    """A slope's posterior mean and interval, on the model's scale."""
    lower, upper = (float(x) for x in np.quantile(slope.draws, [0.025, 0.975]))
    middle, finest = float(slope.draws.mean()), float(slope.draws.std()) / 35.4
    bounds = interval(lower, upper, finest)
    return Quantity(middle, lower, upper, significant(middle), bounds, 0.0, float((slope.draws > 0).mean()))


def factor(log: float) -> str:
    """A Bayes factor from its natural logarithm."""
    power = log / np.log(10.0)
    if abs(power) <= LARGEST_POWER:
        return significant(float(np.exp(log)))
    return f"10{str(round(power)).translate(SUPERSCRIPTS)}"


def reading(log: float) -> str:
    """What a Bayes factor says, in words."""
    if abs(log) < np.log(3.0):
        return "hardly evidence either way"
    return "for an association" if log > 0 else f"{factor(-log)} to one for none"


def direction(draws: np.ndarray) -> str:
    """The more probable sign with its probability: ``positive with probability 0.998``."""
    above = float((draws > 0).mean())
    sign, chance = ("positive", above) if above >= HALF else ("negative", 1.0 - above)
    return f"{sign} with a probability of {probability(chance, draws.size)}"


def sentence(study: Study, slope: Slope) -> Markup:
    """One slope's effect in its most readable step, with its 95 % interval."""
    term, step = slope.term, study.step(slope.term)
    said = fill("<b>{step}</b>", step=capital(study.describe_step(term)))
    outcome = breakable(study.outcome)
    if study.family == "rank":
        return _superiority(study, term)
    if study.continuous and study.transformation.name != "log":
        found = quantity(study, "effect", term, step)
        unit = study.unit if study.transformation.has_units else "normal scores"
        return fill(
            "{said} goes with {outcome} that is {value}{unit} {higher} (95 % interval {bounds}).",
            said=said,
            outcome=outcome,
            value=Markup("<b>{}</b>").format(found.value.removeprefix("−")),
            unit=f" {unit}" if unit else "",
            higher="higher" if found.middle >= 0 else "lower",
            bounds=found.bounds,
        )
    what = {
        "gaussian": fill("a geometric mean of {outcome}", outcome=outcome),
        "student_t": fill("a geometric mean of {outcome}", outcome=outcome),
        "bernoulli": fill("odds of {event}", event=study.event if study.family == "bernoulli" else ""),
        "ordinal": fill("odds of a higher {outcome}", outcome=outcome),
        "categorical": Markup(""),
        "negative_binomial": fill("an expected count of {outcome}", outcome=outcome),
    }[study.family]
    if slope.part and study.family == "ordinal":
        what = fill("odds of {outcome} above the cut {part}", outcome=outcome, part=slope.part.replace("|", " | "))
    elif slope.part:
        part = slope.part.replace(" / ", " rather than ")
        what = fill("odds of {outcome} being {part}", outcome=outcome, part=part)
    return fill(
        "{said} goes with {what} that {are} <b>{value}</b> times as high (95 % interval {bounds}).",
        said=said,
        what=what,
        are="are" if "odds" in what else "is",
        **_ratio(study, slope),
    )


def _ratio(study: Study, slope: Slope) -> dict[str, str]:
    name = next((name for name in RATIOS if name in study.fit.estimands), "")
    if not name:
        lower, middle, upper = (float(x) for x in np.exp(np.quantile(slope.draws, [0.025, 0.5, 0.975])))
        return {"value": significant(middle), "bounds": ratio_bounds(lower, upper)}
    labels = (slope.term, study.step(slope.term), *([slope.part] if slope.part else []))
    found = quantity(study, name, *labels)
    return {"value": found.value, "bounds": found.bounds}


def _superiority(study: Study, term: str) -> Markup:
    found = quantity(study, "probability_of_superiority", term)
    low, high = study.levels(term)
    ends = (
        f"{term} {low}, the other {high}"
        if study.two_valued(term)
        else f"{term} at its lower quartile ({low}), the other at its upper one ({high})"
    )
    return fill(
        "Of two patients, one with <b>{ends}</b>, the second has the higher {outcome} with a probability of "
        "<b>{value}</b> (95 % interval {bounds}; ties count half, and 0.5 is no association).",
        ends=ends,
        outcome=breakable(study.outcome),
        value=found.value,
        bounds=found.bounds,
    )


def sureness(study: Study, slope: Slope) -> Markup:
    """A slope's direction, and the probability that it is practically nil."""
    inside = float((np.abs(slope.draws) < study.rope).mean())
    return fill(
        "The slope is {direction}, and practically nil (within ±{rope:g}) with a probability of {inside}.",
        direction=direction(slope.draws),
        rope=study.rope,
        inside=probability(inside, slope.draws.size),
    )


def evidence_sentence(study: Study, term: str) -> Markup:
    """The Bayes factor of a term with its prior."""
    log, reliable = own_bayes_factor(study, term)
    several = sum(slope.term == term for slope in study.slopes) > 1
    return fill(
        "The Bayes factor of {term} is <b>{factor}</b> ({words}{doubt}){together}, if the slope was Normal(0, {sd:g}) "
        'before the data; <a href="#evidence">see how it depends on that</a>.',
        term=breakable(term),
        factor=factor(log),
        words=reading(log),
        doubt="" if reliable else "; its size is not reliable: Pareto k above 0.7",
        together=", all its slopes against none" if several else "",
        sd=study.fit.model.family.beta.arguments["sigma"],
    )


def own_bayes_factor(study: Study, term: str) -> tuple[float, bool]:
    """Log Bayes factor of a term at the fit's own prior, and whether its weights can be trusted."""
    own = study.bayes_factors.sel(term=term, prior_scale=1.0)
    return float(own["log_bayes_factor"]), bool(own["pareto_k"] <= 0.7)


def capital(text: str) -> str:
    """The text with a capital."""
    return text[:1].upper() + text[1:]


def _as_coordinates(study: Study, name: str, labels: tuple[str, ...]) -> list[object]:
    """Labels as the estimand's coordinates have them, which may be numbers."""
    estimand = study.fit.estimands[name]
    dims = [str(dim) for dim in estimand.dims if dim not in ("chain", "draw")]
    return [
        next(value for value in estimand[dim].values if str(value) == label)
        for dim, label in zip(dims, labels, strict=True)
    ]
