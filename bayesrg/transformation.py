"""Scales on which a feature is modelled, remembered so that estimands return in the feature's own units."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from scipy import stats

from bayesrg.errors import TableError

Scale = Literal["z_score", "log", "rank_normal"]


@dataclass(frozen=True)
class Transformation:
    """A feature's way to the model's scale and back: model value = (g(x) - location) / scale.

    Parameters
    ----------
    name : ``"z_score"`` (g is the identity), ``"log"`` (natural logarithm: a ratio scale) or
        ``"rank_normal"`` (normal scores of the ranks; it has no way back to units)
    location, scale : in units of g(x); numbers, or DataArrays along `feature` for many features at once
    """

    name: Scale
    location: Any
    scale: Any

    @property
    def has_units(self) -> bool:
        """Whether the feature's units survive."""
        return self.name != "rank_normal"


def transform(value: np.ndarray, name: Scale, feature: str) -> tuple[np.ndarray, Transformation]:
    """Values on the model's scale (shape (measurement,)), and the transformation that made them.

    Normal scores are Blom's, Phi^-1((rank - 3/8) / (n + 1/4)), ties at their mean rank (Blom 1958).

    Raises
    ------
    TypeError
        For an unknown transformation.
    TableError
        For a constant feature, or a logarithm of values that are not positive.
    """
    if name not in get_args(Scale):
        raise TypeError(f"unknown transformation {name!r}; known are {', '.join(get_args(Scale))}")
    if value.size < 3 or np.ptp(value) == 0:
        raise TableError(
            f"feature {feature!r} has {np.unique(value).size} distinct value(s) in {value.size} rows: no variance"
        )
    if name == "rank_normal":
        scores = stats.norm.ppf((stats.rankdata(value) - 0.375) / (value.size + 0.25))
        return scores, Transformation(name, 0.0, 1.0)
    if name == "log":
        if np.any(value <= 0):
            raise TableError(
                f"feature {feature!r} has {int((value <= 0).sum())} value(s) at or below zero (smallest "
                f"{value.min():g}): a logarithm needs positive values. Use scale='z_score' or 'rank_normal'"
            )
        value = np.log(value)
    location, scale = float(value.mean()), float(value.std(ddof=1))
    return (value - location) / scale, Transformation(name, location, scale)
