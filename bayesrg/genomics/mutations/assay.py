"""Who was assayed for which genes: the denominator of every share of mutated patients."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.genomics.genes import check_genes
from bayesrg.samples import identify_samples

Genes = Iterable[str] | Mapping[str, Iterable[str]] | pd.DataFrame
Panels = Mapping[str, str] | pd.DataFrame

EVERYTHING = "every gene in the file"
"""Name of the panel that is assumed where nothing says what was assayed."""


@dataclass(frozen=True)
class Assay:
    """Genes that samples were assayed for, by panels that several samples share.

    Attributes
    ----------
    genes
        Every gene that somebody was assayed for, shape (gene,).
    panels
        Names of the panels, shape (panel,).
    covers
        Whether a panel has a gene, shape (panel, gene).
    panel_of
        Place of each sample's panel among ``panels``, shape (sample,).
    key_of
        Name under which each sample's genes were stated, of a panel, sample or patient, shape (sample,).
    stated
        All such names, those that no sample goes by among them.
    assumed
        Whether nobody said what was assayed, so that every gene of the file is taken to have been.
    """

    genes: np.ndarray
    panels: tuple[str, ...]
    covers: np.ndarray
    panel_of: np.ndarray
    key_of: tuple[str, ...]
    stated: frozenset[str]
    assumed: bool = False

    def covered(self, sample: np.ndarray, gene: np.ndarray) -> np.ndarray:
        """Return whether samples were assayed for genes, both as places; a gene of place -1 is in no panel."""
        return self.covers[self.panel_of[sample], gene] & (gene >= 0)


def plan_assay(
    samples: Sequence[str],
    patients: Sequence[str],
    seen: Iterable[str],
    assayed: Genes | None = None,
    panels: Panels | None = None,
) -> Assay:
    """Return which genes each sample was assayed for.

    Parameters
    ----------
    samples, patients
        Names of the samples, and of each sample's patient.
    seen
        Genes of the file, which are taken to have been assayed in everybody if ``assayed`` is None.
    assayed
        A list of genes, the same for everybody; a mapping from patient or sample to genes, or a table with the columns
        ``patient`` (or ``sample``) and ``gene``; with ``panels`` a mapping from panel to genes, or a table with the
        columns ``panel`` and ``gene``.
    panels
        Each patient's or sample's panel: a mapping, or a table with the columns ``patient`` (or ``sample``) and
        ``panel``.

    Raises
    ------
    TableError
        A gene is empty or was spoilt by a spreadsheet program; a sample has no panel, or a panel no genes.
    SettingsError
        ``panels`` are given without the genes on them.

    Examples
    --------
    >>> on = {"small": ["TP53"], "large": ["TP53", "IDH1"]}
    >>> assay = plan_assay(["a", "b"], ["a", "b"], [], on, {"a": "small", "b": "large"})
    >>> assay.genes.tolist(), assay.covers[assay.panel_of].tolist()
    (['IDH1', 'TP53'], [[False, True], [True, True]])
    """
    if assayed is None:
        if panels is not None:
            raise SettingsError(
                "panels says who had which panel, but assayed does not say which genes are on them; give both"
            )
        genes = np.array(sorted(set(seen)), dtype=str)
        return _cover_all(genes, EVERYTHING, len(samples), assumed=True)
    if not isinstance(assayed, (Mapping, pd.DataFrame)):
        if panels is not None:
            raise SettingsError(
                "with panels, assayed must tell the genes of each: a mapping from panel to genes, or a table"
            )
        genes = check_genes([assayed] if isinstance(assayed, str) else assayed, "assayed")
        if not len(genes):
            raise SettingsError("assayed names no gene; name those that were assayed, or leave it out")
        return _cover_all(genes, "assayed", len(samples))
    return _share_panels(*_match(samples, patients, assayed, panels), named=panels is not None)


def list_patients(assayed: Genes | None, panels: Panels | None) -> list[str] | None:
    """Return the patients whom a statement of what was assayed names, sorted; None where it names none.

    Examples
    --------
    >>> list_patients({"TCGA-AB-2802-03A": ["TP53"]}, None), list_patients(["TP53"], None)
    (['TCGA-AB-2802'], None)
    """
    stated = assayed if panels is None else panels
    if isinstance(stated, pd.DataFrame):
        label = next((name for name in ("sample", "patient") if name in stated.columns), None)
        names = [] if label is None else stated[label].astype(str).unique().tolist()
    else:
        names = [str(name) for name in stated] if isinstance(stated, Mapping) else []
    return sorted(set(identify_samples(names)["patient"])) if names else None


def _cover_all(genes: np.ndarray, name: str, n_samples: int, *, assumed: bool = False) -> Assay:
    """Return the assay of one panel that everybody had."""
    covers, panel_of = np.ones((1, len(genes)), dtype=bool), np.zeros(n_samples, dtype=np.intp)
    return Assay(genes, (name,), covers, panel_of, (name,) * n_samples, frozenset([name]), assumed)


def _match(
    samples: Sequence[str],
    patients: Sequence[str],
    assayed: Mapping[str, Iterable[str]] | pd.DataFrame,
    panels: Panels | None,
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return each sample's key, and the genes by key: panels, or the patients or samples themselves."""
    if panels is None:
        by_key = _genes_by(assayed, ("sample", "patient"))
        what = "assayed"
        keys = [sample if sample in by_key else patient for sample, patient in zip(samples, patients, strict=True)]
    else:
        by_key = _genes_by(assayed, ("panel",))
        of = _panel_by_name(panels)
        what = "panels"
        absent = sorted({p for s, p in zip(samples, patients, strict=True) if s not in of and p not in of})
        if absent:
            raise TableError(
                f"panels: {len(absent)} patients have no panel: {list_some(absent)}; name theirs, or leave the "
                "patients out"
            )
        keys = [of[s] if s in of else of[p] for s, p in zip(samples, patients, strict=True)]
    absent = sorted(set(keys) - by_key.keys())
    if absent:
        raise TableError(
            f"{what}: no gene is named for {len(absent)} {'patients' if panels is None else 'panels'}: "
            f"{list_some(absent)}; say what they were assayed for in assayed"
        )
    return keys, by_key


def _genes_by(assayed: Mapping[str, Iterable[str]] | pd.DataFrame, labels: Sequence[str]) -> dict[str, np.ndarray]:
    if isinstance(assayed, pd.DataFrame):
        label = next((name for name in labels if name in assayed.columns), None)
        if label is None or "gene" not in assayed.columns:
            raise TableError(
                f"the table of assayed genes has the columns {', '.join(map(str, assayed.columns))}; expected "
                f"{' or '.join(labels)}, and gene, with a row for each gene"
            )
        assayed = {str(key): rows["gene"].tolist() for key, rows in assayed.groupby(label, sort=False)}
    return {str(key): check_genes([g] if isinstance(g, str) else g, f"assayed, {key}") for key, g in assayed.items()}


def _panel_by_name(panels: Panels) -> dict[str, str]:
    if isinstance(panels, pd.DataFrame):
        label = next((name for name in ("sample", "patient") if name in panels.columns), None)
        if label is None or "panel" not in panels.columns:
            raise TableError(
                f"the table of panels has the columns {', '.join(map(str, panels.columns))}; expected patient or "
                "sample, and panel"
            )
        again = panels.loc[panels[label].duplicated(), label]
        if len(again):
            raise TableError(
                f"the table of panels has several rows for {list_some(sorted(set(map(str, again))))}; keep one each, "
                "or "
                "name panels by sample"
            )
        panels = dict(zip(panels[label].astype(str), panels["panel"].astype(str), strict=True))
    return {str(name): str(panel) for name, panel in panels.items()}


def _share_panels(keys: list[str], by_key: Mapping[str, np.ndarray], *, named: bool) -> Assay:
    """Return the assay with a row for each named panel, or else for each different set of genes."""
    used = {key: by_key[key] for key in dict.fromkeys(keys)}
    genes = np.array(sorted({str(gene) for listed in used.values() for gene in listed}), dtype=str)
    place = {gene: number for number, gene in enumerate(genes.tolist())}
    row_of_set: dict[tuple[str, frozenset[str]], int] = {}
    row_of_key: dict[str, int] = {}
    names: list[str] = []
    for key, listed in used.items():
        row = row_of_set.setdefault((key if named else "", frozenset(listed.tolist())), len(row_of_set))
        row_of_key[key] = row
        if row == len(names):
            names.append(key)
    covers = np.zeros((len(names), len(genes)), dtype=bool)
    for (_, listed), row in row_of_set.items():
        covers[row, [place[gene] for gene in listed]] = True
    panel_of = np.array([row_of_key[key] for key in keys], dtype=np.intp)
    return Assay(genes, tuple(names), covers, panel_of, tuple(keys), frozenset(by_key))
