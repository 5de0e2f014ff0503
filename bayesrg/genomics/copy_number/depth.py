"""Log2 ratios of read depth in bins of the genome: tumour against its normal, each relative to its library."""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import SettingsError, TableError, list_some
from bayesrg.genomics.copy_number.bins import PLACE, bin_places
from bayesrg.genomics.copy_number.segment_table import is_missing
from bayesrg.history import step, with_step
from bayesrg.samples import identify_samples

Normalise = Literal["median", "total"]
Depth = xr.DataArray | pd.DataFrame

_SEX_AND_MITOCHONDRION = ("X", "Y", "MT")


def log2_ratio_of_depth(
    tumor: Depth,
    normal: Depth,
    *,
    pairs: Mapping[str, str] | None = None,
    normalise: Normalise = "median",
    minimum_normal_depth: float = 0.0,
    lowest_ratio: float | None = None,
    centre: bool = False,
) -> xr.Dataset:
    """Return the log2 ratio of a tumour's depth to its normal's in each bin, dims (sample, bin).

    Parameters
    ----------
    tumor
        Reads per bin, or mean depth: a DataArray over (sample, bin) with the coordinates ``chromosome``, ``start``,
        ``end`` along bin; or a DataFrame with these three columns and one column per sample, a bin a row. NaN is
        missing, and so are empty cells and ``NA``.
    normal
        The same bins in the same order: the matched normals, or one normal for all: a DataArray over bin alone, such as
        `pool_normals` returns, or one sample whose label is of none of several patients.
    pairs
        The normal of each tumour by their labels. None: a normal has its tumour's label, unless one is for all.
    normalise
        What a library is divided by before the ratio is taken: the ``"median"`` of its bins on autosomes (of all bins,
        if none is on an autosome), which a few strong amplifications do not move; or the ``"total"`` of all bins, for
        libraries so shallow that the median is 0 or a small count. After it, ratio 1 is the tumour's median (or
        mean) copy number: that is what `correct_purity` has to be given as ploidy.
    minimum_normal_depth
        In the normal's own units. A bin below, or at 0, is missing: its ratio would be noise.
    lowest_ratio
        What becomes of a bin without reads in the tumour, which has no logarithm. None: it is missing, as for a bin
        that cannot be mapped. A number such as 0.01: ratios are raised to it, so that a deletion of both copies is
        kept.
    centre
        Subtract each sample's median log2 ratio over autosomes.

    Returns
    -------
    xarray.Dataset
        ``log2_ratio``. Its attributes count bins: ``n_tumor_zero`` (no reads in the tumour, or ratios raised to
        ``lowest_ratio``), ``n_normal_low``, ``n_missing`` (all NaN).

    Raises
    ------
    TableError
        A depth is negative, infinite or no number, bins differ or are wrong, a tumour has no normal, or a library has
        no reads.
    SettingsError
        An option is not one of those above.

    Examples
    --------
    >>> place = {"chromosome": ["1"] * 4, "start": [1, 101, 201, 301], "end": [100, 200, 300, 400]}
    >>> tumor = pd.DataFrame(place | {"P1": [10, 10, 20, 0]})
    >>> normal = pd.DataFrame(place | {"P1": [30, 30, 30, 30]})
    >>> log2_ratio_of_depth(tumor, normal)["log2_ratio"].values.tolist()
    [[0.0, 0.0, 1.0, nan]]
    """
    if normalise not in get_args(Normalise):
        raise SettingsError(f"normalise is {normalise!r}; expected 'median' or 'total'")
    if not minimum_normal_depth >= 0.0:
        raise SettingsError(f"minimum_normal_depth is {minimum_normal_depth!r}; expected a depth from 0 on")
    if lowest_ratio is not None and not 0.0 < lowest_ratio < 1.0:
        raise SettingsError(f"lowest_ratio is {lowest_ratio!r}; expected a ratio between 0 and 1, or None")
    theirs, places = _as_depth(tumor, "tumour")
    ours, other_places = _as_depth(normal, "normal")
    _compare_bins(places, other_places)
    # A reference over bin alone is nobody's own.
    is_reference = isinstance(normal, xr.DataArray) and "sample" not in normal.dims
    matched, by = _match(theirs, ours, pairs, is_reference=is_reference)
    autosomal = ~places["chromosome"].isin(_SEX_AND_MITOCHONDRION).to_numpy()
    counted = autosomal if autosomal.any() else np.ones(len(places), dtype=bool)
    depth = theirs.to_numpy()
    reference = ours.to_numpy()
    low = ~np.isnan(reference) & ((reference <= 0.0) | (reference < minimum_normal_depth))
    tumor_size = _library_sizes(theirs, counted, normalise, "tumour")
    normal_size = _library_sizes(ours, counted, normalise, "normal")
    relative = np.where(low, np.nan, reference) / normal_size[:, np.newaxis]
    ratio = depth / tumor_size[:, np.newaxis] / relative[matched]
    if lowest_ratio is None:
        raised = ratio <= 0.0
        ratio = np.where(raised, np.nan, ratio)
    else:
        raised = ratio < lowest_ratio
        ratio = np.where(raised, lowest_ratio, ratio)
    values = np.log2(ratio)
    if centre:
        values = values - _medians(values[:, counted])[:, np.newaxis]
    attrs = {
        "long_name": "log2 ratio of read depth, tumour to normal",
        "units": "log2 ratio to normal",
        "n_tumor_zero": int(np.count_nonzero(raised)),
        "n_normal_low": int(np.count_nonzero(low[matched])),
        "n_missing": int(np.count_nonzero(np.isnan(values))),
    }
    line = step(
        "log2_ratio_of_depth", normalise=normalise, minimum_normal_depth=minimum_normal_depth,
        lowest_ratio=lowest_ratio, centre=centre, normals=by, n_missing=attrs["n_missing"],
    )  # fmt: skip
    before = [one for one in (tumor, normal) if isinstance(one, xr.DataArray)]
    ratios = theirs.copy(data=values)
    ratios.attrs = attrs
    return with_step(xr.Dataset({"log2_ratio": ratios}), line, *before)


def pool_normals(normals: Depth, *, normalise: Normalise = "median") -> xr.DataArray:
    """Return the median relative depth of normals in each bin, dim (bin,): one reference for tumours without a normal.

    Parameters
    ----------
    normals
        As `log2_ratio_of_depth` takes them.
    normalise
        What each library is divided by.

    Returns
    -------
    xarray.DataArray
        1 is a bin as deep as the median (or the mean) bin; the median over the normals that have a value. The attribute
        ``n_normals`` counts them.

    Raises
    ------
    TableError
        As for `log2_ratio_of_depth`.

    Examples
    --------
    >>> place = {"chromosome": ["1"] * 3, "start": [1, 101, 201], "end": [100, 200, 300]}
    >>> pool_normals(pd.DataFrame(place | {"N1": [10, 10, 30], "N2": [1, 1, 1], "N3": [5, 5, 10]})).values.tolist()
    [1.0, 1.0, 2.0]
    """
    if normalise not in get_args(Normalise):
        raise SettingsError(f"normalise is {normalise!r}; expected 'median' or 'total'")
    depth, places = _as_depth(normals, "normal")
    autosomal = ~places["chromosome"].isin(_SEX_AND_MITOCHONDRION).to_numpy()
    counted = autosomal if autosomal.any() else np.ones(len(places), dtype=bool)
    sizes = _library_sizes(depth, counted, normalise, "normal")
    if normalise == "total":
        sizes = sizes / np.maximum(np.count_nonzero(~np.isnan(depth.to_numpy()[:, counted]), axis=1), 1)
    pooled = _medians((depth.to_numpy() / sizes[:, np.newaxis]).T)
    result = depth.isel(sample=0, drop=True).copy(data=pooled)
    attrs = {"long_name": "median relative depth of normals", "units": "1", "n_normals": depth.sizes["sample"]}
    line = step("pool_normals", normalise=normalise, n_normals=depth.sizes["sample"])
    before = [normals] if isinstance(normals, xr.DataArray) else []
    return result.assign_attrs(attrs | with_step(xr.Dataset(), line, *before).attrs)


def _as_depth(table: Depth, what: str) -> tuple[xr.DataArray, pd.DataFrame]:
    """Return depths over (sample, bin) with normalised coordinates, and the places of the bins."""
    if isinstance(table, pd.DataFrame):
        absent = [name for name in PLACE if name not in table.columns]
        samples = [str(column) for column in table.columns if column not in PLACE]
        if absent or not samples:
            raise TableError(
                f"the {what} table has the columns {', '.join(map(str, table.columns))}; expected chromosome, start, "
                "end and one column per sample"
            )
        numbers = table.drop(columns=list(PLACE)).apply(pd.to_numeric, errors="coerce")
        odd = numbers.isna() & ~table.drop(columns=list(PLACE)).apply(is_missing)
        if odd.to_numpy().any():
            row, column = np.argwhere(odd.to_numpy())[0]
            raise TableError(
                f"{what} sample {samples[column]}, row {row + 1}: "
                f"{table[table.columns.drop(list(PLACE))[column]].iloc[row]!r} is no depth; expected a number"
            )
        coords = {name: ("bin", table[name].to_numpy()) for name in PLACE}
        data = xr.DataArray(
            numbers.to_numpy(dtype=float).T, dims=("sample", "bin"), coords={"sample": samples, **coords}
        )
    else:
        data = table if "sample" in table.dims else table.expand_dims(sample=[what])
        if set(data.dims) != {"sample", "bin"}:
            raise TableError(
                f"the {what} depths have the dims {', '.join(map(str, data.dims))}; expected sample and bin"
            )
        data = data.transpose("sample", "bin").astype(float)
    places = bin_places(data)
    data = data.assign_coords({name: ("bin", places[name].to_numpy()) for name in PLACE})
    values = data.to_numpy()
    wrong = (values < 0.0) | np.isinf(values)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise TableError(
            f"{what} sample {data['sample'].values[row]}, bin {_place(places, column)}: the depth is "
            f"{values[row, column]:g} ({int(wrong.sum())} such bins); expected a finite depth from 0 on"
        )
    labels = pd.Index(data["sample"].values.astype(str))
    if not labels.is_unique:
        raise TableError(f"{what} sample {labels[labels.duplicated()][0]} is there twice; keep one of each name")
    return data, places


def _compare_bins(tumor: pd.DataFrame, normal: pd.DataFrame) -> None:
    if len(tumor) != len(normal):
        raise TableError(f"the tumours have {len(tumor)} bins, the normals {len(normal)}; count both in the same bins")
    different = np.flatnonzero(np.any([tumor[name].to_numpy() != normal[name].to_numpy() for name in PLACE], axis=0))
    if len(different):
        row = different[0]
        raise TableError(
            f"{len(different)} of {len(tumor)} bins differ between tumours and normals; bin {row + 1} is "
            f"{_place(tumor, row)} of the tumours and {_place(normal, row)} of the normals; count both in the same bins"
        )


def _match(
    tumor: xr.DataArray, normal: xr.DataArray, pairs: Mapping[str, str] | None, *, is_reference: bool
) -> tuple[np.ndarray, str]:
    """Return which normal each tumour has, and how they were matched, for the history."""
    tumors = [str(label) for label in tumor["sample"].values]
    normals = [str(label) for label in normal["sample"].values]
    hint = ""
    if pairs is None and len(normals) == 1:
        # By TCGA barcodes the normal of a patient has another label than the tumour.
        patients = set(identify_samples(tumors)["patient"])
        if is_reference or patients == {own := identify_samples(normals)["patient"].iloc[0]} or own not in patients:
            return np.zeros(len(tumors), dtype=np.int64), f"{normals[0]} for all"
        hint = f"; the one normal, {normals[0]}, is by its label that of patient {own} alone"
    wanted = [str(pairs.get(label, "")) if pairs is not None else label for label in tumors]
    places = pd.Index(normals).get_indexer(pd.Index(wanted))
    alone = [label for label, place in zip(tumors, places, strict=True) if place < 0]
    if alone:
        raise TableError(
            f"{len(alone)} of {len(tumors)} tumours have no normal: {list_some(alone)}"
            f"{hint}; give pairs={{tumour: normal}}, or one reference from pool_normals"
        )
    return places, "by pairs" if pairs is not None else "by label"


def _library_sizes(depth: xr.DataArray, counted: np.ndarray, normalise: Normalise, what: str) -> np.ndarray:
    values = depth.to_numpy()
    sizes = _medians(values[:, counted]) if normalise == "median" else np.nansum(values, axis=1)
    empty = np.flatnonzero(~(sizes > 0.0))
    if len(empty):
        labels = list_some(depth["sample"].values[empty])
        raise TableError(
            f"{len(empty)} {what} libraries have a {normalise} depth of 0: {labels}; "
            + ("give normalise='total' or larger bins" if normalise == "median" else "leave the empty libraries out")
        )
    return sizes


def _medians(values: np.ndarray) -> np.ndarray:
    """Return the median of each row without its NaN; NaN for a row of nothing else."""
    result = np.full(len(values), np.nan)
    held = ~np.isnan(values).all(axis=1)
    result[held] = np.nanmedian(values[held], axis=1)
    return result


def _place(places: pd.DataFrame, row: int) -> str:
    return f"{places['chromosome'].iloc[row]}:{places['start'].iloc[row]}-{places['end'].iloc[row]}"
