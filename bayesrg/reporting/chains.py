"""The chains of sampled parameters that a report shows: the most telling first, as many as a page can hold."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

MOST = 12


def choose_chains(posterior: xr.Dataset, order: Sequence[str], most_each: int) -> tuple[xr.DataArray, list[str]]:
    """Draws (chain, draw, parameter), and the names of the parameters.

    Parameters
    ----------
    posterior : the draws of a fit
    order : names of parameters, those that are shown first at the front; absent ones are passed over
    most_each : elements shown of one parameter: the first, the last and those evenly between
    """
    columns, labels = [], []
    for name in order:
        if name not in posterior:
            continue
        drawn = posterior[name].transpose("chain", "draw", ...)
        spots = list(np.ndindex(drawn.shape[2:]))
        kept = sorted({round(place) for place in np.linspace(0, len(spots) - 1, min(most_each, len(spots)))})
        for spot in (spots[number] for number in kept):
            where = [str(drawn[dim].values[k]) for dim, k in zip(drawn.dims[2:], spot, strict=True)]
            columns.append(drawn.values[(..., *spot)])
            labels.append(f"{name}[{', '.join(where)}]" if where else name)
    stacked = np.stack(columns[:MOST], axis=-1)
    return xr.DataArray(stacked, dims=("chain", "draw", "parameter")), labels[:MOST]
