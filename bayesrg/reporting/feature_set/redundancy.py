"""Groups of features that measure the same, where the fit has them."""

import numpy as np
import pandas as pd

from bayesrg.reporting.blocks import Block, Column, Section, Table, breakable, prose
from bayesrg.reporting.feature_set.study import FeatureSet, count_features
from bayesrg.reporting.rounding import rounded

GROUP = "redundancy"
MOST_NAMED = 6  # members of a group in one cell
MOST_GROUPS = 40


def redundancy(study: FeatureSet) -> list[Section]:
    """The section on redundancy; none where the fit has no group of that name (made by `bayesrg.models.redundancy`)."""
    if GROUP not in study.fit.tree.children:
        return []
    found = study.fit.tree[GROUP].to_dataset().sel(feature=study.features)
    frame = pd.DataFrame(
        {
            "group": found["group"].values,
            "representative": found["representative"].values.astype(str),
            "sign": found["sign"].values,
            "family": study.families,
            "overall_icc": study.estimates["icc"]["mean"].sel(condition="overall").values,
            "kept": study.kept,
        },
        index=pd.Index(study.features, name="feature"),
    ).sort_values(["group", "overall_icc"], ascending=[True, False])
    numbers, sizes = np.unique(frame["group"].to_numpy(), return_counts=True)
    several = numbers[sizes > 1]
    both = int((frame["kept"].to_numpy() & (frame.index.to_numpy() == frame["representative"].to_numpy())).sum())
    blocks: list[Block] = [
        prose(
            "Two features say the same where the correlation of the <i>subjects’ own effects</i> is high; measurement "
            "noise, which features share because they come from the same images, does not count. The rule: {rule}. "
            "{n} form {groups} groups of two or more, {single} stand alone. {both} are kept and represent their group.",
            rule=found.attrs.get("rule", "see the fit"),
            n=count_features(int(sizes[sizes > 1].sum())),
            groups=several.size,
            single=int((sizes == 1).sum()),
            both=count_features(both),
        )
    ]
    if several.size:
        blocks.append(_table(frame, several))
    return [Section("redundancy", "Features that measure the same", blocks)]


def _table(frame: pd.DataFrame, several: np.ndarray) -> Table:
    groups = [pd.DataFrame(frame[frame["group"] == number]) for number in several]
    groups.sort(key=len, reverse=True)
    shown = groups[:MOST_GROUPS]
    firsts = [str(own["representative"].iloc[0]) for own in shown]
    rest = len(groups) - len(shown)
    return Table(
        "redundancy",
        "Groups of features that measure the same, the largest first, each with the member of the highest ICC.",
        [
            Column("Representative", [breakable(name) for name in firsts], numeric=False),
            Column(
                "Overall ICC",
                [
                    rounded(float(own["overall_icc"].to_numpy()[own.index == name][0]), 0.01)
                    for own, name in zip(shown, firsts, strict=True)
                ],
            ),
            Column("Features", [str(len(own)) for own in shown]),
            Column(
                "Others",
                [
                    _others([str(other) for other in own.index if other != name], own)
                    for own, name in zip(shown, firsts, strict=True)
                ],
                numeric=False,
            ),
        ],
        frame,
        notes="A minus marks a feature that falls where its representative rises. The CSV file has the group of every "
        "feature." + (f" {rest} smaller groups are there alone." if rest else ""),
    )


def _others(names: list[str], own: pd.DataFrame) -> str:
    signs = dict(zip(own.index, own["sign"], strict=True))
    shown = [("−" if signs[name] < 0 else "") + name for name in names[:MOST_NAMED]]
    rest = len(names) - MOST_NAMED
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
