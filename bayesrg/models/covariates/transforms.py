"""Functions of a formula that formulaic lacks, or whose defaults do not suit a model with an intercept.

``log1p`` and ``sqrt`` are NumPy's. ``bs`` names the rows beyond its knots. ``cr`` and ``cc`` are centred unless the
formula says otherwise: the columns of the free basis add up to one, which is the intercept (Wood 2017, Generalized
Additive Models, doi:10.1201/9781315370279).
"""

from collections.abc import Callable
from typing import Any

import numpy as np


class BeyondKnotsError(ValueError):
    """Values outside of the boundary knots of a spline: their positions among the rows, and the range of the knots."""

    def __init__(self, outside: np.ndarray, values: np.ndarray, low: float, high: float) -> None:
        self.outside, self.values, self.low, self.high = outside, values[outside], low, high
        super().__init__(f"values lie outside of {low:g} to {high:g}")


def list_transforms() -> dict[str, Callable[..., Any]]:
    """Return name -> function, of the functions that stand before formulaic's own."""
    from formulaic.transforms import basis_spline, cyclic_cubic_spline, natural_cubic_spline, stateful_transform

    def bs(x: Any, *, extrapolation: str = "raise", _state: Any = None, **options: Any) -> Any:
        values = np.asarray(x, dtype=float)
        low = _state.get("lower_bound", options.get("lower_bound", values.min(initial=np.inf)))
        high = _state.get("upper_bound", options.get("upper_bound", values.max(initial=-np.inf)))
        outside = (values < low) | (values > high)
        if extrapolation == "raise" and outside.any():
            raise BeyondKnotsError(outside, values, low, high)
        knots = options.get("knots", [])
        if not np.all(np.diff([low, *knots, high]) > 0):  # formulaic would make columns of them that are no splines
            raise ValueError(f"the knots of bs are a list that ascends within {low:g} to {high:g}; got {knots}")
        return basis_spline(x, extrapolation=extrapolation, _state=_state, **options)

    def cr(x: Any, *, constraints: str = "center", _state: Any = None, **options: Any) -> Any:
        return natural_cubic_spline(x, constraints=constraints, _state=_state, **options)

    def cc(x: Any, *, constraints: str = "center", _state: Any = None, **options: Any) -> Any:
        return cyclic_cubic_spline(x, constraints=constraints, _state=_state, **options)

    stateful = {name: stateful_transform(function) for name, function in (("bs", bs), ("cr", cr), ("cc", cc))}
    return {**stateful, "log1p": np.log1p, "sqrt": np.sqrt}
