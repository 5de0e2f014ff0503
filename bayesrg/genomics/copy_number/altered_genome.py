"""How much of a genome is altered in copy number: the fraction altered, and the mean over chromosomes."""

from collections.abc import Mapping
from typing import Any, Literal, cast

import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError
from bayesrg.genomics.copy_number.segment_table import check_segments, list_samples
from bayesrg.history import step, with_step
from bayesrg.samples import Level, Several, place_samples

_SEX_AND_MITOCHONDRION = ("X", "Y", "MT")


def measure_altered_genome(
    segments: pd.DataFrame,
    *,
    threshold: float = 0.2,
    relative_to: Literal["zero", "median"] = "zero",
    samples: pd.DataFrame | Mapping[str, str] | None = None,
    level: Level | Literal["sample"] = "patient",
    several: Several = "refuse",
) -> xr.Dataset:
    """Return the altered share of each genome, dim (patient,).

    Parameters
    ----------
    segments
        As `read_segments` or `segment` returns them. Only autosomes count, since X and Y differ by sex.
    threshold
        A segment is altered if its log2 ratio is further than this from the reference (0.2 as in cBioPortal's fraction
        of the genome altered, doi:10.1158/2159-8290.CD-12-0095).
    relative_to
        The reference: ``"zero"``, or the ``"median"`` of the sample's ratios over its base pairs, as for genomes that
        were doubled.
    samples, level, several
        As for `genes_of_segments`.

    Returns
    -------
    xarray.Dataset
        ``fraction_genome_altered``: altered base pairs over those in segments; ``weighted_genome_instability_index``
        (wGII): that share of each autosome, averaged over the autosomes with segments, so that small chromosomes weigh
        as much as large ones (Burrell et al. 2013, doi:10.1038/nature11935). Both from 0 to 1; NaN for a sample with no
        segment on an autosome, or none at all (as `segment` lists them).

    Raises
    ------
    TableError
        A segment is wrong, or samples cannot be placed.
    SettingsError
        An option is not one of those above.

    Examples
    --------
    >>> segments = pd.DataFrame({
    ...     "sample": "P1", "chromosome": ["1", "1", "21"], "start": [1, 301, 1], "end": [300, 400, 100],
    ...     "log2_ratio": [0.0, -0.9, 0.5],
    ... })
    >>> found = measure_altered_genome(segments)
    >>> found["fraction_genome_altered"].values.tolist(), found["weighted_genome_instability_index"].values.tolist()
    ([0.4], [0.625])
    """
    if not threshold > 0.0:
        raise SettingsError(f"threshold is {threshold!r}; expected a log2 ratio above 0, such as 0.2")
    if relative_to not in ("zero", "median"):
        raise SettingsError(f"relative_to is {relative_to!r}; expected 'zero' or 'median'")
    table = cast("Any", check_segments(segments))  # pandas' methods are typed as all that they may return
    labels = list_samples(table)
    autosomal = table[~table["chromosome"].isin(_SEX_AND_MITOCHONDRION)]
    length = (autosomal["end"] - autosomal["start"] + 1).astype(float)
    ratio = autosomal["log2_ratio"]
    if relative_to == "median":
        ratio = ratio - autosomal["sample"].map(_weighted_medians(autosomal, length))
    altered = length.where(ratio.abs() > threshold, 0.0)
    places = [autosomal["sample"], autosomal["chromosome"]]
    sums = cast("Any", pd.DataFrame({"altered": altered, "length": length}).groupby(places, sort=False).sum())
    whole = sums.groupby(level=0, sort=False).sum()
    shares = (sums["altered"] / sums["length"]).groupby(level=0, sort=False).mean()
    data = xr.Dataset(
        {
            "fraction_genome_altered": (
                "sample", (whole["altered"] / whole["length"]).reindex(labels).to_numpy(),
                {"long_name": "fraction of the genome altered in copy number", "units": "1"},
            ),
            "weighted_genome_instability_index": (
                "sample", shares.reindex(labels).to_numpy(),
                {"long_name": "weighted genome instability index (wGII)", "units": "1"},
            ),
        },
        {"sample": labels},
    )  # fmt: skip
    line = step("measure_altered_genome", threshold=threshold, relative_to=relative_to)
    data = with_step(data, line, xr.Dataset(attrs=segments.attrs))
    return data if level == "sample" else place_samples(data, samples, level=level, several=several)


def _weighted_medians(table: Any, length: Any) -> pd.Series:
    """Return each sample's log2 ratio that half of its base pairs do not exceed."""
    ordered = table.assign(length=length).sort_values("log2_ratio", kind="stable")
    cumulated = ordered.groupby("sample")["length"].cumsum()
    half = ordered.groupby("sample")["length"].transform("sum") / 2.0
    return ordered[cumulated >= half].groupby("sample")["log2_ratio"].first()
