"""Estimands of a multi-region model: how features follow genes, and how far that differs between and within tumours."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import xarray as xr
from scipy.special import ndtr

from bayesrg.models.regions.components import Components
from bayesrg.models.regions.correlation import MATERN, reach
from bayesrg.models.regions.layout import RegionLayout

MEANING: Mapping[str, str] = MappingProxyType(
    {
        "B_0": "the population's coefficient: change of the feature, in its sds, per sd of the gene (or per step of a "
        "two-valued one); within tumours where their means have slopes of their own",
        "slope": "B_0 in the feature's unit per unit of the gene",
        "contextual": "slope between the tumours' means less the slope within tumours (Mundlak)",
        "slope_between": "slope of the tumours' means, B_0 + contextual",
        "B_variance": "Var_r(B_tr): variance of the coefficient among all observed regions (finite population)",
        "B_variance_within": "variance of the coefficient among the observed regions of a tumour, averaged over "
        "tumours with two regions or more (finite population)",
        "B_variance_between": "variance of the coefficient's mean among the observed tumours, two or more (finite "
        "population)",
        "variance_within": "expected variance of the coefficient among a tumour's regions as they lie, space_sd^2 (1 - "
        "mean correlation of their pairs); of a graph the mean variance of the regions stands in the place of 1",
        "variance_between": "variance of the coefficient that regions of a tumour share: tumor_sd^2 + space_sd^2 times "
        "the mean correlation of pairs, where that is positive",
        "link_tumor_sd": "sd of the coefficient between tumours (superpopulation)",
        "link_space_sd": "sd of the coefficient's process in space (superpopulation)",
        "local_share": "share of the coefficient's variance that lies within tumours, 1 - variance_between / its "
        "variance at a place, tumor_sd^2 + space_sd^2 (of a graph times the mean variance of the regions)",
        "heterogeneity": "share of the feature's variance that is due to the coefficient's variation over tumours and "
        "regions",
        "heterogeneity_above": "whether heterogeneity exceeds the smallest share of interest",
        "same_sign": "share of places whose coefficient has the sign of B_0",
        "universal": "whether the link is universal: |B_0| above the rope, and twice the sd of the coefficient",
        "local": "whether the link is local: the sd of the coefficient within tumours above the rope, and above "
        "half of |B_0|",
        "above_zero": "whether B_0 is positive",
        "variance_share": "share of the feature's variance by its sources: of genes and of covariates, which may be "
        "correlated, the covariance with what both explain together",
        "a_variance_within": "expected variance of a + epsilon among a tumour's regions: imaging heterogeneity that "
        "genes do not explain",
        "a_icc": "intraclass correlation of a + epsilon: that of two regions of a tumour, averaged over its pairs",
        "correlation_length": "distance at which the correlation in space has fallen to 1/e",
        "practical_range": "distance at which the correlation in space has fallen to 0.05",
    }
)
LINK = ("feature", "gene")


def _unit(two_valued: np.ndarray) -> str:
    """Unit of coefficients: genes are in sds, but for two-valued ones, whose step is kept."""
    if not two_valued.any():
        return "sd per sd"
    return "sd per step" if two_valued.all() else "sd per sd (per step of a two-valued gene)"


def estimate_links(
    own: Mapping[str, np.ndarray],
    components: Components,
    layout: RegionLayout,
    data: xr.Dataset,
    rope: float,
    delta: float,
) -> dict[str, tuple[tuple[str, ...], np.ndarray, str]]:
    """Every estimand as its dims, its draws (draw, …) and its unit, from parameters with the draw as first axis."""
    found: dict[str, tuple[tuple[str, ...], np.ndarray, str]] = {}
    slope = own["B_0"]
    unit = _unit(data["two_valued"].values)
    found["B_0"] = LINK, slope, unit
    if data.attrs["transformation"] == "z_score":
        scale = data["scale"].values[:, None] / data["gene_scale"].values
        found["slope"] = LINK, slope * scale, "the feature's own per the gene's own"
    if "contextual" in own:
        found["contextual"] = LINK, own["contextual"], unit
        found["slope_between"] = LINK, slope + own["contextual"], unit
    for name in ("B_variance", "B_variance_within", "B_variance_between"):
        if name in own:
            found[name] = LINK, own[name], f"({unit})^2"
    # Correlated residuals rotate the features, but leave these variances, which all features share, as they are.
    tumor, space = components.gene_tumor, components.gene_space
    one, pair = (part[:, None, None] for part in layout.compare_pairs(components.correlation_B))
    within, total, between = space * (one - pair), tumor + space * one, tumor + space * np.maximum(pair, 0.0)
    found["variance_within"] = LINK, within, f"({unit})^2"
    found["variance_between"] = LINK, between, f"({unit})^2"
    found["link_tumor_sd"] = LINK, np.sqrt(tumor), unit
    found["link_space_sd"] = LINK, np.sqrt(space), unit
    # A simulated truth may have no variance at all, of which no share lies anywhere.
    inner = total - between
    found["local_share"] = LINK, np.divide(inner, total, out=np.full_like(total, np.nan), where=total > 0), ""
    parts = _variance_parts(own, components, layout, data, inner, between)
    everything = np.sum(list(parts.values()), axis=0)
    moment = (layout.genome**2).mean(axis=0)
    share = total * moment / everything[..., None]
    found["heterogeneity"] = LINK, share, ""
    found["heterogeneity_above"] = LINK, share > delta, ""
    with np.errstate(divide="ignore", invalid="ignore"):
        found["same_sign"] = LINK, ndtr(np.abs(slope) / np.sqrt(total)), ""
    size = np.abs(slope)
    found["universal"] = LINK, (size > rope) & (size > 2.0 * np.sqrt(total)), ""
    found["local"] = LINK, (np.sqrt(within) > rope) & (np.sqrt(within) > 0.5 * size), ""
    found["above_zero"] = LINK, slope > 0, ""
    shares = np.stack([own / everything for own in parts.values()], axis=-1)
    found["variance_share"] = ("feature", "source_of_variance"), shares, ""
    one, pair = (part[:, None] for part in layout.compare_pairs(components.correlation_a))
    of_a, common = components.patient + components.tumor, components.space * pair
    found["a_variance_within"] = ("feature",), components.space * one - common + parts["residual"], "sd^2"
    found["a_icc"] = ("feature",), (of_a + common) / (of_a + components.space * one + parts["residual"]), ""
    if "length_scale" in own:
        kind = data.attrs["spatial"]
        if kind in MATERN:
            found["correlation_length"] = ("process",), own["length_scale"] * reach(kind, np.exp(-1.0)), "mm"
            found["practical_range"] = ("process",), own["length_scale"] * reach(kind, 0.05), "mm"
    return found


def sources(layout: RegionLayout) -> list[str]:
    """What a feature's variance may be due to, in this model of these data."""
    spatial = layout.data.attrs["spatial"] != "exchangeable"
    found = ["genes"]
    if {"gamma", "batch_effect"} & layout.parts.keys():
        found.append("covariates")
    return [*found, "B_between", "B_within", "a_between", *(["a_within"] if spatial else []), "residual"]


def _variance_parts(
    own: Mapping[str, np.ndarray],
    components: Components,
    layout: RegionLayout,
    data: xr.Dataset,
    within: np.ndarray,
    between: np.ndarray,
) -> dict[str, np.ndarray]:
    """Variance of each feature by source, (draw, feature), on the model's scale."""
    explained = np.einsum("rg,dfg->drf", layout.genome, own["B_0"])
    if "contextual" in own:
        explained += np.einsum("rg,dfg->drf", data["context"].values, own["contextual"])
    others = np.zeros_like(explained)
    if "gamma" in own:
        others += np.einsum("rc,dfc->drf", data["covariates"].values, own["gamma"])
    if "batch_effect" in own:
        others += own["batch_effect"].swapaxes(1, 2)[:, data["batch_index"].values]
    explained, others = (part - part.mean(axis=1, keepdims=True) for part in (explained, others))
    moment = (layout.genome**2).mean(axis=0)
    one, pair = (part[:, None] for part in layout.compare_pairs(components.correlation_a))
    common = np.maximum(pair, 0.0)
    residual = own["residual_sd"] ** 2 if "residual_sd" in own else components.residual
    parts = {
        "genes": (explained * (explained + others)).mean(axis=1),
        "covariates": (others * (explained + others)).mean(axis=1),
        "B_between": between @ moment,
        "B_within": within @ moment,
        "a_between": components.patient + components.tumor + components.space * common,
        "a_within": components.space * (one - common),
        "residual": np.broadcast_to(residual, components.tumor.shape),
    }
    return {name: parts[name] for name in sources(layout)}
