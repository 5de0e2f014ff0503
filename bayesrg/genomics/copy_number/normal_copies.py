"""How many copies of a gene a normal cell has: two, but of X and Y by sex."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import TableError
from bayesrg.samples import unit_dim

Sex = Literal["female", "male"] | Mapping[str, str] | pd.Series | xr.DataArray

_COPIES = {"female": {"X": 2.0, "Y": 0.0}, "male": {"X": 1.0, "Y": 1.0}}
_WORDS = {"female": "female", "f": "female", "woman": "female", "male": "male", "m": "male", "man": "male"}


def count_normal_copies(data: xr.DataArray, sex: Sex | None) -> np.ndarray:
    """Return the copies in normal cells, broadcast to the shape of the data.

    Parameters
    ----------
    data
        Over a unit and gene or bin, with the coordinate ``chromosome`` along the latter if a sex is given.
    sex
        ``"female"``, ``"male"`` or the sex of each unit by its label (in words or as F and M); None takes two
        everywhere.

    Returns
    -------
    numpy.ndarray
        2; on X 1 and on Y 1 of males; on Y 0 of females; on the mitochondrion 2.

    Raises
    ------
    TableError
        There is no coordinate ``chromosome``, or a unit's sex is missing or neither word.

    Examples
    --------
    >>> data = xr.DataArray(
    ...     np.zeros((2, 2)), dims=("patient", "gene"),
    ...     coords={"patient": ["P1", "P2"], "chromosome": ("gene", ["X", "7"])},
    ... )
    >>> count_normal_copies(data, {"P1": "male", "P2": "female"}).tolist()
    [[1.0, 2.0], [2.0, 2.0]]
    """
    if sex is None:
        return np.full(data.shape, 2.0)
    if "chromosome" not in data.coords:
        raise TableError("sex was given, but the data have no coordinate 'chromosome'; give an annotation before")
    unit = unit_dim(data)
    labels = [str(label) for label in data[unit].values]
    words = [sex] * len(labels) if isinstance(sex, str) else find_by_label(sex, labels, unit, "sex")
    sexes = [_WORDS.get(str(word).strip().lower()) for word in words]
    wrong = [f"{label}: {word!r}" for label, word, one in zip(labels, words, sexes, strict=True) if one is None]
    if wrong:
        raise TableError(
            f"{len(wrong)} of {len(labels)} values of sex are neither female nor male ({'; '.join(wrong[:5])}); "
            f"leave these {unit}s out or mend them"
        )
    chromosome = data["chromosome"].values.astype(str)
    rows = {one: np.array([_COPIES[one].get(name, 2.0) for name in chromosome]) for one in ("female", "male")}
    counted = np.stack([rows[str(one)] for one in sexes]) if sexes else np.zeros((0, len(chromosome)))
    dims = (unit, *data["chromosome"].dims)
    return xr.DataArray(counted, dims=dims).transpose(*data.dims).to_numpy()


def find_by_label(
    values: Mapping[str, object] | pd.Series | xr.DataArray, labels: list[str], unit: str, what: str
) -> list:
    """Return the value of each label, in their order.

    Raises
    ------
    TableError
        Labels have no value; the message lists them.

    Examples
    --------
    >>> find_by_label({"P1": 0.8, "P2": 0.5}, ["P2"], "patient", "purity")
    [0.5]
    """
    if isinstance(values, xr.DataArray):
        values = values.to_series()
    known = {str(label): value for label, value in values.items()}
    absent = [label for label in labels if label not in known]
    if absent:
        raise TableError(
            f"{len(absent)} of {len(labels)} {unit}s have no {what}: "
            f"{', '.join(absent[:5])}{' …' if len(absent) > 5 else ''}; the {what} is looked up by the label of the "
            f"{unit}"
        )
    return [known[label] for label in labels]
