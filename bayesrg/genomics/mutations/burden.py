"""Tumour mutational burden: somatic variants per megabase in which they were looked for."""

import warnings
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError, list_some
from bayesrg.genomics.mutations.assay import Assay
from bayesrg.genomics.mutations.counted import Choice
from bayesrg.genomics.mutations.sequenced import Sequenced
from bayesrg.genomics.mutations.tally import tally_units
from bayesrg.genomics.mutations.variant_classes import CODING

Burden = Literal["counted", "coding"]


def count_burden(
    table: pd.DataFrame,
    sample: np.ndarray,
    gene: np.ndarray,
    variant: np.ndarray,
    choice: Choice,
    sequenced: Sequenced,
    assay: Assay,
    exome_size: float | Mapping[str, float],
    burden: Burden,
    *,
    shared: bool,
) -> tuple[np.ndarray, str]:
    """Return somatic variants per megabase, shape (unit,), and in words what was counted.

    Parameters
    ----------
    table, sample, gene, variant
        Variants, and each row's sample, gene and number by `bayesrg.genomics.mutations.tally.recognise_variants`.
    choice
        Rows that count or could.
    sequenced, assay
        Who was sequenced, and for what.
    exome_size
        Megabases in which variants were looked for, the same for everybody, or by sample, panel or patient: the first
        of these that is named holds. A name of none of them is told with a warning.
    burden
        ``"counted"``: the variants that make a gene mutated, so nonsynonymous ones by default, as is usual with exomes
        (https://pmc.ncbi.nlm.nih.gov/articles/PMC6249625). ``"coding"``: every substitution and small insertion or
        deletion in coding sequence and splice sites, silent ones included, as is usual with panels, where they steady a
        small count (Chalmers et al. 2017, doi:10.1186/s13073-017-0424-2). The two are not to be compared with each
        other.
    shared
        Whether only variants count that every sample of a unit has that was assayed for the gene.

    Returns
    -------
    burden : numpy.ndarray
        1/Mb; NaN where the sizes of a unit's samples differ, as no one size is right for them.
    counted : str
        What was counted, for the variable's attributes.

    Raises
    ------
    SettingsError
        A size is not above 0 or missing for a sample, or ``burden`` is another word.
    """
    if burden not in ("counted", "coding"):
        raise SettingsError(f"burden is {burden!r}; expected 'counted' or 'coding' (with silent variants)")
    sizes = _size_samples(sequenced, assay, exome_size)
    smallest, largest = np.full(sequenced.n_units, np.inf), np.zeros(sequenced.n_units)
    np.minimum.at(smallest, sequenced.unit_of, sizes)
    np.maximum.at(largest, sequenced.unit_of, sizes)
    rows = (
        choice.counted
        if burden == "counted"
        else choice.eligible & table["classification"].isin(list(CODING)).to_numpy()
    )
    numbers = tally_units(sample[rows], gene[rows], variant[rows], sequenced, assay, shared=shared)
    rate = np.where(smallest == largest, numbers / largest, np.nan)
    told = "the variants that count as mutations" if burden == "counted" else "coding variants, silent ones included"
    return rate, told


def _size_samples(sequenced: Sequenced, assay: Assay, exome_size: float | Mapping[str, float]) -> np.ndarray:
    """Return the megabases in which variants of each sample were looked for, shape (sample,)."""
    if isinstance(exome_size, Mapping):
        given = {str(name): float(size) for name, size in exome_size.items()}
        people, keys, labels = sequenced.patients.tolist(), assay.key_of, sequenced.samples.tolist()
        named = [
            next((name for name in names if name in given), None) for names in zip(labels, keys, people, strict=True)
        ]
        by_person = not given.keys().isdisjoint({*people, *labels})
        whose = people if by_person else keys
        absent = dict.fromkeys(one for one, name in zip(whose, named, strict=True) if name is None)
        if absent:
            raise SettingsError(
                f"exome_size names no size for {list_some(absent)}; give the megabases of each panel, patient or "
                "sample, or one number for all"
            )
        unknown = sorted(given.keys() - {*people, *labels, *assay.stated})
        if unknown:
            warnings.warn(
                f"exome_size: {len(unknown)} sizes are not used, as their names are of no panel, patient or sample: "
                f"{list_some(unknown)}",
                stacklevel=4,
            )
        sizes = np.array([given[name] for name in named if name is not None])
        checked = [*given.values()]
    else:
        sizes = np.full(len(sequenced.samples), float(exome_size))
        checked = [float(exome_size)]
    wrong = [size for size in checked if not 0 < size < np.inf]
    if wrong:
        raise SettingsError(f"exome_size is {wrong[0]:g}; expected megabases above 0, such as 35.8")
    if max(checked) > 10_000:
        raise SettingsError(
            f"exome_size is {max(checked):g}, more than a genome has megabases; was it given in bases? Divide by a "
            "million"
        )
    return sizes
