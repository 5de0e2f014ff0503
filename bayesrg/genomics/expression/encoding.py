r"""Expression: from counts of sequenced fragments to TPM, FPKM or CPM, and their logarithms.

A longer gene yields more fragments, and so does a deeper library. With :math:`k_i` fragments of gene :math:`i`, its
length :math:`l_i` in base pairs and the library size :math:`N` (mapped fragments):

- CPM: :math:`10^6 k_i / N`, corrected for depth;
- FPKM: :math:`10^9 k_i / (l_i N)`, corrected for depth and length (Mortazavi et al. 2008, doi:10.1038/nmeth.1226, as
  RPKM);
- TPM: :math:`10^6 (k_i / l_i) / \sum_j k_j / l_j`, which sums to a million in every unit (Wagner, Kin and Lynch 2012,
  doi:10.1007/s12064-012-0162-3).

What is counted are fragments. Of paired ends a pair is one fragment, whether one mate or both were mapped; of single
ends each read is one, and the same formula gives what is called RPKM.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.expression.counts import check_counts, keep_expressed, leave_out_summaries, split_annotation
from bayesrg.genomics.expression.gene_lengths import Lengths, as_series, explain_missing, find_lengths, strip_versions
from bayesrg.genomics.expression.library_sizes import Normalisation, effective_sizes, given_sizes, total_counts
from bayesrg.genomics.expression.values import Measure, check_measured, convert, log2_plus_one, undo_log2_plus_one
from bayesrg.genomics.matrix import Across, as_matrix
from bayesrg.history import step, with_step
from bayesrg.samples import Level, Several, place_samples

Measured = Literal["tpm", "fpkm", "cpm", "log2_tpm", "log2_fpkm", "log2_cpm"]
Counted = Literal["fragments", "reads", "mates"]

_UNITS = {
    "tpm": "transcripts per million",
    "fpkm": "fragments per kilobase and million mapped fragments",
    "cpm": "counts per million",
}


def encode_expression(
    counts: pd.DataFrame | xr.DataArray | xr.Dataset,
    lengths: Lengths | None = None,
    *,
    measure: Measure | None = None,
    log: bool = True,
    as_measured: Measured | None = None,
    counted: Counted = "fragments",
    estimated: bool = False,
    normalise: Normalisation | None = None,
    library_sizes: Mapping[str, float] | pd.Series | xr.DataArray | None = None,
    minimum_cpm: float | None = None,
    minimum_units: int = 2,
    without_length: Literal["refuse", "leave_out"] = "refuse",
    ignore_versions: bool = False,
    across: Across = "rows",
    samples: pd.DataFrame | Mapping[str, str] | None = None,
    level: Level | Literal["sample"] = "patient",
    several: Several = "refuse",
) -> xr.Dataset:
    r"""Return expression over patients and genes as TPM, FPKM or CPM, and its log2(1 + x).

    Parameters
    ----------
    counts
        Raw counts: a DataFrame with a gene a row and a sample a column (``across="columns"`` for the other way round; a
        table by featureCounts as it is; other columns that describe genes are left out with a warning), a DataArray
        with dims (unit, gene), or a Dataset with the variable ``count``. Rows in which HTSeq and STAR sum up what they
        could not assign (``__no_feature``, ``N_unmapped``) are left out; the attribute ``summary_rows_left_out`` tells
        what they held.
    lengths
        Base pairs of each gene (a mapping, a Series, or a table with the columns ``gene`` and ``length``), needed for
        TPM and FPKM; by default the column ``Length`` of featureCounts, or the coordinate ``length``.
    measure
        ``"tpm"`` (the default for counts), ``"fpkm"`` or ``"cpm"``.
    log
        Whether log2(1 + x) is returned too, as ``log2_tpm`` and so on.
    as_measured
        What the values are, where they are no raw counts: ``"tpm"``, ``"fpkm"``, ``"cpm"`` or their log2(1 + x), such
        as ``"log2_tpm"``. It is never guessed. FPKM can become TPM; CPM with lengths can become either.
    counted
        What one count is: ``"fragments"`` (paired ends, a pair once), ``"reads"`` (single ends; FPKM is then RPKM), or
        ``"mates"`` (paired ends, each mate on its own: counts are halved, which matters beside ``library_sizes``).
    estimated
        Whether counts may be fractions (RSEM, Salmon, kallisto).
    normalise
        ``"tmm"`` or ``"median_of_ratios"``: library sizes made comparable (see
        `bayesrg.genomics.expression.library_sizes.effective_sizes`), for CPM and FPKM. None takes them as they are.
    library_sizes
        Mapped fragments of each unit, by label; by default the sum of its counts.
    minimum_cpm, minimum_units
        Genes that do not reach so many counts per million in so many units are left out, after the measure was computed
        from all genes; the attributes ``n_genes_left_out`` and ``genes_left_out`` tell which. None keeps every gene.
    without_length
        Whether genes without a length are refused or left out, before anything is computed; the attributes
        ``n_genes_without_length`` and ``genes_without_length`` tell which.
    ignore_versions
        Whether versions of Ensembl identifiers (ENSG….12) are removed from the genes of counts and lengths.
    across
        Where the genes of a DataFrame run.
    samples, level, several
        Whose the samples are, as `bayesrg.samples.place_samples` has them, after everything was computed by sample; of
        several samples each variable has the mean (or what ``several`` says) of its own. ``level="sample"`` leaves them
        as they are, and data over another dim than ``sample`` keep it.

    Returns
    -------
    xr.Dataset
        Dims (patient, gene): the measure, and its logarithm if asked for. Coordinates: ``length`` (gene, base pairs)
        where lengths were given, ``library_size`` (patient) as it was used. Missing values of measured tables stay
        missing.

    Raises
    ------
    TableError
        Damaged, missing, negative or duplicated counts, a unit without counts, genes without length, values that
        cannot be what ``as_measured`` says, or samples that cannot be placed.
    SettingsError
        Options that do not go together.

    Examples
    --------
    >>> counts = pd.DataFrame({"P1": [10, 20, 5, 0], "P2": [12, 25, 8, 0]}, index=["A", "B", "C", "D"])
    >>> data = encode_expression(counts, {"A": 2000, "B": 4000, "C": 1000, "D": 10_000})
    >>> data.tpm.sel(patient="P2").round(0).values.tolist()
    [296296.0, 308642.0, 395062.0, 0.0]
    >>> data.log2_tpm.sel(patient="P2", gene="A").round(3).item()
    18.177
    """
    name = _check_settings(measure, as_measured, counted, normalise, library_sizes, minimum_cpm)
    history = _histories(counts, lengths, library_sizes)
    given, lengths = _matrix(counts, lengths, as_measured or "count", across)
    unassigned: dict[str, float] = {}
    if as_measured is None:
        given, unassigned = leave_out_summaries(given)
        check_counts(given, estimated=estimated)
        given = given / 2 if counted == "mates" else given
    else:
        check_measured(given, as_measured)
        given = undo_log2_plus_one(given) if as_measured.startswith("log2_") else given
    if ignore_versions:
        given = given.assign_coords(gene=strip_versions(given["gene"].values, "counts"))
    attrs: dict[str, object] = {"counted": counted} if as_measured is None else {"as_measured": as_measured}
    if unassigned:
        attrs["summary_rows_left_out"] = ", ".join(f"{row}: {total:.0f}" for row, total in unassigned.items())
    start = "count" if as_measured is None else as_measured.removeprefix("log2_")
    if lengths is not None:
        given, left_out = _with_lengths(given, lengths, without_length, ignore_versions)
        attrs |= left_out
    elif name != start and name != "cpm" and start != "fpkm":
        raise SettingsError(f"measure={name!r} needs the lengths of genes; give lengths, or use measure='cpm'")
    if as_measured is None:
        sizes = _sizes(given, normalise, library_sizes)
        values = convert(given, "count", name, sizes)
        given, values = given.assign_coords(library_size=sizes), values.assign_coords(library_size=sizes)
    else:
        values = convert(given, start, name)
    if minimum_cpm is not None:
        sizes = xr.full_like(given[:, 0], 1e6) if start == "cpm" else given["library_size"]
        kept = keep_expressed(given, minimum_cpm=minimum_cpm, minimum_units=minimum_units, library_sizes=sizes)
        attrs |= {key: kept.attrs[key] for key in ("genes_left_out", "n_genes_left_out")}
        values = values.sel(gene=kept["gene"])
    line = step(
        "encode_expression",
        measure=name,
        log=log,
        as_measured=as_measured,
        counted=counted,
        estimated=estimated,
        normalise=normalise,
        library_sizes=None if library_sizes is None else "given",
        minimum_cpm=minimum_cpm,
        minimum_units=minimum_units,
        without_length=without_length,
        ignore_versions=ignore_versions,
    )
    data = with_step(_dataset(values, name, log, counted).assign_attrs(attrs), line, *history)
    if level == "sample" or "sample" not in data.dims:
        return data
    # As a variable the library size goes along with its samples.
    sizes = [coord for coord in ("library_size",) if coord in data.coords]
    return place_samples(data.reset_coords(sizes), samples, level=level, several=several).set_coords(sizes)


def _check_settings(
    measure: str | None,
    as_measured: str | None,
    counted: str,
    normalise: str | None,
    library_sizes: object,
    minimum_cpm: float | None,
) -> Measure:
    """Return the measure that is asked for, or refuse options that do not go together."""
    start = None if as_measured is None else as_measured.removeprefix("log2_")
    name = measure or start or "tpm"
    choices = (("as_measured", as_measured, Measured), ("measure", name, Measure), ("counted", counted, Counted))
    for option, value, kind in choices:
        if value is not None and value not in get_args(kind):
            raise SettingsError(f"{option}={value!r}: expected one of {', '.join(get_args(kind))}")
    if start == "tpm" and name != "tpm":
        raise SettingsError(f"TPM cannot become {name.upper()}, because the library size is lost; start from counts")
    if start == "fpkm" and name == "cpm":
        raise SettingsError("FPKM cannot become CPM here; start from counts")
    if name == "tpm" and (normalise is not None or library_sizes is not None):
        raise SettingsError(
            "TPM sums to a million in every unit, so that library sizes have no part in it; leave normalise and "
            "library_sizes out, or use measure='cpm' or 'fpkm'"
        )
    if normalise is not None and library_sizes is not None:
        raise SettingsError("normalise computes library sizes from the counts; give it or library_sizes, not both")
    if as_measured is not None and (normalise is not None or library_sizes is not None):
        raise SettingsError(f"library sizes are for raw counts, but the values are said to be {as_measured}")
    if minimum_cpm is not None and start not in (None, "cpm"):
        raise SettingsError(f"minimum_cpm needs counts or CPM, but the values are said to be {as_measured}")
    return name  # pyright: ignore[reportReturnType]


def _matrix(
    counts: pd.DataFrame | xr.DataArray | xr.Dataset, lengths: Lengths | None, name: str, across: Across
) -> tuple[xr.DataArray, Lengths | None]:
    """Return what was given as a matrix, and the lengths, which may stand beside it."""
    if isinstance(counts, xr.Dataset):
        if name not in counts:
            raise TableError(
                f"the dataset has no variable {name!r}, only {', '.join(map(str, counts.data_vars))}; name what its "
                "values are with as_measured, or hand over the variable itself"
            )
        counts = counts[name]
    if isinstance(counts, xr.DataArray):
        beside = counts["length"] if "length" in counts.coords and counts["length"].dims == ("gene",) else None
    else:
        counts, beside = split_annotation(counts) if across == "rows" else (counts, None)
    matrix = as_matrix(counts, across=across, what="counts" if name == "count" else f"values of {name}")
    return matrix, beside if lengths is None else lengths


def _with_lengths(
    given: xr.DataArray, lengths: Lengths, without_length: str, ignore_versions: bool
) -> tuple[xr.DataArray, dict[str, object]]:
    """Return the genes that have a length, with the coordinate, and attributes that tell of those that have none."""
    if without_length not in ("refuse", "leave_out"):
        raise SettingsError(f"without_length={without_length!r}: expected 'refuse' or 'leave_out'")
    genes = given["gene"].values
    if ignore_versions:
        series = as_series(lengths)
        lengths = series.set_axis(strip_versions(list(series.index), "gene lengths"))
    found = find_lengths(lengths, genes)
    known = np.isfinite(found)
    if not known.all() and (without_length == "refuse" or not known.any()):
        raise TableError(explain_missing(lengths, genes, genes[~known]))
    kept = given if known.all() else given[:, known]
    kept = kept.assign_coords(length=("gene", found[known], {"units": "bp", "long_name": "length of the gene"}))
    if known.all():
        return kept, {}
    return kept, {
        "genes_without_length": ", ".join(map(str, genes[~known])),
        "n_genes_without_length": int((~known).sum()),
    }


def _sizes(counts: xr.DataArray, normalise: Normalisation | None, library_sizes: object) -> xr.DataArray:
    """Return the library sizes that are asked for."""
    if library_sizes is not None:
        return given_sizes(counts, library_sizes)  # pyright: ignore[reportArgumentType]
    return total_counts(counts) if normalise is None else effective_sizes(counts, normalise)


def _dataset(values: xr.DataArray, name: Measure, log: bool, counted: Counted) -> xr.Dataset:
    """Return the variables with their names and units."""
    units = _UNITS[name].replace("fragments", "reads") if counted == "reads" else _UNITS[name]
    label = "RPKM" if (name, counted) == ("fpkm", "reads") else name.upper()
    variables = {name: values.copy(deep=False)}
    variables[name].attrs = {"long_name": f"expression as {label}", "units": units}
    if log:
        variables[f"log2_{name}"] = log2_plus_one(values)
        variables[f"log2_{name}"].attrs = {"long_name": f"log2(1 + {label})", "units": "1"}
    return xr.Dataset(variables)


def _histories(*inputs: object) -> list[xr.Dataset]:
    """Return what the inputs, DataFrames among them, tell of how they came about."""
    attrs = [getattr(given, "attrs", {}) for given in inputs]
    return [xr.Dataset(attrs={"history": told["history"]}) for told in attrs if "history" in told]
