"""The sampled parameters whose chains are shown: what links vary by first, as many as a page can hold."""

import numpy as np
import xarray as xr

from bayesrg.reporting.multi_region.study import Study

ORDER = (
    "heterogeneity_sd",
    "within_share",
    "length_scale",
    "mixing",
    "tumor_sd",
    "space_sd",
    "slope_sd",
    "total_sd",
    "a_sd",
    "share",
    "residual_sd",
    "batch_sd",
)
MOST = 12
MOST_EACH = 3


def sampled(study: Study) -> tuple[xr.DataArray, list[str]]:
    """Draws (chain, draw, parameter), and the names of the parameters."""
    columns, labels = [], []
    for name in ORDER:
        if name not in study.posterior:
            continue
        drawn = study.posterior[name].transpose("chain", "draw", ...)
        spots = list(np.ndindex(drawn.shape[2:]))
        kept = sorted({round(place) for place in np.linspace(0, len(spots) - 1, min(MOST_EACH, len(spots)))})
        for spot in (spots[number] for number in kept):
            where = [str(drawn[dim].values[k]) for dim, k in zip(drawn.dims[2:], spot, strict=True)]
            columns.append(drawn.values[(..., *spot)])
            labels.append(f"{name}[{', '.join(where)}]" if where else name)
    stacked = np.stack(columns[:MOST], axis=-1)
    return xr.DataArray(stacked, dims=("chain", "draw", "parameter")), labels[:MOST]
