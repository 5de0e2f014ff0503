"""The sampled parameters whose chains are shown: what links vary by first, as many as a page can hold."""

import xarray as xr

from bayesrg.reporting.chains import choose_chains
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
MOST_EACH = 3


def sampled(study: Study) -> tuple[xr.DataArray, list[str]]:
    """Draws (chain, draw, parameter), and the names of the parameters."""
    return choose_chains(study.posterior, ORDER, MOST_EACH)
