"""Copies in tumour cells from ratios in a mixture of tumour and normal cells, and back.

A share p of the cells is tumour with C copies of a place and a mean of psi over the genome; the others are normal,
with n copies of the place and two over the genome. The read depth of the sample, divided by its mean, over that of a
normal sample is ::

    r = 2 / n * (p C + (1 - p) n) / (p psi + 2 (1 - p)),

so that C = (r (p psi + 2 (1 - p)) n / 2 - (1 - p) n) / p. With n = 2 these are the equations of absolute copy number
analysis (Carter et al. 2012, doi:10.1038/nbt.2203; Van Loo et al. 2010, doi:10.1073/pnas.1009843107).
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import TableError, list_some
from bayesrg.genomics.copy_number.copy_scale import LOWEST_RATIO
from bayesrg.genomics.copy_number.normal_copies import Sex, count_normal_copies, describe_by_unit, find_by_label
from bayesrg.history import step, with_step
from bayesrg.samples import unit_dim

PerUnit = float | Mapping[str, float] | pd.Series | xr.DataArray


def correct_purity(data: xr.Dataset, purity: PerUnit, ploidy: PerUnit = 2.0, *, sex: Sex | None = None) -> xr.Dataset:
    """Return the absolute copies of each gene in tumour cells, dims (patient, gene).

    Parameters
    ----------
    data
        With ``log2_ratio`` over a unit and gene (or bin), not yet corrected.
    purity
        The share of tumour cells, above 0 and at most 1: one number, or one for each unit by its label. NaN: the unit's
        copies are missing.
    ploidy
        The mean copies over the tumour's genome, above 0, given likewise. Ratios of libraries (or centred on the
        median) say nothing of it.
    sex
        ``"female"``, ``"male"`` or the sex of each unit, for X and Y (`bayesrg.genomics.copy_number.normal_copies`);
        the ratios are then to a normal of the same sex. None takes two normal copies everywhere.

    Returns
    -------
    xarray.Dataset
        ``copy_number``, at least 0. A ratio at or below 0.01, the least that bayesrg writes where no copy is, stands
        for 0 copies in a pure tumour too. NaN where a normal cell has no copy (Y of a female). Attributes:
        ``n_negative``, how many solutions were below 0 and were set to 0, and ``most_negative`` of them (a large one
        says that purity or ploidy is wrong).

    Raises
    ------
    TableError
        There is no ``log2_ratio``, or a purity, ploidy or sex is missing or out of its range.

    Examples
    --------
    Half of the cells lost one of two copies:

    >>> ratios = xr.Dataset({"log2_ratio": (("patient", "gene"), np.log2([[0.75, 1.0]]))}, {"patient": ["P1"]})
    >>> correct_purity(ratios, {"P1": 0.5})["copy_number"].round(6).values.tolist()
    [[1.0, 2.0]]
    """
    variable = _take(data, "log2_ratio")
    share, mean_copies = _describe(variable, purity, ploidy)
    normal = count_normal_copies(variable, sex)
    depth = share * mean_copies + 2.0 * (1.0 - share)
    # Where a normal cell has no copy (Y of a female), there is no ratio to it.
    copies = (np.exp2(variable.to_numpy()) * depth * normal / 2.0 - (1.0 - share) * normal) / share
    copies = np.where(normal > 0.0, copies, np.nan)
    # Ratios are raised to LOWEST_RATIO where they are written, so that one there says no more than "at most this".
    at_floor = variable.to_numpy() <= np.log2(LOWEST_RATIO) + 1e-9
    copies = np.where(at_floor, np.minimum(copies, 0.0), copies)
    negative = copies < 0.0
    # What rounding leaves of no copies at all is no sign of a wrong purity.
    counted = copies < -1e-9
    attrs = {"long_name": "absolute copies in tumour cells", "units": "1", "n_negative": int(np.count_nonzero(counted))}
    if counted.any():
        attrs["most_negative"] = float(copies[counted].min())
        warnings.warn(
            f"{attrs['n_negative']} of {copies.size} solutions for copies were below 0 (lowest "
            f"{attrs['most_negative']:.2f}) and were set to 0; if they are many or far below, purity or ploidy does "
            f"not fit the ratios",
            stacklevel=2,
        )
    result = variable.copy(data=np.where(negative, 0.0, copies))
    result.attrs = attrs
    line = step("correct_purity", **_told(purity=purity, ploidy=ploidy, sex=sex))
    return with_step(xr.Dataset({"copy_number": result}), line, data, variable)


def expect_log2_ratio(
    data: xr.Dataset, purity: PerUnit, ploidy: PerUnit = 2.0, *, sex: Sex | None = None
) -> xr.Dataset:
    """Return the log2 ratio that tumour cells with known copies have in a mixture with normal cells.

    Parameters
    ----------
    data
        With ``copy_number`` over a unit and gene (or bin).
    purity, ploidy, sex
        As for `correct_purity`, of which this is the inverse.

    Returns
    -------
    xarray.Dataset
        ``log2_ratio``; a ratio below 0.01 (no copies in a pure tumour) is log2 of 0.01, and its attribute ``n_raised``
        counts those.

    Raises
    ------
    TableError
        There is no ``copy_number``, one is negative, or a purity, ploidy or sex is missing or out of its range.

    Examples
    --------
    >>> copies = xr.Dataset({"copy_number": (("patient", "gene"), [[1.0, 2.0]])}, {"patient": ["P1"]})
    >>> np.exp2(expect_log2_ratio(copies, 0.5)["log2_ratio"]).round(6).values.tolist()
    [[0.75, 1.0]]
    """
    variable = _take(data, "copy_number")
    copies = variable.to_numpy()
    if np.nanmin(copies, initial=0.0) < 0.0:
        raise TableError(f"the smallest copy number is {np.nanmin(copies):.6g}; expected absolute copies from 0 on")
    share, mean_copies = _describe(variable, purity, ploidy)
    normal = count_normal_copies(variable, sex)
    depth = share * mean_copies + 2.0 * (1.0 - share)
    mixture = share * copies + (1.0 - share) * normal
    ratio = np.divide(2.0 * mixture, normal * depth, out=np.full(copies.shape, np.nan), where=normal > 0.0)
    attrs = {"long_name": "log2 ratio of copy number to normal", "units": "log2 ratio to normal"}
    low = ratio < LOWEST_RATIO
    attrs |= {"n_raised": int(np.count_nonzero(low)), "lowest_ratio": LOWEST_RATIO} if low.any() else {}
    result = variable.copy(data=np.log2(np.where(low, LOWEST_RATIO, ratio)))
    result.attrs = attrs
    line = step("expect_log2_ratio", **_told(purity=purity, ploidy=ploidy, sex=sex))
    return with_step(xr.Dataset({"log2_ratio": result}), line, data, variable)


def _take(data: xr.Dataset, name: str) -> xr.DataArray:
    if name not in data:
        raise TableError(f"the data hold {', '.join(map(str, data.data_vars)) or 'nothing'}, but no {name!r}")
    return data[name].astype(float)


def _describe(variable: xr.DataArray, purity: PerUnit, ploidy: PerUnit) -> tuple[np.ndarray, np.ndarray]:
    """Return purity and ploidy of each cell, in a shape that broadcasts against the variable."""
    share = _of_units(variable, purity, "purity")
    wrong = (share <= 0.0) | (share > 1.0)
    _refuse(
        variable, share, wrong, "purity",
        "a share of tumour cells above 0 and at most 1 (a percentage has to be divided by 100; without tumour cells "
        "there is nothing to correct: leave such a sample out, or give NaN)",
    )  # fmt: skip
    mean_copies = _of_units(variable, ploidy, "ploidy")
    _refuse(variable, mean_copies, ~(mean_copies > 0.0) & ~np.isnan(mean_copies), "ploidy", "mean copies above 0")
    return tuple(
        xr.DataArray(one, dims=unit_dim(variable)).broadcast_like(variable).transpose(*variable.dims).to_numpy()
        for one in (share, mean_copies)
    )  # type: ignore[return-value]


def _of_units(variable: xr.DataArray, values: PerUnit, what: str) -> np.ndarray:
    unit = unit_dim(variable)
    if isinstance(values, (int, float, np.number)):
        return np.full(variable.sizes[unit], float(values))
    labels = [str(label) for label in variable[unit].values]
    given = pd.Series(find_by_label(values, labels, unit, what), index=labels, dtype=object)
    numbers = np.asarray(pd.to_numeric(given, errors="coerce"), dtype=float)
    wrong = np.isnan(numbers) & given.notna().to_numpy()
    _refuse(variable, given.to_numpy(), wrong, what, "numbers, or NaN where it is not known")
    return numbers


def _refuse(variable: xr.DataArray, values: np.ndarray, wrong: np.ndarray, what: str, expected: str) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        unit = unit_dim(variable)
        labels = variable[unit].values
        told = [f"{value:.6g}" if isinstance(value, float) else repr(value) for value in values]
        shown = list_some(rows, show=lambda row: f"{unit} {labels[row]}: {told[row]}", between="; ")
        raise TableError(f"{len(rows)} of {len(values)} values of {what} are wrong ({shown}); expected {expected}")


def _told(**settings: PerUnit | Sex | None) -> Any:
    return {name: describe_by_unit(value) for name, value in settings.items()}
