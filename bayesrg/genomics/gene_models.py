"""Genes and their exons as GTF and GFF3 hold them: a feature a row, in nine columns.

GTF names its gene in every row (``gene_id "…"; gene_name "…"``). GFF3 links rows: an exon's ``Parent`` is a transcript,
whose ``Parent`` is the gene.
"""

import gzip
import re
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd

from bayesrg.errors import TableError

_GTF_PAIR = re.compile(r'(\w+) "?([^";]*)"?')
_GTF_GENE = re.compile(r'gene_id "?([^";]+)')
_SYMBOLS = ("gene_name", "gene", "Name", "gene_symbol")
DEEPEST = 10
"""Links from an exon up to its gene that are followed; files have two, and a damaged one may have a circle."""

Key = tuple[str, str]


def read_gene_models(source: Path, *, by_symbol: bool) -> pd.DataFrame:
    r"""Return the genes of a GTF or GFF3 file, a row per gene and chromosome, with the length of their united exons.

    Parameters
    ----------
    source
        Told apart by its attributes, gzipped or not. A gene of GTF that has exons but no row of its own runs from its
        first exon to its last. Exons of GFF3 that belong to no gene are left out, and a warning counts them.
    by_symbol
        Name genes by their symbols where they have one; otherwise by their identifiers.

    Returns
    -------
    pandas.DataFrame
        ``gene``, ``chromosome`` as the file has it, ``start``, ``end`` (1-based, inclusive), ``strand``, ``length``
        (NaN without exons).

    Raises
    ------
    TableError
        The file is absent, damaged or holds no gene; the message names line and column.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "genes.gtf"
    >>> row = '17\tx\texon\t{}\t{}\t.\t-\t.\tgene_id "E1"; gene_name "TP53";\n'
    >>> _ = path.write_text(row.format(1, 100) + row.format(51, 120) + row.format(201, 210))
    >>> read_gene_models(path, by_symbol=True)[["gene", "start", "end", "length"]].to_dict("records")
    [{'gene': 'TP53', 'start': 1, 'end': 210, 'length': 130.0}]
    """
    genes: dict[Key, list] = {}
    hulls: dict[Key, list] = {}
    exons: dict[Key, list[tuple[int, int]]] = {}
    parents: dict[str, str] = {}
    waiting: list[tuple[str, str, int, int]] = []
    for line, fields in _read_features(source):
        kind, attributes = fields[2], fields[8]
        is_gff = "=" in attributes.split(";", 1)[0]
        is_gene = kind.endswith("gene")
        is_exon = kind == "exon"
        if not (is_gene or is_exon or is_gff):
            continue
        start, end = (_read_place(fields[place], source, line, name) for place, name in ((3, "start"), (4, "end")))
        if end < start:
            raise TableError(f"{source}, line {line}, column end: {end} is before the start {start}")
        if is_gff:
            pairs = dict(pair.strip().split("=", 1) for pair in attributes.split(";") if "=" in pair)
            identifier, parent = pairs.get("ID", ""), pairs.get("Parent", "")
            if is_gene and identifier:
                names = {key: unquote(value) for key, value in pairs.items()}
                names.setdefault("gene_id", identifier.removeprefix("gene:").removeprefix("gene-"))
                genes[identifier, fields[0]] = [_name(names, by_symbol), fields[0], start, end, fields[6]]
            elif is_exon and parent:
                waiting += [(one, fields[0], start, end) for one in parent.split(",")]
            elif identifier and parent:
                parents[identifier] = parent.split(",")[0]
            continue
        found = _GTF_GENE.search(attributes)
        if found is None:
            raise TableError(
                f"{source}, line {line}, column 9: {attributes[:60]!r} names no gene_id; expected GTF or GFF3"
            )
        key = found[1], fields[0]
        if is_gene:
            names = dict(_GTF_PAIR.findall(attributes))
            genes[key] = [_name(names, by_symbol), fields[0], start, end, fields[6]]
            continue
        exons.setdefault(key, []).append((start, end))
        if key not in hulls:
            hulls[key] = [_name(dict(_GTF_PAIR.findall(attributes)), by_symbol), fields[0], start, end, fields[6]]
        else:
            hull = hulls[key]
            hull[2], hull[3] = min(hull[2], start), max(hull[3], end)
    orphans = 0
    for parent, chromosome, start, end in waiting:
        root = parent
        for _ in range(DEEPEST):
            if root not in parents:
                break
            root = parents[root]
        orphans += (root, chromosome) not in genes
        exons.setdefault((root, chromosome), []).append((start, end))
    if genes and orphans:
        warnings.warn(
            f"{source}: {orphans} of {len(waiting)} exons belong to no row of a gene (by Parent) and are left out",
            stacklevel=3,
        )
    chosen = hulls | genes
    if not chosen:
        raise TableError(f"{source}: no row is of a gene or an exon; expected GTF or GFF3 with the type in column 3")
    rows = [(*gene, unite_exons(np.array(exons[key])) if key in exons else np.nan) for key, gene in chosen.items()]
    return pd.DataFrame(rows, columns=["gene", "chromosome", "start", "end", "strand", "length"])


def unite_exons(exons: np.ndarray) -> float:
    """Return how many base pairs are in any of the exons.

    Parameters
    ----------
    exons
        Starts and ends (1-based, inclusive), shape (n, 2), in any order.

    Examples
    --------
    >>> unite_exons(np.array([[1, 100], [51, 120], [201, 210]]))
    130.0
    """
    ordered = exons[np.argsort(exons[:, 0])]
    ends = np.maximum.accumulate(ordered[:, 1])
    behind = np.r_[0, ends[:-1]]
    return float(np.maximum(ordered[:, 1] - np.maximum(ordered[:, 0] - 1, behind), 0).sum())


def _name(pairs: dict[str, str], by_symbol: bool) -> str:
    wanted = (*_SYMBOLS, "gene_id") if by_symbol else ("gene_id",)
    return next((pairs[name] for name in wanted if pairs.get(name)), "")


def _read_features(source: Path) -> Iterator[tuple[int, list[str]]]:
    """Give each row of features with its line in the file."""
    try:
        with source.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        with gzip.open(source, "rt", encoding="utf-8") if is_gzip else source.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.startswith("##FASTA"):
                    return
                if line.startswith("#") or not line.strip():
                    continue
                fields = line.rstrip("\r\n").split("\t")
                if len(fields) != 9:
                    raise TableError(
                        f"{source}, line {number}: {len(fields)} columns; expected the nine of GTF or GFF3, "
                        f"separated by tabs"
                    )
                yield number, fields
    except FileNotFoundError:
        raise TableError(f"{source}: there is no such annotation; check the path") from None
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as problem:
        raise TableError(
            f"{source}: the annotation could not be read: {problem}; it may be damaged, fetch it anew"
        ) from problem


def _read_place(text: str, source: Path, line: int, column: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise TableError(f"{source}, line {line}, column {column}: {text!r} is no whole number from 1 on")
    return int(text)
