"""Somatic variants from mutation annotation files: as a table with one name for each column, or encoded at once."""

import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Literal, Unpack

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations.allele_fraction import COUNT_COLUMNS, FRACTION_COLUMNS, FractionUnit, read_fraction
from bayesrg.genomics.mutations.encoding import Encoding, encode_mutations
from bayesrg.genomics.mutations.tab_separated import TextColumns, read_columns, read_header
from bayesrg.genomics.mutations.variant_words import check_build, check_ends, read_words
from bayesrg.history import step

Duplicates = Literal["refuse", "first"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "gene": ("hugo_symbol", "gene"),
    "sample": ("tumor_sample_barcode", "sample"),
    "chromosome": ("chromosome", "chrom", "chr"),
    "start": ("start_position", "start_pos", "start"),
    "end": ("end_position", "end_pos", "end"),
    "reference": ("reference_allele", "ref"),
    "first_allele": ("tumor_seq_allele1",),
    "alternative": ("tumor_seq_allele2", "alt"),
    "classification": ("variant_classification",),
    "variant_type": ("variant_type",),
    "protein_change": ("hgvsp_short", "protein_change", "hgvsp", "amino_acid_change", "aachange"),
    "build": ("ncbi_build",),
    "status": ("mutation_status",),
}
"""Names, in lower case, that a column goes by in files; the first that is there is read."""

REQUIRED = ("gene", "sample", "chromosome", "start", "end", "classification")

NOT_SOMATIC = frozenset({"germline", "loh", "wildtype", "post-transcriptional modification"})
"""Words of the column ``Mutation_Status``, in lower case, whose rows are left out."""


def read_maf(
    path: str | PathLike[str],
    *,
    build: str | None = None,
    allele_fraction: str | None = None,
    allele_fraction_unit: FractionUnit | None = None,
    class_words: Mapping[str, str] | None = None,
    duplicates: Duplicates = "refuse",
    **encoding: Unpack[Encoding],
) -> xr.Dataset:
    r"""Return which genes of whom are mutated, from a mutation annotation file (MAF).

    This is `read_variants`, and then `bayesrg.genomics.mutations.encoding.encode_mutations`.

    Parameters
    ----------
    path
        The file, gzipped or not.
    build, allele_fraction, allele_fraction_unit, duplicates
        As `read_variants` takes them.
    class_words
        The file's own words for classes of variants, which `read_variants` calls ``classes``.
    **encoding
        Options of `bayesrg.genomics.mutations.encoding.encode_mutations`, such as ``variants``, ``patients`` and
        ``assayed``.

    Returns
    -------
    xarray.Dataset
        As `bayesrg.genomics.mutations.encoding.encode_mutations` returns it, over (``patient``, ``gene``) unless
        samples are kept separate.

    Raises
    ------
    TableError, SettingsError
        As the two functions raise them.

    Examples
    --------
    >>> import tempfile
    >>> header = "Hugo_Symbol,Tumor_Sample_Barcode,Chromosome,Start_Position,End_Position,Variant_Classification"
    >>> header += ",Variant_Type"
    >>> rows = ["TP53,P1,17,7577120,7577120,Missense_Mutation,SNP", "IDH1,P2,2,209113112,209113112,Silent,SNP"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "two.maf")
    ...     _ = file.write_text("\n".join([header, *rows]).replace(",", "\t"))
    ...     read_maf(file, patients=["P1", "P2", "P3"])["mutated"].to_pandas()  # doctest: +NORMALIZE_WHITESPACE
    gene     IDH1  TP53
    patient
    P1        0.0   1.0
    P2        0.0   0.0
    P3        0.0   0.0
    """
    table = read_variants(
        path,
        build=build,
        allele_fraction=allele_fraction,
        allele_fraction_unit=allele_fraction_unit,
        classes=class_words,
        duplicates=duplicates,
    )
    return encode_mutations(table, **encoding)


def read_variants(
    path: str | PathLike[str],
    *,
    build: str | None = None,
    allele_fraction: str | None = None,
    allele_fraction_unit: FractionUnit | None = None,
    classes: Mapping[str, str] | None = None,
    duplicates: Duplicates = "refuse",
) -> pd.DataFrame:
    r"""Return the variants of a mutation annotation file (MAF), a row each.

    Parameters
    ----------
    path
        Tab-separated text, gzipped or not by its first bytes, with any number of comment lines (``#``) above its
        header. Names of columns are read whatever their case, and under the names in `COLUMNS`.
    build
        The genome build that positions must be in, such as ``"GRCh38"`` or ``"hg38"``. Without it any one is taken.
        A file that does not state its build is taken at this word, as long as no variant ends beyond its chromosome.
    allele_fraction
        The column with the variant allele fraction; without it each row's counts of reads give it, or else a column of
        a usual name, as `bayesrg.genomics.mutations.allele_fraction.read_fraction` says.
    allele_fraction_unit
        ``"share"`` or ``"percent"``; without it the values decide, and ``attrs`` say what they decided.
    classes
        The file's own words for classes of variants, and which of `variant_classes.CLASSES` each means.
    duplicates
        ``"refuse"`` a variant that stands in two rows (same gene, sample, place and alleles), or keep the ``"first"``.

    Returns
    -------
    pandas.DataFrame
        Text: ``gene`` (missing where the file says Unknown or nothing), ``sample``, ``chromosome`` (without ``chr``; X,
        Y and MT, not 23, 24 and M), ``reference``, ``alternative``, ``classification``, ``variant_type``; where the
        file has them ``protein_change``. Integers: ``start``, ``end`` (1-based, inclusive). Numbers, where the file has
        them: ``variant_allele_fraction`` (0 to 1) and ``depth`` (reads). The index ``line`` is the row's line in the
        file, comments counted. Its ``attrs`` are ``source``, ``build`` (empty where unknown), ``build_source`` (whether
        the file states it), ``allele_fraction`` and ``depth`` (where they are from, and for how many rows of the file),
        and ``history``. Rows whose ``Mutation_Status`` says germline, LOH or wildtype are left out,
        with a warning.

    Raises
    ------
    TableError
        The file is absent, empty, cut off or damaged; a column is missing; a cell is empty, no number, no chromosome,
        below 1, or an unknown word; an end lies before its start or beyond its chromosome; a gene was made a date by a
        spreadsheet program; builds are mixed or not the one asked for; a variant stands there twice.
    SettingsError
        An option is not one of its words.

    Examples
    --------
    >>> import tempfile
    >>> names = "Hugo_Symbol Tumor_Sample_Barcode Chromosome Start_Position End_position Variant_Type"
    >>> names += " Variant_Classification"
    >>> row = "IDH1 TCGA-AB-2802 chr2 209113112 209113112 SNP Missense_Mutation"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "one.maf")
    ...     _ = file.write_text("\n".join(["#version 2.4", *(line.replace(" ", "\t") for line in (names, row))]))
    ...     read_variants(file).loc[3, ["gene", "sample", "chromosome"]].tolist()
    ['IDH1', 'TCGA-AB-2802', '2']

    References
    ----------
    https://docs.gdc.cancer.gov/Data/File_Formats/MAF_Format
    """
    path = Path(path)
    if duplicates not in ("refuse", "first"):
        raise SettingsError(f"duplicates is {duplicates!r}; expected 'refuse' or 'first'")
    names, header = read_header(path)
    places = _find_columns(path, names, allele_fraction)
    text = read_columns(path, names, header, sorted({*places.values(), *_fraction_places(names, allele_fraction)}))
    found = {what: names[place] for what, place in places.items()}
    table = read_words(text, found, classes or {})
    table.insert(3, "start", text.positions(found["start"]))
    table.insert(4, "end", text.positions(found["end"]))
    backwards = (table["end"] < table["start"]).to_numpy()
    if backwards.any():
        told = [f"{end} after start {start}" for start, end in zip(table["start"], table["end"], strict=True)]
        text.refuse(found["end"], backwards, told, "an end at or after the start")
    stated, said_by = check_build(text, found.get("build"), build)
    check_ends(text, found["end"], table, stated)
    reads = read_fraction(text, column=allele_fraction, unit=allele_fraction_unit)
    for name, values in (("variant_allele_fraction", reads.fraction), ("depth", reads.depth)):
        if values is not None:
            table[name] = values
    table = _drop_duplicates(path, _drop_germline(text, table, found.get("status")), duplicates)
    options = {"build": build, "allele_fraction": reads.fraction_from or None, "duplicates": duplicates}
    if stated:
        options["build"] = f"{stated}, {said_by}"
    if reads.depth_from:
        options["depth"] = reads.depth_from
    if classes:
        options["classes"] = dict(classes)
    table.attrs = {
        "source": path.name,
        "build": stated,
        "build_source": said_by,
        "allele_fraction": reads.fraction_from,
        "depth": reads.depth_from,
        "history": step("read_variants", path, **options, rows=len(text.lines), variants=len(table)),
    }
    return table


def _find_columns(path: Path, names: list[str], fraction: str | None) -> dict[str, int]:
    """Return the place of each column that is there, and refuse a file without those that are needed."""
    folded = [name.casefold() for name in names]
    places = {
        what: folded.index(next(name for name in known if name in folded))
        for what, known in COLUMNS.items()
        if any(name in folded for name in known)
    }
    absent = [what for what in REQUIRED if what not in places]
    if "variant_type" not in places and not {"reference", "alternative"} <= places.keys():
        absent.append("variant_type")
    if absent:
        wanted = ", ".join("/".join(COLUMNS[what][:2]) for what in absent)
        raise TableError(
            f"{path}: the header lacks {wanted} (in any case); it names {', '.join(names[:20])}"
            f"{', …' if len(names) > 20 else ''}: rename or add the columns"
        )
    if fraction is not None and fraction not in names:
        raise TableError(f"{path}: the header has no column {fraction!r} with the variant allele fraction")
    for what, place in places.items():
        if folded.count(folded[place]) > 1:
            raise TableError(
                f"{path}: several columns are called {names[place]}, which holds the {what}; keep one of them"
            )
    return places


def _fraction_places(names: list[str], fraction: str | None) -> list[int]:
    usual = {*FRACTION_COLUMNS, *(name for known in COUNT_COLUMNS.values() for name in known)}
    return [place for place, name in enumerate(names) if name.casefold() in usual or name == fraction]


def _drop_germline(text: TextColumns, table: pd.DataFrame, column: str | None) -> pd.DataFrame:
    """Return the rows that the file does not declare to be something else than somatic; warn of the others."""
    if column is None:
        return table
    codes, words = text.words(column)
    other = np.array([word.casefold() in NOT_SOMATIC for word in words], dtype=bool)[codes]
    if other.any():
        told = pd.Series(np.array(words, dtype=object)[codes][other]).value_counts()
        warnings.warn(
            f"{text.path}: {other.sum():,} of {len(table):,} rows are left out, as {column} says that they are not "
            "somatic: " + ", ".join(f"{word} {number:,}" for word, number in told.items()),
            stacklevel=3,
        )
        return table.loc[~other]
    return table


def _drop_duplicates(path: Path, table: pd.DataFrame, duplicates: Duplicates) -> pd.DataFrame:
    """Return each variant once: refuse, or leave out with a warning, what says the same as a row before it."""
    keys = [
        name for name in ("gene", "sample", "chromosome", "start", "end", "reference", "alternative") if name in table
    ]
    # Places of words are compared, not the words, which takes a tenth of the time in large files.
    codes = pd.DataFrame({name: pd.factorize(table[name])[0] for name in keys}, index=table.index)
    again = codes.duplicated().to_numpy()
    if not again.any():
        return table
    if duplicates == "first":
        warnings.warn(f"{path}: {again.sum():,} of {len(table):,} rows repeat a variant and are left out", stacklevel=3)
        return table.loc[~again]
    listed = []
    for place in again.nonzero()[0][:5]:
        same = (codes.to_numpy()[:place] == codes.to_numpy()[place]).all(axis=1)
        row = table.iloc[place]
        listed.append(
            f"line {table.index[place]} repeats line {table.index[same.argmax()]} ({row['gene']}, {row['sample']})"
        )
    raise TableError(
        f"{path}: {again.sum():,} rows repeat a variant, with the same gene, sample, place and alleles: "
        f"{', '.join(listed)}{', …' if again.sum() > 5 else ''}; remove them, or keep one each with duplicates='first'"
    )
