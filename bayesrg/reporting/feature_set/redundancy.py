"""Groups of features that measure the same, where the fit has them."""

import pandas as pd

from bayesrg.reporting.blocks import Block, Column, Section, Table, breakable, prose
from bayesrg.reporting.feature_set.study import FeatureSet

GROUP = "redundancy"
MOST_NAMED = 6  # members of a group in one cell
MOST_GROUPS = 40


def redundancy(study: FeatureSet) -> list[Section]:
    """The section on redundancy; none where the fit says nothing of it."""
    if GROUP not in study.fit.tree.children:
        return []
    found = study.fit.tree[GROUP].to_dataset()["group"].to_series().reindex(study.features)
    icc = pd.Series(study.estimates["icc"]["mean"].sel(condition="overall").values, index=study.features)
    frame = pd.DataFrame({"group": found, "overall_icc": icc, "family": study.families}).rename_axis("feature")
    frame = frame.sort_values(["group", "overall_icc"], ascending=[True, False])
    sizes = pd.Series(frame["group"]).value_counts()
    several = sizes[sizes > 1]
    blocks: list[Block] = [
        prose(
            "Features whose values for the subjects are nearly the same, judged by the correlation of the subjects’ "
            "effects and not of noisy measurements, carry one piece of information. {n} features form {groups} groups "
            "of two or more; the other {single} stand alone.",
            n=int(several.sum()),
            groups=len(several),
            single=int((sizes == 1).sum()),
        )
    ]
    if len(several):
        members = {group: frame.index[frame["group"] == group] for group in several.index[:MOST_GROUPS]}
        blocks.append(
            Table(
                "redundancy",
                "Groups of features that measure the same, the largest first; the first named is the most reliable.",
                [
                    Column("Most reliable", [breakable(str(own[0])) for own in members.values()], numeric=False),
                    Column("Features", [str(len(own)) for own in members.values()]),
                    Column("Others", [_others(own[1:]) for own in members.values()], numeric=False),
                ],
                frame,
                notes="The CSV file has the group of every feature.",
            )
        )
    return [Section("redundancy", "Features that measure the same", blocks)]


def _others(names: pd.Index) -> str:
    shown = ", ".join(map(str, names[:MOST_NAMED]))
    rest = len(names) - MOST_NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
