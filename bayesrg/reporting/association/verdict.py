"""The answer, first: converged or not, the effect in a sentence, and what an association does and does not license."""

from bayesrg.reporting import references as works
from bayesrg.reporting.association.alternatives import objections
from bayesrg.reporting.association.quantities import evidence_sentence, sentence, sureness
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Prose, Section, breakable, enumerate_words, fill, listed, prose
from bayesrg.reporting.judgement import cautions, convergence


def verdict(study: Study) -> Section:
    """The first section."""
    blocks: list[Block] = [convergence(study.fit), *cautions(study.cautions)]
    slopes = study.slopes
    if len(slopes) == 1:
        blocks.append(
            prose('<span class="answer">{said}</span>', said=sentence(study, slopes[0])),
        )
        said = fill("{sure} {bf}", sure=sureness(study, slopes[0]), bf=evidence_sentence(study, slopes[0].term))
        blocks.append(prose("{said}", said=said))
    else:
        # An equal-tailed 95 % interval excludes zero where less than 2.5 % of the draws lie on one side of it.
        off = sum(not 0.025 <= float((slope.draws > 0).mean()) <= 0.975 for slope in slopes)
        blocks.append(
            prose(
                '<span class="answer"><b>{outcome}</b> and {terms}: the 95 % intervals of {off} of {n} slopes exclude '
                "zero.</span>",
                outcome=breakable(study.outcome),
                terms=enumerate_words([fill("<b>{name}</b>", name=breakable(name)) for name in study.predictors]),
                off=off,
                n=len(slopes),
            )
        )
        blocks.append(listed([fill("{a} {b}", a=sentence(study, one), b=sureness(study, one)) for one in slopes]))
        blocks.append(listed([evidence_sentence(study, term) for term in study.terms]))
    return Section("verdict", "Verdict", [*blocks, *objections(study), *licence(study)])


def licence(study: Study) -> list[Prose]:
    """What an association says, and what nobody may read into it."""
    adjusted = [*study.covariates, *study.groups]
    held = (
        fill("The model holds {names} fixed, and nothing else", names=enumerate_words(list(map(breakable, adjusted))))
        if adjusted
        else fill("The model holds nothing fixed: neither age nor grade, neither scanner nor treatment")
    )
    return [
        prose(
            "<b>What this licenses.</b> A statement about what is found together in patients like these: who differs "
            "in {predictors} tends to differ in {outcome} as stated, as far as the model is right.",
            predictors=enumerate_words(list(map(breakable, study.predictors))),
            outcome=breakable(study.outcome),
        ),
        prose(
            "<b>What it does not.</b> It says nothing of what would change if the image or the genome were changed. "
            "P(g, x) ≠ P(g) P(x) has no direction: the genome may shape the image, both may follow a third thing, or "
            "patients may have been chosen by both. To ask about change is another question, with assumptions of its "
            "own ({hernan}). {held}; confounders that are not in the model (histology and grade, tumour size and age "
            "of the patient, treatment before imaging, scanner and protocol, site and batch of the assay, who was "
            "referred and who had tissue) may make, hide or reverse an association. Nor does it say how well an image "
            "predicts the genome of one patient, which is a question of discrimination in new patients.",
            held=held,
            hernan=works.CAUSAL_WORDS.link("Hernán 2018"),
        ),
    ]
