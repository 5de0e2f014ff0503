"""Whether a multi-region model, its data, and parameters belong together, checked before anything is computed."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesrg.errors import DesignError, list_some
from bayesrg.models.regions.layout import RegionLayout
from bayesrg.models.regions.parameters import RECOVERED, dims_of

# What a posterior holds beside: sampled in the place of sds of links and of correlations of residuals.
SAMPLED_INSTEAD = ("tumor_sd_unit", "space_sd_unit", "partial_correlation")


def read_layout(model: Any, data: xr.Dataset) -> RegionLayout:
    """The layout of data that a `MultiRegion` can be asked about.

    Raises
    ------
    DesignError
        For data that were prepared for another spatial form and, where residuals are correlated, for measurement errors
        that are known and for regions that lack some features.
    """
    spatial = data.attrs["spatial"]
    if spatial != model.spatial:
        raise DesignError(
            f"the data were prepared for spatial={spatial!r}, and the model has {model.spatial!r}: prepare them with "
            "this model"
        )
    layout = RegionLayout(data, model.contextual)
    if model.residual == "correlated":
        if layout.known_covariance is not None:
            raise DesignError(
                "the data have a measurement_covariance, which the rotation of correlated residuals cannot keep apart: "
                "use residual='independent'"
            )
        given = layout.mask.sum(axis=1)
        partly = (given > 0) & (given < layout.mask.shape[1])
        if partly.any():
            raise DesignError(
                f"{int(partly.sum())} region(s) lack some features ({list_some(data['region'].values[partly])}), which "
                "the rotation of correlated residuals cannot leave out: prepare the table with this model, which drops "
                "such regions, or use residual='independent'"
            )
    return layout


def align_parameters(model: Any, layout: RegionLayout, parameters: xr.Dataset) -> dict[str, np.ndarray]:
    """What a simulation takes of parameters, by name: a first axis of one draw, then their dims as the design has them.

    Raises
    ------
    TypeError
        For parameters that the model does not know, and for dims that are not theirs.
    DesignError
        For features, genes and other labels of the design of which a parameter says nothing.
    """
    sampled = dims_of(model)
    strange = sorted(str(name) for name in set(parameters.data_vars) - {*sampled, *RECOVERED, *SAMPLED_INSTEAD})
    if strange:
        raise TypeError(
            f"no parameter is called {list_some(strange, show=repr)}; known are {', '.join([*sampled, *layout.parts])}"
        )
    known = sampled | {name: RECOVERED[name] for name in layout.parts}
    found = {}
    for name, dims in known.items():
        if name not in parameters:
            continue
        own = parameters[name]
        if set(own.dims) != set(dims):
            raise TypeError(f"{name} has the dims {dims}; got {own.dims}")
        for dim, labels in model.label_dims(layout.data, dims).items():
            own = _choose(own, dim, np.asarray(labels))
        found[name] = own.transpose(*dims).values[None]
    return found


def check_replicates(data: xr.Dataset, new: xr.Dataset) -> None:
    """Refuse regions to predict that are not those fitted, unless nothing is known of their features.

    Raises
    ------
    DesignError
        For regions fitted that `new` lacks or describes otherwise, and for others whose features it gives.
    """
    place = pd.Index(new["region"].values).get_indexer(pd.Index(data["region"].values))
    if (place < 0).any():
        raise DesignError(
            f"{int((place < 0).sum())} of the regions fitted are not among the new ones "
            f"({list_some(data['region'].values[place < 0])}): predictions are made given all of them; put the new "
            "regions beside them, with missing values"
        )
    lacking = [str(name) for name in data.data_vars if name not in new]
    if lacking:
        raise DesignError(f"the new data lack {list_some(lacking)}: lay them out as the data that were fitted")
    changed = [
        str(name)
        for name, own in data.data_vars.items()
        if "region" in own.dims and not own.variable.equals(new[name].transpose(*own.dims)[{"region": place}].variable)
    ]
    if changed:
        raise DesignError(
            f"the regions that were fitted have another {list_some(changed)} in the new data: leave them as they were, "
            "and put what is to be predicted beside them as regions of their own, with missing values"
        )
    others = np.setdiff1d(np.arange(new.sizes["region"]), place)
    given = ~np.isnan(new["value"].transpose("region", ...).values[others]).all(axis=1)
    if given.any():
        raise DesignError(
            f"{int(given.sum())} of the new regions were not fitted but have features "
            f"({list_some(new['region'].values[others[given]])}), so that their prediction would know its own answer: "
            "set their values to NaN"
        )


def _choose(own: xr.DataArray, dim: str, labels: np.ndarray) -> xr.DataArray:
    """The parameter at the design's labels of a dim; without labels of its own it has to be as long."""
    if dim not in own.indexes:
        if own.sizes[dim] != labels.size:
            raise DesignError(f"{own.name} has {own.sizes[dim]} of the dim {dim}; the design has {labels.size}")
        return own
    place = own.indexes[dim].get_indexer(pd.Index(labels))
    if (place < 0).any():
        raise DesignError(
            f"{own.name} says nothing of {dim} {list_some(labels[place < 0])}; it has {list_some(own.indexes[dim])}"
        )
    return own[{dim: place}]
