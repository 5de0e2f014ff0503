"""What stands at the head of every report: whether the fit converged, and what the data warn of."""

from collections.abc import Sequence

from markupsafe import Markup

from bayesrg.reporting.blocks import Prose, enumerate_words, fill, prose
from bayesrg.reporting.fitted import Fitted


def convergence(fit: Fitted) -> Prose:
    """Converged or not, and by which numbers."""
    return prose("<strong>{verdict}.</strong> {details}", verdict=fit.verdict, details=_details(fit))


def cautions(texts: Sequence[str]) -> list[Prose]:
    """What about the data should make a reader doubt, one box each."""
    boxes = [text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".") for text in texts]
    return [Prose(Markup('<p class="caution"><b>Caution.</b> {}</p>').format(text)) for text in boxes]


def _details(fit: Fitted) -> Markup:
    checks = {check.name: check for check in fit.diagnosis.checks}
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
