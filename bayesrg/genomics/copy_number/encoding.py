"""Copy number of genes as numbers and as classes: from segments or gene-level values to −2, −1, 0, +1, +2."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError
from bayesrg.genomics.annotation import check_annotation
from bayesrg.genomics.copy_number.copy_scale import COPIES, LOWEST_RATIO, SCALES, Scale, check_scale, to_log2_ratio
from bayesrg.genomics.copy_number.gene_copy_number import How, gene_places, genes_of_segments
from bayesrg.genomics.copy_number.normal_copies import Sex, count_normal_copies, describe_by_unit, sex_of_samples
from bayesrg.genomics.matrix import Across, as_matrix
from bayesrg.history import step, with_step
from bayesrg.samples import Level, Several, place_samples, unit_dim

CLASSES = (-2, -1, 0, 1, 2)
"""Deep deletion, loss of one copy, two copies, gain, high-level amplification."""

RATIO_THRESHOLDS = (-1.1, -0.25, 0.2, 0.7)
"""Log2 ratios at or below which a gene is in the class −2, −1, 0 or +1; above the last it is in +2.

These are the defaults of ``cnvkit call`` (Talevich et al. 2016, doi:10.1371/journal.pcbi.1004873): with a tumour share
of about a third and more, they separate 0, 1, 2, 3 and at least 4 copies. GISTIC 2.0 (Mermel et al. 2011,
doi:10.1186/gb-2011-12-4-r41) calls from ±0.1 on by default, and sets the thresholds of ±2 for each sample by what its
arms reach; fixed values near (-1.3, -0.1, 0.1, 0.9) resemble it."""

COPY_THRESHOLDS = (0.5, 1.5, 2.5, 3.5)
"""The same for absolute copies: 0, 1, 2, 3 and at least 4, rounded."""

Annotation = pd.DataFrame


def encode_copy_number(
    table: pd.DataFrame | xr.DataArray | xr.Dataset,
    annotation: Annotation | None = None,
    *,
    scale: Scale | Literal["copy_number_class"] = "log2_ratio",
    across: Across = "rows",
    how: How = "mean",
    least_covered: float = 0.0,
    samples: pd.DataFrame | Mapping[str, str] | None = None,
    level: Level | Literal["sample"] = "patient",
    several: Several = "refuse",
    check_plausibility: bool = True,
    sex: Sex | None = None,
) -> xr.Dataset:
    """Return the copy number of genes, dims (patient, gene), from segments or from a table that has genes already.

    Parameters
    ----------
    table
        Segments, as `read_segments` returns them (known by their columns ``sample``, ``chromosome``, ``start``,
        ``end`` and ``log2_ratio``); or a matrix of genes, as a DataFrame with labels, a DataArray with the dims
        (unit, gene), or a Dataset that has the scale's variable over them.
    annotation
        Where the genes are. Segments need it; to a matrix it gives the coordinates of the genes it knows.
    scale
        Of a matrix: ``"log2_ratio"``, ``"ratio"``, ``"copy_number"``, ``"copy_number_minus_2"``, or
        ``"copy_number_class"``: −2 … +2 already, as GISTIC's thresholded file or cBioPortal has it.
    across
        Of a DataFrame of genes: whether genes are its ``"rows"`` or its ``"columns"``.
    how, least_covered
        Of segments, as `genes_of_segments` has them.
    samples, level, several
        As `bayesrg.samples.place_samples` has them; a DataArray over another dim than ``sample`` keeps it.
    check_plausibility
        Refuse a matrix whose values can hardly be on the scale.
    sex
        Of a matrix of copies (``"copy_number"``, ``"copy_number_minus_2"``): ``"female"`` or ``"male"`` of each
        sample, by its label or its patient's, so that a male's one copy of X is normal (log2 ratio 0) and a female's Y
        is missing. It needs the chromosomes of the genes (an annotation, or the coordinate). Without it two copies are
        normal everywhere, and every male has a loss on X. Ratios are to a normal of the same sex already.

    Returns
    -------
    xarray.Dataset
        ``log2_ratio``, or ``copy_number_class`` where that was given; NaN where missing. Ratios below 0.01 become log2
        of 0.01, and the variable's attribute ``n_raised`` counts them. Along gene, with an annotation: ``chromosome``
        (empty for a gene that it lacks), ``start``, ``end``, ``length`` (NaN for such).

    Raises
    ------
    TableError
        What is given is neither, a cell is wrong, a sex is missing, or samples cannot be placed.
    SettingsError
        An option is unknown, segments come without an annotation, or sex with a scale that does not depend on it.

    Examples
    --------
    >>> ratios = pd.DataFrame({"P1": [2.0, 1.0], "P2": [2.0, 4.0]}, index=["EGFR", "TP53"])
    >>> encode_copy_number(ratios, scale="copy_number")["log2_ratio"].sel(patient="P2").values.tolist()
    [0.0, 1.0]
    """
    if isinstance(table, pd.DataFrame) and {"sample", "chromosome", "start", "end", "log2_ratio"} <= set(table.columns):
        if annotation is None:
            raise SettingsError("segments need an annotation that says where genes are; read one with read_annotation")
        if scale != "log2_ratio":
            raise SettingsError(
                f"scale is {scale!r}, but the table holds segments with the column log2_ratio; read the file with "
                "read_segments(path, scale=…), which converts it"
            )
        if sex is not None:
            raise SettingsError(
                "sex was given, but segments hold log2 ratios, which are to a normal of the same sex; where the file "
                "holds copies, give it to read_segments(path, scale=…, sex=…)"
            )
        return genes_of_segments(
            table, annotation, how=how, least_covered=least_covered, samples=samples, level=level, several=several
        )
    if scale not in (*SCALES, "copy_number_class"):
        raise SettingsError(f"scale is {scale!r}; expected one of {', '.join(SCALES)}, copy_number_class")
    if sex is not None and scale not in COPIES:
        raise SettingsError(f"sex matters to the scales {' and '.join(COPIES)}, but scale is {scale!r}; leave sex out")
    before = [xr.Dataset(attrs=one.attrs) for one in (table, annotation) if one is not None]
    if isinstance(table, xr.Dataset):
        if scale not in table:
            raise TableError(
                f"the data hold {', '.join(map(str, table.data_vars)) or 'nothing'}, but no {scale!r}; give scale= "
                "for the variable that they hold"
            )
        table = table[scale]
        before.append(xr.Dataset(attrs=table.attrs))
    lowest = {"log2_ratio": None, "copy_number_minus_2": -2.0, "copy_number_class": -2.0}.get(scale, 0.0)
    highest = 2.0 if scale == "copy_number_class" else None
    matrix = as_matrix(table, over="gene", across=across, what=scale.replace("_", " "), lowest=lowest, highest=highest)
    unit = unit_dim(matrix)
    if annotation is not None:
        matrix = matrix.assign_coords(_find_places(matrix, annotation))
    values = matrix.to_numpy()
    if scale == "copy_number_class":
        odd = ~np.isnan(values) & (values != np.round(values))
        if odd.any():
            row, column = np.argwhere(odd)[0]
            raise TableError(
                f"{unit} {matrix[unit].values[row]}, gene {matrix['gene'].values[column]}: {values[row, column]:.6g} "
                f"is no class of copy number ({int(odd.sum())} such cells); expected −2, −1, 0, 1 or 2, or another "
                f"scale="
            )
        name, attrs = "copy_number_class", _CLASS_ATTRS
    else:
        if check_plausibility:
            check_scale(values.ravel(), np.ones(values.size), scale, "the matrix of genes")
        mine = sex
        if sex is not None and unit == "sample":
            mine = sex_of_samples(sex, [str(label) for label in matrix[unit].values], samples)
        values, raised = to_log2_ratio(values, scale, count_normal_copies(matrix, mine))
        name = "log2_ratio"
        attrs = {"long_name": "log2 ratio of copy number to normal", "units": "log2 ratio to normal"}
        attrs |= {"n_raised": raised, "lowest_ratio": LOWEST_RATIO} if raised else {}
    data = xr.Dataset({name: matrix.copy(data=values).assign_attrs(attrs)})
    data = with_step(data, step("encode_copy_number", scale=scale, sex=describe_by_unit(sex)), *before)
    if unit != "sample" or level == "sample":
        return data
    return place_samples(data, samples, level=level, several=several)


def _find_places(matrix: xr.DataArray, annotation: Annotation) -> dict[str, tuple[str, np.ndarray]]:
    """Return the coordinates of the matrix's genes that an annotation gives; empty or NaN for genes that it lacks."""
    known = check_annotation(annotation).set_index("gene").reindex(matrix["gene"].values).reset_index()
    known["chromosome"] = known["chromosome"].fillna("")
    whole = known[["start", "end"]].notna().to_numpy().all()
    places = gene_places(known if whole else known.drop(columns=["start", "end"]))
    return places | ({} if whole else {side: ("gene", known[side].to_numpy(dtype=float)) for side in ("start", "end")})


_CLASS_ATTRS = {
    "long_name": "class of copy number: −2 deep deletion, −1 loss, 0 normal, 1 gain, 2 amplification",
    "units": "1",
}


def discretise_copy_number(
    data: xr.Dataset, *, thresholds: Sequence[float] | None = None, sex: Sex | None = None
) -> xr.Dataset:
    """Return the class of copy number of each gene: −2, −1, 0, +1, +2, dims (patient, gene).

    Parameters
    ----------
    data
        With ``copy_number`` (absolute copies, as `correct_purity` returns them), or else ``log2_ratio``.
    thresholds
        Four numbers that ascend, on the scale of the variable: a value at or below the first is in class −2, at or
        below the second in −1, at or below the third in 0, at or below the fourth in +1, above it in +2. None takes
        `COPY_THRESHOLDS` or `RATIO_THRESHOLDS`. Log2 ratios of impure tumours are smaller than those of pure ones:
        correct them for purity, or take thresholds nearer to 0.
    sex
        Of absolute copies: ``"female"`` or ``"male"`` of each patient, so that one copy of X is normal in a male
        (needs the coordinate ``chromosome``). Log2 ratios to a normal of the same sex need none.

    Returns
    -------
    xarray.Dataset
        ``copy_number_class``, NaN where there is no value, and where a normal cell has no copy that could be lost (a
        female's Y, where ``sex`` says so); the thresholds are in its attributes.

    Raises
    ------
    TableError
        Neither variable is there, a copy number is negative, or a sex is missing.
    SettingsError
        The thresholds are not four numbers that ascend.

    Examples
    --------
    >>> data = xr.Dataset({"log2_ratio": (("patient", "gene"), [[-1.5, -0.5, 0.0, 0.4, 1.2]])})
    >>> discretise_copy_number(data)["copy_number_class"].values.tolist()
    [[-2.0, -1.0, 0.0, 1.0, 2.0]]
    """
    name = next((name for name in ("copy_number", "log2_ratio") if name in data), None)
    if name is None:
        raise TableError(
            f"the data hold {', '.join(map(str, data.data_vars)) or 'nothing'}; expected copy_number or log2_ratio"
        )
    default = COPY_THRESHOLDS if name == "copy_number" else RATIO_THRESHOLDS
    chosen = np.array(default if thresholds is None else thresholds, dtype=float)
    if chosen.shape != (4,) or not np.all(np.diff(chosen) > 0.0) or not np.isfinite(chosen).all():
        raise SettingsError(f"thresholds are {thresholds!r}; expected four numbers that ascend, such as {default}")
    variable = data[name]
    values = variable.to_numpy().astype(float)
    if name == "copy_number" and np.nanmin(values, initial=0.0) < 0.0:
        raise TableError(f"the smallest copy number is {np.nanmin(values):.6g}; expected absolute copies from 0 on")
    if sex is not None:
        if name != "copy_number":
            raise SettingsError(
                "sex matters to absolute copies only; log2 ratios are to a normal of the same sex already"
            )
        normal = count_normal_copies(variable, sex)
        # No copy at all is a deep deletion whatever is normal; a gain of one is a gain of one.
        values = np.where(values <= chosen[0], values, values + 2.0 - normal)
        values = np.where(normal > 0.0, values, np.nan)
    classes = np.searchsorted(chosen, values, side="left") - 2.0
    classes = np.where(np.isnan(values), np.nan, classes)
    attrs = _CLASS_ATTRS | {"thresholds": [float(value) for value in chosen], "thresholds_of": name}
    found = variable.copy(data=classes)
    found.attrs = attrs
    result = xr.Dataset({"copy_number_class": found})
    line = step(
        "discretise_copy_number", of=name, thresholds=tuple(attrs["thresholds"]), sex=describe_by_unit(sex)
    )  # fmt: skip
    return with_step(result, line, data, variable)
