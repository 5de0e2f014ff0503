"""A prior as a page states it: in a table with its reason, in mathematics, and in running text."""

from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from bayesrg.prior import Prior
from bayesrg.reporting.blocks import Column, Table, fill
from bayesrg.reporting.mathematics import fraction, joined, number, row, sign, word


def prior_table(rows: Sequence[tuple[str, Prior]]) -> Table:
    """Each prior with its reason."""
    frame = pd.DataFrame(
        {"prior": [str(prior) for _, prior in rows], "reason": [prior.why for _, prior in rows]},
        index=pd.Index([name for name, _ in rows], name="quantity"),
    )
    return Table(
        "priors",
        "Priors and their reasons.",
        [
            Column("Quantity", list(frame.index), numeric=False),
            Column("Prior", [fill("<code>{prior}</code>", prior=prior) for prior in frame["prior"]], numeric=False),
            Column("Reason", list(frame["reason"]), numeric=False),
        ],
        frame,
    )


def named(prior: Prior, *, parts: int = 0) -> Markup:
    """A distribution with its arguments; those of a symmetric Dirichlet of `parts` are its total divided equally."""
    arguments: Sequence[Markup] = [number(f"{value:g}".replace("-", "−")) for value in prior.arguments.values()]
    if parts:
        each = fraction(arguments[0], number(str(parts)))
        arguments = [each, sign("…"), each]
    return row(word(prior.distribution), sign("("), joined(arguments, ","), sign(")"))


def plain(prior: Prior) -> str:
    """A prior as text: Normal(0, 1)."""
    return f"{prior.distribution}({', '.join(f'{value:g}' for value in prior.arguments.values())})"
