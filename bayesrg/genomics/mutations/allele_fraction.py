"""Share of reads that carry a variant: from counts of reads, or from a column whose unit its values betray."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
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

_OR_NAME_IT = "; mend it, or name the column that holds the fraction in allele_fraction"


@dataclass(frozen=True)
class Reads:
    """What a file says of the reads at its variants; NaN in rows of which it says nothing.

    Attributes
    ----------
    fraction
        Share of reads with the variant (0 to 1), shape (row,); None where the file tells it of no row.
    depth
        Number of reads, shape (row,); None where the file tells it of no row.
    fraction_from, depth_from
        The columns that they are from, and for how many rows of the file each; empty where there is none.
    """

    fraction: np.ndarray | None
    depth: np.ndarray | None
    fraction_from: str
    depth_from: str


def read_fraction(text: TextColumns, *, column: str | None = None, unit: FractionUnit | None = None) -> Reads:
    """Return the allele fraction and the depth of each row, and which columns they are from.

    The depth of a row is the one that the file states, or else the sum of the reads with and without the variant.

    Parameters
    ----------
    text
        Columns of a mutation annotation file.
    column
        The column that holds the fraction. Without it each row has the fraction that its counts of reads give, or else
        what the first of `FRACTION_COLUMNS` with any value says. With it the counts of reads with and without the
        variant are used for no fraction, and to depths they add only where both are numbers of 0 or more.
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
    counts = {
        what: name
        for what, known in COUNT_COLUMNS.items()
        if (name := next((names[n] for n in known if n in names), None)) is not None
    }
    reads = _read_counts(text, counts, strict=column is None)
    depth, summed = _join_depths(reads, len(text.lines))
    both = f"{counts.get('alternative')} + {counts.get('reference')}"
    stated = np.isfinite(depth) & ~summed
    depth_from = _tell_sources(len(depth), {counts.get("depth", ""): stated, both: summed})
    if column is None:
        fraction = _divide(text, reads.get("alternative"), depth, counts)
        sources = {f"{counts.get('alternative')} / {counts.get('depth')}": np.isfinite(fraction) & stated}
        sources[f"{counts.get('alternative')} / ({both})"] = np.isfinite(fraction) & summed
        usual = [names[name] for name in FRACTION_COLUMNS if name in names]
    else:
        fraction, sources, usual = np.full(len(depth), np.nan), {}, [column]
    absent = np.isnan(fraction)
    for name in usual if absent.any() else ():
        values, decided = _from_column(text, name, unit)
        if np.isfinite(values).any():
            fraction = np.where(absent, values, fraction)
            sources[f"{name} ({decided})"] = absent & np.isfinite(values)
            break
    fraction_from = _tell_sources(len(fraction), sources)
    return Reads(fraction if fraction_from else None, depth if depth_from else None, fraction_from, depth_from)


def _read_counts(text: TextColumns, counts: Mapping[str, str], *, strict: bool) -> dict[str, np.ndarray]:
    """Return the numbers of reads by what they count; a stated depth is always checked, the others if ``strict``."""
    reads = {}
    for what, name in counts.items():
        if strict or what == "depth":
            expected = "a number of reads, 0 or more" + ("" if what == "depth" else _OR_NAME_IT)
            values = text.numbers(name, expected)
            if (values < 0).any():
                text.refuse(name, values < 0, values, expected)
        else:
            cells = pd.Series(text.columns[name].to_numpy(), dtype=object)
            values = np.asarray(pd.to_numeric(cells, errors="coerce"), dtype=float)
            values = np.where(np.isfinite(values) & (values >= 0), values, np.nan)
        reads[what] = values
    return reads


def _join_depths(reads: Mapping[str, np.ndarray], n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's depth, stated or else the sum of its counts, and whether it is the sum."""
    unknown = np.full(n_rows, np.nan)
    stated = reads.get("depth", unknown)
    total = reads.get("alternative", unknown) + reads.get("reference", unknown)
    depth = np.where(np.isnan(stated), total, stated)
    return depth, np.isnan(stated) & np.isfinite(total)


def _divide(
    text: TextColumns, alternative: np.ndarray | None, depth: np.ndarray, counts: Mapping[str, str]
) -> np.ndarray:
    """Return the share of reads with the variant, NaN where a count is missing or there are no reads."""
    if alternative is None:
        return np.full(len(depth), np.nan)
    if (alternative > depth).any():
        found = [f"{a:g} of {d:g}" for a, d in zip(alternative, depth, strict=True)]
        expected = f"no more reads with the variant than reads{_OR_NAME_IT}"
        text.refuse(counts["alternative"], alternative > depth, found, expected)
    return np.divide(alternative, depth, out=np.full(len(depth), np.nan), where=depth > 0)


def _tell_sources(n_rows: int, sources: Mapping[str, np.ndarray]) -> str:
    """Return in words how many rows have their value from where; empty where no row has one."""
    told = {source: int(rows.sum()) for source, rows in sources.items() if rows.any()}
    rest = n_rows - sum(told.values())
    if told and rest:
        told["no value"] = rest
    return "; ".join(f"{source}: {number:,} rows" for source, number in told.items())


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
