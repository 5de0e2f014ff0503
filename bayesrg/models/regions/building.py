"""The PyMC model of regions, whose coefficients and effects are integrated out.

The covariance of each pair of regions is made here, from variances and correlations; the density and its gradient in
these covariances are one operation (`bayesrg.inference.region_density`).
"""

from typing import Any

import numpy as np
import xarray as xr

from bayesrg.models.regions.correlation import MATERN, matern
from bayesrg.models.regions.effects import draw_marginal
from bayesrg.models.regions.layout import RegionLayout


def build_regions(model: Any, data: xr.Dataset, layout: RegionLayout) -> Any:
    """Build the PyMC model of a `MultiRegion` for the data."""
    import pymc as pm
    import pytensor.tensor as tensor

    pt: Any = tensor
    priors, correlated = model.priors, model.residual == "correlated"
    shares = model.components_of_a(layout)
    coords: dict[str, Any] = {name: data[name].values for name in ("feature", "gene")}
    coords |= {"component": shares, "process": ["a", "B"], "other_feature": data["feature"].values}
    coords["feature_pair"] = name_pairs(coords["feature"])
    link = ("gene",) if correlated else ("feature", "gene")
    with pm.Model(coords=coords) as graph:
        in_tumor: Any = pm.Data("pair_in_tumor", layout.in_tumor)
        # Data that nothing uses could not be exchanged for other data.
        used = "residual" in shares or model.spatial in ("graph", "exchangeable")
        diagonal: Any = pm.Data("pair_diagonal", layout.diagonal) if used else None
        products: Any = pm.Data("pair_products", layout.products)
        learned = {"slope_sd": priors.slope_sd.in_pymc("slope_sd")}
        if "batch_effect" in layout.parts:
            learned["batch_sd"] = priors.batch_sd.in_pymc("batch_sd")
        prior = [
            pt.ones(part.stop - part.start) * model.prior_variance(name, learned) for name, part in layout.parts.items()
        ]
        scale, within = priors.heterogeneity_sd.in_pymc("heterogeneity_sd"), priors.within_share.in_pymc("within_share")
        tumor_sd = _spread("tumor_sd", scale * pt.sqrt(1 - within), link, well_known=correlated)
        space_sd = _spread("space_sd", scale * pt.sqrt(within), link, well_known=correlated)
        of_a, of_b = _correlations(model, data, in_tumor, diagonal)
        if correlated:
            spread, dims, share_prior = priors.a_sd.in_pymc("a_sd"), ("component",), priors.a_share
        else:
            spread = priors.total_sd.in_pymc("total_sd", dims="feature")
            dims, share_prior = ("feature", "component"), priors.share
        rows = tuple(data.sizes[dim] for dim in dims[:-1])
        share: Any = pt.ones((*rows, 1))
        if len(shares) > 1:
            concentration = np.full((*rows, len(shares)), share_prior.arguments["total"] / len(shares))
            share = pm.Dirichlet("share", a=concentration, dims=dims)
        variance = {name: spread**2 * share[..., place] for place, name in enumerate(shares)}
        pattern = {"patient": pt.ones_like(in_tumor), "tumor": in_tumor, "space": of_a, "residual": diagonal}
        # One product of matrices: what pairs have in common, and how much variance comes of it.
        common = pt.concatenate(
            [
                products * in_tumor[:, None],
                products * of_b[:, None],
                pt.stack([pattern[name] for name in shares], axis=1),
            ],
            axis=1,
        )
        much = pt.concatenate([tumor_sd.T**2, space_sd.T**2, pt.stack([variance[name] for name in shares])], axis=0)
        covariance = pt.dot(common, much)
        if correlated:
            form, parts = "correlated_regions", [covariance, _residual_covariance(model, data).ravel(), *prior]
        else:
            if layout.known_covariance is not None:
                covariance = covariance + pm.Data("known_covariance", layout.known_covariance)
            form, parts = "regions", [covariance.ravel(), *prior]
        arrays = layout.mask, layout.columns, layout.start, layout.first
        pm.CustomDist(
            "value",
            pt.concatenate(parts),
            *(pm.Data(f"design_{place}", array) for place, array in enumerate(arrays)),
            logp=lambda value, parameters, *design: _density(form, parameters, value, *design),
            random=_draw_correlated if correlated else _draw_independent,
            signature="(k),(n,f),(n,p),(b),(b)->(n,f)",
            observed=pm.Data("observed_value", layout.value),
        )
    return graph


def name_pairs(features: np.ndarray) -> list[str]:
    """Labels of all pairs of different features, row by row of a lower triangle."""
    return [
        f"{features[row]}, {features[column]}" for row, column in zip(*np.tril_indices(len(features), -1), strict=True)
    ]


def _density(form: str, parameters: Any, value: Any, *design: Any) -> Any:
    from bayesrg.inference.collapsed import collapsed_density

    return collapsed_density(form, parameters, value, *design)


def _spread(name: str, scale: Any, link: tuple[str, ...], *, well_known: bool) -> Any:
    """Sds of links, half-normal with a scale that they share, in the PyMC model in context.

    Sds of single links are hardly known: sampled themselves they would hold their scale fast where they are small (40
    effective draws of 6,000 were seen), so multiples of it are sampled. Sds that all features share are well known, and
    their multiples would move with every step of the scale (29 of 1,200).
    """
    import pymc as pm

    if well_known:
        return pm.HalfNormal(name, sigma=scale, dims=link)
    unit: Any = pm.HalfNormal(f"{name}_unit", sigma=1, dims=link)
    return pm.Deterministic(name, unit * scale, dims=link)


def _correlations(model: Any, data: xr.Dataset, in_tumor: Any, diagonal: Any) -> tuple[Any, Any]:
    """Correlations in space of a and of B over the pairs, in the PyMC model in context."""
    import pymc as pm
    import pytensor.tensor as tensor

    pt: Any = tensor
    if model.spatial == "exchangeable":
        return diagonal, diagonal
    if model.spatial == "graph":
        structured: Any = pm.Data("pair_neighbourhood", data["pair_neighbourhood"].values)
        mixing = model.priors.mixing.in_pymc("mixing")
        return structured, (1 - mixing) * diagonal + mixing * structured
    assert model.spatial in MATERN
    if model.priors.length_scale is None:
        arguments = {
            name: pm.Data(f"length_scale_{name}", data[f"length_scale_{name}"].values) for name in ("alpha", "beta")
        }
        length_scale: Any = pm.InverseGamma("length_scale", **arguments, dims="process")
    else:
        length_scale = model.priors.length_scale.in_pymc("length_scale", dims="process")
    distance: Any = pm.Data("pair_distance", data["pair_distance"].values)
    of_a, of_b = (in_tumor * matern(model.spatial, distance, length_scale[place], pt.exp) for place in (0, 1))
    return of_a, of_b


def _residual_covariance(model: Any, data: xr.Dataset) -> Any:
    """Sigma (feature, feature), in the PyMC model in context."""
    import pymc as pm
    import pytensor.tensor as tensor

    pt: Any = tensor
    priors, n = model.priors, data.sizes["feature"]
    sd: Any = priors.residual_sd.in_pymc("residual_sd", dims="feature")
    factor: Any = pt.ones((1, 1))
    if n > 1:
        # Row by row below the diagonal, the partial correlations of a C-vine, which LKJ's distribution makes
        # independent (Lewandowski et al. 2009, doi:10.1016/j.jmva.2009.04.008, section 2.4).
        row, column = np.tril_indices(n, -1)
        shape = priors.residual_correlation + 0.5 * (n - 2 - column)
        partial: Any = pm.Beta("partial_correlation", alpha=shape, beta=shape, dims="feature_pair")
        matrix = pt.zeros((n, n))[row, column].set(2 * partial - 1)
        left = pt.concatenate([pt.ones((n, 1)), pt.cumprod(pt.sqrt(1 - matrix**2), axis=1)], axis=1)
        factor = matrix * left[:, :-1] + pt.diag(left[np.arange(n), np.arange(n)])
    scaled = sd[:, None] * factor
    return pm.Deterministic("residual_covariance", pt.dot(scaled, scaled.T), dims=("feature", "other_feature"))


def _draw_independent(
    parameters: np.ndarray,
    mask: np.ndarray,
    columns: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
    rng: np.random.Generator,
    size: Any,
) -> np.ndarray:
    covariance, prior = np.split(parameters, [mask.shape[1] * int(first[-1])])
    return draw_marginal(covariance.reshape(int(first[-1]), -1), prior, columns, start, rng)


def _draw_correlated(
    parameters: np.ndarray,
    mask: np.ndarray,
    columns: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
    rng: np.random.Generator,
    size: Any,
) -> np.ndarray:
    n_pairs, n_columns = int(first[-1]), columns.shape[1]
    shared, sigma, prior = np.split(parameters, [n_pairs, parameters.size - n_columns])
    eigenvalues, vectors = np.linalg.eigh(sigma.reshape(int(np.sqrt(sigma.size)), -1))
    diagonal = np.concatenate([np.eye(int(size))[np.tril_indices(int(size))] for size in np.diff(start)])
    return draw_marginal(shared[:, None] + diagonal[:, None] * eigenvalues, prior, columns, start, rng) @ vectors.T
