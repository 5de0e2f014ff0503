"""Cohorts simulated effect by effect, with NumPy alone: nothing here knows the density that is sampled."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayesrg.models.regions.conditioning import split
from bayesrg.models.regions.effects import FiniteVariances, draw_block
from bayesrg.models.regions.layout import RegionLayout
from bayesrg.models.regions.parameters import RECOVERED, dims_of, split_coefficients


def simulate_values(
    model: Any, layout: RegionLayout, own: Mapping[str, np.ndarray], rng: np.random.Generator, *, local: bool
) -> xr.DataTree:
    """Features of the layout's regions for draws of the parameters.

    Parameters
    ----------
    own : sampled parameters, the draw first; coefficients of the mean that it lacks are drawn from their prior
    local : whether B and a of every region are kept

    Returns
    -------
    DataTree with the groups `parameters` and `data`, along the dim draw; values that the layout lacks are missing.
    """
    design = layout.data
    components = model.components(own, layout)
    n_features = design.sizes["feature"]
    spread = np.sqrt(components.prior)[:, None]
    coefficients = rng.standard_normal((components.n_draws, n_features, layout.columns.shape[1])) * spread
    for name, part in layout.parts.items():
        if name in own:
            coefficients[..., part] = own[name].reshape(components.n_draws, n_features, -1)
    value = np.einsum("rp,dfp->drf", layout.columns, coefficients)
    slope = coefficients[..., layout.parts["B_0"]]
    variances = FiniteVariances()
    kept: dict[str, list[np.ndarray]] = {"B": [], "a": []}
    for block, rows in enumerate(layout.blocks):
        drawn = [draw_block(components.part(some), layout, block, rng) for some in split(components, layout)]
        total = np.concatenate([effects.total(layout.genome[rows]) for effects in drawn])
        deviation = components.rotate_back(np.concatenate([effects.deviation for effects in drawn]))
        value[:, rows] += components.rotate_back(total).swapaxes(1, 2)
        variances.add(deviation, layout.tumor[rows])
        if local:
            a = components.rotate_back(np.concatenate([effects.a for effects in drawn]))
            kept["B"].append((deviation + slope[:, :, None]).swapaxes(1, 2))
            kept["a"].append(a.swapaxes(1, 2))
    arrays = {**own, **split_coefficients(coefficients, layout), **variances.result}
    if local:
        arrays |= {name: np.concatenate(one, axis=1) for name, one in kept.items()}
    dims = {**dims_of(model), **RECOVERED}
    parameters = xr.Dataset({name: (("draw", *dims[name]), array) for name, array in arrays.items()})
    labels = model.label_dims(design, [str(dim) for dim in parameters.dims if dim != "draw"])
    values = np.where(layout.mask > 0, value, np.nan)
    return xr.DataTree.from_dict(
        {
            "parameters": parameters.assign_coords(labels),
            "data": design.assign(value=(("draw", "region", "feature"), values)),
        }
    )
