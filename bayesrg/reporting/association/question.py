"""What was asked, and in which direction the model reads it."""

from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Section, breakable, enumerate_words, fill, prose

DIRECTIONS = {
    "genome on image": "<b>Direction: genome on image.</b> The genomic endpoint {outcome} is the outcome, and what is "
    "seen in images ({predictors}) is the predictor.",
    "image on genome": "<b>Direction: image on genome.</b> The imaging feature {outcome} is the outcome, and the "
    "genome ({predictors}) is the predictor.",
    "": "<b>Direction: {outcome} given {predictors}.</b> The fit does not say which of them is of images and which of "
    "genomes.",
}


def question(study: Study) -> Section:
    """The section on the question."""
    predictors = enumerate_words([fill("<b>{name}</b>", name=breakable(name)) for name in study.predictors])
    outcome = fill("<b>{name}</b>", name=breakable(study.outcome))
    return Section(
        "question",
        "The question",
        [
            prose(
                "Do {outcome} and {predictors} depend on each other, how strongly, and can the answer be trusted? "
                "Three questions are kept apart: how large the effect is, whether there is any (evidence against "
                "none), and whether it is large enough to matter (practical equivalence).",
                outcome=outcome,
                predictors=predictors,
            ),
            prose(DIRECTIONS[study.data.attrs["direction"]], outcome=outcome, predictors=predictors),
            prose(
                "Direction is a choice of the model, not of nature: it says whose distribution is described given "
                "whose value. Dependence itself has none, and the section on dependence treats both alike."
            ),
        ],
    )
