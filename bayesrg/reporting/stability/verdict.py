"""The answer, first."""

from markupsafe import Markup

from bayesrg.reporting.blocks import Block, Section, breakable, enumerate_words, fill, listed, prose
from bayesrg.reporting.rounding import equation
from bayesrg.reporting.stability.design import cautions
from bayesrg.reporting.stability.study import Study, display


def verdict(study: Study) -> Section:
    """Converged or not, then the answer in a sentence, then each condition's intraclass correlation."""
    fit = study.fit
    overall = fit.estimate("icc", "overall")
    largest = max(study.partitions["overall"][1], key=lambda name: fit.estimate("share", name).mean)
    share = fit.estimate("share", largest)
    blocks: list[Block] = [
        prose("<strong>{verdict}.</strong> {details}", verdict=fit.verdict, details=_details(study)),
        *cautions(study),
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


def _details(study: Study) -> Markup:
    checks = {check.name: check for check in study.fit.diagnosis.checks}
    failed = [check.name for check in checks.values() if not check.passed]
    if failed:
        return fill(
            "The numbers on this page must not be published or acted on. Failed: {names}. Fit again with more draws "
            "and warm-up draws; if that does not help, look at the rank plots below.",
            names=enumerate_words(failed),
        )
    return fill(
        "R-hat is at most {r_hat:.3f}, every effective sample size at least {ess:.0f}, and no transition diverged.",
        r_hat=checks["R-hat"].value,
        ess=min(checks["bulk ESS"].value, checks["tail ESS"].value),
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
