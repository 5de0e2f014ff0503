"""Files of counts as programs write them: STAR's and HTSeq's of one sample, GDC's, and what is no table of counts."""

import re
import warnings
import zlib
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.gene_columns import is_headless, refuse_headless
from bayesrg.tables import read_numbers
from bayesrg.tables.number_text import is_number_text, read_first_row

Strand = Literal["unstranded", "forward", "reverse"]

SUMMARY = re.compile(
    r"__(no_feature|ambiguous|too_low_aQual|not_aligned|alignment_not_unique)|N_(unmapped|multimapping|noFeature|ambiguous)"
)
"""Rows that HTSeq and STAR write below or above the genes: reads that they could not assign."""

# The columns of GDC's files, which are STAR's with a header and TPM and FPKM beside them.
_GDC = {"unstranded": "unstranded", "stranded_first": "forward", "stranded_second": "reverse"}
_ESTIMATES = {
    "RSEM": {"expected_count", "effective_length", "TPM"},
    "Salmon": {"NumReads", "EffectiveLength", "TPM"},
    "kallisto": {"est_counts", "eff_length", "tpm"},
}
_ENDINGS = re.compile(
    r"([._-]?(ReadsPerGene\.out|rna_seq\.augmented_star_gene_counts|htseq|counts?|tab|tsv|txt|csv|gz))+$", re.IGNORECASE
)


def read_count_table(path: Path, strand: Strand | None = None) -> pd.DataFrame:
    r"""Return the table of counts that a file holds: a gene a row, a sample a column.

    Parameters
    ----------
    path
        A table with a row of names as `bayesrg.tables.read_numbers` reads it; or the counts of one sample by STAR
        (``ReadsPerGene.out.tab``), GDC (``augmented_star_gene_counts.tsv``) or HTSeq, which is named by its file.
    strand
        Of STAR's and GDC's files, which count three times, the column to take.

    Raises
    ------
    TableError
        The file cannot be read, has no row of names, or is a table of estimates of one sample.
    SettingsError
        The strand is not said where it must be, or said where there is none.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "P1.ReadsPerGene.out.tab"
    >>> _ = path.write_text("N_unmapped\t5\t5\t5\nTP53\t20\t1\t19\n")
    >>> read_count_table(path, "reverse").to_dict()
    {'P1': {'N_unmapped': 5, 'TP53': 19}}
    """
    if strand is not None and strand not in get_args(Strand):
        raise SettingsError(f"strand={strand!r}: expected one of {', '.join(get_args(Strand))}")
    first = _first_row(path)
    if first[:1] == ["N_unmapped"] and len(first) == 4:
        return _choose_strand(read_numbers(path, kind="table of counts", names=get_args(Strand)), strand, path)
    if is_headless(first) and len(first) == 2:
        table = read_numbers(path, kind="table of counts", names=[name_sample(path)])
        if not any(SUMMARY.fullmatch(str(gene)) for gene in table.index):
            warnings.warn(
                f"{path.name}: the first row is {first}, and no row of names; the file is taken as the counts of one "
                f"sample, {table.columns[0]!r}",
                stacklevel=3,
            )
    else:
        table = read_numbers(path, kind="table of counts")
        if set(_GDC) <= set(table.columns):
            return _choose_strand(table.rename(columns=_GDC), strand, path)
        refuse_headless(table, f"{path.name}: ")
        _refuse_estimates(table, path)
    if strand is not None:
        raise SettingsError(
            f"strand={strand!r}: {path.name} has no column a strand, as STAR's and GDC's files have; leave strand out"
        )
    return table


def name_sample(path: Path) -> str:
    """Return the name of the sample of which a file is: the file's, without what the program puts after it.

    Examples
    --------
    >>> name_sample(Path("P1.ReadsPerGene.out.tab")), name_sample(Path("P2_htseq.counts.gz"))
    ('P1', 'P2')
    """
    return _ENDINGS.sub("", path.name) or path.name


def _first_row(path: Path) -> list[str]:
    """Return the first row's fields, or none of a file that is no text or that `read_numbers` will refuse."""
    try:
        return read_first_row(path) if is_number_text(path) else []
    except (OSError, EOFError, ValueError, zlib.error):
        return []


def _choose_strand(table: pd.DataFrame, strand: Strand | None, path: Path) -> pd.DataFrame:
    """Return one of the three columns, named like the sample."""
    if strand is None:
        genes = ~table.index.astype(str).str.fullmatch(SUMMARY.pattern)
        sums = {name: float(np.nansum(_to_numbers(table.loc[genes, name]))) for name in get_args(Strand)}
        told = ", ".join(f"{name} {total:,.0f}" for name, total in sums.items())
        raise SettingsError(
            f"{path.name} counts each gene three times, by what the library tells of strands; say which with "
            f"strand='unstranded', 'forward' or 'reverse' (the column for reads on the opposite strand, as of dUTP "
            f"kits). Fragments on genes: {told}; if forward and reverse are alike, the library is unstranded, and "
            "otherwise the larger is its strand"
        )
    return pd.DataFrame(table[[strand]]).set_axis([name_sample(path)], axis=1)


def _to_numbers(cells: object) -> np.ndarray:
    return np.asarray(pd.to_numeric(cells, errors="coerce"), dtype=float)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _refuse_estimates(table: pd.DataFrame, path: Path) -> None:
    """Raise for a table that describes one sample in several columns, each of which would pass for a sample."""
    for program, columns in _ESTIMATES.items():
        if columns <= set(map(str, table.columns)):
            count, _, tpm = sorted(columns, key=lambda name: (name.lower() == "tpm", "len" in name.lower()))
            raise TableError(
                f"{path.name}: this is {program}'s table of one sample, whose columns ({list(table.columns)}) are no "
                f"samples; join the column {count!r} of all samples' files into one table (a gene a row, a sample a "
                f"column) and encode it with estimated=True, or join {tpm!r} and encode it with as_measured='tpm'"
            )
