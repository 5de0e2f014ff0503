"""The copy number of genes from the segments on which they lie."""

from collections.abc import Mapping
from typing import Any, Literal, NoReturn, cast, get_args

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.annotation import check_annotation
from bayesrg.genomics.copy_number.segment_overlap import summarise_overlap
from bayesrg.genomics.copy_number.segment_table import check_segments, list_samples
from bayesrg.history import step, with_step
from bayesrg.samples import Level, Several, place_samples

How = Literal["mean", "maximum", "minimum", "middle"]


def genes_of_segments(
    segments: pd.DataFrame,
    annotation: pd.DataFrame,
    *,
    how: How = "mean",
    least_covered: float = 0.0,
    samples: pd.DataFrame | Mapping[str, str] | None = None,
    level: Level | Literal["sample"] = "patient",
    several: Several = "refuse",
) -> xr.Dataset:
    """Return the log2 ratio of each gene, dims (patient, gene).

    Parameters
    ----------
    segments
        As `read_segments` or `segment` returns them; samples that they list as without segments have a row of NaN.
    annotation
        As `read_annotation` returns it, or any table with ``gene``, ``chromosome``, ``start`` and ``end`` (1-based,
        inclusive) in the same build of the genome, each gene once.
    how
        Of a gene on several segments: their ``"mean"`` weighted by the length of the overlap, the ``"maximum"``, the
        ``"minimum"``, or the segment under the gene's ``"middle"``.
    least_covered
        The share of the gene's bases (0 to 1) that segments must cover; with less it is missing. With 0, any overlap
        does.
    samples, level, several
        Whose the samples are, what a row is to be of, and what becomes of several samples of one, as
        `bayesrg.samples.place_samples` has them; ``level="sample"`` leaves the samples as they are.

    Returns
    -------
    xarray.Dataset
        ``log2_ratio`` (patient, gene), NaN where a gene is not covered; along gene ``chromosome``, ``start``, ``end``
        and, where the annotation has it, ``length``. Attributes of the variable: ``n_not_covered``, the genes that no
        sample covers, before samples are placed.

    Raises
    ------
    TableError
        A segment or a gene is wrong, no gene has a value, or samples cannot be placed.
    SettingsError
        An option is not one of those above.

    Examples
    --------
    >>> segments = pd.DataFrame(
    ...     {"sample": "P1", "chromosome": "7", "start": [1, 101], "end": [100, 400], "log2_ratio": [0.0, -0.9]}
    ... )
    >>> genes = pd.DataFrame(
    ...     {"gene": ["A", "B", "C"], "chromosome": "7", "start": [81, 201, 500], "end": [140, 300, 600]}
    ... )
    >>> genes_of_segments(segments, genes)["log2_ratio"].round(2).values.tolist()
    [[-0.6, -0.9, nan]]
    """
    if how not in get_args(How):
        raise SettingsError(f"how is {how!r}; expected one of {', '.join(get_args(How))}")
    if not 0.0 <= least_covered <= 1.0:
        raise SettingsError(f"least_covered is {least_covered!r}; expected a share of the gene from 0 to 1")
    # pandas' methods are typed as all that they may return.
    table = cast("Any", check_segments(segments))
    genes = cast("Any", check_annotation(annotation))
    labels = list_samples(table)
    result = _summarise(table, genes, labels, how, least_covered)
    if np.isnan(result).all():
        _explain_nothing(table, genes, labels, how, least_covered)
    attrs = {
        "long_name": "log2 ratio of copy number to normal",
        "units": "log2 ratio to normal",
        "n_not_covered": int(np.isnan(result).all(axis=0).sum()),
    }
    data = xr.Dataset(
        {"log2_ratio": (("sample", "gene"), result, attrs)},
        {"sample": labels, "gene": genes["gene"].to_numpy(dtype=str), **gene_places(genes)},
    )
    before = [xr.Dataset(attrs=one.attrs) for one in (segments, annotation)]
    data = with_step(data, step("genes_of_segments", how=how, least_covered=least_covered), *before)
    return data if level == "sample" else place_samples(data, samples, level=level, several=several)


def _summarise(table: Any, genes: Any, labels: np.ndarray, how: How, least_covered: float) -> np.ndarray:
    result = np.full((len(labels), len(genes)), np.nan)
    sample_of = pd.Index(labels).get_indexer(pd.Index(table["sample"]))
    segment_places = table.groupby("chromosome", sort=False).indices
    for chromosome, gene_rows in genes.groupby("chromosome", sort=False).indices.items():
        rows = segment_places.get(chromosome)
        if rows is None:
            continue
        found = np.empty((len(labels), len(gene_rows)))
        summarise_overlap(
            np.searchsorted(sample_of[rows], np.arange(len(labels) + 1)),
            table["start"].to_numpy()[rows],
            table["end"].to_numpy()[rows],
            table["log2_ratio"].to_numpy()[rows],
            genes["start"].to_numpy()[gene_rows],
            genes["end"].to_numpy()[gene_rows],
            get_args(How).index(how),
            float(least_covered),
            found,
        )
        result[:, gene_rows] = found
    return result


def _explain_nothing(table: Any, genes: Any, labels: np.ndarray, how: How, least_covered: float) -> NoReturn:
    touched = int((~np.isnan(_summarise(table, genes, labels, "mean", 0.0))).any(axis=0).sum())
    if touched:
        wanted = [f"least_covered={least_covered:g} of their bases"] if least_covered > 0.0 else []
        wanted += ["their middle (how='middle')"] if how == "middle" else []
        raise TableError(
            f"segments overlap {touched} of the {len(genes)} genes, but in no sample do they cover "
            f"{' and '.join(wanted)}; give a lower least_covered or another how"
        )
    ours, theirs = (", ".join(pd.unique(one["chromosome"])[:5]) for one in (table, genes))
    raise TableError(
        f"no segment covers any of the {len(genes)} genes: segments are on chromosomes {ours}, genes on "
        f"{theirs}; are they of the same build?"
    )


def gene_places(genes: pd.DataFrame) -> dict[str, tuple[str, np.ndarray]]:
    """Return the coordinates along gene that an annotation gives: chromosome, start, end, and length where it has one.

    Examples
    --------
    >>> genes = pd.DataFrame({"gene": ["A"], "chromosome": ["7"], "start": [81], "end": [140]})
    >>> {name: values.tolist() for name, (dim, values) in gene_places(genes).items()}
    {'chromosome': ['7'], 'start': [81], 'end': [140]}
    """
    types = {"chromosome": str, "start": np.int64, "end": np.int64, "length": float}
    return {name: ("gene", genes[name].to_numpy(dtype=kind)) for name, kind in types.items() if name in genes}
