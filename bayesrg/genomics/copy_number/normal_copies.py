"""How many copies of a gene a normal cell has: two, but of X and Y by sex."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import TableError, list_some
from bayesrg.genomics.chromosomes import name_chromosomes
from bayesrg.samples import identify_samples, unit_dim

Sex = Literal["female", "male"] | Mapping[str, str] | pd.Series | xr.DataArray

_COPIES = {"female": {"X": 2.0, "Y": 0.0}, "male": {"X": 1.0, "Y": 1.0}}
_WORDS = {"female": "female", "f": "female", "woman": "female", "male": "male", "m": "male", "man": "male"}


def count_normal_copies(data: xr.DataArray, sex: Sex | None) -> np.ndarray:
    """Return the copies in normal cells, broadcast to the shape of the data.

    Parameters
    ----------
    data
        Over a unit and gene or bin, with the coordinate ``chromosome`` along the latter (with or without ``chr``) if a
        sex is given. A gene whose chromosome is not known (empty) has two copies.
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
    sexes = _read_sexes(sex, [str(label) for label in data[unit].values], unit)
    chromosome = name_chromosomes(data["chromosome"].values)
    rows = {one: np.array([_COPIES[one].get(name, 2.0) for name in chromosome]) for one in ("female", "male")}
    counted = np.stack([rows[one] for one in sexes]) if sexes else np.zeros((0, len(chromosome)))
    dims = (unit, *data["chromosome"].dims)
    return xr.DataArray(counted, dims=dims).transpose(*data.dims).to_numpy()


def count_copies_of_segments(segments: pd.DataFrame, sex: Sex | None) -> np.ndarray:
    """Return the copies in normal cells where each segment is, shape (segment,).

    Parameters
    ----------
    segments
        With the columns ``sample`` and ``chromosome``, as `check_segments` returns them.
    sex
        As for `count_normal_copies`, by the label of the sample or of its patient (`sex_of_samples`).

    Raises
    ------
    TableError
        A sample's sex is missing or neither word.

    Examples
    --------
    >>> segments = pd.DataFrame({"sample": ["P1", "P1", "P2"], "chromosome": ["7", "X", "Y"]})
    >>> count_copies_of_segments(segments, {"P1": "male", "P2": "female"}).tolist()
    [2.0, 1.0, 0.0]
    """
    if sex is None:
        return np.full(len(segments), 2.0)
    labels = list(dict.fromkeys(map(str, segments["sample"])))
    sexes = _read_sexes(sex_of_samples(sex, labels), labels, "sample")
    sex_of = dict(zip(labels, sexes, strict=True))
    places = zip(segments["sample"], segments["chromosome"], strict=True)
    return np.array([_COPIES[sex_of[sample]].get(chromosome, 2.0) for sample, chromosome in places])


def sex_of_samples(sex: Sex, labels: list[str], samples: pd.DataFrame | Mapping[str, str] | None = None) -> Sex:
    """Return the sex by the label of each sample, where it was given by that label or by its patient's.

    Parameters
    ----------
    sex
        As for `count_normal_copies`; one word for all is returned as it is.
    labels
        Of the samples.
    samples
        Whose they are, as `bayesrg.samples.identify_samples` has it.

    Examples
    --------
    >>> sex_of_samples({"TCGA-AB-2988": "F", "P2": "M"}, ["TCGA-AB-2988-03A", "P2"])
    {'TCGA-AB-2988-03A': 'F', 'P2': 'M'}
    """
    if isinstance(sex, str):
        return sex
    known = _by_label(sex)
    patients = identify_samples(labels, samples)["patient"]
    names = {label: label if label in known else patient for label, patient in zip(labels, patients, strict=True)}
    return {label: known[name] for label, name in names.items() if name in known}


def describe_by_unit(values: object) -> object:
    """Return one value as it is, and many by their number only, for the history.

    Examples
    --------
    >>> describe_by_unit(0.8), describe_by_unit({"P1": 0.8, "P2": 0.5})
    (0.8, 'of 2 units')
    """
    return values if values is None or isinstance(values, (int, float, str)) else f"of {len(values)} units"  # type: ignore[arg-type]


def _read_sexes(sex: Sex, labels: list[str], unit: str) -> list[str]:
    words = [sex] * len(labels) if isinstance(sex, str) else find_by_label(sex, labels, unit, "sex")
    sexes = [_WORDS.get(str(word).strip().lower(), "") for word in words]
    wrong = [f"{label}: {word!r}" for label, word, one in zip(labels, words, sexes, strict=True) if not one]
    if wrong:
        raise TableError(
            f"{len(wrong)} of {len(labels)} values of sex are neither female nor male "
            f"({list_some(wrong, between='; ')}); leave these {unit}s out or mend them"
        )
    return sexes


def _by_label(values: Mapping[str, object] | pd.Series | xr.DataArray) -> dict[str, Any]:
    if isinstance(values, xr.DataArray):
        values = values.to_series()
    return {str(label): value for label, value in values.items()}


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
    known = _by_label(values)
    absent = [label for label in labels if label not in known]
    if absent:
        raise TableError(
            f"{len(absent)} of {len(labels)} {unit}s have no {what}: {list_some(absent)}; the {what} is looked up by "
            f"the label of the {unit}"
        )
    return [known[label] for label in labels]
