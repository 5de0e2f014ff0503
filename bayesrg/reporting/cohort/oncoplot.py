"""The oncoplot: the most recurrently mutated genes by patient, in a staircase, with shares, burden and annotations."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure as Canvas

from bayesrg.reporting.blocks import Column, Figure, Table, count
from bayesrg.reporting.cohort.alterations import Alterations, arrange
from bayesrg.reporting.cohort.lettering import clean, plain
from bayesrg.reporting.cohort.sheet import embed_sheet
from bayesrg.reporting.cohort.staircase import class_counts, paint_staircase, percent
from bayesrg.reporting.cohort.strips import Strip, make_strips
from bayesrg.reporting.drawing import WIDTH


def oncoplot(
    mutations: xr.Dataset,
    *,
    genes: int | Sequence[str] = 20,
    annotations: pd.DataFrame | xr.Dataset | None = None,
    variables: Sequence[str] | None = None,
    show_patients: bool = False,
    width: float = WIDTH,
    title: str | None = None,
) -> Canvas:
    """The oncoplot of encoded mutations, as a matplotlib Figure for a notebook (``figure.savefig("oncoplot.svg")``).

    Genes run from the most recurrent down, patients in a staircase (those with a mutation in the first gene first,
    among them those with one in the second, and so on). A cell is coloured by the class of its variant where the data
    have `variant_class`, else by whether there are several; a gene that was not assayed in a patient is striped and
    counts neither way. Bars on top are the variants of each patient (in all genes of the data), or
    `tumor_mutational_burden` where the data have it, on the scale of log(1 + value) if they are skewed; bars on the
    right are the share of the assayed patients with a mutation. Classes of copy number stand as lines above (gain) and
    beneath (loss) a cell.

    Parameters
    ----------
    mutations : Dataset with `mutated` over (patient, gene), 1, 0 or NaN for not assayed; tumor, region or sample can
        stand in place of patient; `variant_class` (flags, or text), `variant_count`, `copy_number_class` over the same
        dims and `tumor_mutational_burden` over patients are shown where they are there
    genes : how many of the most recurrent genes, or their names
    annotations : what else is known, a strip each: DataFrame with patients in its index, or Dataset over patients
    variables : which of its columns (or of the data's own variables over patients); None for all of `annotations`
    show_patients : whether to write identifiers under the plot; the figure is made wider where they need it
    width : inches
    title : None says how many genes and patients are shown

    Raises
    ------
    TableError
        If the data have no `mutated` over patients and genes, or the annotations fit no patient.
    SettingsError
        For a number of genes below one, or a gene or variable that is not there.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> cells = ("patient", "gene"), np.array([[1.0, 0.0], [0.0, np.nan], [1.0, 1.0]])
    >>> data = xr.Dataset({"mutated": cells}, {"patient": ["a", "b", "c"], "gene": ["IDH1", "TP53"]})
    >>> figure = oncoplot(data)
    >>> [text.get_text() for text in figure.axes[0].texts if "/" in text.get_text()]
    ['2/3', '1/2']
    """
    shown = arrange(mutations, genes)
    strips = make_strips(mutations, _dim(mutations), shown.labels, annotations, variables)
    return paint_staircase(shown, strips, title or _title(shown), width, show_patients)


def oncoplot_blocks(
    mutations: xr.Dataset,
    *,
    name: str = "oncoplot",
    genes: int | Sequence[str] = 20,
    annotations: pd.DataFrame | xr.Dataset | None = None,
    variables: Sequence[str] | None = None,
    show_patients: bool = False,
) -> tuple[Figure, Table]:
    """The same oncoplot for a page, and the table of its genes; parameters and errors as of `oncoplot`."""
    shown = arrange(mutations, genes)
    strips = make_strips(mutations, _dim(mutations), shown.labels, annotations, variables)
    title = _title(shown)
    canvas = paint_staircase(shown, strips, title, WIDTH, show_patients)
    copies = "" if shown.copies is None else " A line above a cell is a gain of copies, one beneath it a loss."
    caption = (
        f"A column is a {shown.unit}; those with a mutation in the upper genes stand to the left. A percentage is the "
        f"share of the {shown.units} in which the gene was assayed. Bars on top are {shown.burden_name} of each "
        f"{shown.unit}.{copies}"
    )
    return embed_sheet(canvas, name, title=title, alt=_words(shown, strips), caption=caption), _table(shown, name)


def _dim(mutations: xr.Dataset) -> str:
    return next(str(dim) for dim in mutations["mutated"].dims if dim != "gene")


def _title(shown: Alterations) -> str:
    return f"Mutations: {count(len(shown.genes), 'gene')} in {count(len(shown.order), shown.unit)}"


def _words(shown: Alterations, strips: Sequence[Strip]) -> str:
    """The figure in words and numbers."""
    rows = [
        f"{clean(gene)} in {hit} of {assayed} ({percent(share)})"
        for gene, hit, assayed, share in zip(
            shown.genes[:5], shown.recurrence, shown.assayed, shown.share, strict=False
        )
    ]
    none = int(((shown.mutated == 1).sum(axis=0) == 0).sum())
    known = shown.burden[~np.isnan(shown.burden)]
    burden = (
        f"{shown.burden_name} per {shown.unit}: median {plain(float(np.median(known)))}, from "
        f"{plain(float(known.min()))} to {plain(float(known.max()))}. "
        if known.size
        else ""
    )
    classes = [f"{kind} {number}" for kind, number in class_counts(shown)]
    return (
        f"{count(len(shown.genes), 'gene')} by {count(len(shown.order), shown.unit)}; most often mutated: "
        f"{'; '.join(rows)}. Of the {shown.units}, {none} have no mutation in these genes. "
        f"{int(np.isnan(shown.mutated).sum())} of {shown.mutated.size} cells were not assayed. {burden}"
        + (f"Mutated cells by class: {', '.join(classes)}. " if classes else "")
        + " ".join(f"{strip.name}: {strip.words}." for strip in strips)
    ).strip()


def _table(shown: Alterations, name: str) -> Table:
    frame = shown.table()
    kinds = [str(column) for column in frame.columns[3:]]
    return Table(
        f"{name}-genes",
        f"How often each gene is mutated, of the {shown.units} in which it was assayed.",
        [
            Column("Gene", [clean(gene) for gene in frame.index], numeric=False),
            Column("Mutated", list(map(str, frame["mutated"])), order=list(frame["mutated"])),
            Column("Assayed", list(map(str, frame["assayed"])), order=list(frame["assayed"])),
            Column("Share", [percent(share) for share in frame["share"]], order=list(frame["share"])),
            *(Column(kind, list(map(str, frame[kind])), order=list(frame[kind])) for kind in kinds),
        ],
        frame,
        searchable=len(frame) > 25,
    )
