"""Estimands of an association: effects per sd and per unit, ratios, risks, and where they lie.

Whatever is averaged is averaged over the patients of the study: an average marginal effect changes the predictor of
every one of them and leaves the covariates as they are.
"""

import json
from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from bayesrg.models.families import Family
from bayesrg.models.superiority import superiority_from_probabilities

MEANING: Mapping[str, str] = {
    "effect": "what one step of the predictor adds: a difference in the outcome's units, a log odds ratio, a log rate "
    "ratio, or a shift of the probit",
    "odds_ratio": "factor by which one step of the predictor multiplies the odds of the event, of a higher category, "
    "or of a category against the reference",
    "rate_ratio": "factor by which one step of the predictor multiplies the expected count",
    "geometric_mean_ratio": "factor by which one step of the predictor multiplies the outcome's geometric mean",
    "standardised_effect": "sds of the outcome per sd of the predictor",
    "average_marginal_effect": "what one step adds to the probability (of the event, of each category) or to the "
    "expected count, as a slope averaged over the patients; of a two-valued predictor the difference of its values",
    "risk_difference": "probability (of the event, of each category) at the predictor's upper quartile less that at "
    "its lower one (its extremes where quartiles coincide), or between its two values, averaged over the patients",
    "probability_of_superiority": "P(Y1 > Y0) + P(Y1 = Y0) / 2 for Y1 at the predictor's upper quartile and Y0 at its "
    "lower one (its extremes where these coincide), or at its two values: what Wilcoxon's rank-sum statistic estimates",
    "category_slope": "log odds ratio of lying above each cutpoint, at the mean predictors, per sd, or between the two "
    "values of a predictor",
    "slope_difference": "slope at the last cutpoint less that at the first; zero where odds are proportional",
    "r_squared": "share of the outcome's variance that predictors, covariates and groups explain (Gelman et al. 2019)",
    "above_zero": "whether beta is above zero: its mean is the probability of a positive association",
    "inside_rope": "whether beta lies in the region of practical equivalence with zero",
}
STEPS = ("sd", "unit")
# Central differences of smooth curves of size one: their errors, h^2 and 1e-16 / h, are both far below Monte Carlo's.
H = 1e-4
LARGEST_EXPONENT = 700.0  # of a double; a ratio per unit of a predictor whose sd is tiny may be larger
CELLS = 4_000_000  # held at a time: draws x patients x categories

Arrays = Mapping[str, np.ndarray]


def estimate(family: Family, own: Arrays, eta: np.ndarray, data: xr.Dataset, rope: float) -> xr.Dataset:
    """The estimands over draws (dim sample, first), each with its unit and meaning.

    Parameters
    ----------
    own : parameters, each (sample, its dims), and `stretch` where the family has it
    eta : (sample, patient[, category])
    rope : half-width of the region of practical equivalence, of beta
    """
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    absent: dict[str, str] = {}
    slope, by = _slopes(family, own, data)
    dims = ("sample", "term", *by)
    found["above_zero"], found["inside_rope"] = (dims, slope > 0.0), (dims, np.abs(slope) < rope)
    if "delta" in own:
        found["category_slope"] = dims, slope
        found["slope_difference"] = dims[:2], slope[..., -1] - slope[..., 0]
        absent["effect"] = absent["odds_ratio"] = "each cutpoint has a slope of its own: see category_slope"
    else:
        found |= _effects(family, slope, by, data)
    if family.name in ("bernoulli", "ordinal", "categorical", "negative_binomial"):
        found |= _marginal(family, own, eta, data)
    if family.ordered:
        chances = _distributions(family, own, eta, data)
        superiority = [superiority_from_probabilities(low, high) for low, high in chances]
        found["probability_of_superiority"] = ("sample", "term"), np.stack(superiority, axis=1)
    if family.name == "gaussian":
        explained = eta.var(axis=1)
        found["r_squared"] = ("sample",), explained / (explained + own["sigma"] ** 2)
    units = _units(family, data)
    labels = {"term": data["term"].values, "step": np.array(STEPS), "contrast": np.array(contrasts(data), dtype=str)}
    labels |= {dim: data[dim].values for dim in ("category", "cutpoint") if dim in data.coords}
    used = {dim for own_dims, _ in found.values() for dim in own_dims}
    return xr.Dataset(
        {
            name: (own_dims, values, {"unit": units.get(name, ""), "meaning": MEANING[name]})
            for name, (own_dims, values) in found.items()
        },
        coords={dim: label for dim, label in labels.items() if dim in used},
        attrs={"absent": json.dumps(absent)},
    )


def reference_category(data: xr.Dataset) -> int:
    """Number of the category that the others are compared with."""
    named = json.loads(data.attrs["reference"]).get(data.attrs["outcome"])
    return 0 if named is None else [str(label) for label in data["category"].values].index(named)


def contrasts(data: xr.Dataset) -> list[str]:
    """Names of the other categories against the reference, such as ``R2 / R1``; none where categories have an order."""
    if data.attrs["family"] != "categorical":
        return []
    labels, base = [str(label) for label in data["category"].values], reference_category(data)
    return [f"{label} / {labels[base]}" for number, label in enumerate(labels) if number != base]


def steps(data: xr.Dataset) -> np.ndarray:
    """How much of the model's predictor one sd and one unit are, shape (term, step)."""
    scale = data["predictor_scale"].values
    one = np.where(data["two_valued"].values, 1.0, 1.0 / scale)
    return np.stack([data["predictor_sd"].values / scale, one], axis=1)


def shifted(
    own: Arrays, eta: np.ndarray, data: xr.Dataset, place: np.ndarray, rows: slice = slice(None)
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Linear predictor and parameters with every patient's predictors moved to `place` (patient or 1, term)."""
    change = place - data["predictor"].values[rows]
    equation = "pt,stk->spk" if own["beta"].ndim == 3 else "pt,st->sp"
    moved = dict(own)
    if "delta" in own:
        moved["stretch"] = own["stretch"][:, rows] + np.einsum("pt,stg->spg", change, own["delta"])
    return eta[:, rows] + np.einsum(equation, change, own["beta"]), moved


def ends(data: xr.Dataset, term: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictors (patient, term) with one term at its lower and at its upper end; its factor's other levels at zero."""
    low, high = (
        ((data[f"predictor_{end}"] - data["predictor_location"]) / data["predictor_scale"]).values
        for end in ("low", "high")
    )
    below = data["predictor"].values.copy()
    below[:, siblings(data, term)] = low[siblings(data, term)]
    above = below.copy()
    below[:, term], above[:, term] = low[term], high[term]
    return below, above


def siblings(data: xr.Dataset, term: int) -> list[int]:
    """Terms of the same categorical predictor, itself included."""
    names = [str(name) for name in data["term"].values]
    coding = json.loads(data.attrs["coding"])
    for predictor in json.loads(data.attrs["predictors"]):
        if predictor in coding:
            own = [f"{predictor}[{level}]" for level in coding[predictor]["levels"]]
            if names[term] in own:
                return [number for number, name in enumerate(names) if name in own]
    return [term]


def in_parts(function: Callable[[slice], np.ndarray], samples: int, cells: int) -> np.ndarray:
    """The results of `function` for all samples, a part of them at a time; `cells` are held for each."""
    size = max(1, CELLS // max(1, cells))
    return np.concatenate([function(slice(start, start + size)) for start in range(0, samples, size)])


def part_of(own: Arrays, samples: slice) -> dict[str, np.ndarray]:
    """Some of the samples of every parameter."""
    return {name: values[samples] for name, values in own.items()}


def _slopes(family: Family, own: Arrays, data: xr.Dataset) -> tuple[np.ndarray, tuple[str, ...]]:
    """Slopes on the model's scale, (sample, term[, contrast or cutpoint]), and the name of the last dim."""
    beta = own["beta"]
    if family.nominal:
        base = reference_category(data)
        return np.delete(beta - beta[..., base : base + 1], base, axis=-1), ("contrast",)
    if "delta" in own:
        stretch = own["delta"]
        low, high = (
            ((data[f"predictor_{end}"] - data["predictor_location"]) / data["predictor_scale"]).values[:, None]
            for end in ("low", "high")
        )
        # Between two values a cutpoint moves by a difference, elsewhere by its slope at the mean.
        moved = np.exp(-stretch * low) - np.exp(-stretch * high)
        stretch = np.where(data["two_valued"].values[:, None], moved, stretch)
        more = np.cumsum(np.diff(own["alpha"], axis=-1)[:, None, :] * stretch, axis=-1)
        return np.concatenate([beta[..., None], beta[..., None] + more], axis=-1), ("cutpoint",)
    return beta, ()


def _effects(
    family: Family, slope: np.ndarray, by: tuple[str, ...], data: xr.Dataset
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    step = steps(data)
    step = step.reshape(1, *step.shape, *(1 for _ in by))
    effect = np.expand_dims(slope, 2) * step
    found = {}
    ratio = family.ratio
    if family.name in ("gaussian", "student_t"):
        effect = effect * float(data.attrs["scale"])
        found["standardised_effect"] = ("sample", "term"), slope * step[:, :, 0]
        ratio = "geometric_mean_ratio" if data.attrs["transformation"] == "log" else ""
    dims = ("sample", "term", "step", *by)
    if ratio:
        found[ratio] = dims, np.exp(np.minimum(effect, LARGEST_EXPONENT))
    return {"effect": (dims, effect), **found}


def _marginal(
    family: Family, own: Arrays, eta: np.ndarray, data: xr.Dataset
) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Average marginal effects and risk differences."""
    slopes, differences = [], []
    cells = data.sizes["patient"] * data.sizes.get("category", 1)
    per_step = steps(data)
    for term in range(data.sizes["term"]):
        below, above = ends(data, term)

        def between(low: np.ndarray, high: np.ndarray) -> np.ndarray:
            def one(samples: slice) -> np.ndarray:
                part = part_of(own, samples)
                pair = [
                    family.expected(*shifted(part, eta[samples], data, place)).mean(axis=1) for place in (low, high)
                ]
                return pair[1] - pair[0]

            return in_parts(one, eta.shape[0], cells)

        difference = between(below, above)
        differences.append(difference)
        if data["two_valued"].values[term]:
            slope = difference
        else:
            nudge = H * np.eye(data.sizes["term"])[term]
            slope = between(data["predictor"].values - nudge, data["predictor"].values + nudge) / (2.0 * H)
        slopes.append(np.stack([slope * step for step in per_step[term]], axis=1))
    by = () if differences[0].ndim == 1 else ("category",)
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    found["average_marginal_effect"] = ("sample", "term", "step", *by), np.stack(slopes, axis=1)
    if family.name != "negative_binomial":
        found["risk_difference"] = ("sample", "term", *by), np.stack(differences, axis=1)
    return found


def _distributions(
    family: Family, own: Arrays, eta: np.ndarray, data: xr.Dataset
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Distributions over the categories (sample, category) at both ends of each term, averaged over the patients."""
    found = []
    for term in range(data.sizes["term"]):
        # Patients who differ in nothing else than this predictor are all the same once it is set.
        alike = len(siblings(data, term)) == data.sizes["term"] and not (
            data.sizes["covariate"] or data.sizes["grouping"]
        )
        rows = slice(0, 1) if alike else slice(None)
        cells = (1 if alike else data.sizes["patient"]) * data.sizes["category"]
        pair = []
        for place in ends(data, term):

            def one(samples: slice, place: np.ndarray = place, rows: slice = rows) -> np.ndarray:
                moved = shifted(part_of(own, samples), eta[samples], data, place[rows], rows)
                return family.expected(*moved).mean(axis=1)

            pair.append(in_parts(one, eta.shape[0], cells))
        found.append((pair[0], pair[1]))
    return found


def _units(family: Family, data: xr.Dataset) -> dict[str, str]:
    if family.name in ("gaussian", "student_t"):
        return {"effect": "" if data.attrs["transformation"] != "z_score" else data.attrs["unit"]}
    if family.name == "negative_binomial":
        return {"average_marginal_effect": "count"}
    return {}
