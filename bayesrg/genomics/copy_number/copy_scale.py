"""On which scale copy number is written: log2 ratio to normal, ratio, copies, or copies minus two.

A column called ``seg.mean`` holds log2 ratios by convention, but ``Seg.CN`` may hold anything: in the public segments
of TCGA's acute myeloid leukaemias it holds copies minus two (its range is exactly 2 * 2^±1.5 - 2). Read as log2 ratios,
its -0.5 would be 1.41 copies instead of 1.5, and its 3.66 would be 25 copies instead of 5.66.
"""

from typing import Literal, get_args

import numpy as np

from bayesrg.errors import SettingsError, TableError

Scale = Literal["log2_ratio", "ratio", "copy_number", "copy_number_minus_2"]

SCALES: tuple[Scale, ...] = get_args(Scale)

COPIES: tuple[Scale, ...] = ("copy_number", "copy_number_minus_2")
"""The scales that count copies, so that their ratio depends on how many a normal cell has."""

LOWEST_RATIO = 0.01
"""Ratios below are set to it: no copies at all has no log2 ratio, and CNVkit writes -20 for a place without reads."""

FEWEST = 20
"""With fewer values than this they may all be of one altered place, and their median says nothing of the scale."""

_MEDIANS = {
    "log2_ratio": (-0.7, 0.7),
    "ratio": (0.6, 1.6),
    "copy_number": (1.3, 5.0),
    "copy_number_minus_2": (-0.8, 0.9),
}
"""Where the median over the genome lies on each scale; absolute copies may be of a genome that was doubled."""


def to_log2_ratio(values: np.ndarray, scale: Scale, normal: np.ndarray | float = 2.0) -> tuple[np.ndarray, int]:
    """Return log2 ratios to normal cells, and how many were raised to log2 of `LOWEST_RATIO`.

    Parameters
    ----------
    values
        Any shape; NaN stays.
    scale
        What they are now. Log2 ratios and ratios are to normal cells already.
    normal
        The copies in normal cells, where the scale is of copies: one number, or of the values' shape. With 0, as on a
        female's Y, there is no ratio (NaN).

    Raises
    ------
    SettingsError
        The scale is unknown.

    Examples
    --------
    >>> to_log2_ratio(np.array([-1.0, 0.0, 2.0]), "copy_number_minus_2")
    (array([-1.,  0.,  1.]), 0)
    """
    if scale not in SCALES:
        raise SettingsError(f"scale is {scale!r}; expected one of {', '.join(SCALES)}")
    if scale == "log2_ratio":
        lowest = np.log2(LOWEST_RATIO)
        # What rounding leaves of the lowest ratio itself is not raised anew.
        low = values < lowest - 1e-9
        return np.where(low, lowest, values), int(np.count_nonzero(low))
    ratio = values
    if scale in COPIES:
        copies = values + 2.0 if scale == "copy_number_minus_2" else values
        ratio = copies / np.where(np.asarray(normal) > 0.0, normal, np.nan)
    low = ratio < LOWEST_RATIO
    return np.log2(np.where(low, LOWEST_RATIO, ratio)), int(np.count_nonzero(low))


def check_scale(values: np.ndarray, weights: np.ndarray, scale: Scale, where: str) -> None:
    """Refuse values that cannot be, or hardly are, on the scale they are said to be on.

    Parameters
    ----------
    values
        Shape (n,).
    weights
        The share of the genome that each stands for, such as base pairs, shape (n,).
    scale
        What they are said to be.
    where
        Where they stand, for the message.

    Raises
    ------
    TableError
        A value lies below the scale's least (0, or -2 for copies minus two); or, of 20 values or more, the weighted
        median lies where no tumour's genome has it: outside ±0.7 for log2 ratios, 0.6 to 1.6 for ratios, 1.3 to 5 for
        copies, -0.8 to 0.9 for copies minus two.

    Examples
    --------
    >>> check_scale(np.tile([2.0, 2.1, 1.0], 7), np.ones(21), "log2_ratio", "P.seg, column seg.mean")
    Traceback (most recent call last):
        ...
    bayesrg.errors.TableError: P.seg, column seg.mean: half of the genome has values up to 2, which is unusual for ...
    """
    held = ~np.isnan(values)
    values, weights = values[held], weights[held]
    if not values.size:
        return
    least = {"ratio": 0.0, "copy_number": 0.0, "copy_number_minus_2": -2.0}.get(scale, -np.inf)
    if values.min() < least:
        raise TableError(
            f"{where}: the smallest value is {values.min():.6g}, but a {scale} is never below {least:g}; which scale "
            f"is it? Give scale= one of {', '.join(SCALES)}"
        )
    if values.size < FEWEST:
        return
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[order])
    median = float(values[order][np.searchsorted(cumulated, 0.5 * cumulated[-1])])
    low, high = _MEDIANS[scale]
    if not low <= median <= high:
        raise TableError(
            f"{where}: half of the genome has values up to {median:.4g}, which is unusual for scale={scale!r} "
            f"(expected from {low:g} to {high:g}); give the scale that the column is on, one of {', '.join(SCALES)}, "
            "or, if it is right, check_plausibility=False"
        )
