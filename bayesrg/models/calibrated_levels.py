"""Levels of a facet (scanners, preprocessings) with a location and a scale each: how they are prepared and estimated.

    x_il = location_l + scale_l w_il,   w the stability model with one scale, without the facet's own component

Levels in different units have no common variance, so the facet is no component of variance; what remains is the
consistency of subjects after each level is calibrated.
"""

import json

import numpy as np
import xarray as xr

from bayesrg.design import confounded
from bayesrg.errors import DesignError, TableError
from bayesrg.models.layout import Layout
from bayesrg.prior import Prior
from bayesrg.transformation import Scale, Transformation, transform

LEVEL_SD = "standard deviation of single measurements, between subjects and within"
# Estimand -> the condition that it belongs to.
CONDITION_OF = {
    "rc": "repeatability",
    "within_subject_sd": "repeatability",
    "wcv": "repeatability",
    "rdc": "reproducibility",
}
# Estimands by level, in the units of each level; all others of a unit would mix units.
BY_LEVEL = ("mean", "geometric_mean", "within_subject_sd", "wcv", "rc", "rdc")


def transform_levels(
    value: np.ndarray, name: Scale, feature: str, level: np.ndarray, labels: np.ndarray, facet: str
) -> tuple[np.ndarray, Transformation]:
    """Values transformed within each level, shape (measurement,), and the transformations by level.

    Parameters
    ----------
    value, level : ndarrays, shape (measurement,)
    labels : of all levels; the location and scale of one without a value are NaN

    Raises
    ------
    TableError
        For a level of too few values, of equal values, or with values that have no logarithm.
    """
    transformed = np.empty_like(value)
    location, scale = np.full((2, len(labels)), np.nan)
    for number in np.unique(level):
        own = level == number
        try:
            transformed[own], back = transform(value[own], name, feature)
        except TableError as problem:
            raise TableError(
                f"{facet} {str(labels[number])!r}: {problem}. A level with a scale of its own needs three values that "
                "differ: leave it out, or fit without heteroscedastic levels"
            ) from problem
        location[number], scale[number] = back.location, back.scale
    return transformed, Transformation(name, location, scale)


def require_distinct_within(layout: Layout) -> None:
    """Refuse a design whose components cannot be told apart once every level has a location of its own.

    Raises
    ------
    DesignError
        With their names.
    """
    facet = str(layout.calibrated)
    rows = {name: layout.levels(name) for name in layout.components}
    names = confounded(rows | {"residual": np.arange(layout.data.sizes["measurement"])}, layout.levels(facet))
    if names:
        raise DesignError(
            f"with a location for each {facet}, this design cannot tell {' and '.join(names)} from the locations, or "
            f"from one another: leave {names[0] if names[0] != 'subject' else 'one'} out, or fit without "
            f"heteroscedastic={facet!r}"
        )


def draw_log_scale(prior: Prior, rng: np.random.Generator, draws: int, levels: int) -> np.ndarray:
    """Log scales that add up to zero, shape (draws, levels): independent ones less their mean."""
    free = prior.draw(rng, (draws, levels))
    return free - free.mean(axis=1, keepdims=True)


def log_density_of_log_scale(prior: Prior, log_scale: np.ndarray) -> np.ndarray:
    """Log density of log scales over the last axis, among those that add up to zero."""
    sigma = prior.arguments["sigma"]
    free = log_scale.shape[-1] - 1
    return -0.5 * (log_scale**2).sum(axis=-1) / sigma**2 - 0.5 * free * np.log(2.0 * np.pi * sigma**2)


def back_to_units(posterior: xr.Dataset, data: xr.Dataset) -> Transformation:
    """The way from the scale that all levels share to the units of each level, draw by draw.

    Of many features it has no units, as normal scores have none: draws by feature and level would be too many to keep.
    """
    known = Layout(data).transformation
    if "feature" in data.dims:
        return Transformation("rank_normal", 0.0, 1.0)
    return Transformation(known.name, known.location, known.scale * np.exp(posterior["log_scale"]))


def separate(estimands: xr.Dataset, posterior: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
    """Estimands of a stability study as they are where each level of a facet has a location and a scale of its own.

    Intraclass correlations and shares stay, as consistency after calibration; what has units is given by level or is
    absent with the reason. Of many features nothing is given by level.

    Parameters
    ----------
    estimands : what `agreement` makes of the posterior with the transformation `back_to_units`
    """
    layout = Layout(data)
    facet = str(layout.calibrated)
    absent: dict[str, str] = json.loads(estimands.attrs["absent"])
    kept = estimands.copy()
    if "within_subject_sd" in kept and "wcv" not in kept:
        absent["wcv"] = f"the mean of some {facet} may be zero, so a coefficient of variation means nothing"
    if "feature" in data.dims:
        reason = f"of many features nothing is given in the units of each {facet}: fit one feature alone for it"
        unavailable = json.loads(estimands.attrs["unavailable"])
        absent = {name: unavailable.get(CONDITION_OF.get(name, ""), reason) for name in absent}
    elif layout.transformation.has_units:
        scale = back_to_units(posterior, data).scale
        unit = estimands["sd"].attrs["unit"]
        kept["level_sd"] = (scale * posterior["variance"].sum("component") ** 0.5).assign_attrs(
            unit=unit, meaning=LEVEL_SD
        )
    for name in map(str, list(kept.data_vars)):
        own = kept[name]
        plain = name.removesuffix("_lower").removesuffix("_upper")
        if facet not in own.dims:
            continue
        if plain == "rdc" and facet == "scanner":
            absent["rdc"] = (
                "each scanner has a scale of its own, so agreement across scanners has no meaning: see "
                "icc[reproducibility], the consistency after calibration"
            )
        elif plain in BY_LEVEL or name == "level_sd":
            kept[name] = own.assign_attrs(meaning=f"{own.attrs['meaning']}, in the units of each {facet}")
            continue
        elif "component" in own.dims:
            absent[plain] = (
                f"each {facet} is in units of its own: the {plain} of a component there is level_sd times the root of "
                "its share"
            )
        else:
            absent[plain] = (
                f"each {facet} is in units of its own: {plain} there follows from level_sd and the shares of the "
                "condition's error"
            )
        kept = kept.drop_vars(name)
    absent["finite_sd"] = f"each {facet} is in units of its own, so effects have no sd over all levels: see share"
    for name in ("icc", "icc_above"):
        meaning = f"{kept[name].attrs['meaning']}; where {facet} varies, consistency after each {facet} is calibrated"
        kept[name] = kept[name].assign_attrs(meaning=meaning)
    return kept.assign_attrs(absent=json.dumps(absent))
