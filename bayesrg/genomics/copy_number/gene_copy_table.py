"""Copy number by gene as GISTIC and cBioPortal write it: a gene a row, a few columns that describe it, then samples."""

from os import PathLike
from pathlib import Path

import pandas as pd

from bayesrg.errors import TableError
from bayesrg.genomics.genes import check_genes
from bayesrg.history import step
from bayesrg.tables import read_numbers

_SYMBOLS = frozenset({"hugo_symbol", "gene symbol", "gene_symbol", "gene", "symbol"})
# Some of these hold numbers, which would pass for a sample.
_DESCRIPTIONS = frozenset(
    {"entrez_gene_id", "entrez gene id", "gene id", "gene_id", "locus id", "locus_id", "cytoband", "ensembl_gene_id"}
)


def read_gene_copy_number(path: str | PathLike[str]) -> pd.DataFrame:
    r"""Return a table of copy number with genes as rows and samples as columns, as `encode_copy_number` takes it.

    Parameters
    ----------
    path
        GISTIC's ``all_data_by_genes.txt`` (log2 ratio) or ``all_thresholded.by_genes.txt`` (classes), cBioPortal's
        ``data_cna.txt`` (classes) or ``data_log2_cna.txt``, or any other table with genes in its first column; of the
        kinds that `bayesrg.tables.read_numbers` reads. Which scale the numbers are on is for `encode_copy_number`.

    Returns
    -------
    pandas.DataFrame
        Without the columns that describe genes (``Entrez_Gene_Id``, ``Gene ID``, ``Locus ID``, ``Cytoband`` and their
        kin). ``attrs["history"]`` names the file, and the columns that were left out.

    Raises
    ------
    TableError
        The file cannot be read, has no samples, or a gene has no name or is there twice.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "all_thresholded.by_genes.txt"
    >>> _ = path.write_text("Gene Symbol\tLocus ID\tCytoband\tTCGA-AB-2803\nEZH2\t2146\t7q36.1\t-1\n")
    >>> read_gene_copy_number(path).to_dict()
    {'TCGA-AB-2803': {'EZH2': -1}}
    """
    source = Path(path)
    table = read_numbers(source, kind="table of copy number")
    symbols = [name for name in table.columns if name.strip().lower() in _SYMBOLS]
    if symbols:
        table = table.set_index(symbols[0]).rename_axis(index=None)
    described = [name for name in table.columns if name.strip().lower() in _DESCRIPTIONS]
    table = table.drop(columns=described)
    if not table.shape[1]:
        raise TableError(
            f"{source}: no column holds a sample; besides the gene there is {', '.join(described) or 'nothing'}"
        )
    table.index = pd.Index(check_genes(table.index, f"{source}, column of genes"), dtype=object)
    table.attrs["history"] = step("read_gene_copy_number", source=source, left_out=described)
    return table
