"""Raw counts: the rows that are no genes, what a count may be, and the genes that are expressed at all."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.expression.count_files import SUMMARY, Strand, read_count_table
from bayesrg.genomics.expression.gene_lengths import find_lengths
from bayesrg.genomics.expression.library_sizes import given_sizes, total_counts
from bayesrg.genomics.gene_columns import find_length_column
from bayesrg.genomics.matrix import Across, as_matrix
from bayesrg.genomics.offenders import refuse_values
from bayesrg.history import step, with_step

_FEATURE_COUNTS = ("Chr", "Start", "End", "Strand")
# From here on float64 no longer tells neighbouring whole numbers apart.
_HIGHEST = 2.0**53


def read_counts(path: str | PathLike[str], *, across: Across = "rows", strand: Strand | None = None) -> xr.Dataset:
    r"""Return the counts of a file, ``count`` over (sample, gene).

    Parameters
    ----------
    path
        A matrix as `bayesrg.genomics.matrix.read_matrix` reads it; a table by featureCounts, or another with a column
        ``length``, which becomes the coordinate ``length``; or the counts of one sample by STAR
        (``ReadsPerGene.out.tab``), GDC (``augmented_star_gene_counts.tsv``) or HTSeq, which is named by its file. Other
        columns that describe genes are left out with a warning.
    across
        Where genes run: ``"rows"`` or ``"columns"``.
    strand
        Of STAR's and GDC's files, which count each gene three times: ``"unstranded"``, ``"forward"`` (reads on the
        gene's strand) or ``"reverse"`` (reads on the other one, as with dUTP kits).

    Raises
    ------
    TableError
        As `read_matrix` raises it, and for the table of one sample by RSEM, Salmon or kallisto.
    SettingsError
        The strand is not said where it must be, or said where there is none.

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
    table, lengths = read_count_table(source, strand), None
    if across == "rows":
        table, lengths = split_annotation(table)
    matrix = as_matrix(table, across=across, what="counts", where=f"{source.name}: ").rename("count")
    matrix.attrs = {"long_name": "raw counts", "units": "1"}
    if lengths is not None:
        found = find_lengths(lengths, matrix["gene"].values)
        matrix = matrix.assign_coords(length=("gene", found, {"units": "bp"}))
    data = with_step(matrix.to_dataset(), step("read_counts", source, **({} if strand is None else {"strand": strand})))
    # The variable alone is what an encoder may be given.
    data["count"].attrs["history"] = data.attrs["history"]
    return data


def split_annotation(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series | None]:
    """Return a table of counts without the columns that featureCounts puts before them, and the lengths among those.

    Parameters
    ----------
    table
        A gene a row; ``Geneid`` is a column or the index. Lengths are in the column ``Length``, if there is one;
        ``Chr``, ``Start``, ``End``, ``Strand`` are columns too, or none of them is there.

    Examples
    --------
    >>> table = pd.DataFrame({"Geneid": ["TP53"], "Chr": ["17"], "Start": [7661779], "End": [7687550], "Strand": ["-"],
    ...                       "Length": [4576], "a.bam": [120]})
    >>> counts, lengths = split_annotation(table)
    >>> counts.columns.tolist(), lengths.to_dict()
    (['a.bam'], {'TP53': 4576})
    """
    length = find_length_column(table)
    if length is None:
        return table, None
    places = list(_FEATURE_COUNTS) if set(_FEATURE_COUNTS) <= set(table.columns) else []
    if places and "Geneid" in table.columns:
        table = table.set_index("Geneid")
    return table.drop(columns=[*places, length]), pd.Series(table[length].to_numpy(), index=table.index)


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
    summary = np.array([SUMMARY.fullmatch(str(gene)) is not None for gene in counts["gene"].values], dtype=bool)
    if not summary.any():
        return counts, {}
    rows = counts[:, summary]
    sums = {
        str(gene): float(total)
        for gene, total in zip(rows["gene"].values, rows.sum(str(rows.dims[0])).values, strict=True)
    }
    return counts[:, ~summary], sums


def check_counts(counts: xr.DataArray, *, estimated: bool = False) -> None:
    """Refuse what cannot be raw counts: missing, negative, too large, or (unless estimated) fractional values.

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
    refuse_values(
        counts,
        values >= _HIGHEST,
        "counts",
        "less than 2^53 (9e15), from which on whole numbers are rounded; no library is so large: correct the cell",
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
    counts: xr.DataArray | pd.DataFrame | xr.Dataset,
    *,
    minimum_cpm: float = 1.0,
    minimum_units: int = 2,
    library_sizes: Mapping[str, float] | pd.Series | xr.DataArray | None = None,
) -> xr.DataArray:
    """Return the counts of genes that reach so many counts per million in so many units.

    Genes below it carry little but noise. The idea is that of edgeR's ``filterByExpr``: choose the number of units as
    the size of the smallest group that matters.

    Parameters
    ----------
    counts
        Dims (unit, gene), a DataFrame with a gene a row, or a Dataset with the variable ``count``.
    minimum_cpm
        Counts per million to be reached, at least 0.
    minimum_units
        Units that must reach it, between 1 and all.
    library_sizes
        Fragments of each unit; by default the sums of its counts.

    Returns
    -------
    xr.DataArray
        Dims (unit, gene); the attribute ``genes_left_out`` names the other genes, ``n_genes_left_out`` counts them,
        and ``history`` tells of this step.

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
    matrix = as_matrix(counts, what="counts", lowest=0, variable="count")
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
    sizes_by = "sums" if library_sizes is None else "given"
    line = step("keep_expressed", minimum_cpm=minimum_cpm, minimum_units=minimum_units, library_sizes=sizes_by)
    return matrix[:, expressed].assign_attrs(
        with_step(xr.Dataset(), line, matrix).attrs,
        genes_left_out=", ".join(map(str, left_out)),
        n_genes_left_out=int(left_out.size),
    )
