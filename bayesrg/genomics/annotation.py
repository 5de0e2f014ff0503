"""Where genes are and how long their exons are together, read from BED, GTF and GFF3."""

import warnings
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.genomics.chromosomes import LENGTHS, choose_build, name_chromosomes, rank_chromosomes
from bayesrg.genomics.gene_models import read_gene_models
from bayesrg.genomics.text_rows import read_text, split_rows
from bayesrg.history import step

Names = Literal["symbol", "identifier"]
SeveralPlaces = Literal["keep_x", "refuse", "first", "longest", "leave_out"]

COLUMNS = ("gene", "chromosome", "start", "end", "strand", "length")

_BED = (".bed",)
_MODELS = (".gtf", ".gff", ".gff3")


def read_annotation(
    path: str | PathLike[str],
    *,
    names: Names = "symbol",
    several: SeveralPlaces = "keep_x",
    build: str | None = None,
) -> pd.DataFrame:
    r"""Return the genes of an annotation, a row per gene.

    Parameters
    ----------
    path
        BED (``.bed``: chromosome, start counted from 0, end, name, and, where there, score and strand; with twelve
        columns the blocks are the exons), GTF (``.gtf``) or GFF3 (``.gff3``, ``.gff``) as Ensembl, GENCODE and NCBI
        have them; gzipped or not.
    names
        Of GTF and GFF3: ``"symbol"`` (``gene_name``, or else ``gene`` or ``Name``, or else the identifier) or
        ``"identifier"`` (``gene_id``, or else ``ID``).
    several
        What becomes of a name that stands in several places, as some do in every release of GENCODE and Ensembl:
        ``"keep_x"`` keeps the place on X of a gene that has one place on X and one on Y, since the pseudoautosomal
        region is one in two copies, and leaves out every other name in several places (such as the small RNAs
        ``Y_RNA``), since it is no one gene; the ``"first"`` in the order of the genome; the ``"longest"``;
        ``"leave_out"`` leaves all out; ``"refuse"`` is an error that lists them. A warning counts and names what was
        left out.
    build
        ``GRCh37`` or ``GRCh38``: a gene beyond the end of its chromosome is refused. None compares with neither.

    Returns
    -------
    pandas.DataFrame
        ``gene``, ``chromosome`` (1 … 22, X, Y, MT), ``start`` and ``end`` (1-based, inclusive), ``strand`` (``+``,
        ``-`` or ``.``), ``length``: base pairs in the union of its exons, which is what expression divides by; of BED
        without blocks the whole gene; NaN for a gene of GTF or GFF3 without exons. In the order of the genome. Genes
        on other contigs are left out and counted in a warning. ``attrs["history"]`` names the file.

    Raises
    ------
    TableError
        The file is absent, empty or damaged (the message names line and column), holds no gene on a chromosome, or a
        gene is in several places and that is refused.
    SettingsError
        ``names`` or ``several`` is not one of the words above, or the file's name tells of another format.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "genes.bed"
    >>> _ = path.write_text("chr7\t148504474\t148581383\tEZH2\t0\t-\n")
    >>> read_annotation(path)[["gene", "start", "end", "strand", "length"]].to_dict("records")
    [{'gene': 'EZH2', 'start': 148504475, 'end': 148581383, 'strand': '-', 'length': 76909.0}]
    """
    source = Path(path)
    if names not in get_args(Names):
        raise SettingsError(f"names is {names!r}; expected 'symbol' or 'identifier'")
    name = source.name.lower().removesuffix(".gz")
    if name.endswith(_BED):
        found = _read_bed(source)
    elif name.endswith(_MODELS):
        found = read_gene_models(source, by_symbol=names == "symbol")
    else:
        raise SettingsError(f"{source}: expected an annotation in .bed, .gtf, .gff3 or .gff (gzipped or not)")
    given = cast("Any", found)
    chromosomes = name_chromosomes(given["chromosome"])
    elsewhere = chromosomes.isna().to_numpy()
    if elsewhere.all():
        raise TableError(
            f"{source}: none of the {len(given)} genes is on a chromosome of the human genome; the first is on "
            f"{given['chromosome'].iloc[0]!r}; expected 1 to 22, X, Y, MT, with or without chr"
        )
    if elsewhere.any():
        contigs = pd.unique(given["chromosome"][elsewhere])
        shown = list_some(contigs)
        warnings.warn(
            f"{source}: {int(elsewhere.sum())} of {len(given)} genes are on other contigs ({shown}) and are left out",
            stacklevel=2,
        )
    table = check_annotation(given[~elsewhere], several=several, build=build, where=f"{source}: ")
    table.attrs["history"] = step("read_annotation", source=source, names=names, several=several, build=build)
    return table


def check_annotation(
    table: pd.DataFrame, *, several: SeveralPlaces = "refuse", build: str | None = None, where: str = ""
) -> pd.DataFrame:
    """Return genes with their places in the order of the genome, each gene once, or refuse them.

    Parameters
    ----------
    table
        With the columns ``gene``, ``chromosome``, ``start``, ``end`` (1-based, inclusive) and, where known, ``strand``
        and ``length``; others are not kept.
    several, build
        As for `read_annotation`; a table of one's own is refused by default.
    where
        What messages begin with, such as the file's name.

    Raises
    ------
    TableError
        A column is absent, there is no row, a gene has no name, a chromosome is unknown, a place is no whole number
        from 1 on, a gene ends before it starts or beyond its chromosome, or is in several places and that is refused.
    SettingsError
        ``several`` or ``build`` is unknown.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene": ["EGFR", "TP53"], "chromosome": ["7", "17"], "start": [10, 5], "end": [20, 9]})
    >>> check_annotation(genes)[["gene", "strand", "length"]].to_numpy().tolist()
    [['EGFR', '.', 11.0], ['TP53', '.', 5.0]]
    """
    if several not in get_args(SeveralPlaces):
        raise SettingsError(f"several is {several!r}; expected one of {', '.join(get_args(SeveralPlaces))}")
    absent = [column for column in COLUMNS[:4] if column not in table.columns]
    if absent:
        raise TableError(
            f"{where}the annotation has the columns {', '.join(map(str, table.columns))}, but no {', '.join(absent)}; "
            "expected gene, chromosome, start and end"
        )
    if not len(table):
        raise TableError(f"{where}the annotation has no gene")
    given = cast("Any", table.reset_index(drop=True))  # pandas' methods are typed as all that they may return
    genes = given["gene"].map(lambda label: "" if pd.isna(label) else str(label).strip())
    _refuse((genes == "").to_numpy(), given, "has no name", where)
    chromosomes = name_chromosomes(given["chromosome"])
    _refuse(chromosomes.isna().to_numpy(), given, "is on no chromosome of 1 to 22, X, Y, MT", where)
    places = {}
    for column in ("start", "end"):
        numbers = np.asarray(pd.to_numeric(given[column], errors="coerce"), dtype=float)
        wrong = ~((numbers >= 1.0) & (numbers == np.floor(numbers)) & np.isfinite(numbers))
        _refuse(wrong, given, f"has a {column} that is no whole number from 1 on", where)
        places[column] = numbers.astype(np.int64)
    _refuse(places["end"] < places["start"], given, "ends before it starts", where)
    if build is not None:
        chosen = choose_build(build)
        longest = chromosomes.map(LENGTHS[chosen]).to_numpy(dtype=np.int64)
        _refuse(places["end"] > longest, given, f"ends beyond its chromosome in {chosen}: is it of this build", where)
    length = pd.Series(places["end"] - places["start"] + 1.0)
    if "length" in given:
        length = pd.Series(cast("Any", pd.to_numeric(given["length"], errors="coerce")), dtype=float)
    strand = given["strand"].astype(object) if "strand" in given else pd.Series(["."] * len(given), dtype=object)
    result = pd.DataFrame({"gene": genes, "chromosome": chromosomes, **places, "strand": strand, "length": length})
    order = np.lexsort((result["end"], result["start"], rank_chromosomes(result["chromosome"])))
    return _choose_places(result.iloc[order].reset_index(drop=True), several, where)


def _choose_places(table: Any, several: SeveralPlaces, where: str) -> pd.DataFrame:
    crowded = table["gene"].duplicated(keep=False).to_numpy()
    if not crowded.any():
        return table
    genes = pd.unique(table["gene"][crowded])
    first = table[crowded & (table["gene"] == genes[0]).to_numpy()]
    places = " and ".join(f"{row.chromosome}:{row.start}-{row.end}" for row in first.head(3).itertuples())
    shown = list_some(genes)
    told = f"{where}{len(genes)} genes are in several places: {shown} ({genes[0]} at {places})"
    if several == "refuse":
        raise TableError(
            f"{told}; keep one row per gene: read_annotation and check_annotation (bayesrg.genomics.annotation) do so "
            "with several='keep_x', 'first', 'longest' or 'leave_out'"
        )
    if several == "leave_out":
        kept = table[~crowded]
    elif several == "keep_x":
        in_order = table[crowded].groupby("gene")["chromosome"].agg(",".join)
        paired = in_order.index[in_order == "X,Y"]
        kept = table[~crowded | (table["gene"].isin(paired) & (table["chromosome"] == "X")).to_numpy()]
        if len(paired):
            told += f"; {len(paired)} with one place on X and one on Y ({list_some(paired)}) were kept on X"
    elif several == "first":
        kept = table.drop_duplicates("gene", keep="first")
    else:
        span = (table["end"] - table["start"]).to_numpy()
        longest_first = table.iloc[np.argsort(-span, kind="stable")]
        kept = longest_first.drop_duplicates("gene", keep="first").sort_index()
    if not len(kept):
        raise TableError(f"{told}; several={several!r} leaves no gene; give several='first' or 'longest'")
    warnings.warn(f"{told}; several={several!r} left out {len(table) - len(kept)} of {len(table)} rows", stacklevel=3)
    return kept.reset_index(drop=True)


def _refuse(wrong: np.ndarray, table: pd.DataFrame, what: str, where: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        gene, chromosome, start, end = (table[name].to_numpy() for name in ("gene", "chromosome", "start", "end"))
        shown = list_some(
            rows,
            show=lambda row: f"row {row + 1}, gene {gene[row]!r} ({chromosome[row]}:{start[row]}-{end[row]})",
            between="; ",
        )
        raise TableError(f"{where}{len(rows)} of {len(table)} genes: {shown} {what}; mend or remove the rows")


def _read_bed(source: Path) -> pd.DataFrame:
    found = split_rows(read_text(source, "annotation"))
    if not found.rows:
        raise TableError(f"{source}: the annotation holds comments only; expected a gene in each row")
    genes = []
    for row, line in zip(found.rows, found.lines, strict=True):
        if len(row) < 4:
            raise TableError(
                f"{source}, line {line}: {len(row)} columns; expected chromosome, start, end and the gene's name (BED)"
            )
        start, end = (_read_place(row[place], source, line, name) for place, name in ((1, "start"), (2, "end")))
        if end <= start:
            raise TableError(
                f"{source}, line {line}, column end: {end} is not behind the start {start}; BED counts starts from 0 "
                "and ends behind the last base"
            )
        strand = row[5] if len(row) > 5 and row[5] in ("+", "-") else "."
        length = float(end - start)
        if len(row) >= 12:
            sizes = [size for size in row[10].split(",") if size]
            length = float(sum(_read_place(size, source, line, "blockSizes") for size in sizes))
        genes.append((row[3], row[0], start + 1, end, strand, length))
    return pd.DataFrame(genes, columns=list(COLUMNS))


def _read_place(text: str, source: Path, line: int, column: str) -> int:
    if not text.isdecimal():
        raise TableError(f"{source}, line {line}, column {column}: {text!r} is no whole number from 0 on")
    return int(text)
