"""Agreement indices as other papers report them: forms of the ICC, concordance, and limits of agreement."""

from bayesrg.models.reliability import facets_of
from bayesrg.reporting import references as works
from bayesrg.reporting.blocks import Block, Folded, Section, fill, listed, prose
from bayesrg.reporting.feature_set.indices import Indices, all_indices_table, index_table
from bayesrg.reporting.feature_set.limits import Limits, limits_table
from bayesrg.reporting.feature_set.study import FeatureSet


def agreement(study: FeatureSet) -> Section:
    """The section on indices of agreement."""
    title = "Agreement indices"
    if not facets_of(study.layout):
        own = f" (every {study.calibrated} has a location and a scale of its own)" if study.calibrated else ""
        why = prose("This design has no replicates, and no facet with levels that could agree{own}.", own=own)
        return Section("agreement", title, [why])
    indices, limits = Indices(study), Limits(study)
    blocks: list[Block] = [
        prose(
            "For comparison with other studies, from the same posterior: the six intraclass correlations of "
            "{six} (with the names of {names}), whose raters are the levels of one facet while all other facets "
            "stay fixed, and the concordance correlation (CCC; {lin}) of the levels that were seen.",
            six=works.SHROUT_FLEISS.link("Shrout and Fleiss 1979"),
            names=works.MCGRAW_WONG.link("McGraw and Wong 1996"),
            lin=works.CONCORDANCE.link("Lin 1989"),
        ),
        index_table(indices),
        Folded("The indices of every feature, to search and sort", [all_indices_table(indices)]),
    ]
    if limits.comparisons:
        blocks += [
            prose(
                "Of two measurements of one subject that differ in one facet, 95 % of differences lie within the "
                "limits of agreement, and their centre is the bias ({source}).",
                source=works.LIMITS.link("Bland and Altman 1999"),
            ),
            limits_table(limits),
        ]
    reasons = {**indices.absent, **limits.absent}
    if reasons:
        blocks.append(prose("Not given, and why:"))
        blocks.append(listed([fill("<b>{name}</b>: {why}.", name=name, why=why) for name, why in reasons.items()]))
    return Section("agreement", title, blocks)
