"""The answer, first."""

from markupsafe import Markup

from bayesrg.reporting.blocks import Block, Section, breakable, fill, listed, prose
from bayesrg.reporting.judgement import cautions, convergence
from bayesrg.reporting.rounding import equation
from bayesrg.reporting.stability.study import Study, display


def verdict(study: Study) -> Section:
    """Converged or not, then the answer in a sentence, then each condition's intraclass correlation."""
    fit = study.fit
    overall = fit.estimate("icc", "overall")
    largest = max(study.partitions["overall"][1], key=lambda name: fit.estimate("share", name).mean)
    share = fit.estimate("share", largest)
    blocks: list[Block] = [
        convergence(fit),
        *cautions(study.cautions),
        prose(
            '<span class="answer"><b>{feature}</b>: overall ICC {icc} (95 % interval {bounds}); {chances}.</span>',
            feature=breakable(study.feature),
            icc=overall.value,
            bounds=overall.bounds,
            chances=exceedances(study, "overall"),
        ),
        prose(
            "An overall ICC of {icc} means: when {meaning}, about {percent} % of the variance of a measurement is "
            "the subject’s own. The largest part of the rest is the {largest} component, with {share} % of the "
            "total variance (95 % interval {low}–{high} %).",
            icc=overall.value,
            meaning=study.meaning("overall"),
            percent=f"{100 * overall.mean:.0f}",
            largest=display(largest),
            share=f"{100 * share.mean:.0f}",
            low=f"{100 * share.lower:.0f}",
            high=f"{100 * share.upper:.0f}",
        ),
    ]
    others = [condition for condition in study.partitions if condition != "overall"]
    if others:
        blocks.append(listed([_sentence(study, condition) for condition in others]))
    return Section("verdict", "Verdict", blocks)


def exceedances(study: Study, condition: str) -> str:
    """The probabilities that the condition's ICC exceeds each threshold: P(ICC > 0.75) = 0.17, and so on."""
    limits = study.fit.estimands["threshold"].values
    chances = [study.fit.probability("icc_above", condition=condition, threshold=limit) for limit in limits]
    return "; ".join(
        f"P(ICC\u00a0>\u00a0{limit:g})\u00a0{equation(chance)}" for limit, chance in zip(limits, chances, strict=True)
    )


def _sentence(study: Study, condition: str) -> Markup:
    found = study.fit.estimate("icc", condition)
    return fill(
        "<b>{name}</b> (when {meaning}): ICC {icc} (95 % interval {bounds}); {chances}.",
        name=_capital(condition),
        meaning=study.meaning(condition),
        icc=found.value,
        bounds=found.bounds,
        chances=exceedances(study, condition),
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
