"""Raw counts: the rows that are no genes, what a count may be, and the genes that are expressed at all."""

import re
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.expression.library_sizes import given_sizes, total_counts
from bayesrg.genomics.matrix import Across, as_matrix
from bayesrg.genomics.offenders import refuse_values
from bayesrg.history import step, with_step
from bayesrg.tables import read_numbers

# What HTSeq and STAR write below or above the genes: reads that they could not assign.
_SUMMARY = re.compile(
    r"__(no_feature|ambiguous|too_low_aQual|not_aligned|alignment_not_unique)|N_(unmapped|multimapping|noFeature|ambiguous)"
)
_FEATURE_COUNTS = ("Chr", "Start", "End", "Strand", "Length")


def read_counts(path: str | PathLike[str], *, across: Across = "rows") -> xr.Dataset:
    r"""Return the counts of a file, ``count`` over (sample, gene).

    Parameters
    ----------
    path
        A matrix as `bayesrg.genomics.matrix.read_matrix` reads it, or a table by featureCounts, whose lengths become
        the coordinate ``length``.
    across
        Where genes run: ``"rows"`` or ``"columns"``.

    Raises
    ------
    TableError
        As `read_matrix` raises it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "counts.txt"
    >>> names = ["Geneid", "Chr", "Start", "End", "Strand", "Length", "a.bam"]
    >>> rows = [["TP53", "17", "7661779", "7687550", "-", "4576", "120"]]
    >>> _ = path.write_text("# Program:featureCounts\n" + "\n".join("\t".join(row) for row in [names, *rows]) + "\n")
    >>> read_counts(path)["count"].item(), read_counts(path)["length"].item()
    (120.0, 4576.0)
    """
    source = Path(path)
    table, lengths = split_annotation(read_numbers(source))
    matrix = as_matrix(table, across=across).rename("count")
    matrix.attrs = {"long_name": "raw counts", "units": "1"}
    if lengths is not None:
        matrix = matrix.assign_coords(length=("gene", lengths.to_numpy(dtype=float), {"units": "bp"}))
    return with_step(matrix.to_dataset(), step("read_counts", source))


def split_annotation(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series | None]:
    """Return a table of counts without the columns that featureCounts puts before them, and the lengths among those.

    Parameters
    ----------
    table
        A gene a row; ``Geneid`` is a column or the index, and ``Chr``, ``Start``, ``End``, ``Strand``, ``Length`` are
        columns, or none of them is there.

    Examples
    --------
    >>> table = pd.DataFrame({"Geneid": ["TP53"], "Chr": ["17"], "Start": [7661779], "End": [7687550], "Strand": ["-"],
    ...                       "Length": [4576], "a.bam": [120]})
    >>> counts, lengths = split_annotation(table)
    >>> counts.columns.tolist(), lengths.to_dict()
    (['a.bam'], {'TP53': 4576})
    """
    if not set(_FEATURE_COUNTS) <= set(table.columns):
        return table, None
    if "Geneid" in table.columns:
        table = table.set_index("Geneid")
    lengths = pd.Series(table["Length"].to_numpy(), index=table.index)
    return table.drop(columns=list(_FEATURE_COUNTS)), lengths


def leave_out_summaries(counts: xr.DataArray) -> tuple[xr.DataArray, dict[str, float]]:
    """Return counts without the rows in which HTSeq and STAR sum up unassigned reads, and what those rows held.

    Parameters
    ----------
    counts
        Dims (unit, gene).

    Returns
    -------
    tuple
        The counts of genes, and the sum over units of each row left out, by its name (``__no_feature``,
        ``N_unmapped`` and their kin).

    Examples
    --------
    >>> counts = xr.DataArray([[7.0, 90.0]], {"sample": ["a"], "gene": ["TP53", "__no_feature"]})
    >>> genes, unassigned = leave_out_summaries(counts)
    >>> genes.gene.values.tolist(), unassigned
    (['TP53'], {'__no_feature': 90.0})
    """
    summary = np.array([_SUMMARY.fullmatch(str(gene)) is not None for gene in counts["gene"].values], dtype=bool)
    if not summary.any():
        return counts, {}
    rows = counts[:, summary]
    sums = {
        str(gene): float(total)
        for gene, total in zip(rows["gene"].values, rows.sum(str(rows.dims[0])).values, strict=True)
    }
    return counts[:, ~summary], sums


def check_counts(counts: xr.DataArray, *, estimated: bool = False) -> None:
    """Refuse what cannot be raw counts: missing, negative, or (unless they are estimates) fractional values.

    Parameters
    ----------
    counts
        Dims (unit, gene).
    estimated
        Fractions are permitted: RSEM, Salmon and kallisto share reads among transcripts.

    Raises
    ------
    TableError
        Naming gene and unit of the first, and how many there are.
    """
    if counts.size == 0:
        raise TableError(
            f"counts: {counts.sizes['gene']} genes in {counts.shape[0]} {counts.dims[0]}s, expected at least one of "
            "each; check that the table is not empty and has genes where they are looked for"
        )
    values = counts.values
    refuse_values(
        counts,
        np.isnan(values),
        "counts",
        "a number in every cell; write 0 where nothing was counted, or leave out a gene that was not assayed",
    )
    refuse_values(
        counts,
        values < 0,
        "counts",
        "0 or more; if these are logarithms, say so with as_measured='log2_cpm' (or log2_tpm, log2_fpkm)",
    )
    if not estimated:
        refuse_values(
            counts,
            values != np.rint(values),
            "counts",
            "whole numbers of fragments; for estimates by RSEM, Salmon or kallisto pass estimated=True, and for "
            "values that are already normalised say as_measured='tpm' (or fpkm, cpm, log2_tpm, …)",
        )


def keep_expressed(
    counts: xr.DataArray | pd.DataFrame,
    *,
    minimum_cpm: float = 1.0,
    minimum_units: int = 2,
    library_sizes: xr.DataArray | None = None,
) -> xr.DataArray:
    """Return the counts of genes that reach so many counts per million in so many units.

    Genes below it carry little but noise. The idea is that of edgeR's ``filterByExpr``: choose the number of units as
    the size of the smallest group that matters.

    Parameters
    ----------
    counts
        Dims (unit, gene), or a DataFrame with a gene a row.
    minimum_cpm
        Counts per million to be reached, at least 0.
    minimum_units
        Units that must reach it, between 1 and all.
    library_sizes
        Fragments of each unit; by default the sums of its counts.

    Returns
    -------
    xr.DataArray
        Dims (unit, gene); the attribute ``genes_left_out`` names the other genes, ``n_genes_left_out`` counts them.

    Raises
    ------
    SettingsError
        A bound out of range.
    TableError
        What is no matrix of counts, or no gene is left.

    Notes
    -----
    Chen, Lun and Smyth (2016), doi:10.12688/f1000research.8987.2.

    Examples
    --------
    >>> counts = xr.DataArray([[999_999.0, 1.0, 0.0], [999_998.0, 0.0, 2.0]],
    ...                       {"sample": ["a", "b"], "gene": ["ACTB", "TP53", "OR4F5"]})
    >>> kept = keep_expressed(counts, minimum_cpm=1, minimum_units=2)
    >>> kept.gene.values.tolist(), kept.attrs["genes_left_out"], kept.attrs["n_genes_left_out"]
    (['ACTB'], 'TP53, OR4F5', 2)
    """
    matrix = as_matrix(counts, what="counts", lowest=0)
    units = matrix.shape[0]
    if not 1 <= minimum_units <= units:
        raise SettingsError(f"minimum_units={minimum_units}: expected 1 to {units}, the number of {matrix.dims[0]}s")
    if not minimum_cpm >= 0:
        raise SettingsError(f"minimum_cpm={minimum_cpm}: expected a number of counts per million, at least 0")
    sizes = total_counts(matrix) if library_sizes is None else given_sizes(matrix, library_sizes)
    # Rounding must not put a gene with exactly the minimum below it.
    threshold = (sizes * minimum_cpm / 1e6).values[:, None] * (1 - 1e-12)
    expressed = (matrix.values >= threshold).sum(axis=0) >= minimum_units
    if not expressed.any():
        raise TableError(
            f"no gene reaches {minimum_cpm} counts per million in {minimum_units} of {units} {matrix.dims[0]}s; "
            "lower minimum_cpm or minimum_units"
        )
    left_out = matrix["gene"].values[~expressed]
    return matrix[:, expressed].assign_attrs(
        genes_left_out=", ".join(map(str, left_out)), n_genes_left_out=int(left_out.size)
    )
