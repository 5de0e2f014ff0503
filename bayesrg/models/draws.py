"""Posterior draws as plain arrays, all chains one after the other, and back."""

from collections.abc import Mapping

import numpy as np
import xarray as xr


def flatten_draws(posterior: xr.Dataset, dims: Mapping[str, tuple[str, ...]] | None = None) -> dict[str, np.ndarray]:
    """Every variable as an array (draw, its own dims), the draws of all chains one after the other.

    Parameters
    ----------
    dims : the order of a variable's own dims; those of variables that it lacks stay as they are
    """
    found = {}
    for name, own in posterior.data_vars.items():
        order = (dims or {}).get(str(name), (...,))
        array = own.transpose("chain", "draw", *order).values
        found[str(name)] = array.reshape(-1, *array.shape[2:])
    return found


def unflatten_draws(
    arrays: Mapping[str, tuple[tuple[str, ...], np.ndarray]], posterior: xr.Dataset, coords: Mapping[str, np.ndarray]
) -> xr.Dataset:
    """Arrays (draw, dims) with the names of their dims, as a Dataset over the chains and draws of a posterior."""
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    return xr.Dataset(
        {
            name: (("chain", "draw", *dims), array.reshape(*shape, *array.shape[1:]))
            for name, (dims, array) in arrays.items()
        },
        coords={"chain": posterior["chain"].values, "draw": posterior["draw"].values, **coords},
    )


def thin_draws(posterior: xr.Dataset, most: int) -> xr.Dataset:
    """About as many draws as asked for, evenly spaced in every chain; all where there are no more."""
    step = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // most)
    return posterior.isel(draw=slice(None, None, step))
