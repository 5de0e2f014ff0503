"""Named sets of genes, read from and written to GMT files (gene matrix transposed), as MSigDB distributes them."""

import gzip
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from bayesrg.errors import TableError
from bayesrg.files import replace_atomically
from bayesrg.genomics.genes import check_genes
from bayesrg.genomics.offenders import name_some


@dataclass(frozen=True, eq=False)
class GeneSets(Mapping[str, tuple[str, ...]]):
    """Gene sets by name: a mapping from name to genes, with what the file says of each set.

    Parameters
    ----------
    genes
        Genes of each set, each once.
    descriptions
        What a set is or where it is described; empty where nothing is said.
    source
        The file they were read from, or None.

    Examples
    --------
    >>> sets = GeneSets({"P53_PATHWAY": ("TP53", "MDM2")}, {"P53_PATHWAY": "an example"})
    >>> sets["P53_PATHWAY"], len(sets), sets.descriptions["P53_PATHWAY"]
    (('TP53', 'MDM2'), 1, 'an example')
    """

    genes: Mapping[str, tuple[str, ...]]
    descriptions: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None

    def __getitem__(self, name: str) -> tuple[str, ...]:
        """Return the genes of a set."""
        return self.genes[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names of the sets, in the file's order."""
        return iter(self.genes)

    def __len__(self) -> int:
        """Return the number of sets."""
        return len(self.genes)


def read_gmt(path: str | PathLike[str]) -> GeneSets:
    r"""Return the gene sets of a GMT file, in its order: a mapping from name to genes, with descriptions.

    Each line is a set: its name, a description, and its genes, separated by tabs. Empty lines, and tabs at the end of a
    line, mean nothing.

    Parameters
    ----------
    path
        A text file in UTF-8 (``.gmt``), gzipped or not (``.gmt.gz``).

    Raises
    ------
    TableError
        The file is absent, unreadable or empty, a name is empty or there twice, a set has no genes, or a gene is empty,
        has a weight, or was made a date by a spreadsheet program; the message names the line.

    Warns
    -----
    UserWarning
        A gene stands twice in one set; it is counted once.

    Notes
    -----
    Subramanian et al. (2005), doi:10.1073/pnas.0506580102; Liberzon et al. (2015), doi:10.1016/j.cels.2015.12.004.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "small.gmt"
    >>> _ = path.write_text("P53_PATHWAY\tan example\tTP53\tMDM2\tCDKN1A\n")
    >>> sets = read_gmt(path)
    >>> sets["P53_PATHWAY"], sets.descriptions["P53_PATHWAY"]
    (('TP53', 'MDM2', 'CDKN1A'), 'an example')
    """
    source = Path(path)
    genes: dict[str, tuple[str, ...]] = {}
    descriptions: dict[str, str] = {}
    lines: dict[str, int] = {}
    repeated: list[str] = []
    for number, line in enumerate(_read_text(source).splitlines(), start=1):
        if not line.strip():
            continue
        name, description, listed = _split(line, f"{source}, line {number}")
        if name in lines:
            raise TableError(
                f"{source}: the set {name!r} is in line {lines[name]} and again in line {number}; rename or "
                "remove one of them"
            )
        once = tuple(dict.fromkeys(listed))
        if len(once) < len(listed):
            repeated.append(name)
        genes[name] = tuple(check_genes(once, f"{source}, line {number}, set {name!r}").tolist())
        descriptions[name], lines[name] = description, number
    if not genes:
        raise TableError(f"{source}: there is no gene set in it; expected a line a set: name, description, genes")
    if repeated:
        warnings.warn(
            f"{source}: genes stand more than once in {name_some(repeated, 'set')}; each is counted once", stacklevel=2
        )
    return GeneSets(genes, descriptions, source)


def write_gmt(gene_sets: Mapping[str, tuple[str, ...]], path: str | PathLike[str]) -> Path:
    """Write gene sets as a GMT file, gzipped where its name ends in ``.gz``, and return the path.

    Parameters
    ----------
    gene_sets
        Names and genes; descriptions are written where there are any.
    path
        Where to; the file appears whole, or stays what it was.

    Raises
    ------
    OSError
        The file cannot be written there.
    TableError
        A name, description or gene has a tab or a line break in it, or a set has no genes.

    Examples
    --------
    >>> import tempfile
    >>> path = write_gmt({"P53_PATHWAY": ("TP53", "MDM2")}, Path(tempfile.mkdtemp()) / "small.gmt")
    >>> read_gmt(path)["P53_PATHWAY"]
    ('TP53', 'MDM2')
    """
    target = Path(path)
    descriptions = gene_sets.descriptions if isinstance(gene_sets, GeneSets) else {}
    rows = [[name, descriptions.get(name, ""), *genes] for name, genes in gene_sets.items()]
    for row in rows:
        broken = [cell for cell in row if cell.splitlines() not in ([], [cell]) or "\t" in cell]
        if broken:
            raise TableError(f"set {row[0]!r}: {broken[0]!r} has a tab or a line break in it; write it without")
        if len(row) < 3:
            raise TableError(f"set {row[0]!r} has no genes; leave it out")
    data = "".join("\t".join(row) + "\n" for row in rows).encode()
    with replace_atomically(target) as unfinished:
        unfinished.write_bytes(gzip.compress(data, mtime=0) if target.name.endswith(".gz") else data)
    return target


def _read_text(path: Path) -> str:
    """Return the text of a file, gzipped or not."""
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except FileNotFoundError:
        raise TableError(f"{path}: there is no such file of gene sets; check the path") from None
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as problem:
        raise TableError(f"{path}: the gene sets could not be read: {problem}; get the file again") from problem


def _split(line: str, where: str) -> tuple[str, str, list[str]]:
    """Return name, description and genes of a line."""
    fields = [cell.strip() for cell in line.rstrip("\t ").split("\t")]
    name = fields[0]
    if not name:
        raise TableError(f"{where}: the set has no name; write one before the first tab")
    if len(fields) < 3:
        raise TableError(
            f"{where}: {name!r} has {len(fields)} of at least 3 fields (name, description, genes); write tabs "
            "between them"
        )
    empty = [place for place, cell in enumerate(fields[2:], start=3) if not cell]
    if empty:
        raise TableError(
            f"{where}: field {empty[0]} of set {name!r} is empty, expected a gene; remove the tab before it"
        )
    weighted = [gene for gene in fields[2:] if "," in gene]
    if weighted:
        raise TableError(
            f"{where}: {weighted[0]!r} in set {name!r} is a gene with a weight, or several genes; expected one gene "
            "between two tabs: remove the weights, or write tabs for commas"
        )
    return name, fields[1], fields[2:]
