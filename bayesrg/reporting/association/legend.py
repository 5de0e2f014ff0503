"""What the letters of an association's model stand for in this fit."""

from markupsafe import Markup

from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import breakable, count, fill
from bayesrg.reporting.mathematics import fraction, inline, number, row, sign, subscript, symbol, word
from bayesrg.reporting.rounding import significant


def legend(study: Study) -> list[Markup]:
    """Each predictor with its scale, covariates, outcome, groups and weights, a line each."""
    scaled = []
    for place, term in enumerate(study.terms, start=1):
        x = symbol("i") if len(study.terms) == 1 else row(symbol("i"), number(str(place)))
        location, scale = (study.of_term(f"predictor_{name}", term) for name in ("location", "scale"))
        centre = sign("−" if location >= 0 else "+")
        above = row(word(term), centre, number(significant(abs(float(location)), 4)))
        value = above if float(scale) == 1 else fraction(above, number(significant(float(scale), 4)))
        scaled.append(
            fill("{x} is {value}", x=inline(subscript(symbol("x"), x)), value=inline(value))
            + (": centred, one step is the whole difference" if study.two_valued(term) else ": one step is one sd")
        )
    said = [Markup("{}.").format(one) for one in scaled]
    if study.covariates:
        said.append(
            fill("z: {n} of the formula <code>{formula}</code>, scaled by the same rule.", **_covariates(study))
        )
    if study.continuous:
        said.append(_outcome_scale(study))
    if study.groups:
        said.append(Markup("u: effects of groups, which draw towards zero where a level has few patients."))
    if study.weighted:
        said.append(Markup("The log likelihood of each row is multiplied by its weight."))
    return said


def _covariates(study: Study) -> dict[str, str]:
    return {"n": count(len(study.covariates), "column"), "formula": str(study.data.attrs["formula"])}


def _outcome_scale(study: Study) -> Markup:
    transformation = study.transformation
    how = {
        "z_score": "standardised",
        "log": "log-transformed and standardised",
        "rank_normal": "replaced by normal scores of its ranks",
    }[transformation.name]
    return fill(
        "y: {outcome} {how}; effects are returned to its {scale}.",
        **{
            "outcome": breakable(study.outcome),
            "how": how,
            "scale": {"z_score": "own units", "log": "ratio scale", "rank_normal": "normal scores"}[
                transformation.name
            ],
        },
    )
