"""The sampled parameters whose chains are shown: slopes first, then the rest, as many as a page can hold."""

import xarray as xr

from bayesrg.reporting.association.study import Study
from bayesrg.reporting.chains import choose_chains

ORDER = ("beta", "delta", "alpha", "gamma", "sigma", "nu", "rate_cv", "group_sd")
MOST_EACH = 4  # of one kind; of cutpoints the first, the last and those between


def sampled(study: Study) -> tuple[xr.DataArray, list[str]]:
    """Draws (chain, draw, parameter), and the names of the parameters."""
    return choose_chains(study.posterior, ORDER, MOST_EACH)
