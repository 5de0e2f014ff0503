"""Tumour mutational burden: somatic variants per megabase in which they were looked for."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError
from bayesrg.genomics.mutations.assay import Assay
from bayesrg.genomics.mutations.counted import Choice
from bayesrg.genomics.mutations.sequenced import Sequenced
from bayesrg.genomics.mutations.tally import tally_units
from bayesrg.genomics.mutations.variant_classes import CODING

Burden = Literal["counted", "coding"]


def count_burden(
    table: pd.DataFrame,
    sample: np.ndarray,
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
    table, sample, variant
        Variants, and each row's sample and number by `bayesrg.genomics.mutations.tally.recognise_variants`.
    choice
        Rows that count or could.
    sequenced, assay
        Who was sequenced, and for what.
    exome_size
        Megabases in which variants were looked for, the same for everybody or by panel.
    burden
        ``"counted"``: the variants that make a gene mutated, so nonsynonymous ones by default, as is usual with exomes
        (https://pmc.ncbi.nlm.nih.gov/articles/PMC6249625). ``"coding"``: every substitution and small insertion or
        deletion in coding sequence and splice sites, silent ones included, as is usual with panels, where they steady a
        small count (Chalmers et al. 2017, doi:10.1186/s13073-017-0424-2). The two are not to be compared with each
        other.
    shared
        Whether only variants count that every sample of a unit has.

    Returns
    -------
    burden : numpy.ndarray
        1/Mb; NaN where the samples of a unit were assayed with panels of different sizes, for which no one size is
        right.
    counted : str
        What was counted, for the variable's attributes.

    Raises
    ------
    SettingsError
        A size is not above 0 or missing for a panel, or ``burden`` is another word.
    """
    if burden not in ("counted", "coding"):
        raise SettingsError(f"burden is {burden!r}; expected 'counted' or 'coding' (with silent variants)")
    sizes = _size_panels(assay, exome_size)[assay.panel_of]
    smallest, largest = np.full(sequenced.n_units, np.inf), np.zeros(sequenced.n_units)
    np.minimum.at(smallest, sequenced.unit_of, sizes)
    np.maximum.at(largest, sequenced.unit_of, sizes)
    rows = (
        choice.counted
        if burden == "counted"
        else choice.eligible & table["classification"].isin(list(CODING)).to_numpy()
    )
    numbers = tally_units(sample[rows], variant[rows], sequenced, shared=shared)
    rate = np.where(smallest == largest, numbers / largest, np.nan)
    told = "the variants that count as mutations" if burden == "counted" else "coding variants, silent ones included"
    return rate, told


def _size_panels(assay: Assay, exome_size: float | Mapping[str, float]) -> np.ndarray:
    """Return the megabases of each panel, shape (panel,)."""
    if isinstance(exome_size, Mapping):
        absent = [panel for panel in assay.panels if panel not in exome_size]
        if absent:
            raise SettingsError(
                f"exome_size names no size for {', '.join(absent[:5])}; give the megabases of each panel, or one "
                "number for all"
            )
        sizes = [float(exome_size[panel]) for panel in assay.panels]
    else:
        sizes = [float(exome_size)] * len(assay.panels)
    wrong = [size for size in sizes if not 0 < size < np.inf]
    if wrong:
        raise SettingsError(f"exome_size is {wrong[0]:g}; expected megabases above 0, such as 35.8")
    if max(sizes) > 10_000:
        raise SettingsError(
            f"exome_size is {max(sizes):g}, more than a genome has megabases; was it given in bases? Divide by a "
            "million"
        )
    return np.array(sizes)
