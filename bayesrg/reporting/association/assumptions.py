"""What the model assumes, as figures that people can look at."""

from bayesrg.reporting.association.calibration import calibration
from bayesrg.reporting.association.influence import influence
from bayesrg.reporting.association.prediction import distribution
from bayesrg.reporting.association.proportionality import proportionality
from bayesrg.reporting.association.residuals import residuals
from bayesrg.reporting.association.study import Study
from bayesrg.reporting.blocks import Block, Section, prose


def assumptions(study: Study) -> Section:
    """The section on assumptions."""
    blocks: list[Block] = [
        prose(
            "No test decides here: with many patients every assumption is found wrong, with few none. Look at the "
            "figures, and ask whether what you see would change the answer."
        )
    ]
    if "pit" in study.checks:
        blocks += distribution(study)
        blocks += residuals(study)
    blocks += calibration(study)
    if study.family == "ordinal":
        blocks += proportionality(study)
    blocks += influence(study)
    return Section("assumptions", "Assumptions to look at", blocks)
