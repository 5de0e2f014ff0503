"""Which CpG sites belong to which gene, by an annotation, or to which stretch of a chromosome, by their positions."""

import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from bayesrg.errors import TableError
from bayesrg.genomics.chromosomes import name_chromosomes
from bayesrg.genomics.offenders import name_some

Annotation = pd.DataFrame | pd.Series | Mapping[str, str | Sequence[str]]

# Names of columns, ours first and then those of Illumina's manifests.
_CPG = ("cpg", "ilmnid", "name", "probe")
_GENE = ("gene", "genes", "ucsc_refgene_name")
_GROUP = ("group", "groups", "ucsc_refgene_group")
_CHROMOSOME = ("chromosome", "chr", "chrom")
_POSITION = ("position", "mapinfo", "pos")
_PLACE = re.compile(r"(?P<chromosome>(?:chr)?[0-9A-Za-z]+):(?P<position>\d+)")


def assign_to_genes(
    annotation: Annotation, cpgs: Sequence[str] | np.ndarray, *, groups: Collection[str] | None = None
) -> pd.DataFrame:
    """Return which CpGs belong to which genes: a row a pair, each once, with the columns ``cpg`` and ``gene``.

    Parameters
    ----------
    annotation
        A table with the columns ``cpg`` and ``gene`` and, for groups, ``group`` (or Illumina's manifest: ``IlmnID``,
        ``UCSC_RefGene_Name``, ``UCSC_RefGene_Group``), or a mapping or Series from CpG to gene. A cell may name several
        genes, separated by semicolons, and as many groups; a CpG of several genes counts for each.
    cpgs
        The CpGs of the data; the annotation's others are ignored.
    groups
        Only CpGs that lie in one of these parts of a gene, such as ``("TSS200", "TSS1500")``; None for any.

    Raises
    ------
    TableError
        A column is missing, no CpG of the data has a gene, genes and groups differ in number, or a group is in no row.

    Examples
    --------
    >>> manifest = pd.DataFrame({"IlmnID": ["cg01", "cg02"], "UCSC_RefGene_Name": ["TP53;WRAP53;TP53", "EGFR"],
    ...                          "UCSC_RefGene_Group": ["TSS200;5'UTR;TSS1500", "Body"]})
    >>> assign_to_genes(manifest, ["cg01", "cg02"], groups=["TSS200", "TSS1500"]).to_numpy().tolist()
    [['cg01', 'TP53']]
    """
    table = _as_table(annotation)
    if groups is not None and "group" not in table:
        raise TableError("the annotation has no column 'group', which groups=… needs; add it, or leave groups out")
    known = pd.Index(table["cpg"]).isin(np.asarray(cpgs)) & table["gene"].notna().to_numpy()
    table = pd.DataFrame(table.loc[known])
    table["gene"] = table["gene"].astype(str).str.split(";")
    if groups is None:
        table = table.explode("gene")
    else:
        table = table.assign(group=table["group"].fillna("").astype(str).str.split(";"))
        unequal = table["cpg"][table["gene"].str.len() != table["group"].str.len()]
        if len(unequal):
            raise TableError(
                f"annotation of {name_some(unequal, 'CpG')}: the numbers of genes and of groups differ; expected a "
                "group for each gene, separated by semicolons"
            )
        table = table.explode(["gene", "group"])
        table["group"] = table["group"].str.strip()
        absent = sorted(set(groups) - set(table["group"]))
        if absent:
            raise TableError(
                f"{name_some(absent, 'group')} in no row of the annotation, whose groups are "
                f"{', '.join(sorted(set(table['group']) - {''}))}; choose among these"
            )
        table = pd.DataFrame(table.loc[pd.Index(table["group"]).isin(list(groups))])
    table["gene"] = table["gene"].str.strip()
    pairs = table.loc[table["gene"] != "", ["cpg", "gene"]].drop_duplicates(ignore_index=True)
    if pairs.empty:
        raise TableError(
            f"no CpG of the data has a gene in the annotation; the data's are like {', '.join(map(str, cpgs[:3]))}; "
            "check that both have the same identifiers"
        )
    return pairs


def assign_to_intervals(positions: pd.DataFrame, intervals: pd.DataFrame) -> pd.DataFrame:
    """Return which CpGs lie in which intervals: a row a pair, with the columns ``cpg`` and ``interval``.

    Intervals may overlap; a CpG in several belongs to each.

    Parameters
    ----------
    positions
        As `find_positions` returns them.
    intervals
        Columns ``name``, ``chromosome``, ``start``, ``end``: 1-based base pairs, both ends included.

    Raises
    ------
    TableError
        A column is missing, a name is empty or there twice, an end lies before its start, or a chromosome is unknown.

    Examples
    --------
    >>> positions = pd.DataFrame({"cpg": ["a", "b", "c"], "chromosome": ["1", "1", "2"], "position": [10, 20, 10]})
    >>> promoters = pd.DataFrame({"name": ["P", "Q"], "chromosome": ["chr1", "1"], "start": [5, 15], "end": [20, 25]})
    >>> assign_to_intervals(positions, promoters).to_numpy().tolist()
    [['a', 'P'], ['b', 'P'], ['b', 'Q']]
    """
    checked = check_intervals(intervals)
    pairs = []
    for chromosome, here in checked.groupby("chromosome", sort=False):
        there = np.flatnonzero(positions["chromosome"].to_numpy() == chromosome)
        places = positions["position"].to_numpy()[there]
        order = np.argsort(places, kind="stable")
        sites, places = positions["cpg"].to_numpy()[there[order]], places[order]
        first = np.searchsorted(places, here["start"].to_numpy(), side="left")
        n = np.searchsorted(places, here["end"].to_numpy(), side="right") - first
        # The rows of all intervals' sites one after another: each interval counts up from its first.
        rows = np.arange(n.sum()) + np.repeat(first - (np.cumsum(n) - n), n)
        pairs.append(pd.DataFrame({"cpg": sites[rows], "interval": np.repeat(here["name"].to_numpy(), n)}))
    return pd.concat(pairs, ignore_index=True)


def check_intervals(intervals: pd.DataFrame) -> pd.DataFrame:
    """Return intervals with the columns name, chromosome (``1`` … ``MT``), start and end, or refuse them.

    Parameters
    ----------
    intervals
        As in `assign_to_intervals`; other columns are ignored.

    Raises
    ------
    TableError
        As in `assign_to_intervals`; the message names the interval and the column.
    """
    absent = [column for column in ("name", "chromosome", "start", "end") if column not in intervals]
    if absent or intervals.empty:
        raise TableError(
            f"intervals: {len(intervals)} rows with the columns {', '.join(map(str, intervals.columns))}; expected at "
            "least one, with name, chromosome, start and end"
        )
    names = intervals["name"].fillna("").astype(str).str.strip().to_numpy()
    for wrong, fault in ((names == "", "is empty"), (pd.Series(names).duplicated().to_numpy(), "is there twice")):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise TableError(
                f"intervals: column name, row {row + 1}: {names[row]!r} {fault}; give each a name of its own"
            )
    chromosome = name_chromosomes(intervals["chromosome"].to_numpy()).to_numpy()
    unknown = pd.isna(chromosome)
    if unknown.any():
        found = intervals["chromosome"].to_numpy()[unknown][0]
        raise TableError(
            f"intervals: column chromosome: {found!r} in {name_some(names[unknown], 'interval')}, expected 1 to 22, X, "
            "Y or MT; correct or remove such rows"
        )
    start, end = (
        _numbers(pd.Series(intervals[column]), f"intervals: column {column}", names, "interval")
        for column in ("start", "end")
    )
    wrong = (start < 1) | (end < start)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise TableError(
            f"intervals: {name_some(names[wrong], 'interval')} from {start[row]:g} to {end[row]:g}, expected 1 <= "
            "start <= end (1-based, both included; add 1 to starts from a BED file)"
        )
    return pd.DataFrame({"name": names, "chromosome": chromosome, "start": start, "end": end})


def find_positions(cpgs: Sequence[str] | np.ndarray, positions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return where CpGs lie: the columns ``cpg``, ``chromosome``, ``position`` (base pairs, 1-based).

    Parameters
    ----------
    cpgs
        Names of CpGs.
    positions
        A table with the columns ``cpg``, ``chromosome``, ``position`` (or Illumina's manifest: ``IlmnID``, ``CHR``,
        ``MAPINFO``). None reads them from names such as ``chr17:7676154``.

    Returns
    -------
    pandas.DataFrame
        A row per CpG that has a position on a chromosome 1 to 22, X, Y or MT; the others are not in it.

    Raises
    ------
    TableError
        A column is missing, a position is no number, a CpG is there twice, or none of them is found.

    Examples
    --------
    >>> find_positions(["chr17:7676154", "chrX:5"]).to_numpy().tolist()
    [['chr17:7676154', '17', 7676154.0], ['chrX:5', 'X', 5.0]]
    """
    names = np.asarray(cpgs)
    if positions is None:
        places = [_PLACE.fullmatch(str(name)) for name in names]
        table = pd.DataFrame(
            {
                "cpg": names,
                "chromosome": [place["chromosome"] if place else None for place in places],
                "position": [float(place["position"]) if place else np.nan for place in places],
            }
        )
    else:
        table = _take(positions, {"cpg": _CPG, "chromosome": _CHROMOSOME, "position": _POSITION}, "positions of CpGs")
        table = pd.DataFrame(table.loc[pd.Index(table["cpg"]).isin(names)])
        twice = table["cpg"].to_numpy()[pd.Index(table["cpg"]).duplicated()]
        if len(twice):
            raise TableError(f"positions of CpGs: {name_some(twice, 'CpG')} in more than one row; keep one of each")
        numbers = _numbers(
            pd.Series(table["position"]), "positions of CpGs", table["cpg"].to_numpy(), "CpG", missing=True
        )
        table = table.assign(position=numbers)
    table = table.assign(chromosome=name_chromosomes(table["chromosome"].to_numpy()).to_numpy()).dropna()
    if table.empty:
        raise TableError(
            f"no CpG of the data has a position; the data's are like {', '.join(map(str, names[:3]))}; give a table of "
            "positions with the columns cpg, chromosome and position, or name CpGs like chr17:7676154"
        )
    return table.reset_index(drop=True)


def _as_table(annotation: Annotation) -> pd.DataFrame:
    """Return an annotation in any of its forms as a table with the columns cpg, gene and, where it has them, group."""
    if isinstance(annotation, pd.DataFrame):
        wanted = {"cpg": _CPG, "gene": _GENE}
        if any(str(column).lower() in _GROUP for column in annotation.columns):
            wanted["group"] = _GROUP
        return _take(annotation, wanted, "annotation of CpGs")
    series = pd.Series(annotation, dtype=object)
    genes = [cell if isinstance(cell, str) or not isinstance(cell, Sequence) else ";".join(cell) for cell in series]
    return pd.DataFrame({"cpg": series.index.to_numpy(), "gene": genes})


def _take(table: pd.DataFrame, wanted: Mapping[str, tuple[str, ...]], what: str) -> pd.DataFrame:
    """Return the wanted columns under our names."""
    lower = {str(column).lower(): column for column in reversed(table.columns)}
    found = {}
    for name, others in wanted.items():
        column = next((lower[other] for other in others if other in lower), None)
        if column is None and name == "cpg" and table.index.dtype.kind not in "iu":
            found[name] = table.index.to_numpy()
        elif column is None:
            raise TableError(
                f"{what}: no column {name!r} (or {', '.join(others[1:])}) among {', '.join(map(str, table.columns))}; "
                "name it so"
            )
        else:
            found[name] = table[column].to_numpy()
    return pd.DataFrame(found)


def _numbers(column: pd.Series, where: str, names: np.ndarray, noun: str, *, missing: bool = False) -> np.ndarray:
    """Return a column as numbers, or name whose value is none."""
    numbers = np.asarray(pd.to_numeric(column, errors="coerce"), dtype=float)
    wrong = np.isnan(numbers) & (column.notna().to_numpy() if missing else True)
    if wrong.any():
        found = column.to_numpy()[wrong][0]
        raise TableError(f"{where}: {found!r} for {name_some(names[wrong], noun)}, expected a number of base pairs")
    return numbers
