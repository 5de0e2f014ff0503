"""Correlation of places in a tumour: Matérn functions of distance, and how far they reach."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import invgamma

# Half-integer smoothness -> the polynomial's coefficients in s = sqrt(2 nu) d / length_scale; times exp(-s)
# (Rasmussen & Williams 2006, eq. 4.17).
MATERN: Mapping[str, tuple[float, tuple[float, ...]]] = MappingProxyType(
    {
        "matern12": (1.0, (1.0,)),
        "matern32": (float(np.sqrt(3.0)), (1.0, 1.0)),
        "matern52": (float(np.sqrt(5.0)), (1.0, 1.0, 1.0 / 3.0)),
    }
)
# Of the inverse-gamma prior, how much lies below the smallest and above the largest distance.
TAIL = 0.01


def matern(kind: str, distance: Any, length_scale: Any, exp: Callable[[Any], Any] = np.exp) -> Any:
    """Correlation at a distance: arrays that broadcast (or PyTensor expressions, with their own `exp`).

    Parameters
    ----------
    kind : ``"matern12"``, ``"matern32"`` or ``"matern52"``
    distance, length_scale : mm
    """
    speed, coefficients = MATERN[kind]
    scaled = distance * np.float64(speed) / length_scale
    polynomial = scaled * np.float64(0.0) + np.float64(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        polynomial = polynomial * scaled + np.float64(coefficient)
    return polynomial * exp(-scaled)


def reach(kind: str, correlation: float) -> float:
    """Distance in length-scales at which the correlation has fallen to the given one.

    Examples
    --------
    >>> round(reach("matern12", 0.05), 3), round(reach("matern32", 0.05), 3)
    (2.996, 2.739)
    """
    root: Any = brentq(lambda distance: matern(kind, distance, 1.0) - correlation, 1e-6, 50.0)
    return float(root)


def length_scale_prior(smallest: float, largest: float) -> tuple[float, float]:
    """Shape and rate of the inverse gamma that has `TAIL` of its mass below the one distance, and above the other.

    Length-scales below the smallest distance between regions, or above the largest, cannot be told apart by the data
    (Betancourt 2017; Simpson et al. 2017, doi:10.1214/16-STS576, on priors that a design can speak to).

    Parameters
    ----------
    smallest, largest : mm, smallest < largest
    """

    def excess(log_shape: float) -> float:
        quantiles = invgamma.ppf([TAIL, 1.0 - TAIL], np.exp(log_shape))
        return float(np.log(quantiles[1] / quantiles[0]) - np.log(largest / smallest))

    root: Any = brentq(excess, np.log(0.15), np.log(1e5))
    shape = float(np.exp(root))
    return shape, float(smallest / invgamma.ppf(TAIL, shape))
