"""What kind of link each one is: nil, universal, differing between tumours, or local; with probabilities."""

import numpy as np
import pandas as pd
from markupsafe import Markup

from bayesrg.reporting.multi_region.study import Link, Study

# A kind is named where it is at least so probable.
PROBABLE = 0.8
KINDS = {
    "nil": "practically nil",
    "universal": "universal",
    "between": "differs between tumours",
    "local": "local: differs within tumours",
}


def kinds_of(study: Study) -> pd.DataFrame:
    """Probability of each kind of each link, and the kinds that are probable, a row a link.

    `universal` and `local` are the fit's own estimands. `between` is the rule of `local` for the variance that regions
    of a tumour have in common: its root above the rope, and above half of |B_0|. `nil` has |B_0| and the sd of the
    coefficient within the rope.
    """
    rope = study.model.rope
    rows = []
    for link in study.links:
        size = np.abs(study.draws("B_0", link))
        common = np.sqrt(study.draws("variance_between", link))
        chances = {
            "nil": float(((size < rope) & (study.spread(link) < rope)).mean()),
            "universal": float(study.draws("universal", link).mean()),
            "between": float(((common > rope) & (common > 0.5 * size)).mean()),
            "local": float(study.draws("local", link).mean()),
        }
        probable = [KINDS[name] for name, chance in chances.items() if chance >= PROBABLE]
        rows.append(
            {"feature": link.feature, "gene": link.gene, **chances, "reading": "; ".join(probable) or "undecided"}
        )
    return pd.DataFrame(rows).set_index(["feature", "gene"])


def within_and_between(study: Study, link: Link, *, prior: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Draws of the shares of a feature's variance that a link's variation within, and between, tumours makes up."""
    where = {"feature": link.feature, "gene": link.gene}
    drawn = study.fit.prior if prior else study.fit.posterior
    share, local = drawn("heterogeneity", **where), drawn("local_share", **where)
    return share * local, share * (1.0 - local)


def any_above(study: Study, *, prior: bool = False) -> tuple[float, float, float]:
    """Probability that the variation of any link exceeds delta: altogether, within tumours, and between them."""
    delta = study.model.delta
    above: list[np.ndarray] = [np.array(False)] * 3
    for link in study.links:
        within, between = within_and_between(study, link, prior=prior)
        above = [old | (new > delta) for old, new in zip(above, (within + between, within, between), strict=True)]
    whole, within_any, between_any = (float(one.mean()) for one in above)
    return whole, within_any, between_any


RULES = Markup(
    "<b>Universal</b>: |B<sub>0</sub>| above {rope}, and above twice the sd of the coefficient, so that the link has "
    "the same sign nearly everywhere. <b>Differs between tumours</b>, or is <b>local</b>: the sd of what regions of a "
    "tumour have in common, or of what differs within tumours, above {rope} and above half of |B<sub>0</sub>|. "
    "<b>Practically nil</b>: |B<sub>0</sub>| and the sd of the coefficient below {rope}. A link may be none of these, "
    "and a kind is named where its probability is at least {probable}."
)
