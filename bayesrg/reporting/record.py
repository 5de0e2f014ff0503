"""Sections that every model's report ends with: a methods paragraph to paste, and exactly what was run."""

import json
from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from bayesrg.inference.provenance import read_json
from bayesrg.reporting.blocks import Column, Prose, Section, Table, fill, prose
from bayesrg.reporting.fitted import Fitted
from bayesrg.reporting.references import Reference


def methods(paragraphs: Sequence[str], references: Sequence[Reference]) -> Section:
    """The section with a methods text ready to paste (plain text, escaped here) and its references."""
    texts = Markup("").join(Markup("<p>{}</p>").format(text) for text in paragraphs)
    entries = Markup("").join(
        Markup('<li>{text} <a href="{address}">{shown}</a></li>').format(
            text=one.text, address=one.address, shown=one.shown
        )
        for one in references
    )
    return Section(
        "methods",
        "Methods paragraph",
        [
            prose("Ready to paste; change it as your journal asks."),
            Prose(
                Markup(
                    '<p><button type="button" data-copies="methods-text">Copy text and references</button>'
                    '<span class="status" role="status"></span></p>'
                    '<blockquote id="methods-text">{}<ol class="references">{}</ol></blockquote>'
                ).format(texts, entries)
            ),
        ],
    )


def record(fit: Fitted) -> Section:
    """The section with versions, seeds, settings, the hash of the data and wall times."""
    attributes = fit.tree["provenance"].attrs
    seconds = read_json(attributes, "seconds")
    facts = {
        "Model": type(fit.model).__name__,
        "Sampler": fit.sampler["method"],
        "Seed": fit.sampler["seed"],
        "Chains": fit.sampler["chains"],
        "Warm-up draws per chain": fit.sampler["tune"],
        "Kept draws per chain": fit.sampler["draws"],
        "Fitted at (UTC)": attributes["created"],
        **{f"Wall time, {stage} (s)": value for stage, value in seconds.items()},
        "SHA-256 of the data": attributes["data_sha256"],
        **{f"Version of {name}": version for name, version in fit.versions.items()},
    }
    frame = pd.Series({name: str(value) for name, value in facts.items()}, name="value").rename_axis("item").to_frame()
    described = json.dumps(read_json(attributes, "model"), ensure_ascii=False)
    return Section(
        "record",
        "Versions, seeds and settings",
        [
            Table(
                "record",
                "What was run, with what, and how long it took.",
                [
                    Column("Item", list(frame.index), numeric=False),
                    Column(
                        "Value", [fill("<code>{value}</code>", value=value) for value in frame["value"]], numeric=False
                    ),
                ],
                frame,
            ),
            prose("The model with its options and priors, from which it can be rebuilt:"),
            Prose(Markup('<pre tabindex="0">{}</pre>').format(described)),
        ],
    )
