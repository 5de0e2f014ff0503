"""Variants counted per unit and gene, sparsely: only pairs that have a variant take memory."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesrg.genomics.mutations.assay import Assay
from bayesrg.genomics.mutations.sequenced import Sequenced
from bayesrg.genomics.mutations.variant_classes import MULTI_HIT

PLACE = ("chromosome", "start", "end", "reference", "alternative")
"""Columns by which the same variant is known again in another sample."""


@dataclass(frozen=True)
class Tally:
    """Pairs of unit and gene with a counted variant, each key being ``unit * n_genes + gene``.

    Attributes
    ----------
    mutated
        Keys of the pairs that count as mutated, sorted.
    counted
        Keys of the pairs that have variants to count, sorted; under ``several="all"`` not the same as ``mutated``.
    count
        Number of different variants of each pair in ``counted``.
    fraction
        Largest variant allele fraction of each pair in ``counted``; NaN where none is known.
    flag
        Class of the variant of each pair in ``counted``, or `MULTI_HIT` where there are several variants; a value of
        `bayesrg.genomics.mutations.variant_classes.FLAGS`.
    """

    mutated: np.ndarray
    counted: np.ndarray
    count: np.ndarray
    fraction: np.ndarray
    flag: np.ndarray


def recognise_variants(table: pd.DataFrame) -> np.ndarray:
    """Return an integer for each row, the same for rows with the same place and alleles; shape (row,).

    In a table that lacks some of these columns rows must be of the same gene too. A row without a start, or without a
    chromosome (a gene, where there is no such column), is a variant of its own; in a table without starts every row is.
    """
    if "start" not in table.columns:
        return np.arange(len(table))
    known = [name for name in PLACE if name in table.columns]
    if len(known) < len(PLACE):
        known.append("gene")
    together = np.zeros(len(table), dtype=np.int64)
    for name in known:
        code = pd.factorize(table[name])[0].astype(np.int64)
        # Numbered anew after each column, so that products of many columns stay within 64 bits.
        together = np.unique(together * (code.max(initial=0) + 2) + code + 1, return_inverse=True)[1]
    where = "chromosome" if "chromosome" in table.columns else "gene"
    alone = (table["start"].isna() | table[where].isna()).to_numpy()
    together[alone] = together.max(initial=0) + 1 + np.arange(alone.sum())
    return together


def tally_genes(
    sample: np.ndarray,
    gene: np.ndarray,
    variant: np.ndarray,
    fraction: np.ndarray | None,
    flag: np.ndarray,
    sequenced: Sequenced,
    assay: Assay,
    *,
    shared: bool,
) -> Tally:
    """Return which pairs of unit and gene are mutated, with their variants counted.

    Parameters
    ----------
    sample, gene, variant
        Places of each counted variant's sample and gene, and its number by `recognise_variants`; shape (row,).
    fraction
        Variant allele fraction, shape (row,), or None where it is not known.
    flag
        Class of each variant as a value of `FLAGS`, shape (row,).
    sequenced, assay
        Who was sequenced, and for what.
    shared
        Whether a gene counts as mutated only where every sample of the unit that was assayed for it has a variant in
        it, and a variant only where each of these samples has it; else one sample suffices.
    """
    n_genes = len(assay.genes)
    unit = sequenced.unit_of[sample]
    pair = unit * n_genes + gene
    n_variants = int(variant.max(initial=0)) + 1
    exact = pair * n_variants + variant
    if shared:
        needed = _count_assayed(unit, gene, sequenced, assay)
        mutated = _in_every_sample(pair, needed, sample, len(sequenced.samples))
        common = _in_every_sample(exact, needed, sample, len(sequenced.samples))
        kept = np.isin(exact, common)
        exact, pair = exact[kept], pair[kept]
        fraction = None if fraction is None else fraction[kept]
        flag = flag[kept]
        counted, count = np.unique(np.unique(exact) // n_variants, return_counts=True)
    else:
        counted, count = np.unique(np.unique(exact) // n_variants, return_counts=True)
        mutated = counted
    largest = np.full(len(counted), np.nan)
    place = np.searchsorted(counted, pair)
    if fraction is not None:
        np.fmax.at(largest, place, fraction)
    # One variant may have another class in another sample, by other transcripts: the first in the list is kept.
    only = np.full(len(counted), MULTI_HIT)
    np.minimum.at(only, place, flag)
    return Tally(mutated, counted, count, largest, np.where(count > 1, MULTI_HIT, only))


def tally_units(
    sample: np.ndarray, gene: np.ndarray, variant: np.ndarray, sequenced: Sequenced, assay: Assay, *, shared: bool
) -> np.ndarray:
    """Return how many different variants each unit has, shape (unit,).

    Parameters
    ----------
    sample, gene, variant
        As `tally_genes` takes them, but a gene may be -1, in none that was assayed; shape (row,).
    sequenced, assay
        Who was sequenced, and for what.
    shared
        Whether only variants count that every sample of the unit has that was assayed for their gene; or every sample
        at all where none was.
    """
    unit = sequenced.unit_of[sample]
    n_variants = int(variant.max(initial=0)) + 1
    exact = unit * n_variants + variant
    if shared:
        needed = _count_assayed(unit, gene, sequenced, assay)
        looked = assay.covered(sample, gene) | (needed == 0)
        whole = np.bincount(sequenced.unit_of, minlength=sequenced.n_units)
        needed = np.where(needed == 0, whole[unit], needed)
        seen = _in_every_sample(exact[looked], needed[looked], sample[looked], len(sequenced.samples))
    else:
        seen = np.unique(exact)
    return np.bincount(seen // n_variants, minlength=sequenced.n_units)


def find_unassayed(sequenced: Sequenced, assay: Assay) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return blocks of what was not assayed: places of units, and of genes that no sample of theirs was assayed for.

    A block for each combination of panels, so that the whole mask need never be held.
    """
    if assay.covers.all():
        return []
    panels: list[set[int]] = [set() for _ in range(sequenced.n_units)]
    for unit, panel in zip(sequenced.unit_of.tolist(), assay.panel_of.tolist(), strict=True):
        panels[unit].add(panel)
    groups: dict[frozenset[int], list[int]] = {}
    for unit, used in enumerate(panels):
        groups.setdefault(frozenset(used), []).append(unit)
    blocks = (
        (np.array(units), np.flatnonzero(~assay.covers[list(used)].any(axis=0))) for used, units in groups.items()
    )
    return [(units, genes) for units, genes in blocks if len(genes)]


def _count_assayed(unit: np.ndarray, gene: np.ndarray, sequenced: Sequenced, assay: Assay) -> np.ndarray:
    """Return how many samples of each row's unit were assayed for its gene, 0 for the gene -1; shape (row,)."""
    of_sample = np.argsort(sequenced.unit_of, kind="stable")
    per_unit = np.bincount(sequenced.unit_of, minlength=sequenced.n_units)
    ends = np.cumsum(per_unit)
    number = assay.covers[assay.panel_of[of_sample[(ends - per_unit)[unit]]], gene].astype(np.int64)
    of_row = np.argsort(unit, kind="stable")
    in_order = unit[of_row]
    # Only a unit of several samples can have had a gene assayed more than once.
    for crowded in np.unique(unit[per_unit[unit] > 1]):
        mine = of_sample[ends[crowded] - per_unit[crowded] : ends[crowded]]
        rows = of_row[slice(*np.searchsorted(in_order, [crowded, crowded + 1]))]
        number[rows] = assay.covers[assay.panel_of[mine]].sum(axis=0)[gene[rows]]
    return np.where(gene >= 0, number, 0)


def _in_every_sample(key: np.ndarray, needed: np.ndarray, sample: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the keys that occur in as many samples as each of their rows needs, each once and sorted."""
    # Keys by their ranks, so that products with the number of samples stay within 64 bits.
    seen, rank = np.unique(key, return_inverse=True)
    times = np.bincount(np.unique(rank * n_samples + sample) // n_samples, minlength=len(seen))
    most = np.zeros(len(seen), dtype=np.int64)
    np.maximum.at(most, rank, needed)
    return seen[times >= most]
