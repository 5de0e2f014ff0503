"""Lengths of genes in base pairs, found for the genes of a matrix."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import TableError
from bayesrg.genomics.genes import check_genes
from bayesrg.genomics.offenders import name_some

Lengths = Mapping[str, float] | pd.Series | pd.DataFrame | xr.DataArray

# ENSG00000141510.18 is release 18 of one gene's annotation; _PAR_Y marks the copy on Y and is part of the gene's name.
_VERSIONED = re.compile(r"(ENS[A-Z]*[GT]\d{11})\.\d+(_PAR_Y)?")


def strip_version(gene: str) -> str:
    """Return an Ensembl identifier without its version; any other name as it is.

    Examples
    --------
    >>> strip_version("ENSG00000141510.18"), strip_version("ENSG00000182378.15_PAR_Y"), strip_version("RP11-34P13.7")
    ('ENSG00000141510', 'ENSG00000182378_PAR_Y', 'RP11-34P13.7')
    """
    found = _VERSIONED.fullmatch(gene)
    return found[1] + (found[2] or "") if found else gene


def strip_versions(genes: Sequence[str] | np.ndarray, where: str) -> np.ndarray:
    """Return Ensembl identifiers without their versions, shape (gene,), or refuse them where two become one.

    Parameters
    ----------
    genes
        Identifiers, each once.
    where
        Where they stand, for messages.

    Raises
    ------
    TableError
        Two versions of one gene.

    Examples
    --------
    >>> strip_versions(["ENSG00000141510.18", "ENSG00000146648.21"], "counts").tolist()
    ['ENSG00000141510', 'ENSG00000146648']
    """
    return check_genes(map(strip_version, map(str, genes)), f"{where}, versions of Ensembl identifiers left out")


def find_lengths(lengths: Lengths, genes: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return the length of each gene in base pairs, shape (gene,), NaN for a gene that has none.

    Parameters
    ----------
    lengths
        A mapping or Series from gene to base pairs, or a table with the columns ``gene`` (or genes as its index) and
        ``length``. Effective lengths (Salmon, RSEM) may be fractions.
    genes
        The genes to find; genes that only the lengths have are ignored.

    Raises
    ------
    TableError
        A gene twice, or a length that is text, 0, negative or infinite.

    Examples
    --------
    >>> find_lengths({"TP53": 2512, "EGFR": 9905}, ["EGFR", "TP53", "KRAS"])
    array([9905., 2512.,   nan])
    """
    series = as_series(lengths)
    names = check_genes(series.index, "gene lengths")
    found = np.asarray(pd.to_numeric(series, errors="coerce"), dtype=float)
    text = np.isnan(found) & series.notna().to_numpy()
    if text.any():
        place = int(np.flatnonzero(text)[0])
        raise TableError(
            f"gene lengths: {name_some(names[text], 'gene')} with {series.iloc[place]!r} for base pairs; write a "
            "number above 0"
        )
    wrong = (found <= 0) | np.isinf(found)
    if wrong.any():
        raise TableError(
            f"gene lengths: {name_some(names[wrong], 'gene')} with {found[wrong][0]:g} base pairs, expected a number "
            "above 0; correct the length or remove the gene from the lengths"
        )
    return pd.Series(found, index=names).reindex(list(genes)).to_numpy(dtype=float)


def explain_missing(lengths: Lengths, genes: Sequence[str] | np.ndarray, missing: Sequence[str] | np.ndarray) -> str:
    """Return the message about genes without a length, which says whether the version suffix or the lengths are why.

    Parameters
    ----------
    lengths, genes
        As in `find_lengths`.
    missing
        The genes for which no length was found.
    """
    there = {str(gene) for gene in as_series(lengths).index}
    known = {strip_version(gene) for gene in there}
    # A gene that the lengths name, but without a number, is no matter of versions.
    empty = sum(str(gene) in there for gene in missing)
    mended = sum(str(gene) not in there and strip_version(str(gene)) in known for gene in missing)
    mend = "add their lengths, or leave these genes out (encode_expression does with without_length='leave_out')"
    if empty:
        mend = f"{empty} of them have a missing length, as genes without exons in an annotation have; {mend}"
    if mended:
        mend = (
            f"{mended} of them are found when the version after the dot of Ensembl identifiers (ENSG….12) is ignored: "
            f"use ignore_versions=True{'; ' + mend if empty else ''}"
        )
    return f"no length for {name_some(missing, 'gene')} of {len(genes)}; {mend}"


def as_series(lengths: Lengths) -> pd.Series:
    """Return lengths in any of their forms as a Series with genes as its index, in base pairs as they were written.

    Parameters
    ----------
    lengths
        As in `find_lengths`.

    Raises
    ------
    TableError
        A table without a column of lengths.

    Examples
    --------
    >>> as_series(pd.DataFrame({"gene": ["TP53"], "length": [2512]})).to_dict()
    {'TP53': 2512}
    """
    if isinstance(lengths, xr.DataArray):
        return pd.Series(lengths.values, index=lengths["gene"].values)
    if not isinstance(lengths, pd.DataFrame):
        return pd.Series(lengths)
    length = _find_column(lengths, ("length",))
    if length is None:
        raise TableError(
            f"gene lengths: no column 'length' among {', '.join(map(str, lengths.columns))}; name the column with base "
            "pairs so"
        )
    gene = _find_column(lengths, ("gene", "geneid", "gene_id"))
    return pd.Series(lengths[length].to_numpy(), index=lengths.index if gene is None else lengths[gene].to_numpy())


def _find_column(table: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    return next((column for column in table.columns if str(column).lower() in names), None)
