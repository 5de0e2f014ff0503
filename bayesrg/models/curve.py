"""The predicted curve of an association: the outcome to be expected along a predictor, averaged over the patients."""

from typing import Any

import numpy as np
import xarray as xr

from bayesrg.models.association_estimands import in_parts, part_of, shifted, siblings
from bayesrg.models.draws import flatten_draws, thin_draws, unflatten_draws
from bayesrg.transformation import Transformation

MOST_DRAWS, FEWEST_DRAWS = 1000, 200  # enough for a band that is drawn
WORK = 100_000_000  # probabilities that are worth evaluating for it


def predicted_curve(model: Any, posterior: xr.Dataset, data: xr.Dataset, term: str, *, points: int = 60) -> xr.Dataset:
    """What is to be expected along one predictor, draw by draw, averaged over the patients' covariates and groups.

    Parameters
    ----------
    model : an `Association`
    posterior : of a fit of it; between about 200 and 1,000 draws are used
    data : Dataset of its `prepare`
    term : the predictor; the other levels of a categorical predictor are held at none
    points : along its range; a two-valued predictor has two

    Returns
    -------
    Dataset with `expected` (chain, draw, point[, category]): the mean in the outcome's units, of an outcome on the log
    scale the geometric mean; the probability of the event or of each category; the count to be expected of the average
    exposure; of ranks the median. The coordinate `point` is in the predictor's units.
    """
    number = [str(label) for label in data["term"].values].index(term)
    location, scale = (float(data[f"predictor_{name}"].values[number]) for name in ("location", "scale"))
    own_values = data["predictor"].values[:, number]
    count = 2 if data["two_valued"].values[number] else points
    grid = np.linspace(own_values.min(), own_values.max(), count)
    others = siblings(data, number)
    base = data["predictor"].values.copy()
    base[:, others] = -(data["predictor_location"] / data["predictor_scale"]).values[others] if len(others) > 1 else 0.0
    alike = len(others) == data.sizes["term"] and not (data.sizes["covariate"] or data.sizes["grouping"])
    alike = alike and bool(np.ptp(data["offset"].values) == 0)
    rows = slice(0, 1) if alike else slice(None)
    cells = (1 if alike else data.sizes["patient"]) * data.sizes.get("category", 1)
    draws = int(np.clip(WORK // (count * cells), FEWEST_DRAWS, MOST_DRAWS))
    thinned = thin_draws(posterior, draws)
    eta, own = model.linear(flatten_draws(thinned), data)
    found = []
    for place in grid:
        moved = base[rows].copy()
        moved[:, number] = place

        def one(samples: slice, moved: np.ndarray = moved) -> np.ndarray:
            part = part_of(own, samples)
            return model.family.expected(*shifted(part, eta[samples], data, moved, rows)).mean(axis=1)

        found.append(in_parts(one, eta.shape[0], cells))
    expected = _in_units(np.stack(found, axis=1), model.family.name, data)
    kinds = ("category",) if expected.ndim == 3 else ()
    coords = {"point": grid * scale + location, **{dim: data[dim].values for dim in kinds}}
    return unflatten_draws({"expected": (("point", *kinds), expected)}, thinned, coords)


def _in_units(expected: np.ndarray, family: str, data: xr.Dataset) -> np.ndarray:
    if family in ("gaussian", "student_t"):
        scale = Transformation(data.attrs["transformation"], data.attrs["location"], data.attrs["scale"])
        value = expected * scale.scale + scale.location
        return np.exp(value) if scale.name == "log" else value
    if family != "rank":
        return expected
    middle = (np.cumsum(expected, axis=-1) >= 0.5).argmax(axis=-1)
    labels = data["category"].values
    return (labels if labels.dtype.kind == "f" else np.arange(labels.size, dtype=float))[middle]
