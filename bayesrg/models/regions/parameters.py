"""Parameters of a multi-region model: their dims, draws of them from the prior, and the density of each prior."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from bayesrg.models.draws import flatten_draws
from bayesrg.models.regions.correlation import MATERN
from bayesrg.models.regions.effects import draw_correlations
from bayesrg.models.regions.layout import RegionLayout

PROCESSES = ("a", "B")
# What is integrated out of the sampled density and drawn back, with its dims.
RECOVERED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mu": ("feature",),
        "B_0": ("feature", "gene"),
        "contextual": ("feature", "gene"),
        "gamma": ("feature", "covariate"),
        "batch_effect": ("feature", "level"),
        "B_variance": ("feature", "gene"),
        "B_variance_within": ("feature", "gene"),
        "B_variance_between": ("feature", "gene"),
        "B": ("region", "feature", "gene"),
        "a": ("region", "feature"),
    }
)
# Parameters whose priors have their names.
_NAMED = ("slope_sd", "batch_sd", "total_sd", "a_sd", "residual_sd", "heterogeneity_sd", "within_share", "mixing")


def dims_of(model: Any) -> dict[str, tuple[str, ...]]:
    """Every sampled parameter with its dims."""
    correlated = model.residual == "correlated"
    link = ("gene",) if correlated else ("feature", "gene")
    return {
        **dict.fromkeys(("slope_sd", "batch_sd", "heterogeneity_sd", "within_share", "a_sd", "mixing"), ()),
        "tumor_sd": link,
        "space_sd": link,
        "total_sd": ("feature",),
        "residual_sd": ("feature",),
        "residual_covariance": ("feature", "other_feature"),
        "share": ("component",) if correlated else ("feature", "component"),
        "length_scale": ("process",),
    }


def read_draws(model: Any, posterior: xr.Dataset) -> dict[str, np.ndarray]:
    """Every variable of a posterior as an array, the draw first, then its dims in the order that they have here."""
    return flatten_draws(posterior, {**dims_of(model), **RECOVERED})


def split_coefficients(coefficients: np.ndarray, layout: RegionLayout) -> dict[str, np.ndarray]:
    """The parts of the mean's coefficients (draw, feature, column) by name."""
    found = {name: coefficients[..., part] for name, part in layout.parts.items()}
    return found | {"mu": found["mu"][..., 0]}


def draw_parameters(model: Any, layout: RegionLayout, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
    """Draws of everything that is sampled, from the prior; the first axis is the draw."""
    priors, correlated = model.priors, model.residual == "correlated"
    n_features, n_genes = layout.data.sizes["feature"], layout.genome.shape[1]
    link = (n_genes,) if correlated else (n_features, n_genes)
    own = {name: getattr(priors, name).draw(rng, draws) for name in ("slope_sd", "heterogeneity_sd", "within_share")}
    scale = own["heterogeneity_sd"] * np.sqrt(np.stack([1.0 - own["within_share"], own["within_share"]]))
    for name, one in zip(("tumor_sd", "space_sd"), scale, strict=True):
        own[name] = np.abs(rng.standard_normal((draws, *link))) * one.reshape(draws, *(1 for _ in link))
    shares = model.components_of_a(layout)
    if correlated:
        own["a_sd"] = priors.a_sd.draw(rng, draws)
        sd = own["residual_sd"] = priors.residual_sd.draw(rng, (draws, n_features))
        correlation = draw_correlations(n_features, priors.residual_correlation, draws, rng)
        own["residual_covariance"] = sd[:, :, None] * correlation * sd[:, None, :]
    else:
        own["total_sd"] = priors.total_sd.draw(rng, (draws, n_features))
    if len(shares) > 1:
        rows = () if correlated else (n_features,)
        own["share"] = (priors.a_share if correlated else priors.share).draw(rng, (draws, *rows, len(shares)))
    if "batch_effect" in layout.parts:
        own["batch_sd"] = priors.batch_sd.draw(rng, draws)
    if model.spatial in MATERN:
        own["length_scale"] = model.length_scale_prior(layout.data).draw(rng, (draws, len(PROCESSES)))
    if model.spatial == "graph":
        own["mixing"] = priors.mixing.draw(rng, draws)
    return own


def stated_log_priors(model: Any, data: xr.Dataset, own: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Log density of each prior as it is stated, by draw.

    What links have given the sd that they share is part of the model, and no prior to be scaled.
    """
    priors = model.priors
    stated = {name: getattr(priors, name) for name in _NAMED if name in own}
    if "share" in own:
        stated["share"] = priors.a_share if model.residual == "correlated" else priors.share
    if "length_scale" in own:
        stated["length_scale"] = model.length_scale_prior(data)
    found = {name: _sum(prior.log_density(own[name])) for name, prior in stated.items()}
    if "residual_covariance" in own:
        volume = np.linalg.slogdet(own["residual_covariance"])[1] - 2.0 * np.log(own["residual_sd"]).sum(axis=1)
        found["residual_correlation"] = (priors.residual_correlation - 1.0) * volume
    return found


def _sum(density: np.ndarray) -> np.ndarray:
    return density.reshape(len(density), -1).sum(axis=1)
