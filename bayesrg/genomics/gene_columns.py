"""Columns that describe genes or CpGs, which must not be taken for patients because they hold numbers."""

import re
import warnings

import pandas as pd

from bayesrg.errors import TableError, list_some

# As cBioPortal, GDC, GISTIC, GTEx, featureCounts, nf-core and Ensembl's BioMart name them, without blanks and the like.
_LENGTH = frozenset({"length", "genelength"})
_SYMBOLS = frozenset({"gene", "genes", "symbol", "hugosymbol", "genesymbol", "genename", "externalgenename"})
_IDENTIFIERS = frozenset(
    {"geneid", "geneids", "entrezgeneid", "entrezid", "entrez", "ensemblgeneid", "ensemblid", "ensembl", "hgncid"}
    | {"locusid", "transcriptid", "transcriptids", "refseq", "probeid", "ilmnid", "cpg", "compositeelementref"}
)
_OTHERS = frozenset(
    {"genetype", "genebiotype", "biotype", "description", "genedescription", "cytoband", "effectivelength"}
    | {"chr", "chrom", "chromosome", "chromosomename", "start", "end", "strand", "genomiccoordinate", "mapinfo"}
)
_DESCRIBING = _LENGTH | _SYMBOLS | _IDENTIFIERS | _OTHERS
# Heads of the first column, of which a number would be a strange second.
_FIRST = _DESCRIBING | {"id", "name", "probe", "feature", "sample", "patient", "index", "rownames", "unnamed:0"}
_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?")


def find_length_column(table: pd.DataFrame) -> str | None:
    """Return the column that holds the lengths of genes, or None.

    Examples
    --------
    >>> find_length_column(pd.DataFrame({"gene_name": ["TP53"], "Length": [2512], "P1": [3]}))
    'Length'
    """
    return next((column for column in table.columns if _plain(column) in _LENGTH), None)


def leave_out_descriptions(table: pd.DataFrame, where: str = "") -> pd.DataFrame:
    """Return a table without the columns that describe its rows: ``Entrez_Gene_Id``, ``gene_name`` and their kin.

    Parameters
    ----------
    table
        A gene or CpG a row, and a sample a column.
    where
        What stands before a message, such as the file's name.

    Raises
    ------
    TableError
        Names of genes are in a column, and the index only counts rows; or nothing is left.

    Warns
    -----
    UserWarning
        Naming the columns that were left out.

    Examples
    --------
    >>> import warnings
    >>> table = pd.DataFrame({"Entrez_Gene_Id": [7157], "P1": [3]}, index=["TP53"])
    >>> with warnings.catch_warnings(record=True, action="always") as told:
    ...     leave_out_descriptions(table).columns.tolist()
    ['P1']
    >>> print(told[0].message)
    columns that describe rows are no samples and were left out: 'Entrez_Gene_Id'
    """
    describing = [column for column in table.columns if _plain(column) in _DESCRIBING]
    if not describing:
        return table
    labels = [column for column in describing if _plain(column) in _SYMBOLS | _IDENTIFIERS]
    if labels and isinstance(table.index, pd.RangeIndex):
        raise TableError(
            f"{where}the rows are only numbered, and the column {labels[0]!r} seems to name them; make it the index "
            f"with table.set_index({labels[0]!r})"
        )
    if len(describing) == table.shape[1]:
        raise TableError(
            f"{where}the columns {list_some(map(repr, describing))} describe rows, and there is no other; expected "
            "columns of samples"
        )
    warnings.warn(
        f"{where}columns that describe rows are no samples and were left out: {list_some(map(repr, describing))}",
        stacklevel=2,
    )
    return table.drop(columns=describing)


def is_headless(labels: list[str]) -> bool:
    """Return whether the first row of a table of counts is a gene with its counts, and no row of names.

    Parameters
    ----------
    labels
        Fields of the first row.

    Examples
    --------
    >>> is_headless(["ENSG00000141510", "5"]), is_headless(["gene", "5"]), is_headless(["", "5"])
    (True, False, False)
    """
    if len(labels) < 2 or labels[0] == "" or _plain(labels[0]) in _FIRST:
        return False
    return all(_NUMBER.fullmatch(label) for label in labels[1:])


def refuse_headless(table: pd.DataFrame, where: str) -> None:
    """Raise for a table from a file whose first row, read as names, is one of genes and numbers.

    Parameters
    ----------
    table
        As `bayesrg.tables.read_numbers` returns it, a gene a row.
    where
        What stands before the message.

    Raises
    ------
    TableError
        All names of columns are numbers, and the first column is named like a gene.
    """
    labels = ["" if table.index.name is None else str(table.index.name), *map(str, table.columns)]
    if is_headless(labels):
        raise TableError(
            f"{where}the first row is {list_some(map(repr, labels))}; expected the names of the samples there: put "
            "such a row above it, or, if these are names, write 'gene' for the first"
        )


def _plain(name: object) -> str:
    return re.sub(r"[\s_.-]", "", str(name)).lower()
