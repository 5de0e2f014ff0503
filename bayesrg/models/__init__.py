"""The models: one generative model a file, each a frozen dataclass that `bayesrg.fit` knows how to use."""

from typing import Any

import xarray as xr

from bayesrg.inference.provenance import read_json, rebuild
from bayesrg.inference.variances import IndependentSds, Shares
from bayesrg.models.stability import Priors, Stability
from bayesrg.prior import Prior

__all__ = ["IndependentSds", "Priors", "Shares", "Stability", "model_of"]

# A saved fit may name these classes and no others.
CLASSES = {cls.__name__: cls for cls in (Stability, Priors, Shares, IndependentSds, Prior)}


def model_of(tree: xr.DataTree) -> Any:
    """The model that a fit was made with, rebuilt from its provenance.

    Raises
    ------
    FitError
        If the fit was made with a class that is not ours.
    """
    return rebuild(read_json(tree["provenance"].attrs, "model"), CLASSES)
