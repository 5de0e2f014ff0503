"""Methylation encoded: beta and M-values of CpG sites over patients."""

from collections.abc import Collection, Mapping
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.alignment import align_matrix
from bayesrg.genomics.matrix import Across, as_matrix
from bayesrg.genomics.methylation.values import (
    Table,
    beta_of_counts,
    beta_of_intensities,
    check_beta,
    describe,
    m_of_intensities,
    m_value,
)
from bayesrg.history import step, with_step
from bayesrg.samples import Level, Several, place_samples

# Of Datasets: the variable that a table is.
_VARIABLES = {"beta": "beta_value", "coverage": "coverage"}


def encode_methylation(
    beta: Table | None = None,
    *,
    methylated: Table | None = None,
    unmethylated: Table | None = None,
    methylated_reads: Table | None = None,
    coverage: Table | None = None,
    offset: float = 100.0,
    minimum_coverage: int = 5,
    guard: float = 0.001,
    m_from: Literal["beta", "intensities"] = "beta",
    detection_p: Table | None = None,
    maximum_p: float = 0.01,
    exclude: Collection[str] = (),
    across: Across = "rows",
    samples: pd.DataFrame | Mapping[str, str] | None = None,
    level: Level | Literal["sample"] = "patient",
    several: Several = "refuse",
) -> xr.Dataset:
    """Return methylation over patients and CpG sites, as beta and as M-values.

    One of three things is given: beta-values; intensities of an array (``methylated`` and ``unmethylated``); or counts
    of bisulfite reads (``methylated_reads`` and ``coverage``). Tables are DataFrames with a CpG a row and a sample a
    column (``across="columns"`` for the other way round; known columns that describe CpGs or genes are left out with a
    warning), DataArrays with dims (unit, cpg), or Datasets with one variable, ``beta_value`` or ``coverage``.

    Parameters
    ----------
    beta
        Beta-values, 0 to 1; NaN is missing. M-values become beta-values by
        `bayesrg.genomics.methylation.values.beta_value`.
    methylated, unmethylated, offset
        As in `bayesrg.genomics.methylation.values.beta_of_intensities`.
    methylated_reads, coverage, minimum_coverage
        As in `bayesrg.genomics.methylation.values.beta_of_counts`.
    guard
        Least distance of beta from 0 and 1 in M-values, as in `bayesrg.genomics.methylation.values.m_value`.
    m_from
        ``"beta"``: the logit of beta. ``"intensities"``: log2 of the ratio of intensities, each plus 1, without offset.
    detection_p, maximum_p
        Detection p-values of an array's probes, 0 to 1; where p is larger than the maximum, or missing, the value
        becomes missing.
    exclude
        CpGs to leave out: probes on sex chromosomes, over SNPs, or that bind in several places.
    across
        Where the CpGs of DataFrames run.
    samples, level, several
        Whose the samples are, as `bayesrg.samples.place_samples` has them, after everything was computed by sample; of
        several samples each variable has the mean (or what ``several`` says) of its own. ``level="sample"`` leaves them
        as they are, and data over another dim than ``sample`` keep it.

    Returns
    -------
    xr.Dataset
        ``beta_value`` and ``m_value`` (patient, cpg), and ``coverage`` for bisulfite reads. Attributes:
        ``n_undetected`` (values), ``n_cpgs_excluded``, ``n_excluded_absent`` (CpGs to leave out that were not there).
        Those of the variables count what the guard, the coverage and negative intensities changed, before samples were
        placed. Beta-values in which nothing changed may share their memory with what was given.

    Raises
    ------
    TableError
        Damaged, duplicated or impossible values, tables of other labels, or samples that cannot be placed.
    SettingsError
        None, or more than one, of the three is given; or an option is out of range.

    Examples
    --------
    >>> beta = pd.DataFrame({"P1": [0.2, 0.5], "P2": [0.8, None]}, index=["cg01", "cg02"])
    >>> encode_methylation(beta).m_value.round(3).values
    array([[-2.,  0.],
           [ 2., nan]])
    """
    tables = {"beta": beta, "methylated": methylated, "unmethylated": unmethylated}
    tables |= {"methylated_reads": methylated_reads, "coverage": coverage, "detection_p": detection_p}
    given = {name: table for name, table in tables.items() if table is not None}
    kind = _choose_kind(set(given) - {"detection_p"})
    if m_from not in ("beta", "intensities") or (m_from == "intensities" and kind != "intensities"):
        raise SettingsError(f"m_from={m_from!r}: expected 'beta', or 'intensities' where intensities are given")
    if not 0 < maximum_p <= 1:
        raise SettingsError(f"maximum_p={maximum_p}: expected a number above 0 and at most 1")
    matrices = {
        name: as_matrix(
            table,
            over="cpg",
            across=across,
            what=name.replace("_", " "),
            variable=_VARIABLES.get(name),
            lowest=0 if name == "detection_p" else None,
            highest=1 if name == "detection_p" else None,
        )
        for name, table in given.items()
    }
    matrices, excluded = _leave_out(matrices, exclude)
    first = next(iter(matrices.values()))
    data = xr.Dataset()
    if kind == "beta":
        check_beta(matrices["beta"])
        values = describe(matrices["beta"], long_name="share of methylated DNA", units="1")
    elif kind == "intensities":
        values = beta_of_intensities(matrices["methylated"], matrices["unmethylated"], offset=offset)
    else:
        data = beta_of_counts(matrices["methylated_reads"], matrices["coverage"], minimum_coverage=minimum_coverage)
        values = data["beta_value"]
    detected = None
    if "detection_p" in matrices:
        detected = align_matrix(matrices["detection_p"], first, "detection p-values", kind) <= maximum_p
        excluded["n_undetected"] = int(np.count_nonzero(~detected.values & ~np.isnan(values.values)))
        values = values.where(detected)
    if m_from == "beta":
        logits = m_value(values, guard=guard)
    else:
        logits = m_of_intensities(matrices["methylated"], matrices["unmethylated"])
        logits = logits if detected is None else logits.where(detected)
    data = data.assign(beta_value=values, m_value=logits).assign_attrs(excluded)
    settings = {"intensities": {"offset": offset}, "counts": {"minimum_coverage": minimum_coverage}}.get(kind, {})
    if detected is not None:
        settings["maximum_p"] = maximum_p
    line = step(
        "encode_methylation", given=kind, **settings, m_from=m_from, guard=guard, n_excluded=excluded["n_cpgs_excluded"]
    )
    before = [
        xr.Dataset(attrs={"history": table.attrs["history"]}) for table in given.values() if "history" in table.attrs
    ]
    data = with_step(data, line, *before)
    if level == "sample" or "sample" not in data.dims:
        return data
    return place_samples(data, samples, level=level, several=several)


def _choose_kind(given: set[str]) -> Literal["beta", "intensities", "counts"]:
    """Return which of the three ways to tell methylation was given."""
    if given == {"beta"}:
        return "beta"
    if given == {"methylated", "unmethylated"}:
        return "intensities"
    if given == {"methylated_reads", "coverage"}:
        return "counts"
    raise SettingsError(
        f"given: {', '.join(sorted(given)) or 'nothing'}; expected beta, or methylated and unmethylated, or "
        "methylated_reads and coverage"
    )


def _leave_out(
    matrices: dict[str, xr.DataArray], exclude: Collection[str]
) -> tuple[dict[str, xr.DataArray], dict[str, int]]:
    """Return the matrices without the CpGs to exclude, and how many those were."""
    if isinstance(exclude, str):
        raise SettingsError(f"exclude={exclude!r}: expected a list of CpGs; write [{exclude!r}]")
    if not exclude:
        return matrices, {"n_cpgs_excluded": 0, "n_excluded_absent": 0}
    cpgs = next(iter(matrices.values()))["cpg"]
    excluded = cpgs.isin(list(exclude)).values
    if excluded.all():
        raise TableError(f"all {len(cpgs)} CpGs are excluded; expected some to stay: check the list")
    kept = {name: matrix[:, ~matrix["cpg"].isin(list(exclude)).values] for name, matrix in matrices.items()}
    found = int(excluded.sum())
    return kept, {"n_cpgs_excluded": found, "n_excluded_absent": len(set(exclude)) - found}
