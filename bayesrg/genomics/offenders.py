"""The few offenders that a message names, and how many there are in all."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from bayesrg.errors import TableError

MOST = 5
"""Offenders that a message names; the others it counts."""


def name_some(labels: Iterable[object], noun: str) -> str:
    """Return at most five labels, and their number with the noun where there are more than one.

    Parameters
    ----------
    labels
        What is wrong, in the order in which it is met.
    noun
        What they are, in the singular.

    Examples
    --------
    >>> name_some(["TP53"], "gene")
    "gene 'TP53'"
    >>> name_some(["TP53", "EGFR"], "gene")
    "2 genes ('TP53', 'EGFR')"
    >>> name_some(["A", "B", "C", "D", "E", "F"], "gene")
    "6 genes ('A', 'B', 'C', 'D', 'E', …)"
    """
    listed = [str(label) for label in labels]
    shown = ", ".join(map(repr, listed[:MOST]))
    if len(listed) == 1:
        return f"{noun} {shown}"
    return f"{len(listed)} {noun}s ({shown}{', …' if len(listed) > MOST else ''})"


def refuse_values(matrix: xr.DataArray, wrong: np.ndarray, what: str, expected: str) -> None:
    """Raise for wrong values of a matrix, naming where the first one stands and how many there are; or do nothing.

    Parameters
    ----------
    matrix
        Any dims with labels.
    wrong
        Which values are wrong, of the matrix's shape.
    what
        What the values are.
    expected
        What was expected, and how to mend it.

    Raises
    ------
    TableError
        A value is wrong.

    Examples
    --------
    >>> matrix = xr.DataArray([[1.0, -2.0]], {"sample": ["a"], "gene": ["TP53", "EGFR"]})
    >>> refuse_values(matrix, matrix.values < 0, "counts", "0 or more")
    Traceback (most recent call last):
        ...
    bayesrg.errors.TableError: counts: -2 for sample 'a' and gene 'EGFR' (1 such value), expected 0 or more
    """
    n = int(np.count_nonzero(wrong))
    if not n:
        return
    place = np.unravel_index(int(wrong.argmax()), wrong.shape)
    labels = zip(map(str, matrix.dims), place, strict=True)
    where = " and ".join(
        f"{dim} {str(matrix[dim].values[number])!r}" if dim in matrix.coords else f"{dim} {number}"
        for dim, number in labels
    )
    such = "1 such value" if n == 1 else f"{n} such values"
    raise TableError(f"{what}: {matrix.values[place]:g} for {where} ({such}), expected {expected}")
