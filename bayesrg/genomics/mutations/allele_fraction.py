"""Share of reads that carry a variant: from counts of reads, or from a column whose unit its values betray."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.mutations.tab_separated import TextColumns, arrow

FractionUnit = Literal["share", "percent"]

FRACTION_COLUMNS = (
    "i_tumorvaf_wu",
    "tumor_vaf",
    "t_vaf",
    "vaf",
    "tumor_f",
    "i_tumor_f",
    "t_af",
    "tumor_af",
    "variant_allele_fraction",
    "variant_allele_frequency",
)
"""Names, in lower case, of columns with the fraction. ``AF`` is none: in the Commons' files it is a population's."""

COUNT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "alternative": ("t_alt_count", "tumor_alt_count"),
    "reference": ("t_ref_count", "tumor_ref_count"),
    "depth": ("t_depth", "tumor_depth"),
}
"""Names, in lower case, of columns that count reads of the tumour."""


def read_fraction(
    text: TextColumns, *, column: str | None = None, unit: FractionUnit | None = None
) -> tuple[np.ndarray | None, np.ndarray | None, str]:
    """Return the allele fraction (0 to 1) and the depth (reads), each None if unknown, and the fraction's source.

    Parameters
    ----------
    text
        Columns of a mutation annotation file.
    column
        The column that holds the fraction. Without it the counts of reads are used where there are any, else the first
        of `FRACTION_COLUMNS` that is there.
    unit
        ``"share"`` (0 to 1) or ``"percent"`` of that column. Without it the values decide: with a percent sign, or if
        most values that are not 0 exceed 1, they are percent; if none exceeds 1 they are shares.

    Raises
    ------
    TableError
        A cell is no number, outside of its range, more reads carry the variant than there are, or the values do not
        tell their unit.
    SettingsError
        ``unit`` is another word.
    """
    if unit not in (None, "share", "percent"):
        raise SettingsError(f"allele_fraction_unit is {unit!r}; expected 'share' (0 to 1) or 'percent' (0 to 100)")
    names = {name.casefold(): name for name in text.columns}
    counts = {what: next((names[n] for n in known if n in names), None) for what, known in COUNT_COLUMNS.items()}
    fraction, depth, told = _from_counts(text, counts)
    if column is None and fraction is not None:
        return fraction, depth, told
    chosen = column or next((names[name] for name in FRACTION_COLUMNS if name in names), None)
    if chosen is None:
        return None, depth, ""
    values, decided = _from_column(text, chosen, unit)
    return values, depth, f"{chosen} ({decided})"


def _from_counts(
    text: TextColumns, counts: Mapping[str, str | None]
) -> tuple[np.ndarray | None, np.ndarray | None, str]:
    reads = {what: text.numbers(name, "a number of reads") for what, name in counts.items() if name is not None}
    for what, values in reads.items():
        if (values < 0).any():
            text.refuse(str(counts[what]), values < 0, values, "a number of reads, 0 or more")
    alternative, reference, depth = (reads.get(what) for what in ("alternative", "reference", "depth"))
    if depth is None and alternative is not None and reference is not None:
        depth = alternative + reference
    if depth is None or alternative is None or not np.isfinite(alternative).any():
        return None, depth, ""
    if (alternative > depth).any():
        found = [f"{a:g} of {d:g}" for a, d in zip(alternative, depth, strict=True)]
        text.refuse(str(counts["alternative"]), alternative > depth, found, "no more reads with the variant than reads")
    fraction = np.divide(alternative, depth, out=np.full(len(depth), np.nan), where=depth > 0)
    whole = counts["depth"] or f"({counts['alternative']} + {counts['reference']})"
    return fraction, depth, f"{counts['alternative']} / {whole}"


def _from_column(text: TextColumns, column: str, unit: FractionUnit | None) -> tuple[np.ndarray, str]:
    cells = text.columns[column]
    signed = arrow.ends_with(arrow.utf8_trim_whitespace(cells), "%")
    if arrow.any(signed).as_py():
        bare: pa.ChunkedArray = arrow.utf8_rtrim(arrow.utf8_trim_whitespace(cells), "%")
        text, unit = replace(text, columns={**text.columns, column: bare}), unit or "percent"
    values = text.numbers(column, "a number, the share of reads with the variant")
    above = int((values > 1).sum())
    if unit is not None:
        decided = f"{unit}, as stated"
    elif above == 0:
        unit, decided = "share", "share, as no value exceeds 1"
    elif above > (values > 0).sum() / 2:
        unit, decided = "percent", "percent, as most values exceed 1"
    else:
        largest = int(np.nanargmax(values))
        raise TableError(
            f"{text.path}, column {column}: {above:,} of {np.isfinite(values).sum():,} values exceed 1, such as "
            f"{values[largest]:g} in line {text.lines[largest]}, and most do not, so that they do not tell whether "
            "they are shares or percent; say so with allele_fraction_unit='share' or 'percent', or mend the cells"
        )
    limit = 1.0 if unit == "share" else 100.0
    bad = (values < 0) | (values > limit)
    if bad.any():
        text.refuse(column, bad, values, f"a {'share' if unit == 'share' else 'percentage'} from 0 to {limit:g}")
    return values / limit, decided
