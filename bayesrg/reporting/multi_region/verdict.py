"""The answer, first: converged or not, links on average, how they vary, and what these data cannot tell."""

import numpy as np
from markupsafe import Markup

from bayesrg.reporting.blocks import Block, Prose, Section, breakable, count, enumerate_words, fill, listed, prose
from bayesrg.reporting.judgement import cautions, convergence
from bayesrg.reporting.multi_region.kinds import any_above, kinds_of, within_and_between
from bayesrg.reporting.multi_region.overlaps import name_unmoved, overlaps
from bayesrg.reporting.multi_region.study import Link, Study
from bayesrg.reporting.rounding import probability

MOST_SAID = 6


def verdict(study: Study) -> Section:
    """The first section."""
    blocks: list[Block] = [convergence(study.fit), *cautions(study.cautions)]
    blocks += [*_average(study), *_heterogeneity(study), *_limits(study)]
    return Section("verdict", "Verdict", blocks)


def pair(link: Link) -> Markup:
    """A link in a sentence: the gene and the feature."""
    return fill("<b>{gene}</b> with <b>{feature}</b>", gene=breakable(link.gene), feature=breakable(link.feature))


def excludes_zero(study: Study) -> list[Link]:
    """Links whose 95 % interval of B_0 excludes zero, the surest first."""
    found = []
    for link in study.links:
        above = float((study.draws("B_0", link) > 0).mean())
        if not 0.025 <= above <= 0.975:
            drawn = study.draws("B_0", link)
            found.append((abs(drawn.mean()) / drawn.std(), link))
    return [link for _, link in sorted(found, key=lambda one: -one[0])]


def _average(study: Study) -> list[Prose]:
    sure, n = excludes_zero(study), len(study.links)
    blocks = [
        prose(
            '<span class="answer"><b>Links on average.</b> The 95 % {intervals} of {n}.</span>',
            intervals=f"interval of the average coefficient {'excludes' if sure else 'includes'} zero"
            if n == 1
            else f"intervals of the average coefficient exclude zero for {len(sure)}",
            n="the one link" if n == 1 else count(n, "link"),
        )
    ]
    said = []
    for link in sure[:MOST_SAID]:
        one, drawn = study.estimate("B_0", link), study.draws("B_0", link)
        said.append(
            fill(
                "{pair}: B<sub>0</sub> is {value} sds of the feature per {step} (95 % interval {bounds}); beyond "
                "±{rope:g} with a probability of {beyond}.",
                pair=pair(link),
                value=one.bare,
                step="step of the gene" if bool(study.data["two_valued"].sel(gene=link.gene)) else "sd of the gene",
                bounds=one.bounds,
                rope=study.model.rope,
                beyond=probability(float((np.abs(drawn) > study.model.rope).mean()), drawn.size),
            )
        )
    if len(sure) > MOST_SAID:
        said.append(fill("{n} more stand in the table of coefficients.", n=len(sure) - MOST_SAID))
    return [*blocks, listed(said)] if said else blocks


def _heterogeneity(study: Study) -> list[Prose]:
    first, draws, delta = study.varying[0], study.fit.n_draws, study.model.delta
    whole, within, between = any_above(study)
    inside, across = within_and_between(study, first)
    share = study.estimate("heterogeneity", first)
    blocks = [
        prose(
            '<span class="answer"><b>Radiogenomic heterogeneity.</b> With a probability of <b>{whole}</b> {what} by '
            "enough to make up more than {delta:g} of its feature’s variance: within tumours {within}, between tumours "
            "{between}.</span>",
            whole=probability(whole, draws),
            what="the link varies" if len(study.links) == 1 else "at least one link varies",
            delta=delta,
            within=probability(within, draws),
            between=probability(between, draws),
        ),
        prose(
            "It is largest for {pair}: {share} of the feature’s variance (95 % interval {bounds}); more than {delta:g} "
            "within tumours with a probability of {inside}, between them {across} (before the data {before} "
            "altogether).",
            pair=pair(first),
            share=share.bare,
            bounds=share.bounds,
            delta=delta,
            inside=probability(float((inside > delta).mean()), draws),
            across=probability(float((across > delta).mean()), draws),
            before=probability(*_prior_above(study, first)),
        ),
    ]
    table = kinds_of(study)
    told = []
    for name in dict.fromkeys(table["reading"]):
        if name == "undecided":
            continue
        own = [Link(str(feature), str(gene)) for feature, gene in table.index[table["reading"] == name]]
        some = enumerate_words([pair(link) for link in own[:MOST_SAID]])
        more = f", and {len(own) - MOST_SAID} more" if len(own) > MOST_SAID else ""
        told.append(fill("{kind}: {links}{more}.", kind=str(name).capitalize(), links=some, more=more))
    undecided = list(table["reading"]).count("undecided")
    if undecided:
        told.append(fill("Undecided: {n} of {all}.", n=undecided, all=count(len(table), "link")))
    return [*blocks, listed(told)]


def _prior_above(study: Study, link: Link) -> tuple[float, int]:
    drawn = study.fit.prior("heterogeneity", feature=link.feature, gene=link.gene)
    return float((drawn > study.model.delta).mean()), drawn.size


def _limits(study: Study) -> list[Prose]:
    unmoved, said = name_unmoved(study, overlaps(study)), []
    if unmoved:
        said.append(
            fill(
                "The data hardly moved the prior of {some}: what is said of these is what was assumed.",
                some=enumerate_words(unmoved),
            )
        )
    if study.model.spatial == "exchangeable":
        said.append(
            Markup(
                "Without places nothing is known of how far heterogeneity reaches, and no correlation length is given."
            )
        )
    said.append(
        Markup(
            "Variation of a link from region to region without a pattern in space shows only as noise that grows with "
            "the gene squared. Noise that grows so for another reason looks the same."
        )
    )
    return [prose("<b>What these data cannot tell.</b>"), listed(said)]
