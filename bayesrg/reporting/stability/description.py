"""The question, and the model in mathematics and in words: only the components that this fit has."""

from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from bayesrg.inference.variances import IndependentSds, Shares
from bayesrg.reporting import mathematics as mathml
from bayesrg.reporting.blocks import (
    Block,
    Column,
    Prose,
    Section,
    Table,
    breakable,
    enumerate_words,
    fill,
    listed,
    prose,
)
from bayesrg.reporting.mathematics import (
    fraction,
    inline,
    joined,
    number,
    root,
    row,
    sign,
    subscript,
    superscript,
    symbol,
    total,
    word,
)
from bayesrg.reporting.rounding import significant
from bayesrg.reporting.stability.study import LETTERS, WORDS, Study, StudyDesign, display
from bayesrg.reporting.stated_priors import named


def question(study: StudyDesign, feature: str | Markup) -> Section:
    """What was asked of a feature (its name, or words for many), and what this design cannot answer."""
    facets = [name for name in ("session", "scanner", "preprocessing") if name in study.levels]
    varied = enumerate_words([f"the {name}" for name in facets])
    asked = prose(
        "A radiomic feature can serve as a biomarker only if it tells subjects apart. How much of the variance "
        "of {feature} is the subject’s own, and how much comes from {varied}?",
        feature=feature,
        varied=fill("{facets} and from measurement noise", facets=varied) if facets else "measuring again",
    )
    blocks: list[Block] = [
        asked,
        listed(
            [
                fill("<b>{name}</b>: {words}.", name=name.capitalize(), words=study.meaning(name))
                for name in study.partitions
            ]
        ),
    ]
    if study.unavailable:
        blocks.append(prose("This design cannot say everything:"))
        blocks.append(
            listed(
                [
                    fill("<b>{name}</b>: {why}.", name=name.capitalize(), why=why)
                    for name, why in study.unavailable.items()
                ]
            )
        )
    return Section("question", "The question", blocks)


def model(study: Study) -> Section:
    """Equations, the components in words, and how they are estimated."""
    return Section(
        "model", "The model", [_scale(study, subscript(symbol("X"), study.index("residual"))), *structure(study)]
    )


def structure(study: StudyDesign, priors: Sequence[Markup] | None = None) -> list[Block]:
    """The model's equation and priors in mathematics, its components in words, and how it is estimated.

    Parameters
    ----------
    priors : formulas of the priors; None writes those of a total and its shares, or of each component's sd
    """
    effects = _effects()
    return [
        Prose(mathml.display(_equation(study), effects, *(_priors(study) if priors is None else priors))),
        _component_table(study),
        *_notes(study),
    ]


def _scale(study: Study, value: Markup) -> Prose:
    transformation = study.transformation
    if study.calibrated:
        return prose(
            "Each {facet} has units of its own. The values {value} of {feature} were standardised within each {facet}, "
            "and the model gives each a location and a scale again; what is estimated is how consistent subjects are "
            "after that calibration.",
            facet=study.calibrated,
            value=inline(value),
            feature=breakable(study.feature),
        )
    location, scale = significant(abs(transformation.location), 4), significant(transformation.scale, 4)
    if transformation.name == "rank_normal":
        return prose(
            "The values {value} of {feature} were replaced by normal scores {scores} of their ranks (Blom’s), so "
            "the model knows their order and not their distances; results are without units.",
            value=inline(value),
            feature=breakable(study.feature),
            scores=inline(_standard(study)),
        )
    inside = row(word("log"), sign("⁡"), value) if transformation.name == "log" else value
    formula = row(
        _standard(study),
        sign("="),
        fraction(row(inside, sign("−" if transformation.location >= 0 else "+"), number(location)), number(scale)),
    )
    return prose(
        "The values {value} of {feature}{unit} were {how}: {formula}. Estimands are returned to the feature’s {where}.",
        value=inline(value),
        feature=breakable(study.feature),
        unit=f" (in {study.unit})" if study.unit else "",
        how="log-transformed and standardised" if transformation.name == "log" else "standardised",
        formula=inline(formula),
        where="ratio scale" if transformation.name == "log" else "own units",
    )


def _standard(study: StudyDesign) -> Markup:
    return subscript(symbol("z"), study.index("residual"))


def _equation(study: StudyDesign) -> Markup:
    if not study.calibrated:
        terms = [symbol("μ"), *(study.effect(name) for name in study.components)]
        return row(_standard(study), sign("="), joined(terms, "+"))
    own = symbol(LETTERS[study.calibrated])
    terms = [subscript(symbol("μ"), own), *(study.effect(name) for name in study.components)]
    stretch = superscript(symbol("e"), subscript(symbol("λ"), own))
    return row(_standard(study), sign("="), stretch, sign("("), joined(terms, "+"), sign(")"))


def _effects() -> Markup:
    index = symbol("k")
    variance = mathml.both(symbol("σ"), index, number("2"))
    return row(
        word("each effect of component "),
        index,
        word(" ∼ Normal"),
        sign("("),
        number("0"),
        sign(","),
        variance,
        sign(")"),
    )


def _priors(study: StudyDesign) -> list[Markup]:
    priors = study.fit.model.priors
    index = symbol("k")
    variance = mathml.both(symbol("σ"), index, number("2"))
    summed = total(index, variance)
    centre = row(symbol("μ"), sign("∼"), named(priors.mu))
    levels = []
    if study.calibrated:
        centre = row(word(f"each {study.calibrated}: "), centre)
        scale = subscript(symbol("λ"), symbol(LETTERS[study.calibrated]))
        levels = [row(word("summing to zero: "), scale, sign("∼"), named(priors.log_scale))]
    if isinstance(priors.variances, IndependentSds):
        spread = [row(subscript(symbol("σ"), index), sign("∼"), named(priors.variances.sd), word(" for every "), index)]
    else:
        shares: Shares = priors.variances
        signal = mathml.both(symbol("σ"), word("subject"), number("2"))
        rest = total(row(symbol("l"), sign("≠"), word("subject")), mathml.both(symbol("σ"), symbol("l"), number("2")))
        spread = [
            row(root(summed), sign("∼"), named(shares.total_sd)),
            row(fraction(signal, summed), sign("∼"), named(shares.signal_share)),
        ]
        if len(study.components) > 2:
            parts = fraction(variance, rest)
            bracketed = subscript(row(sign("("), parts, sign(")")), row(index, sign("≠"), word("subject")))
            spread.append(row(bracketed, sign("∼"), named(shares.error_shares, parts=len(study.components) - 1)))
    return [centre, *levels, *spread]


def _component_table(study: StudyDesign) -> Table:
    names = study.components
    frame = pd.DataFrame(
        {"levels": [study.n_levels(name) for name in names], "meaning": [WORDS[name] for name in names]},
        index=pd.Index([display(name) for name in names], name="component"),
    )
    return Table(
        "components",
        "Components of variance in this fit.",
        [
            Column("Component", list(frame.index), numeric=False),
            Column("Effect", [inline(study.effect(name)) for name in names], numeric=False),
            Column("Levels", [str(levels) for levels in frame["levels"]]),
            Column("What it is", list(frame["meaning"]), numeric=False),
        ],
        frame,
    )


def _notes(study: StudyDesign) -> list[Block]:
    sessions = {
        "nested": "Sessions are nested in subjects: session 1 of one subject shares nothing with session 1 of another.",
        "crossed": "Sessions are crossed with subjects: session 1 is one occasion for all subjects.",
        "visit": "Sessions are nested in subject and scanner: each scan is its own visit.",
    }
    notes = [sessions[study.session_design]] if "session" in study.components else []
    notes.append(
        "All effects are Gaussian and independent. The mean and the effects are integrated out exactly, so that "
        "only the variances are sampled; the effects are then drawn from their exact conditional posterior."
    )
    variance = inline(superscript(symbol("σ"), number("2")))
    shown = fill("Each component has one variance {variance}, the same for every level.", variance=variance)
    return [prose("{notes} {shown}", notes=" ".join(notes), shown=shown)]
