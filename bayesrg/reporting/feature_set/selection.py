"""Features kept and removed, for the methods section of a paper: the rule, the list, and the probabilities."""

import pandas as pd
from markupsafe import Markup

from bayesrg.reporting.blocks import Block, Column, Prose, Section, Table, code, prose
from bayesrg.reporting.feature_set.study import FeatureSet, count_features


def selection(study: FeatureSet) -> Section:
    """The section with the list for a paper."""
    blocks: list[Block] = [
        prose(
            "<b>The rule.</b> A feature is kept if {rule}. Another rule is one argument away: {example}.",
            rule=study.rule_in_words,
            example=code("report(tree, path, rule=SelectionRule(threshold=0.9, probability=0.9))"),
        ),
        prose(
            "The overall ICC, by which features are ranked, is part of a rule only if it is asked for: its signal is "
            "the smallest and its error the largest, so where it exceeds a threshold all other ICCs do, and a rule "
            "that names it is about it alone."
        )
        if "overall" not in study.thresholds
        else prose("The rule asks for the overall ICC, which is the smallest of all ICCs of a feature."),
        _family_table(study),
        _names(study),
    ]
    return Section("selection", "Features kept and removed", blocks)


def _family_table(study: FeatureSet) -> Table:
    frame = pd.DataFrame({"family": study.families, "kept": study.kept, "probability": study.joint_chance})
    grouped = frame.groupby("family")
    table = pd.DataFrame(
        {
            "features": grouped.size(),
            "kept": grouped["kept"].agg("sum").astype(int),
            "expected": grouped["probability"].sum(),
        }
    ).loc[study.family_names]
    table.insert(2, "removed", table["features"] - table["kept"])
    full = study.selection.assign(converged=pd.Series(~study.failed, index=study.features))
    return Table(
        "selection",
        f"Kept and removed, by family: {int(study.kept.sum()):,} of {study.n_features:,} features are kept.",
        [
            Column("Family", [str(name) for name in table.index], numeric=False),
            *(
                Column(name.capitalize(), [f"{number:,}" for number in table[name]])
                for name in ("features", "kept", "removed")
            ),
            Column("Expected to meet it", [f"{number:.1f}" for number in table["expected"]]),
        ],
        full,
        notes="Expected to meet it: the sum of the features’ probabilities. The CSV file is the list itself: every "
        "feature with the decision, the joint probability, that of each condition, the weakest condition, the rule.",
    )


def _names(study: FeatureSet) -> Prose:
    table, failed = study.selection, set(study.features[study.failed])
    paragraphs = []
    for kept, heading in ((True, "Kept"), (False, "Removed")):
        own = pd.DataFrame(table[table["kept"] == kept])
        pairs = zip(own.index, own["probability"], strict=True)
        said = ", ".join(
            f"{name} ({study.shown_chance(chance)}{'; NOT CONVERGED' if name in failed else ''})"
            for name, chance in pairs
        )
        paragraphs.append(
            Markup("<p><b>{}: {}.</b> {}</p>").format(
                heading, count_features(len(own)), said + "." if said else "None."
            )
        )
    rule = Markup("<p>{}</p>").format(f"A feature was kept if {study.rule_in_words}; probabilities in parentheses.")
    return Prose(
        Markup(
            '<p><button type="button" data-copies="selection-text">Copy the lists</button>'
            '<span class="status" role="status"></span></p>'
            '<blockquote id="selection-text" class="names" tabindex="0">{}{}</blockquote>'
        ).format(rule, Markup("").join(paragraphs))
    )
