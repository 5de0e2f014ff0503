"""Segments of copy number as files hold them: SEG, tables of circular binary segmentation, CNVkit."""

import re
import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.genomics.chromosomes import name_chromosomes
from bayesrg.genomics.copy_number.copy_scale import COPIES, LOWEST_RATIO, SCALES, Scale, check_scale, to_log2_ratio
from bayesrg.genomics.copy_number.normal_copies import Sex, count_copies_of_segments, describe_by_unit
from bayesrg.genomics.copy_number.segment_table import WITHOUT_SEGMENTS, check_segments, is_missing
from bayesrg.genomics.text_rows import TextRows, read_text, split_rows
from bayesrg.history import step

Missing = Literal["refuse", "leave_out"]

# Names are compared in lower case, letters and digits only: loc.start, Loc_Start and "Loc Start" are one.
# fmt: off
_NAMES = {
    "sample": ("id", "sample", "sampleid", "samplename", "tumorsamplebarcode", "samplebarcode", "trackname",
               "gdcaliquot"),
    "chromosome": ("chromosome", "chrom", "chr", "seqnames", "contig"),
    "start": ("start", "locstart", "startbp", "startposition", "startpos", "chromstart", "startlocation"),
    "end": ("end", "locend", "endbp", "endposition", "endpos", "chromend", "stop", "endlocation"),
    "n_markers": ("nummark", "nummarkers", "numprobes", "nmarkers", "nprobes", "probes", "markers", "nmark",
                  "numpoints", "bins", "numpointscopyratio"),
}
_LOG2 = ("segmean", "segmentmean", "log2", "log2ratio", "log2copyratio", "meanlog2", "meanlog2copyratio", "logratio",
         "log2ratiomean", "seglogratio")
# Such columns were seen on more than one scale.
_UNCLEAR = ("segcn", "cn", "copynumber", "segmentcopynumber", "totalcn", "tumorcn", "tumortotal", "ratio", "copyratio",
            "value", "score", "mean", "segvalue", "segment")
# fmt: on
_CNVKIT = (".call.cns", ".cns", ".cnr")


def read_segments(
    path: str | PathLike[str],
    *,
    scale: Scale | None = None,
    column: str | None = None,
    sample: str | None = None,
    build: str | None = None,
    zero_based: bool | None = None,
    check_plausibility: bool = True,
    missing: Missing = "refuse",
    sex: Sex | None = None,
) -> pd.DataFrame:
    r"""Return the segments of a file, a row per segment and sample, with log2 ratios.

    Parameters
    ----------
    path
        SEG (as IGV, GISTIC and DNAcopy have it: ``ID chrom loc.start loc.end num.mark seg.mean``), a like table with
        the usual other names (``Sample Chromosome Start.bp End.bp Num.Markers Segment_Mean``), or CNVkit's ``.cns``,
        ``.call.cns`` or ``.cnr`` (bins, which are not segmented: each stays a segment of its own), or GATK's
        ``.called.seg``; gzipped or not; columns separated by tabs, commas or blanks. The names of columns decide, not
        the file's.
    scale
        On which scale the values are: ``"log2_ratio"``, ``"ratio"`` (1 is normal), ``"copy_number"`` (2 is normal) or
        ``"copy_number_minus_2"`` (0 is normal). None takes log2 ratios from columns whose name says so (``seg.mean``,
        ``Segment_Mean``, ``log2`` and their kin), and refuses any other, such as ``Seg.CN``.
    column
        Which column holds the values, by its name in the file. None looks for the usual names, log2 ratios first.
    sample
        Name of the sample where the file has no column of samples, as CNVkit's have not. None takes the file's name.
    build
        ``GRCh37`` or ``GRCh38``: a segment beyond the end of its chromosome is refused. None compares with neither.
    zero_based
        Whether starts are counted from 0 (as in BED). None: only in CNVkit's files, known by their columns.
    check_plausibility
        Refuse values that can hardly be on their scale (`bayesrg.genomics.copy_number.copy_scale.check_scale`).
    missing
        What becomes of a segment without a value (an empty cell, ``NA``): ``"refuse"`` (an error that names the line),
        or ``"leave_out"``, which a warning counts.
    sex
        Of copies (``"copy_number"``, ``"copy_number_minus_2"``): ``"female"`` or ``"male"`` of each sample, by its
        label or, of a TCGA barcode, its patient's, so that a male's one copy of X is normal (log2 ratio 0). Segments on
        a female's Y are left out, and a warning counts them. Without it two copies are normal everywhere, and every
        male has a loss on X.

    Returns
    -------
    pandas.DataFrame
        As `bayesrg.genomics.copy_number.segment_table.check_segments` returns it; ``attrs["history"]`` names the file,
        ``attrs["samples_without_segments"]`` the samples of which no segment was left. Ratios under 0.01 (no copies;
        CNVkit's log2 of -20, no reads) become log2 of 0.01, and a warning counts them. Segments on contigs other than
        1 to 22, X, Y and MT are left out and counted likewise.

    Raises
    ------
    TableError
        The file is absent, empty, damaged or no text; columns are missing; the scale is not known; a row is wrong (the
        message names its line and column).
    SettingsError
        An option is not one of those above.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "two.seg"
    >>> _ = path.write_text("ID\tchrom\tloc.start\tloc.end\tnum.mark\tseg.mean\nP1\tchr7\t1\t90000\t12\t-0.91\n")
    >>> read_segments(path).to_dict("records")
    [{'sample': 'P1', 'chromosome': '7', 'start': 1, 'end': 90000, 'n_markers': 12.0, 'log2_ratio': -0.91}]
    """
    source = Path(path)
    if scale is not None and scale not in SCALES:
        raise SettingsError(f"scale is {scale!r}; expected one of {', '.join(SCALES)}, or None")
    if missing not in get_args(Missing):
        raise SettingsError(f"missing is {missing!r}; expected 'refuse' or 'leave_out'")
    if sex is not None and scale not in COPIES:
        raise SettingsError(f"sex matters to the scales {' and '.join(COPIES)}, but scale is {scale!r}; leave sex out")
    found = split_rows(read_text(source, "file of segments"))
    header, rows = _take_header(found, source)
    places = _find_columns(header, source)
    values_at = _find_values(header, column, scale, source)
    chosen = scale or "log2_ratio"
    is_cnvkit = {"gene", "log2"} <= {_bare(name) for name in header} and "sample" not in places
    table = pd.DataFrame(rows, columns=range(len(header)), dtype=object)
    names = {role: table[place] for role, place in places.items()} | {"log2_ratio": table[values_at]}
    given = cast("Any", pd.DataFrame(names))
    if "sample" not in given:
        given["sample"] = sample or _name_of(source)
    elif sample is not None:
        raise SettingsError(
            f"sample is {sample!r}, but {source} has the column {header[places['sample']]!r} of samples"
        )
    from_zero = zero_based if zero_based is not None else is_cnvkit
    if from_zero:
        given["start"] = _from_zero(given["start"])
    told = {role: header[place] for role, place in (places | {"log2_ratio": values_at}).items()}
    lines = np.array(found.lines[1:])
    elsewhere = name_chromosomes(given["chromosome"]).isna().to_numpy() & ~is_missing(given["chromosome"])
    empty = is_missing(given["log2_ratio"]) if missing == "leave_out" else np.zeros(len(given), dtype=bool)
    reasons = {"is on another contig": elsewhere, "has no value": empty & ~elsewhere}
    kept = _leave_out(given, reasons, source)
    lines = lines[kept]

    def locate(row: int, name: str) -> str:
        return f"{source}, line {lines[row]}, column {told.get(name, name)}"

    table = check_segments(given[kept], build=build, locate=locate)
    values = table["log2_ratio"].to_numpy()
    if check_plausibility:
        length = (table["end"] - table["start"] + 1).to_numpy(dtype=float)
        check_scale(values, length, chosen, f"{source}, column {header[values_at]}")
    normal = count_copies_of_segments(table, sex)
    table["log2_ratio"], raised = to_log2_ratio(values, chosen, normal)
    if raised:
        warnings.warn(
            f"{source}: {raised} of {len(table)} segments have a ratio below {LOWEST_RATIO}, which has no useful "
            f"logarithm; their log2 ratio was set to {np.log2(LOWEST_RATIO):.2f}",
            stacklevel=2,
        )
    if not normal.any():
        raise TableError(f"{source}: all {len(table)} segments are on Y of females by sex, where no copy is normal")
    table = cast("Any", table)[_leave_out(table, {"is on Y of a female": normal == 0.0}, source)].reset_index(drop=True)
    left = set(table["sample"])
    without = [label for label in dict.fromkeys(str(one).strip() for one in given["sample"]) if label not in left]
    history = step(
        "read_segments", source=source, scale=chosen, column=header[values_at], build=build, sample=sample,
        zero_based=bool(from_zero), check_plausibility=check_plausibility, missing=missing, sex=describe_by_unit(sex),
        n_left_out=len(given) - len(table),
    )  # fmt: skip
    table.attrs = ({WITHOUT_SEGMENTS: without} if without else {}) | {"history": history}
    return table


def _leave_out(table: Any, reasons: Mapping[str, np.ndarray], source: Path) -> np.ndarray:
    """Return which rows stay, and warn of those that do not; all stay where none would, for they are refused later."""
    left_out = np.any(list(reasons.values()), axis=0)
    if left_out.all():
        return ~np.zeros(len(table), dtype=bool)
    for what, rows in reasons.items():
        if rows.any():
            shown = list_some(pd.unique(table["sample"][rows]))
            places = list_some(pd.unique(table["chromosome"][rows]))
            warnings.warn(
                f"{source}: {int(rows.sum())} of {len(table)} segments are left out, since each {what} (chromosomes "
                f"{places}; samples {shown})",
                stacklevel=3,
            )
    return ~left_out


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _take_header(found: TextRows, source: Path) -> tuple[list[str], list[list[str]]]:
    """Return names of columns and the rows under them, each with as many fields."""
    if not found.rows:
        raise TableError(f"{source}: the file of segments holds comments only; expected a row of names and rows below")
    header, rows = found.rows[0], found.rows[1:]
    if not rows:
        raise TableError(f"{source}: the file of segments has no row under the names {', '.join(header)}")
    if _has_row_names(header, rows):
        header = ["", *header]
    for row, line in zip(rows, found.lines[1:], strict=True):
        if len(row) != len(header):
            raise TableError(
                f"{source}, line {line}: {len(row)} fields, but line {found.lines[0]} names {len(header)} columns; "
                "the row is damaged or cut off: mend or remove it"
            )
    return header, rows


def _has_row_names(header: list[str], rows: list[list[str]]) -> bool:
    """Return whether each row begins with its name, as R writes them, without a name above."""
    if any(len(row) != len(header) + 1 for row in rows):
        return False
    first = [row[0] for row in rows]
    # One row with a field too many may as well be damaged, unless it begins with a number as R gives them.
    return len(set(first)) == len(first) and (len(first) > 1 or first[0].isdecimal())


def _find_columns(header: list[str], source: Path) -> dict[str, int]:
    bare = [_bare(name) for name in header]
    found: dict[str, int] = {}
    for role, names in _NAMES.items():
        places = [place for place, name in enumerate(bare) if name in names]
        if len(places) > 1:
            raise TableError(
                f"{source}: columns {' and '.join(repr(header[place]) for place in places)} may both be the {role}; "
                "rename or remove one of them"
            )
        if places:
            found[role] = places[0]
    absent = [role for role in ("chromosome", "start", "end") if role not in found]
    if absent:
        raise TableError(
            f"{source}: the first row names {', '.join(header)}, but no {', '.join(absent)}; expected names such as "
            "ID, chrom, loc.start, loc.end, num.mark, seg.mean"
        )
    return found


def _find_values(header: list[str], column: str | None, scale: str | None, source: Path) -> int:
    if column is not None:
        if column not in header:
            raise TableError(f"{source}: there is no column {column!r}; the first row names {', '.join(header)}")
        place = header.index(column)
    else:
        bare = [_bare(name) for name in header]
        wanted = (*_LOG2, *_UNCLEAR) if scale in (None, "log2_ratio") else (*_UNCLEAR, *_LOG2)
        places = [bare.index(name) for name in wanted if name in bare]
        if not places:
            raise TableError(
                f"{source}: none of the columns {', '.join(header)} is known to hold copy number; say which with "
                f"column="
            )
        place = places[0]
    if scale is None and _bare(header[place]) not in _LOG2:
        raise TableError(
            f"{source}, column {header[place]}: its name does not tell whether it holds log2 ratios, ratios or "
            f"copies; give scale= one of {', '.join(SCALES)} (where normal segments have 0, 1, 2 and 0). In the "
            "public LAML segments of TCGA, Seg.CN is copy_number_minus_2"
        )
    return place


def _name_of(source: Path) -> str:
    name = source.name.removesuffix(".gz")
    for ending in (*_CNVKIT, ".seg", ".tsv", ".txt", ".csv"):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


def _from_zero(starts: Any) -> pd.Series:
    """Return starts counted from 1; what is no number stays, to be refused where it stands."""
    numbers = cast("Any", pd.to_numeric(starts, errors="coerce"))
    return starts.where(numbers.isna(), (numbers + 1).astype(object))
