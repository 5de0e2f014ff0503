"""What an oncoplot shows: the genes and their order, the patients in a staircase, and what stands in each cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations.variant_classes import name_classes
from bayesrg.reporting.cohort.lettering import clean

UNITS = {"patient": "patient", "tumor": "tumour", "region": "region", "sample": "sample"}
SEVERAL = "several variants"


@dataclass(frozen=True)
class Alterations:
    """The cells of an oncoplot, in the order in which they are drawn.

    Parameters
    ----------
    unit : what a column is: patient, tumour, region or sample
    genes : shape (gene,), from the most recurrent down
    labels : shape (unit,), of the columns from left to right
    order : shape (unit,), where each column stands in the data
    mutated : shape (gene, unit), 1, 0, or NaN where a gene was not assayed
    kind : shape (gene, unit), class of the variant, "" for none
    copies : shape (gene, unit), copy number class -2..2 or NaN; None where the data have none
    burden : shape (unit,), variants of each column, NaN where it was not assayed
    burden_name : what the burden counts
    """

    unit: str
    genes: np.ndarray
    labels: np.ndarray
    order: np.ndarray
    mutated: np.ndarray
    kind: np.ndarray
    copies: np.ndarray | None
    burden: np.ndarray
    burden_name: str

    @property
    def assayed(self) -> np.ndarray:
        """Columns in which each gene was assayed, shape (gene,)."""
        return (~np.isnan(self.mutated)).sum(axis=1)

    @property
    def recurrence(self) -> np.ndarray:
        """Columns in which each gene is mutated, shape (gene,)."""
        return (self.mutated == 1).sum(axis=1)

    @property
    def share(self) -> np.ndarray:
        """Share of the assayed columns that are mutated, NaN for a gene that was assayed in none, shape (gene,)."""
        return np.divide(self.recurrence, self.assayed, out=np.full(len(self.genes), np.nan), where=self.assayed > 0)

    @property
    def units(self) -> str:
        """The plural of `unit`."""
        return f"{self.unit}s"

    def table(self) -> pd.DataFrame:
        """How often each gene is mutated: index gene; mutated, assayed, share, and a column per class of variant."""
        frame = pd.DataFrame(
            {"mutated": self.recurrence, "assayed": self.assayed, "share": self.share},
            index=pd.Index(self.genes, name="gene"),
        )
        kinds = pd.unique(self.kind[self.kind != ""])
        for kind in sorted(kinds, key=lambda one: -(self.kind == one).sum()):
            frame[kind] = (self.kind == kind).sum(axis=1)
        return frame


def arrange(mutations: xr.Dataset, genes: int | Sequence[str] = 20) -> Alterations:
    """The most recurrent genes (or those that are named) of encoded mutations, patients in a staircase.

    Patients with a mutation in the first gene come first, among them those with one in the second gene, and so on;
    equal ones stay in the order of the data.

    Raises
    ------
    TableError
        If the data have no variable `mutated` over a unit and genes, or no unit or gene at all.
    SettingsError
        For a number of genes below one, or a gene that the data do not have.
    """
    if "mutated" not in mutations:
        raise TableError(
            "an oncoplot shows the variable 'mutated' over (patient, gene), which these data do not have; they have "
            f"{', '.join(map(str, mutations.data_vars)) or 'no variable'}: encode the mutations first"
        )
    found = mutations["mutated"]
    unit = next((dim for dim in UNITS if dim in found.dims), None)
    if unit is None or set(found.dims) != {unit, "gene"}:
        raise TableError(
            f"'mutated' has the dims {tuple(map(str, found.dims))}; an oncoplot shows ('patient', 'gene'), or tumor, "
            "region or sample in place of patient"
        )
    if 0 in found.shape:
        raise TableError(f"'mutated' has {found.sizes[unit]} {UNITS[unit]}s and {found.sizes['gene']} genes: no cell")
    values = found.transpose("gene", unit).values
    chosen = _choose(found["gene"].values.astype(str), values, genes)
    rows = values[chosen].astype(float)
    data = mutations.isel(gene=chosen)
    kind = _kinds(data, unit, rows)
    order = np.lexsort([*_ranked(kind)[::-1], *-(rows[::-1] == 1).astype(int)])
    burden, burden_name = _burden(mutations, unit, values)
    copies = None
    if "copy_number_class" in data and set(data["copy_number_class"].dims) == {unit, "gene"}:
        copies = data["copy_number_class"].transpose("gene", unit).values.astype(float)[:, order]
    return Alterations(
        unit=UNITS[unit],
        genes=data["gene"].values.astype(str),
        labels=mutations[unit].values.astype(str)[order],
        order=order,
        mutated=rows[:, order],
        kind=kind[:, order],
        copies=copies,
        burden=burden[order],
        burden_name=burden_name,
    )


def _choose(labels: np.ndarray, values: np.ndarray, genes: int | Sequence[str]) -> np.ndarray:
    """Places of the genes to show, from the most recurrent down; genes mutated equally often in their own order."""
    recurrence = (values == 1).sum(axis=1)
    if isinstance(genes, (int, np.integer)):
        if genes < 1:
            raise SettingsError(f"genes is {genes}; give how many of the most recurrent genes to show, or their names")
        places = np.argsort(-recurrence, kind="stable")[: int(genes)]
        return places[recurrence[places] > 0] if recurrence[places].any() else places
    if isinstance(genes, str) or not len(genes):
        raise SettingsError(f"genes is {genes!r}; give a number, or a list of names such as ['TP53', 'IDH1']")
    where = {str(label): place for place, label in enumerate(labels)}
    unknown = [str(gene) for gene in genes if gene not in where]
    if unknown:
        near = {gene: get_close_matches(gene, list(where), n=1) for gene in unknown[:5]}
        shown = "; ".join(
            f"{gene!r}" + (f" (did you mean {match[0]!r}?)" if match else "") for gene, match in near.items()
        )
        raise SettingsError(
            f"{len(unknown)} of the {len(genes)} genes to show are not among the {len(where)} in the data: {shown}; "
            "name genes as the data do"
        )
    places = np.array([where[gene] for gene in dict.fromkeys(genes)])
    return places[np.argsort(-recurrence[places], kind="stable")]


def _kinds(data: xr.Dataset, unit: str, rows: np.ndarray) -> np.ndarray:
    """The class of each cell's variant; without classes one variant and several, without counts mutated."""
    if "variant_class" in data:
        classes = data["variant_class"].transpose("gene", unit)
        found = name_classes(classes) if "flag_values" in classes.attrs else classes.values
        known = ~pd.isna(found) & (found != "")
        named = np.where(known, found, "class not given").astype(object)
        tidy = {label: clean(label).replace("_", " ") for label in pd.unique(named.ravel())}
        shown = np.vectorize(tidy.__getitem__, otypes=[object])(named)
    elif "variant_count" in data:
        count = data["variant_count"].transpose("gene", unit).values
        shown = np.where(count > 1, SEVERAL, "one variant").astype(object)
    else:
        shown = np.full(rows.shape, "mutated", dtype=object)
    return np.where(rows == 1, shown, "")


def _ranked(kind: np.ndarray) -> np.ndarray:
    """Classes as numbers, the most frequent first, so that equal patients of one class stand together."""
    labels, codes = np.unique(kind.astype(str), return_inverse=True)
    places = np.argsort(np.argsort(-np.bincount(codes.ravel(), minlength=len(labels)), kind="stable"))
    return places[codes.reshape(kind.shape)]


def _burden(mutations: xr.Dataset, unit: str, values: np.ndarray) -> tuple[np.ndarray, str]:
    """What the bars on top show, and its name."""
    if "tumor_mutational_burden" in mutations and mutations["tumor_mutational_burden"].dims == (unit,):
        return mutations["tumor_mutational_burden"].values.astype(float), "mutations per megabase"
    if "variant_count" in mutations and set(mutations["variant_count"].dims) == {unit, "gene"}:
        counted, name = mutations["variant_count"].transpose("gene", unit).values, "variants"
    else:
        counted, name = values, "mutated genes"
    nowhere = np.isnan(counted).all(axis=0)
    return np.where(nowhere, np.nan, np.nansum(counted, axis=0)), name
