"""Labels that look alike: what is suggested for them, and the refusal that lists them and tells the mend."""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import pandas as pd

from bayesrg.cohort.labels import patient_of_misspelt
from bayesrg.cohort.units import Units
from bayesrg.errors import TableError
from bayesrg.identifiers import explain_near_miss, near_misses, parse_barcode
from bayesrg.samples import LEVELS

# Labels that a message lists; the list is what the user needs, but thousands hide the sentence around them.
_MOST_MATCHED = 400

MISSPELT = "a TCGA sample, not written as its barcode"
LETTER = "one letter at the end"


def suggest(
    labels: Mapping[str, Collection[str]], distinct: Collection[str] = (), verbatim: Collection[str] = ()
) -> pd.DataFrame:
    """Return which labels may mean the same, and which of them to take: columns found, meant, source and reason.

    Parameters
    ----------
    labels
        Of each source.
    distinct
        Labels that the user has said to mean themselves: of a group that holds no other label nothing is said.
    verbatim
        Sources whose labels are taken as they are, although they look like samples of TCGA.

    Examples
    --------
    >>> suggest({"clinical": ["P1"], "imaging": ["p1"]}).loc[0].tolist()
    ['p1', 'P1', 'imaging', 'upper and lower case']
    >>> suggest({"imaging": ["TCGA.AB.2988.01"]})["meant"].tolist()
    ['TCGA-AB-2988']
    """
    order = list(labels)
    found_in: dict[str, list[str]] = {}
    for name, own in labels.items():
        for label in own:
            found_in.setdefault(label, []).append(name)
    misspelt = {
        label: patient
        for label, holders in found_in.items()
        if (patient := patient_of_misspelt(label)) is not None
        and label not in distinct
        and not set(holders) <= set(verbatim)
    }
    rows = [(label, patient, name, MISSPELT) for label, patient in sorted(misspelt.items()) for name in found_in[label]]
    for group in near_misses((found_in.keys() - misspelt.keys()) | set(misspelt.values())):
        if set(group) <= set(distinct):
            continue
        holders = {label: found_in.get(label, []) for label in group}
        meant = min(
            group,
            key=lambda label: (
                parse_barcode(label) is None,
                label != label.strip(),
                -len(holders[label]),
                order.index(holders[label][0]) if holders[label] else len(order),
                label,
            ),
        )
        for found in group:
            rows += [(found, meant, name, explain_near_miss(found, meant)) for name in holders[found] if found != meant]
    return pd.DataFrame(rows, columns=["found", "meant", "source", "reason"], dtype=object)


def refuse_near_misses(suggested: pd.DataFrame) -> None:
    """Refuse labels that look alike, with the list of them and what to give `join` if they are the same.

    Raises
    ------
    TableError
        The table of `suggest` has a row.
    """
    if suggested.empty:
        return
    pairs = suggested.drop_duplicates(["found", "meant"])
    reasons = ", ".join(f"{count} by {reason}" for reason, count in pairs["reason"].value_counts().items())
    holders: dict[tuple[str, str, str], list[str]] = {}
    for found, meant, source, reason in suggested.head(_MOST_MATCHED).itertuples(index=False):
        holders.setdefault((found, meant, reason), []).append(repr(source))
    listed = [
        f"  {found!r} in {' and '.join(own)}, beside {meant!r} ({reason})"
        for (found, meant, reason), own in holders.items()
    ]
    if len(suggested) > _MOST_MATCHED:
        pairs = pairs[pairs["found"].isin(suggested["found"].head(_MOST_MATCHED))]
        listed.append("  and more, which suggest_identifiers lists")
    mapping = json.dumps(dict(zip(pairs["found"], pairs["meant"], strict=True)), ensure_ascii=False)
    raise TableError(
        f"{suggested['found'].nunique()} labels of patients look like another one ({reasons}), so that one patient "
        "might be taken for two:\n"
        + "\n".join(listed)
        + "\nIf they are the same, give join this (suggest_identifiers returns it as a table to check; for people "
        f"whose labels look alike, map every label of them to itself):\n  identifiers={mapping}"
    )


def refuse_alike_parts(units: Sequence[Units]) -> None:
    """Refuse tumours and regions of one whole that look alike, within and between sources.

    A letter more at the end is no slip here: regions ``1``, ``1a`` and ``1b`` are common names.

    Raises
    ------
    TableError
        Two labels of a patient's tumours, or of a tumour's or patient's regions, look alike.
    """
    for level in LEVELS[1:]:
        held: dict[str, dict[str, str]] = {}
        for one in units:
            if level in one.parts:
                wholes = one.labels(LEVELS[LEVELS.index(level) - 1])
                for whole, label in zip(wholes, one.parts[level], strict=True):
                    held.setdefault(whole, {}).setdefault(label, one.source)
        # Most patients' regions are called alike, so that few sets of names are to be compared.
        alike: dict[frozenset[str], list[tuple[str, ...]]] = {}
        for whole, labels in held.items():
            names = frozenset(labels)
            if names not in alike:
                alike[names] = near_misses(names)
            for group in alike[names]:
                for first, second in combinations(sorted(group, key=list(labels).index), 2):
                    reason = explain_near_miss(first, second)
                    # 1a and 1b are in one group where 1 is there too.
                    if reason != LETTER and near_misses((first, second)):
                        raise TableError(
                            f"the {level} {second!r} of {whole!r} in {labels[second]!r} is called {first!r} in "
                            f"{labels[first]!r}; they differ by {reason} only: write them alike, or give them names "
                            "that differ by more"
                        )
